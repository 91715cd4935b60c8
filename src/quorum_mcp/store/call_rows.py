"""The shapes in which calls of models and their attempts are recorded."""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Literal

from msgspec import Struct, structs
from sqlalchemy import RowMapping, Table

from quorum_mcp import codec
from quorum_mcp.store.tables import attempts, calls

CallStatus = Literal["ok", "error", "cancelled", "unknown"]
"""`unknown`: the request left and the process died before it knew how it ended."""

NOT_ITS_FAULT = (
    "budget_exceeded",
    "deadline_exceeded",
    "provider_content_filtered",
    "provider_context_too_long",
    "provider_model_missing",
    "provider_refused",
    "queue_full",
    "rate_limited",
    "unsupported",
)
"""Errors that say something about what was asked, rather than about the provider."""


class Draw(Struct, frozen=True, array_like=True):
    """Nanodollars set aside for one attempt out of a lease of one budget."""

    lease: str
    amount: int


class CallRecord(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One call of a model: what was asked of whom, how it ended, what it used.

    Attributes:
        model: the provider's name of the model that answered, or was asked last.
        key_id: the API key that asked, where it was one.
        cost: nanodollars, None where no price is known; `estimated` where the provider reported no usage.
        latency_ms: from the start of the call to its end; `first_token_ms` to the first piece of the answer.
        attempts: how many requests left for a provider.
        trace: one line for each decision on the way.
        prompt: what was sent, and `answer` what came back, as text or JSON; None unless content is kept.
        created_at: when the call began, microseconds since 1970; `finished_at` likewise.
        alone: whether this is the record of its only attempt, too. In the journal, not in the row.
        draws: where it is alone, what was set aside for the attempt; as in `AttemptRecord`.
    """

    id: str
    tenant: str
    provider: str
    model: str
    created_at: int
    run_id: str | None = None
    role: str = "answer"
    surface: str = "sdk"
    status: CallStatus = "unknown"
    stop: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    cost: int | None = None
    price_source: str | None = None
    latency_ms: int | None = None
    first_token_ms: int | None = None
    attempts: int = 0
    simulated: bool = False
    key_id: str | None = None
    tags: tuple[str, ...] = ()
    trace: tuple[str, ...] = ()
    prompt: str | None = None
    answer: str | None = None
    finished_at: int | None = None
    alone: bool = False
    draws: tuple[Draw, ...] = ()


class AttemptRecord(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One request that left for a provider; fields as in `CallRecord`. `n` counts within the call, from 1.

    `draws` is what was set aside for it. It is in the journal, not in the row: storing the row settles it.
    """

    id: str
    call_id: str
    n: int
    provider: str
    model: str
    started_at: int
    status: CallStatus = "unknown"
    error_code: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False
    cost: int | None = None
    draws: tuple[Draw, ...] = ()
    finished_at: int | None = None


def _columns(table: Table, record: type[Struct]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """What takes the values of a table's columns, in their order, out of those of a record's fields."""
    fields = record.__struct_fields__
    return itemgetter(*(fields.index(column.name) for column in table.c))


_attempt_columns, _call_columns = _columns(attempts, AttemptRecord), _columns(calls, CallRecord)
_TAGS, _TRACE = map(CallRecord.__struct_fields__.index, ("tags", "trace"))


def attempt_row(attempt: AttemptRecord) -> tuple[Any, ...]:
    """The attempt as a row of the table, its values in the order of the columns."""
    return _attempt_columns(structs.astuple(attempt))


def call_row(call: CallRecord) -> tuple[Any, ...]:
    """The call as a row of the table, its values in the order of the columns."""
    values = list(structs.astuple(call))
    values[_TAGS] = codec.encode_text(call.tags) if call.tags else None
    values[_TRACE] = codec.encode_text(call.trace) if call.trace else None
    return _call_columns(values)


def call_of(row: RowMapping) -> CallRecord:
    """The call that a row of the table holds."""
    fields = dict(row)
    for name in ("tags", "trace"):
        text = fields[name]
        fields[name] = codec.decode(text, tuple[str, ...]) if text else ()
    return CallRecord(**fields)


def first_attempt(call_id: str) -> str:
    """The id of a call's first attempt."""
    return "att" + call_id.removeprefix("call")


def only_attempt(call: CallRecord) -> AttemptRecord:
    """The attempt of a call that made one and has no row for it. When it left is not known: the call's beginning."""
    return AttemptRecord(
        id=first_attempt(call.id),
        call_id=call.id,
        n=1,
        provider=call.provider,
        model=call.model,
        started_at=call.created_at,
        status=call.status,
        error_code=call.error_code,
        input_tokens=call.input_tokens,
        output_tokens=call.output_tokens,
        estimated=call.estimated,
        cost=call.cost,
        finished_at=call.finished_at,
    )
