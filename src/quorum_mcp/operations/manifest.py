"""All operations, from an explicit list of packages that are imported when the manifest is read."""

from functools import cache
from importlib import import_module

from quorum_mcp.operations.card import AnyOperation

PACKAGES = ("runs", "calls", "consensus", "access", "reports", "notify", "operations")


@cache
def operations() -> dict[str, AnyOperation]:
    """Every operation by its name."""
    found: dict[str, AnyOperation] = {}
    for package in PACKAGES:
        for operation in import_module(f"quorum_mcp.{package}.ops").OPERATIONS:
            if operation.name in found:
                raise ValueError(f"two operations are named {operation.name}")
            found[operation.name] = operation
    return found
