"""Settings that several vendors have, each in its own words: from every client to every wire that has them."""

from pathlib import Path
from typing import Any

import pytest
from tests.integration.providers.byteserver import byte_server, whole
from tests.support.server import serving

pytestmark = pytest.mark.anyio
SAID = [{"role": "user", "content": "2 + 2?"}]
ANSWERS: dict[str, dict[str, Any]] = {
    "openai": {"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}]},
    "mistral": {"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}]},
    "anthropic": {"content": [{"type": "text", "text": "4"}], "stop_reason": "end_turn", "usage": {}},
    "google": {"candidates": [{"content": {"parts": [{"text": "4"}]}, "finishReason": "STOP"}]},
    "ollama": {"message": {"content": "4"}, "done": True},
}
PLACES: dict[str, dict[str, tuple[str, ...]]] = {
    "openai": {"frequency": ("frequency_penalty",), "presence": ("presence_penalty",)},
    "mistral": {"frequency": ("frequency_penalty",), "presence": ("presence_penalty",)},
    "anthropic": {"top_k": ("top_k",)},
    "google": {
        "top_k": ("generationConfig", "topK"),
        "frequency": ("generationConfig", "frequencyPenalty"),
        "presence": ("generationConfig", "presencePenalty"),
    },
    "ollama": {
        "top_k": ("options", "top_k"),
        "frequency": ("options", "frequency_penalty"),
        "presence": ("options", "presence_penalty"),
    },
}
"""Where each wire has what, in a request."""
VALUES = {"top_k": 7, "frequency": 0.25, "presence": 0.5}
PATHS = {
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "google": "/v1beta/models/lab/m:generateContent",
    "ollama": "/api/chat",
}
BODIES: dict[str, dict[str, Any]] = {
    "openai": {"model": "lab/m", "messages": SAID},
    "anthropic": {"model": "lab/m", "messages": SAID, "max_tokens": 10},
    "google": {"contents": [{"parts": [{"text": "2 + 2?"}]}]},
    "ollama": {"model": "lab/m", "messages": SAID, "stream": False},
}


def put(body: dict[str, Any], place: tuple[str, ...], value: Any) -> dict[str, Any]:
    first, *rest = place
    return body | {first: put(body.get(first, {}), tuple(rest), value) if rest else value}


def found(body: dict[str, Any], place: tuple[str, ...]) -> Any:
    first, *rest = place
    return found(body.get(first, {}), tuple(rest)) if rest else body.get(first)


@pytest.mark.parametrize("wire", ANSWERS)
@pytest.mark.parametrize("client", PATHS)
async def test_it_arrives_in_the_wires_words_or_is_refused(tmp_path: Path, client: str, wire: str) -> None:
    async with byte_server() as server:
        server.answer = lambda _: whole(ANSWERS[wire])
        base = server.url + ("/v1" if wire == "openai" else "")
        given = {"providers": {"lab": {"wire": wire, "base_url": base}}}
        async with serving(tmp_path, given) as q:
            for name, place in PLACES[client].items():
                server.requests.clear()
                answer = await q.post(PATHS[client], put(BODIES[client], place, VALUES[name]))
                asked = [request.json for request in server.requests if request.method == "POST"]
                if name in PLACES[wire]:
                    assert answer.status == 200, answer.body
                    assert [found(body, PLACES[wire][name]) for body in asked] == [VALUES[name]]
                else:
                    assert answer.status in (400, 422)
                    assert name in str(answer.body)
                    assert not asked


async def test_what_only_ollama_has_goes_there_only(tmp_path: Path) -> None:
    for wire in ("ollama", "openai"):
        async with byte_server() as server:
            server.answer = lambda _, wire=wire: whole(ANSWERS[wire])
            given = {"providers": {"lab": {"wire": wire, "base_url": server.url}}}
            async with serving(tmp_path / wire, given) as q:
                body = BODIES["ollama"] | {"options": {"min_p": 0.05, "repeat_penalty": 1.1}}
                answer = await q.post("/api/chat", body)
                asked = [request.json for request in server.requests if request.method == "POST"]
                if wire == "ollama":
                    assert answer.status == 200, answer.body
                    assert asked[0]["options"] == {"min_p": 0.05, "repeat_penalty": 1.1}
                else:
                    assert answer.status in (400, 422)
                    assert "min_p, repeat_penalty" in str(answer.body)
                    assert not asked
