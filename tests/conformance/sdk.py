"""The vendors' official clients, each asked for the same things: what a matrix of clients and wires compares.

Every method gives plain values, so that one test reads what any client understood of any wire's answer.
"""

import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

import anthropic
import ollama
import openai
from google import genai
from google.genai import errors, types
from mistralai.client import Mistral
from mistralai.client.errors import SDKError

from quorum_mcp import codec

WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PLACE = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "number"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}
ABOUT = "The weather in a city."
Called = tuple[str, dict[str, Any]]


class Sdk(Protocol):
    """One client."""

    async def chat(self, model: str, text: str) -> str: ...

    async def stream(self, model: str, text: str) -> list[str]: ...

    async def see(self, model: str, text: str, png: str) -> str: ...

    async def tools(self, model: str, text: str) -> tuple[list[Called], str]:
        """The tools that the model calls at once, and what it says after their results."""
        ...

    async def structured(self, model: str, text: str) -> dict[str, Any]: ...

    async def embed(self, model: str, texts: list[str]) -> Sequence[Sequence[float]] | None:
        """The vectors; None where the vendor's client has no embeddings."""
        ...

    async def models(self) -> set[str]: ...

    async def fail(self, model: str, text: str) -> int:
        """The status of the client's own exception."""
        ...


def result_of(call: Called) -> str:
    return {"Paris": "20 in Paris", "Rome": "25 in Rome"}[call[1]["city"]]


class OpenAI:
    def __init__(self, client: openai.AsyncOpenAI) -> None:
        self.client = client

    async def chat(self, model: str, text: str) -> str:
        answer = await self.client.chat.completions.create(model=model, messages=_user(text))
        return answer.choices[0].message.content or ""

    async def stream(self, model: str, text: str) -> list[str]:
        chunks = await self.client.chat.completions.create(model=model, messages=_user(text), stream=True)
        return [piece async for chunk in chunks for one in chunk.choices if (piece := one.delta.content)]

    async def see(self, model: str, text: str, png: str) -> str:
        url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{png}"}}
        messages: Any = [{"role": "user", "content": [{"type": "text", "text": text}, url]}]
        answer = await self.client.chat.completions.create(model=model, messages=messages)
        return answer.choices[0].message.content or ""

    async def tools(self, model: str, text: str) -> tuple[list[Called], str]:
        tool: Any = {
            "type": "function",
            "function": {"name": "get_weather", "description": ABOUT, "parameters": WEATHER},
        }
        messages: Any = _user(text)
        answer = await self.client.chat.completions.create(model=model, messages=messages, tools=[tool])
        said = answer.choices[0].message
        uses: Any = said.tool_calls or []
        calls = [(use.function.name, codec.decode(use.function.arguments)) for use in uses]
        results = [
            {"role": "tool", "tool_call_id": use.id, "content": result_of(call)}
            for use, call in zip(uses, calls, strict=True)
        ]
        messages = [*messages, said.model_dump(exclude_none=True), *results]
        after = await self.client.chat.completions.create(model=model, messages=messages, tools=[tool])
        return calls, after.choices[0].message.content or ""

    async def structured(self, model: str, text: str) -> dict[str, Any]:
        form: Any = {"type": "json_schema", "json_schema": {"name": "place", "schema": PLACE, "strict": True}}
        answer = await self.client.chat.completions.create(
            model=model, messages=_user(text), response_format=form
        )
        return codec.decode(answer.choices[0].message.content or "")

    async def embed(self, model: str, texts: list[str]) -> Sequence[Sequence[float]] | None:
        return [row.embedding for row in (await self.client.embeddings.create(model=model, input=texts)).data]

    async def models(self) -> set[str]:
        return {model.id async for model in self.client.models.list()}

    async def fail(self, model: str, text: str) -> int:
        try:
            await self.chat(model, text)
        except openai.APIStatusError as error:
            return error.status_code
        raise AssertionError("no error")


class Anthropic:
    def __init__(self, client: anthropic.AsyncAnthropic) -> None:
        self.client = client

    async def _ask(self, model: str, messages: Any, **more: Any) -> anthropic.types.Message:
        return await self.client.messages.create(model=model, messages=messages, max_tokens=1000, **more)

    async def chat(self, model: str, text: str) -> str:
        return _said(await self._ask(model, _user(text)))

    async def stream(self, model: str, text: str) -> list[str]:
        async with self.client.messages.stream(model=model, messages=_user(text), max_tokens=1000) as stream:
            return [piece async for piece in stream.text_stream]

    async def see(self, model: str, text: str, png: str) -> str:
        image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": png}}
        content = [{"type": "text", "text": text}, image]
        return _said(await self._ask(model, [{"role": "user", "content": content}]))

    async def tools(self, model: str, text: str) -> tuple[list[Called], str]:
        tool = {"name": "get_weather", "description": ABOUT, "input_schema": WEATHER}
        answer = await self._ask(model, _user(text), tools=[tool])
        uses = [block for block in answer.content if block.type == "tool_use"]
        calls: list[Called] = [(use.name, dict(use.input)) for use in uses]  # type: ignore[arg-type]
        results = [
            {"type": "tool_result", "tool_use_id": use.id, "content": result_of(call)}
            for use, call in zip(uses, calls, strict=True)
        ]
        content = [block.model_dump(exclude_none=True) for block in answer.content]
        turns = [
            *_user(text),
            {"role": "assistant", "content": content},
            {"role": "user", "content": results},
        ]
        return calls, _said(await self._ask(model, turns, tools=[tool]))

    async def structured(self, model: str, text: str) -> dict[str, Any]:
        form = {"format": {"type": "json_schema", "schema": PLACE}}
        return codec.decode(_said(await self._ask(model, _user(text), output_config=form)))

    async def embed(self, model: str, texts: list[str]) -> Sequence[Sequence[float]] | None:
        return None

    async def models(self) -> set[str]:
        return {model.id async for model in self.client.models.list()}

    async def fail(self, model: str, text: str) -> int:
        try:
            await self.chat(model, text)
        except anthropic.APIStatusError as error:
            return error.status_code
        raise AssertionError("no error")


class Google:
    def __init__(self, client: genai.Client) -> None:
        self.client = client.aio.models

    async def chat(self, model: str, text: str) -> str:
        return (await self.client.generate_content(model=model, contents=text)).text or ""

    async def stream(self, model: str, text: str) -> list[str]:
        pieces = await self.client.generate_content_stream(model=model, contents=text)
        return [piece.text async for piece in pieces if piece.text]

    async def see(self, model: str, text: str, png: str) -> str:
        blob = types.Blob(mime_type="image/png", data=base64.b64decode(png))
        parts = [types.Part(text=text), types.Part(inline_data=blob)]
        contents = types.Content(role="user", parts=parts)
        return (await self.client.generate_content(model=model, contents=contents)).text or ""

    async def tools(self, model: str, text: str) -> tuple[list[Called], str]:
        declared = types.FunctionDeclaration(
            name="get_weather", description=ABOUT, parameters_json_schema=WEATHER
        )
        config = types.GenerateContentConfig(
            tools=[types.Tool(function_declarations=[declared])],
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )
        turns = [types.Content(role="user", parts=[types.Part(text=text)])]
        answer = await self.client.generate_content(model=model, contents=turns, config=config)
        uses = answer.function_calls or []
        calls: list[Called] = [(use.name or "", dict(use.args or {})) for use in uses]
        results = [
            types.Part(function_response=types.FunctionResponse(
                id=use.id, name=use.name, response={"output": result_of(call)}
            ))
            for use, call in zip(uses, calls, strict=True)
        ]  # fmt: skip
        said = (answer.candidates or [])[0].content
        assert said is not None
        turns += [said, types.Content(role="user", parts=results)]
        return calls, (
            await self.client.generate_content(model=model, contents=turns, config=config)
        ).text or ""

    async def structured(self, model: str, text: str) -> dict[str, Any]:
        config = types.GenerateContentConfig(
            response_mime_type="application/json", response_json_schema=PLACE
        )
        answer = await self.client.generate_content(model=model, contents=text, config=config)
        return codec.decode(answer.text or "")

    async def embed(self, model: str, texts: list[str]) -> Sequence[Sequence[float]] | None:
        made = await self.client.embed_content(model=model, contents=texts)  # type: ignore[arg-type]
        return [row.values or [] for row in made.embeddings or ()]

    async def models(self) -> set[str]:
        return {(model.name or "").removeprefix("models/") async for model in await self.client.list()}

    async def fail(self, model: str, text: str) -> int:
        try:
            await self.chat(model, text)
        except errors.APIError as error:
            return error.code
        raise AssertionError("no error")


class MistralAI:
    def __init__(self, client: Mistral) -> None:
        self.client = client

    async def _ask(self, model: str, messages: Any, **more: Any) -> Any:
        answer = await self.client.chat.complete_async(model=model, messages=messages, **more)
        return answer.choices[0].message

    async def chat(self, model: str, text: str) -> str:
        return (await self._ask(model, _user(text), random_seed=None)).content or ""

    async def stream(self, model: str, text: str) -> list[str]:
        events = await self.client.chat.stream_async(model=model, messages=_user(text))
        async with events:
            return [
                piece async for event in events for one in event.data.choices if (piece := one.delta.content)
            ]  # type: ignore[misc]

    async def see(self, model: str, text: str, png: str) -> str:
        image = {"type": "image_url", "image_url": f"data:image/png;base64,{png}"}
        content = [{"type": "text", "text": text}, image]
        return (await self._ask(model, [{"role": "user", "content": content}])).content or ""

    async def tools(self, model: str, text: str) -> tuple[list[Called], str]:
        tool = {
            "type": "function",
            "function": {"name": "get_weather", "description": ABOUT, "parameters": WEATHER},
        }
        said = await self._ask(model, _user(text), tools=[tool])
        uses = said.tool_calls or []
        calls: list[Called] = [
            (use.function.name, given if isinstance(given := use.function.arguments, dict) else codec.decode(given))
            for use in uses
        ]  # fmt: skip
        results = [
            {"role": "tool", "tool_call_id": use.id, "name": call[0], "content": result_of(call)}
            for use, call in zip(uses, calls, strict=True)
        ]
        turns = [*_user(text), said, *results]
        return calls, (await self._ask(model, turns, tools=[tool])).content or ""

    async def structured(self, model: str, text: str) -> dict[str, Any]:
        form = {"type": "json_schema", "json_schema": {"name": "place", "schema_definition": PLACE}}
        return codec.decode((await self._ask(model, _user(text), response_format=form)).content or "")

    async def embed(self, model: str, texts: list[str]) -> Sequence[Sequence[float]] | None:
        made = await self.client.embeddings.create_async(model=model, inputs=texts)
        return [row.embedding or [] for row in made.data]

    async def models(self) -> set[str]:
        return {model.id for model in (await self.client.models.list_async()).data or ()}

    async def fail(self, model: str, text: str) -> int:
        try:
            await self.chat(model, text)
        except SDKError as error:
            return error.status_code
        raise AssertionError("no error")


class Ollama:
    def __init__(self, client: ollama.AsyncClient) -> None:
        self.client = client

    async def chat(self, model: str, text: str) -> str:
        return (await self.client.chat(model, _user(text))).message.content or ""

    async def stream(self, model: str, text: str) -> list[str]:
        pieces = await self.client.chat(model, _user(text), stream=True)
        return [piece.message.content async for piece in pieces if piece.message.content]

    async def see(self, model: str, text: str, png: str) -> str:
        messages = [{"role": "user", "content": text, "images": [png]}]
        return (await self.client.chat(model, messages)).message.content or ""

    async def tools(self, model: str, text: str) -> tuple[list[Called], str]:
        tool: Any = {
            "type": "function",
            "function": {"name": "get_weather", "description": ABOUT, "parameters": WEATHER},
        }
        said = (await self.client.chat(model, _user(text), tools=[tool])).message
        calls: list[Called] = [
            (use.function.name, dict(use.function.arguments)) for use in said.tool_calls or ()
        ]
        results = [{"role": "tool", "tool_name": call[0], "content": result_of(call)} for call in calls]
        answer = await self.client.chat(model, [*_user(text), said, *results], tools=[tool])
        return calls, answer.message.content or ""

    async def structured(self, model: str, text: str) -> dict[str, Any]:
        return codec.decode((await self.client.chat(model, _user(text), format=PLACE)).message.content or "")

    async def embed(self, model: str, texts: list[str]) -> Sequence[Sequence[float]] | None:
        return (await self.client.embed(model, texts)).embeddings

    async def models(self) -> set[str]:
        return {model.model or "" for model in (await self.client.list()).models}

    async def fail(self, model: str, text: str) -> int:
        try:
            await self.chat(model, text)
        except ollama.ResponseError as error:
            return error.status_code
        raise AssertionError("no error")


def _user(text: str) -> Any:
    return [{"role": "user", "content": text}]


def _said(answer: anthropic.types.Message) -> str:
    return "".join(block.text for block in answer.content if block.type == "text")


NAMES = ("openai", "anthropic", "google", "mistral", "ollama")


@asynccontextmanager
async def clients(url: str) -> AsyncIterator[dict[str, Sdk]]:
    """Every client, of the server at `url`."""
    google = genai.Client(api_key="unused", http_options=types.HttpOptions(base_url=url))
    mistral = Mistral(api_key="unused", server_url=url)
    async with (
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as one,
        anthropic.AsyncAnthropic(base_url=url, api_key="unused", max_retries=0) as other,
        ollama.AsyncClient(host=url, trust_env=False) as local,
        mistral,
    ):
        try:
            yield {
                "openai": OpenAI(one), "anthropic": Anthropic(other), "google": Google(google),
                "mistral": MistralAI(mistral), "ollama": Ollama(local),
            }  # fmt: skip
        finally:
            await google.aio.aclose()
            google.close()
