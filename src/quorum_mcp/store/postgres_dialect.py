"""SQLAlchemy's asyncpg dialect, without what this store does not use and with one thing that it needs."""

from typing import Any

from sqlalchemy import String
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import AsyncpgString, PGDialect_asyncpg

NAME = "postgresql.quorum"


class Utf8(AsyncpgString):
    """Text as PostgreSQL can hold it: everything but U+0000, which becomes U+FFFD.

    A provider's error message or a name out of a URL may hold one. Neither may cost a record or end in an
    internal error, and a name with one still matches no other.
    """

    def bind_processor(self, dialect: Any) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """What is done to each value on its way in."""
        return _without_nul


class Dialect(PGDialect_asyncpg):
    """Registered as `postgresql+quorum`."""

    supports_statement_cache = True
    colspecs = {**PGDialect_asyncpg.colspecs, String: Utf8}  # noqa: RUF012 - as the base declares it

    # Each would ask the server about a type, whenever a connection is made. We keep JSON as text.
    async def setup_asyncpg_json_codec(self, conn: Any) -> None:
        """No codec."""

    async def setup_asyncpg_jsonb_codec(self, conn: Any) -> None:
        """No codec."""


def _without_nul(value: str | None) -> str | None:
    return value.replace("\0", "\ufffd") if value is not None and "\0" in value else value


registry.register(NAME, __name__, Dialect.__name__)
