"""`max_cost` bounds a whole run, by the upstream's own count of what it read and wrote."""

import asyncio
import random
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.support.keys import eventually
from tests.support.open_question import QUESTION, REVIEWS, honest, placing
from tests.support.rest import Rest
from tests.support.script import Say
from tests.support.server import PRICE, config, scripted, serving
from tests.support.upstream import Upstream, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
FOUR, FIVE = "Two and two is four.\nCONCLUSION: 4", "I count five.\nCONCLUSION: 5"
ABC = ["lab/a", "lab/b", "lab/c"]


def bill(up: Upstream) -> float:
    """USD of everything that reached the upstream, at the price of the configuration."""
    read, wrote = up.billed()
    return (read * PRICE["input_per_million"] + wrote * PRICE["output_per_million"]) / 1e6


async def estimate(q: Rest, panel: list[str], **body: Any) -> dict[str, Any]:
    answer = await q.post("/api/estimate-cost", {"query": "2 + 2?", "panel": panel, **body})
    assert answer.status == 200, answer.body
    return answer.body


async def test_an_unaffordable_query_is_refused_before_any_call(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        for name in "abc":
            up.model(name, FOUR)
        refused = await q.query("2 + 2?", ABC, max_cost=0.0001)
        assert (refused.status, refused.error["code"]) == (402, "budget_exceeded")
        assert refused.error["details"]["needed_usd"] > 0.0001
        assert refused.error["hint"]
        assert up.asked == []
        assert (await q.get("/api/sessions"))["sessions"] == []
        assert (await q.get("/api/calls"))["calls"] == []


async def test_what_is_admitted_is_not_refused_at_its_first_call(tmp_path: Path) -> None:
    """The bound that admits a run counts the prompt as it will really be sent."""
    async with scripted(tmp_path) as (up, q):
        for name in "abc":
            up.model(name, FOUR)
        need = (await q.query("2 + 2?", ABC, max_cost=1e-9, max_tokens=50)).error["details"]["needed_usd"]
        answer = await q.ask("2 + 2?", ABC, max_cost=need, max_tokens=50)
        assert (answer["conclusion"], answer["calls"], answer["degraded"]) == ("4", 2, False)
        assert bill(up) <= need
        short = await q.query("2 + 2?", ABC, max_cost=need - 2e-9, max_tokens=50)
        assert short.status == 402
        seen = await estimate(q, ABC, max_tokens=50)
        assert sum(list(seen["per_seat_usd"].values())[:2]) == pytest.approx(need)


async def test_what_is_expected_follows_what_models_write(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        for name in "abc":
            up.model(name, FOUR)
        before = await estimate(q, ABC, mode="full_deliberation")
        assert 0 < before["expected_usd"] < before["worst_case_usd"]
        answer = await q.ask("2 + 2?", ABC, mode="full_deliberation")
        assert answer["rounds"] == 1
        await eventually(lambda: told(q, before["expected_usd"]))
        after = await estimate(q, ABC, mode="full_deliberation")
        assert after["expected_usd"] == pytest.approx(2 * answer["total_cost"], rel=0.5)


async def told(q: Rest, before: float) -> bool:
    """Whether the first answers have changed what is expected."""
    return (await estimate(q, ABC, mode="full_deliberation"))["expected_usd"] < before


async def test_the_cap_on_output_is_sent(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        for name in "ab":
            up.model(name, "word " * 20_000 + FOUR)
        answer = await q.ask("2 + 2?", ["lab/a", "lab/b"], max_cost=0.1)
        for asked in up.asked:
            assert (asked.body.get("max_tokens") or asked.body.get("max_completion_tokens")) == 8192
            assert asked.output_tokens <= 8192
        assert bill(up) <= 0.1
        assert answer["total_cost"] == pytest.approx(bill(up))


async def test_an_unknown_price_and_a_bound_do_not_go_together(tmp_path: Path) -> None:
    async with upstream() as up:
        # Not this machine's loopback name, so what it costs is not known to be nothing.
        far = up.url.replace("127.0.0.1", "127.0.0.2")
        more = config(up.url)
        more["providers"]["far"] = {"wire": "openai", "base_url": far, "models": ["x"]}
        async with serving(tmp_path, more) as q:
            up.model("a", FOUR)
            refused = await q.query("2 + 2?", ["lab/a", "far/x"], max_cost=100)
            assert (refused.status, refused.error["code"]) == (402, "budget_exceeded")
            assert "far/x" in refused.error["message"]
            assert "far" in refused.error["hint"]
            assert up.asked == []
            seen = await estimate(q, ["lab/a", "far/x"])
            assert seen["worst_case_usd"] is None
            assert any("far/x" in warning for warning in seen["warnings"])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8 without set-up")
async def test_without_a_bound_an_unknown_price_is_a_warning(tmp_path: Path) -> None:
    # A server under another name than this machine's own is not taken to be free.
    async with upstream("127.0.0.2") as up, serving(tmp_path, config(up.url, price=None)) as q:
        up.model("a", FOUR)
        answer = await q.ask("2 + 2?", ["lab/a"])
        session = await q.session_of(answer["session_id"])
    assert (answer["total_cost"], answer["cost_complete"]) == (0.0, False)
    assert any("no price is known for lab/a" in warning for warning in answer["warnings"])
    assert [r["cost"] for r in answer["provider_responses"]] == [None]
    assert [r["cost"] for r in session["call_records"]] == [None]


async def test_local_models_are_free(tmp_path: Path) -> None:
    async with scripted(tmp_path, price=None) as (up, q):
        up.model("a", FOUR)
        answer = await q.ask("2 + 2?", ["lab/a"], max_cost=1e-6)
    assert (answer["total_cost"], answer["cost_complete"], answer["warnings"]) == (0.0, True, [])


async def test_a_later_round_that_cannot_be_paid_leaves_round_ones_answer(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        for name, text in zip("abc", (FOUR, FIVE, FOUR), strict=True):
            up.model(name, text, critique="I stand by it.\nCONCLUSION: 5")
        asked = {"mode": "full_deliberation", "max_tokens": 30}
        need = (await q.query("2 + 2?", ABC, max_cost=1e-9, **asked)).error["details"]["needed_usd"]
        answer = await q.ask("2 + 2?", ABC, max_cost=need, **asked)
        assert up.count(kind="seat") == 3
        assert bill(up) <= need
    assert (answer["conclusion"], answer["confidence"], answer["status"]) == ("4", 0.6667, "completed")
    assert answer["degraded"]
    refused = [r for r in answer["provider_responses"] if r["role"] == "critique" and r["status"] == "failed"]
    assert refused
    assert {r["error"]["code"] for r in refused} == {"budget_exceeded"}


async def test_a_second_wave_that_cannot_be_paid(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        for name, text in zip("abc", (FOUR, FIVE, FIVE), strict=True):
            up.model(name, text)
        need = (await q.query("2 + 2?", ABC, max_cost=1e-9, max_tokens=30)).error["details"]["needed_usd"]
        answer = await q.ask("2 + 2?", ABC, max_cost=need, max_tokens=30)
        if up.count("c") == 0:
            assert answer["degraded"]
            assert answer["conclusion"] == "4"
            assert answer["confidence"] == 0.3333
        assert bill(up) <= need


async def test_failures_and_cuts_are_paid_for_too(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", [Say("word " * 60, fail="cut", drip=0.001), Say(FOUR)])
        up.model("b", [Say(fail="empty"), Say(FOUR)])
        answer = await q.ask("2 + 2?", ["lab/a", "lab/b"], exhaustive=True, max_tokens=100)
        session = await q.session_of(answer["session_id"])
        spent = bill(up)
    assert answer["total_cost"] >= spent * 0.999
    assert session["session_cost"] == pytest.approx(answer["total_cost"])
    assert sum(r["cost"] for r in session["call_records"]) == pytest.approx(answer["total_cost"])


async def test_no_run_bills_more_than_its_bound(tmp_path: Path) -> None:
    """Random panels, modes, failures and bounds; each run has an upstream of its own models to count."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    async with scripted(tmp_path) as (up, q):
        for number in range(30):
            up.asked.clear()
            names = [f"m{number}-{at}" for at in range(chance.randint(1, 5))]
            for at, name in enumerate(names):
                kind: Any = chance.choice([None, None, None, "cut", "error", "empty", "garbage"])
                said = chance.choice([FOUR, FIVE, "word " * 300, REVIEWS["abc"[at % 3]]])
                up.model(
                    name, [Say(said, fail=kind), Say(said)], critique=said, attack="OBJECTION 1: No.\n" * 4,
                    defence="1: CONCEDED - yes\n" + said, grouping=honest, placing=placing(1),
                    synthesis=said,
                )  # fmt: skip
            bound = chance.choice([2e-4, 5e-4, 1e-3, 3e-3])
            body = {
                "mode": chance.choice(["quick_consensus", "full_deliberation", "devils_advocate"]),
                "max_tokens": chance.choice([20, 100, 400]),
                "synthesizer": chance.choice([None, f"lab/{names[0]}"]),
            }
            answer = await q.query(
                chance.choice(["2 + 2?", QUESTION]), [f"lab/{n}" for n in names],
                max_cost=bound, timeout_seconds=4, **body,
            )  # fmt: skip
            assert answer.status in (200, 402, 502), answer.body
            assert bill(up) <= bound, f"run {number} of seed {seed}"
            if answer.status == 200:
                assert bill(up) <= answer["total_cost"] * 1.0001 <= bound * 1.0001


async def test_runs_at_once_have_bounds_of_their_own(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        for name in "ab":
            up.model(name, Say(FOUR, latency=0.05))
        need = (await q.query("2 + 2?", ABC[:2], max_cost=1e-9, max_tokens=50)).error["details"]["needed_usd"]
        runs = (q.query("2 + 2?", ABC[:2], max_cost=need, max_tokens=50) for _ in range(10))
        answers = await asyncio.gather(*runs)
        assert [a.status for a in answers] == [200] * 10
        assert not any(a["degraded"] for a in answers)
