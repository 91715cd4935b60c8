"""`quorum serve --workers`: several processes on one port, over one PostgreSQL and one Redis."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from tests.support.rest import client
from tests.support.server import Server, config
from tests.support.stores import postgres_store
from tests.support.upstream import upstream
from tools.redis import server as redis_server

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timeout(90),
    pytest.mark.needs("postgresql"),
    pytest.mark.needs("redis"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]
SERVE = (sys.executable, "-m", "quorum_mcp", "serve", "--port", "{port}", "--workers", "2")


def children(pid: int) -> set[int]:
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def until(true: object, seconds: float = 30.0) -> None:
    assert callable(true)
    for _ in range(int(seconds / 0.05)):
        if true():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")


async def test_one_that_dies_is_replaced_and_all_end_together(tmp_path: Path) -> None:
    store = await postgres_store(tmp_path)
    with redis_server() as redis:
        async with upstream() as up:
            up.model("a", "It is four.\nCONCLUSION: 4")
            given = config(up.url)
            server = Server(
                tmp_path / "home", given, command=SERVE, QUORUM_DATABASE_URL=store.url, REDIS_URL=redis.url,
                QUORUM_SECRET_KEY="one secret for every worker",
            )  # fmt: skip
            await server.started()
            assert server.process is not None
            parent = server.process.pid
            try:
                first = children(parent)
                assert len(first) == 2
                os.kill(min(first), signal.SIGKILL)
                await until(lambda: len(children(parent) - first) == 1 and len(children(parent)) == 2)
                async with client(server.url, connection="close") as q:
                    for _ in range(6):
                        answer = await q.ask("2 + 2?", ["lab/a"])
                        seen = await q.get(f"/api/session/{answer['session_id']}")
                        assert (seen.status, seen["status"]) == (200, "completed")
                workers = children(parent)
                assert await asyncio.to_thread(server.stop, seconds=30.0) == 0
                assert not any(alive(pid) for pid in workers)
            finally:
                server.kill()


async def test_workers_end_when_their_parent_was_killed(tmp_path: Path) -> None:
    store = await postgres_store(tmp_path)
    with redis_server() as redis:
        server = Server(
            tmp_path / "home", "providers: {}", command=SERVE, QUORUM_DATABASE_URL=store.url, REDIS_URL=redis.url,
            QUORUM_SECRET_KEY="one secret for every worker",
        )  # fmt: skip
        await server.started()
        assert server.process is not None
        workers = children(server.process.pid)
        server.kill()
        await until(lambda: not any(alive(pid) for pid in workers))
