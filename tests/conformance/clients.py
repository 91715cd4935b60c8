"""The vendors' own Python clients, asked alike: one question, whole or streamed, and what their exceptions say."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anthropic
import httpx
import ollama
import openai
from google import genai
from google.genai import errors, types
from google.genai.types import HttpOptions

QUESTION = [{"role": "user", "content": "What is 2 + 2?"}]
Hook = Callable[[Any], Awaitable[None]]


@dataclass
class Asking:
    """What a test asks for.

    Attributes:
        body: sent in the place of what the client wrote.
        key: None for no key at all.
    """

    model: str = "lab/ok"
    key: str | None = "unused"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    stream: bool = False


@dataclass
class Told:
    """What came back: the text, the reasoning, and the field `quorum` (Gemini's and Ollama's clients drop it)."""

    text: str = ""
    reasoning: str = ""
    quorum: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """An exception of a client: its class, the HTTP status that it knows, its words."""

    kind: type[Exception]
    status: int
    message: str
    body: Any = None


def _hooks(asked: Asking) -> dict[str, list[Hook]]:
    """Changes of the request on its way out: headers that a client has no option for, another body."""

    async def sending(request: Any) -> None:
        for name, value in asked.headers.items():
            request.headers[name] = value
        if asked.key is None:
            for name in ("authorization", "x-api-key", "x-goog-api-key"):
                request.headers.pop(name, None)
        if asked.body is not None:
            request.headers["content-length"] = str(len(asked.body))
            request.stream = type(request.stream)(asked.body)

    return {"request": [sending]}


@asynccontextmanager
async def openai_client(url: str, asked: Asking) -> AsyncIterator[openai.AsyncOpenAI]:
    http = openai.DefaultAsyncHttpxClient(event_hooks=_hooks(asked))
    async with openai.AsyncOpenAI(
        base_url=f"{url}/v1", api_key=asked.key or "none", max_retries=0, http_client=http
    ) as client:
        yield client


async def ask_chat(url: str, asked: Asking) -> Told:
    async with openai_client(url, asked) as client:
        if not asked.stream:
            raw = await client.chat.completions.with_raw_response.create(model=asked.model, messages=QUESTION)
            answer = raw.parse()
            said = answer.choices[0].message
            thought = (said.model_extra or {}).get("reasoning_content") or ""
            return Told(said.content or "", thought, answer.model_extra["quorum"], dict(raw.headers))
        told = Told()
        async for chunk in await client.chat.completions.create(
            model=asked.model, messages=QUESTION, stream=True
        ):
            for choice in chunk.choices:
                told.text += choice.delta.content or ""
                told.reasoning += (choice.delta.model_extra or {}).get("reasoning_content") or ""
            told.quorum = (chunk.model_extra or {}).get("quorum") or told.quorum
        return told


async def ask_responses(url: str, asked: Asking) -> Told:
    async with openai_client(url, asked) as client:
        if not asked.stream:
            raw = await client.responses.with_raw_response.create(model=asked.model, input="What is 2 + 2?")
            answer = raw.parse()
            told = Told(answer.output_text, "", answer.model_extra["quorum"], dict(raw.headers))
        else:
            told = Told()
            async with client.responses.stream(model=asked.model, input="What is 2 + 2?") as stream:
                async for event in stream:
                    if event.type == "response.reasoning_summary_text.delta":
                        told.reasoning += event.delta
                answer = await stream.get_final_response()
            told.text, told.quorum = answer.output_text, answer.model_extra["quorum"]
        return told


async def ask_messages(url: str, asked: Asking) -> Told:
    http = anthropic.DefaultAsyncHttpxClient(event_hooks=_hooks(asked))
    async with anthropic.AsyncAnthropic(
        base_url=url, api_key=asked.key or "none", max_retries=0, http_client=http
    ) as client:
        fields: Any = {"model": asked.model, "max_tokens": 100, "messages": QUESTION}
        if not asked.stream:
            raw = await client.messages.with_raw_response.create(**fields)
            answer = await raw.parse()
            told = Told(quorum=(answer.model_extra or {}).get("quorum") or {}, headers=dict(raw.headers))
        else:
            told = Told()
            async with client.messages.stream(**fields) as stream:
                async for event in stream:
                    if event.type == "message_delta":
                        told.quorum = (event.model_extra or {}).get("quorum") or told.quorum
                answer = await stream.get_final_message()
        for block in answer.content:
            told.text += block.text if block.type == "text" else ""
            told.reasoning += block.thinking if block.type == "thinking" else ""
        return told


async def ask_gemini(url: str, asked: Asking) -> Told:
    http = httpx.AsyncClient(event_hooks=_hooks(asked), trust_env=False)  # instead of aiohttp, for the hooks
    options = HttpOptions(base_url=url, httpx_async_client=http)
    client = genai.Client(api_key=asked.key or "none", http_options=options)
    config = types.GenerateContentConfig(thinking_config=None)
    told = Told()
    try:
        fields: Any = {"model": asked.model, "contents": "What is 2 + 2?", "config": config}
        if asked.stream:
            answers = [piece async for piece in await client.aio.models.generate_content_stream(**fields)]
        else:
            answers = [await client.aio.models.generate_content(**fields)]
    finally:
        await client.aio.aclose()
        await http.aclose()
        client.close()
    for answer in answers:
        for part in (answer.candidates or [])[0].content.parts or ():
            if part.thought:
                told.reasoning += part.text or ""
            else:
                told.text += part.text or ""
        told.headers = dict((answer.sdk_http_response and answer.sdk_http_response.headers) or {})
    return told


async def ask_ollama(url: str, asked: Asking) -> Told:
    headers = {} if asked.key is None else {"authorization": f"Bearer {asked.key}"}
    async with ollama.AsyncClient(
        host=url, headers=headers, event_hooks=_hooks(asked), trust_env=False
    ) as client:
        told = Told()
        if asked.stream:
            answers = [piece async for piece in await client.chat(asked.model, QUESTION, stream=True)]
        else:
            answers = [await client.chat(asked.model, QUESTION)]
        for answer in answers:
            told.text += answer.message.content or ""
            told.reasoning += answer.message.thinking or ""
        return told


CLIENTS: dict[str, Callable[[str, Asking], Awaitable[Told]]] = {
    "openai chat": ask_chat,
    "openai responses": ask_responses,
    "anthropic": ask_messages,
    "gemini": ask_gemini,
    "ollama": ask_ollama,
}


async def failed(client: str, url: str, asked: Asking) -> Failed:
    """The exception that the client raises; fails where it raises none of its own."""
    try:
        told = await CLIENTS[client](url, asked)
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        return Failed(type(error), error.status_code, str(error), error.body)
    except errors.APIError as error:
        return Failed(type(error), error.code, str(error.message), error.details)
    except ollama.ResponseError as error:
        return Failed(type(error), error.status_code, error.error)
    raise AssertionError(f"{client} was answered: {told}")
