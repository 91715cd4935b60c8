"""Tools that give models a task: strategies that differ, depth, one model, and what comes back meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from tests.support.keys import eventually
from tests.support.mcp import LEGACY, MODERN, bare, over_http
from tests.support.script import Say
from tests.support.server import config, serving
from tests.support.upstream import Upstream, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
BOTH = pytest.mark.parametrize("revision", [MODERN, LEGACY])
TASK = {"description": "Design a cache."}


@asynccontextmanager
async def panel(
    tmp_path: Path, revision: str = MODERN, seats: str = "abc", **more: Any
) -> AsyncIterator[tuple[Upstream, Client]]:
    """A server whose default panel is the models named by letters, and a client of it."""
    async with upstream() as up:
        given = config(up.url, panels={"default": [f"lab/{name}" for name in seats]}, **more)
        async with serving(tmp_path, given) as rest, over_http(rest.url, revision) as client:
            yield up, client


async def call(client: Client, tool: str, **given: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, given)
    assert not result.is_error, result.content
    return result.structured_content


async def refused(client: Client, tool: str, **given: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, given)
    assert result.is_error, result.structured_content
    return json.loads(result.content[0].text)["error"]


@BOTH
async def test_external_enhancement_lets_others_improve_a_draft(tmp_path: Path, revision: str) -> None:
    async with panel(tmp_path, revision) as (up, client):
        up.model("a", ["The draft.", "The final answer."])
        up.model("b", "Fine as it is.\nVERDICT: SOUND")
        up.model("c", "It forgets eviction.\nVERDICT: FLAWED")
        told = await call(client, "orchestrate_task", **TASK, strategy="external_enhancement")
        assert [asked.model for asked in up.asked] in (["a", "b", "c", "a"], ["a", "c", "b", "a"])
        assert "The draft." in up.of("b")[0].prompt
        assert "It forgets eviction." in up.of("a")[1].prompt
    assert (told["status"], told["answer"]) == ("completed", "The final answer.")
    assert (told["agreement"], told["confidence"]) == ("disagree", None)
    assert [one["member"] for one in told["dissent"]] == ["lab/c"]
    assert told["cost"] > 0
    assert told["session_id"].startswith("ses_")


async def test_a_draft_that_nobody_can_review_is_the_answer(tmp_path: Path) -> None:
    async with panel(tmp_path) as (up, client):
        up.model("a", "The draft.")
        up.model("b", Say(fail="auth"))
        up.model("c", Say(fail="auth"))
        told = await call(client, "orchestrate_task", **TASK, strategy="external_enhancement")
        assert (told["answer"], told["degraded"]) == ("The draft.", True)
        assert any("nobody reviewed" in warning for warning in told["warnings"])


async def test_the_next_model_leads_where_the_first_one_fails(tmp_path: Path) -> None:
    async with panel(tmp_path) as (up, client):
        up.model("a", Say(fail="auth"))
        up.model("b", ["The draft.", "The final answer."])
        up.model("c", "VERDICT: SOUND")
        told = await call(client, "orchestrate_task", **TASK, strategy="external_enhancement")
        assert (told["answer"], told["agreement"], told["degraded"]) == ("The final answer.", "agree", True)


async def test_the_council_deliberates(tmp_path: Path) -> None:
    async with panel(tmp_path, seats="ab") as (up, client):
        up.model("a", "CONCLUSION: 4", critique="I keep it.\nCONCLUSION: 4")
        up.model("b", "CONCLUSION: 5", critique='ERROR: "CONCLUSION: 5" - two and two is four\nCONCLUSION: 4')
        told = await call(client, "orchestrate_task", description="2 + 2?", strategy="max_quality_council")
        assert up.count(kind="critique") == 2
        assert (told["conclusion"], told["agreement"]) == ("4", "agree")
        assert told["confidence"] == 0.5  # of the first round, when nobody had seen the others


async def test_a_council_that_has_to_agree_says_when_it_does_not(tmp_path: Path) -> None:
    strategies = {"max_quality_council": {"models": ["lab/c", "lab/d"], "require_consensus": True}}
    async with panel(tmp_path, strategies=strategies) as (up, client):
        up.model("c", "CONCLUSION: 4", critique="CONCLUSION: 4")
        up.model("d", "CONCLUSION: 5", critique="CONCLUSION: 5")
        error = await refused(
            client, "orchestrate_task", description="2 + 2?", strategy="max_quality_council"
        )
        assert error["code"] == "no_consensus"
        assert {asked.model for asked in up.asked} == {"c", "d"}


async def test_a_deep_dive_goes_on_until_it_is_deep_enough(tmp_path: Path) -> None:
    async with panel(tmp_path) as (up, client):
        up.model("a", "A first analysis.")
        up.model("b", "A deeper one.\nDEPTH: ENOUGH")
        up.model("c", "The deepest one.")
        told = await call(client, "orchestrate_task", **TASK, strategy="progressive_deep_dive")
        assert [asked.model for asked in up.asked] == ["a", "b"]
        assert "A first analysis." in up.of("b")[0].prompt
        assert told["answer"] == "A deeper one."

        up.model("b", "A deeper one.\nDEPTH: MORE")
        told = await call(client, "orchestrate_task", **TASK, strategy="progressive_deep_dive")
        assert [asked.model for asked in up.asked[2:]] == ["a", "b", "c"]
        assert told["answer"] == "The deepest one."


async def test_thinking_grows_with_its_mode(tmp_path: Path) -> None:
    async with panel(tmp_path, seats="ab") as (up, client):
        for name in "ab":
            up.model(name, "CONCLUSION: 4", attack="NO OBJECTION", defence="CONCLUSION: 4")
        asked: dict[str, int] = {}
        for mode in ("minimal", "low", "max"):
            before = up.count()
            await call(client, "think_deeper", problem=f"2 + 2, {mode}?", thinking_mode=mode)
            asked[mode] = up.count() - before
        assert asked["minimal"] == 1
        assert asked["low"] == 2
        assert up.count(kind="attack") == 1
        assert asked["max"] > 2


async def test_one_model_is_asked_and_remembers(tmp_path: Path) -> None:
    async with panel(tmp_path) as (up, client):
        up.model("c", ["Four.", "Eight."])
        first = await call(client, "query_specific_model", model="lab/c", description="2 + 2?",
                           parameters={"max_tokens": 50, "temperature": 0.1})  # fmt: skip
        body = up.asked[0].body
        assert (first["answer"], body["temperature"]) == ("Four.", 0.1)
        assert 50 in (body.get("max_tokens"), body.get("max_completion_tokens"))
        again = await call(client, "query_specific_model", model="lab/c", description="Twice that?",
                           session_id=first["session_id"])  # fmt: skip
        assert (again["answer"], again["session_id"]) == ("Eight.", first["session_id"])
        assert "Four." in up.asked[1].everything


@BOTH
async def test_a_long_task_answers_early_and_goes_on(tmp_path: Path, revision: str) -> None:
    async with panel(tmp_path, revision, mcp={"wait_seconds": 0.5}) as (up, client):
        up.model("a", "The draft.")
        up.model("b", Say("VERDICT: SOUND", hold="go"))
        up.model("c", Say("VERDICT: SOUND", hold="go"))
        early = await call(client, "orchestrate_task", **TASK, strategy="external_enhancement")
        assert (early["status"], early["answer"]) == ("running", None)
        while not early["progress"]:
            early = await call(client, "q_out", session_id=early["session_id"])
        assert (early["status"], early["answer"]) == ("running", None)
        assert early["progress"][0].startswith("lab/a answered")
        up.release("go")
        late = await call(client, "q_out", session_id=early["session_id"])
        assert (late["status"], late["answer"]) == ("completed", "The draft.")


@BOTH
async def test_a_caller_that_hangs_up_stops_the_task(tmp_path: Path, revision: str) -> None:
    async with (
        upstream() as up,
        serving(tmp_path, config(up.url, panels={"default": ["lab/a", "lab/b"]})) as rest,
    ):
        for name in "ab":
            up.model(name, Say(fail="hang"))
        async with bare(rest.url, revision) as wire:
            given = {"description": "Design a cache.", "strategy": "max_quality_council"}

            async def ask() -> None:
                async with wire.call("orchestrate_task", token=1, **given) as response:
                    await response.read()

            asking = asyncio.ensure_future(ask())
            await up.until(lambda: len(up.open) == 2)
            asking.cancel()
            await up.until(lambda: up.count(outcome="dropped") == 2, 1.0)
            await asyncio.gather(asking, return_exceptions=True)

        async def ended() -> bool:
            sessions = (await rest.get("/api/sessions"))["sessions"]
            return [session["status"] for session in sessions] == ["cancelled"]

        await eventually(ended)


async def test_the_settings_leave_providers_out(tmp_path: Path) -> None:
    async with panel(tmp_path, mcp={"exclude_providers": ["lab"]}) as (up, client):
        error = await refused(client, "think_deeper", problem="2 + 2?", thinking_mode="low")
        assert "nobody is left" in error["message"]
        assert up.count() == 0


async def test_a_task_is_judged_without_asking(tmp_path: Path) -> None:
    async with panel(tmp_path) as (up, client):
        for name in "abc":
            up.model(name)
        easy = await call(client, "analyze_task", description="What is 2 + 2?")
        hard = await call(
            client, "analyze_task", code_context="x = 1\n" * 4_000,
            description="Refactor the distributed queue: races, consistency and security matter.",
        )  # fmt: skip
        assert (easy["complexity"], hard["complexity"]) == ("simple", "complex")
        assert hard["strategy"] == "max_quality_council"
        assert easy["models"] == ["lab/a", "lab/b", "lab/c"]
        assert 0 < easy["worst_case_usd"] < hard["worst_case_usd"]
        assert up.count() == 0
