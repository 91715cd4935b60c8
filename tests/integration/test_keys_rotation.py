"""Master keys are replaced, and no API key stops working."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.keys import BEARER, BOOTSTRAP, eventually, make_key, showing
from tests.support.rest import Rest
from tests.support.server import serving
from tests.support.stores import Store

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]
BUILTIN = {"panels": {"default": ["builtin/arithmetic"]}}
ONE, TWO = "first-master-key-0001", "second-master-key-002"


@asynccontextmanager
async def under(secret: str, tmp_path: Path, store: Store) -> AsyncIterator[Rest]:
    env = {"QUORUM_DATABASE_URL": store.url, "QUORUM_BOOTSTRAP_KEY": BOOTSTRAP}
    async with serving(tmp_path, BUILTIN, **env | ({"QUORUM_SECRET_KEY": secret} if secret else {})) as q:
        q.headers = BEARER
        yield q


async def works(q: Rest, key: str) -> bool:
    return (await showing(q, key).get("/api/sessions")).status == 200


async def versions(store: Store) -> dict[str, int]:
    rows = await store.rows("SELECT name, digest_version FROM api_keys")
    return dict(rows)


async def test_a_key_that_is_used_moves_to_the_first_version(tmp_path: Path, store: Store) -> None:
    async with under(ONE, tmp_path, store) as q:
        used, unused = await make_key(q, "used"), await make_key(q, "unused")
        assert await works(q, used["key"])
    async with under(f"1:{ONE},2:{TWO}", tmp_path, store) as q:  # known, not used yet
        assert await works(q, used["key"])
    assert await versions(store) == {"used": 1, "unused": 1}
    async with under(f"2:{TWO},1:{ONE}", tmp_path, store) as q:
        assert await works(q, used["key"])

        async def moved() -> bool:
            return (await versions(store))["used"] == 2

        await eventually(moved)
        assert await works(q, used["key"])
        new = await make_key(q, "new")
    assert await versions(store) == {"used": 2, "unused": 1, "new": 2}
    async with under(f"2:{TWO}", tmp_path, store) as q:
        assert await works(q, used["key"])
        assert await works(q, new["key"])
        assert not await works(q, unused["key"])
    async with under(f"3:{'z' * 16},1:{ONE}", tmp_path, store) as q:
        assert await works(q, unused["key"])
        assert not await works(q, used["key"])


async def test_from_the_file_to_the_variable(tmp_path: Path, sqlite_store: Store) -> None:
    async with under("", tmp_path, sqlite_store) as q:
        made = await make_key(q, "used")
        assert await works(q, made["key"])
    async with under(ONE, tmp_path, sqlite_store) as q:
        assert await works(q, made["key"])

        async def moved() -> bool:
            return await versions(sqlite_store) == {"used": 1}

        await eventually(moved)


async def test_a_lost_master_key_is_told_at_the_start(
    tmp_path: Path, sqlite_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    async with under(ONE, tmp_path, sqlite_store) as q:
        made = await make_key(q)
    capsys.readouterr()
    async with under(f"2:{TWO}", tmp_path, sqlite_store) as q:
        assert not await works(q, made["key"])
    said = capsys.readouterr()
    assert "access.master_key_missing" in said.out + said.err
    assert ONE not in said.out + said.err
