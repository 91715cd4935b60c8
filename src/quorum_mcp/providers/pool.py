"""Kept connections to providers: used again, handed on, ended when nobody used them for a while."""

import asyncio
import ssl
import time
from collections import deque
from functools import partial

from quorum_mcp.errors import ProviderTimeout
from quorum_mcp.providers.connections import Connection, Key, Target

IDLE_SECONDS = 15.0
"""How long a connection is kept that nobody uses."""
EYEBALLS_SECONDS = 0.25
"""How long one address of a name may take to connect before the next is tried beside it."""


class Pool:
    """All connections of a process, and who waits for one."""

    def __init__(self) -> None:
        self._idle: dict[Key, deque[Connection]] = {}
        self._waiting: dict[Key, deque[asyncio.Future[Connection]]] = {}
        self._connecting: set[asyncio.Task[Connection]] = set()
        self._every: set[Connection] = set()
        self._context: ssl.SSLContext | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def get(self, target: Target, connect: float) -> Connection:
        """A connection to ask on: one that nobody uses, or the first that is free or new, whichever comes first.

        A new one may take `connect` seconds. It is made to its end even where it is not needed any more.

        Raises:
            OSError: there is none.
            ProviderTimeout: there is none in time.
        """
        found = self._free(target[:3])
        while found is None or not found.open:
            found = await self._next(target, connect)
        return found

    def keep(self, connection: Connection) -> None:
        """Nobody uses it any more: whoever waits longest gets it."""
        waiting = self._waiting.get(connection.key)
        while waiting:
            waiter = waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        connection.idle_since = time.monotonic()
        idle = self._idle.get(connection.key)
        if idle is None:
            idle = self._idle[connection.key] = deque()
        idle.append(connection)
        if self._timer is None:
            self._timer = connection.loop.call_later(IDLE_SECONDS, self._prune)

    def forget(self, connection: Connection) -> None:
        """It is gone."""
        self._every.discard(connection)
        idle = self._idle.get(connection.key)
        if idle is not None and connection in idle:
            idle.remove(connection)

    def close(self) -> None:
        """End every connection."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for task in self._connecting:
            task.cancel()
        for connection in list(self._every):
            connection.drop()
        self._idle.clear()

    def _free(self, key: Key) -> Connection | None:
        idle = self._idle.get(key)
        while idle:
            connection = idle.pop()
            if connection.open:
                return connection
        return None

    async def _next(self, target: Target, seconds: float) -> Connection:
        """One that is given back, or a new one."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Connection] = loop.create_future()
        task = loop.create_task(self._connected(target, seconds))
        self._connecting.add(task)
        task.add_done_callback(partial(self._made, waiter))
        self._waiting.setdefault(target[:3], deque()).append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.keep(waiter.result())  # it came when nobody wanted it any more
            raise

    def _made(self, waiter: asyncio.Future[Connection], task: asyncio.Task[Connection]) -> None:
        """A new connection is there, or could not be made: first for whom it was made."""
        self._connecting.discard(task)
        error = None if task.cancelled() else task.exception()
        if waiter.done():
            if error is None and not task.cancelled():
                self.keep(task.result())
        elif task.cancelled():
            waiter.set_exception(OSError("the connections were closed"))
        elif error is not None:
            waiter.set_exception(error)
        else:
            waiter.set_result(task.result())

    async def _connected(self, target: Target, seconds: float) -> Connection:
        from aiohappyeyeballs import start_connection

        loop = asyncio.get_running_loop()
        host, port, secure, _ = target
        scope = asyncio.timeout(seconds)
        try:
            async with scope:
                found = await loop.getaddrinfo(host, port, type=1)
                sock = await start_connection(found, happy_eyeballs_delay=EYEBALLS_SECONDS, interleave=1)
                _, connection = await loop.create_connection(
                    lambda: Connection(self, (host, port, secure)),
                    sock=sock,
                    ssl=self._secured() if secure else None,
                    server_hostname=host if secure else None,
                )
        except TimeoutError:
            if not scope.expired():
                raise
            raise ProviderTimeout(f"no connection within {seconds:g} s") from None
        self._every.add(connection)
        return connection

    def _secured(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = ssl.create_default_context()
            self._context.set_alpn_protocols(["http/1.1"])
        return self._context

    def _prune(self) -> None:
        """End what was idle for too long."""
        loop = asyncio.get_running_loop()
        self._timer = None
        before = time.monotonic() - IDLE_SECONDS
        for idle in list(self._idle.values()):
            while idle and idle[0].idle_since <= before:
                idle.popleft().drop()
        if any(self._idle.values()):
            self._timer = loop.call_later(IDLE_SECONDS, self._prune)
