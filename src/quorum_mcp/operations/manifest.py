"""All operations, from an explicit list of packages that are imported when the manifest is read."""

from functools import cache
from importlib import import_module

from quorum_mcp.operations.card import AnyOperation

PACKAGES = ("runs", "calls", "consensus", "access", "reports", "notify", "operations")


@cache
def operations() -> dict[str, AnyOperation]:
    """Every operation by its name."""
    found: dict[str, AnyOperation] = {}
    for declared in modules().values():
        for operation in declared:
            if operation.name in found:
                raise ValueError(f"two operations are named {operation.name}")
            found[operation.name] = operation
    return found


@cache
def modules() -> dict[str, tuple[AnyOperation, ...]]:
    """The operations by the package that declares them."""
    return {package: tuple(import_module(f"quorum_mcp.{package}.ops").OPERATIONS) for package in PACKAGES}
