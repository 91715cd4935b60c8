"""How a call waits for its limits: in a line, as long as its deadline allows."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from quorum_mcp.calls.call import Call
from quorum_mcp.calls.limits.limit import Level, Limit
from quorum_mcp.calls.limits.lines import Place
from quorum_mcp.errors import ProviderRateLimited, RateLimited
from quorum_mcp.providers.registry import Target

Levels = tuple[Level, ...]
Try = Callable[[float], Awaitable[Levels | None]]
"""Tries with so many seconds left; None where it succeeded, else what is left of each limit."""
_HINTS = {
    "provider": "wait, or raise limits of the provider in quorum.yaml",
    "model": "wait, or raise model_limits of the provider in quorum.yaml",
    "vendor": "wait, name another model, or ask the provider for higher limits",
    "tenant": "wait, or raise server.tenant_limits in quorum.yaml",
    "key": "wait, or use a key with higher limits",
}


async def wait(
    place: Place, limits: Sequence[Limit], again: Try, found: Limit | Levels, call: Call, target: Target
) -> None:
    """Stand in the line of the limit that takes longest, and try `again` when it is time, until that succeeds.

    Args:
        place: the call's, whose lines and seconds are noted in it.
        limits: what the call needs.
        again: tries to get it.
        found: what the last try found to be left, or the limit that others wait for already.
        call: bounds the wait.
        target: whom it wants to ask.

    Raises:
        RateLimited: the wait would not end before the deadline.
        ProviderRateLimited: the same, for a limit that the provider told.
    """
    while True:
        if isinstance(found, Limit):
            limit, seconds = found, place.stand(found, None)
        else:
            limit, level = max(
                zip(limits, found, strict=True), key=lambda one: one[1].wait(one[0], 1, place.tokens)
            )
            seconds = place.stand(limit, level)
        if seconds >= call.remaining():
            raise _refusal(limit, seconds, target)
        began = time.monotonic()
        if place.is_first:
            await asyncio.sleep(seconds)
        try:
            await place.turn(max(call.deadline - time.monotonic(), 0))
        except TimeoutError:
            raise _refusal(limit, max(seconds, 1.0), target) from None
        place.waited(limit, time.monotonic() - began)
        levels = await again(max(call.deadline - time.monotonic(), 0))
        if levels is None:
            return
        found = levels


def story(place: Place) -> str:
    """What the place waited for, as a line of the call's trace; empty where it did not wait."""
    if place.longest is None:
        return ""
    return f"waited {place.seconds * 1000:.0f} ms for the limit {_whose(place.longest)}"


def _refusal(limit: Limit, seconds: float, target: Target) -> RateLimited | ProviderRateLimited:
    kind = limit.name.partition(":")[0]
    # What a provider told of its own limits is its refusal, whether it is asked for it again or not.
    refusal = ProviderRateLimited if kind == "vendor" else RateLimited
    return refusal(
        f"the limit {_whose(limit)} is reached" + ("; it is not asked again yet" if kind == "vendor" else ""),
        hint=_HINTS[kind],
        provider=target.provider.name,
        model=target.model,
        retry_after=round(seconds, 2),
    )


def _whose(limit: Limit) -> str:
    kind, _, name = limit.name.partition(":")
    return f"of the {kind} {name}" if kind in ("tenant", "key", "model") else f"towards {name}"
