"""Every operation of the manifest, through every surface that its card names, with the same outcome."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import websockets
from mcp import Client
from tests.support.rest import Answer, Rest
from tests.support.server import config, serving
from tests.support.upstream import upstream

from quorum_mcp import Quorum
from quorum_mcp.api.bridge.modules import module_operations
from quorum_mcp.errors import QuorumError
from quorum_mcp.operations.card import AnyOperation
from quorum_mcp.operations.manifest import operations

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]

ANSWER = "Two and two.\nCONCLUSION: 4"
PANEL = ["lab/a", "lab/b"]
LABELLED = {"question": "2+2?", "answers": [{"model": "lab/a", "text": ANSWER, "correct": 1}]}
SAMPLES: dict[str, dict[str, Any]] = {
    "query": {"query": "2+2?", "panel": PANEL},
    "cost.estimate": {"query": "2+2?", "panel": PANEL},
    "agreement": {"a": "0.5", "b": "1/2"},
    "q_in": {"query": "2+2?", "providers": PANEL},
    "orchestrate_task": {"description": "2+2?", "preferences": {"models": PANEL}},
    "analyze_task": {"description": "2+2?"},
    "query_specific_model": {"model": PANEL[0], "description": "2+2?"},
    "think_deeper": {"problem": "2+2?", "thinking_mode": "minimal"},
    "code_review": {"files": [{"name": "a.py", "content": "x = 1"}], "review_type": "quick"},
    "review_changes": {},
    "multi_model_review": {"task": "2+2?", "models": PANEL},
    "comparative_analysis": {"options": ["2", "4"]},
    "get_orchestrator_status": {},
    "configure_orchestrator": {"quality_mode": "max"},
    "get_metrics": {},
    "sessions.list": {"limit": 5},
    "files.upload": {"name": "a.txt", "data": "aGVsbG8="},
    "providers.list": {},
    "models.list": {"provider": "lab"},
    "generate": {"model": "lab/a", "messages": [{"role": "user", "content": "2+2?"}]},
    "tokens.count": {"text": "two and two"},
    "health": {},
    "calls.list": {"limit": 1},
    "stats": {},
    "rate-limits": {},
    "budget.list": {},
    "budget.set": {"period": "weekly", "limit": 7.5, "provider": "lab"},
    "budget.delete": {"budget_id": "bud_none"},
    "budget.alerts": {},
    "budget.reconcile": {},
    "benchmark.summary": {"time_window": "1h"},
    "benchmark.providers": {"providers": "lab"},
    "benchmark.leaderboard": {"metric": "latency"},
    "usage": {"group_by": "tag"},
    "cache.show": {},
    "cache.clear": {"provider": "lab"},
    "calibrate": {"rows": [LABELLED]},
    "whoami": {},
    "keys.create": {"name": "a key", "scopes": ["ask"], "models": ["lab/*"]},
    "keys.list": {"limit": 5},
    "keys.revoke": {"key_id": "key_0"},
    "organizations.create": {"name": "local"},
    "organizations.list": {},
    "organizations.delete": {"organization_id": "org_0"},
    "credentials.set": {"provider": "lab", "value": "a-provider-key"},
    "credentials.list": {},
    "credentials.delete": {"provider": "lab"},
    "credentials.reseal": {},
    "alerts.list": {"limit": 5},
    "webhooks.list": {},
    "webhooks.deliveries": {"limit": 5},
    "webhooks.test": {"webhook_id": "whk_none"},
    "providers.test": {"name": "lab"},
    "providers.latencies": {},
    "benchmark.timeline": {"time_window": "1h"},
    "settings.show": {},
    "operations.list": {},
    "operations.get": {"name": "budget.set"},
}
"""Inputs that need nothing that was made before."""


def sample(operation: AnyOperation, session: str, call: str) -> dict[str, Any]:
    """An input that the operation carries out; one without a sample fails the suite."""
    samples = SAMPLES | {
        "q_out": {"session_id": session, "wait_seconds": 5},
        "update_session_context": {"session_id": session, "context": "Count in twos."},
        "session.get": {"session_id": session},
        "session.export": {"session_id": session, "format": "md"},
        "session.rerun": {"session_id": session},
        "session.cancel": {"session_id": session},
        "seat.stop": {"session_id": session, "seat": "0"},
        "feedback": {"session_id": session, "score": 1.0},
        "calls.get": {"call_id": call},
    }
    assert operation.name in samples, f"give {operation.name} a sample in {Path(__file__).name}"
    return samples[operation.name]


REFUSED = {
    "seat.stop": "not_found",
    "budget.delete": "not_found",
    "review_changes": "config_error",
    "keys.revoke": "not_found",
    "organizations.create": "conflict",
    "organizations.delete": "not_found",
    "credentials.delete": "not_found",
    "webhooks.test": "not_found",
}
"""Operations that refuse their sample: every surface must refuse it alike."""
KEYS = {"rate-limits": ["builtin", "lab"]}
"""The keys that the answer has where it is a mapping."""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[tuple[Rest, Quorum, str, str]]:
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(upstream())
        for name in ("a", "b"):
            up.model(name, ANSWER)
        rest = await stack.enter_async_context(serving(tmp_path, config(up.url), QUORUM_AUTH="off"))
        client = await stack.enter_async_context(Quorum(url=rest.url))
        answer = await rest.ask("2+2?", PANEL)
        yield rest, client, answer["session_id"], answer["provider_responses"][0]["call_id"]


def shape(value: Any) -> Any:
    """What must be the same on every surface: the fields, not the values."""
    return sorted(value) if isinstance(value, dict) else type(value).__name__


@pytest.mark.usefixtures("each_engine")
@pytest.mark.parametrize("name", sorted(operations()))
async def test_every_surface_carries_it_out(world: tuple[Rest, Quorum, str, str], name: str) -> None:
    rest, client, session, call = world
    operation = operations()[name]
    given = sample(operation, session, call)
    outcomes: dict[str, Any] = {}
    if "rest" in operation.surfaces:
        outcomes["rest"] = await over_rest(rest, operation, given)
    if "sdk" in operation.surfaces:
        outcomes["sdk"] = await over_sdk(client, operation, given)
    if "mcp" in operation.surfaces:
        outcomes["mcp"] = await over_mcp(rest.url, operation, given)
    outcomes |= await over_the_bridge(rest, operation, given)
    if name in ("query", "session.cancel"):
        assert "websocket" in operation.surfaces
        outcomes["websocket"] = await over_websocket(rest.url, name, given)
    expected = REFUSED.get(name) or KEYS.get(name) or sorted(operation.output.model_fields)
    if name == "session.export":
        outcomes["rest"] = expected if "# 2+2?" in str(outcomes["rest"]) else outcomes["rest"]
    assert outcomes == dict.fromkeys(outcomes, expected)


async def over_rest(rest: Rest, operation: AnyOperation, given: dict[str, Any]) -> Any:
    assert operation.http is not None
    left = dict(given)
    path = operation.http.path
    for field in given:
        if f"{{{field}}}" in path:
            path = path.replace(f"{{{field}}}", str(left.pop(field)))
    if operation.http.method in ("GET", "DELETE"):
        answer = await rest.request(operation.http.method, path, params=left)
    else:
        answer = await rest.post(path, left)
    if answer.status >= 400:
        return answer.error["code"]
    return shape(answer.body) if isinstance(answer.body, dict) else answer.body


async def over_sdk(client: Quorum, operation: AnyOperation, given: dict[str, Any]) -> Any:
    try:
        found = await client.invoke(operation.name, **given)
    except QuorumError as error:
        return error.code
    return shape(found.model_dump() if hasattr(found, "model_dump") else found)


async def over_mcp(url: str, operation: AnyOperation, given: dict[str, Any]) -> Any:
    assert operation.tool is not None
    async with Client(f"{url}/mcp?toolsets=all") as mcp:
        tools = {tool.name: tool for tool in (await mcp.list_tools()).tools}
        listed = tools[operation.tool]
        assert sorted(listed.input_schema["properties"]) == sorted(operation.input.model_fields)
        assert listed.title
        assert listed.description
        found = await mcp.call_tool(operation.tool, given)
        if found.is_error:
            return json.loads(found.content[0].text)["error"]["code"]
        return shape(found.structured_content)


async def over_the_bridge(rest: Rest, operation: AnyOperation, given: dict[str, Any]) -> dict[str, Any]:
    """The tool at both of its paths and over the plain WebSocket, and the operation at its module's path."""
    (path,) = (path for path, found in module_operations().items() if found is operation)
    found = {path: bridged(await rest.post(f"/v1/orchestrate/{path}", given))}
    if (tool := operation.tool) is None:
        return found
    found["/mcp"] = bridged(await rest.post(f"/mcp/{tool}", given))
    found["/tools"] = bridged(await rest.post(f"/tools/{tool}", {"params": given}))
    async with websockets.connect(rest.url.replace("http", "ws") + "/") as socket:
        welcome = json.loads(await socket.recv())
        assert tool in welcome["available_tools"]
        await socket.send(json.dumps({"id": 7, "method": tool, "params": given}))
        answer = json.loads(await socket.recv())
    assert answer.pop("id") == 7
    found["bridge"] = shape(answer["result"]) if answer["success"] else answer["error"]["code"]
    return found


def bridged(answer: Answer) -> Any:
    """What came back in the bridge's wrapping."""
    assert answer["success"] == (answer.status == 200), answer.body
    assert answer["tool"]
    assert answer["timestamp"]
    return shape(answer["result"]) if answer["success"] else answer.error["code"]


async def over_websocket(url: str, name: str, given: dict[str, Any]) -> Any:
    async with websockets.connect(url.replace("http", "ws") + "/ws") as socket:
        if name == "session.cancel":
            await socket.send(json.dumps({"action": "cancel", "run_id": given["session_id"]}))
        else:
            await socket.send(json.dumps({"action": "query", **given}))
        while True:
            event = json.loads(await socket.recv())
            assert event["type"] != "error", event
            if event["type"] == "run.finished":
                return shape(event["data"]["result"])
            if name == "session.cancel" and event["type"] == "accepted":
                return sorted(operations()[name].output.model_fields)


def test_every_card_is_complete() -> None:
    for operation in operations().values():
        assert operation.summary.endswith("."), operation.name
        assert operation.scopes or operation.name == "whoami", operation.name
        assert ("rest" in operation.surfaces) == (operation.http is not None), operation.name
        assert ("mcp" in operation.surfaces) == (operation.tool is not None), operation.name
        assert "cli" in operation.surfaces, f"{operation.name}: `quorum op` offers every operation"
