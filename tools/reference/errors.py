"""docs/reference/errors.md: the tree of errors, and what each surface makes of them."""

from collections.abc import Iterator

from quorum_mcp.errors import QuorumError

from .markdown import code, page, prose, table

INTRO = """
Every surface answers with the same errors, and everywhere they have the same fields:

```json
{"error": {"code": "model_not_found", "message": "…", "hint": "…", "details": {}, "request_id": "req_…"}}
```

`hint` says what to do next. `details` holds `provider`, `model` and `retry_after` (seconds) where they are known.
REST answers with the HTTP status of the table and, where there is a `retry_after`, a `Retry-After` header. The
WebSocket sends an event of type `error`. The command line prints message and hint and ends with the exit status; with
`--json` it prints the object. An MCP tool's result is marked as an error and holds the object as text. The SDK
raises the class, from `quorum_mcp.errors`.

*Retry* says whether the same request may succeed a little later. Calls of models are retried by themselves, as
`retry` in [quorum.yaml](settings.md#retry) says.
"""


def errors_page() -> str:
    """The page."""
    rows = [_row(kind, depth) for kind, depth in _tree(QuorumError, 0)]
    return page("Errors", INTRO, table(("class", "code", "HTTP", "exit", "retry", "meaning"), rows))


def _tree(kind: type[QuorumError], depth: int) -> Iterator[tuple[type[QuorumError], int]]:
    yield kind, depth
    for below in kind.__subclasses__():
        if below.__module__ == kind.__module__:
            yield from _tree(below, depth + 1)


def _row(kind: type[QuorumError], depth: int) -> tuple[str, ...]:
    meaning = prose((kind.__dict__.get("__doc__") or "").partition("\n\n")[0])
    name = "&nbsp;&nbsp;" * depth + code(kind.__name__)
    retry = "yes" if kind.retryable else "no"
    return name, code(kind.code), str(kind.status), str(kind.exit_code), retry, meaning
