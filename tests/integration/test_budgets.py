"""Budgets over REST: set, spent, refused, listed, alerted, removed; on each engine."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.rest import Rest
from tests.support.script import Say
from tests.support.server import PRICE, config, scripted, serving
from tests.support.stores import Store
from tests.support.upstream import Upstream, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
FOUR = "Two and two is four.\nCONCLUSION: 4"
SECRET = {"QUORUM_SECRET_KEY": "0123456789abcdef0123456789abcdef"}


def bill(up: Upstream) -> float:
    """USD of everything that reached the upstream, at the price of the configuration."""
    read, wrote = up.billed()
    return (read * PRICE["input_per_million"] + wrote * PRICE["output_per_million"]) / 1e6


async def say(q: Rest, text: str = "2 + 2?", max_tokens: int | None = 20, model: str = "lab/a") -> Any:
    return await q.query(text, [model], **({"max_tokens": max_tokens} if max_tokens else {}))


async def budget(q: Rest, **which: Any) -> dict[str, Any]:
    """The one budget that has these values."""
    listed = (await q.get("/api/budget"))["budgets"]
    found = [one for one in listed if all(one[name] == value for name, value in which.items())]
    assert len(found) == 1, listed
    return found[0]


def early(one: dict[str, Any]) -> bool:
    """Whether spending as since midnight would not use up a day's budget: then there is nothing to foretell."""
    passed = 1 - (datetime.fromisoformat(one["resets_at"]) - datetime.now(UTC)) / timedelta(days=1)
    return one["spent"] / one["limit"] < passed + 0.01


async def test_a_budget_is_spent_refuses_and_is_raised(tmp_path: Path, store: Store) -> None:
    async with upstream() as up:
        more = config(up.url, budgets=[{"period": "daily", "limit": 0.001, "provider": "lab"}])
        async with serving(tmp_path, more, QUORUM_DATABASE_URL=store.url, **SECRET) as q:
            up.model("a", FOUR)
            one = await budget(q, provider="lab")
            assert (one["limit"], one["spent"], one["remaining"], one["origin"]) == (
                0.001,
                0,
                0.001,
                "config",
            )
            refused = None
            for _ in range(50):
                answer = await say(q)
                if answer.status != 200:
                    refused = answer
                    break
            assert refused is not None
            assert (refused.status, refused.error["code"]) == (402, "budget_exceeded")
            details = refused.error["details"]["seats"]["lab/a"]["details"]
            assert details["budget"] == one["id"]
            assert details["needed_usd"] > details["available_usd"]
            assert details["resets_at"] == one["resets_at"]
            assert "quorum budget set daily" in refused.error["hint"]
            spent = await budget(q, provider="lab")
            assert 0.0008 < bill(up) <= 0.001
            assert spent["spent"] == pytest.approx(bill(up))
            assert spent["reserved"] == 0
            assert spent["remaining"] == pytest.approx(0.001 - bill(up))
            assert spent["forecast"] is not None or early(spent)
            raised = await q.post("/api/budget", {"period": "daily", "limit": 1, "provider": "lab"})
            assert (raised.status, raised["id"], raised["origin"]) == (200, one["id"], "user")
            assert raised["spent"] == spent["spent"]
            assert (await say(q)).status == 200
            listed = await q.get("/api/budget")
            assert listed["global"]["total_spent"] == pytest.approx(bill(up))
            assert listed["global"]["providers"] == {"lab": pytest.approx(bill(up))}
            gone = await q.request("DELETE", f"/api/budget/{one['id']}")
            assert gone.status == 200
            assert (await q.request("DELETE", f"/api/budget/{one['id']}")).status == 404


async def test_the_default_holds_until_one_is_set_and_the_daily_limit_beside_any(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", FOUR)
        listed = (await q.get("/api/budget"))["budgets"]
        assert [(b["period"], b["limit"], b["origin"]) for b in listed] == [
            ("daily", 100.0, "default"), ("daily", 10.0, "default"),
        ]  # fmt: skip
        assert (await say(q, max_tokens=None)).status == 200
        assert (up.asked[0].body.get("max_tokens") or up.asked[0].body.get("max_completion_tokens")) == 8192
        spent = bill(up)
        await q.post("/api/budget", {"period": "daily", "limit": 0.5})
        listed = (await q.get("/api/budget"))["budgets"]
        assert sorted((b["limit"], b["origin"]) for b in listed) == [(0.5, "user"), (100.0, "default")]
        # What was spent today before it was set counts.
        assert [b["spent"] for b in listed] == [pytest.approx(spent)] * 2
        assert (await q.request("DELETE", f"/api/budget/{listed[0]['id']}")).status in (200, 409)
        cap = await budget(q, limit=100.0)
        refused = await q.request("DELETE", f"/api/budget/{cap['id']}")
        assert (refused.status, refused.error["code"]) == (409, "conflict")


async def test_written_defaults_are_strict(tmp_path: Path) -> None:
    async with upstream() as up:
        far = up.url.replace("127.0.0.1", "127.0.0.2")
        more = config(up.url)
        more["providers"]["far"] = {"wire": "openai", "base_url": far, "models": ["x"]}
        async with serving(tmp_path / "one", more, MCP_DAILY_LIMIT="0.0001") as q:
            up.model("a", FOUR)
            refused = await say(q, max_tokens=200)
            assert refused.status == 402
            assert "MCP_DAILY_LIMIT" in refused.error["hint"]
            assert "no price" in (await say(q, model="far/x")).error["message"]
        async with serving(tmp_path / "two", more) as q:
            assert (await say(q, model="far/x")).error["code"] != "budget_exceeded"
        assert up.asked == []


async def test_free_models_are_outside(tmp_path: Path) -> None:
    async with upstream() as up:
        more = config(up.url, price={"input_per_million": 0.0, "output_per_million": 0.0})
        async with serving(tmp_path, more | {"budgets": [{"period": "total", "limit": 1e-9}]}) as q:
            up.model("a", FOUR)
            assert (await say(q)).status == 200
            assert (await say(q, "2 + 2", model="builtin/arithmetic")).status == 200


async def test_one_that_is_not_enforced_counts_and_alerts(tmp_path: Path) -> None:
    async with scripted(tmp_path, budgets=[{"period": "weekly", "limit": 0.0001, "enforce": False}]) as (
        up,
        q,
    ):
        up.model("a", FOUR)
        for _ in range(4):
            assert (await say(q)).status == 200
        one = await budget(q, period="weekly")
        assert one["spent"] == pytest.approx(bill(up))
        assert one["spent"] > 0.0001
        assert (one["reserved"], one["remaining"], one["enforce"]) == (0, 0, False)
        for _ in range(40):
            alerts = (await q.get("/api/budget/alerts"))["alerts"]
            if alerts:
                break
            await asyncio.sleep(0.1)
        assert [(a["period"], a["provider"], a["limit"]) for a in alerts] == [("weekly", None, 0.0001)]
        assert alerts[0]["percentage"] > 80
        assert alerts[0]["budget"] == one["id"]


async def test_a_bill_above_its_reservation_closes_the_budget(tmp_path: Path) -> None:
    async with scripted(tmp_path, budgets=[{"period": "total", "limit": 1.0}]) as (up, q):
        up.model("a", lambda asked: _greedy(asked))
        assert (await say(q)).status == 200
        assert (await budget(q, period="total"))["closed"]
        refused = await say(q)
        assert refused.status == 402
        assert "closed" in refused.error["message"]
        for _ in range(40):
            alerts = (await q.get("/api/budget/alerts"))["alerts"]
            if alerts:
                break
            await asyncio.sleep(0.1)
        assert "higher than what was set aside" in alerts[0]["message"]
        await q.post("/api/budget", {"period": "total", "limit": 1.0})
        assert not (await budget(q, period="total"))["closed"]
        up.model("a", FOUR)
        again = await say(q)
        assert again.status == 200, again.body


def _greedy(asked: Any) -> Say:
    """Bills more than it was allowed to say."""
    asked.body.pop("max_tokens", None)
    asked.body.pop("max_completion_tokens", None)
    return Say("word " * 500)


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0}, {"limit": -1}, {"limit": 1e12}, {"limit": "ten"}, {"limit": None}, {"period": "dayly"},
        {"period": None}, {"alert_threshold": 0}, {"alert_threshold": 1.5}, {"provider": "opnai"},
        {"provider": ""}, {"typo": 1}, {"enforce": "yes"},
    ],
)  # fmt: skip
async def test_what_cannot_be_a_budget(tmp_path: Path, wrong: dict[str, Any]) -> None:
    async with scripted(tmp_path) as (_, q):
        answer = await q.post("/api/budget", {"period": "daily", "limit": 1.0} | wrong)
        assert (answer.status, answer.error["code"]) == (422, "invalid_input")
        assert next(iter(wrong)) in answer.error["message"] or answer.error["hint"]


async def test_numbers_that_are_none(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (_, q):
        for text in ("NaN", "Infinity", "-Infinity", "1e999"):
            answer = await q.request(
                "POST", "/api/budget", data=f'{{"period": "daily", "limit": {text}}}',
                headers={"content-type": "application/json"},
            )  # fmt: skip
            assert answer.status in (400, 422), (text, answer.body)
        assert len((await q.get("/api/budget"))["budgets"]) == 2


async def test_for_an_organisation_or_a_key_that_is_not_there(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (_, q):
        for scope in ({"organization": "nobody"}, {"key_id": "key_nobody"}):
            answer = await q.post("/api/budget", {"period": "daily", "limit": 1.0} | scope)
            assert (answer.status, answer.error["code"]) == (404, "not_found")


async def test_budgets_of_quorum_yaml_follow_it_and_those_of_users_stay(tmp_path: Path) -> None:
    first = [{"period": "daily", "limit": 5.0}, {"period": "monthly", "limit": 50.0}]
    async with scripted(tmp_path, budgets=first) as (_, q):
        await q.post("/api/budget", {"period": "monthly", "limit": 60.0})
        await q.post("/api/budget", {"period": "hourly", "limit": 1.0})
    async with scripted(tmp_path, budgets=[{"period": "monthly", "limit": 50.0}]) as (_, q):
        listed = (await q.get("/api/budget"))["budgets"]
        assert {(b["period"], b["limit"], b["origin"]) for b in listed} == {
            ("monthly", 60.0, "user"), ("hourly", 1.0, "user"), ("daily", 100.0, "default"),
        }  # fmt: skip
