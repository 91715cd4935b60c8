"""Models as Ollama lists them: `GET /api/tags`, `POST /api/show`, `GET /api/ps`, `GET /api/version`."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from quorum_mcp import __version__
from quorum_mcp.api.model_list import Named
from quorum_mcp.errors import InvalidInput, ModelNotFound

BEGINNING = "1970-01-01T00:00:00Z"


class ShowRequest(Struct):
    """The body of `POST /api/show`."""

    model: str


def show_tags(models: Sequence[Named], asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - asked nothing
    """All models. They run elsewhere, so size and digest say nothing."""
    return {"models": [_row(one) for one in models]}


def show_model(models: Sequence[Named], asked: Mapping[str, Any]) -> dict[str, Any]:
    """One model, by `model` (or `name`, as older clients say)."""
    name = asked.get("model") or asked.get("name")
    if not isinstance(name, str):
        raise InvalidInput("model is missing", hint="send the model's name")
    found = next((one for one in models if one.name == name), None)
    if found is None:
        raise ModelNotFound(f"no model is called {name!r}", hint="GET /api/tags lists them")
    return {
        "details": _details(found),
        "model_info": {},
        "capabilities": ["completion"],
        "modified_at": BEGINNING,
    }


def show_running(models: Sequence[Named], asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - none is ours
    """No model runs in this process."""
    return {"models": []}


def show_version(models: Sequence[Named], asked: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG001 - asked nothing
    """Quorum's own version."""
    return {"version": __version__}


def _row(one: Named) -> dict[str, Any]:
    return {
        "name": one.name, "model": one.name, "modified_at": BEGINNING, "size": 0, "digest": "", "details": _details(one),
    }  # fmt: skip


def _details(one: Named) -> dict[str, Any]:
    return {
        "family": one.owner,
        "families": [one.owner],
        "format": "",
        "parameter_size": "",
        "quantization_level": "",
    }
