"""Live text of runs that another process carries out: over Redis, to whoever listens.

Best effort: nothing is stored, a message that is lost is made good by the next whole one, and without Redis
followers elsewhere have the stored events only. A message says what was stored before it, so that its reader can
keep the order of the run's numbers.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from quorum_mcp import codec
from quorum_mcp.errors import StoreUnavailable
from quorum_mcp.events import Event, EventType
from quorum_mcp.runs.partials import Partial, Partials
from quorum_mcp.store.shared_state import SharedState

if TYPE_CHECKING:
    from redis.asyncio.client import PubSub

WHOLE_SECONDS = 1.0
"""How often a message holds the whole text so far: who came late waits no longer."""
ALONE_SECONDS = 1.0
"""How long nothing is told after nobody listened."""


class Piece(Struct):
    """More text of one call: `text` begins at `offset`; `life` changes when the call begins anew."""

    key: str
    type: EventType
    data: dict[str, Any]
    seq: int
    life: int
    offset: int
    text: str


class Message(Struct):
    """What is new: `stored` is the number of the last event that was stored before."""

    stored: int
    pieces: list[Piece]


class Voice:
    """What is heard of one run."""

    def __init__(self, run_id: str) -> None:
        self.stored = 0
        self.changed = asyncio.Event()
        self._run_id = run_id
        self._partials = Partials()
        self._offsets: dict[str, int] = {}

    def take(self, message: Message) -> None:
        """A message came; a piece whose beginning was missed waits for the next whole one."""
        self.stored = max(self.stored, message.stored)
        kept = {piece.key for piece in message.pieces}
        for piece in message.pieces:
            known = self._partials.get(piece.key)
            text = known.text if known is not None and known.life == piece.life else ""
            if known is not None and known.life != piece.life:
                self._offsets.pop(piece.key, None)
            if piece.offset > len(text):
                continue
            text = text[: piece.offset] + piece.text
            self._partials.put(
                piece.key, Partial(piece.data, piece.type, text, len(text), piece.seq, piece.life)
            )
        for key in [key for key, _ in self._partials.items() if key not in kept]:
            self._partials.forget(key)  # it has ended
        self.changed.set()

    def since(self, after: int) -> list[Event]:
        """What was heard above the number `after`."""
        self.changed.clear()
        return self._partials.since(self._run_id, after, self._offsets)


class Teller:
    """Tells what is new in one run's log, with at most one message under way."""

    def __init__(self, send: Callable[[bytes], Any], partials: Partials, stored: Callable[[], int]) -> None:
        self._send = send
        self._partials = partials
        self._stored = stored
        self._sent: dict[str, tuple[int, int]] = {}
        self._whole_at = 0.0
        self._alone_until = 0.0
        self._telling: asyncio.Task[None] | None = None
        self._more = False

    def tell(self) -> None:
        """Something new was shown, or ended."""
        if time.monotonic() < self._alone_until:
            return
        self._more = True
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell(), name="live text")

    async def close(self) -> None:
        """There is nothing more to tell."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.wait({self._telling})

    async def _tell(self) -> None:
        while self._more:
            self._more = False
            with suppress(StoreUnavailable):
                if await self._send(codec.encode(self._message())):
                    continue
            self._alone_until = time.monotonic() + ALONE_SECONDS
            self._whole_at = 0.0
            return

    def _message(self) -> Message:
        whole = time.monotonic() >= self._whole_at
        if whole:
            self._whole_at = time.monotonic() + WHOLE_SECONDS
        pieces: list[Piece] = []
        for key, one in self._partials.items():
            life, sent = self._sent.get(key, (one.life, 0))
            offset = 0 if whole or life != one.life else sent
            self._sent[key] = (one.life, one.shown)
            text = one.text[offset : one.shown]
            pieces.append(Piece(key, one.type, one.data, one.seq, one.life, offset, text))
        return Message(self._stored(), pieces)


class Live:
    """Tells others of the runs that are carried out here, and hears of those that are not: by channels in Redis.

    Args:
        state: None where there is no Redis: nobody tells, nobody hears.
    """

    def __init__(self, state: SharedState | None = None) -> None:
        self._state = state
        self._voices: dict[str, set[Voice]] = {}
        self._hearing: PubSub | None = None
        self._reader: asyncio.Task[None] | None = None

    def teller(self, run_id: str, partials: Partials, stored: Callable[[], int]) -> Teller | None:
        """Who tells what is new in a run's log; None: nobody could hear it."""
        if self._state is None:
            return None
        state, channel = self._state, self._channel(run_id)
        return Teller(lambda data: state.run(lambda client: client.publish(channel, data)), partials, stored)

    @asynccontextmanager
    async def hear(self, run_id: str) -> AsyncGenerator[Voice, None]:
        """Listen to a run, as long as the context is open."""
        voice = Voice(run_id)
        if self._state is None:
            yield voice
            return
        channel = self._channel(run_id)
        self._voices.setdefault(channel, set()).add(voice)
        try:
            await self._subscribe(channel)
            yield voice
        finally:
            voices = self._voices[channel]
            voices.discard(voice)
            if not voices:
                del self._voices[channel]
                await self._unsubscribe(channel)

    async def close(self) -> None:
        """Listen no longer."""
        if self._reader is not None:
            self._reader.cancel()
            with suppress(asyncio.CancelledError):
                await self._reader

    def _channel(self, run_id: str) -> str:
        assert self._state is not None
        return self._state.key("live", run_id)

    async def _subscribe(self, channel: str) -> None:
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read(), name="live text of others")
        elif self._hearing is not None:
            await self._quietly(self._hearing.subscribe(channel))

    async def _unsubscribe(self, channel: str) -> None:
        if self._hearing is not None:
            await self._quietly(self._hearing.unsubscribe(channel))

    async def _quietly(self, work: Any) -> None:
        """What fails here fails for the reader too, which begins anew."""
        from redis.exceptions import RedisError

        with suppress(RedisError, OSError):
            await work

    async def _read(self) -> None:
        """Hear for everybody, with one connection, as long as somebody listens."""
        from redis.exceptions import RedisError

        assert self._state is not None
        while self._voices:
            self._hearing = self._state.listener()
            try:
                await self._hearing.subscribe(*self._voices)
                while self._voices:
                    self._dispatch(
                        await self._hearing.get_message(ignore_subscribe_messages=True, timeout=1.0)
                    )
            except (RedisError, OSError):
                await asyncio.sleep(ALONE_SECONDS)
            finally:
                hearing, self._hearing = self._hearing, None
                await self._quietly(hearing.aclose())

    def _dispatch(self, heard: dict[str, Any] | None) -> None:
        if heard is None:
            return
        channel: bytes = heard["channel"]
        message = codec.decode(heard["data"], Message)
        for voice in self._voices.get(channel.decode(), ()):
            voice.take(message)
