"""Models as OpenAI lists them: `GET /v1/models` and, with a name in the path, `GET /v1/models/{name}`."""

from collections.abc import Mapping, Sequence
from typing import Any

from quorum_mcp.api.model_list import Named
from quorum_mcp.errors import ModelNotFound


def show_models(models: Sequence[Named], asked: Mapping[str, Any]) -> dict[str, Any]:
    """The list, or the one that is named in the path."""
    rows = [
        # Mistral's client reads no list whose models have no capabilities; of none are they known.
        {
            "id": one.name,
            "object": "model",
            "created": 0,
            "owned_by": one.owner,
            "type": "base",
            "capabilities": {},
        }
        for one in models
    ]
    if "name" not in asked:
        return {"object": "list", "data": rows}
    found = next((row for row in rows if row["id"] == asked["name"]), None)
    if found is None:
        raise ModelNotFound(f"no model is called {asked['name']!r}", hint="GET /v1/models lists them")
    return found
