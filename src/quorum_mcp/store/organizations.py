"""Organisations: each is a tenant, whose records no other one sees."""

from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Select, delete, func, or_, select, update

from quorum_mcp.errors import Conflict
from quorum_mcp.ids import new_id
from quorum_mcp.store.api_keys import note_revoked
from quorum_mcp.store.clock import now_us
from quorum_mcp.store.control_tables import api_keys, organizations
from quorum_mcp.store.database import Database
from quorum_mcp.store.dialect import changed, insert_new


class Organization(Struct, frozen=True, kw_only=True):
    """One organisation; `created_at` in microseconds since 1970, `keys` those that are not revoked."""

    id: str
    name: str
    created_at: int
    keys: int = 0


_keys = (
    select(func.count())
    .select_from(api_keys)
    .where(api_keys.c.tenant == organizations.c.id, api_keys.c.revoked_at.is_(None))
    .scalar_subquery()
)
_all = select(
    organizations.c.id, organizations.c.name, organizations.c.created_at, _keys.label("keys")
).order_by(organizations.c.created_at, organizations.c.id)


class Organizations:
    """The organisations of this database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, name: str) -> Organization:
        """Store an organisation under a new id.

        Raises:
            Conflict: the name is taken.
        """
        made = Organization(id=new_id("org"), name=name, created_at=now_us())
        row = {"id": made.id, "name": name, "created_at": made.created_at}

        def body(conn: Connection) -> None:
            if not changed(conn.execute(insert_new(conn, organizations), row)):
                raise Conflict(f"there is an organisation {name!r} already", hint="choose another name")

        await self._database.write(body)
        return made

    async def list(self, only: str | None = None) -> list[Organization]:
        """All of them in the order they were made, or only the one of this id."""
        statement = _all if only is None else _all.where(organizations.c.id == only)
        return await self._database.read(lambda conn: _found(conn, statement))

    async def find(self, name: str) -> Organization | None:
        """The one of this id or name."""
        statement = _all.where(_named(name))
        found = await self._database.read(lambda conn: _found(conn, statement))
        return next((one for one in found if one.id == name), found[0] if found else None)

    async def delete(self, organization_id: str, *, force: bool) -> Organization | None:
        """Remove one; its records stay, and nobody sees them. None where there is none of this id.

        Raises:
            Conflict: it has keys that are not revoked; `force` revokes them.
        """
        locked = select(organizations.c.id).where(organizations.c.id == organization_id).with_for_update()
        statement = _all.where(organizations.c.id == organization_id)
        ended = (
            update(api_keys)
            .where(api_keys.c.tenant == organization_id, api_keys.c.revoked_at.is_(None))
            .values(revoked_at=now_us())
        )

        def body(conn: Connection) -> Organization | None:
            if conn.execute(locked).first() is None:
                return None
            found = _found(conn, statement)[0]
            if found.keys and not force:
                raise Conflict(
                    f"{found.name!r} has {found.keys} key(s) that are not revoked",
                    hint="revoke them first, or use force, which revokes them",
                )
            if changed(conn.execute(ended)):
                note_revoked(conn)
            conn.execute(delete(organizations).where(organizations.c.id == organization_id))
            return found

        return await self._database.write(body)


def _named(name: str) -> ColumnElement[bool]:
    return or_(organizations.c.id == name, organizations.c.name == name)


def _found(conn: Connection, statement: Select[Any, Any, Any, int]) -> "list[Organization]":
    return [Organization(**dict(row)) for row in conn.execute(statement).mappings()]
