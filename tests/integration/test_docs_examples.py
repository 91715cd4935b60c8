"""Every example of the documentation works: pages run as a reader would type them, against a real server."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from tests.integration import documents
from tests.integration.documents import Page
from tests.support.server import free_port

from quorum_mcp.config.load import load

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [documents.read(path) for path in sorted([ROOT / "README.md", *DOCS.rglob("*.md")])]
RUNNING = [
    page for page in PAGES if any(fence.runs for fence in page.fences if fence.language in ("sh", "python"))
]
NOT_RUN = {"docs/guides/first-answer.md": 1}
"""How many examples of a page are not run here: those that install things."""
LANGUAGES = {"sh", "python", "yaml", "json", "text", ""}
DEMO, SIM, OWN = 8000, 8009, 8080
"""The ports that the pages name: the demo's, its simulated providers', and that of a server of the reader's own."""
HOOK = 9200
"""That of a hook of the reader's own."""


def named(page: Page) -> str:
    return page.path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, int]]:
    """The ports of a running demo."""
    home = tmp_path_factory.mktemp("demo")
    command = [
        sys.executable,
        "-m",
        "quorum_mcp",
        "demo",
        "--port",
        str(free_port()),
        "--speed",
        "0",
        "--json",
    ]
    with (
        (home / "log").open("w") as log,
        subprocess.Popen(
            command, cwd=home, env=documents.environment(home), stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
        ExitStack() as stack,
    ):
        stack.callback(process.terminate)
        assert process.stdout is not None
        started = json.loads(process.stdout.readline())
        yield {DEMO: port_of(started["url"]), SIM: port_of(started["sim"])}


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2].strip("/"))


@pytest.mark.needs("curl")
@pytest.mark.timeout(documents.SECONDS + 20)
@pytest.mark.parametrize("page", RUNNING, ids=named)
def test_the_page_does_what_it_says(page: Page, demo: dict[int, int], tmp_path: Path) -> None:
    printed = documents.run(page, tmp_path, demo | {OWN: free_port(), HOOK: free_port()})
    last = ""
    for fence in page.fences:
        if fence.number in printed and fence.language in ("sh", "python"):
            last = printed[fence.number]
        elif fence.language == "text" and fence.runs:
            absent = documents.missing(fence.body, last)
            assert not absent, f"not printed: {absent}\nprinted:\n{last[-2000:]}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_examples_are_marked(page: Page) -> None:
    assert {fence.language for fence in page.fences} <= LANGUAGES
    if page.path.parent.name != "reference":
        assert sum(not fence.runs for fence in page.fences) == NOT_RUN.get(named(page), 0)


@pytest.mark.parametrize("page", [page for page in PAGES if page.of("yaml")], ids=named)
def test_configurations_load(page: Page, tmp_path: Path) -> None:
    for fence in page.of("yaml"):
        file = tmp_path / "quorum.yaml"
        file.write_text(fence.body)
        variables = dict.fromkeys(re.findall(r"\$\{(\w+)\}|api_key_env: (\w+)", fence.body), "key")
        env = {"HOME": str(tmp_path), **{name: "key" for names in variables for name in names if name}}
        load(config=file, env=env, cwd=tmp_path)


@pytest.mark.parametrize("page", [page for page in PAGES if page.of("json")], ids=named)
def test_json_is_json(page: Page) -> None:
    for fence in page.of("json"):
        json.loads(fence.body)


def servers() -> list[dict[str, Any]]:
    """The servers of all configurations of MCP clients that the pages show."""
    shown = [json.loads(fence.body) for page in PAGES for fence in page.of("json")]
    return [server for one in shown for server in one.get("mcpServers", {}).values()]


@pytest.mark.anyio
@pytest.mark.timeout(30)
@pytest.mark.parametrize("server", servers(), ids=lambda server: server.get("type", "stdio"))
async def test_mcp_clients_connect(server: dict[str, Any], demo: dict[int, int], tmp_path: Path) -> None:
    environment = documents.environment(tmp_path) | {
        name: value.replace(str(DEMO), str(demo[DEMO])) for name, value in server.get("env", {}).items()
    }
    if "url" in server:
        where: Any = server["url"].replace(str(DEMO), str(demo[DEMO]))
    else:
        args = server.get("args", [])
        where = StdioServerParameters(command=server["command"], args=args, env=environment, cwd=tmp_path)
    async with Client(where) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        answer = await client.call_tool("list_models", {})
    assert {"q_in", "q_out"} <= tools
    assert not answer.is_error
