"""Files that callers uploaded to use in a query."""

from msgspec import Struct
from sqlalchemy import Connection, delete, insert, select

from quorum_mcp.ids import new_id
from quorum_mcp.store.clock import now_us
from quorum_mcp.store.database import Database
from quorum_mcp.store.dialect import changed
from quorum_mcp.store.tables import files


class FileInfo(Struct, frozen=True, kw_only=True):
    """An uploaded file without its content; `size` in bytes, `created_at` in microseconds since 1970."""

    id: str
    name: str
    media_type: str
    size: int
    created_at: int


class Files:
    """The files of all tenants, each seen by its own only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, *, tenant: str, name: str, media_type: str, content: bytes) -> FileInfo:
        """Store a file under a new id."""
        info = FileInfo(
            id=new_id("file"), name=name, media_type=media_type, size=len(content), created_at=now_us()
        )
        row = {
            "id": info.id,
            "tenant": tenant,
            "name": name,
            "media_type": media_type,
            "size": info.size,
            "content": content,
            "created_at": info.created_at,
        }

        def body(conn: Connection) -> None:
            conn.execute(insert(files), row)

        await self._database.write(body)
        return info

    async def get(self, file_id: str, *, tenant: str) -> tuple[FileInfo, bytes] | None:
        """A file with its content; None where the tenant has no such file."""
        statement = select(files).where(files.c.id == file_id, files.c.tenant == tenant)

        def body(conn: Connection) -> tuple[FileInfo, bytes] | None:
            row = conn.execute(statement).mappings().first()
            if row is None:
                return None
            return FileInfo(**{name: row[name] for name in FileInfo.__struct_fields__}), row["content"]

        return await self._database.read(body)

    async def remove_before(self, before: int) -> int:
        """Remove files uploaded before `before` (microseconds); returns how many."""
        statement = delete(files).where(files.c.created_at < before)
        return await self._database.write(lambda conn: changed(conn.execute(statement)))
