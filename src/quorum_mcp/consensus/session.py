"""A session as callers read it: its last answer, all its turns and rounds, and what its calls cost."""

from typing import Any

from pydantic import BaseModel

from quorum_mcp import codec, money
from quorum_mcp.consensus.query import QueryAnswer
from quorum_mcp.events import Event, stamp
from quorum_mcp.store.call_rows import CallRecord
from quorum_mcp.store.clock import MICROSECONDS
from quorum_mcp.store.run_list import Summary
from quorum_mcp.store.run_rows import Run


class SessionLine(BaseModel):
    """One line of the list of sessions. Times are ISO 8601 in UTC, the cost is USD."""

    session_id: str
    status: str
    mode: str
    title: str
    turns: int
    calls: int
    total_cost: float
    simulated: bool
    created_at: str
    updated_at: str
    finished_at: str | None


class RoundView(BaseModel):
    """One round of one turn, with every response in it."""

    turn: int
    round: int
    role: str
    responses: list[dict[str, Any]]


class TurnView(BaseModel):
    """One question of the session and its answer (null while it is open or where it failed)."""

    turn: int
    query: str
    status: str
    answer: QueryAnswer | None
    error: dict[str, Any] | None


class SessionView(QueryAnswer):
    """The whole session; the answer's fields are those of its last turn."""

    query: str = ""
    title: str = ""
    error: dict[str, Any] | None = None
    turns: list[TurnView] = []
    round_details: list[RoundView] = []
    call_records: list[dict[str, Any]] = []
    session_cost: float = 0.0
    session_calls: int = 0
    last_seq: int = 0
    created_at: str = ""
    updated_at: str = ""
    finished_at: str | None = None


def line(summary: Summary) -> SessionLine:
    """A line of the list."""
    return SessionLine(
        session_id=summary.id,
        status=summary.status,
        mode=summary.mode,
        title=summary.title,
        turns=summary.turn,
        calls=summary.calls,
        total_cost=money.to_usd(summary.total_cost or 0),
        simulated=summary.simulated,
        created_at=moment(summary.created_at),
        updated_at=moment(summary.updated_at),
        finished_at=None if summary.finished_at is None else moment(summary.finished_at),
    )


def answer_of(run: Run) -> QueryAnswer:
    """The last turn's answer, or the state of a turn that has none yet."""
    stored = codec.decode(run.output) if run.output else {}
    base: dict[str, Any] = {"session_id": run.id, "run_id": run.id, "turn": run.turn, "mode": run.mode}
    if run.status == "completed" and "consensus" in stored:
        return QueryAnswer.model_validate(stored)
    return QueryAnswer.model_validate(base | {"status": run.status, "simulated": run.simulated})


def view(run: Run, events: list[Event], calls: list[CallRecord]) -> SessionView:
    """The whole session."""
    turns = _turns(run, events)
    answer = answer_of(run)
    fields = answer.model_dump() | {
        "query": turns[-1].query if turns else run.title,
        "title": run.title,
        "error": turns[-1].error if turns else None,
        "turns": turns,
        "round_details": _rounds(events),
        "call_records": [record(call) for call in calls],
        "session_cost": money.to_usd(run.total_cost or 0),
        "session_calls": run.calls,
        "simulated": run.simulated,
        "last_seq": events[-1].seq if events else 0,
        "created_at": moment(run.created_at),
        "updated_at": moment(run.updated_at),
        "finished_at": None if run.finished_at is None else moment(run.finished_at),
    }
    return SessionView.model_validate(fields)


def record(call: CallRecord) -> dict[str, Any]:
    """One call's record for people and programs: cost in USD, times as text, no content."""
    return {
        "id": call.id,
        "run_id": call.run_id,
        "provider": call.provider,
        "model": call.model,
        "role": call.role,
        "surface": call.surface,
        "status": call.status,
        "stop": call.stop,
        "error": None
        if call.error_code is None
        else {"code": call.error_code, "message": call.error_message},
        "input_tokens": call.input_tokens,
        "output_tokens": call.output_tokens,
        "cached_tokens": call.cached_tokens,
        "reasoning_tokens": call.reasoning_tokens,
        "estimated": call.estimated,
        "cost": None if call.cost is None else money.to_usd(call.cost),
        "price_source": call.price_source,
        "latency": None if call.latency_ms is None else call.latency_ms / 1000,
        "first_token": None if call.first_token_ms is None else call.first_token_ms / 1000,
        "attempts": call.attempts,
        "simulated": call.simulated,
        "tags": list(call.tags),
        "trace": list(call.trace),
        "created_at": moment(call.created_at),
    }


def moment(micros: int) -> str:
    """A stored time as ISO 8601."""
    return stamp(micros / MICROSECONDS)


def _turns(run: Run, events: list[Event]) -> list[TurnView]:
    turns: dict[int, TurnView] = {}
    for event in events:
        turn = int(event.data.get("turn", 1))
        if event.type == "run.started":
            status = run.status if turn == run.turn else "running"
            turns[turn] = TurnView(
                turn=turn, query=event.data["query"], status=status, answer=None, error=None
            )
        elif event.type == "run.finished" and turn in turns:
            turns[turn].answer = QueryAnswer.model_validate(event.data["result"])
            turns[turn].status = "completed"
        elif event.type in ("run.failed", "run.cancelled"):
            at = turns.get(turn) or next(iter(reversed(turns.values())), None)
            if at is not None:
                at.status = event.type.removeprefix("run.")
                at.error = event.data.get("error")
    return list(turns.values())


def _rounds(events: list[Event]) -> list[RoundView]:
    rounds: dict[tuple[int, int, str], RoundView] = {}
    for event in events:
        if event.type not in ("call.finished", "call.failed"):
            continue
        data = event.data
        at = (int(data["turn"]), int(data["round"]), str(data["role"]))
        found = rounds.setdefault(at, RoundView(turn=at[0], round=at[1], role=at[2], responses=[]))
        hidden = ("nanos", "key", "turn", "round", "role", "warnings")
        found.responses.append({name: value for name, value in data.items() if name not in hidden})
    return [rounds[at] for at in sorted(rounds)]
