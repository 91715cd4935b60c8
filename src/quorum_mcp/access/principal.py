"""Who is asking."""

from fnmatch import fnmatchcase
from typing import Literal

from msgspec import Struct

from quorum_mcp.errors import Forbidden

ALL_SCOPES = frozenset({"ask", "read", "write", "admin"})


class KeyRule(Struct, frozen=True, kw_only=True):
    """What holds for the calls of one API key, or of one user who signed in elsewhere.

    Attributes:
        models: names or patterns (`openai/*`) of the models it may call; None: all.
        requests_per_minute: its own rate, and `tokens_per_minute`; None: no limit of its own.
    """

    id: str
    tenant: str
    models: tuple[str, ...] | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    def __hash__(self) -> int:
        """Of the id alone: every call looks up what holds for it, and equal rules have equal ids."""
        return hash(self.id)

    def require(self, *models: str) -> None:
        """Raise `Forbidden` unless the key may call each `provider/model`; it names those that it may not."""
        if refused := [model for model in models if not self.allows(model)]:
            raise Forbidden(
                f"this key may not call {', '.join(refused)}",
                hint=f"it may call: {', '.join(self.models or ()) or 'no model at all'}",
            )

    def allows(self, model: str) -> bool:
        """Whether the key may call `provider/model`."""
        return self.models is None or any(fnmatchcase(model, pattern) for pattern in self.models)


class Principal(Struct, frozen=True):
    """The caller of an operation. `tenant` is whose records they see, `key` the rule of the key that was shown."""

    id: str
    tenant: str
    scopes: frozenset[str]
    kind: Literal["local", "key", "user"]
    key: KeyRule | None = None

    def require(self, scopes: frozenset[str]) -> None:
        """Raise `Forbidden` unless the caller has every one of `scopes`."""
        if missing := scopes - self.scopes:
            raise Forbidden(
                f"this needs the scope {', '.join(sorted(missing))}", hint="use a key that has it"
            )


USER = "usr_"
"""How the ids of users begin who showed a token of another server."""

LOCAL = Principal("local", "local", ALL_SCOPES, "local")
"""The user of this machine: the command line, MCP over stdio, and trusted loopback callers."""

BOOTSTRAP = Principal("bootstrap", "local", ALL_SCOPES, "key")
"""Whoever holds QUORUM_BOOTSTRAP_KEY."""
