"""The SDK, embedded and against a server: the same bodies for both, through a provider on loopback."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.script import Say
from tests.support.server import config, environment, serving, write_config
from tests.support.upstream import Upstream, upstream

import quorum_mcp
from quorum_mcp import Quorum, SyncQuorum
from quorum_mcp.client.outcome import answer_in
from quorum_mcp.client.quorum import Quorum as RemoteOnly
from quorum_mcp.config.load import load
from quorum_mcp.config.settings import Settings
from quorum_mcp.consensus.query import QueryAnswer
from quorum_mcp.errors import (
    Cancelled,
    ConfigError,
    InvalidInput,
    ModelNotFound,
    NoConsensus,
    NotFound,
)
from quorum_mcp.events import Event

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
FOUR = "Two and two make four.\nCONCLUSION: 4"
BOTH = pytest.mark.parametrize("where", ["embedded", "remote"])
PANEL = ["lab/a", "lab/b", "lab/c"]


def settings_of(home: Path, url: str) -> Settings:
    file = write_config(home, config(url))
    return load(config=file, env=environment(home, file, {}), cwd=home)


@contextlib.asynccontextmanager
async def opened(where: str, home: Path) -> AsyncIterator[tuple[Upstream, Quorum]]:
    """An open client of each kind, over an upstream whose models a, b and c all say four."""
    async with upstream() as up, contextlib.AsyncExitStack() as stack:
        for name in "abc":
            up.model(name, FOUR)
        settings = settings_of(home / "client", up.url)
        url = None
        if where == "remote":
            url = (await stack.enter_async_context(serving(home / "server", config(up.url)))).url
        yield up, await stack.enter_async_context(Quorum(url, settings=settings))


@BOTH
async def test_ask_gives_a_typed_answer(where: str, tmp_path: Path) -> None:
    async with opened(where, tmp_path) as (up, q):
        answer = await q.ask("What is 2 + 2?", panel=PANEL)
        assert isinstance(answer, QueryAnswer)
        assert (answer.conclusion, answer.agreement, answer.confidence) == ("4", "agree", 1.0)
        assert answer.calls == up.count() == 2
        assert answer.total_cost > 0
        assert [r.status for r in answer.provider_responses] == ["ok", "ok", "skipped"]


@BOTH
async def test_options_reach_the_run(where: str, tmp_path: Path) -> None:
    async with opened(where, tmp_path) as (up, q):
        notes = tmp_path / "notes.md"
        notes.write_text("The rollout is owned by Mia.")
        answer = await q.ask(
            "Who owns it?", panel=("lab/a", "lab/b"), mode="full_deliberation", exhaustive=True, files=[notes],
            context="It is spring.", max_tokens=77, temperature=0.25, synthesizer=None, tags=("t",),
        )  # fmt: skip
        assert answer.mode == "full_deliberation"
        for asked in up.of(kind="seat"):
            assert "owned by Mia" in asked.everything
            assert "It is spring." in asked.everything
            assert (asked.body["max_tokens"], asked.body["temperature"]) == (77, 0.25)
        assert up.count(kind="synthesis") == 0
        up.model("c", FOUR, synthesis="In prose, the answer is 4.")
        written = await q.ask("What is 2 + 2?", panel=PANEL, synthesizer="lab/c")
        assert (written.consensus, up.count("c", "synthesis")) == ("In prose, the answer is 4.", 1)


@BOTH
async def test_a_stream_tells_what_happens_until_the_answer(where: str, tmp_path: Path) -> None:
    async with opened(where, tmp_path) as (up, q):
        up.model("a", Say(FOUR, drip=0.02, piece=4))
        texts: dict[str, str] = {}
        seen: list[Event] = []
        async for event in q.stream("What is 2 + 2?", panel=PANEL):
            seen.append(event)
            if event.type == "call.delta":
                key, offset = event.data["key"], event.data["offset"]
                texts[key] = texts.get(key, "")[:offset] + event.data["text"]
                assert FOUR.startswith(texts[key])
        assert [e.seq for e in seen] == sorted({e.seq for e in seen})
        assert (seen[0].type, seen[-1].type) == ("run.started", "run.finished")
        assert max(map(len, texts.values())) > 4
        answer = answer_in(seen[-1])
        assert answer is not None
        assert answer == QueryAnswer.model_validate((await q.session(answer.session_id)).model_dump())


@pytest.mark.usefixtures("each_engine")
@BOTH
async def test_a_stream_of_a_follow_up_holds_its_own_turn_only(where: str, tmp_path: Path) -> None:
    async with opened(where, tmp_path) as (up, q):
        first = await q.ask("What is 2 + 2?", panel=PANEL)
        again = [e async for e in q.stream("And again?", panel=PANEL, session_id=first.session_id)]
        assert {e.data.get("turn", 2) for e in again} == {2}
        assert [e.type for e in again].count("run.finished") == 1
        assert FOUR in up.asked[-1].everything
        assert len((await q.session(first.session_id)).turns) == 2


@BOTH
async def test_leaving_a_stream_or_an_ask_cancels_the_run(where: str, tmp_path: Path) -> None:
    async with opened(where, tmp_path) as (up, q):
        for name in "ab":
            up.model(name, Say(FOUR, hold="never"))
        async with contextlib.aclosing(q.stream("Left?", panel=PANEL)) as events:
            async for event in events:
                if event.type == "call.started":
                    break
        await up.until(lambda: up.asked and not up.open, 2.0)
        for progress in (None, lambda _: None):
            waiting = asyncio.create_task(q.ask("Left?", panel=PANEL, progress=progress))
            await up.until(lambda: len(up.open) == 2)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert await up.until(lambda: not up.open, 2.0) < 1.5
        assert {a.outcome for a in up.asked} == {"dropped"}
        await until_ended(q, 3)
        assert {s.status for s in (await q.sessions()).sessions} == {"cancelled"}


async def until_ended(q: Quorum, count: int) -> None:
    """Wait until as many sessions are listed and none of them runs."""
    until = time.monotonic() + 3
    while True:
        states = [s.status for s in (await q.sessions()).sessions]
        if len(states) == count and "running" not in states:
            return
        assert time.monotonic() < until, states
        await asyncio.sleep(0.05)


@pytest.mark.usefixtures("each_engine")
@BOTH
async def test_a_started_run_is_followed_from_any_number_and_cancelled(where: str, tmp_path: Path) -> None:
    async with opened(where, tmp_path) as (up, q):
        up.model("b", Say(FOUR, hold="gate"))
        begun = await q.start("What is 2 + 2?", panel=PANEL)
        assert begun.status == "running"
        early = []
        async with contextlib.aclosing(q.follow(begun.session_id)) as events:
            async for event in events:
                early.append(event)
                if event.type == "call.finished":
                    break
        assert (await q.session(begun.session_id)).status == "running", "leaving follow leaves the run alone"
        up.release("gate")
        late = [e async for e in q.follow(begun.session_id, after=early[-1].seq)]
        assert min(e.seq for e in late) > early[-1].seq
        assert late[-1].type == "run.finished"
        assert [e async for e in q.follow(begun.session_id, after=late[-1].seq)] == []
        assert (await q.cancel(begun.session_id)).status == "completed"

        up.model("b", Say(FOUR, hold="never"))
        other = await q.start("What is 3 + 1?", panel=PANEL)
        assert (await q.cancel(other.session_id)).status == "cancelled"
        last = [e async for e in q.follow(other.session_id)][-1]
        with pytest.raises(Cancelled) as caught:
            answer_in(last)
        assert caught.value.details["session_id"] == other.session_id


@BOTH
async def test_errors_are_typed(where: str, tmp_path: Path) -> None:
    async with opened(where, tmp_path) as (up, q):
        with pytest.raises(ModelNotFound) as unknown:
            await q.ask("?x", panel=["lob/a"])
        assert unknown.value.exit_code == 6
        with pytest.raises(InvalidInput) as misspelt:
            await q.ask("?x", panle=PANEL)  # pyright: ignore[reportCallIssue] - wrong on purpose
        assert misspelt.value.hint == "did you mean 'panel'?"
        with pytest.raises(InvalidInput):
            await q.ask("  ", panel=PANEL)
        with pytest.raises(InvalidInput, match=r"missing\.md"):
            await q.ask("?x", files=[tmp_path / "missing.md"])
        with pytest.raises(NotFound):
            await q.session("ses_none")
        with pytest.raises(NotFound):
            _ = [e async for e in q.follow("ses_none")]
        with pytest.raises(NotFound) as operation:
            await q.invoke("sesion.get", session_id="x")
        assert operation.value.hint == "did you mean 'session.get'?"
        assert up.count() == 0


@BOTH
@pytest.mark.parametrize("told", [False, True])
async def test_a_required_consensus_that_is_none(where: str, told: bool, tmp_path: Path) -> None:
    async with opened(where, tmp_path) as (up, q):
        up.model("b", "CONCLUSION: 5")
        seen: list[Event] = []
        progress = seen.append if told else None
        with pytest.raises(NoConsensus) as none:
            await q.ask("2+2?", panel=["lab/a", "lab/b"], require_consensus=True, progress=progress)
        assert none.value.details["answer"]["agreement"] == "disagree"
        assert none.value.details["session_id"]
        assert bool(seen) is told
        up.model("b", FOUR)
        agreed = await q.ask("2+2?", panel=["lab/a", "lab/b"], require_consensus=True, progress=progress)
        assert agreed.agreement == "agree"


@pytest.mark.usefixtures("each_engine")
@BOTH
async def test_the_other_methods(where: str, tmp_path: Path) -> None:
    async with opened(where, tmp_path) as (up, q):
        assert "lab" in {p.name for p in (await q.providers()).providers if p.status == "healthy"}
        listed = await q.models("lab", refresh=True)
        assert [m.name for m in listed.models] == PANEL
        estimate = await q.estimate("2+2?", panel=PANEL)
        assert (estimate.seats, up.count()) == (PANEL, 0)
        assert (estimate.worst_case_usd or 0) > 0
        assert (await q.agreement("CONCLUSION: 4", "CONCLUSION: 4.0")).agreement == "agree"
        answers = [await q.ask(f"What is {n} + {n}?", panel=PANEL) for n in range(3)]
        page = await q.sessions(limit=2)
        rest = await q.sessions(limit=2, cursor=page.next)
        assert [s.session_id for s in (*page.sessions, *rest.sessions)] == [
            a.session_id for a in answers[::-1]
        ]
        exported = [await q.export(answers[0].session_id, form) for form in ("md", "html", "json")]
        assert all("What is 0 + 0?" in text for text in exported)
        health = await q.invoke("health")
        assert health.model_dump()["status"] == "healthy"
        called = answers[0].provider_responses[0].call_id
        assert (await q.invoke("calls.get", call_id=called)).model_dump()["trace"]


@BOTH
async def test_the_blocking_twin(where: str, tmp_path: Path) -> None:
    def all_of_it(url: str | None, settings: Settings) -> None:
        with SyncQuorum(url, settings=settings) as q:
            answer = q.ask("What is 2 + 2?", panel=PANEL)
            assert answer.conclusion == "4"
            events = list(q.stream("And 3 + 1?", panel=PANEL, session_id=answer.session_id))
            assert events[-1].type == "run.finished"
            assert [e.seq for e in q.follow(answer.session_id)][-1] == events[-1].seq
            stream = q.stream("Left?", panel=PANEL)
            next(stream)
            stream.close()  # pyright: ignore[reportAttributeAccessIssue] - an iterator that is a generator
            begun = q.start("What is 2 + 2?", panel=PANEL)
            assert q.cancel(begun.session_id).status in ("cancelled", "completed")
            assert q.session(answer.session_id).session_id == answer.session_id
            assert len(q.sessions().sessions) == 3
            assert "2 + 2" in q.export(answer.session_id)
            assert q.providers().providers
            assert len(q.models("lab", refresh=True).models) == 3
            assert q.estimate("?x", panel=PANEL).seats == PANEL
            assert q.agreement("4", "four").a == "4"
            assert q.invoke("health").model_dump()["session_manager"] == "running"
            with pytest.raises(ModelNotFound):
                q.ask("?x", panel=["lob/a"])
        with pytest.raises(RuntimeError, match="not open"):
            q.providers()

    async with upstream() as up, contextlib.AsyncExitStack() as stack:
        for name in "abc":
            up.model(name, FOUR)
        url = None
        if where == "remote":
            url = (await stack.enter_async_context(serving(tmp_path / "server", config(up.url)))).url
        await asyncio.to_thread(all_of_it, url, settings_of(tmp_path / "client", up.url))


async def test_a_client_without_the_wiring_needs_a_server(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no server is named"):
        async with RemoteOnly(settings=settings_of(tmp_path, "http://127.0.0.1:9/v1")):
            pass
    assert issubclass(quorum_mcp.Quorum, RemoteOnly)
    with pytest.raises(RuntimeError, match="not open"):
        await Quorum().ask("?x")
