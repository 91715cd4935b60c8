"""Providers' keys as they are stored: sealed."""

from msgspec import Struct
from sqlalchemy import Connection, delete, func, select, update

from quorum_mcp.store.clock import now_us
from quorum_mcp.store.control_tables import credentials
from quorum_mcp.store.database import Database
from quorum_mcp.store.dialect import changed, put


class Credential(Struct, frozen=True, kw_only=True):
    """One provider's sealed key: `version` is of the master key, `hint` its last characters, the time in microseconds."""

    provider: str
    version: int
    sealed: bytes
    hint: str
    updated_at: int


class Credentials:
    """The sealed keys, one for each provider."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, provider: str, version: int, sealed: bytes, hint: str) -> Credential:
        """Store a provider's key; the one before is gone."""
        made = Credential(provider=provider, version=version, sealed=sealed, hint=hint, updated_at=now_us())
        row = {name: getattr(made, name) for name in Credential.__struct_fields__}
        await self._database.write(lambda conn: conn.execute(put(conn, credentials), row) and None)
        return made

    async def all(self) -> list[Credential]:
        """Every one, by provider."""
        statement = select(credentials).order_by(credentials.c.provider)

        def body(conn: Connection) -> list[Credential]:
            return [Credential(**dict(row)) for row in conn.execute(statement).mappings()]

        return await self._database.read(body)

    async def stamp(self) -> tuple[int, int]:
        """How many there are and when one was last stored: what changes when any of them does."""
        statement = select(func.count(), func.coalesce(func.max(credentials.c.updated_at), 0))

        def body(conn: Connection) -> tuple[int, int]:
            count, last = conn.execute(statement).one()
            return int(count), int(last)

        return await self._database.read(body)

    async def reseal(self, before: Credential, version: int, sealed: bytes) -> bool:
        """Store the same key under another master key; False where it was replaced meanwhile."""
        statement = (
            update(credentials)
            .where(credentials.c.provider == before.provider, credentials.c.sealed == before.sealed)
            .values(version=version, sealed=sealed)
        )
        return await self._database.write(lambda conn: bool(changed(conn.execute(statement))))

    async def delete(self, provider: str) -> Credential | None:
        """Remove a provider's key; None where it had none."""
        statement = select(credentials).where(credentials.c.provider == provider)

        def body(conn: Connection) -> Credential | None:
            row = conn.execute(statement).mappings().first()
            conn.execute(delete(credentials).where(credentials.c.provider == provider))
            return None if row is None else Credential(**dict(row))

        return await self._database.write(body)
