"""From a query to a frozen plan. Everything that can be wrong with a query is found here, before a run exists."""

import zlib
from collections.abc import Sequence

from quorum_mcp import money
from quorum_mcp.access.principal import KeyRule
from quorum_mcp.calls.bounds import DEFAULT_MAX_TOKENS
from quorum_mcp.calls.budget import Allowance
from quorum_mcp.calls.cost import worst_case
from quorum_mcp.config.settings import Settings
from quorum_mcp.consensus.calibration import Calibration
from quorum_mcp.consensus.opening import seat_messages
from quorum_mcp.consensus.plan import DEFAULT_TIMEOUT, Plan, Seat
from quorum_mcp.consensus.query import Query
from quorum_mcp.errors import BudgetExceeded, InvalidInput, Unsupported
from quorum_mcp.messages import SEARCHES, Document, Image, Message, ModelRequest
from quorum_mcp.providers.registry import Registry

MOST_CRITIQUES = 2


async def make_plan(
    query: Query,
    seats: tuple[Seat, ...],
    conversation: tuple[Message, ...],
    settings: Settings,
    registry: Registry,
    calibration: Calibration,
    key: KeyRule | None = None,
) -> Plan:
    """The plan of one turn, by models that `key` may call.

    Raises the errors of unknown models, tools that no seat has, and unpayable bounds.
    """
    if query.tools:
        _searching(seats, registry)
    _seeing(seats, conversation, registry)
    rules = settings.consensus
    writers, judges = await _chains(query, seats, settings, registry, key)
    chosen = {*writers, *judges}
    asked = None if query.max_cost is None else money.from_usd(query.max_cost)
    allowance = Allowance.of(asked, settings)
    warnings = _notes(seats)
    plan = Plan(
        mode=query.mode,
        seats=seats,
        question=query.query,
        conversation=conversation,
        judges=tuple(judges),
        writers=tuple(writers),
        always_write="synthesizer" in query.model_fields_set and query.synthesizer is not None,
        settle=rules.judge is not None and bool(judges),
        guard=calibration.guard,
        critique_rounds=min(max(rules.critique_rounds, 0), MOST_CRITIQUES),
        exhaustive=query.exhaustive or query.samples > 1,
        answer_format=query.answer_format,
        max_tokens=query.max_tokens,
        temperature=query.temperature,
        max_cost=allowance.limit,
        strict_cost=allowance.strict,
        timeout=query.timeout_seconds or DEFAULT_TIMEOUT[query.mode],
        seed=zlib.crc32(query.query.encode()),
        require_consensus=query.require_consensus,
        warnings=tuple(warnings),
        tags=tuple(query.tags),
        searches=SEARCHES if query.tools else 0,
        simulated_models=tuple(
            name for name in sorted(chosen) if registry.resolve(name).provider.kind == "sim"
        ),
    )
    if plan.max_cost is not None and plan.strict_cost:
        _affordable(plan, registry)
    return plan


def _searching(seats: Sequence[Seat], registry: Registry) -> None:
    """Refuse a panel with seats whose providers have no web search of their own."""
    without = [seat.member for seat in seats if registry.resolve(seat.model).provider.search == "none"]
    if without:
        raise Unsupported(
            f"no web search of their own have: {', '.join(without)}",
            hint="name a panel whose providers have one, or leave `tools` out",
            details={"tool": "web_search", "members": without},
        )


def _seeing(seats: Sequence[Seat], conversation: Sequence[Message], registry: Registry) -> None:
    """Refuse to show images and documents to seats that cannot take them."""
    parts = [part for message in conversation for part in message.parts]
    unable = {
        "images": [seat for seat in seats if seat.builtin],
        "PDF documents": [seat for seat in seats if not registry.resolve(seat.model).provider.documents],
    }
    for what, kind in (("images", Image), ("PDF documents", Document)):
        members = [seat.member for seat in unable[what]]
        if members and any(isinstance(part, kind) for part in parts):
            raise Unsupported(
                f"{what} cannot be shown to: {', '.join(members)}",
                hint=f"name a panel whose models take them, or leave the {what} out",
                details={"members": members},
            )


async def _chains(
    query: Query, seats: tuple[Seat, ...], settings: Settings, registry: Registry, key: KeyRule | None
) -> tuple[list[str], list[str]]:
    """The models that may write prose and those that may judge, in the order in which they are tried.

    A writer that the query names has to be one that the key may call; others that it may not are left out.
    """
    rules = settings.consensus
    chain = [(await registry.find(name)).name for name in rules.fallback]
    explicit = "synthesizer" in query.model_fields_set
    wanted = query.synthesizer if explicit else rules.synthesizer
    writers: list[str] = []
    if wanted is not None or not explicit:
        first = [(await registry.find(wanted)).name] if wanted else []
        if key is not None and explicit:
            key.require(*first)
        writers = _unique([*first, *chain, *(seat.model for seat in seats if not seat.builtin)])
    judges = writers
    if rules.judge is not None:
        judges = _unique([(await registry.find(rules.judge)).name, *chain, *writers])
    if key is not None:
        writers, judges = ([name for name in names if key.allows(name)] for names in (writers, judges))
    return writers, judges


def round_cost(plan: Plan, registry: Registry) -> dict[str, int]:
    """The worst case in nanodollars of asking each seat once, by member. Raises where a price is unknown."""
    costs: dict[str, int] = {}
    for seat in plan.seats:
        target = registry.resolve(seat.model)
        most = plan.max_tokens or seat.max_tokens or DEFAULT_MAX_TOKENS
        request = ModelRequest(
            target.model, seat_messages(plan, seat), max_tokens=most, searches=plan.searches
        )
        costs[seat.member] = worst_case(registry, target, request)
    return costs


def _affordable(plan: Plan, registry: Registry) -> None:
    """Refuse a run whose first wave could not be paid: better now than half done."""
    costs = list(round_cost(plan, registry).values())
    first = sum(costs[:2]) if plan.mode == "quick_consensus" and not plan.exhaustive else sum(costs)
    if plan.max_cost is not None and first > plan.max_cost:
        raise BudgetExceeded(
            f"asking the panel once may cost {money.show(first)}, and max_cost is {money.show(plan.max_cost)}",
            hint="raise max_cost, lower max_tokens, or ask a cheaper panel",
            details={"needed_usd": money.to_usd(first), "available_usd": money.to_usd(plan.max_cost)},
        )


def _notes(seats: Sequence[Seat]) -> list[str]:
    notes: list[str] = []
    if any(seat.simulated for seat in seats):
        notes.append("simulated: seats named sim/… are scripted, not language models")
    if all(seat.builtin for seat in seats):
        notes.append(
            "answered by built-in solvers only; no language model is configured: set a key such as OPENAI_API_KEY, "
            "or start a local server (`quorum doctor` shows what is missing)"
        )
    return notes


def _unique(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))


def check_follow_up(query: Query) -> None:
    """A follow-up continues a session; a conversation of its own would contradict it."""
    if query.session_id and query.messages:
        raise InvalidInput("give either session_id or messages", hint="a session brings its own conversation")
