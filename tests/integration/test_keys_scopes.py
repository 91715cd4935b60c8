"""What a key may do: scopes, organisations, models."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.support.keys import ALL, BEARER, BOOTSTRAP, make_key, showing
from tests.support.rest import Rest
from tests.support.script import Say
from tests.support.server import Server, config, serving
from tests.support.stores import Store
from tests.support.upstream import Upstream, upstream

from quorum_mcp.operations.card import AnyOperation
from quorum_mcp.operations.manifest import operations

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]
ANSWER = "It is four.\nCONCLUSION: 4"
ENV = {"QUORUM_BOOTSTRAP_KEY": BOOTSTRAP}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[tuple[Upstream, Rest]]:
    """Models a, b and c, which the default panel asks, and a server that its operator calls."""
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(upstream())
        for name in ("a", "b", "c"):
            up.model(name, ANSWER)
        panels = {"default": ["lab/a", "lab/b", "lab/c"], "pair": ["lab/a", "lab/b"]}
        q = await stack.enter_async_context(serving(tmp_path, config(up.url, panels=panels), **ENV))
        q.headers = BEARER
        yield up, q


def offered() -> list[AnyOperation]:
    return [one for one in operations().values() if one.http is not None]


async def call(q: Rest, operation: AnyOperation) -> tuple[int, str]:
    """An operation with ids that nobody has and no body: what its caller may do is judged first."""
    assert operation.http is not None
    path = operation.http.path.replace("{", "").replace("}", "")
    post = operation.http.method == "POST"
    answer = await q.request(operation.http.method, path, **({"json": {}} if post else {}))
    code = answer.body["error"]["code"] if isinstance(answer.body, dict) and "error" in answer.body else ""
    return answer.status, code


async def test_every_operation_asks_for_its_scopes(world: tuple[Upstream, Rest]) -> None:
    _, q = world
    for scope in ALL:
        client = showing(q, (await make_key(q, scope, scopes=[scope]))["key"])
        for operation in offered():
            if operation.name in ("query", "cost.estimate", "generate"):
                continue  # below
            found = await call(client, operation)
            lacks = operation.scopes - {scope}
            assert (found == (403, "forbidden")) == bool(lacks), (scope, operation.name, found)
    reader = showing(q, (await make_key(q, scopes=["read"]))["key"])
    assert (await reader.query("2+2?")).status == 403
    assert (await showing(q, (await make_key(q, scopes=["ask"]))["key"]).query("2+2?")).status == 200


async def test_nobody_gives_more_than_they_have(world: tuple[Upstream, Rest]) -> None:
    _, q = world
    admin = showing(q, (await make_key(q, scopes=["admin", "read"], models=["lab/a", "lab/b*"]))["key"])
    for scopes in (["ask"], ["admin", "write"], ALL):
        refused = await admin.post("/api/keys", {"name": "x", "scopes": scopes})
        assert (refused.status, refused.error["code"]) == (403, "forbidden")
    for models in (["*"], ["lab/*"], ["lab/b", "lab/c"], ["*/a"]):
        refused = await admin.post("/api/keys", {"name": "x", "scopes": ["read"], "models": models})
        assert refused.status == 403, models
    narrow = await make_key(admin, scopes=["read"], models=["lab/a", "lab/bee*"])
    assert narrow["models"] == ["lab/a", "lab/bee*"]
    assert (await make_key(admin, scopes=["admin"]))["models"] == ["lab/a", "lab/b*"]


async def test_an_organisation_manages_its_own_keys_only(world: tuple[Upstream, Rest]) -> None:
    _, q = world
    ids: dict[str, str] = {}
    admins: dict[str, Rest] = {}
    for name in ("acme", "globex"):
        ids[name] = (await q.post("/api/organizations", {"name": name}))["id"]
        made = await make_key(q, f"{name} admin", organization=name, scopes=ALL)
        assert made["organization"] == ids[name]
        admins[name] = showing(q, made["key"])
    acme, globex = admins["acme"], admins["globex"]
    mine = await make_key(acme, "mine")
    assert mine["organization"] == ids["acme"]
    for other in ("globex", ids["globex"], "local", "nobody"):
        for refused in (
            await acme.post("/api/keys", {"name": "x", "organization": other}),
            await acme.get(f"/api/keys?organization={other}"),
        ):
            assert (refused.status, refused.error["code"]) == (422, "invalid_input"), other
    assert {key["name"] for key in (await acme.get("/api/keys"))["keys"]} == {"acme admin", "mine"}
    assert (await globex.request("DELETE", f"/api/keys/{mine['id']}")).status == 404
    assert (await showing(q, mine["key"]).get("/api/sessions")).status == 200
    assert [one["name"] for one in (await acme.get("/api/organizations"))["organizations"]] == ["acme"]
    for method, path, body in (
        ("POST", "/api/organizations", {"name": "new"}),
        ("DELETE", f"/api/organizations/{ids['globex']}", None),
        ("DELETE", f"/api/organizations/{ids['acme']}", None),
        ("GET", "/api/credentials", None),
        ("POST", "/api/credentials", {"provider": "openai", "value": "sk-0123456789"}),
        ("POST", "/api/credentials/reseal", {}),
        ("DELETE", "/api/credentials/openai", None),
    ):
        refused = await acme.request(method, path, **({"json": body} if body is not None else {}))
        assert (refused.status, refused.error["code"]) == (403, "forbidden"), (method, path)
    assert {key["name"] for key in (await q.get("/api/keys?organization=acme"))["keys"]} == {
        "acme admin", "mine",
    }  # fmt: skip
    assert (await acme.request("DELETE", f"/api/keys/{mine['id']}"))["status"] == "revoked"
    assert (await showing(q, mine["key"]).get("/api/sessions")).status == 401


async def test_organisations_come_and_go(world: tuple[Upstream, Rest]) -> None:
    _, q = world
    made = await q.post("/api/organizations", {"name": "  acme "})
    assert (made["name"], made["keys"]) == ("acme", 0)
    for taken in ("acme", "local"):
        refused = await q.post("/api/organizations", {"name": taken})
        assert (refused.status, refused.error["code"]) == (409, "conflict")
    key = await make_key(q, organization="acme")
    client = showing(q, key["key"])
    assert (await client.get("/api/sessions")).status == 200
    refused = await q.request("DELETE", f"/api/organizations/{made['id']}")
    assert (refused.status, refused.error["code"]) == (409, "conflict")
    assert "force" in refused.error["hint"]
    gone = await q.request("DELETE", f"/api/organizations/{made['id']}?force=true")
    assert (gone.status, gone["keys"]) == (200, 1)
    assert (await client.get("/api/sessions")).status == 401
    assert (await q.get("/api/organizations"))["organizations"] == []
    assert (await q.request("DELETE", f"/api/organizations/{made['id']}")).status == 404
    assert (await q.post("/api/keys", {"name": "x", "organization": "acme"})).status == 422


async def test_a_key_asks_only_its_models(world: tuple[Upstream, Rest]) -> None:
    up, q = world
    client = showing(q, (await make_key(q, models=["lab/a"]))["key"])
    for chosen in (
        {"panel": ["lab/a", "lab/b", "lab/c"]},
        {"panel": "pair"},
        {"providers": ["lab/b"]},
        {"panel": ["lab/a"], "synthesizer": "lab/b"},
    ):
        for path in ("/api/query", "/api/estimate-cost"):
            refused = await client.post(path, {"query": "2+2?", **chosen})
            assert (refused.status, refused.error["code"]) == (403, "forbidden"), chosen
            assert "lab/b" in refused.error["message"]
            assert "lab/a" in refused.error["hint"]
    one = {"model": "lab/b", "messages": [{"role": "user", "content": "x"}]}
    assert (await client.post("/api/models/generate", one)).status == 403
    assert up.asked == []
    answer = await client.ask("2+2?", mode="full_deliberation")
    assert {seat["model"] for seat in answer["provider_responses"]} == {"a"}
    assert (await client.post("/api/models/generate", one | {"model": "lab/a"})).status == 200
    assert {asked.model for asked in up.asked} == {"a"}
    nothing = showing(q, (await make_key(q, models=["openai/*"]))["key"])
    refused = await nothing.query("2+2?")
    assert (refused.status, refused.error["code"]) == (403, "forbidden")


async def test_a_rerun_by_another_key_keeps_to_its_models(world: tuple[Upstream, Rest]) -> None:
    up, q = world
    first = await q.ask("2+2?", ["lab/a", "lab/b"])
    narrow = showing(q, (await make_key(q, models=["lab/a"]))["key"])
    refused = await narrow.post(f"/api/session/{first['session_id']}/rerun", {})
    assert (refused.status, refused.error["code"]) == (403, "forbidden")
    assert up.count() == 2


@pytest.mark.timeout(60)
async def test_a_resumed_run_keeps_its_key_s_rule(tmp_path: Path) -> None:
    panel: dict[str, Any] = {"panels": {"default": ["lab/a"]}, "fallbacks": {}}
    async with upstream() as up:
        up.model("a", ANSWER)
        server = Server(tmp_path, config(up.url, **panel), **ENV)

        up.model("a", Say(ANSWER, hold="later"))
        try:
            await server.started()
            operator = Rest(server.url, dict(BEARER))
            made = await make_key(operator, models=["lab/a"])
            asked = await showing(operator, made["key"]).ask("2+2?", wait=False)
            await up.until(lambda: up.open)
            await asyncio.to_thread(server.kill)
            # While it was down, the operator took the model away from the key.
            await change_models(tmp_path, made["id"], '["lab/b"]')
            await server.started()
            up.release("later")
            session = {"status": "running"}
            for _ in range(300):
                session = (await operator.get(f"/api/session/{asked['session_id']}")).body
                if session["status"] not in ("queued", "running"):
                    break
                await asyncio.sleep(0.1)
            assert "may not call lab/a" in str(session), session
            assert up.count("a") == 1
            await operator.close()
        finally:
            await asyncio.to_thread(server.kill)


async def change_models(home: Path, key: str, models: str) -> None:

    await Store(home).execute("UPDATE api_keys SET models = ? WHERE id = ?", models, key)
