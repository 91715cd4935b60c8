"""Whom a budget is for, by the names that people use."""

from difflib import get_close_matches

from sqlalchemy import Connection, or_, select

from quorum_mcp.errors import InvalidInput, NotFound
from quorum_mcp.providers.registry import Registry
from quorum_mcp.store.control_tables import api_keys, organizations
from quorum_mcp.store.database import Database

OPERATOR = "local"
"""The tenant without an organisation: whoever runs this Quorum."""


def provider_named(registry: Registry, name: str) -> str:
    """The provider of this name, or other name.

    Raises:
        InvalidInput: none is called so.
    """
    found = registry.provider_name(name)
    known = [one.name for one in registry.describe()]
    if found not in known:
        near = get_close_matches(name, known, 1, 0.5)
        hint = f"did you mean {near[0]!r}?" if near else "GET /api/providers lists them"
        raise InvalidInput(f"there is no provider {name!r}", hint=hint)
    return found


async def tenant_named(database: Database, organization: str | None, key_id: str | None) -> str | None:
    """The tenant of an organisation (by id or name) or of a key; None where neither is named.

    Raises:
        NotFound: there is no such organisation or key.
        InvalidInput: the key is another organisation's.
    """

    def body(conn: Connection) -> tuple[str | None, str | None]:
        named = or_(organizations.c.id == organization, organizations.c.name == organization)
        by_name = select(organizations.c.id).where(named).order_by(organizations.c.id != organization)
        of_key = select(api_keys.c.tenant).where(api_keys.c.id == key_id)
        return (
            conn.execute(by_name).scalars().first() if organization is not None else None,
            conn.execute(of_key).scalar() if key_id is not None else None,
        )

    tenant, owner = await database.read(body)
    if organization == OPERATOR:
        tenant = OPERATOR
    if organization is not None and tenant is None:
        raise NotFound(f"there is no organisation {organization!r}", hint="GET /api/organizations lists them")
    if key_id is not None and owner is None:
        raise NotFound(f"there is no key {key_id!r}", hint="GET /api/keys lists them")
    if owner is not None and tenant is not None and owner != tenant:
        raise InvalidInput(f"the key {key_id} is not of {organization!r}", hint="leave the organisation out")
    return tenant if owner is None else owner
