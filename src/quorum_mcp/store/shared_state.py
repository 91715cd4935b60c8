"""What the processes of one Quorum share in Redis (or Valkey): one small pool, and the word whether it works.

Nothing here is needed to answer: what is shared has a fall-back in each process. So every use is short, a failure
is told at once, and while Redis is away no caller waits for it: the state asks for it in the background.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self, TypeVar

import structlog
from msgspec import Struct

from quorum_mcp.errors import ConfigError, StoreUnavailable
from quorum_mcp.ids import new_id

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import PubSub

T = TypeVar("T")
TIMEOUT = 0.25
"""Seconds that connecting may take, and that an answer may take."""
CONNECTIONS = 32
BEAT_SECONDS = 2.0
RETRY_SECONDS = 1.0
LIFE_SECONDS = 10.0
"""A process that did not beat for so long counts as dead."""
ASSUMED = 4
"""Processes that one assumes there to be which has never reached Redis: with too many, it uses too little."""

log = structlog.get_logger()


class Script(Struct, frozen=True):
    """A Lua script, which Redis runs as one step."""

    text: str
    sha: str

    @classmethod
    def of(cls, text: str) -> Self:
        """The script of this text."""
        return cls(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


_BEAT = Script.of(
    """
    local time = redis.call('TIME')
    local now = tonumber(time[1])
    redis.call('ZADD', KEYS[1], now, ARGV[1])
    redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
    redis.call('EXPIRE', KEYS[1], 60)
    return redis.call('ZCARD', KEYS[1])
    """
)


class SharedState:
    """A connection that all parts of a process share, and the list of the processes that live.

    Attributes:
        up: whether Redis answered last time. While it is not, `run` refuses at once.
        reason: why it is not up; empty while it is.
    """

    def __init__(self, client: "Redis", namespace: str) -> None:
        """Use `connect`."""
        self.up = False
        self.reason = "not asked yet"
        self._client = client
        self._namespace = namespace
        self._member = new_id("own")
        self._processes = ASSUMED
        self._known = False
        self._remembered_until = 0.0
        self._fell = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, url: str, *, namespace: str = "") -> Self:
        """The state at `url`, which may still be down: then it comes by itself.

        Args:
            url: `redis://…`, `rediss://…` or `unix://…`.
            namespace: keeps the keys of several Quorums apart that use one Redis.

        Raises:
            ConfigError: the extra is not installed, the URL cannot be read, or Redis refuses the password.
        """
        state = cls(_client(url), namespace)
        try:
            await state._refused(state._beat())
        except BaseException:
            await state._client.aclose()
            raise
        if not state.up:
            log.warning("redis.away", reason=state.reason, hint="limits hold per process until it is there")
        state._watch = asyncio.create_task(state._keep_watch(), name="redis watch")
        return state

    def key(self, *parts: str) -> str:
        """The full name of a key of this Quorum."""
        return ":".join(("quorum", self._namespace, *parts) if self._namespace else ("quorum", *parts))

    @property
    def processes(self) -> int:
        """How many processes live, this one among them; while Redis is away, how many did when it went.

        One that has not reached Redis yet cannot know, and assumes some.
        """
        return self._processes

    async def run(self, work: Callable[["Redis"], Awaitable[T]]) -> T:
        """What `work` returns, which uses the client given to it for something short.

        Raises:
            StoreUnavailable: Redis is away, failed, or took too long. Whether it did the work is not known.
        """
        if not self.up:
            raise self._unavailable()
        from redis.exceptions import RedisError

        try:
            return await work(self._client)
        except (RedisError, OSError) as error:
            self._went(error)
            raise self._unavailable() from error

    def listener(self) -> "PubSub":
        """A connection of its own that hears what is published; its user opens and closes it."""
        return self._client.pubsub()

    async def evaluate(self, script: Script, keys: Sequence[str], arguments: Sequence[Any] = ()) -> Any:
        """What the script returns. Raises `StoreUnavailable` as `run` does."""
        return await self.run(lambda client: _evaluate(client, script, keys, arguments))

    async def close(self) -> None:
        """Leave the list of processes and close the connections."""
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        with suppress(StoreUnavailable):
            await self.run(lambda client: client.zrem(self.key("processes"), self._member))
        await self._client.aclose()

    async def _keep_watch(self) -> None:
        while True:
            await self._pause()
            from redis.exceptions import RedisError

            try:
                await self._beat()
            except (RedisError, OSError) as error:
                self._went(error)

    async def _pause(self) -> None:
        """Wait for the next beat; the moment at which Redis goes away begins a new, shorter wait."""
        if self.up:
            with suppress(TimeoutError):
                # Not wait_for: it may swallow a cancellation that comes in the moment of the event.
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._fell.wait()
        if not self.up:
            await asyncio.sleep(RETRY_SECONDS)

    async def _beat(self) -> None:
        keys, arguments = [self.key("processes")], [self._member, int(LIFE_SECONDS)]
        counted = max(int(await _evaluate(self._client, _BEAT, keys, arguments)), 1)
        if self._known and self._fell.is_set():
            # It may have lost its keys, and the other processes may not have found it yet.
            self._remembered_until = time.monotonic() + LIFE_SECONDS
        if self._fell.is_set():
            log.warning("redis.back")
        remembered = self._processes if time.monotonic() < self._remembered_until else 1
        self._processes, self._known = max(counted, remembered), True
        self.up, self.reason = True, ""
        self._fell.clear()

    async def _refused(self, first: Awaitable[None]) -> None:
        """The first beat: what can never succeed is the configuration's fault."""
        from redis.exceptions import AuthenticationError, RedisError, ResponseError

        try:
            await first
        except (RedisError, OSError) as error:
            refusal = error.__cause__ or error  # the client wraps what a new connection is refused with
            if isinstance(refusal, AuthenticationError | ResponseError):
                raise ConfigError(
                    f"Redis refuses: {_text(error)}.",
                    hint="Look at the user, password and number in REDIS_URL.",
                ) from error
            self._away(error)

    def _went(self, error: Exception) -> None:
        if self.up:
            log.warning(
                "redis.away",
                reason=_text(error),
                processes=self._processes,
                hint="each process holds to its share of the limits until it is back",
            )
        self._away(error)

    def _away(self, error: Exception) -> None:
        self.up, self.reason = False, _text(error)
        self._fell.set()

    def _unavailable(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"Redis cannot be used: {self.reason}.",
            hint="See that the server of REDIS_URL runs and can be reached from here.",
            retry_after=RETRY_SECONDS,
        )


async def _evaluate(client: "Redis", script: Script, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
    from redis.exceptions import NoScriptError

    try:
        return await client.execute_command("EVALSHA", script.sha, len(keys), *keys, *arguments)
    except NoScriptError:
        return await client.execute_command("EVAL", script.text, len(keys), *keys, *arguments)


def _client(url: str) -> "Redis":
    try:
        from redis.asyncio import BlockingConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "redis":
            raise
        raise ConfigError(
            "REDIS_URL needs a driver that is not installed.", hint="Run: pip install 'quorum-mcp[redis]'"
        ) from error
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=TIMEOUT,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),  # what is shared has a fall-back: it is taken at once
            protocol=2,
            driver_info=None,  # saves two commands for each connection
        )
    except ValueError as error:  # its text may repeat the URL, which may hold a password
        raise ConfigError(
            "REDIS_URL cannot be read.", hint="Write it as redis://user:password@host:6379/0."
        ) from error
    return Redis.from_pool(pool)


def _text(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
