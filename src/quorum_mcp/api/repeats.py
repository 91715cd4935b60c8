"""Requests with the header `idempotency-key`: the first is answered, equal ones get that answer again.

Only what went well is kept: a request that failed, or whose caller hung up, is made anew when it comes again.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress

import structlog
from msgspec import Struct, msgpack

from quorum_mcp.api.exchange import Exchange, Out
from quorum_mcp.errors import Conflict, InvalidInput, StoreUnavailable
from quorum_mcp.store.kept_answers import KeptAnswers, Repeat, Turn

HEADER = "idempotency-key"
LONGEST = 255
"""Characters of a key."""
MOST = 16 * 1024 * 1024
"""Bytes of an answer that is kept."""
LOOK_SECONDS = 0.2
"""How often it is looked up whether the first request has its answer."""
GRACE_SECONDS = 30.0
"""How much longer than it may take the first request is waited for, before its process counts as dead."""
GOOD = 200
OF_THE_MOMENT = ("x-request-id", "x-ratelimit-")
"""How headers begin that belong to one request, not to its answer."""

log = structlog.get_logger()


class Kept(Struct, frozen=True, array_like=True):
    """An answer as it went out; `streamed` where it was a stream."""

    headers: dict[str, str]
    body: bytes
    streamed: bool


_decoder = msgpack.Decoder(Kept)


class Recorder:
    """Passes the answer of an exchange on and keeps it before its end goes out; an `Out`."""

    def __init__(self, out: Out, exchange: Exchange, store: KeptAnswers, turn: Turn) -> None:
        self._out = out
        self._exchange = exchange
        self._store = store
        self._turn = turn
        self._headers: Mapping[str, str] | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self.kept = False
        """Whether the store has it."""

    async def whole(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """As `Out` says."""
        if status == GOOD:
            await self._keep(headers, body, streamed=False)
        await self._out.whole(status, headers, body)

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """As `Out` says."""
        self._headers = headers if status == GOOD else None
        await self._out.start(status, headers)

    async def piece(self, data: bytes, *, last: bool = False) -> None:
        """As `Out` says."""
        self._size += len(data)
        if self._headers is not None and self._size <= MOST:
            self._pieces.append(data)
            if last and not self._exchange.cut_short:
                await self._keep(self._headers, b"".join(self._pieces), streamed=True)
        await self._out.piece(data, last=last)

    async def _keep(self, headers: Mapping[str, str], body: bytes, *, streamed: bool) -> None:
        if len(body) > MOST:
            return
        lasting = {name: value for name, value in headers.items() if not name.startswith(OF_THE_MOMENT)}
        try:
            await self._store.keep(self._turn, msgpack.encode(Kept(lasting, body, streamed)))
            self.kept = True
        except StoreUnavailable as error:
            log.warning(
                "answer.not_kept", error=str(error), hint="a repeat of the request is refused for now"
            )


@asynccontextmanager
async def once(
    exchange: Exchange, store: KeptAnswers, key: str, body: bytes, seconds: float
) -> AsyncGenerator[bool, None]:
    """Whether the request is to be answered; False where it has been, with what answered an equal one before.

    While an equal one is under way, this waits for its answer.

    Args:
        exchange: the request.
        store: where answers are kept.
        key: what its caller calls it.
        body: what it says.
        seconds: how long answering may take.

    Raises:
        Conflict: the key came with another request before, or its first answer does not come in time.
        InvalidInput: it is no key.
    """
    if not 1 <= len(key) <= LONGEST:
        raise InvalidInput(f"{HEADER}: has {len(key)} characters", hint=f"1 to {LONGEST}")
    said = hashlib.sha256(
        exchange.scope["path"].encode() + b"\0" + exchange.scope["query_string"] + b"\0" + body
    )
    principal = exchange.principal
    repeat = Repeat(f"{principal.tenant}/{principal.id}", key, said.hexdigest())
    until = time.monotonic() + seconds
    while (found := await store.begin(repeat, seconds + GRACE_SECONDS)) is None:
        if time.monotonic() > until:
            raise Conflict("an equal request is still under way", hint="ask again later, with the same key")
        await asyncio.sleep(LOOK_SECONDS)
    if isinstance(found, bytes):
        kept = _decoder.decode(found)
        await exchange.repeat(kept.headers, kept.body, streamed=kept.streamed)
        yield False
        return
    recorder = exchange.record(lambda out: Recorder(out, exchange, store, found))
    try:
        yield True
    finally:
        if not recorder.kept:
            with suppress(StoreUnavailable):  # then its turn ends by itself
                await store.give_up(found)
