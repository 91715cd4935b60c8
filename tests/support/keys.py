"""API keys for tests: made over REST by whoever may, shown by a client of their own."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tests.support.rest import Rest

ALL = ["ask", "read", "write", "admin"]
BOOTSTRAP = "bootstrap-key-of-the-tests"
BEARER = {"authorization": f"Bearer {BOOTSTRAP}"}


def bearer(key: str) -> dict[str, str]:
    """The header that shows a key."""
    return {"authorization": f"Bearer {key}"}


async def make_key(q: Rest, name: str = "a key", **fields: Any) -> dict[str, Any]:
    """A new key as `keys.create` answers it."""
    answer = await q.post("/api/keys", {"name": name, **fields})
    assert answer.status == 200, answer.body
    return answer.body


def showing(q: Rest, key: str) -> Rest:
    """A client of the same server that shows this key, over the same connections."""
    return Rest(q.url, bearer(key), q.session)


async def eventually(true: Callable[[], Awaitable[object]], seconds: float = 6.0) -> None:
    """Wait until something that another process does is seen."""
    until = time.monotonic() + seconds
    while not await true():
        assert time.monotonic() < until, f"not within {seconds} s"
        await asyncio.sleep(0.1)
