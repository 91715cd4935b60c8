"""The client examples work as they stand, in every language that is here."""

import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from tests.integration.test_bridge import FOUR, Ports, bridge

from quorum_mcp.operations.tools import tool_operations

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
CLIENTS = Path(__file__).parents[2] / "examples" / "clients"
KEY = "a-key-for-the-examples-0123456789"
COMMANDS = {".py": sys.executable, ".mjs": "node", ".sh": "sh", ".go": "go"}
SEARCHED = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
"""Where programs are looked for: Node's newer one is among the development tools."""
TOOLS = len(tool_operations())
SAID = {
    "chat": [FOUR.splitlines()[0], FOUR.splitlines()[0]],
    "query": [FOUR.splitlines()[0], "agree"],
    "bridge": [FOUR.splitlines()[0], FOUR.splitlines()[0], "there is no tool", "did you mean 'generate'?"],
    "socket": [f"{TOOLS} tools, ", FOUR, FOUR],
    "chat.sh": [FOUR.splitlines()[0], "chat.completion.chunk", "data: [DONE]"],
}
"""What each of them prints, in that order."""


def examples() -> list[Path]:
    """The programs: the files themselves, and the folders of Go."""
    return sorted(
        path
        for path in CLIENTS.glob("*/*")
        if path.suffix in COMMANDS or (path.is_dir() and (path / "main.go").exists())
    )


def test_every_language_does_everything() -> None:
    done = {path.parent.name: set[str]() for path in examples()}
    for path in examples():
        done[path.parent.name].add(path.stem.removesuffix("_client"))
    everything = {"chat", "query", "bridge", "socket"}
    assert done == {
        "go": everything, "javascript": everything, "python": everything, "shell": everything - {"socket"},
    }  # fmt: skip


@pytest.mark.timeout(300)  # Go compiles its library at first
@pytest.mark.parametrize("path", examples(), ids=lambda path: f"{path.parent.name}/{path.name}")
async def test_it_prints_the_answer(path: Path, tmp_path: Path) -> None:
    kind = path.suffix or ".go"
    program = shutil.which(COMMANDS[kind], path=SEARCHED)
    if program is None:
        pytest.skip(f"{COMMANDS[kind]} is missing: {path.relative_to(CLIENTS)} was NOT run")
    key = None if path.name == "socket.mjs" else KEY  # a WebSocket of the web's API sends no headers
    async with bridge(tmp_path, env={"QUORUM_BOOTSTRAP_KEY": key} if key else None) as (_, ports):
        command = [program, "run", f"./{path.name}"] if kind == ".go" else [program, path.name]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=path.parent, env=environment(tmp_path, ports) | ({"QUORUM_API_KEY": key} if key else {}),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output = (await process.communicate())[0].decode()
    assert process.returncode == 0, output
    place = 0
    for said in SAID.get(path.name) or SAID[path.stem.removesuffix("_client")]:
        assert said in output[place:], output
        place = output.index(said, place) + len(said)


def environment(home: Path, ports: Ports) -> dict[str, str]:
    """The variables of a user who has a server with a bridge."""
    kept = {name: os.environ[name] for name in ("LANG", "PYTHONPATH") if name in os.environ}
    go = {"GOTOOLCHAIN": "local", "GOPROXY": "off", "GOCACHE": f"{tempfile.gettempdir()}/quorum-go-cache"}
    return kept | go | {
        "PATH": SEARCHED, "HOME": str(home), "QUORUM_MODEL": "lab/a", "QUORUM_PANEL": "lab/a,lab/a", "QUORUM_URL": ports.main.url,
        "QUORUM_BRIDGE": ports.rest.url, "QUORUM_TOOLS": ports.tools.url, "QUORUM_SOCKET": ports.socket,
    }  # fmt: skip
