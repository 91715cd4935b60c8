"""What a run will probably cost: as `round_cost`, with as many words as each model has written so far."""

from quorum_mcp import money
from quorum_mcp.calls.cost import DEFAULT_MAX_TOKENS, worst_case
from quorum_mcp.consensus.opening import WAVE, seat_messages
from quorum_mcp.consensus.plan import Plan
from quorum_mcp.messages import ModelRequest
from quorum_mcp.providers.registry import Registry
from quorum_mcp.store.figures import Figures, Slots

TYPICAL_TOKENS = 600
"""What a model writes that nobody has asked yet: a page of text."""


async def expected_usd(plan: Plan, registry: Registry, figures: Figures, tenant: str, rounds: int) -> float:
    """USD. Judges and writers are left out, and so are the answers that later rounds quote.

    Raises:
        BudgetExceeded: a price is unknown.
    """
    written = await figures.sums(Slots(tenant=tenant), ("provider", "model"), ("ok", "output_tokens"))
    total = 0
    for seat in plan.seats:
        target = registry.resolve(seat.model)
        past = written.get((target.provider.name, target.model))
        usual = round(past.output_tokens / past.ok) if past is not None and past.ok else TYPICAL_TOKENS
        most = plan.max_tokens or seat.max_tokens or DEFAULT_MAX_TOKENS
        request = ModelRequest(target.model, seat_messages(plan, seat), max_tokens=max(1, min(usual, most)))
        total += worst_case(registry, target, request)
    asked = WAVE if plan.mode == "quick_consensus" and not plan.exhaustive else len(plan.seats)
    return money.to_usd(total * min(asked, len(plan.seats)) // len(plan.seats) * rounds)
