"""MCP over stdio as a host sees it: a process, two pipes, and nothing on them but the protocol."""

import asyncio
import json
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.mcp import LEGACY, process
from tests.support.script import Say
from tests.support.server import Config, config
from tests.support.upstream import upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]
CPU_SECONDS = 1.5


class Host:
    """A host's end of the pipes. `lines` is all that came out of standard output."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self.child = child
        self.lines: list[bytes] = []
        self._ids = 0

    def send(self, method: str, params: dict[str, Any] | None = None, *, notify: bool = False) -> int:
        """Write a message and return its id."""
        body: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params or {}}
        if not notify:
            self._ids += 1
            body["id"] = self._ids
        assert self.child.stdin is not None
        self.child.stdin.write(json.dumps(body).encode() + b"\n")
        return self._ids

    async def answer(self, request_id: int) -> dict[str, Any]:
        """Read until the answer to this request."""
        assert self.child.stdout is not None
        while line := await self.child.stdout.readline():
            self.lines.append(line)
            message = json.loads(line)
            if message.get("id") == request_id:
                return message
        raise AssertionError("the process ended")

    async def ask(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """A request's result."""
        return (await self.answer(self.send(method, params)))["result"]

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """A tool's result."""
        return await self.ask("tools/call", {"name": tool, "arguments": arguments})

    async def hello(self) -> dict[str, Any]:
        """The handshake."""
        client = {"name": "host", "version": "1"}
        params = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": client}
        result = await self.ask("initialize", params)
        self.send("notifications/initialized", notify=True)
        return result

    async def leave(self) -> int:
        """Close standard input, as hosts do, and return the exit status."""
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.close()
        self.lines += (await self.child.stdout.read()).splitlines()
        return await asyncio.wait_for(self.child.wait(), 10)


@asynccontextmanager
async def started(
    home: Path, given: Config | str, *, cwd: Path | None = None, **env: str
) -> AsyncIterator[Host]:
    """The process, in `cwd` (default: its home)."""
    how = process(home, given, **env)
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        how.command,
        *how.args,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        env=how.env,
        cwd=cwd or home,
        limit=2**22,
    )
    try:
        yield Host(child)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


def children_cpu() -> float:
    """CPU seconds of all processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def test_initialize_is_quick(tmp_path: Path) -> None:
    before = children_cpu()
    async with started(tmp_path, {}) as host:
        assert (await host.hello())["serverInfo"]["name"] == "quorum"
        assert await host.leave() == 0
    assert children_cpu() - before <= CPU_SECONDS


async def test_the_database_opens_with_the_first_call(tmp_path: Path) -> None:
    def files() -> set[str]:
        return {file.name for file in tmp_path.iterdir()}

    async with started(tmp_path, {}) as host:
        await host.hello()
        assert (await host.ask("tools/list"))["tools"]
        assert files() == {"quorum.yaml"}
        assert not (await host.call("list_models"))["isError"]
        assert "quorum.db" in files()
        assert await host.leave() == 0


async def test_nothing_but_the_protocol_is_on_standard_output(tmp_path: Path) -> None:
    async with upstream() as up:
        up.model("a", "x")
        async with started(tmp_path, config(up.url), LOG_LEVEL="DEBUG") as host:
            await host.hello()
            await host.call("generate", model="lab/a", messages=[{"role": "user", "content": "x"}])
            await host.call("generate", model="lab/none", messages=[{"role": "user", "content": "x"}])
            assert await host.leave() == 0
    assert len(host.lines) == 3
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in host.lines)


async def test_a_broken_configuration_is_told_where_it_can_be_read(tmp_path: Path) -> None:
    async with started(tmp_path, "providers:\n  lab: {wire: openai, base_ulr: x}\n") as host:
        await host.hello()
        result = await host.call("list_models")
        assert result["isError"]
        error = json.loads(result["content"][0]["text"])["error"]
        assert error["code"] == "config_error"
        assert "quorum.yaml:2" in error["message"]
        (tmp_path / "quorum.yaml").write_text("panels: {default: [builtin/arithmetic]}\n")
        assert not (await host.call("list_models"))["isError"]  # mended: the next call tries again
        assert await host.leave() == 0


async def test_a_server_that_is_away_is_told(tmp_path: Path) -> None:
    async with started(tmp_path, {}, QUORUM_URL="http://127.0.0.1:9") as host:
        await host.hello()
        result = await host.call("list_models")
        error = json.loads(result["content"][0]["text"])["error"]
        assert (result["isError"], error["code"]) == (True, "server_unavailable")
        assert "quorum serve" in error["hint"]
        assert await host.leave() == 0


async def test_a_host_that_leaves_stops_what_it_asked_for(tmp_path: Path) -> None:
    async with upstream() as up:
        up.model("a", Say(fail="hang"))
        async with started(tmp_path, config(up.url)) as host:
            await host.hello()
            said = [{"role": "user", "content": "x"}]
            host.send("tools/call", {"name": "generate", "arguments": {"model": "lab/a", "messages": said}})
            await up.until(lambda: up.count() == 1, 10)
            leaving = asyncio.ensure_future(host.leave())
            await up.until(lambda: up.count(outcome="dropped") == 1, 1.0)
            assert await leaving == 0


async def test_the_working_directory_is_not_trusted(tmp_path: Path) -> None:
    home, project = tmp_path / "home", tmp_path / "project"
    project.mkdir()
    (project / "quorum.yaml").write_text("panels: {default: [builtin/extract]}\nnonsense: 1\n")
    (project / ".env").write_text("QUORUM_URL=http://127.0.0.1:9\n")
    async with started(home, {"panels": {"default": ["builtin/arithmetic"]}}, cwd=project) as host:
        await host.hello()
        assert not (await host.call("list_models"))["isError"]
        assert await host.leave() == 0


async def test_a_run_goes_on_in_the_next_process(tmp_path: Path) -> None:
    async with upstream() as up:
        up.model("a", Say("CONCLUSION: 4", hold="go"))
        up.model("b", Say("CONCLUSION: 4", hold="go"))
        given = config(up.url, panels={"default": ["lab/a", "lab/b"]})
        async with started(tmp_path, given) as host:
            await host.hello()
            session = (await host.call("q_in", query="2 + 2?"))["structuredContent"]["session_id"]
            await up.until(lambda: up.count() == 2, 10)
            assert await host.leave() == 0
        up.release("go")
        async with started(tmp_path, given) as host:
            await host.hello()
            result = (await host.call("q_out", session_id=session, wait_seconds=20))["structuredContent"]
            assert (result["status"], result["conclusion"]) == ("completed", "4")
