"""Taking new callers: as many as are there, each time round.

uvloop by itself takes one each time round its loop, so that a server with much to do would let new callers wait for
seconds, however short the answers are that it gives to others.
"""

import asyncio
import errno
import socket
from collections.abc import Callable

import structlog

BACKLOG = 2048
"""Callers that may wait to be taken."""
AT_ONCE = 16
"""How many are taken before others have their turn again, another worker among them."""
PAUSE_SECONDS = 1.0
"""How long nobody is taken after there was no room for one more."""
NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

log = structlog.get_logger()


class Acceptor:
    """Takes callers from `listener` until `close`; what asyncio's servers are to uvicorn."""

    def __init__(self, listener: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> None:
        self._listener = listener
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[object]] = set()
        self._open = True
        listener.setblocking(False)
        listener.listen(BACKLOG)
        self._resume()

    def close(self) -> None:
        """Take nobody any more."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._listener)

    async def wait_closed(self) -> None:
        """Return when nobody is being taken."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _resume(self) -> None:
        if self._open:
            self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                taken, _address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in NO_ROOM:
                    raise
                log.warning(
                    "server.no_room", error=str(error), hint="raise the limit of open files (ulimit -n)"
                )
                self._loop.remove_reader(self._listener)
                self._loop.call_later(PAUSE_SECONDS, self._resume)
                return
            taken.setblocking(False)
            if taken.family != socket.AF_UNIX:
                taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol, taken))
            self._tasks.add(task)
            task.add_done_callback(self._taken)

    def _taken(self, task: "asyncio.Task[object]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("server.caller_lost", error=str(error))
