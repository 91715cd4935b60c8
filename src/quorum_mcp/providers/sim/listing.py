"""What the simulated server answers besides chats: its models and embeddings, in each API's shape."""

from typing import Any

from quorum_mcp.providers.builtin.extract.terms import terms
from quorum_mcp.providers.sim.ask import count_tokens
from quorum_mcp.providers.sim.chance import roll
from quorum_mcp.providers.sim.models import NAMES
from quorum_mcp.providers.sim.shapes.shape import BadRequest, Json, text_of

EMBEDDING_MODEL = "embed"
DIMENSIONS = 64
_CREATED = 1_767_225_600  # 2026-01-01


def vector(text: str) -> list[float]:
    """A unit vector that texts with the same words share: each word adds its own direction."""
    values = [0.0] * DIMENSIONS
    for term in terms(text) or ["?"]:
        at = int(roll("dimension", term) * DIMENSIONS)
        values[at] += 1.0 if roll("sign", term) < 0.5 else -1.0
        values[(at + 1) % DIMENSIONS] += 0.5
    norm = sum(value * value for value in values) ** 0.5 or 1.0
    return [round(value / norm, 6) for value in values]


def openai_models() -> Json:
    """`GET /v1/models`."""
    rows = [{"id": name, "object": "model", "created": _CREATED, "owned_by": "simulated"} for name in _all()]
    return {"object": "list", "data": rows, "simulated": True}


def anthropic_models() -> Json:
    """`GET /v1/models`, asked with an `anthropic-version`."""
    rows = [
        {
            "id": name,
            "type": "model",
            "display_name": f"Simulated {name}",
            "created_at": "2026-01-01T00:00:00Z",
        }
        for name in NAMES
    ]
    return {
        "data": rows,
        "has_more": False,
        "first_id": rows[0]["id"],
        "last_id": rows[-1]["id"],
        "simulated": True,
    }


def gemini_models() -> Json:
    """`GET /v1beta/models`."""
    rows = [
        {
            "name": f"models/{name}",
            "displayName": f"Simulated {name}",
            "supportedGenerationMethods": ["embedContent" if name == EMBEDDING_MODEL else "generateContent"],
        }
        for name in _all()
    ]
    return {"models": rows, "simulated": True}


def ollama_models() -> Json:
    """`GET /api/tags`."""
    rows = [
        {"name": name, "model": name, "modified_at": "2026-01-01T00:00:00Z", "size": 0} for name in _all()
    ]
    return {"models": rows, "simulated": True}


def embeddings(body: Json) -> Json:
    """`POST /v1/embeddings` and `POST /api/embed`: the body tells them apart by what they expect back."""
    texts = _texts(body.get("input"))
    tokens = sum(count_tokens(text) for text in texts)
    rows = [{"object": "embedding", "index": at, "embedding": vector(text)} for at, text in enumerate(texts)]
    return {
        "object": "list",
        "model": body.get("model"),
        "data": rows,
        "embeddings": [row["embedding"] for row in rows],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        "prompt_eval_count": tokens,
        "simulated": True,
    }


def gemini_embeddings(body: Json) -> Json:
    """`:batchEmbedContents` and `:embedContent`."""
    requests: Any = body.get("requests")
    if isinstance(requests, list):
        return {"embeddings": [{"values": _of_content(request)} for request in requests], "simulated": True}
    return {"embedding": {"values": _of_content(body)}, "simulated": True}


def _of_content(request: Any) -> list[float]:
    content = request.get("content") if isinstance(request, dict) else None
    if not isinstance(content, dict):
        raise BadRequest("content is missing")
    return vector(text_of(content.get("parts")))


def _texts(given: Any) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise BadRequest("input is neither text nor a list of texts")
    return texts


def _all() -> tuple[str, ...]:
    return (*NAMES, EMBEDDING_MODEL)
