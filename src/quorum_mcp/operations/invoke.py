"""The one way in: validate, authorise, run. Every surface calls this and nothing else."""

import difflib
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from quorum_mcp.errors import InvalidInput, QuorumError
from quorum_mcp.ids import new_id
from quorum_mcp.operations.card import Operation
from quorum_mcp.operations.context import Context

I = TypeVar("I", bound=BaseModel)  # noqa: E741 - input
O = TypeVar("O", bound=BaseModel)  # noqa: E741 - output


async def invoke(
    operation: Operation[I, O], raw: Mapping[str, Any] | I, context: Context, *, strict: bool = True
) -> O:
    """Run an operation for a caller.

    `strict` is for JSON, where a value has its type; without it words of a URL become numbers and booleans.

    Raises:
        InvalidInput: a field is missing, unknown or of the wrong kind; the message names it.
        Forbidden: the caller lacks a scope.
    """
    try:
        context.principal.require(operation.scopes)
        given = raw if isinstance(raw, operation.input) else validate(operation.input, raw, strict=strict)
        return await operation.run(context, given)
    except QuorumError as error:
        error.request_id = error.request_id or context.request_id
        raise


def request_id() -> str:
    """A new request's id."""
    return new_id("req")


def validate(model: type[I], raw: object, *, strict: bool = True) -> I:
    """`raw` as the model, or `InvalidInput` that names each wrong field and the nearest right word."""
    try:
        return model.model_validate(raw, strict=strict)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        first = problems[0]
        listed = "; ".join(f"{_path(p['loc'])}: {p['msg']}" for p in problems[:5])
        raise InvalidInput(
            listed,
            hint=_nearest(model, first["type"], first["loc"], first.get("input")),
            details={"fields": [{"field": _path(p["loc"]), "problem": p["msg"]} for p in problems]},
        ) from None


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "body"


def _nearest(model: type[BaseModel], kind: str, location: tuple[int | str, ...], given: object) -> str | None:
    if kind == "extra_forbidden" and location:
        word, known = str(location[-1]), [*model.model_fields]
    elif kind == "literal_error" and location and str(location[0]) in model.model_fields:
        word, known = str(given), _words(model.model_fields[str(location[0])].annotation)
    else:
        return None
    close = difflib.get_close_matches(word, known, 1, 0.4)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"


def _words(annotation: object) -> list[str]:
    """The words of a Literal, also of one that may be absent."""
    found: list[str] = []
    for value in get_args(annotation):
        found += [value] if isinstance(value, str) else _words(value)
    return found
