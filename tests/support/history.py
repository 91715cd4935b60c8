"""A made-up past for the pages: many sessions and calls, put into the store as the server would have stored them."""

import asyncio
import random
import sys
from collections.abc import Iterator

from msgspec import Struct
from sqlalchemy import Connection, insert

from quorum_mcp.ids import new_id
from quorum_mcp.store.call_rows import AttemptRecord, CallRecord
from quorum_mcp.store.clock import MICROSECONDS, now_us
from quorum_mcp.store.database import Database
from quorum_mcp.store.records import store_records
from quorum_mcp.store.tables import runs

DAY = 86_400 * MICROSECONDS
CHUNK = 5_000
QUESTIONS = (
    "Which database fits an event log of two million rows a day?",
    "Is 17 % of 2,340 more than 400?",
    "Should the rollout wait for the second review?",
    "What is the half-life of caffeine in adults?",
    "Summarise the incident of last Tuesday in three sentences.",
    "Which of these contracts may be cancelled before March?",
    "How many days are there from 2026-03-01 to 2026-11-21?",
)
TAGS = ((), (), ("nightly",), ("support",), ("support", "triage"), ("research",))
MODES = ("quick_consensus", "quick_consensus", "full_deliberation", "devils_advocate")
ERRORS = ("provider_rate_limited", "provider_timeout", "provider_unavailable", "budget_exceeded")


class Model(Struct, frozen=True):
    """One model of the past: seconds that it takes, nanodollars of a token, how often it fails, how often it is asked."""

    provider: str
    name: str
    seconds: float
    price: int
    failing: float
    weight: int


MODELS = (
    Model("north", "large-2", 2.4, 9_000, 0.004, 5),
    Model("north", "small-2", 0.7, 900, 0.002, 8),
    Model("harbor", "atlas-pro", 3.1, 12_000, 0.02, 4),
    Model("harbor", "atlas-mini", 0.9, 1_400, 0.01, 6),
    Model("lumen", "opal", 1.6, 4_000, 0.006, 5),
    Model("lumen", "opal-vision", 4.2, 15_000, 0.05, 1),
)


def made_up_calls(
    count: int, days: float, seed: int = 5, runs_of: list[str] | None = None
) -> Iterator[CallRecord]:
    """Calls over the last days, more of them by day than by night; the newest last."""
    rng, now = random.Random(seed), now_us()
    weights = [model.weight for model in MODELS]
    for n in range(count):
        at = now - int((count - n) / count * days * DAY) - rng.randrange(60 * MICROSECONDS)
        model = rng.choices(MODELS, weights)[0]
        failed = rng.random() < model.failing
        took = int(1000 * model.seconds * rng.lognormvariate(0, 0.45))
        tokens = (rng.randrange(200, 3_000), 0 if failed else rng.randrange(80, 900))
        yield CallRecord(
            id=new_id("call"), tenant="local", provider=model.provider, model=model.name, created_at=at,
            run_id=runs_of[n * len(runs_of) // count] if runs_of else None,
            role=rng.choice(("answer", "answer", "critique", "synthesizer", "generate")), surface="rest",
            status="error" if failed else "ok", stop=None if failed else "stop",
            error_code=rng.choice(ERRORS) if failed else None,
            error_message="made up: it did not answer" if failed else None,
            input_tokens=tokens[0], output_tokens=tokens[1], cost=model.price * sum(tokens), price_source="settings",
            latency_ms=took, first_token_ms=None if failed else took // 4, attempts=1, tags=rng.choice(TAGS),
            trace=trace_of(model, tokens[1], took, failed=failed), finished_at=at + took * 1000,
        )  # fmt: skip


def trace_of(model: Model, tokens: int, took: int, *, failed: bool) -> tuple[str, ...]:
    """The lines that the pipeline would have left."""
    name = f"{model.provider}/{model.name}"
    end = (
        f"{name} failed: made up; no further attempt"
        if failed
        else f"{name} answered: {tokens} tokens, stop: stop"
    )
    lines = [
        f"0 ms: candidates: {name}",
        "1 ms: cache: miss",
        f"2 ms: breaker of {name}: closed",
        f"3 ms: reserved {model.price * 3_900} nanodollars",
        f"{took} ms: {end}",
    ]
    return tuple(lines)


async def fill(
    database: Database, *, calls: int, sessions: int = 0, days: float = 6.0, seed: int = 5
) -> None:
    """Put so many calls and sessions of the last days into the database."""
    rows = list(_sessions(sessions, days, seed))
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        await database.write(lambda conn, part=part: _insert(conn, part))
    made = list(made_up_calls(calls, days, seed, [str(row["id"]) for row in rows]))
    for start in range(0, len(made), CHUNK):
        part_of = made[start : start + CHUNK]
        attempts = [_attempt(call) for call in part_of]
        await database.write(lambda conn, a=attempts, c=part_of: store_records(conn, a, c))


def _attempt(call: CallRecord) -> AttemptRecord:
    return AttemptRecord(
        id=new_id("att"), call_id=call.id, n=1, provider=call.provider, model=call.model,
        started_at=call.created_at + 3_000, status=call.status, error_code=call.error_code,
        input_tokens=call.input_tokens, output_tokens=call.output_tokens, cost=call.cost, finished_at=call.finished_at,
    )  # fmt: skip


def _sessions(count: int, days: float, seed: int) -> Iterator[dict[str, object]]:
    rng, now = random.Random(seed), now_us()
    for n in range(count):
        at = now - int((count - n) / count * days * DAY)
        question = f"{rng.choice(QUESTIONS)[:-1]} (case {n + 1})?"
        status = rng.choices(("completed", "failed", "cancelled"), (20, 1, 1))[0]
        yield {
            "id": new_id("ses"), "kind": "consensus", "tenant": "local", "principal": "local", "status": status,
            "mode": rng.choice(MODES), "title": question, "search": question.casefold(), "turn": 1,
            "input": "{}", "epoch": 1, "heartbeat_at": at, "cancel_requested": False, "simulated": False,
            "total_cost": rng.randrange(1_000_000, 90_000_000), "calls": rng.randrange(3, 12), "created_at": at,
            "updated_at": at, "finished_at": at + 20 * MICROSECONDS,
        }  # fmt: skip


def _insert(conn: Connection, rows: list[dict[str, object]]) -> None:
    conn.execute(insert(runs), rows)


async def _main(url: str, calls: int, sessions: int) -> None:
    database = await Database.open(url)
    try:
        await fill(database, calls=calls, sessions=sessions)
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
