"""Whose figures a caller sees."""

from quorum_mcp.access.principal import LOCAL, Principal


def tenant_of(principal: Principal) -> str | None:
    """The tenant whose figures these are; None for the operator, who sees everybody's."""
    operator = principal.tenant == LOCAL.tenant and "admin" in principal.scopes
    return None if operator else principal.tenant
