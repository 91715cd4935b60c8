"""A provider made of a wire, a base URL and keys: everything that is reached by HTTP."""

from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress

from msgspec import structs

from quorum_mcp.answers import Answer, Delta, ModelInfo, Passed
from quorum_mcp.codec import JSONError
from quorum_mcp.errors import BadProviderAnswer, ProviderError, Unsupported
from quorum_mcp.messages import ModelRequest, Native
from quorum_mcp.providers.address import Address
from quorum_mcp.providers.base import Kind, Searching, Timeouts
from quorum_mcp.providers.flow import Flow
from quorum_mcp.providers.keys import Auth, Key
from quorum_mcp.providers.native import native_codec
from quorum_mcp.providers.reading import Reading, is_whole
from quorum_mcp.providers.told_limits import told_limits
from quorum_mcp.providers.transport import HttpAnswer, HttpRequest, Response, Transport
from quorum_mcp.providers.wire import Call, Dialect, Wire

STRICT_TOOLS = frozenset({"openai", "anthropic"})
"""Wires that can hold a tool's arguments to its schema."""
LOGPROBS = frozenset({"openai", "google", "ollama"})
"""Wires that tell how likely the tokens of an answer were."""
MOST_URLS = 1_000
"""Addresses that are kept at hand; callers may make up names of models."""
SIMULATED = "x-simulated"
"""The header of every answer of `quorum sim`: it is labelled under whatever name the server is configured."""


class Endpoint:
    """One provider's endpoint; see `Provider` for what its methods promise.

    Args:
        name: the provider's name, as it stands before the slash.
        wire: the codec.
        address: where the wire's paths begin.
        auth: the keys and how they are sent.
        transport: the pool of connections, which the endpoint shares and does not close.
        kind: `local` for servers of the user's own.
        deployment: its name, where it is one of several endpoints of the provider.
    """

    def __init__(
        self,
        name: str,
        wire: Wire,
        address: str | Address,
        auth: Auth,
        transport: Transport,
        kind: Kind = "remote",
        deployment: str | None = None,
    ) -> None:
        self.name = name
        self.kind: Kind = kind
        self.wire = wire
        self.tasks = wire.tasks
        self.address = Address(address) if isinstance(address, str) else address
        self.deployment = deployment
        self.base_url = self.address.base
        """What tells its answers from those of another provider of the same name."""
        self.documents = wire.dialect.documents
        self.search: Searching = _searching(wire.dialect)
        self._auth = auth
        self._transport = transport
        self._urls: dict[tuple[str, str | None], str] = {}
        self._native = native_codec(wire.name, wire.dialect)

    def takes(self, native: Native) -> bool:
        """Whether a request in these words may be passed on."""
        codec = self._native
        return codec is not None and native.wire == self.wire.name and codec.takes(native)

    async def complete(self, request: ModelRequest, timeouts: Timeouts) -> Answer:
        """One whole answer."""
        try:
            own = self._own(request)
            if own.native is None or self._native is None:
                answer = await self._fetch(self._chat(own, stream=False), own.model, timeouts)
            else:
                call = self._native.call(own, own.native, stream=False)
                answer = await self._fetch(call, own.model, timeouts)
                with suppress(JSONError):  # not as it is published: it is translated
                    return _completed(self._native.whole(answer.body), request, answer.headers)
            reader = self.wire.reader(own)
            reader.whole(answer.body)
            return _completed(reader.finish(), request, answer.headers)
        except (ProviderError, Unsupported) as error:
            self._name(error, request.model)
            raise

    async def stream(
        self, request: ModelRequest, timeouts: Timeouts
    ) -> AsyncGenerator[Delta | Passed | Flow | Answer, None]:
        """The answer as it comes; the last item is the whole `Answer`."""
        with self._named(request.model):
            own, look = self._own(request), None
            if own.native is None or self._native is None:
                call = self._chat(own, stream=True)
            else:
                call, look = (
                    self._native.call(own, own.native, stream=True),
                    self._native.stream(own.native),
                )
            async with self._open(call, own.model, timeouts) as response:
                reading = Reading(self.wire, own, look)
                if is_whole(self.wire, response.headers):
                    for item in reading.whole(await response.read()):
                        yield item
                else:
                    flowed = False
                    async for chunk in response.chunks():
                        for item in reading.more(chunk):
                            yield item
                        if not flowed and response.pours and (rest := reading.passing) is not None:
                            flowed, flow = True, Flow(response, rest)
                            yield flow
                            flow.check()
                        if reading.ended:
                            await response.drain()
                            break
                    else:
                        for item in reading.end():
                            yield item
                yield _completed(reading.finish(), request, response.headers)

    async def perform(self, request: ModelRequest, timeouts: Timeouts) -> Answer:
        """The whole answer to a task."""
        with self._named(request.model):
            if request.task is None or request.task.name not in self.tasks:
                asked = request.task.name if request.task else "such task"
                raise Unsupported(f"{self.name} has no {asked}", hint="name another provider's model")
            own = self._own(request)
            self._check(own)
            answer = await self._fetch(self.wire.task(own), own.model, timeouts)
            kind = answer.headers.get("content-type", "")
            return _completed(self.wire.done(own, answer.body, kind), request, answer.headers)

    async def models(self, timeouts: Timeouts) -> tuple[ModelInfo, ...]:
        """The models the provider lists now."""
        with self._named(None):
            answer = await self._fetch(self.wire.list_models(), None, timeouts)
            return self.wire.models(answer.body)

    async def close(self) -> None:
        """Nothing of its own to close: the connections are the transport's."""

    def _chat(self, request: ModelRequest, *, stream: bool) -> Call:
        """The wire's request."""
        self._check(request)
        return self.wire.chat(request, stream=stream)

    def _check(self, request: ModelRequest) -> None:
        """Raise `Unsupported` for what only another wire can carry."""
        foreign: list[str] = []
        if request.extra is not None and request.extra.wire != self.wire.name:
            foreign += [name for name in request.extra.fields if name not in self.wire.also]
        if self.wire.name not in STRICT_TOOLS:
            foreign += [f"strict of tool {tool.name}" for tool in request.tools if tool.strict]
        if request.searches and self.search == "none":
            foreign.append("web search")
        if request.logprobs is not None:
            if self.wire.name not in LOGPROBS:
                foreign.append("logprobs")
            elif request.searches:
                foreign.append("logprobs together with web search")
        if foreign:
            raise Unsupported(f"this provider takes no {', '.join(foreign)}", hint="leave it out")

    def _own(self, request: ModelRequest) -> ModelRequest:
        """The request with the endpoint's own name of its model."""
        own = self.address.own(request.model)
        return request if own == request.model else structs.replace(request, model=own)

    @asynccontextmanager
    async def _open(self, call: Call, model: str, timeouts: Timeouts) -> AsyncGenerator[Response, None]:
        """The successful answer to a call, to be read as it comes; a refused token is replaced once."""
        for last in (False, True):
            key = await self._auth.key(timeouts.first_byte)
            http = self._http(call, model, key, stream=True)
            async with self._transport.open(http, timeouts) as response:
                if response.status == 200:
                    yield response
                    return
                error = self._failed(await _whole(response), key)
            if last or not self._auth.renews(key, error):
                raise error

    async def _fetch(
        self, call: Call, model: str | None, timeouts: Timeouts, *, last: bool = False
    ) -> HttpAnswer:
        """The successful answer to a call, whole; a refused token is replaced once."""
        key = await self._auth.key(timeouts.first_byte)
        answer = await self._transport.fetch(self._http(call, model, key), timeouts)
        if answer.status == 200:
            return answer
        error = self._failed(answer, key)
        if last or not self._auth.renews(key, error):
            raise error
        return await self._fetch(call, model, timeouts, last=True)

    def _http(self, call: Call, model: str | None, key: Key | None, *, stream: bool = False) -> HttpRequest:
        headers = {
            "accept": "text/event-stream" if stream and self.wire.framing == "sse" else "application/json"
        }
        if stream:
            headers["accept-encoding"] = "identity"  # a packed stream may be held back until a block is full
        if call.body:
            headers["content-type"] = "application/json"
        if call.headers or self.address.headers:
            headers |= call.headers | self.address.headers
        if (url := self._urls.get((call.path, model))) is None:
            if len(self._urls) >= MOST_URLS:
                self._urls.clear()
            url = self._urls[call.path, model] = self.address.url(call.path, model)
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
            self._name(error, model)
            raise

    def _name(self, error: ProviderError | Unsupported, model: str | None) -> None:
        error.provider = error.provider or self.name
        error.model = error.model or model
        error.message = self._masked(error.message)
        error.args = (error.message,)
        said = {name: one for name, one in error.details.items() if isinstance(one, str)}
        error.details |= {name: self._masked(one) for name, one in said.items()}
        if self.deployment is not None:
            error.details["deployment"] = self.deployment

    def _masked(self, text: str) -> str:
        return self.address.mask(self._auth.mask(text))


def _searching(dialect: Dialect) -> Searching:
    if dialect.search == "none":
        return "none"
    return "bounded" if dialect.search_bound else "unbounded"


async def _whole(response: Response) -> HttpAnswer:
    try:
        body = await response.read()
    except BadProviderAnswer:
        body = b""  # the status tells enough
    return HttpAnswer(response.status, response.headers, body)


def _completed(answer: Answer, request: ModelRequest, headers: Mapping[str, str]) -> Answer:
    """The answer with a model's name, with what the headers tell of limits, and marked where it is simulated."""
    told = told_limits(headers)
    if answer.model and told is None and SIMULATED not in headers:
        return answer
    return structs.replace(
        answer, model=answer.model or request.model, simulated=SIMULATED in headers, limits=told
    )
