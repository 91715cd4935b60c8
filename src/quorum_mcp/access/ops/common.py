"""What the operations on access share: names, times, and who manages what."""

from typing import Annotated

from pydantic import StringConstraints

from quorum_mcp.access.principal import Principal
from quorum_mcp.errors import Forbidden
from quorum_mcp.events import stamp
from quorum_mcp.store.clock import MICROSECONDS

ADMIN = frozenset({"admin"})
OPERATOR = "local"
"""The tenant of whoever runs the server."""
Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$"
    ),
]


def is_operator(principal: Principal) -> bool:
    """Whether the caller is of the operator's own tenant."""
    return principal.tenant == OPERATOR


def require_operator(principal: Principal, what: str) -> None:
    """Raise `Forbidden` for the callers of an organisation."""
    if not is_operator(principal):
        raise Forbidden(f"only the operator may {what}", hint="ask whoever runs this server")


def time_of(at: int | None) -> str | None:
    """A stored time as ISO 8601."""
    return None if at is None else stamp(at / MICROSECONDS)
