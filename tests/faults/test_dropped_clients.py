"""A caller who hangs up, on every API, before the first byte and in the middle: the provider stops, the bill stands.

Not so a run that is only followed (`stream`, `wait: false`, the WebSocket's query): it belongs to the server.
"""

import json
import socket
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.raw import connected, post
from tests.support.script import Say
from tests.support.server import Server, config, free_port
from tests.support.upstream import Upstream, threaded
from websockets.sync.client import connect

pytestmark = pytest.mark.timeout(30)
WITHIN = 1.0
TEXT = "It is four, as everybody knows. " * 20
HELLO = [{"role": "user", "content": "What is 2 + 2?"}]
FOUR = {"model": "models/x", "content": {"parts": [{"text": "four"}]}}
Case = tuple[str, dict[str, Any]]
"""A path and a body; `{model}` in the path, or `model` in the body, says who is asked."""


def chats(*, stream: bool) -> dict[str, Case]:
    """The same question to every API that has an answer in text."""
    call, more = ("streamGenerateContent?alt=sse", {}) if stream else ("generateContent", {})
    asking: dict[str, Any] = {"stream": stream}
    return {
        "openai": ("/v1/chat/completions", {"model": "", "messages": HELLO} | asking),
        "responses": ("/v1/responses", {"model": "", "input": "What is 2 + 2?"} | asking),
        "anthropic": ("/v1/messages", {"model": "", "messages": HELLO, "max_tokens": 500} | asking),
        "gemini": (
            f"/v1beta/models/{{model}}:{call}",
            {"contents": [{"parts": [{"text": "2 + 2?"}]}]} | more,
        ),
        "ollama chat": ("/api/chat", {"model": "", "messages": HELLO} | asking),
        "ollama generate": ("/api/generate", {"model": "", "prompt": "What is 2 + 2?"} | asking),
        "virtual": ("/v1/chat/completions", {"model": "quorum/quick", "messages": HELLO} | asking),
        "bridge": ("/mcp/generate", {"params": {"model": "", "messages": HELLO}} | asking),
    }


TASKS: dict[str, Case] = {
    "openai embeddings": ("/v1/embeddings", {"model": "", "input": "four"}),
    "gemini embeddings": ("/v1beta/models/{model}:batchEmbedContents", {"requests": [FOUR]}),
    "ollama embeddings": ("/api/embed", {"model": "", "input": "four"}),
    "images": ("/v1/images/generations", {"model": "", "prompt": "a four"}),
    "speech": ("/v1/audio/speech", {"model": "", "input": "four", "voice": "alloy"}),
    "moderations": ("/v1/moderations", {"model": "", "input": "four"}),
}


BLOCKING: dict[str, Case] = {
    "query": ("/api/query", {"query": "What is 2 + 2?", "panel": []}),
    "orchestrate": ("/v1/orchestrate/consensus/query", {"query": "What is 2 + 2?", "panel": []}),
}


@pytest.fixture(scope="module")
def up() -> Iterator[Upstream]:
    with threaded() as upstream:
        upstream.model("silent", Say(fail="hang"))
        upstream.model("halting", Say(TEXT, hold_after="never"))
        yield upstream


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    return {name: free_port() for name in ("rest", "websocket", "tools")}


@pytest.fixture(scope="module")
def server(up: Upstream, ports: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    bridge = {"bridge": True, "bridge_rest_port": ports["rest"], "bridge_websocket_port": ports["websocket"]}
    given = config(up.url, panels={"default": ["lab/silent", "lab/silent"]}, server=bridge)
    home: Path = tmp_path_factory.mktemp("dropped")
    with Server(home, given, MCP_PORT=str(ports["tools"]), LOG_LEVEL="ERROR") as running:
        yield running


def about(case: Case, model: str) -> tuple[str, bytes]:
    """The request of a case, to one model."""
    path, body = case
    text = json.dumps(body).replace('"model": ""', f'"model": "{model}"').replace("[]", f'["{model}"]')
    return path.format(model=model), text.encode()


def calls(server: Server) -> list[dict[str, Any]]:
    """The records, newest first."""
    with urllib.request.urlopen(f"{server.url}/api/calls?limit=100", timeout=5) as answer:
        return json.load(answer)["calls"]


def until(true: Any, seconds: float, what: str) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def stops_and_is_booked(server: Server, up: Upstream, known: int, before: int, hang_up: Any) -> None:
    """Hang up while the provider is being asked, and look what becomes of that."""
    until(lambda: len(up.asked) > known, 10, "the provider is asked")
    time.sleep(0.1)
    mine = up.asked[known:]
    assert [asked.outcome for asked in mine] == ["open"] * len(mine), "the call ended before its caller"
    hang_up()
    until(lambda: {asked.outcome for asked in mine} == {"dropped"}, WITHIN, "the provider stops")
    until(lambda: len(calls(server)) > before, 5, "the call is recorded")
    record = calls(server)[0]
    assert record["status"] == "cancelled", record
    assert record["cost"] is not None
    assert record["cost"] > 0
    assert record["estimated"]


@pytest.mark.parametrize("model", ["silent", "halting"])
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("api", chats(stream=True))
def test_a_chat(
    server: Server, ports: dict[str, int], up: Upstream, api: str, stream: bool, model: str
) -> None:
    if api == "virtual" and model == "halting":
        pytest.skip("the panel is the same in both")
    port = ports["rest"] if api == "bridge" else server.port
    dropped(server, up, port, about(chats(stream=stream)[api], f"lab/{model}"))


@pytest.mark.parametrize("model", ["silent", "halting"])
@pytest.mark.parametrize("api", BLOCKING)
def test_a_question_to_a_panel(server: Server, up: Upstream, api: str, model: str) -> None:
    dropped(server, up, server.port, about(BLOCKING[api], f"lab/{model}"))


@pytest.mark.parametrize("api", TASKS)
def test_what_is_no_chat(server: Server, up: Upstream, api: str) -> None:
    up.tasks_hang = True
    try:
        dropped(server, up, server.port, about(TASKS[api], "lab/silent"))
    finally:
        up.tasks_hang = False


@pytest.mark.parametrize("model", ["silent", "halting"])
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_a_websocket(server: Server, ports: dict[str, int], up: Upstream, stream: bool, model: str) -> None:
    known, before = len(up.asked), len(calls(server))
    with connect(f"ws://127.0.0.1:{ports['websocket']}/") as ws:
        params = {"model": f"lab/{model}", "messages": HELLO}
        ws.send(json.dumps({"id": 1, "method": "generate", "params": params, "stream": stream}))
        stops_and_is_booked(server, up, known, before, lambda: hang_up(ws.socket))


def dropped(server: Server, up: Upstream, port: int, request: tuple[str, bytes]) -> None:
    """Ask, and hang up."""
    known, before = len(up.asked), len(calls(server))
    sock = connected(port)
    sock.sendall(post(*request, "x-quorum-cache: off"))
    stops_and_is_booked(server, up, known, before, lambda: hang_up(sock))


def hang_up(sock: socket.socket) -> None:
    """As a client that dies: nothing is said."""
    sock.shutdown(socket.SHUT_RDWR)
    sock.close()
