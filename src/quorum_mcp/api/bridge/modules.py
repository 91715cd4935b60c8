"""`/v1/orchestrate/MODULE/OPERATION PATH`: every operation of every module, by a path made of its name."""

import difflib
from functools import cache

from quorum_mcp.errors import NotFound
from quorum_mcp.operations.card import AnyOperation
from quorum_mcp.operations.manifest import modules

NETWORK = frozenset({"rest", "mcp", "websocket"})


@cache
def module_operations() -> dict[str, AnyOperation]:
    """The operations that callers of other machines may ask for, by module and path: `calls/models/list`."""
    return {
        path_of(module, operation): operation
        for module, declared in modules().items()
        for operation in declared
        if operation.surfaces & NETWORK
    }


def path_of(module: str, operation: AnyOperation) -> str:
    """`iac.plan` of the module iac is `iac/plan`; `models.list` of the module calls is `calls/models/list`."""
    words = operation.name.split(".")
    return "/".join([module, *(words[1:] if words[0] == module and len(words) > 1 else words)])


def module_operation(path: str) -> AnyOperation:
    """The operation at a path. Raises `NotFound` with the nearest one."""
    found = module_operations().get(path.strip("/"))
    if found is None:
        close = difflib.get_close_matches(path[:200], module_operations(), 1, 0.5)
        known = f"did you mean {close[0]}?" if close else f"modules: {', '.join(modules())}"
        raise NotFound(f"no operation is at {path[:200]!r}", hint=known)
    return found
