"""A provider made of a wire, a base URL and keys: everything that is reached by HTTP."""

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import contextmanager

from msgspec import structs

from quorum_mcp.answers import Answer, Delta, Embeddings, ModelInfo
from quorum_mcp.errors import BadProviderAnswer, ProviderError, Unsupported
from quorum_mcp.messages import ModelRequest
from quorum_mcp.providers.base import Kind, Timeouts
from quorum_mcp.providers.keys import Auth, Key
from quorum_mcp.providers.sse import NDJSON, SSE, Event
from quorum_mcp.providers.told_limits import told_limits
from quorum_mcp.providers.transport import HttpAnswer, HttpRequest, Response, Transport
from quorum_mcp.providers.wire import Call, Reader, Wire

STRICT_TOOLS = frozenset({"openai", "anthropic"})
"""Wires that can hold a tool's arguments to its schema."""
SIMULATED = "x-simulated"
"""The header of every answer of `quorum sim`: it is labelled under whatever name the server is configured."""


class Endpoint:
    """One provider's endpoint; see `Provider` for what its methods promise.

    Args:
        name: the provider's name, as it stands before the slash.
        wire: the codec.
        base_url: where the wire's paths begin, without a closing slash.
        auth: the keys and how they are sent.
        transport: the pool of connections, which the endpoint shares and does not close.
        kind: `local` for servers of the user's own.
    """

    def __init__(
        self, name: str, wire: Wire, base_url: str, auth: Auth, transport: Transport, kind: Kind = "remote"
    ) -> None:
        self.name = name
        self.kind: Kind = kind
        self.wire = wire
        self.base_url = base_url.rstrip("/")
        self._auth = auth
        self._transport = transport

    async def complete(self, request: ModelRequest, timeouts: Timeouts) -> Answer:
        """One whole answer."""
        with self._named(request.model):
            answer = await self._fetch(self._chat(request, stream=False), timeouts)
            reader = self.wire.reader()
            reader.whole(answer.body)
            return _completed(reader.finish(), request, answer.headers)

    async def stream(self, request: ModelRequest, timeouts: Timeouts) -> AsyncGenerator[Delta | Answer, None]:
        """The answer as it comes; the last item is the whole `Answer`."""
        with self._named(request.model):
            call = self._chat(request, stream=True)
            key = await self._auth.key()
            async with self._transport.open(self._http(call, key, stream=True), timeouts) as response:
                if response.status != 200:
                    raise self._failed(await _whole(response), key)
                reader = self.wire.reader()
                if _is_whole(self.wire, response):
                    for delta in reader.whole(await response.read()):
                        yield delta
                else:
                    feed = _Feed(self.wire, reader)
                    async for chunk in response.chunks():
                        for delta in feed.more(chunk):
                            yield delta
                        if reader.ended:
                            await response.drain()
                            break
                    else:
                        for delta in feed.end():
                            yield delta
                yield _completed(reader.finish(), request, response.headers)

    async def embed(self, model: str, texts: Sequence[str], timeouts: Timeouts) -> Embeddings:
        """One vector per text."""
        with self._named(model):
            answer = await self._fetch(self.wire.embed(model, texts), timeouts)
            return self.wire.embeddings(answer.body, len(texts))

    async def models(self, timeouts: Timeouts) -> tuple[ModelInfo, ...]:
        """The models the provider lists now."""
        with self._named(None):
            answer = await self._fetch(self.wire.list_models(), timeouts)
            return self.wire.models(answer.body)

    async def close(self) -> None:
        """Nothing of its own to close: the connections are the transport's."""

    def _chat(self, request: ModelRequest, *, stream: bool) -> Call:
        """The wire's request; raises `Unsupported` for what only another wire can carry."""
        foreign: list[str] = []
        if request.extra is not None and request.extra.wire != self.wire.name:
            foreign += request.extra.fields
        if self.wire.name not in STRICT_TOOLS:
            foreign += [f"strict of tool {tool.name}" for tool in request.tools if tool.strict]
        if foreign:
            raise Unsupported(f"this provider takes no {', '.join(foreign)}", hint="leave it out")
        return self.wire.chat(request, stream=stream)

    async def _fetch(self, call: Call, timeouts: Timeouts) -> HttpAnswer:
        key = await self._auth.key()
        answer = await self._transport.fetch(self._http(call, key), timeouts)
        if answer.status != 200:
            raise self._failed(answer, key)
        return answer

    def _http(self, call: Call, key: Key | None, *, stream: bool = False) -> HttpRequest:
        headers = {
            "accept": "text/event-stream" if stream and self.wire.framing == "sse" else "application/json"
        }
        if stream:
            headers["accept-encoding"] = "identity"  # a packed stream may be held back until a block is full
        if call.body:
            headers["content-type"] = "application/json"
        headers |= call.headers
        url = self.base_url + call.path
        if key is not None:
            url = self._auth.sign(url, headers, key)
        return HttpRequest(call.method, url, call.body, headers)

    def _failed(self, answer: HttpAnswer, key: Key | None) -> ProviderError:
        error = self.wire.failure(answer.status, answer.headers, answer.body)
        error.limits = told_limits(answer.headers)
        if SIMULATED in answer.headers:
            error.details["simulated"] = True
        self._auth.failed(key, error)
        return error

    @contextmanager
    def _named(self, model: str | None) -> Generator[None, None, None]:
        """Errors that leave say whose they are, and never show a key."""
        try:
            yield
        except (ProviderError, Unsupported) as error:
            error.provider = error.provider or self.name
            error.model = error.model or model
            error.message = self._auth.mask(error.message)
            error.args = (error.message,)
            said = {name: one for name, one in error.details.items() if isinstance(one, str)}
            error.details |= {name: self._auth.mask(one) for name, one in said.items()}
            raise


class _Feed:
    """Bytes of a stream into deltas."""

    def __init__(self, wire: Wire, reader: Reader) -> None:
        self._framing = SSE() if wire.framing == "sse" else NDJSON()
        self._reader = reader

    def more(self, chunk: bytes) -> list[Delta]:
        return self._read(self._framing.feed(chunk))

    def end(self) -> list[Delta]:
        return self._read(self._framing.close())

    def _read(self, events: list[Event]) -> list[Delta]:
        deltas: list[Delta] = []
        for event in events:
            deltas += self._reader.event(event)
            if self._reader.ended:
                break
        return deltas


async def _whole(response: Response) -> HttpAnswer:
    try:
        body = await response.read()
    except BadProviderAnswer:
        body = b""  # the status tells enough
    return HttpAnswer(response.status, response.headers, body)


def _is_whole(wire: Wire, response: Response) -> bool:
    """Whether a server that was asked for a stream sent one JSON body: an error, or it cannot stream."""
    return wire.framing == "sse" and response.headers.get("content-type", "").startswith("application/json")


def _completed(answer: Answer, request: ModelRequest, headers: Mapping[str, str]) -> Answer:
    """The answer with a model's name, with what the headers tell of limits, and marked where it is simulated."""
    told = told_limits(headers)
    if answer.model and told is None and SIMULATED not in headers:
        return answer
    return structs.replace(
        answer, model=answer.model or request.model, simulated=SIMULATED in headers, limits=told
    )
