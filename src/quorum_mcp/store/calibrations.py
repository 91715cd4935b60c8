"""What was learnt about panels, kept as JSON under a panel's name or the hash of its members."""

from typing import Any

from sqlalchemy import Connection, delete, func, select

from quorum_mcp import codec
from quorum_mcp.store.clock import now_us
from quorum_mcp.store.database import Database
from quorum_mcp.store.dialect import changed, put
from quorum_mcp.store.tables import calibrations


class Calibrations:
    """One calibration for each panel."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, panel: str, data: Any) -> None:
        """Store what was learnt (plain values or a struct); it replaces what was there."""
        row = {"panel": panel, "data": codec.encode_text(data), "created_at": now_us()}

        def body(conn: Connection) -> None:
            conn.execute(put(conn, calibrations), row)

        await self._database.write(body)

    async def get(self, panel: str) -> str | None:
        """The JSON stored for a panel, or None."""
        statement = select(calibrations.c.data).where(calibrations.c.panel == panel)
        return await self._database.read(lambda conn: conn.execute(statement).scalar())

    async def all(self) -> dict[str, str]:
        """The JSON of every panel, by panel."""
        statement = select(calibrations.c.panel, calibrations.c.data).order_by(calibrations.c.panel)
        return await self._database.read(lambda conn: dict(conn.execute(statement).all()))

    async def version(self) -> tuple[int, int]:
        """Changes whenever something is stored or removed: how many there are, and when the last was stored."""
        statement = select(func.count(), func.coalesce(func.max(calibrations.c.created_at), 0))

        def body(conn: Connection) -> tuple[int, int]:
            row = conn.execute(statement).one()
            return int(row[0]), int(row[1])

        return await self._database.read(body)

    async def remove(self, panel: str) -> bool:
        """Forget a panel; False where there was nothing."""
        statement = delete(calibrations).where(calibrations.c.panel == panel)
        return await self._database.write(lambda conn: changed(conn.execute(statement)) > 0)
