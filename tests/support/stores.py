"""Empty databases for tests, one for each engine, and ways behind the store's back into them."""

import asyncio
import hashlib
import os
import re
import sqlite3
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy.util import await_only
from tools.postgresql import Server, shared

from quorum_mcp.store import postgres, sqlite
from quorum_mcp.store.database import Database
from quorum_mcp.store.tables import metadata

ENGINES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql")))
NAME = os.environ.get("PYTEST_XDIST_WORKER", "main")
"""Of this process's database on the server that all test processes share; each store is a schema in it."""

ATTEMPTS = """(
    SELECT id, call_id, provider, model, status, cost FROM attempts
    UNION ALL
    SELECT 'att' || substr(id, 5), id, provider, model, status, cost FROM calls
    WHERE attempts = 1 AND status = 'ok' AND id NOT IN (SELECT call_id FROM attempts)
)"""
"""All attempts, for queries: the rows of those that have one, and the calls that stand for their only one."""
MISCOUNTED = f"""
    SELECT id, attempts FROM calls c WHERE attempts <> (SELECT count(*) FROM {ATTEMPTS} a WHERE a.call_id = c.id)
"""
"""The calls that have another number of attempts than they say."""

_numbers = count()
_servers: list[Server] = []
_engine = ["sqlite"]


class Store:
    """A place for one database of Quorum's, empty at first, with a folder beside it."""

    engine = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder}/quorum.db"

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Database, None]:
        """The database, opened as Quorum does."""
        database = await Database.open(self.url)
        try:
            yield database
        finally:
            await database.close()

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query finds."""
        return self._run(sql)

    async def execute(self, sql: str, *values: object) -> None:
        """Change something; each `?` is one of the values."""
        self._run(sql, *values)

    @asynccontextmanager
    async def locked(self) -> AsyncGenerator[None, None]:
        """Somebody else writes meanwhile, and is not ready before the end."""
        connection = sqlite3.connect(self.folder / "quorum.db", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("COMMIT")
            connection.close()

    def meanwhile(self) -> Callable[[Coroutine[Any, Any, object]], object]:
        """What a transaction's body calls to have something done before it goes on."""
        loop = asyncio.get_running_loop()  # The body has a thread of its own.
        return lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(3)

    async def another(self, name: str) -> "Store":
        """A further store of the same engine."""
        folder = self.folder / name
        folder.mkdir()
        return Store(folder)

    def _run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.folder / "quorum.db")
        with connection:
            found = connection.execute(sql, values).fetchall()
        connection.close()
        return found


class PostgresStore(Store):
    """The same on PostgreSQL: a schema of its own."""

    engine = "postgresql"

    def __init__(self, folder: Path, server: Server, database: str, schema: str) -> None:
        super().__init__(folder)
        self.server = server
        self.url = server.url(database, schema)
        self._database, self._schema = database, schema

    def url_through(self, port: int) -> str:
        """The same place, reached over a port of this machine that leads to the server."""
        return f"postgresql://quorum@127.0.0.1:{port}/{self._database}?search_path={self._schema}&sslmode=disable"

    async def make(self) -> "PostgresStore":
        """Make the schema."""
        await self.execute(f"CREATE SCHEMA {self._schema}")
        return self

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(self.url)
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    async def execute(self, sql: str, *values: object) -> None:
        numbers = count(1)
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(re.sub(r"\?", lambda _: f"${next(numbers)}", sql), *values)
        finally:
            await connection.close()

    @asynccontextmanager
    async def locked(self) -> AsyncGenerator[None, None]:
        connection = await asyncpg.connect(self.url)
        async with connection.transaction():
            await connection.execute(f"LOCK {', '.join(metadata.tables)} IN EXCLUSIVE MODE")
            yield
        await connection.close()

    def meanwhile(self) -> Callable[[Coroutine[Any, Any, object]], object]:
        return await_only  # The body runs on the event loop.

    async def another(self, name: str) -> Store:
        folder = self.folder / name
        folder.mkdir()
        return await postgres_store(folder)


async def postgres_store(folder: Path) -> PostgresStore:
    """A new store on the server of this test session, which `start` has started."""
    return await PostgresStore(folder, _servers[0], NAME, f"store_{next(_numbers)}").make()


@pytest.fixture(params=ENGINES)
def each_engine(request: pytest.FixtureRequest) -> Generator[str, None, None]:
    """Every server and command of the test has its database on each engine in turn, one for each home."""
    _engine.append(request.param)
    yield request.param
    _engine.pop()


def database_variables(home: Path) -> dict[str, str]:
    """What tells a server or a command of this home to use the engine of `each_engine`."""
    if _engine[-1] == "sqlite":
        return {}
    schema = "home_" + hashlib.sha256(str(home).encode()).hexdigest()[:16]
    _servers[0].execute(NAME, f"CREATE SCHEMA IF NOT EXISTS {schema}")
    return {"QUORUM_DATABASE_URL": _servers[0].url(NAME, schema), "QUORUM_SECRET_KEY": "s" * 64}


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Databases opened from now on wait for others a short time only."""
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    monkeypatch.setattr(postgres, "STATEMENT_SECONDS", 0.1)


def use(engine: str) -> None:
    """The engine of every server and command of this test session, but for tests on each engine."""
    _engine[0] = engine


def start(base: Path) -> None:
    """See that the session's server runs, with a database for this process; `base` is its temporary folder."""
    server = shared(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)
    server.create_database(NAME)
    _servers.append(server)


@pytest.fixture(params=ENGINES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store, of each engine in turn."""
    return Store(tmp_path) if request.param == "sqlite" else await postgres_store(tmp_path)


@pytest.fixture
async def sqlite_store(tmp_path: Path) -> Store:
    """An empty store, for what is about SQLite alone."""
    return Store(tmp_path)
