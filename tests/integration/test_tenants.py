"""What one organisation has, no other one sees: every operation of the manifest and every route, tried with its ids."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route, WebSocketRoute
from tests.support.keys import BEARER, BOOTSTRAP
from tests.support.mcp import MODERN, over_http
from tests.support.rest import Rest
from tests.support.server import config, serving
from tests.support.stores import Store
from tests.support.tenants import ASKED, CANARY, CHAT, QUESTION, World, script, world
from tests.support.upstream import upstream

from quorum_mcp.api import server
from quorum_mcp.api.bridge.modules import module_operations
from quorum_mcp.operations.card import AnyOperation
from quorum_mcp.operations.manifest import operations

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
Given = dict[str, Any]
REFUSED = (403, 404, 422)


@pytest.fixture
async def two(tmp_path: Path, store: Store) -> AsyncIterator[World]:
    """The world of A, with A's words gone from what models say from now on."""
    env = {
        "QUORUM_DATABASE_URL": store.url, "QUORUM_SECRET_KEY": "m" * 32, "QUORUM_BOOTSTRAP_KEY": BOOTSTRAP,
    }  # fmt: skip
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(upstream())
        q = await stack.enter_async_context(serving(tmp_path, config(up.url), **env))
        q.headers = dict(BEARER)
        found = await world(up, q)
        script(up, "plainly")
        yield found


def tries(ids: dict[str, str]) -> dict[str, list[Given]]:
    """What B tries of each operation: with A's ids wherever there is a place for one, else its lists."""
    runs = [ids["session"], ids["failed"], ids["running"]]
    plain = {"query": "2 + 2?", "panel": ["lab/a"]}
    with_a_s = [
        plain | {"session_id": ids["session"]},
        plain | {"files": [{"id": ids["file"]}]},
        plain | {"images": [{"id": ids["file"]}]},
    ]
    of_runs = [{"session_id": run} for run in runs]
    return {
        "query": [*with_a_s, plain, ASKED | {"query": "2 + 2?", "tags": []}],
        "cost.estimate": [*with_a_s, plain],
        "agreement": [{"a": "4", "b": "4"}],
        "whoami": [{}],
        "q_in": [{"query": "2 + 2?", "session_id": run} for run in runs],
        "q_out": [{"session_id": run, "wait_seconds": 0} for run in runs],
        "sessions.list": [{}, {"q": "2 + 2"}, {"status": "running"}, {"status": "failed"}],
        "session.get": of_runs,
        "session.export": [{"session_id": run, "format": form} for run in runs for form in ("json", "md", "html")],
        "session.rerun": of_runs,
        "session.cancel": of_runs,
        "seat.stop": [{"session_id": ids["running"], "seat": "0"}],
        "feedback": [{"session_id": ids["session"], "score": 0.0}],
        "files.upload": [{"name": "b.txt", "data": "aGVsbG8="}],
        "providers.list": [{}],
        "providers.test": [{"name": "lab"}],
        "models.list": [{}, {"provider": "lab", "refresh": True}],
        "generate": [{k: v for k, v in CHAT.items() if k != "messages"} | {"messages": [{"role": "user", "content": "2"}]}],
        "tokens.count": [{"text": "two"}],
        "health": [{}],
        "rate-limits": [{}],
        "calls.list": [{}, *of_runs, {"provider": "lab"}, {"status": "error"}, {"key_id": ids["key"]}, {"role": "answer"}],
        "calls.get": [{"call_id": ids["call"]}, {"call_id": ids["generated"]}],
        "stats": [{}],
        "calibrate": [{"rows": [{"question": "?", "answers": [{"model": "lab/a", "text": "4", "correct": 1}]}]}],
    }  # fmt: skip


def tries_of_tools(ids: dict[str, str]) -> dict[str, list[Given]]:
    """The same of operations that assistants use: each of them could go on with A's session."""
    session = {"session_id": ids["session"]}
    models = {"preferences": {"models": ["lab/a"]}}
    code = {"files": [{"name": "b.py", "content": "x = 1"}], "review_type": "quick"}
    return {
        "orchestrate_task": [{"description": "2 + 2?", **models, **session}],
        "analyze_task": [{"description": "2 + 2?"}, {"description": "2 + 2?", **session}],
        "query_specific_model": [{"model": "lab/a", "description": "2 + 2?", **session}],
        "think_deeper": [{"problem": "2 + 2?", "thinking_mode": "minimal", **session}],
        "code_review": [code | session],
        "review_changes": [{}, session],
        "multi_model_review": [{"task": "2 + 2?", "models": ["lab/a"], **session}],
        "comparative_analysis": [{"options": ["2", "4"], **session}],
        "get_orchestrator_status": [{}],
        "configure_orchestrator": [{"strategy": "progressive_deep_dive"}],
        "update_session_context": [{"context": "Count in twos.", **session}],
        "get_metrics": [{"period": "1d"}],
    }


def tries_of_control(ids: dict[str, str]) -> dict[str, list[Given]]:
    """The same of operations on budgets, reports, keys and the like."""
    windows = [{"time_window": window} for window in ("1h", "all")]
    return {
        "cache.show": [{}],
        "cache.clear": [{}, {"provider": "lab"}, {"model": "lab/a"}],
        "budget.list": [{}],
        "budget.alerts": [{}],
        "budget.set": [
            {"period": "daily", "limit": 1, "organization": ids["organization"]},
            {"period": "daily", "limit": 1, "key_id": ids["key"]},
        ],
        "budget.delete": [{"budget_id": ids["budget None"]}, {"budget_id": ids["budget lab"]}],
        "budget.reconcile": [{}],
        "alerts.list": [{}],
        "webhooks.list": [{}],
        "webhooks.deliveries": [{}],
        "webhooks.test": [{"webhook_id": "0"}],
        "benchmark.summary": windows,
        "benchmark.providers": [*windows, {"providers": "lab"}],
        "benchmark.leaderboard": [
            {"metric": metric, **window}
            for metric in ("latency", "throughput", "cost", "success_rate", "quality") for window in windows
        ],
        "benchmark.timeline": [*windows, {"providers": "lab"}],
        "providers.latencies": [{}],
        "settings.show": [{}],
        "operations.list": [{}],
        "operations.get": [{"name": "keys.create"}],
        "usage": [{"group_by": kind} for kind in ("organization", "key", "model", "tag", "provider")],
        "keys.create": [{"name": "x", "organization": ids["organization"]}, {"name": "x"}],
        "keys.list": [{}, {"organization": ids["organization"]}],
        "keys.revoke": [{"key_id": ids["key"]}, {"key_id": ids["second key"]}],
        "organizations.create": [{"name": "new"}],
        "organizations.list": [{}],
        "organizations.delete": [{"organization_id": ids["organization"], "force": True}],
        "credentials.set": [{"provider": "lab", "value": "sk-mine"}],
        "credentials.list": [{}],
        "credentials.delete": [{"provider": "lab"}],
        "credentials.reseal": [{}],
    }  # fmt: skip


async def over_rest(q: Rest, operation: AnyOperation, given: Given) -> tuple[int, str]:
    assert operation.http is not None
    path, left = operation.http.path, dict(given)
    for name in given:
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", str(left.pop(name)))
    if operation.http.method == "POST":
        answer = await q.post(path, left)
    else:
        fields = {name: str(value).lower() if value is True else value for name, value in left.items()}
        answer = await q.request(operation.http.method, path, params=fields)
    return answer.status, f"{answer.body} {answer.headers}"


async def over_mcp(world: World, tool: str, given: Given) -> tuple[int, str]:
    async with over_http(world.b.url, MODERN, **world.b.headers) as client:
        result = await client.call_tool(tool, given)
        return 404 if result.is_error else 200, str(result)


async def over_the_bridge(q: Rest, operation: AnyOperation, given: Given) -> list[tuple[int, str]]:
    """The operation at its module's path, and its tool at one of its paths and over the plain WebSocket."""
    (path,) = (path for path, found in module_operations().items() if found is operation)
    answers = [await q.post(f"/v1/orchestrate/{path}", given)]
    if operation.tool is None:
        return [(answer.status, f"{answer.body} {answer.headers}") for answer in answers]
    answers.append(await q.post(f"/tools/{operation.tool}", {"params": given}))
    async with q.session.ws_connect(q.url + "/", headers=q.headers) as socket:
        welcome = (await socket.receive()).data
        await socket.send_str(json.dumps({"method": operation.tool, "params": given}))
        answer = (await socket.receive()).data
    said = [(200 if json.loads(answer)["success"] else 404, welcome + answer)]
    return [*((one.status, f"{one.body} {one.headers}") for one in answers), *said]


def nothing_of_a(world: World, sent: object, status: int, said: str) -> None:
    """The answer holds nothing of A's that B did not write; what names something of A's is refused."""
    wrote = json.dumps(sent)
    leaked = [secret for secret in world.secrets if secret in said and secret not in wrote]
    assert not leaked, (sent, status, said[:2000])
    assert status < 500 or "config_error" in said, (sent, said[:500])


async def test_no_operation_shows_what_is_another_organisation_s(two: World) -> None:
    before = await state(two)
    cases = tries(two.ids) | tries_of_tools(two.ids) | tries_of_control(two.ids)
    owned = set(two.ids.values())
    for name, operation in operations().items():
        assert name in cases, (
            f"give {name} a case in {Path(__file__).name}: what may another organisation try?"
        )
        for given in cases[name]:
            if operation.http is not None:
                status, said = await over_rest(two.b, operation, given)
                nothing_of_a(two, [name, given], status, said)
                if owned & set(strings(given)) and name not in ("calls.list", "query", "cost.estimate"):
                    assert status in REFUSED, (name, given, status, said[:300])
            if operation.tool is not None:
                nothing_of_a(two, [name, given], *await over_mcp(two, operation.tool, given))
            for status, said in await over_the_bridge(two.b, operation, given):
                nothing_of_a(two, [name, given], status, said)
                if owned & set(strings(given)) and name not in ("calls.list", "query", "cost.estimate"):
                    assert status in REFUSED or operation.tool is not None, (name, given, status, said[:300])
    assert sorted(cases) == sorted(operations()), "there are cases of operations that are gone"
    assert await state(two) == before
    session = await two.b.query("2 + 2?", ["lab/a"], session_id=two.ids["session"])
    assert (session.status, session.error["code"]) == (404, "not_found")
    file = await two.b.query("2 + 2?", ["lab/a"], files=[{"id": two.ids["file"]}])
    assert (file.status, file.error["code"]) == (404, "not_found")


def strings(given: object) -> list[str]:
    """Every text in an input."""
    if isinstance(given, dict):
        return [text for value in given.values() for text in strings(value)]
    if isinstance(given, list):
        return [text for value in given for text in strings(value)]
    return [given] if isinstance(given, str) else []


async def state(two: World) -> dict[str, Any]:
    """What A sees of its own, which B must leave as it is."""
    paths = ["/api/sessions", "/api/calls", "/api/keys", "/api/organizations", "/api/budget/alerts",
             f"/api/session/{two.ids['session']}", f"/api/session/{two.ids['running']}"]  # fmt: skip
    found: dict[str, Any] = {}
    for path in paths:
        answer = await two.a.get(path)
        assert answer.status == 200, (path, answer.body)
        assert any(secret in str(answer.body) for secret in two.secrets), path  # else nothing could leak
        found[path] = [{k: v for k, v in one.items() if k != "last_used_at"} for one in listed(answer.body)]
    return found


def listed(body: dict[str, Any]) -> list[dict[str, Any]]:
    found = next((value for value in body.values() if isinstance(value, list)), None)
    return found if found is not None and "session_id" not in body else [body]


FORM = (
    "".join(
        f"--x\r\ncontent-disposition: form-data; name={name}\r\n\r\n{value}\r\n"
        for name, value in (("model", "lab/a"), ('"file"; filename="a.wav"', "RIFF"))
    )
    + "--x--"
)
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "2 + 2"}]}]}
ROUTES: dict[str, list[tuple[str, str, Any]]] = {
    "/api/session/{session_id}/events": [("GET", "/api/session/{session}/events", None),
                                         ("GET", "/api/session/{running}/events?after=1", None)],
    "/v1/chat/completions": [("POST", "/v1/chat/completions", CHAT),
                             ("POST", "/v1/chat/completions", CHAT | {"stream": True}),
                             ("POST", "/v1/chat/completions", CHAT | {"model": "quorum/quick"})],
    "/v1/messages": [("POST", "/v1/messages", CHAT | {"max_tokens": 100})],
    "/v1/embeddings": [("POST", "/v1/embeddings", {"model": "lab/a", "input": "2 + 2"})],
    "/v1/completions": [("POST", "/v1/completions", {"model": "lab/a", "prompt": "2 + 2"})],
    "/v1/models/discover": [("GET", "/v1/models/discover", None), ("POST", "/v1/models/discover", None)],
    "/v1/messages/count_tokens": [("POST", "/v1/messages/count_tokens", CHAT)],
    "/v1/images/generations": [("POST", "/v1/images/generations", {"model": "lab/a", "prompt": "2 + 2"})],
    "/v1/audio/speech": [("POST", "/v1/audio/speech", {"model": "lab/a", "input": "2 + 2", "voice": "alloy"})],
    "/v1/audio/transcriptions": [("POST", "/v1/audio/transcriptions", FORM)],
    "/v1/moderations": [("POST", "/v1/moderations", {"model": "lab/a", "input": "2 + 2"})],
    "/api/chat": [("POST", "/api/chat", CHAT), ("POST", "/api/chat", CHAT | {"stream": False})],
    "/api/generate": [("POST", "/api/generate", {"model": "lab/a", "prompt": "2 + 2", "stream": False})],
    "/v1/responses/input_tokens": [("POST", "/v1/responses/input_tokens",
                                    {"model": "lab/a", "input": "2 + 2", "previous_response_id": "{response}"})],
    "/v1/responses": [("POST", "/v1/responses", {"model": "lab/a", "input": "2 + 2", "previous_response_id": "{response}"})],
    "/v1/responses/{id}": [("GET", "/v1/responses/{response}", None), ("DELETE", "/v1/responses/{response}", None)],
    "/v1/responses/{id}/cancel": [("POST", "/v1/responses/{response}/cancel", None)],
    "/v1/responses/{id}/input_items": [("GET", "/v1/responses/{response}/input_items", None)],
    "/v1/models/{model:path}": [("POST", "/v1/models/lab/a:generateContent", CONTENTS)],
    "/v1beta/models/{model:path}": [("POST", "/v1beta/models/lab/a:generateContent", CONTENTS),
                                    ("POST", "/v1beta/models/lab/a:streamGenerateContent", CONTENTS)],
    "/api/show": [("POST", "/api/show", {"model": "lab/a"})],
    "/api/embed": [("POST", "/api/embed", {"model": "lab/a", "input": "2 + 2"})],
    "/v1beta/models/{name:path}": [("GET", "/v1beta/models/lab/a", None)],
    "/v1/models/{name:path}": [("GET", "/v1/models/lab/a", None)],
}  # fmt: skip
"""Requests of B's to the routes that are no operation's; those that only take a plain GET need none here."""
FREE = ("/api/health/live", "/api/health/ready", "/", "/ws", "/api/login", "/api/logout")
"""Routes that hold no records, and the WebSocket, which has a test of its own."""
BRIDGE = ("/mcp/{tool}", "/tools/{tool}", "/v1/orchestrate/{operation:path}")
"""Walked with the operations."""


async def test_no_other_route_shows_it(two: World) -> None:
    own = {one.http.path for one in operations().values() if one.http is not None}
    cases_of = dict(ROUTES)
    for route in server._routes(server.Holder()):
        assert isinstance(route, Route | WebSocketRoute)
        if route.path in own or route.path in (*FREE, *BRIDGE) or route.path.startswith("/ui/"):
            continue
        if isinstance(route, Route) and "POST" not in (route.methods or ()) and "{" not in route.path:
            cases_of[route.path] = [("GET", route.path, None)]
        assert route.path in cases_of, f"give {route.path} a case in {Path(__file__).name}"
    for cases in cases_of.values():
        for method, template, body in cases:
            path = template.format(**two.ids)
            body = (
                None
                if body is None
                else json.loads(json.dumps(body).replace("{response}", two.ids["response"]))
            )
            sent = {} if body is None else {"data" if isinstance(body, str) else "json": body}
            answer = await two.b.request(method, path, **sent)
            nothing_of_a(two, [path, body], answer.status, f"{answer.body} {answer.headers}")
            if path == "/metrics":
                assert answer.status == 403
            if any(one in path or one in str(body) for one in two.ids.values()):
                assert answer.status in REFUSED, (path, body, answer.body)
    kept = await two.a.get(f"/v1/responses/{two.ids['response']}")
    assert (kept.status, CANARY in str(kept.body)) == (200, True)


async def test_nothing_comes_out_of_another_organisation_s_cache(two: World) -> None:
    asked = two.up.count("a")
    again = await two.a.post("/v1/chat/completions", CHAT)
    assert CANARY in str(again.body)
    assert two.up.count("a") == asked  # A's own answer is still there
    other = await two.b.post("/v1/chat/completions", CHAT)
    assert (other.status, CANARY in str(other.body["choices"])) == (200, False)
    assert two.up.count("a") == asked + 1


async def test_the_websocket_tells_nothing_of_it(two: World) -> None:
    async with two.b.session.ws_connect(two.b.url + "/ws", headers=two.b.headers) as socket:
        for frame in (
            {"action": "subscribe", "run_id": two.ids["running"]},
            {"action": "subscribe", "run_id": two.ids["session"], "after": 1},
            {"action": "cancel", "run_id": two.ids["running"]},
            {"action": "query", "query": "2 + 2?", "session_id": two.ids["session"]},
            {"action": "query", "query": "2 + 2?", "files": [{"id": two.ids["file"]}]},
            {"action": "subscribe"},
        ):
            await socket.send_str(json.dumps(frame))
        asked = await two.a.ask(QUESTION, ["lab/a"])
        await socket.send_str('{"action": "ping", "id": "last"}')
        seen: list[dict[str, Any]] = []
        refused: list[dict[str, Any]] = []
        # A question is answered beside the others: its refusal may come after the last frame's answer.
        while len(refused) < 5 or not any(frame["type"] == "pong" for frame in seen):
            seen.append(json.loads((await socket.receive()).data))
            refused = [frame for frame in seen if frame["type"] == "error"]
    assert [frame["data"]["error"]["code"] for frame in refused] == ["not_found"] * 5
    rest = str([frame for frame in seen if frame["type"] != "error"])
    assert [secret for secret in [*two.secrets, asked["session_id"]] if secret in rest] == []
    assert (await two.a.get(f"/api/session/{two.ids['running']}"))["status"] == "running"
