"""Budgets of organisations and keys, changes that other processes make, and a database that is away."""

import asyncio
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.rest import Answer, Rest
from tests.support.script import Say
from tests.support.server import config, serving, write_config
from tests.support.stores import Store
from tests.support.upstream import Upstream, upstream

from quorum_mcp.app import running
from quorum_mcp.calls.budgets import Budgets
from quorum_mcp.calls.call import Call
from quorum_mcp.calls.ledger import Ledger
from quorum_mcp.calls.pipeline import Calls
from quorum_mcp.config.load import load
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import BudgetExceeded, StoreUnavailable
from quorum_mcp.messages import Message, ModelRequest, Text
from quorum_mcp.operations.context import Services
from quorum_mcp.providers.registry import Registry
from quorum_mcp.store.budgets import BudgetRow, budget_id
from quorum_mcp.store.database import Database
from quorum_mcp.store.journal import Journal

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
FOUR = "Two and two is four.\nCONCLUSION: 4"
BOOT = "a-bootstrap-key-for-tests"
SECRET = "0123456789abcdef0123456789abcdef"


async def ask(q: Rest, key: str) -> Answer:
    body = {"query": "2 + 2?", "panel": ["lab/a"], "max_tokens": 20}
    return await q.post("/api/query", body, headers=_bearer(key))


def _bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def made(q: Rest, path: str, body: dict[str, Any]) -> Any:
    answer = await q.post(path, body, headers=_bearer(BOOT))
    assert answer.status in (200, 201), answer.body
    return answer.body


async def budgets_seen(q: Rest, key: str) -> list[dict[str, Any]]:
    return (await q.get("/api/budget", headers=_bearer(key)))["budgets"]


async def test_of_an_organisation_and_of_a_key(tmp_path: Path) -> None:
    async with (
        upstream() as up,
        serving(tmp_path, config(up.url), QUORUM_BOOTSTRAP_KEY=BOOT, QUORUM_SECRET_KEY=SECRET) as q,
    ):
        up.model("a", FOUR)
        acme = await made(q, "/api/organizations", {"name": "acme"})
        await made(q, "/api/organizations", {"name": "other"})
        scopes = {"scopes": ["ask", "read", "write", "admin"]}
        one, two = [
            await made(q, "/api/keys", {"name": name, "organization": "acme"} | scopes) for name in ("1", "2")
        ]
        stranger = await made(q, "/api/keys", {"name": "3", "organization": "other"} | scopes)
        for_all = await made(q, "/api/budget", {"period": "daily", "limit": 0.002, "organization": "acme"})
        assert for_all["organization"] == acme["id"]
        for_one = await made(q, "/api/budget", {"period": "daily", "limit": 0.0003, "key_id": one["id"]})
        assert (for_one["organization"], for_one["key_id"]) == (acme["id"], one["id"])
        assert (await ask(q, one["key"])).status == 200
        assert (await ask(q, one["key"])).status == 402
        assert (await ask(q, two["key"])).status == 200
        assert (await ask(q, stranger["key"])).status == 200
        seen = {b["id"]: b for b in await budgets_seen(q, two["key"])}
        assert set(seen) == {for_all["id"], for_one["id"]}
        assert 0 < seen[for_one["id"]]["spent"] < seen[for_all["id"]]["spent"]
        assert await budgets_seen(q, stranger["key"]) == []
        spent = (await q.get("/api/budget", headers=_bearer(stranger["key"])))["global"]["total_spent"]
        assert 0 < spent < seen[for_all["id"]]["spent"]
        # Nobody but the operator sets any, whatever scopes a key has.
        for method, path, body in (
            ("POST", "/api/budget", {"period": "daily", "limit": 100.0, "organization": "acme"}),
            ("DELETE", f"/api/budget/{for_all['id']}", None),
            ("POST", "/api/budget/reconcile", {}),
        ):
            refused = await q.request(method, path, json=body, headers=_bearer(one["key"]))
            assert (refused.status, refused.error["code"]) == (403, "forbidden"), path
        both = {"period": "daily", "limit": 1.0, "organization": "other", "key_id": one["id"]}
        answer = await q.post("/api/budget", both, headers=_bearer(BOOT))
        assert answer.status == 422


def settings_of(home: Path, up: Upstream, store: Store, **more: Any) -> Settings:
    file = write_config(home, config(up.url, **more))
    env = {"QUORUM_DATABASE_URL": store.url, "QUORUM_SECRET_KEY": SECRET, "OLLAMA_ENABLE": "false"}
    return load(config=file, env=env | {"QUORUM_HOME": str(home), "HOME": str(home)}, cwd=home)


def one_call() -> Call:
    request = ModelRequest(model="a", messages=(Message("user", (Text("2 + 2?"),)),), max_tokens=20)
    return Call(model="lab/a", request=request, deadline=time.monotonic() + 5, cache=False)


async def spend(services: Services) -> None:
    """Until it is refused."""
    while True:
        try:
            await services.get(Calls).run(one_call())
        except BudgetExceeded:
            return


async def figures(services: Services, budget: str) -> tuple[int, int]:
    """What is spent and what is leased, once this process has told all."""
    budgets = services.get(Budgets)
    await budgets.purse.settle_up()
    states = await budgets.store.states([(budget, 0)])
    return states[budget, 0].spent, states[budget, 0].leased


async def test_what_another_process_changes_holds_soon(tmp_path: Path, store: Store) -> None:
    total = {"period": "total", "limit": 0.001, "provider": "lab"}
    name = budget_id("total", "lab", None, None)
    async with upstream() as up:
        up.model("a", FOUR)
        settings = settings_of(tmp_path, up, store, budgets=[total])
        async with running(settings) as one, running(settings) as two:
            await asyncio.gather(spend(one), spend(two))
            await asyncio.sleep(1.2)  # what one of them refused is forgotten, and its slice is back
            await asyncio.gather(spend(one), spend(two))
            spent, _ = await figures(one, name)
            assert 800_000 < spent <= 1_000_000
            row = BudgetRow(id=name, period="total", provider="lab", amount=50_000_000)
            await one.get(Budgets).store.put(row, one.get(Budgets).zone)
            began = time.monotonic()
            while time.monotonic() < began + 5:
                try:
                    await two.get(Calls).run(one_call())
                    break
                except BudgetExceeded:
                    await asyncio.sleep(0.05)
            assert time.monotonic() < began + 3.5
            # Lowered below what is spent: the slice that a process holds is of no use any more.
            lower = BudgetRow(id=name, period="total", provider="lab", amount=500_000)
            await one.get(Budgets).store.put(lower, one.get(Budgets).zone)
            await asyncio.sleep(2.5)
            for services in (one, two):
                with pytest.raises(BudgetExceeded):
                    await services.get(Calls).run(one_call())
            assert (await figures(two, name))[1] == 0
        assert await store.rows("SELECT * FROM leases") == []


async def test_idle_slices_return_and_calls_under_way_keep_theirs(tmp_path: Path, store: Store) -> None:
    total = {"period": "total", "limit": 1.0, "provider": "lab"}
    name = budget_id("total", "lab", None, None)
    async with upstream() as up:
        settings = settings_of(tmp_path, up, store, budgets=[total])
        async with running(settings) as services:
            budgets, calls = services.get(Budgets), services.get(Calls)
            target, call = calls.registry.resolve("lab/a"), one_call()
            draws = await budgets.reserve(budgets.of(call, target), 1000, call)
            leased = await store.rows(f"SELECT leased FROM budget_periods WHERE budget_id = '{name}'")
            assert leased == [(250_000_000,)]
            until = time.monotonic() + 6
            while leased != [(1000,)] and time.monotonic() < until:
                await asyncio.sleep(0.1)
                leased = await store.rows(f"SELECT leased FROM budget_periods WHERE budget_id = '{name}'")
            assert leased == [(1000,)]
            assert len(draws) == 3
        # Not settled: it is not known what became of the call, and its money stays aside.
        assert await store.rows(f"SELECT leased FROM budget_periods WHERE budget_id = '{name}'") == [(1000,)]


async def test_a_cancelled_admission_loses_nothing(tmp_path: Path, store: Store) -> None:
    name = budget_id("total", "lab", None, None)
    async with upstream() as up:
        settings = settings_of(
            tmp_path, up, store, budgets=[{"period": "total", "limit": 1.0, "provider": "lab"}]
        )
        async with running(settings) as services:
            budgets, calls = services.get(Budgets), services.get(Calls)
            target, call = calls.registry.resolve("lab/a"), one_call()
            for steps in range(12):
                task = asyncio.create_task(budgets.reserve(budgets.of(call, target), 1000, call))
                for _ in range(steps):
                    await asyncio.sleep(0)
                task.cancel()
                done = await asyncio.gather(task, return_exceptions=True)
                if not isinstance(done[0], BaseException):
                    budgets.purse.settle(done[0], 0)
                await budgets.purse.give_back(idle_for=0.0)
            assert await figures(services, name) == (0, 0)


async def test_a_call_that_cannot_be_noted_leaves_no_money_aside(tmp_path: Path, store: Store) -> None:
    total = {"period": "total", "limit": 1.0, "provider": "lab"}
    async with upstream() as up:
        up.model("a", Say(FOUR, hold="a"))
        settings = settings_of(tmp_path, up, store, budgets=[total])
        async with running(settings) as services:
            database, registry = services.get(Database), services.get(Registry)
            # Room for the notes of one call at a time.
            journal = await Journal.open(tmp_path / "small", database, half=4000)
            budgets = Budgets(settings, database, journal, registry)
            await budgets.start()
            calls = Calls(settings, registry, Ledger(journal), budgets)
            first = asyncio.create_task(calls.run(one_call()))
            await up.until(lambda: up.open)
            with pytest.raises(StoreUnavailable):
                await calls.run(one_call())
            (drawn,) = {lease.drawn for lease in budgets.purse.leases.values()}
            assert {lease.calls for lease in budgets.purse.leases.values()} == {1}
            up.release("a")
            cost = (await first).cost
            assert cost is not None
            assert 0 < cost <= drawn
            assert {lease.drawn for lease in budgets.purse.leases.values()} == {0}
            await budgets.close()
            await journal.close()
    name = budget_id("total", "lab", None, None)
    figures = await store.rows(f"SELECT spent, leased FROM budget_periods WHERE budget_id = '{name}'")
    assert figures == [(cost, 0)]


async def test_without_its_database_no_money_is_set_aside(tmp_path: Path, store: Store) -> None:
    async with upstream() as up:
        up.model("a", FOUR)
        settings = settings_of(tmp_path, up, store)
        async with running(settings) as services:
            calls = services.get(Calls)
            await calls.run(one_call())
            await services.get(Database).close()
            asked, began, refused = len(up.asked), time.monotonic(), 0
            while not refused and time.monotonic() < began + 6:
                try:
                    await calls.run(one_call())
                    asked += 1
                except StoreUnavailable as error:
                    refused += 1
                    assert error.retry_after
                await asyncio.sleep(0.1)
            assert refused
            assert len(up.asked) == asked


async def test_the_day_begins_in_the_configured_zone(tmp_path: Path) -> None:
    async with upstream() as up:
        more = config(
            up.url, records={"timezone": "Asia/Kolkata"}, budgets=[{"period": "daily", "limit": 1.0}]
        )
        async with serving(tmp_path, more) as q:
            listed = (await q.get("/api/budget"))["budgets"]
    for one in listed:
        resets = datetime.fromisoformat(one["resets_at"])
        assert (resets + timedelta(hours=5, minutes=30)).strftime("%H:%M") == "00:00"
