"""The orchestrator's own tools: its state, limits that can only be lowered, a session's context, figures."""

from pathlib import Path

import pytest
from tests.integration.test_mcp_tasks import call, panel, refused

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]


async def test_limits_are_lowered_and_never_raised(tmp_path: Path) -> None:
    async with panel(tmp_path, seats="ab") as (up, client):
        up.model("a", "CONCLUSION: 4", critique="CONCLUSION: 4")
        up.model("b", "CONCLUSION: 5", critique="CONCLUSION: 5")
        set_ = await call(client, "configure_orchestrator", cost_limit=0.5, quality_mode="fast")
        assert set_ == {"strategy": "external_enhancement", "cost_limit": 0.5, "quality_mode": "fast"}
        for more in ({"cost_limit": 0.6}, {"quality_mode": "max"}, {"cost_limit": 100.0}):
            assert (await refused(client, "configure_orchestrator", **more))["code"] == "forbidden"
        await call(client, "think_deeper", problem="2 + 2?", thinking_mode="high")
        assert up.count(kind="critique") == 0  # fast: models only vote
        before = up.count()
        told = await call(client, "orchestrate_task", description="2 + 2 again?")
        assert (up.count() - before, told["agreement"]) == (2, "disagree")

        await call(client, "configure_orchestrator", cost_limit=0.000001)
        error = await refused(client, "think_deeper", problem="2 + 2?", thinking_mode="low")
        assert error["code"] == "budget_exceeded"


async def test_the_strategy_is_the_one_that_was_set(tmp_path: Path) -> None:
    async with panel(tmp_path, seats="ab") as (up, client):
        up.model("a", "An analysis.")
        up.model("b", "A deeper one.\nDEPTH: ENOUGH")
        await call(client, "configure_orchestrator", strategy="progressive_deep_dive")
        told = await call(client, "orchestrate_task", description="Design a cache.")
        assert told["answer"] == "A deeper one."
        status = await call(client, "get_orchestrator_status")
        assert status["configured"]["strategy"] == "progressive_deep_dive"
        assert status["providers"]["lab"] == "ready"
        assert status["sessions"]["completed"] == 1


async def test_a_session_keeps_the_words_it_is_given(tmp_path: Path) -> None:
    async with panel(tmp_path, seats="ab") as (up, client):
        for name in "ab":
            up.model(name, "CONCLUSION: 4")
        first = await call(client, "think_deeper", problem="2 + 2?", thinking_mode="low")
        asked = up.count()
        kept = await call(client, "update_session_context", session_id=first["session_id"],
                          context="We count in twos.")  # fmt: skip
        assert kept == {"session_id": first["session_id"], "turn": 2}
        assert up.count() == asked
        await call(
            client, "think_deeper", problem="Why?", thinking_mode="minimal", session_id=first["session_id"]
        )
        assert "We count in twos." in up.asked[-1].everything
        missing = await refused(client, "update_session_context", session_id="ses_0", context="x")
        assert missing["code"] == "not_found"


async def test_figures_are_those_of_the_period(tmp_path: Path) -> None:
    async with panel(tmp_path, seats="ab") as (up, client):
        for name in "ab":
            up.model(name, "CONCLUSION: 4")
        told = await call(client, "think_deeper", problem="2 + 2?", thinking_mode="low")
        found = await call(client, "get_metrics", period="5m")
        assert (found["calls"], found["succeeded"], found["success_rate"]) == (2, 2, 1.0)
        assert found["cost"] == pytest.approx(told["cost"])
        assert found["calls_per_minute"] == pytest.approx(0.4)
