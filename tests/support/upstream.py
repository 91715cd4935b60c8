"""An OpenAI-shaped server on loopback whose models say what a test scripts, and which keeps its own books.

    async with upstream() as up:
        up.model("a", "It is four.\\nCONCLUSION: 4")
        up.model("b", Say(fail="hang"), grouping='{"positions": …}')

Its counts are the truth that tests judge against: what was really asked, finished, dropped and billed.
"""

import asyncio
import json
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from tests.support.http1 import LAST, Request, chunk, head, read_request
from tests.support.media import task_answer
from tests.support.script import Asked, Kind, Model, Say, Scripted, kind_of, text_of

GARBAGE = "\x00\ufffd{{{"
WORD = re.compile(r"\w+|[^\w\s]")
Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


class Upstream:
    """Scripted models behind `url` (with `/v1`)."""

    def __init__(self) -> None:
        self.url = ""
        self.models: dict[str, Model] = {}
        self.asked: list[Asked] = []
        self.tasks: list[Request] = []
        """What was asked for besides chats."""
        self.tasks_hang = False
        """Whether what is no chat (embeddings, images, audio) is never answered."""
        self.wrote: list[bytes] = []
        """Bodies and events of good answers, as they were sent."""
        self._gates: dict[str, asyncio.Event] = {}
        self._began = time.monotonic()
        self._changed = asyncio.Event()

    def model(self, name: str, seat: Scripted = "", **others: Scripted) -> Model:
        """Script a model: what it answers as a seat, and to other kinds of prompts."""
        answers: dict[Any, Scripted] = {"seat": seat, **others}
        self.models[name] = Model(name, answers)
        return self.models[name]

    def release(self, gate: str) -> None:
        """Let every answer go on that waits for this gate, now and later."""
        self._gate(gate).set()

    def of(self, model: str | None = None, kind: Kind | None = None) -> list[Asked]:
        """The requests so far, of one model or of one kind of prompt."""
        return [a for a in self.asked if model in (None, a.model) and kind in (None, a.kind)]

    def count(self, model: str | None = None, kind: Kind | None = None, *, outcome: str | None = None) -> int:
        """How many requests there were (that ended so)."""
        return sum(outcome in (None, a.outcome) for a in self.of(model, kind))

    def billed(self) -> tuple[int, int]:
        """Tokens in and out of all requests, as this side counts them."""
        return sum(a.input_tokens for a in self.asked), sum(a.output_tokens for a in self.asked)

    @property
    def open(self) -> list[Asked]:
        """Requests that are being answered."""
        return [a for a in self.asked if a.outcome == "open"]

    async def until(self, true: Callable[[], object], seconds: float = 3.0) -> float:
        """Wait until `true()` is, and return the seconds it took; fails after `seconds`."""
        began = time.monotonic()
        while not true():
            left = began + seconds - time.monotonic()
            if left <= 0:
                raise AssertionError(
                    f"not within {seconds} s; asked: {[(a.model, a.outcome) for a in self.asked]}"
                )
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), min(left, 0.05))
        return time.monotonic() - began

    async def serve(self, reader: Reader, writer: Writer) -> None:
        """Answer one connection's requests."""
        try:
            while (request := await read_request(reader)) is not None:
                if not await self._route(request, reader, writer):
                    break
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    async def _route(self, request: Request, reader: Reader, writer: Writer) -> bool:
        (path, _, query), headers = request.path.partition("?"), request.headers
        if request.method == "GET" and not path.endswith("/models"):
            return await _whole(writer, 404, {"error": {"message": "no such path", "code": "not_found"}})
        if path.endswith("/models"):
            listed = [
                {"id": name, "object": "model", "created": 0, "owned_by": "test"} for name in self.models
            ]
            return await _whole(writer, 200, {"object": "list", "data": listed})
        if self.tasks_hang and "/chat/" not in path:
            self.tasks.append(request)
            asked = Asked(
                path, "seat", [], {}, headers, time.monotonic() - self._began, path=path, query=query
            )
            self.asked.append(asked)
            self._note()
            return await self._watched(asked, Say(fail="hang"), reader, writer)
        if (made := task_answer(request)) is not None:
            self.tasks.append(request)
            return await _raw(writer, 200, *made)
        given: dict[str, Any] = request.json
        if path.endswith("/embeddings"):
            self.tasks.append(request)
            return await _whole(writer, 200, _vectors(given))
        # Azure names the model in the path.
        name = path.split("/deployments/")[1].split("/")[0] if "/deployments/" in path else given["model"]
        model = self.models.get(name)
        if model is None:
            error = {"message": f"The model {name} does not exist", "code": "model_not_found"}
            return await _whole(writer, 404, {"error": error})
        asked = Asked(
            model.name, kind_of(given["messages"]), given["messages"], given, headers, time.monotonic() - self._began,
            input_tokens=3 + sum(3 + _count(text_of(message)) for message in given["messages"]),
            path=path, query=query,
        )  # fmt: skip
        self.asked.append(asked)
        self._note()
        return await self._watched(asked, model.answer(asked), reader, writer)

    async def _watched(self, asked: Asked, say: Say, reader: Reader, writer: Writer) -> bool:
        """Answer, unless the caller goes away before."""
        answering = asyncio.ensure_future(self._answer(asked, say, writer))
        leaving = asyncio.ensure_future(reader.read(1))
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        gone = not answering.done()
        for task in (answering, leaving):
            task.cancel()
        results = await asyncio.gather(answering, leaving, return_exceptions=True)
        asked.ended = time.monotonic() - self._began
        if gone or isinstance(results[0], ConnectionError):
            asked.outcome = "dropped"
        elif asked.outcome == "open":
            asked.outcome = "failed" if say.fail else "finished"
        self._note()
        return results[0] is True

    async def _answer(self, asked: Asked, say: Say, writer: Writer) -> bool:
        if say.latency:
            await asyncio.sleep(say.latency)
        if say.hold:
            await self._gate(say.hold).wait()
        match say.fail:
            case "hang":
                await asyncio.sleep(3600)
            case "error" | "limit" | "auth" | "context":
                asked.input_tokens = 0
                return await _refuse(writer, say)
            case "malformed":
                return await _raw(
                    writer, 200, b'{"choices": [{"message": {"content": "four', "application/json"
                )
            case _:
                pass
        text = {"empty": "", "filter": "", "garbage": GARBAGE}.get(say.fail or "", say.text)
        asked.said, stop = _shortened(text, asked.body) if say.capped else (text, "stop")
        stop = "content_filter" if say.fail == "filter" else stop
        if asked.body.get("stream"):
            return await self._stream(asked, say, stop, writer)
        asked.output_tokens = _count(asked.said)
        message = (
            {"role": "assistant", "content": asked.said, "refusal": None} | _tools(say) | _pages(asked, say)
        )
        choice = {"index": 0, "finish_reason": stop, "logprobs": None, "message": message}
        data = json.dumps(_head(asked) | _usage(asked, say) | {"choices": [choice]}).encode()
        self.wrote.append(data)
        if say.fail == "cut" or say.hold_after:
            lines = {"content-type": "application/json", "content-length": str(len(data))}
            writer.write(head(200, lines | say.headers) + data[: len(data) // 2])
            await writer.drain()
            if say.fail == "cut":
                return False
            await self._gate(say.hold_after or "").wait()
            writer.write(data[len(data) // 2 :])
            await writer.drain()
            return True
        return await _raw(writer, 200, data, "application/json", say.headers)

    async def _stream(self, asked: Asked, say: Say, stop: str, writer: Writer) -> bool:
        lines = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
        writer.write(head(200, lines | say.headers))
        text = asked.said
        for start in range(0, len(text), say.piece):
            piece = text[start : start + say.piece]
            choice = {"index": 0, "delta": {"content": piece}, "finish_reason": None}
            await self._event(writer, _head(asked) | {"choices": [choice]})
            asked.output_tokens += _count(piece)
            if say.drip:
                await asyncio.sleep(say.drip)
            if start <= len(text) // 2 < start + say.piece:
                if say.fail == "cut":
                    return False
                if say.hold_after:
                    await self._gate(say.hold_after).wait()
        ended = {"index": 0, "delta": _tools(say) | _pages(asked, say), "finish_reason": stop}
        await self._event(writer, _head(asked) | {"choices": [ended]})
        if (asked.body.get("stream_options") or {}).get("include_usage") and say.usage:
            await self._event(writer, _head(asked) | _usage(asked, say) | {"choices": []})
        self.wrote.append(b"data: [DONE]\n\n")
        writer.write(chunk(b"data: [DONE]\n\n") + LAST)
        await writer.drain()
        return True

    async def _event(self, writer: Writer, body: dict[str, Any]) -> None:
        event = b"data: " + json.dumps(body).encode() + b"\n\n"
        self.wrote.append(event)
        writer.write(chunk(event))
        await writer.drain()

    def _gate(self, name: str) -> asyncio.Event:
        return self._gates.setdefault(name, asyncio.Event())

    def _note(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


@asynccontextmanager
async def upstream(host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Upstream]:
    """A server of scripted models, without any yet."""
    server, tasks = Upstream(), set[asyncio.Task[None]]()

    def connected(reader: Reader, writer: Writer) -> None:
        task = asyncio.ensure_future(server.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(connected, host, port, limit=2**24)
    server.url = f"http://{host}:{listener.sockets[0].getsockname()[1]}/v1"
    try:
        yield server
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def threaded() -> Iterator[Upstream]:
    """The same for tests that are not asynchronous: it serves from a thread of its own."""
    started, box, loop = threading.Event(), list[Upstream](), asyncio.new_event_loop()
    over = asyncio.Event()

    async def main() -> None:
        async with upstream() as server:
            box.append(server)
            started.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()), name="upstream")
    thread.start()
    try:
        if not started.wait(5):
            raise RuntimeError("the upstream did not start")
        yield box[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(5)
        loop.close()


def _count(text: str) -> int:
    """This side's tokens: words and signs, long words cut, as tokenizers do."""
    return sum(-(-len(word) // 6) for word in WORD.findall(text))


def _shortened(text: str, body: dict[str, Any]) -> tuple[str, str]:
    """The text as far as the request's own cap lets it go."""
    most = body.get("max_completion_tokens") or body.get("max_tokens")
    if most is None or _count(text) <= most:
        return text, "stop"
    so_far = end = 0
    for word in WORD.finditer(text):
        so_far += _count(word.group())
        if so_far > most:
            break
        end = word.end()
    return text[:end], "length"


def _vectors(given: dict[str, Any]) -> dict[str, Any]:
    """A vector of two numbers for each text: its length, and a half."""
    rows = [{"index": n, "embedding": [float(len(text)), 0.5]} for n, text in enumerate(given["input"])]
    used = sum(_count(text) if isinstance(text, str) else len(text) for text in given["input"])
    return {"data": rows, "model": given["model"], "usage": {"prompt_tokens": used, "total_tokens": used}}


def _tools(say: Say) -> dict[str, Any]:
    """The calls of tools, whole."""
    calls = [
        {
            "index": n,
            "id": f"call_{n}",
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }
        for n, (name, arguments) in enumerate(say.tools)
    ]
    return {"tool_calls": calls} if calls else {}


def _head(asked: Asked) -> dict[str, Any]:
    kind = "chat.completion.chunk" if asked.body.get("stream") else "chat.completion"
    return {"id": "chatcmpl-test", "created": 0, "model": asked.model, "object": kind}


def _pages(asked: Asked, say: Say) -> dict[str, Any]:
    """What the answer cites, each page for the whole text, where the request lets OpenRouter's tool search."""
    if not say.pages or {"type": "openrouter:web_search"} not in asked.body.get("tools", ()):
        return {}
    found = [
        {"url": url, "title": f"About {n}", "start_index": 0, "end_index": len(asked.said)}
        for n, url in enumerate(say.pages, 1)
    ]
    return {"annotations": [{"type": "url_citation", "url_citation": one} for one in found]}


def _usage(asked: Asked, say: Say) -> dict[str, Any]:
    if not say.usage:
        return {}
    total = asked.input_tokens + asked.output_tokens
    return {
        "usage": {
            "prompt_tokens": asked.input_tokens,
            "completion_tokens": asked.output_tokens,
            "total_tokens": total,
        }
    }


async def _refuse(writer: Writer, say: Say) -> bool:
    if say.fail == "limit":
        error = {"message": say.refusal or "slow down", "type": "rate_limit_error"}
        headers = {"retry-after": f"{say.retry_after:g}"} | say.headers
        return await _whole(writer, 429, {"error": error}, headers)
    if say.fail == "context":
        error = {
            "message": "This model's maximum context length is 10 tokens",
            "code": "context_length_exceeded",
        }
        return await _whole(writer, 400, {"error": error})
    if say.fail == "auth":
        return await _whole(
            writer,
            401,
            {"error": {"message": say.refusal or "Incorrect API key provided", "code": "invalid_api_key"}},
        )
    return await _whole(
        writer, say.status, {"error": {"message": say.refusal or "upstream failed", "type": "server_error"}}
    )


async def _whole(
    writer: Writer, status: int, body: dict[str, Any], headers: dict[str, str] | None = None
) -> bool:
    return await _raw(writer, status, json.dumps(body).encode(), "application/json", headers)


async def _raw(
    writer: Writer, status: int, data: bytes, kind: str, headers: dict[str, str] | None = None
) -> bool:
    lines = {"content-type": kind, "content-length": str(len(data))} | (headers or {})
    writer.write(head(status, lines) + data)
    await writer.drain()
    return True
