"""The connection to Redis that a process shares: what is refused at start, and how a failure is told."""

import sys
import time
from pathlib import Path

import pytest
from tests.support.keys import eventually
from tests.support.redis_server import redis_server
from tools.redis import Server

from quorum_mcp.app import running
from quorum_mcp.config.load import load
from quorum_mcp.errors import ConfigError, StoreUnavailable
from quorum_mcp.store.shared_state import Script, SharedState

pytestmark = [pytest.mark.anyio, pytest.mark.needs("redis"), pytest.mark.timeout(20)]
__all__ = ("redis_server",)


async def test_a_failure_is_told_at_once_and_recovered_from(redis_server: Server) -> None:
    state = await SharedState.connect(redis_server.url, namespace="one")
    try:
        assert state.up
        assert await state.run(lambda client: client.set(state.key("a"), b"1"))
        assert await state.evaluate(Script.of("return redis.call('GET', KEYS[1])"), [state.key("a")]) == b"1"
        redis_server.kill()
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="Redis cannot be used") as refused:
                await state.run(lambda client: client.get("a"))
            assert "REDIS_URL" in (refused.value.hint or "")
        assert not state.up
        assert state.reason
        began = time.monotonic()
        for _ in range(1_000):
            with pytest.raises(StoreUnavailable):
                await state.run(lambda client: client.get("a"))
        assert time.monotonic() - began < 3, "nobody waits for what is away"
        redis_server.start()

        async def back() -> bool:
            return state.up

        await eventually(back)
        assert await state.run(lambda client: client.get(state.key("a"))) is None
        # Scripts are known again by themselves.
        assert await state.evaluate(Script.of("return 7"), []) == 7
    finally:
        await state.close()


async def test_what_a_script_does_wrong_is_told_too(redis_server: Server) -> None:
    state = await SharedState.connect(redis_server.url)
    with pytest.raises(StoreUnavailable, match="Redis cannot be used"):
        await state.evaluate(Script.of("return redis.call('NOSUCH')"), [])
    await state.close()


async def test_processes_are_counted(redis_server: Server) -> None:
    states = [await SharedState.connect(redis_server.url, namespace="one") for _ in range(3)]
    other = await SharedState.connect(redis_server.url, namespace="two")
    assert states[-1].processes == 3
    assert other.processes == 1
    await states.pop().close()

    async def two() -> bool:
        return [state.processes for state in states] == [2, 2]

    await eventually(two)
    for state in (*states, other):
        await state.close()


@pytest.mark.parametrize("url", ["redis://:geheim@127.0.0.1:99999/0", "nonsense://u:geheim@h"])
async def test_an_address_that_cannot_be_read(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        await SharedState.connect(url)
    assert "geheim" not in f"{refused.value} {refused.value.hint}"


async def test_a_password_that_is_refused_is_not_shown(redis_server: Server) -> None:
    with pytest.raises(ConfigError, match="Redis refuses") as refused:
        await SharedState.connect(redis_server.url.replace("unix://", "unix://:geheim@"))
    assert "geheim" not in f"{refused.value} {refused.value.hint}"
    with pytest.raises(ConfigError, match="Redis refuses"):
        await SharedState.connect(f"{redis_server.url}?db=99")


async def test_without_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "redis"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)
    env = {"QUORUM_HOME": str(tmp_path), "REDIS_URL": "redis://127.0.0.1:1/0", "OLLAMA_ENABLE": "false"}
    with pytest.raises(ConfigError) as refused:
        async with running(load(env=env, cwd=tmp_path)):
            pass
    assert refused.value.hint == "Run: pip install 'quorum-mcp[redis]'"
