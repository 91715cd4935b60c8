"""Three server processes on one PostgreSQL and one Redis, behind a plain balancer."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.balancer import Balancer, balancer
from tests.support.keys import BEARER, BOOTSTRAP
from tests.support.rest import Rest, client
from tests.support.server import Server, config
from tests.support.stores import PostgresStore, postgres_store
from tests.support.upstream import Upstream, upstream
from tools.redis import server as redis_server

CLOSE = BEARER | {"connection": "close"}
"""Headers of a client whose every request is a connection of its own, which the balancer gives to the next server."""


@dataclass
class Replicas:
    """The servers, clients that stay with one of them each, and what they share."""

    up: Upstream
    store: PostgresStore
    balanced: Balancer
    servers: list[Server]
    direct: list[Rest] = field(default_factory=list)

    def caller(self) -> AbstractAsyncContextManager[Rest]:
        """A client of the balancer that stays with nobody."""
        return client(self.balanced.url, **CLOSE)

    def script(self, **models: Any) -> None:
        """What the models say in this test, with nothing left of the one before."""
        self.up.asked.clear()
        self.up.models.clear()
        for name, said in models.items():
            self.up.model(name, said)


@asynccontextmanager
async def replicas(
    folder: Path, *, budgets: Sequence[dict[str, Any]] = (), **providers: dict[str, Any]
) -> AsyncGenerator[Replicas, None]:
    """Three that are ready; `providers` are further ones beside `lab`, all at the same upstream."""
    store = await postgres_store(folder)
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(redis_server())
        up = await stack.enter_async_context(upstream())
        given = config(up.url, budgets=list(budgets))
        for name, more in providers.items():
            given["providers"][name] = given["providers"]["lab"] | more
        servers = [
            Server(
                folder / f"server-{n}",
                given,
                QUORUM_DATABASE_URL=store.url,
                REDIS_URL=redis.url,
                QUORUM_SECRET_KEY="s" * 64,
                QUORUM_BOOTSTRAP_KEY=BOOTSTRAP,
            )
            for n in range(3)
        ]
        for server in servers:
            server.env["QUORUM_PEER_URL"] = server.url
            stack.callback(_kill, server)
        # At once, on a machine that may be busy with other tests.
        await asyncio.gather(*(asyncio.to_thread(server.start, seconds=60.0) for server in servers))
        balanced = await stack.enter_async_context(balancer([server.port for server in servers]))
        own = Replicas(up, store, balanced, servers)
        for server in servers:
            own.direct.append(await stack.enter_async_context(client(server.url, **CLOSE)))
        yield own


def _kill(server: Server) -> None:
    if server.process is not None:
        server.kill()
