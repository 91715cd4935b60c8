"""Usage by group: sums that agree with the records, as JSON, as CSV that no spreadsheet carries out, in the terminal."""

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.cli import Cli
from tests.support.rest import Rest
from tests.support.server import config, environment, scripted, serving, write_config
from tests.support.stores import Store
from tests.unit.storing import call

from quorum_mcp.store.clock import MICROSECONDS
from quorum_mcp.store.records import store_records

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]
NOBODY = "http://127.0.0.1:9/v1"
SECRET = "s" * 64
FORMULAS = ['=HYPERLINK("http://x")', "+1", "-2", "@SUM(A1)", "  =1+1", "\tx", '"a", b\r\nc']


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * MICROSECONDS)


async def put(store: Store, *calls: dict[str, Any]) -> None:
    """Store calls of the past, as their settlement would have."""
    given = {"attempts": 1, "input_tokens": 10, "output_tokens": 5, "cost": 1_000_000, "latency_ms": 100}
    async with store.opened() as database:
        await database.write(lambda conn: store_records(conn, [], [call(**given | one) for one in calls]))


async def lines(q: Rest, query: str) -> dict[str | None, dict[str, Any]]:
    answer = await q.get(f"/api/usage?{query}")
    assert answer.status == 200, answer.body
    return {line["group"]: line for line in answer["usage"]} | {"total": answer["total"]}


@pytest.mark.usefixtures("each_engine")
async def test_sums_are_those_of_the_records(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", "Hello there.")
        up.model("b", "Hello.")
        for model, tags in (("lab/a", "one"), ("lab/a", "one,two"), ("lab/b", "two,two"), ("lab/b", "")):
            body = {"model": model, "messages": [{"role": "user", "content": f"Hello {tags}."}]}
            answer = await q.post("/v1/chat/completions", body, headers={"x-quorum-tags": tags})
            assert answer.status == 200, answer.body
        calls = (await q.get("/api/calls?limit=100"))["calls"]
        by_model, by_tag = await lines(q, "group_by=model"), await lines(q, "group_by=tag")
        by_day, by_key = await lines(q, "group_by=day"), await lines(q, "group_by=key")

    def sums(chosen: list[dict[str, Any]]) -> tuple[Any, ...]:
        tokens = [sum(one[name] for one in chosen) for name in ("input_tokens", "output_tokens")]
        return len(chosen), *tokens, pytest.approx(sum(one["cost"] for one in chosen))

    def told(line: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(line[name] for name in ("requests", "input_tokens", "output_tokens", "cost"))

    for name in "ab":
        assert told(by_model[f"lab/{name}"]) == sums([one for one in calls if one["model"] == name])
    for tag in ("one", "two"):
        assert told(by_tag[tag]) == sums([one for one in calls if tag in one["tags"]])
    assert told(by_tag[None]) == sums([one for one in calls if not one["tags"]])
    for found in (by_model, by_tag, by_day, by_key):
        assert told(found["total"]) == sums(calls)
    assert set(by_key) == {None, "total"}
    assert sum(line["requests"] for line in by_tag.values()) - 4 == 5  # one call has two tags


async def test_days_are_those_of_the_time_zone(tmp_path: Path, store: Store) -> None:
    """In Kolkata, five and a half hours ahead of UTC, days begin at 18:30."""
    times = ("2025-03-01T18:29:00Z", "2025-03-01T18:30:00Z", "2025-03-02T10:00:00Z", "2025-03-02T18:31:00Z")
    await put(
        store,
        *({"created_at": micros(time)} for time in times),
        {"created_at": micros(times[0]), "simulated": True},
    )
    zone = config(NOBODY) | {"records": {"timezone": "Asia/Kolkata", "retention_days": 36_500}}
    on = {"QUORUM_DATABASE_URL": store.url, "QUORUM_SECRET_KEY": SECRET}
    async with serving(tmp_path / "home", zone, **on) as q:
        found = await lines(q, "group_by=day")
        assert {day: line["requests"] for day, line in found.items()} == {
            "2025-03-01": 1, "2025-03-02": 2, "2025-03-03": 1, "total": 4,
        }  # fmt: skip
        some = await lines(q, "group_by=day&since=2025-03-01T18:30:00Z&until=2025-03-02T18:30:00Z")
        assert {day: line["requests"] for day, line in some.items()} == {"2025-03-02": 2, "total": 2}
        tags = await lines(q, "group_by=tag&since=2025-03-02")
        assert tags[None]["requests"] == tags["total"]["requests"] == 2
        assert await lines(q, "group_by=provider&since=2030-01-01") == {
            "total": {**dict.fromkeys(tags["total"], 0), "group": "total", "name": None}
        }


async def test_csv_is_quoted_and_carries_no_formula(tmp_path: Path, store: Store) -> None:
    await put(
        store, *({"tags": (tag,), "cost": cost} for cost, tag in enumerate(FORMULAS, 1)), {"cost": None}
    )
    home = tmp_path / "home"
    on = {"QUORUM_DATABASE_URL": store.url, "QUORUM_SECRET_KEY": SECRET}
    async with serving(home, config(NOBODY), **on) as q:
        answer = await q.get("/api/usage?group_by=tag&format=csv")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'filename="usage.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.body, newline="")))
    groups = {row["group"]: row for row in rows}
    assert len(rows) == len(FORMULAS) + 1
    assert groups.keys() == {"", *("'" + tag for tag in FORMULAS[:-1]), FORMULAS[-1]}
    assert not [cell for row in rows for cell in row.values() if cell[:1] in "=+-@\t\r" and cell]
    assert (groups["'+1"]["cost"], groups[""]["cost"], groups[""]["unpriced"]) == ("0.000000002", "0", "1")
    cli = Cli(home, environment(home, write_config(home, config(NOBODY)), on))
    done = await cli("usage", "--by", "tag", "--csv")
    assert (done.status, list(csv.DictReader(io.StringIO(done.out)))) == (
        0,
        list(csv.DictReader(io.StringIO(answer.body))),
    )
    shown = await cli("usage", "--by", "model")
    assert "lab/alpha" in shown.out
    assert "8" in shown.out.splitlines()[-1].split()


async def test_bad_questions_are_refused(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (_, q):
        for query in (
            "group_by=colour",
            "since=yesterday",
            "format=xlsx",
            "group=model",
            "until=99999-01-01",
        ):
            answer = await q.get(f"/api/usage?{query}")
            assert (answer.status, answer.error["code"]) == (422, "invalid_input"), query
        later = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
        assert (await q.get(f"/api/usage?since={later}"))["usage"] == []
