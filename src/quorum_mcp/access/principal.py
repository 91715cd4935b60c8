"""Who is asking."""

from typing import Literal

from msgspec import Struct

from quorum_mcp.errors import Forbidden

ALL_SCOPES = frozenset({"ask", "read", "write", "admin"})


class Principal(Struct, frozen=True):
    """The caller of an operation. `tenant` is whose records they see."""

    id: str
    tenant: str
    scopes: frozenset[str]
    kind: Literal["local", "key"]

    def require(self, scopes: frozenset[str]) -> None:
        """Raise `Forbidden` unless the caller has every one of `scopes`."""
        if missing := scopes - self.scopes:
            raise Forbidden(
                f"this needs the scope {', '.join(sorted(missing))}", hint="use a key that has it"
            )


LOCAL = Principal("local", "local", ALL_SCOPES, "local")
"""The user of this machine: the command line, MCP over stdio, and trusted loopback callers."""

BOOTSTRAP = Principal("bootstrap", "local", ALL_SCOPES, "key")
"""Whoever holds QUORUM_BOOTSTRAP_KEY."""
