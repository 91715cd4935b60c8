"""A session as callers read it: its last answer, all its turns and rounds, and what its calls cost."""

from typing import Any

from pydantic import BaseModel, Field

from quorum_mcp import codec, money
from quorum_mcp.calls.ops.records import CallView, call_view
from quorum_mcp.consensus.query import QueryAnswer
from quorum_mcp.events import Event, stamp
from quorum_mcp.store.call_rows import CallRecord
from quorum_mcp.store.clock import MICROSECONDS
from quorum_mcp.store.run_rows import Run


class RoundView(BaseModel):
    """One round of one turn, with every response in it."""

    turn: int = Field(description="The turn.")
    round: int = Field(description="The round.")
    role: str = Field(description="What was asked for.")
    responses: list[dict[str, Any]] = Field(description="Every response in it.")


class TurnView(BaseModel):
    """One question of the session and its answer (null while it is open or where it failed)."""

    turn: int = Field(description="Its number.")
    query: str = Field(description="The question.")
    status: str = Field(description="Where it stands.")
    answer: QueryAnswer | None = Field(description="The answer.")
    error: dict[str, Any] | None = Field(description="What went wrong.")


class SessionView(QueryAnswer):
    """The whole session; the answer's fields are those of its last turn."""

    query: str = Field("", description="The last question.")
    title: str = Field("", description="The beginning of the first question.")
    error: dict[str, Any] | None = Field(None, description="What the last turn failed with.")
    turns: list[TurnView] = Field(
        default_factory=list[TurnView], description="All questions with their answers."
    )
    round_details: list[RoundView] = Field(
        default_factory=list[RoundView], description="All rounds with their responses."
    )
    call_records: list[CallView] = Field(
        default_factory=list[CallView], description="The records of all calls."
    )
    session_cost: float = Field(0.0, description="USD, all turns.")
    session_calls: int = Field(0, description="Calls of all turns.")
    last_seq: int = Field(0, description="The number of the last stored event.")
    created_at: str = Field("", description="When it began, ISO 8601.")
    updated_at: str = Field("", description="When something last happened in it, ISO 8601.")
    finished_at: str | None = Field(None, description="When its last turn ended, ISO 8601.")


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
        "call_records": [call_view(call) for call in calls],
        "session_cost": money.to_usd(run.total_cost or 0),
        "session_calls": run.calls,
        "simulated": run.simulated,
        "last_seq": events[-1].seq if events else 0,
        "created_at": moment(run.created_at),
        "updated_at": moment(run.updated_at),
        "finished_at": None if run.finished_at is None else moment(run.finished_at),
    }
    return SessionView.model_validate(fields)


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
