"""API keys as they are stored: never the key itself, only a digest that recognises it."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, RowMapping, bindparam, insert, literal, or_, select, update

from quorum_mcp import codec
from quorum_mcp.errors import NotFound
from quorum_mcp.ids import new_id
from quorum_mcp.store.clock import now_us
from quorum_mcp.store.control_tables import api_keys, organizations
from quorum_mcp.store.database import Database
from quorum_mcp.store.dialect import changed, put
from quorum_mcp.store.page import Page, encode_cursor, paged
from quorum_mcp.store.tables import meta

_REVISION = "api_keys"
"""The row of `meta` that changes whenever keys are revoked."""
_revision = select(meta.c.value).where(meta.c.name == _REVISION)


class ApiKey(Struct, frozen=True, kw_only=True):
    """One key. Times are microseconds since 1970; `models` None means all, `digest_version` is of the master key."""

    id: str
    tenant: str
    name: str
    digest: str
    digest_version: int
    hint: str
    scopes: tuple[str, ...]
    models: tuple[str, ...] | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None
    last_used_at: int | None = None

    def usable(self, now: int) -> bool:
        """Whether it is neither revoked nor expired at `now` (microseconds)."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


_some = select(literal(1)).select_from(api_keys).limit(1)
_get = select(api_keys).where(api_keys.c.id == bindparam("the_id"))
_touch = (
    update(api_keys)
    .where(api_keys.c.id == bindparam("the_id"))
    .where(or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < bindparam("the_time")))
    .values(last_used_at=bindparam("the_time"))
)


class ApiKeys:
    """The keys of all tenants. Rows are never removed: records name them, and a revoked key stays known."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, key: ApiKey) -> None:
        """Store a key.

        Raises:
            NotFound: its organisation is gone.
        """

        def body(conn: Connection) -> None:
            if key.tenant != "local":
                # Locked, so that the organisation is not deleted while it gets a key.
                owner = select(organizations.c.id).where(organizations.c.id == key.tenant).with_for_update()
                if conn.execute(owner).first() is None:
                    raise NotFound(f"there is no organisation {key.tenant}")
            conn.execute(insert(api_keys), _row(key))

        await self._database.write(body)

    async def exist(self) -> bool:
        """Whether any key was ever made."""
        return await self._database.read(lambda conn: conn.execute(_some).first() is not None)

    async def revision(self) -> str:
        """Another one whenever keys were revoked."""
        return await self._database.read(lambda conn: conn.execute(_revision).scalar() or "")

    async def versions(self) -> set[int]:
        """The versions of the master keys that recognise the keys that are not revoked."""
        statement = select(api_keys.c.digest_version).where(api_keys.c.revoked_at.is_(None)).distinct()
        return await self._database.read(lambda conn: set(conn.execute(statement).scalars()))

    async def recognise(self, digests: Sequence[str]) -> ApiKey | None:
        """The key with one of these digests."""
        statement = select(api_keys).where(api_keys.c.digest.in_(digests))
        return await self._database.read(lambda conn: _first(conn, statement, {}))

    async def get(self, key_id: str) -> ApiKey | None:
        """The key of this id."""
        return await self._database.read(lambda conn: _first(conn, _get, {"the_id": key_id}))

    async def page(self, tenant: str | None, *, limit: int = 100, cursor: str | None = None) -> Page[ApiKey]:
        """Keys, newest first; None: of every tenant."""
        statement = select(api_keys)
        if tenant is not None:
            statement = statement.where(api_keys.c.tenant == tenant)
        statement = paged(statement, api_keys.c.created_at, api_keys.c.id, limit=limit, cursor=cursor)

        def body(conn: Connection) -> list[ApiKey]:
            return [_key(row) for row in conn.execute(statement).mappings()]

        found = await self._database.read(body)
        last = found[limit - 1] if len(found) > limit else None
        return Page(found[:limit], encode_cursor(last.created_at, last.id) if last else None)

    async def revoke(self, key_id: str, tenant: str | None) -> ApiKey | None:
        """End a key at once; one that has ended stays as it is. None where the tenant has none of this id."""
        where = [api_keys.c.id == key_id]
        if tenant is not None:
            where.append(api_keys.c.tenant == tenant)
        end = update(api_keys).where(*where, api_keys.c.revoked_at.is_(None)).values(revoked_at=now_us())

        def body(conn: Connection) -> ApiKey | None:
            if changed(conn.execute(end)):
                note_revoked(conn)
            return _first(conn, select(api_keys).where(*where), {})

        return await self._database.write(body)

    async def used(self, times: Mapping[str, int]) -> None:
        """Note when keys were last used; an earlier time than the one that is stored changes nothing."""
        # In one order everywhere, so that two processes do not wait for each other.
        rows = [{"the_id": key_id, "the_time": at} for key_id, at in sorted(times.items())]
        await self._database.write(lambda conn: conn.execute(_touch, rows) and None)

    async def redigest(self, key: ApiKey, digest: str, version: int) -> None:
        """Recognise the key by another digest from now on."""
        statement = (
            update(api_keys)
            .where(api_keys.c.id == key.id, api_keys.c.digest == key.digest)
            .values(digest=digest, digest_version=version)
        )
        await self._database.write(lambda conn: conn.execute(statement) and None)


def note_revoked(conn: Connection) -> None:
    """Tell every process that keys were revoked, with the transaction that revokes them."""
    conn.execute(put(conn, meta), {"name": _REVISION, "value": new_id("rev")})


def _row(key: ApiKey) -> dict[str, Any]:
    row = {name: getattr(key, name) for name in ApiKey.__struct_fields__}
    models = None if key.models is None else codec.encode_text(key.models)
    return row | {"scopes": codec.encode_text(key.scopes), "models": models}


def _first(conn: Connection, statement: Any, values: dict[str, Any]) -> ApiKey | None:
    row = conn.execute(statement, values).mappings().first()
    return None if row is None else _key(row)


def _key(row: RowMapping) -> ApiKey:
    fields: dict[str, Any] = {name: row[name] for name in ApiKey.__struct_fields__}
    fields["scopes"] = tuple(codec.decode(row["scopes"]))
    fields["models"] = None if row["models"] is None else tuple(codec.decode(row["models"]))
    return ApiKey(**fields)
