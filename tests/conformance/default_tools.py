"""Every default tool with arguments that work, a world in which they do, and what has to come back."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import anyio
from tests.support.server import config, serving
from tests.support.upstream import upstream

from quorum_mcp.api.mcp.toolsets import TOOLSETS

SOURCE = {"name": "a.py", "content": "x = 1\n"}
SAID = "I would take the first one.\nSCORE A 1 9\nSCORE B 1 3\nVERDICT: SOUND\nCONCLUSION: A"
CALLS: dict[str, dict[str, Any]] = {
    "q_in": {"query": "A or B?"},
    "orchestrate_task": {"description": "A or B?"},
    "query_specific_model": {"model": "lab/a", "description": "A or B?"},
    "code_review": {"files": [SOURCE], "review_type": "quick"},
    "think_deeper": {"problem": "A or B?", "thinking_mode": "low"},
    "multi_model_review": {"task": "A or B?"},
    "comparative_analysis": {"options": ["one", "two"]},
    "review_changes": {},
    "get_orchestrator_status": {},
    "list_models": {},
}
"""Each default tool but q_out, which needs a session."""


class World(NamedTuple):
    """A running server's address, and a configuration of the same kind for a process of one's own."""

    url: str
    given: dict[str, Any]


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """Two models and a server that asks them; a repository with a change lies below its root."""
    work = folder / "work"
    work.mkdir()
    await anyio.run_process(("git", "init", "-q"), cwd=work)
    (work / "a.py").write_text("x = 1\n")
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(upstream())
        for name in ("a", "b"):
            up.model(name, SAID)
        given = config(up.url, panels={"default": ["lab/a", "lab/b"]}, files={"roots": [str(work)]})
        rest = await stack.enter_async_context(serving(folder / "server", given))
        yield World(rest.url, given)


def every_tool_works(listed: list[str], results: Mapping[str, Mapping[str, Any]]) -> None:
    """Check what a client found: the names it was shown, and each tool's structured result."""
    assert set(listed) == set(TOOLSETS["default"])
    assert {*results} | {"q_out"} == set(TOOLSETS["default"])
    assert results["q_in"]["session_id"]
    assert results["think_deeper"]["conclusion"] == "A"
    assert results["query_specific_model"]["answer"] == SAID
    assert results["multi_model_review"]["reviews"][0]["text"].startswith("I would take")
    assert results["comparative_analysis"]["ranking"][0]["option"] == "one"
    assert results["code_review"]["reviewed"] == ["a.py"]
    assert results["review_changes"]["reviewed"] == ["a.py"]
    assert results["orchestrate_task"]["agreement"] == "agree"
    assert {model["name"] for model in results["list_models"]["models"]} >= {"lab/a", "lab/b"}
