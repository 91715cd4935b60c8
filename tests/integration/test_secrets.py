"""Keys planted in a full run, and then looked for in everything that comes out of it: none is found."""

import asyncio
import base64
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.support.cli import Cli
from tests.support.echo import MODELS, Echo, echo
from tests.support.hook import Hook, hook
from tests.support.keys import ALL, eventually, make_key, showing
from tests.support.rest import Rest
from tests.support.server import Server
from tests.support.stores import Store, postgres_store

from quorum_mcp.operations.manifest import operations
from quorum_mcp.store.tables import metadata

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(90)]
MARK = "findme-5b1e"
"""What is no secret, and has to be found: else nobody looked."""
PLANTED = {
    "LAB_KEY": "sk-canary-lab-0123456789abcdef",
    "OPENAI_API_KEY": "sk-canary-openai-0123456789abcdef",
    "HOOK_WORD": "canary-webhook-0123456789abcdef",
    "QUORUM_BOOTSTRAP_KEY": "canary-bootstrap-0123456789abcdef",
    "QUORUM_SECRET_KEY": "2:canary-master-two-0123456789,1:canary-master-one-0123456789",
}
STORED = "sk-canary-stored-0123456789abcdef"
PASSWORD = "canary-database-0123456789"  # noqa: S105 - that is the point


def given(provider: Echo, receiver: Hook) -> dict[str, Any]:
    """Three providers at one endpoint, each with its key from another place, and a webhook that is signed."""
    lab = {
        "wire": "openai",
        "base_url": provider.url,
        "price": {"input_per_million": 1, "output_per_million": 2},
    }
    return {
        "providers": {
            "lab": lab | {"api_keys": ["${LAB_KEY}"]},
            "openai": lab,
            "kept": lab | {"api_key_env": "ABSENT_KEY"},
        },
        "retry": {"attempts": 2, "min_seconds": 0.01, "max_seconds": 0.02},
        "webhooks": [{"url": receiver.url, "secret_env": "HOOK_WORD", "allow_private": True}],
        "panels": {"default": [f"lab/{name}" for name in MODELS]},
    }


async def test_no_key_comes_out_of_a_full_run(tmp_path: Path, sqlite_store: Store) -> None:
    store = sqlite_store
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(echo())
        receiver = await stack.enter_async_context(hook())
        env = PLANTED | {"QUORUM_DATABASE_URL": store.url, "LOG_LEVEL": "DEBUG"}
        home = tmp_path / "home"
        home.mkdir()
        server = Server(home, given(provider, receiver), **env)
        stack.callback(server.kill)
        await server.started()
        operator = Rest(server.url, {"x-api-key": PLANTED["QUORUM_BOOTSTRAP_KEY"]})
        stack.push_async_callback(operator.close)
        found: dict[str, str] = {}
        keys, sessions = await full_run(operator, found)
        await receiver.until(1)
        found["webhooks"] = str([(one.headers, one.text) for one in receiver.received])
        await everything_that_can_be_read(operator, sessions, found)
        await everything_printed(Cli(home, server.env), sessions, found)
        await everything_stored(store, found)
        server.stop()
        found["log"] = server.log()
        for file in [*home.rglob("*"), *store.folder.glob("*.db*")]:
            if file.is_file() and file.name not in ("quorum.yaml", "secret.key"):
                found[str(file)] = file.read_bytes().decode("latin-1")
        assert provider.keys == {PLANTED["LAB_KEY"], PLANTED["OPENAI_API_KEY"], STORED}
        search([*PLANTED.values(), *PLANTED["QUORUM_SECRET_KEY"].split(","), STORED, *keys], found)


@pytest.mark.needs("postgresql")
async def test_the_password_of_the_database_is_not_told(tmp_path: Path) -> None:
    store = await postgres_store(tmp_path)
    url = store.url.replace("@", f":{PASSWORD}@", 1)
    env = PLANTED | {"QUORUM_DATABASE_URL": url, "LOG_LEVEL": "DEBUG"}
    found: dict[str, str] = {}
    with Server(tmp_path, {"panels": {"default": ["builtin/arithmetic"]}}, **env) as server:
        operator = Rest(server.url, {"x-api-key": PLANTED["QUORUM_BOOTSTRAP_KEY"]})
        asked = await operator.ask(f"{MARK}: 2 + 2?")
        found["session"] = str(await operator.session_of(asked["session_id"]))
        await operator.close()
        cli = Cli(tmp_path, server.env)
        away = Cli(tmp_path, server.env | {"QUORUM_DATABASE_URL": url.replace("search_path", "nonsense")})
        wrong = Cli(
            tmp_path, server.env | {"QUORUM_DATABASE_URL": f"postgresql://quorum:{PASSWORD}@127.0.0.1:9/x"}
        )
        for name, run in {"here": cli, "away": away, "wrong": wrong}.items():
            for line in ("config show", "sessions"):
                done = await run(*line.split())
                found[f"{name}: quorum {line}"] = done.out + done.err
        found["log"] = server.log()
    for table in metadata.tables:
        found[f"table {table}"] = str(await store.rows(f"SELECT * FROM {table}"))  # noqa: S608 - a name of ours
    search([*PLANTED.values(), PASSWORD], found)


async def full_run(operator: Rest, found: dict[str, str]) -> tuple[list[str], list[str]]:
    """Keys made, shown, mistyped and revoked; providers that answer and that repeat keys; a budget that alerts."""
    await operator.post("/api/organizations", {"name": MARK})
    made = [
        await make_key(operator, MARK, scopes=ALL),
        await make_key(operator, "of acme", organization=MARK),
    ]
    keys = [one["key"] for one in made]
    stored = await operator.post("/api/credentials", {"provider": "kept", "value": STORED})
    assert stored["status"] == "used", stored.body
    budget = {"period": "total", "limit": 0.0000001, "enforce": False}
    found["budget"] = str((await operator.post("/api/budget", budget)).body)
    caller = showing(operator, keys[0])
    sessions: list[str] = []
    routes: list[tuple[str, dict[str, Any]]] = [
        ("/api/models/generate", {}), ("/v1/chat/completions", {}), ("/v1/chat/completions", {"stream": True}),
        ("/v1/messages", {"max_tokens": 9}),
    ]  # fmt: skip
    for owner, paths in (("lab", routes), ("openai", routes[:1]), ("kept", routes[2:3])):
        panel = [f"{owner}/{name}" for name in MODELS]
        answer = await caller.query(
            f"{MARK} {owner}?",
            panel,
            exhaustive=True,
            mode="full_deliberation",
            timeout_seconds=20,
            tags=[MARK],
        )
        found[f"answer of {owner}"] = f"{answer.body} {answer.headers}"
        sessions.append(
            answer["session_id"] if answer.status == 200 else answer.error["details"]["session_id"]
        )
        for name in MODELS:
            body = {"model": f"{owner}/{name}", "messages": [{"role": "user", "content": MARK}]}
            for path, more in paths:
                answer = await caller.post(path, body | more)
                found[f"{path} {owner}/{name} {more}"] = f"{answer.body} {answer.headers}"
    for number, (method, path, more) in enumerate(misuse(keys[0])):
        answer = await caller.request(method, path, **more)
        assert answer.status >= 400, (method, path)
        found[f"misuse {number}"] = f"{answer.body} {answer.headers}"
    await operator.request("DELETE", f"/api/keys/{made[1]['id']}")
    return keys, sessions


def misuse(key: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Requests that carry secrets where they do not belong."""
    lab = PLANTED["LAB_KEY"]
    return [
        ("GET", "/api/sessions", {"headers": {"authorization": f"Bearer {key}x"}}),
        ("GET", "/api/sessions", {"headers": {"authorization": "", "x-api-key": lab}}),
        ("POST", "/api/credentials", {"json": {"provider": "kept", "value": f"{lab} {lab}"}}),
        ("POST", "/api/credentials", {"json": {"provider": "kept", "value": [lab]}}),
        ("POST", "/api/credentials", {"json": {"provider": "nobody", "value": lab}}),
        ("GET", "/api/sessions", {"headers": {"origin": "https://evil.test"}}),
    ]


async def everything_that_can_be_read(operator: Rest, sessions: list[str], found: dict[str, str]) -> None:
    """Every GET of the manifest, events, exports, and the routes beside it."""
    calls = (await operator.get("/api/calls"))["calls"]
    values = {"call_id": calls[0]["id"], "metric": "latency", "name": "query"}
    paths = ["/", "/api/openapi.json", "/api/docs", "/metrics", "/v1/models", "/mcp", "/api/settings"]
    for operation in operations().values():
        if operation.http is None or operation.http.method != "GET":
            continue
        for session in sessions if "{session_id}" in operation.http.path else ["-"]:
            path = operation.http.path.format_map(values | {"session_id": session})
            paths += (
                [f"{path}?format={form}" for form in ("json", "md", "html")] if "export" in path else [path]
            )
    paths += [f"/api/session/{session}/events" for session in sessions]
    for path in paths:
        answer = await operator.get(path)
        found[f"GET {path}"] = f"{answer.body} {answer.headers}"
    for call in calls:
        found[f"call {call['id']}"] = str((await operator.get(f"/api/calls/{call['id']}")).body)
    assert MARK in found[f"GET /api/session/{sessions[0]}/events"]
    assert MARK in found[f"GET /api/session/{sessions[0]}/export?format=html"]


async def everything_printed(cli: Cli, sessions: list[str], found: dict[str, str]) -> None:
    """What commands say about settings, providers and records."""
    lines = (
        "config show",
        "config show --json",
        "credentials list --json",
        "doctor",
        f"sessions show {sessions[0]}",
    )
    for line, done in zip(lines, await asyncio.gather(*(cli(*line.split()) for line in lines)), strict=True):
        found[f"quorum {line}"] = done.out + done.err
    assert "OPENAI_API_KEY" in found["quorum config show"]


async def everything_stored(store: Store, found: dict[str, str]) -> None:
    """Every row of every table, once all is written."""

    async def whole() -> bool:
        return MARK in str(await store.rows("SELECT * FROM calls"))

    await eventually(whole)
    for table in metadata.tables:
        rows = await store.rows(f"SELECT * FROM {table}")  # noqa: S608 - a name of ours
        plain = [
            [bytes(v).decode("latin-1") if isinstance(v, bytes | memoryview) else v for v in row]
            for row in rows
        ]
        found[f"table {table}"] = str(plain)
    assert MARK in found["table runs"]
    assert len(await store.rows("SELECT * FROM credentials")) == 1


def search(secrets: list[str], found: dict[str, str]) -> None:
    """Each secret, as it is and as it may be written, in everything that was found."""
    assert MARK in str(found)
    for secret in secrets:
        bare = secret.partition(":")[2] or secret
        encoded = base64.b64encode(bare.encode()).decode().rstrip("=")[:-2]
        for form in {bare, encoded, quote(bare, safe=""), json.dumps(bare)[1:-1], bare.encode().hex()}:
            where = [name for name, text in found.items() if form in text]
            assert not where, (form, where, [around(found[name], form) for name in where[:3]])


def around(text: str, form: str) -> str:
    at = text.index(form)
    return text[max(0, at - 200) : at + 100]
