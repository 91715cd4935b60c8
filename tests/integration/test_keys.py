"""API keys: shown once, recognised everywhere, ended everywhere."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.cli import Cli
from tests.support.cut import wire
from tests.support.keys import ALL, BEARER, BOOTSTRAP, bearer, eventually, make_key, showing
from tests.support.mcp import LEGACY, MODERN, over_http
from tests.support.rest import Rest
from tests.support.script import Say
from tests.support.server import config, environment, serving, write_config
from tests.support.stores import PostgresStore, Store
from tests.support.upstream import upstream

from quorum_mcp import Quorum
from quorum_mcp.errors import Forbidden, Unauthenticated

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]
NOBODY = "http://127.0.0.1:9/v1"
BUILTIN = {"panels": {"default": ["builtin/arithmetic"]}}
MASTER = "m" * 32


async def status(q: Rest, path: str = "/api/sessions") -> int:
    return (await q.get(path)).status


@pytest.fixture
def on(store: Store) -> dict[str, str]:
    """The environment of a server on the store."""
    return {"QUORUM_DATABASE_URL": store.url, "QUORUM_SECRET_KEY": MASTER, "QUORUM_BOOTSTRAP_KEY": BOOTSTRAP}


async def test_the_first_key_ends_the_loopback_rule_everywhere(tmp_path: Path, store: Store) -> None:
    on = {"QUORUM_DATABASE_URL": store.url, "QUORUM_SECRET_KEY": MASTER}
    async with serving(tmp_path / "a", BUILTIN, **on) as q, serving(tmp_path / "b", BUILTIN, **on) as other:
        assert await status(q) == await status(other) == 200
        async with other.session.ws_connect(other.url + "/ws") as trusted:
            made = await make_key(q)
            assert await status(q) == 401

            async def refused() -> bool:
                return await status(other) == 401

            await eventually(refused)
            # A connection that was trusted before has to show a key as well.
            await asyncio.sleep(1.1)
            await trusted.send_str('{"action": "ping"}')
            while (message := await trusted.receive()).type == aiohttp.WSMsgType.TEXT:
                pass
            assert (message.type, trusted.close_code) == (aiohttp.WSMsgType.CLOSE, 4401)
        for server in (q, other):
            assert await status(showing(server, made["key"])) == 200
        # Nobody goes back to trust because the key was revoked.
        admin = await make_key_embedded(tmp_path / "a", on)
        assert (await showing(q, admin).request("DELETE", f"/api/keys/{made['id']}")).status == 200
        assert await status(q) == 401


async def make_key_embedded(home: Path, on: dict[str, str]) -> str:
    """A key with every scope, made on the server's machine."""
    cli = Cli(home, environment(home, write_config(home, BUILTIN), on))
    scopes = [word for scope in ALL for word in ("--scope", scope)]
    done = await cli("keys", "create", "admin", *scopes)
    assert done.status == 0, done.err
    return done.out.strip()


async def test_a_key_is_shown_once_and_stored_as_a_digest(
    tmp_path: Path, store: Store, on: dict[str, str]
) -> None:
    async with serving(tmp_path, BUILTIN, **on) as q:
        q.headers = BEARER
        made = await make_key(q, "laptop", scopes=ALL)
        key = made.pop("key")
        assert key.startswith("qk_")
        assert len(key) > 40
        assert key.endswith(made["hint"])
        assert len(made["hint"]) == 4
        listed = await q.get("/api/keys")
        assert listed["keys"] == [made | {"last_used_at": None}]
        assert key not in str(listed.body)
        [row] = await store.rows("SELECT digest, digest_version, name FROM api_keys")
        assert (len(row[0]), row[1], row[2]) == (64, 1, "laptop")
        assert key not in str(await store.rows("SELECT * FROM api_keys"))


@pytest.mark.timeout(60)
async def test_a_key_works_on_every_surface(tmp_path: Path, on: dict[str, str]) -> None:
    async with AsyncExitStack() as stack:
        q = await stack.enter_async_context(serving(tmp_path / "server", BUILTIN, **on))
        q.headers = BEARER
        key = (await make_key(q))["key"]
        q.headers = {}
        for shown in (bearer(key), {"x-api-key": key}, {"x-goog-api-key": key}):
            assert (await q.get("/api/sessions", headers=shown)).status == 200
            async with q.session.ws_connect(q.url + "/ws", headers=shown) as socket:
                await socket.send_str('{"action": "ping", "id": 1}')
                assert "pong" in {json.loads((await socket.receive()).data)["type"] for _ in range(2)}
        for revision in (MODERN, LEGACY):
            client = await stack.enter_async_context(
                over_http(q.url, revision, authorization=f"Bearer {key}")
            )
            assert not (await client.call_tool("count_tokens", {"text": "x"})).is_error
        async with Quorum(url=q.url, api_key=key) as quorum:
            assert (await quorum.ask("2+2?")).conclusion == "4"
            with pytest.raises(Forbidden):
                await quorum.invoke("keys.list")
        async with Quorum(url=q.url, api_key=key[:-1] + "?") as quorum:
            with pytest.raises(Unauthenticated):
                await quorum.ask("2+2?")
        home = tmp_path / "client"
        env = environment(home, write_config(home, BUILTIN), {"QUORUM_URL": q.url, "QUORUM_API_KEY": key})
        asked = await Cli(home, env)("ask", "2+2?", "--json")
        assert asked.json["conclusion"] == "4", asked.err
        refused = await Cli(home, env)("keys", "list")
        assert refused.status == 7
        assert "admin" in refused.err


@pytest.mark.parametrize("mode", ["off", "required"])
async def test_the_modes_of_authentication_with_keys(tmp_path: Path, mode: str) -> None:
    async with serving(tmp_path, BUILTIN, QUORUM_AUTH=mode, QUORUM_BOOTSTRAP_KEY=BOOTSTRAP) as q:
        key = (await make_key(showing(q, BOOTSTRAP), scopes=["ask"]))["key"]
        assert await status(q) == (200 if mode == "off" else 401)
        assert await status(showing(q, key)) == 403  # it is the key that counts: this one may not read
        assert await status(showing(q, key + "x")) == 401
        forwarded = await q.get("/api/sessions", headers={"x-forwarded-for": "10.0.0.1"})
        assert forwarded.status == 401


async def test_what_is_no_key_is_refused(tmp_path: Path, on: dict[str, str]) -> None:
    async with serving(tmp_path, BUILTIN, **on) as q:
        q.headers = BEARER
        key = (await make_key(q))["key"]
        turned = "A" if key[10] != "A" else "B"
        for wrong in (
            key[:-1], key + "A", key.upper(), key.removeprefix("qk_"), "qk_", "qk_" + "A" * 43, f"{key[:10]}{turned}{key[11:]}",
            "x" * 5000, "qk_" + "ä" * 43, "' OR 1=1 --",
        ):  # fmt: skip
            refused = await q.get("/api/sessions", headers={"authorization": "", "x-api-key": wrong})
            assert (refused.status, refused.error["code"]) == (401, "unauthenticated"), wrong
            assert wrong not in str(refused.body)


async def test_a_revoked_key_ends_here_at_once_and_elsewhere_soon(tmp_path: Path, on: dict[str, str]) -> None:
    async with serving(tmp_path / "a", BUILTIN, **on) as q, serving(tmp_path / "b", BUILTIN, **on) as other:
        q.headers = BEARER
        made, kept = await make_key(q), await make_key(q)
        here, there = showing(q, made["key"]), showing(other, made["key"])
        for _ in range(2):
            assert await status(here) == await status(there) == 200
        async with there.session.ws_connect(other.url + "/ws", headers=there.headers) as socket:
            revoked = await q.request("DELETE", f"/api/keys/{made['id']}")
            assert (revoked.status, revoked["status"]) == (200, "revoked")
            assert await status(here) == 401

            async def refused() -> bool:
                return await status(there) == 401

            await eventually(refused)
            await asyncio.sleep(1.1)
            await socket.send_str('{"action": "query", "query": "2+2?"}')
            while (await socket.receive()).type == aiohttp.WSMsgType.TEXT:
                pass
            assert socket.close_code == 4401
        assert (await q.get("/api/sessions"))["sessions"] == []
        assert await status(showing(other, kept["key"])) == 200
        again = await q.request("DELETE", f"/api/keys/{made['id']}")
        assert (again.status, again["revoked_at"]) == (200, revoked["revoked_at"])
        assert (await q.request("DELETE", "/api/keys/key_nobody")).status == 404


async def test_all_keys_together_are_asked_for_once_a_second(
    tmp_path: Path, store: Store, on: dict[str, str]
) -> None:
    """A key is not looked up again while none is revoked; then each is, wherever it was believed."""
    async with serving(tmp_path / "a", BUILTIN, **on) as q, serving(tmp_path / "b", BUILTIN, **on) as other:
        q.headers = BEARER
        acme = await q.post("/api/organizations", {"name": "acme"})
        made, of_acme = await make_key(q), await make_key(q, organization="acme")
        there = showing(other, made["key"])
        assert await status(there) == await status(showing(other, of_acme["key"])) == 200
        # By hand, so that nobody is told: the key goes on being believed, used more than a second apart.
        await store.execute(f"UPDATE api_keys SET revoked_at = 1 WHERE id = '{made['id']}'")
        for _ in range(2):
            await asyncio.sleep(1.2)
            assert await status(there) == 200
        gone = await q.request("DELETE", f"/api/organizations/{acme['id']}?force=true")
        assert gone.status == 200

        async def refused() -> bool:
            return await status(there) == await status(showing(other, of_acme["key"])) == 401

        await eventually(refused, seconds=2.5)


async def test_a_stream_of_events_ends_with_its_key(tmp_path: Path, on: dict[str, str]) -> None:
    async with upstream() as up, serving(tmp_path, config(up.url), **on) as q:
        up.model("a", Say("It is four.\nCONCLUSION: 4", hold="later"))
        q.headers = BEARER
        made = await make_key(q)
        reader = showing(q, made["key"])
        asked = await reader.ask("2+2?", ["lab/a"], wait=False)
        seen: list[str] = []

        async def follow() -> None:
            seen.extend([event["type"] async for event in reader.events(asked["session_id"])])

        following = asyncio.create_task(follow())
        await up.until(lambda: up.open)
        await q.request("DELETE", f"/api/keys/{made['id']}")
        await asyncio.sleep(1.1)
        up.release("later")
        await asyncio.wait_for(following, 10)
        assert "run.finished" not in seen
        # The run itself belongs to the server and went on.
        whole = await q.get(f"/api/session/{asked['session_id']}")
        assert whole.status == 200


async def test_a_key_expires_by_itself(tmp_path: Path, on: dict[str, str]) -> None:
    async with serving(tmp_path, BUILTIN, **on) as q:
        q.headers = BEARER
        made = await make_key(q, expires_in_days=1.5 / 86_400)
        client = showing(q, made["key"])
        assert await status(client) == 200

        async def over() -> bool:
            return await status(client) == 401

        await eventually(over)
        [listed] = (await q.get("/api/keys"))["keys"]
        assert (listed["status"], listed["revoked_at"]) == ("expired", None)


@asynccontextmanager
async def breakable(store: Store) -> AsyncIterator[tuple[str, Callable[[bool], Awaitable[None]]]]:
    """An address of the store, and what takes it away (True) and brings it back."""
    if not isinstance(store, PostgresStore):

        async def rename(away: bool) -> None:
            names = ("api_keys", "away") if away else ("away", "api_keys")
            await store.execute(f"ALTER TABLE {names[0]} RENAME TO {names[1]}")

        yield store.url, rename
        return
    async with wire(store.server.folder / ".s.PGSQL.5432", b"") as between:

        async def cut(away: bool) -> None:
            between.down = away
            if away:
                others = "pid <> pg_backend_pid() AND datname = current_database()"
                await store.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")

        yield store.url_through(between.port), cut


async def test_with_the_store_away_only_known_keys_go_on(
    tmp_path: Path, store: Store, on: dict[str, str]
) -> None:
    path = "/api/models?provider=builtin"
    async with AsyncExitStack() as stack:
        url, take_away = await stack.enter_async_context(breakable(store))
        given = on | {"QUORUM_DATABASE_URL": url}
        q = await stack.enter_async_context(serving(tmp_path, BUILTIN, **given))
        q.headers = BEARER
        known, other = await make_key(q), await make_key(q)
        assert await status(showing(q, known["key"]), path) == 200
        await take_away(True)
        await asyncio.sleep(1.1)
        for _ in range(3):
            assert await status(showing(q, known["key"]), path) == 200
            refused = await showing(q, other["key"]).get(path)
            assert (refused.status, refused.error["code"]) == (503, "store_unavailable")
            assert await status(q, path) == 200  # the bootstrap key is not stored
            assert await status(showing(q, "no-key"), path) == 401
        await take_away(False)

        async def back() -> bool:
            return await status(showing(q, other["key"]), path) == 200

        await eventually(back)


async def test_last_use_is_written_now_and_then(tmp_path: Path, store: Store, on: dict[str, str]) -> None:
    async with serving(tmp_path, BUILTIN, **on) as q:
        q.headers = BEARER
        key = (await make_key(q))["key"]
        assert await store.rows("SELECT last_used_at FROM api_keys") == [(None,)]
        await status(showing(q, key))
        [first] = (await q.get("/api/keys"))["keys"]
        assert first["last_used_at"] > first["created_at"]
        await status(showing(q, key))
        [second] = (await q.get("/api/keys"))["keys"]
        assert second["last_used_at"] == first["last_used_at"]


PATTERNS = [
    {"name": ""},
    {"name": "  "},
    {"name": "a\x00b"},
    {"name": "two\nlines"},
    {"name": "x" * 1_000_000},
    {"name": None},
    {"name": 7},
    {},
    *(
        {"name": "x", **bad}
        for bad in (
            {"scopes": []},
            {"scopes": ["root"]},
            {"scopes": "ask"},
            {"scopes": ["ask"] * 1000},
            {"models": []},
            {"models": ["x" * 100_000]},
            {"models": ["lab/*"] * 101},
            {"models": ["alpha"]},
            {"models": ["lab/[a-z]"]},
            {"models": ["lab/?"]},
            {"models": ["lab/a b"]},
            {"models": [""]},
            {"requests_per_minute": 0},
            {"requests_per_minute": -1},
            {"requests_per_minute": 1.5},
            {"requests_per_minute": 10**30},
            {"tokens_per_minute": 0},
            {"tokens_per_minute": "many"},
            {"expires_in_days": 0},
            {"expires_in_days": -1},
            {"expires_in_days": 1e300},
            {"expires_in_days": "soon"},
            {"organization": ""},
            {"organization": "x" * 1_000_000},
            {"key": "qk_mine"},
            {"tenant": "local"},
        )
    ),
]


async def test_bad_input_stores_nothing(tmp_path: Path, store: Store, on: dict[str, str]) -> None:
    async with serving(tmp_path, BUILTIN, **on) as q:
        q.headers = BEARER
        for bad in PATTERNS:
            refused = await q.post("/api/keys", bad)
            assert (refused.status, refused.error["code"]) == (422, "invalid_input"), str(bad)[:80]
            assert len(str(refused.body)) < 5000
        for raw in ('{"name": "x", "expires_in_days": NaN}', '{"name": "x", "expires_in_days": 1e999}'):
            refused = await q.request(
                "POST", "/api/keys", data=raw, headers={"content-type": "application/json"}
            )
            assert refused.status in (400, 422), raw
        unknown = await q.post("/api/keys", {"name": "x", "organization": "nobody"})
        assert (unknown.status, unknown.error["code"]) == (422, "invalid_input")
        for bad_name in ("", "\x07", "x" * 1_000_000, None):
            assert (await q.post("/api/organizations", {"name": bad_name})).status == 422
        for wrong in ("key_\x00", "x" * 5000, "%2e%2e"):
            assert (await q.request("DELETE", f"/api/keys/{wrong}")).status in (404, 422)
        for path in ("/api/keys?limit=0", "/api/keys?cursor=x", "/api/keys?limit=many", "/api/keys?tenant=a"):
            assert (await q.get(path)).status == 422, path
        assert await store.rows("SELECT * FROM api_keys") == []
        assert await store.rows("SELECT * FROM organizations") == []


async def test_pages_of_keys(tmp_path: Path, on: dict[str, str]) -> None:
    async with serving(tmp_path, BUILTIN, **on) as q:
        q.headers = BEARER
        made = [(await make_key(q, f"key {n}"))["id"] for n in range(5)]
        seen: list[str] = []
        cursor: dict[str, Any] = {}
        while True:
            page = await q.get("/api/keys", params={"limit": 2, **cursor})
            seen += [key["id"] for key in page["keys"]]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        assert seen == made[::-1]
