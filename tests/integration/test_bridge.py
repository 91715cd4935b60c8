"""The bridge as older clients use it: plain HTTP on two ports, a plain WebSocket on a third, modules by path."""

import asyncio
import json
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.integration.test_cli_servers import cli_at, started
from tests.support.cli import interrupted
from tests.support.keys import BEARER, BOOTSTRAP
from tests.support.rest import Answer, Rest, client
from tests.support.script import Say
from tests.support.server import config, free_port, serving
from tests.support.upstream import Upstream, upstream
from websockets.asyncio.client import ClientConnection, connect

from quorum_mcp.operations.tools import tool_operations

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
FOUR = "Two and two is four.\nCONCLUSION: 4"
GENERATE = {"model": "lab/a", "messages": [{"role": "user", "content": "2+2?"}]}


class Ports:
    """The bridge of one server."""

    def __init__(self, main: Rest, rest: Rest, tools: Rest, socket: str) -> None:
        self.main, self.rest, self.tools, self.socket = main, rest, tools, socket

    @asynccontextmanager
    async def connected(self, **options: Any) -> AsyncIterator[ClientConnection]:
        """A WebSocket that was welcomed."""
        async with connect(self.socket, proxy=None, **options) as socket:
            welcome = json.loads(await socket.recv())
            assert welcome["type"] == "welcome"
            assert welcome["available_tools"] == list(tool_operations())
            yield socket


@asynccontextmanager
async def bridge(
    home: Path, *, env: dict[str, str] | None = None, **more: Any
) -> AsyncIterator[tuple[Upstream, Ports]]:
    ports = [free_port() for _ in range(3)]
    server = {"bridge": True, "bridge_rest_port": ports[0], "bridge_websocket_port": ports[1]}
    async with upstream() as up:
        up.model("a", Say(FOUR, piece=6))
        given = config(up.url, server=server, **more)
        async with (
            serving(home, given, MCP_PORT=str(ports[2]), **(env or {})) as main,
            client(f"http://127.0.0.1:{ports[0]}") as rest,
            client(f"http://127.0.0.1:{ports[2]}") as tools,
        ):
            yield up, Ports(main, rest, tools, f"ws://127.0.0.1:{ports[1]}/")


async def asked(socket: ClientConnection, **frame: Any) -> dict[str, Any]:
    await socket.send(json.dumps(frame))
    return json.loads(await asyncio.wait_for(socket.recv(), 4))


async def test_each_port_answers_as_older_clients_expect(tmp_path: Path) -> None:
    async with bridge(tmp_path) as (_, ports):
        for answer in (await ports.rest.post("/mcp/generate", GENERATE),
                       await ports.tools.post("/tools/generate", {"params": GENERATE})):  # fmt: skip
            assert (answer.status, answer["success"], answer["tool"]) == (200, True, "generate")
            assert answer["result"]["answer"] == FOUR
            assert answer["request_id"] == answer.headers["x-request-id"]
        listed = (await ports.tools.get("/tools"))["tools"]
        assert [one["name"] for one in listed] == list(tool_operations())
        assert all(one["description"] and one["input_schema"]["type"] == "object" for one in listed)
        assert (await ports.rest.get("/health"))["status"] == (await ports.main.get("/api/health"))["status"]
        shown = await ports.tools.get("/tools/list_models")
        assert (
            "lab/a" in [one["name"] for one in shown["result"]["models"]] or shown["result"]["errors"] == {}
        )
        async with ports.connected() as socket:
            answer = await asked(socket, id="x", method="count_tokens", params={"text": "two and two"})
            assert answer.pop("request_id").startswith("req_")
            assert answer == {
                "id": "x",
                "success": True,
                "result": {"tokens": 3, "exact": False},
                "method": "count_tokens",
            }
            answer = await asked(socket, method="list_providers")
            assert (answer["success"], "id" in answer) == (True, False)
        for path, given in (
            ("calls/generate", GENERATE),
            ("consensus/query", {"query": "2+2?", "panel": ["lab/a"]}),
        ):
            assert (await ports.main.post(f"/v1/orchestrate/{path}", given))["success"]
        assert (await ports.main.get("/v1/orchestrate/runs/sessions/list"))["result"]["sessions"]
        calls = (await ports.main.get("/api/calls"))["calls"]
    assert {one["surface"] for one in calls} == {"bridge", "consensus"}


SENT: dict[str, tuple[dict[str, str], str]] = {
    "nothing": ({}, ""),
    "no type": ({}, "{}"),
    "text": ({"content-type": "text/plain"}, "{}"),
    "a form's type": ({"content-type": "application/x-www-form-urlencoded"}, ' {"params": {}} '),
    "JSON": ({"content-type": "application/json"}, "{}"),
}


async def test_what_scripts_send_is_taken_but_not_from_pages(tmp_path: Path) -> None:
    async with bridge(tmp_path) as (_, ports):
        for rest, path in (
            (ports.rest, "/mcp/list_providers"),
            (ports.tools, "/tools/list_providers"),
            (ports.main, "/v1/orchestrate/calls/providers/list"),
        ):
            for name, (headers, body) in SENT.items():
                plain = await raw(rest, path, body, headers)
                page = await raw(rest, path, body, headers | {"origin": rest.url})
                assert plain.status == 200, (name, plain.body)
                assert page.status == (200 if name == "JSON" else 400), (name, page.body)
                assert page["success"] == (name == "JSON")
                foreign = await raw(rest, path, body, headers | {"origin": "https://evil.example"})
                assert (foreign.status, foreign["success"]) == (403, False)


async def raw(rest: Rest, path: str, body: str, headers: dict[str, str]) -> Answer:
    skip = () if "content-type" in headers else ("content-type",)
    async with rest.session.post(
        rest.url + path, data=body.encode(), headers=headers, skip_auto_headers=skip
    ) as found:
        return Answer(found.status, dict(found.headers), json.loads(await found.text()))


REFUSED: dict[str, tuple[str, str, str | None, int, str]] = {
    "an unknown tool": ("POST", "/mcp/generat", "{}", 404, "not_found"),
    "an unknown operation": ("POST", "/v1/orchestrate/calls/none", "{}", 404, "not_found"),
    "a field too many": ("POST", "/tools/count_tokens", '{"text": "a", "texts": 1}', 422, "invalid_input"),
    "a field too few": ("POST", "/tools/count_tokens", '{"params": {}}', 422, "invalid_input"),
    "no JSON": ("POST", "/tools/count_tokens", '{"text": "a', 400, "invalid_input"),
    "no object": ("POST", "/tools/count_tokens", "[1]", 400, "invalid_input"),
    "deep": ("POST", "/tools/count_tokens", "[" * 100_000, 400, "invalid_input"),
    "no UTF-8": ("POST", "/tools/count_tokens", '{"text": "\udcff"}', 400, "invalid_input"),
    "a GET of what needs parameters": ("GET", "/tools/count_tokens", None, 400, "unsupported"),
    "a GET of what changes something": ("GET", "/mcp/configure_orchestrator", None, 400, "unsupported"),
    "a GET with parameters": ("GET", "/tools/list_models?provider=lab", None, 422, "invalid_input"),
    "another method": ("DELETE", "/tools/list_models", None, 405, "unsupported"),
    "a model that is not there": ("POST", "/mcp/generate", json.dumps(GENERATE | {"model": "lbb/a"}), 404, "model_not_found"),
}  # fmt: skip


async def test_refusals_have_their_status_and_one_shape(tmp_path: Path) -> None:
    async with bridge(tmp_path) as (up, ports):
        for name, (method, path, body, status, code) in REFUSED.items():
            data = None if body is None else body.encode("utf-8", "surrogateescape")
            answer = await ports.rest.request(method, path, data=data)
            assert (answer.status, answer["success"], answer.error["code"]) == (status, False, code), (
                name,
                answer.body,
            )
            assert answer.error["request_id"] == answer.headers["x-request-id"]
            assert answer.error["message"]
        assert up.asked == []


FRAMES: dict[str, tuple[str | bytes, str]] = {
    "not JSON": ("{", "invalid_input"),
    "no object": ("[1]", "invalid_input"),
    "no UTF-8": (b"\xff{}", "invalid_input"),
    "deep": ("[" * 100_000, "invalid_input"),
    "no method": ("{}", "invalid_input"),
    "a method of another kind": ('{"method": ["generate"]}', "invalid_input"),
    "an unknown method": ('{"method": "generat"}', "not_found"),
    "parameters of another kind": ('{"method": "generate", "params": [1]}', "invalid_input"),
    "a word too many": ('{"method": "list_models", "parms": {}}', "invalid_input"),
    "an unknown field": ('{"method": "list_models", "params": {"model": 1}}', "invalid_input"),
}


async def test_a_bad_frame_is_answered_and_the_connection_goes_on(tmp_path: Path) -> None:
    async with bridge(tmp_path) as (_, ports), ports.connected() as socket:
        for name, (sent, code) in FRAMES.items():
            await socket.send(sent)
            answer = json.loads(await socket.recv())
            assert (answer["success"], answer["error"]["code"]) == (False, code), (name, answer)
            assert answer["error"]["request_id"]
        assert (await asked(socket, method="list_providers", id=[1]))["id"] == [1]


async def test_text_comes_as_it_is_written(tmp_path: Path) -> None:
    async with bridge(tmp_path) as (up, ports):
        up.model("a", Say(FOUR, piece=6, drip=0.06))
        async with ports.connected() as socket:
            await socket.send(json.dumps({"id": 1, "method": "generate", "params": GENERATE, "stream": True}))
            frames = [json.loads(await socket.recv())]
            while "success" not in frames[-1]:
                frames.append(json.loads(await socket.recv()))
        events = await streamed(ports.rest, "/mcp/generate", {"params": GENERATE, "stream": True})
        accepted = await streamed(ports.main, "/v1/orchestrate/consensus/query", {"query": "2+2?", "panel": ["lab/a"]},
                                  accept="text/event-stream")  # fmt: skip
        refused = await ports.rest.post("/mcp/generate", GENERATE | {"model": "lab/none", "stream": True})
    assert {frame["id"] for frame in frames} == {1}
    assert len(frames) > 3
    assert "".join(frame["content"] for frame in frames[:-1]) == FOUR
    assert frames[-1]["result"]["answer"] == FOUR
    for name, found in (("generate", events), ("consensus/query", accepted)):
        assert {kind for kind, _ in found[:-1]} == {"llm_chunk"}
        assert "".join(data["content"] for _, data in found[:-1]) == FOUR
        kind, data = found[-1]
        assert (kind, data["success"], data["tool"]) == ("result", True, name)
    assert accepted[0][1]["member"] == "lab/a"
    assert (refused.status, refused["success"]) == (404, False)


async def streamed(
    rest: Rest, path: str, body: dict[str, Any], **headers: str
) -> list[tuple[str, dict[str, Any]]]:
    """The names and data of server-sent events."""
    async with rest.session.post(rest.url + path, json=body, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-request-id"]
        text = await answer.text()
    events = [dict(line.split(": ", 1) for line in part.split("\n")) for part in text.strip().split("\n\n")]
    return [(event["event"], json.loads(event["data"])) for event in events]


@pytest.mark.parametrize(
    "way", ["REST", "REST, streamed", "WebSocket", "WebSocket, streamed", "a panel's tool"]
)
async def test_a_client_that_goes_stops_the_provider_within_a_second(tmp_path: Path, way: str) -> None:
    async with bridge(tmp_path) as (up, ports):
        up.model("a", Say(FOUR * 5, piece=6, drip=0.02, hold_after="never"))
        if way == "a panel's tool":
            body: dict[str, Any] = {"task": "2+2?", "models": ["lab/a"]}
            work = asyncio.create_task(ports.tools.post("/tools/multi_model_review", body))
            await up.until(lambda: len(up.open) == 1)
            work.cancel()
        elif way.startswith("REST"):
            body = {"params": GENERATE, "stream": way.endswith("streamed")}
            work = asyncio.create_task(ports.rest.post("/mcp/generate", body))
            await up.until(lambda: len(up.open) == 1)
            await asyncio.sleep(0.1)
            work.cancel()
        else:
            async with ports.connected() as socket:
                frame = {"method": "generate", "params": GENERATE, "stream": way.endswith("streamed")}
                await socket.send(json.dumps(frame))
                await up.until(lambda: len(up.open) == 1)
        await up.until(lambda: not up.open, 1.0)
        assert up.asked[0].outcome == "dropped"

        async def recorded() -> list[dict[str, Any]]:
            return [one for one in (await ports.main.get("/api/calls"))["calls"] if one["status"] != "ok"]

        async with asyncio.timeout(4):
            while not (calls := await recorded()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert (calls[0]["status"], calls[0]["cost"] > 0) == ("cancelled", True)


async def test_keys_are_asked_for_on_every_port(tmp_path: Path) -> None:
    async with bridge(tmp_path, env={"QUORUM_BOOTSTRAP_KEY": BOOTSTRAP}) as (_, ports):
        for rest, path in ((ports.rest, "/mcp/list_models"), (ports.tools, "/tools/list_models"), (ports.tools, "/tools"),
                           (ports.rest, "/health"), (ports.main, "/v1/orchestrate/calls/models/list")):  # fmt: skip
            refused = await rest.get(path)
            assert (refused.status, refused.error["code"]) == (401, "unauthenticated")
            assert (await rest.get(path, headers=BEARER)).status == 200
        assert (await ports.rest.post("/mcp/list_models"))["success"] is False
        with pytest.raises(aiohttp.WSServerHandshakeError) as no:
            await ports.rest.session.ws_connect(ports.socket.replace("ws", "http"))
        assert no.value.status == 403
        async with ports.connected(additional_headers=BEARER) as socket:
            assert (await asked(socket, method="list_models"))["success"]


async def test_what_costs_much_is_not_done_unasked(tmp_path: Path) -> None:
    async with bridge(tmp_path, mcp={"confirm_above": 0.0000001}) as (up, ports):
        given = {"task": "2+2?", "models": ["lab/a"]}
        answer = await ports.rest.post("/mcp/multi_model_review", given)
        async with ports.connected() as socket:
            frame = await asked(socket, method="multi_model_review", params=given)
        assert (answer.status, answer.error["code"], frame["error"]["code"]) == (
            403,
            *["approval_required"] * 2,
        )
        assert up.asked == []


async def test_serve_with_the_bridge_says_where_that_is(tmp_path: Path) -> None:
    rest, socket, tools = (free_port() for _ in range(3))
    given = {"server": {"bridge_rest_port": rest, "bridge_websocket_port": socket}}
    quorum = cli_at(tmp_path, given, MCP_PORT=str(tools))
    async with started(quorum, "serve", "--port", "0", "--bridge", until="Providers") as (child, said):
        where = f"http://127.0.0.1:{rest}/mcp/, ws://127.0.0.1:{socket}/, http://127.0.0.1:{tools}/tools/"
        assert f"Bridge     {where}" in said
        async with client(f"http://127.0.0.1:{tools}") as bridge:
            assert (await bridge.post("/tools/count_tokens", {"text": "two"}))["result"]["tokens"] == 1
        taken = await quorum("serve", "--port", "0", "--bridge")
        assert (
            taken.status,
            f"error: server.bridge_rest_port: cannot listen on 127.0.0.1:{rest}" in taken.err,
        ) == (2, True)
        assert (await interrupted(child, signal.SIGTERM)).status == 0


def test_the_script_starts_it_with_the_bridge(tmp_path: Path) -> None:
    (tmp_path / "quorum").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "quorum").chmod(0o755)
    script = Path(__file__).parents[2] / "start_network_services.sh"
    done = subprocess.run(
        [script, "--port", "8001"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )
    assert done.stdout == "serve --bridge --port 8001\n"
