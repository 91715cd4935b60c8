"""Reading the figures that `rollups` adds up, and those that only the calls themselves can give."""

from collections import defaultdict
from collections.abc import Sequence
from operator import add
from typing import Any, TypeVar

from msgspec import Struct, structs
from sqlalchemy import BigInteger, ColumnElement, Connection, Select, Table, case, cast, func, select

from quorum_mcp import codec
from quorum_mcp.store.control_tables import api_keys, histograms, organizations, rollups
from quorum_mcp.store.database import Database
from quorum_mcp.store.records import CallFilter, filtered
from quorum_mcp.store.tables import calls

S = TypeVar("S", bound=Select[*tuple[Any, ...]])
Tags = tuple[str, ...]


class Sums(Struct, frozen=True):
    """Sums over calls; each field is the column of `control_tables.rollups`."""

    calls: int = 0
    cached: int = 0
    ok: int = 0
    failed: int = 0
    faults: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    priced: int = 0
    priced_tokens: int = 0
    latency_ms: int = 0
    generated_tokens: int = 0
    generation_ms: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*map(add, structs.astuple(self), structs.astuple(other)))

    @property
    def answered(self) -> int:
        """Calls that a provider, not the cache, answered."""
        return self.ok - self.cached


FIGURES = Sums.__struct_fields__


class Slots(Struct, frozen=True, kw_only=True):
    """Which slots of time, and whose calls: those that satisfy every field that is set.

    Attributes:
        since: slots that begin at or after, `until`: before; microseconds since 1970.
    """

    tenant: str | None = None
    providers: tuple[str, ...] | None = None
    since: int | None = None
    until: int | None = None


class Figures:
    """Sums and histograms of this database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sums(
        self, where: Slots, by: Sequence[str], of: Sequence[str] = FIGURES
    ) -> dict[tuple[Any, ...], Sums]:
        """Sums for each value of the columns `by` of `rollups`; only the figures `of` are asked for, others are 0."""
        keys = [rollups.c[name] for name in by]
        figures = [_sum(rollups.c[name]) for name in of]
        statement = _within(select(*keys, *figures), rollups, where).group_by(*keys)

        def body(conn: Connection) -> dict[tuple[Any, ...], Sums]:
            found: dict[tuple[Any, ...], Sums] = {}
            for row in conn.execute(statement):
                if row[-1] is not None:  # Without a group there is one row, also of no calls.
                    found[tuple(row[: len(by)])] = Sums(**dict(zip(of, row[len(by) :], strict=True)))
            return found

        return await self._database.read(body)

    async def histograms(self, where: Slots, measure: str) -> dict[tuple[str, str], dict[int, int]]:
        """How many calls are in each bucket of a measure, for each provider and model."""
        keys = (histograms.c.provider, histograms.c.model, histograms.c.bucket)
        chosen = select(*keys, _sum(histograms.c.count)).where(histograms.c.measure == measure)
        statement = _within(chosen, histograms, where).group_by(*keys)

        def body(conn: Connection) -> dict[tuple[str, str], dict[int, int]]:
            found: defaultdict[tuple[str, str], dict[int, int]] = defaultdict(dict)
            for provider, model, bucket, count in conn.execute(statement):
                found[provider, model][bucket] = count
            return dict(found)

        return await self._database.read(body)

    async def slots(self, where: Slots, measure: str) -> dict[int, dict[int, int]]:
        """How many calls are in each bucket of a measure, for each slot of time by its beginning."""
        keys = (histograms.c.starts_at, histograms.c.bucket)
        chosen = select(*keys, _sum(histograms.c.count)).where(histograms.c.measure == measure)
        statement = _within(chosen, histograms, where).group_by(*keys)

        def body(conn: Connection) -> dict[int, dict[int, int]]:
            found: defaultdict[int, dict[int, int]] = defaultdict(dict)
            for starts_at, bucket, count in conn.execute(statement):
                found[starts_at][bucket] = count
            return dict(found)

        return await self._database.read(body)

    async def by_tags(self, where: CallFilter) -> dict[Tags, Sums]:
        """Sums for each set of tags that calls carry, over the calls themselves; without times and faults."""
        ok, failed = calls.c.status == "ok", calls.c.status == "error"
        priced = calls.c.cost.is_not(None)
        tokens = calls.c.input_tokens + calls.c.output_tokens
        figures = {
            "calls": func.count(),
            "cached": func.count(case((ok & (calls.c.attempts == 0), 1))),
            "ok": func.count(case((ok, 1))),
            "failed": func.count(case((failed, 1))),
            "input_tokens": _sum(calls.c.input_tokens),
            "output_tokens": _sum(calls.c.output_tokens),
            "cost": func.coalesce(_sum(calls.c.cost), 0),
            "priced": func.count(calls.c.cost),
            "priced_tokens": func.coalesce(_sum(case((priced, tokens))), 0),
        }
        statement = filtered(select(calls.c.tags, *figures.values()), where).group_by(calls.c.tags)

        def body(conn: Connection) -> dict[Tags, Sums]:
            found: dict[Tags, Sums] = {}
            for text, *sums in conn.execute(statement):
                tags = codec.decode(text, Tags) if text else ()
                found[tags] = Sums(**dict(zip(figures, sums, strict=True)))
            return found

        return await self._database.read(body)

    async def names(self, of: str) -> dict[str, str]:
        """What every `organization` or `key` is called, by its id; nothing for anything else."""
        table = {"organization": organizations, "key": api_keys}.get(of)
        if table is None:
            return {}
        statement = select(table.c.id, table.c.name)
        return await self._database.read(lambda conn: {row[0]: row[1] for row in conn.execute(statement)})


def _within(statement: S, table: Table, where: Slots) -> S:
    if where.tenant is not None:
        statement = statement.where(table.c.tenant == where.tenant)
    if where.providers is not None:
        statement = statement.where(table.c.provider.in_(where.providers))
    if where.since is not None:
        statement = statement.where(table.c.starts_at >= where.since)
    if where.until is not None:
        statement = statement.where(table.c.starts_at < where.until)
    return statement


def _sum(values: ColumnElement[Any]) -> ColumnElement[int]:
    return cast(func.sum(values), BigInteger)  # PostgreSQL would answer with decimals.
