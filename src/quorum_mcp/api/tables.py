"""CSV, for operations whose card names a table."""

from typing import Any, get_args

from pydantic import BaseModel
from starlette.responses import Response

from quorum_mcp.errors import InvalidInput
from quorum_mcp.operations.card import AnyOperation
from quorum_mcp.operations.table import csv_of

FORMS = ("json", "csv")
FORMAT: dict[str, Any] = {"type": "string", "enum": [*FORMS], "default": "json", "description": "The form."}
"""The schema of the query parameter `format`."""


def wants_csv(given: dict[str, Any]) -> bool:
    """Take `format` out of a request's parameters; whether it is `csv`. Raises `InvalidInput` for any other."""
    form = given.pop("format", "json")
    if form not in FORMS:
        raise InvalidInput(f"format is {form!r}", hint=f"known: {', '.join(FORMS)}")
    return form == "csv"


def csv_response(operation: AnyOperation, answer: BaseModel) -> Response:
    """The operation's table as a CSV file."""
    assert operation.table is not None
    (kind,) = get_args(operation.output.model_fields[operation.table].annotation)
    headers = {"content-disposition": f'attachment; filename="{operation.name}.csv"'}
    return Response(csv_of(getattr(answer, operation.table), kind), headers=headers, media_type="text/csv")
