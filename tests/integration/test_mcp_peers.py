"""MCP sessions of the older revision among several processes: a session is reached through each of them."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp_types import ElicitResult
from tests.integration.providers.byteserver import byte_server, whole
from tests.integration.test_mcp_resuming import events, resumed
from tests.integration.test_workers import SERVE, children, until
from tests.support.balancer import balancer
from tests.support.keys import BEARER, BOOTSTRAP, make_key
from tests.support.mcp import LEGACY, Wire, bare, messages, over_http
from tests.support.rest import client
from tests.support.script import Say
from tests.support.server import Server, config
from tests.support.stores import postgres_store
from tests.support.upstream import Upstream, upstream
from tools.redis import server as redis_server

from quorum_mcp.access.master_keys import MasterKey, MasterKeys
from quorum_mcp.api.mcp.peers import MARK, PROVING, Peers

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
SECRET = "one secret for every process"
TIMES = 8
"""Connections after which both of two workers were asked, but for once in a hundred runs."""
DEAR = {"input_per_million": 10.0, "output_per_million": 100.0}
SAID = [{"role": "user", "content": "x"}]


class Pair:
    """Two servers on databases of their own, which reach each other."""

    def __init__(self, up: Upstream, first: Server, second: Server) -> None:
        self.up, self.first, self.second = up, first, second

    @asynccontextmanager
    async def wire(self, **headers: str) -> AsyncGenerator[Wire, None]:
        """A session of the first server whose requests go to the second one."""
        async with bare(self.first.url, LEGACY, **(headers or BEARER)) as wire:
            wire.url = self.second.url + "/mcp"
            yield wire


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Pair, None]:
    folder = tmp_path_factory.mktemp("pair")
    async with upstream() as up:
        given = config(up.url, price=DEAR, panels={"default": ["lab/a"]}, mcp={"confirm_above": 0.5})
        servers = [
            Server(folder / name, given, QUORUM_SECRET_KEY=SECRET, QUORUM_BOOTSTRAP_KEY=BOOTSTRAP)
            for name in ("first", "second")
        ]
        for server in servers:
            server.env["QUORUM_PEER_URL"] = server.url
        await asyncio.gather(*(server.started() for server in servers))
        try:
            yield Pair(up, *servers)
        finally:
            for server in servers:
                server.kill()


@pytest.fixture(autouse=True)
def forgotten(request: pytest.FixtureRequest) -> None:
    if "pair" in request.fixturenames:
        up: Upstream = request.getfixturevalue("pair").up
        up.asked.clear()
        up.models.clear()


async def counted(wire: Wire, status: int = 200) -> None:
    async with wire.call("count_tokens", text="a few words") as response:
        assert response.status == status, await response.text()
        if status == 200:
            assert "tokens" in (await messages(response))[-1]["result"]["structuredContent"]


async def ended(wire: Wire) -> int:
    async with wire._session.delete(wire.url, headers=wire._headers) as response:
        return response.status


async def test_calls_streams_and_the_end_of_a_session_go_through(pair: Pair) -> None:
    pair.up.model("a", Say("It is four.", latency=0.1))
    async with pair.wire() as wire:
        await counted(wire)
        async with wire.call("generate", token=7, model="lab/a", messages=SAID) as response:
            assert response.headers.getall("x-request-id") != []
            assert len(response.headers.getall("x-request-id")) == 1
            first, *_, last = events(await response.text())
        assert last.message["result"]["structuredContent"]["answer"] == "It is four."
        assert (await resumed(wire, first["id"]))[-1].message == last.message
        assert pair.up.count() == 1
        assert await ended(wire) == 200
        await counted(wire, 404)
        wire.url = pair.first.url + "/mcp"
        await counted(wire, 404)


async def test_a_stream_flows_and_stops_with_its_caller(pair: Pair) -> None:
    pair.up.model("a", Say("one two three four five", drip=0.2, piece=4))
    async with pair.wire() as wire:
        async with wire.call("generate", token=1, model="lab/a", messages=SAID, stream=True) as response:
            async for line in response.content:
                if b"notifications/progress" in line:
                    break
            await pair.up.until(lambda: len(pair.up.open) == 1)
            response.close()
        await pair.up.until(lambda: pair.up.count(outcome="dropped") == 1)


async def test_a_call_is_cancelled_by_a_message_through_another(pair: Pair) -> None:
    pair.up.model("a", Say(fail="hang"))
    async with pair.wire() as wire:
        calling = asyncio.ensure_future(_answer(wire))
        await pair.up.until(lambda: len(pair.up.open) == 1)
        wire.url = pair.first.url + "/mcp"
        async with wire.post("notifications/cancelled", {"requestId": wire.last_id}) as response:
            assert response.status == 202
        await pair.up.until(lambda: not pair.up.open)
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)


async def _answer(wire: Wire) -> None:
    async with wire.call("generate", model="lab/a", messages=SAID) as response:
        await response.read()


async def test_what_a_person_answers_finds_the_question(pair: Pair) -> None:
    pair.up.model("a", "CONCLUSION: 4")
    asked: list[str] = []

    async def person(_: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"go_on": True})

    options = {"elicitation_callback": person}
    async with (
        balancer([pair.first.port, pair.second.port]) as balanced,
        over_http(balanced.url, LEGACY, options=options, connection="close", **BEARER) as mcp,
    ):
        for _ in range(2):
            result = await mcp.call_tool("think_deeper", {"problem": "2 + 2?", "thinking_mode": "low"})
            assert not result.is_error, result.content
            assert result.structured_content["conclusion"] == "4"
    assert len(asked) == 2


async def test_a_session_answers_only_to_whoever_opened_it(pair: Pair) -> None:
    async with client(pair.second.url, **BEARER) as q:
        other = await make_key(q, scopes=["ask", "read"])
    async with pair.wire() as wire:
        for shown in (other["key"], "nonsense"):  # let in by the second only, and by neither
            wire._headers["authorization"] = f"Bearer {shown}"
            await counted(wire, 401)
        del wire._headers["authorization"]
        await counted(wire)


async def test_ids_that_nobody_gave_lead_nowhere(pair: Pair) -> None:
    stranger = MasterKeys([MasterKey(1, "another secret altogether")], Path("/nowhere"), makes_file=False)
    forged = Peers(stranger, "http://127.0.0.1:9").name("0" * 32)
    async with pair.wire() as wire:
        own = wire._headers["mcp-session-id"]
        other = ("1" if own[0] == "0" else "0") + own[1:]
        for name in (own.partition(".")[0], other, own[:-2], own + "A", forged, "x.", ".", "a.b.c"):
            wire._headers["mcp-session-id"] = name
            await counted(wire, 404)


async def test_what_was_handed_on_goes_no_further(pair: Pair) -> None:
    async with pair.wire(**BEARER, **{MARK: "1"}) as wire:
        await counted(wire, 404)
        wire.url = pair.first.url + "/mcp"
        await counted(wire)


async def test_a_session_of_a_dead_server_is_gone(pair: Pair) -> None:
    keys = MasterKeys([MasterKey(1, SECRET)], Path("/nowhere"), makes_file=False)
    async with pair.wire() as wire:
        wire._headers["mcp-session-id"] = Peers(keys, "http://127.0.0.1:9").name("0" * 32)
        await counted(wire, 404)


@pytest.mark.parametrize("says", [{}, {"x-quorum-proof": "AAAA"}, {"x-quorum-proof": "an old one"}])
async def test_a_callers_key_goes_only_to_who_holds_the_master_keys(pair: Pair, says: dict[str, str]) -> None:
    keys = MasterKeys([MasterKey(1, SECRET)], Path("/nowhere"), makes_file=False)
    async with byte_server() as stranger:  # at an address that was a server's once
        old = keys.current().seal("another challenge", PROVING).token
        given = {name: old if value == "an old one" else value for name, value in says.items()}
        stranger.answer = lambda _: whole({"status": "ok"}, headers=given)
        async with pair.wire() as wire:
            wire._headers["mcp-session-id"] = Peers(keys, stranger.url).name("0" * 32)
            await counted(wire, 404)
        assert [request.path for request in stranger.requests] == ["/api/health/live"]
        assert BOOTSTRAP not in str(stranger.requests)


async def test_only_what_peers_may_ask_is_proven(pair: Pair) -> None:
    async with client(pair.second.url) as q:
        for challenge, proven in (("abc", True), ("x" * 65, False), (None, False)):
            headers = {} if challenge is None else {"x-quorum-challenge": challenge}
            answer = await q.get("/api/health/live", headers=headers)
            assert (answer.body, "x-quorum-proof" in answer.headers) == ({"status": "ok"}, proven)


@pytest.mark.needs("postgresql")
@pytest.mark.needs("redis")
async def test_every_worker_leads_to_a_session(tmp_path: Path) -> None:
    store = await postgres_store(tmp_path)
    with redis_server() as redis:
        server = Server(
            tmp_path / "home", "providers: {}", command=SERVE, QUORUM_DATABASE_URL=store.url,
            REDIS_URL=redis.url, QUORUM_SECRET_KEY=SECRET,
        )  # fmt: skip
        await server.started()
        assert server.process is not None
        try:
            async with bare(server.url, LEGACY, connection="close") as wire:
                for _ in range(TIMES):
                    await counted(wire)
                first = children(server.process.pid)
                for pid in first:
                    os.kill(pid, signal.SIGKILL)
                    await until(lambda: len(children(server.process.pid) - first) > 0)
                await until(lambda: len(children(server.process.pid) - first) == 2)
                await counted(wire, 404)
            async with bare(server.url, LEGACY, connection="close") as wire:
                for _ in range(TIMES):
                    await counted(wire)
                assert await ended(wire) == 200
            assert await asyncio.to_thread(server.stop, seconds=30.0) == 0
        finally:
            server.kill()
