"""A world with a past: providers that were asked, budgets, and many sessions and calls in its database."""

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.browser.world import World, world
from tests.support.history import fill

from quorum_mcp.store.database import Database

HELLO = {"model": "lab/past", "messages": [{"role": "user", "content": "Say hello."}], "temperature": 1}


@contextmanager
def world_with_past(home: Path, *, calls: int, sessions: int, **env: str) -> Iterator[World]:
    """A world whose database holds so many calls and sessions of the last days; `lab/past` was asked three times."""
    with world(home, QUORUM_AUTH="off", **env) as there:
        filling = _fill(f"sqlite:///{home}/quorum.db", calls, sessions)
        asyncio.run_coroutine_threadsafe(filling, there.loop).result(60)
        there.model("past", "Hello.")
        for _ in range(3):
            post(there, "api/models/generate", HELLO)
        yield there


def post(there: World, path: str, body: dict[str, Any]) -> Any:
    """Ask the server something over REST."""
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(there.url + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def get(there: World, path: str) -> Any:
    """What the server says at this path."""
    with urllib.request.urlopen(there.url + path, timeout=10) as answer:
        return json.load(answer)


async def _fill(url: str, calls: int, sessions: int) -> None:
    database = await Database.open(url)
    try:
        await fill(database, calls=calls, sessions=sessions)
    finally:
        await database.close()
