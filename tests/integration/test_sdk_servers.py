"""The SDK and servers that break off, are killed, stay away, or are something else."""

import asyncio
import contextlib
import time
from pathlib import Path

import pytest
from tests.support.script import Say
from tests.support.server import Server, config, serving
from tests.support.upstream import upstream

from quorum_mcp import Quorum
from quorum_mcp.errors import ConfigError, ServerUnavailable, Unauthenticated
from quorum_mcp.events import Event
from quorum_mcp.providers.sim.server import start as start_sim

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
FOUR = "Two and two make four.\nCONCLUSION: 4"
PANEL = ["lab/a", "lab/b", "lab/c"]


class Cutting:
    """A relay in front of a server that breaks its first connections, each after so many answered bytes."""

    def __init__(self, port: int, *after: int) -> None:
        self._port = port
        self._after = list(after)
        self.cuts = 0

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._port)
        left = self._after.pop(0) if self._after else 10**9

        async def forth() -> None:
            while data := await reader.read(65536):
                inner_writer.write(data)

        sending = asyncio.create_task(forth())
        while left > 0 and (data := await inner_reader.read(left)):
            left -= len(data)
            writer.write(data)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
        self.cuts += left <= 0
        sending.cancel()
        for one in (writer, inner_writer):
            one.transport.abort()


async def test_a_broken_stream_is_taken_up_again(tmp_path: Path) -> None:
    async with upstream() as up, serving(tmp_path, config(up.url)) as rest:
        for name in "abc":
            up.model(name, Say(FOUR, drip=0.05, piece=3))
        relay = Cutting(int(rest.url.rpartition(":")[2]), 700, 0, 900, 1500)
        listener = await asyncio.start_server(relay.relay, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        async with listener, Quorum(rest.url) as direct, Quorum(url) as cut:
            begun = await direct.start("What is 2 + 2?", panel=PANEL, exhaustive=True)
            seen = [event async for event in cut.follow(begun.session_id)]
            stored = [event async for event in direct.follow(begun.session_id)]
        assert relay.cuts == 4
        assert [e for e in seen if not e.type.endswith(".delta")] == stored
        assert [e.seq for e in seen] == sorted({e.seq for e in seen})


@pytest.mark.timeout(60)
@pytest.mark.parametrize("told", [False, True])
async def test_a_server_that_is_killed_and_started_again_ends_what_was_asked(
    told: bool, tmp_path: Path
) -> None:
    async with upstream() as up:
        for name in "abc":
            up.model(name, FOUR)
        up.model("b", Say(FOUR, hold="gate"))
        with Server(tmp_path, config(up.url)) as server:
            seen: list[Event] = []
            async with Quorum(server.url) as q:
                asking = asyncio.create_task(
                    q.ask("What is 2 + 2?", panel=PANEL, progress=seen.append if told else None)
                )
                await up.until(lambda: up.count("a", outcome="finished") and up.open, 10)
                await asyncio.sleep(0.3)  # until the finished answer is stored
                server.kill()
                await asyncio.sleep(2)
                up.release("gate")
                await server.started()
                answer = await asking
            assert (answer.conclusion, answer.agreement, up.count("a")) == ("4", "agree", 1)
            assert [e.seq for e in seen] == sorted({e.seq for e in seen})


@pytest.mark.timeout(60)
async def test_a_server_that_stays_away_leaves_the_name_of_the_session(tmp_path: Path) -> None:
    async with upstream() as up:
        up.model("a", Say(FOUR, hold="never"))
        with Server(tmp_path, config(up.url)) as server:
            async with Quorum(server.url) as q:
                asking = asyncio.create_task(q.ask("What is 2 + 2?", panel=["lab/a"]))
                await up.until(lambda: up.open, 10)
                session_id = (await q.sessions()).sessions[0].session_id
                server.kill()
                died = time.monotonic()
                with pytest.raises(ServerUnavailable, match=f"went away while {session_id}") as gone:
                    await asking
            assert 9 < time.monotonic() - died < 20
        assert gone.value.details["session_id"] == session_id
        assert f"quorum sessions show {session_id}" in (gone.value.hint or "")


async def test_a_key_that_cannot_be_sent_is_refused() -> None:
    for key in ("two\nlines", "cr\r", "schlüssel"):
        with pytest.raises(ConfigError, match="cannot be sent"):
            async with Quorum("http://127.0.0.1:9", key):
                pass
    async with Quorum(f"http://{'a' * 70}.invalid") as q:
        with pytest.raises(ServerUnavailable, match="cannot be reached"):
            await q.sessions()


async def test_servers_that_are_not_there_or_are_something_else(tmp_path: Path) -> None:
    async with upstream() as up:
        async with Quorum("http://127.0.0.1:9") as q:
            with pytest.raises(ServerUnavailable, match="cannot be reached") as gone:
                await q.ask("?x")
        assert gone.value.exit_code == 4
        async with await start_sim() as other, Quorum(other.url) as q:
            with pytest.raises(ServerUnavailable, match="does not answer as Quorum does: status 404"):
                await q.models()
    async with serving(tmp_path, config(up.url), QUORUM_BOOTSTRAP_KEY="right") as rest:
        async with Quorum(rest.url, "wrong") as q:
            with pytest.raises(Unauthenticated):
                await q.sessions()
            with pytest.raises(Unauthenticated):
                _ = [e async for e in q.follow("ses_x")]
        async with Quorum(rest.url, "right") as q:
            assert (await q.sessions()).sessions == []
