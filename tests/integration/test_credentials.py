"""Providers' keys that the database keeps: sealed, used at once, shown to nobody."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.cli import Cli
from tests.support.echo import Echo, echo
from tests.support.keys import BEARER, BOOTSTRAP, eventually
from tests.support.rest import Rest
from tests.support.server import environment, serving, write_config
from tests.support.stores import Store

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]
ONE, TWO = "first-master-key-0001", "second-master-key-002"
KEY, NEXT = "sk-stored-0123456789abcdef", "sk-next-0123456789abcdef"


def given(provider: Echo) -> dict[str, Any]:
    return {"providers": {"kept": {"wire": "openai", "base_url": provider.url, "api_key_env": "KEPT_KEY"}}}


@asynccontextmanager
async def server(
    provider: Echo, folder: Path, store: Store, *, secret: str = ONE, **env: str
) -> AsyncIterator[Rest]:
    on = {"QUORUM_DATABASE_URL": store.url, "QUORUM_BOOTSTRAP_KEY": BOOTSTRAP}
    on |= {"QUORUM_SECRET_KEY": secret} if secret else {}
    async with serving(folder, given(provider), **on, **env) as q:
        q.headers = dict(BEARER)
        yield q


async def put(q: Rest, value: str, provider: str = "kept") -> Any:
    return await q.post("/api/credentials", {"provider": provider, "value": value})


async def asks(q: Rest) -> int:
    """The status of a question to the provider."""
    body = {"model": "kept/fine", "messages": [{"role": "user", "content": "2 + 2?"}]}
    return (await q.post("/api/models/generate", body)).status


async def test_a_stored_key_is_used_here_at_once_and_elsewhere_soon(tmp_path: Path, store: Store) -> None:
    async with (
        echo() as provider,
        server(provider, tmp_path / "a", store) as q,
        server(provider, tmp_path / "b", store) as other,
    ):
        assert await asks(q) == 404
        made = await put(q, f"  {KEY}\n")
        assert made.body | {"updated_at": ""} == {
            "provider": "kept", "hint": KEY[-4:], "version": 1, "status": "used", "updated_at": "",
        }  # fmt: skip
        assert await asks(q) == 200
        assert provider.keys == {KEY}

        async def there() -> bool:
            return await asks(other) == 200

        await eventually(there, 10)
        assert KEY not in str((await q.get("/api/credentials")).body)
        [(sealed,)] = await store.rows("SELECT sealed FROM credentials")
        assert KEY.encode() not in bytes(sealed)
        replaced = await put(q, NEXT)
        assert replaced["hint"] == NEXT[-4:]
        assert await asks(q) == 200
        assert provider.keys == {KEY, NEXT}
        assert len((await q.get("/api/credentials"))["credentials"]) == 1
        assert (await q.request("DELETE", "/api/credentials/kept")).status == 200
        assert await asks(q) == 404

        async def gone() -> bool:
            return await asks(other) == 404

        await eventually(gone, 10)
        assert (await q.request("DELETE", "/api/credentials/kept")).status == 404


async def test_the_environment_goes_before(tmp_path: Path, sqlite_store: Store) -> None:
    async with echo() as provider:
        async with server(provider, tmp_path, sqlite_store, KEPT_KEY="sk-environment-01") as q:
            assert (await put(q, KEY))["status"] == "unused"
            assert await asks(q) == 200
            assert provider.keys == {"sk-environment-01"}
        async with server(provider, tmp_path, sqlite_store) as q:
            assert await asks(q) == 200
            assert provider.keys == {"sk-environment-01", KEY}


async def test_keys_are_sealed_anew_and_old_master_keys_retired(tmp_path: Path, store: Store) -> None:
    async with echo() as provider:
        async with server(provider, tmp_path, store, secret=ONE) as q:
            await put(q, KEY)
            assert (await q.post("/api/credentials/reseal", {})).body == {"resealed": 0, "unreadable": 0}
        async with server(provider, tmp_path, store, secret=f"2:{TWO},1:{ONE}") as q:
            assert await asks(q) == 200
            assert (await q.post("/api/credentials/reseal", {})).body == {"resealed": 1, "unreadable": 0}
            [listed] = (await q.get("/api/credentials"))["credentials"]
            assert (listed["version"], listed["status"]) == (2, "used")
        async with server(provider, tmp_path, store, secret=f"2:{TWO}") as q:
            assert await asks(q) == 200
        async with server(provider, tmp_path, store, secret=ONE) as q:
            assert await asks(q) == 404
            [listed] = (await q.get("/api/credentials"))["credentials"]
            assert listed["status"] == "unreadable"
            assert (await q.post("/api/credentials/reseal", {})).body == {"resealed": 0, "unreadable": 1}
            assert (await put(q, NEXT))["status"] == "used"
            assert await asks(q) == 200


async def test_a_row_moved_to_another_provider_opens_nothing(tmp_path: Path, sqlite_store: Store) -> None:
    async with echo() as provider:
        async with server(provider, tmp_path, sqlite_store) as q:
            await put(q, KEY, "mistral")
        await sqlite_store.execute("UPDATE credentials SET provider = ?", "kept")
        async with server(provider, tmp_path, sqlite_store) as q:
            assert await asks(q) == 404
            assert [one["status"] for one in (await q.get("/api/credentials"))["credentials"]] == [
                "unreadable"
            ]
        assert provider.keys == set()


async def test_bad_input_stores_nothing(tmp_path: Path, store: Store) -> None:
    async with echo() as provider, server(provider, tmp_path, store) as q:
        for value in ("", "   ", "two words", "line\nbreak", "nul\x00", "ключ", "x" * 1_000_000, 7, None):
            refused = await q.post("/api/credentials", {"provider": "kept", "value": value})
            assert (refused.status, refused.error["code"]) == (422, "invalid_input"), str(value)[:40]
            assert len(str(refused.body)) < 3000
        for name, status in (
            ("nobody", 404),
            ("builtin", 404),
            ("", 422),
            ("x" * 1_000_000, 422),
            ("a\x00b", 422),
        ):
            assert (await put(q, KEY, name)).status == status, name[:40]
        assert await store.rows("SELECT * FROM credentials") == []


@pytest.mark.timeout(60)
async def test_the_command_reads_the_key_from_standard_input(tmp_path: Path) -> None:
    async with echo() as provider:
        cli = Cli(tmp_path, environment(tmp_path, write_config(tmp_path, given(provider)), {}))
        done = await cli("credentials", "set", "kept", stdin=KEY + "\n")
        assert (done.status, KEY in done.out + done.err) == (0, False), done.err
        assert KEY.encode() not in (tmp_path / "quorum.db").read_bytes()
        asked = await cli("ask", "2+2?", "--panel", "kept/fine", "--json")
        assert asked.status == 0, asked.err
        assert provider.keys == {KEY}
        refused = await cli("credentials", "set", "kept", stdin="")
        assert refused.status == 2
