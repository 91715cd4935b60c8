"""What a call may cost at the most, and what it did cost."""

from contextlib import suppress

from msgspec import convert, structs

from quorum_mcp.answers import Answer, Usage
from quorum_mcp.calls.bounds import DEFAULT_MAX_TOKENS, most
from quorum_mcp.calls.record import Attempt, Bill
from quorum_mcp.calls.tokens import bound, count, rough_bound
from quorum_mcp.errors import (
    BudgetExceeded,
    ContextTooLong,
    ProviderAuth,
    ProviderRateLimited,
    ProviderRefused,
    ProviderUnavailable,
    QuorumError,
    Unsupported,
)
from quorum_mcp.messages import ModelRequest
from quorum_mcp.providers.prices import FREE, Price
from quorum_mcp.providers.registry import Registry, Target
from quorum_mcp.tasks import CountTokens

REFUSED = (
    ContextTooLong,
    ProviderAuth,
    ProviderRateLimited,
    ProviderRefused,
    ProviderUnavailable,
    Unsupported,
)


def worst_case(
    registry: Registry, target: Target, request: ModelRequest, *, strict: bool = True, exact: bool = True
) -> int:
    """Nanodollars that the request cannot exceed. Without a known price it is refused, or 0 if not `strict`.

    Where it need not be `exact`, it is found in no time, and its prompt counts some three times as much.
    """
    known = registry.price(target.provider.name, target.model)
    if (known is not None and known.free) or isinstance(request.task, CountTokens):
        return 0
    if known is None and not strict:
        return 0
    if request.native is not None and request.native.media:
        with suppress(Unsupported):  # what nobody else understands counts as the text it is sent as
            request = request.opened()
    tokens = bound(request) if exact else rough_bound(request)
    usage = most(request, tokens, request.max_tokens or target.max_tokens or DEFAULT_MAX_TOKENS)
    price = registry.price(target.provider.name, target.model, tokens)
    if request.searches and price is not None:
        usage = _searching(target, price, usage, strict=strict)
    if price is None or not price.covers(usage):
        raise BudgetExceeded(
            f"no price is known for {target.name}, so a bound on cost cannot be kept",
            hint=f"set providers.{target.provider.name}.price, or leave max_cost out",
            provider=target.provider.name,
            model=target.model,
        )
    return price.cost(usage)


def _searching(target: Target, price: Price, usage: Usage, *, strict: bool) -> Usage:
    """The usage with web searches, as far as it can be priced.

    Where a bound on cost is to be kept, a search is refused whose price is unknown, or of which nobody can say how
    often it is made.
    """
    if price.search is not None and (target.provider.search == "bounded" or not strict):
        return usage
    if not strict:
        return structs.replace(usage, searches=0)
    reason = "has no known price" if price.search is None else "cannot be bounded in number"
    raise BudgetExceeded(
        f"web search of {target.name} {reason}, so a bound on cost cannot be kept",
        hint="leave web search out, ask another provider, or give no max_cost",
        provider=target.provider.name,
        model=target.model,
    )


def bill(registry: Registry, attempt: Attempt, answer: Answer | None, error: BaseException | None) -> Bill:
    """The bill of an attempt. What the provider did not report is its reservation, or an estimate.

    An attempt that the provider refused (its error says so) costs nothing; one that was cut or cancelled may
    have been billed, so it counts.
    """
    target, request = attempt.target, attempt.request
    usage = answer.usage if answer is not None else _reported(error)
    price = registry.price(target.provider.name, target.model, usage.input)
    if usage.cost is not None:
        return Bill(usage, usage.cost, False, "provider")
    if isinstance(error, REFUSED) and not attempt.text:
        return Bill(usage, 0 if price is not None else None, False, None)
    if usage.reported and price is not None and not price.covers(usage):
        price = None
    if usage.reported or price == FREE:
        return Bill(
            usage, None if price is None else price.cost(usage), False, price.source if price else None
        )
    text = answer.text if answer is not None else "".join(attempt.text)
    usage = structs.replace(most(request, bound(request), count(text)), reported=False)
    if price is None or not price.covers(usage):
        return Bill(usage, None, True, None)
    cost = price.cost(usage)
    if attempt.reserved is not None:  # an estimate above the worst case is the estimate's fault
        top = attempt.reserved.amount
        if not attempt.reserved.exact:
            top = min(top, worst_case(registry, target, request, strict=False))
        cost = top if answer is None else min(cost, top)
    return Bill(usage, cost, True, price.source)


def _reported(error: BaseException | None) -> Usage:
    """What the provider billed for an answer that could not be used, where it said so."""
    known = error.details.get("usage") if isinstance(error, QuorumError) else None
    return convert(known, Usage) if known else Usage(reported=False)
