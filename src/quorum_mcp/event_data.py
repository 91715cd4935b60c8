"""What the `data` of each type of event holds. Events of a run carry `turn` besides, except the deltas.

These are shapes for readers and type checkers; nothing is imported from here to send an event.
"""

from typing import Any, Literal, TypedDict

from quorum_mcp.events import AlertKind, EventType


class RunStarted(TypedDict):
    """A turn began; what is in here stays the same if another process goes on with the run."""

    query: str
    """The question."""
    mode: str
    """The mode of deliberation."""
    seats: list[dict[str, Any]]
    """The seats, strongest first: `index`, `member`, `model`, `provider`, `simulated`, `builtin`."""
    judges: list[str]
    """The chain of models that may group positions."""
    writers: list[str]
    """The chain of models that may write the answer."""
    guard: dict[str, Any]
    """Which group wins: `rule` (`leader`, `majority`, `leader_unless`) and `k`."""
    seed: int
    """What the orders of answers shown to judges and critics are drawn from."""
    prompt_version: int
    """The edition of the prompts."""
    timeout: float
    """Seconds for the whole turn."""
    simulated: bool
    """Whether a seat is simulated."""
    warnings: list[str]
    """What the caller should know."""


class RoundStarted(TypedDict):
    """Seats are asked: the first round, another wave of it, or a further round."""

    round: int
    """The round's number, from 1."""
    role: str
    """What the seats are asked for: `answer`, `critique`, `advocate` or `defence`."""
    seats: list[int]
    """The seats that are asked."""


class CallStarted(TypedDict):
    """A model is asked."""

    key: str
    """The call's name within the session; later events of the call carry it too."""
    seat: int | None
    """The seat; null for judges and writers."""
    member: str
    """The seat's name in answers, unique even where a model sits twice."""
    provider: str
    """The provider."""
    model: str
    """The provider's own name of the model."""
    round: int
    """The round's number."""
    role: str
    """`answer`, `critique`, `advocate`, `defence`, `judge` or `synthesizer`."""
    simulated: bool
    """Whether the model is simulated."""


class CallDelta(CallStarted):
    """A piece of a call's text. Not stored: `call.finished` holds the whole text."""

    offset: int
    """Where the piece belongs: text = text[:offset] + piece. It steps back when a call begins anew."""
    text: str
    """The piece."""


class CallFinished(CallStarted):
    """A call ended with an answer."""

    status: Literal["ok", "failed", "skipped"]
    """How it ended."""
    text: str
    """The whole answer."""
    reasoning: str
    """What the model showed of its reasoning."""
    conclusion: dict[str, Any] | None
    """The short answer found in the text: `text`, `key`, `kind`, `stated`; null where there is none."""
    input_tokens: int
    """Tokens of the prompt."""
    output_tokens: int
    """Tokens of the answer, reasoning included."""
    nanos: int | None
    """The cost in nanodollars; null where no price is known."""
    cost: float | None
    """The same in USD."""
    abstained: bool
    """Whether a built-in solver had nothing to say."""
    latency: float
    """Seconds from the first attempt to the end."""
    call_id: str | None
    """The call's record: `GET /api/calls/{call_id}`."""
    citations: list[dict[str, Any]]
    """The pages that it cites: `url`, and where they are known `title`, `quote`, `start` and `end` in the text."""
    error: dict[str, Any] | None
    """The error, as errors are written everywhere; null where there is none."""
    warnings: list[str]
    """What the caller should know."""


class CallFailed(CallFinished):
    """A call ended without an answer; `error` says why."""


class AgreementMeasured(TypedDict):
    """The first round was compared."""

    round: int
    """Always 1: later rounds do not change what was measured blind."""
    open: bool
    """Whether the question is open: fewer than two seats gave a short conclusion."""
    agreement: Literal["agree", "disagree", "cannot_tell"]
    """What was found."""
    groups: list[dict[str, Any]]
    """Equal conclusions: `conclusion`, `members`, `share`."""


class RoundFinished(TypedDict):
    """A round after the first one ended."""

    round: int
    """The round's number."""
    changed: bool
    """Whether a seat's answer changed."""


class SynthesisDelta(CallDelta):
    """A piece of the answer in prose."""


class RunFinished(TypedDict):
    """The turn ended with an answer."""

    result: dict[str, Any]
    """The answer, as `POST /api/query` returns it."""


class RunFailed(TypedDict):
    """The turn ended without an answer."""

    error: dict[str, Any]
    """The error, as errors are written everywhere."""


class RunCancelled(RunFailed):
    """The turn was cancelled."""


class Stats(TypedDict):
    """Counts over everything stored. Sent to WebSocket connections now and then; part of no run."""

    sessions: dict[str, int]
    """Sessions by status."""
    calls: int
    """Model calls."""
    succeeded: int
    """Those that ended with an answer."""
    failed: int
    """Those that did not."""
    input_tokens: int
    """Tokens of prompts."""
    output_tokens: int
    """Tokens of answers."""
    total_cost: float
    """USD."""
    mean_latency: float | None
    """Seconds."""


class AlertData(TypedDict):
    """What every alert says."""

    id: str
    """The alert's id; a webhook is sent the same."""
    at: str
    """When it was raised, ISO 8601 in UTC."""
    kind: AlertKind
    """What it is about."""
    subject: str
    """The budget, provider or model that it is about."""
    provider: str | None
    """The provider, where it is about one."""
    message: str
    """One sentence for people."""


class BudgetAlert(AlertData):
    """A budget is nearly spent, is spent, or was billed more than was set aside.

    Sent to WebSocket connections and webhooks; part of no run. A tenant is told of its own budgets, the operator
    of all.
    """

    period: str
    """The budget's period."""
    percentage: float
    """How much of the limit is spent, in percent."""
    spent: float
    """USD billed in the period."""
    limit: float
    """USD for the period."""
    key_id: str | None
    """The API key whose budget it is."""


class ProviderStatus(AlertData):
    """A provider went down, fails often, is slow, works again, or its limit is nearly used up.

    Sent to WebSocket connections and webhooks; part of no run.
    """

    status: str
    """How the provider does now: `healthy`, `degraded`, `unhealthy`."""
    model: str | None
    """The model, where it is about one."""
    figures: dict[str, float]
    """What was measured, by name."""


DATA: dict[EventType, type] = {
    "run.started": RunStarted,
    "round.started": RoundStarted,
    "call.started": CallStarted,
    "call.delta": CallDelta,
    "call.finished": CallFinished,
    "call.failed": CallFailed,
    "agreement.measured": AgreementMeasured,
    "round.finished": RoundFinished,
    "synthesis.delta": SynthesisDelta,
    "run.finished": RunFinished,
    "run.failed": RunFailed,
    "run.cancelled": RunCancelled,
    "budget.alert": BudgetAlert,
    "provider.status": ProviderStatus,
    "stats": Stats,
}
"""The shape of each type's data; types that are not in here are not sent by this version."""
