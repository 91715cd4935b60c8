"""New callers of a busy server: taken several at a time, and again after there was no room."""

import asyncio
import errno
import socket
import time
from typing import Any, cast

import pytest

from quorum_mcp.api import accepting
from quorum_mcp.api.accepting import Acceptor

pytestmark = pytest.mark.anyio
CALLERS = 160
BUSY_SECONDS = 0.01


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: Any) -> Any:
    return "asyncio", {"use_uvloop": request.param}


class Greeting(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        own = cast("asyncio.Transport", transport)
        own.write(b"hello")
        own.close()


class Crowded(socket.socket):
    """A listener that has no room at first."""

    refused = 0

    def accept(self) -> tuple[socket.socket, Any]:
        if self.refused < 2:
            self.refused += 1
            raise OSError(errno.EMFILE, "too many open files")
        return super().accept()


def called(port: int, count: int) -> list[socket.socket]:
    return [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]


async def greeted(callers: list[socket.socket]) -> None:
    loop = asyncio.get_running_loop()
    for caller in callers:
        caller.setblocking(False)
    async with asyncio.timeout(4):
        heard = await asyncio.gather(*(loop.sock_recv(caller, 10) for caller in callers))
    for caller in callers:
        caller.close()
    assert set(heard) == {b"hello"}


async def test_a_busy_server_takes_several_at_a_time() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=CALLERS) as listener:
        acceptor = Acceptor(listener, Greeting)
        callers = await asyncio.to_thread(called, listener.getsockname()[1], CALLERS)
        busy = True

        async def work() -> None:
            while busy:
                time.sleep(BUSY_SECONDS)  # noqa: ASYNC251 - the point of it
                await asyncio.sleep(0)

        working = asyncio.create_task(work())
        began = time.monotonic()
        await greeted(callers)
        # One each time round would take a busy turn for each.
        assert time.monotonic() - began < CALLERS * BUSY_SECONDS / 2
        busy = False
        await working
        acceptor.close()
        await acceptor.wait_closed()


async def test_callers_wait_while_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "PAUSE_SECONDS", 0.05)
    with Crowded() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        acceptor = Acceptor(listener, Greeting)
        await greeted(await asyncio.to_thread(called, listener.getsockname()[1], 3))
        assert listener.refused == 2
        acceptor.close()
        acceptor.close()
        await acceptor.wait_closed()
