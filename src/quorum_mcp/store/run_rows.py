"""The shapes in which runs go into the store and come out of it."""

import hashlib
from typing import Any, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import RowMapping

from quorum_mcp.errors import Conflict

RunStatus = Literal["queued", "running", "completed", "failed", "cancelled", "expired"]
FinalStatus = Literal["completed", "failed", "cancelled"]
SEARCHED = 4_000
"""Characters of a question that a search looks at."""


class StaleOwner(Conflict):
    """Another owner has claimed the run since, or it has ended: its old owner must stop."""


class Run(Struct, frozen=True, kw_only=True):
    """One session: its last turn, and who works on it.

    Attributes:
        input: JSON of the current turn's input; `output` is JSON of the last finished turn's.
        epoch: grows with every claim and every turn; appending needs the current one.
        total_cost: nanodollars of all turns, None where it is not known.
    """

    id: str
    kind: str
    tenant: str
    principal: str
    status: RunStatus
    mode: str
    title: str
    turn: int
    input: str
    output: str | None
    owner: str | None
    epoch: int
    heartbeat_at: int
    deadline_at: int | None
    cancel_requested: bool
    simulated: bool
    total_cost: int | None
    calls: int
    created_at: int
    updated_at: int
    finished_at: int | None


class Summary(Struct, frozen=True, kw_only=True):
    """One line of a list of sessions; fields as in `Run`."""

    id: str
    kind: str
    status: RunStatus
    mode: str
    title: str
    turn: int
    simulated: bool
    total_cost: int | None
    calls: int
    created_at: int
    updated_at: int
    finished_at: int | None


class NewRun(Struct, frozen=True, kw_only=True):
    """A run to create.

    Attributes:
        question: the first question's text, to be found by searches.
        owner: the process that starts on it at once; None leaves it queued for anyone.
        deadline_at: microseconds since 1970.
    """

    id: str
    input: str
    mode: str
    title: str
    question: str
    tenant: str
    principal: str
    kind: str = "consensus"
    owner: str | None = None
    deadline_at: int | None = None
    simulated: bool = False


class NewTurn(Struct, frozen=True, kw_only=True):
    """A follow-up in an existing session; fields as in `NewRun`."""

    run_id: str
    tenant: str
    input: str
    mode: str
    principal: str = "local"
    owner: str | None = None
    deadline_at: int | None = None


class Key(Struct, frozen=True):
    """A caller's idempotency key with the hash of the request it came with."""

    key: str
    body_hash: str


class Started(Struct, frozen=True):
    """A turn that is stored; `created` is False where an idempotency key had made it before."""

    run_id: str
    turn: int
    epoch: int
    created: bool = True


class Beat(Struct, frozen=True):
    """A run that its owner still holds."""

    run_id: str
    epoch: int
    cancel_requested: bool


def run_of(row: RowMapping) -> Run:
    """The run that a row of the table holds."""
    fields = dict(row)
    del fields["search"]
    return Run(**fields)


def body_hash(body: Any) -> str:
    """A hash of a request's body (plain values and structs) that does not depend on the order of its keys."""
    return hashlib.sha256(msgspec.json.encode(body, order="sorted")).hexdigest()
