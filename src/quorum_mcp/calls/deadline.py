"""The call's deadline, for waits that do not know it themselves."""

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

from quorum_mcp.calls.call import Call
from quorum_mcp.errors import DeadlineExceeded

T = TypeVar("T")


async def in_time(call: Call, wait: Awaitable[T], what: str) -> T:
    """What `wait` comes to, unless the call's deadline is first: then it is cancelled. `what` completes the error.

    Raises:
        DeadlineExceeded: the time for the call is over.
    """
    scope = asyncio.timeout(call.deadline - time.monotonic())
    try:
        async with scope:
            return await wait
    except TimeoutError:
        if not scope.expired():
            raise
        raise DeadlineExceeded(
            f"the time for this call was over before {what}",
            hint="allow more time: timeout_seconds",
            model=call.model,
        ) from None
