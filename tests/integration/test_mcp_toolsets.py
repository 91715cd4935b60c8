"""Which tools a client is shown, and what reading them costs its model."""

import json
from pathlib import Path

import pytest
from mcp.shared.exceptions import MCPError
from tests.support.mcp import LEGACY, MODERN, over_http, over_stdio
from tests.support.server import serving

from quorum_mcp.api.mcp.tools import definitions
from quorum_mcp.api.mcp.toolsets import TOOLSETS
from quorum_mcp.calls.tokens import count
from quorum_mcp.operations.tools import tool_operations

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
BUILTIN = {"panels": {"default": ["builtin/arithmetic"]}}
BOTH = pytest.mark.parametrize("revision", [MODERN, LEGACY])
MOST_SHOWN = 15
MOST_TOKENS = 6_000


def test_the_default_tools_are_few_and_short() -> None:
    shown = [definitions()[name] for name in TOOLSETS["default"]]
    assert len(shown) <= MOST_SHOWN
    listed = [tool.model_dump(by_alias=True, exclude_none=True, mode="json") for tool in shown]
    assert count(json.dumps(listed, separators=(",", ":"))) < MOST_TOKENS


def test_the_tools_are_those_of_the_contract() -> None:
    assert set(tool_operations()) == {
        "q_in", "q_out", "orchestrate_task", "analyze_task", "query_specific_model", "code_review", "think_deeper",
        "multi_model_review", "comparative_analysis", "review_changes", "get_orchestrator_status",
        "update_session_context", "configure_orchestrator", "get_metrics", "generate", "list_models", "list_providers",
        "count_tokens",
    }  # fmt: skip


def test_every_tool_is_in_a_toolset_and_every_name_is_a_tool() -> None:
    named = {name for names in TOOLSETS.values() for name in names}
    assert named == set(tool_operations())


@BOTH
async def test_the_address_chooses(tmp_path: Path, revision: str) -> None:
    async with serving(tmp_path, BUILTIN) as rest:
        for toolsets, wanted in (
            ("", set(TOOLSETS["default"])),
            ("models", set(TOOLSETS["models"])),
            ("default,operate", {*TOOLSETS["default"], *TOOLSETS["operate"]}),
            ("all", set(tool_operations())),
        ):
            async with over_http(rest.url, revision, toolsets=toolsets) as client:
                assert {tool.name for tool in (await client.list_tools()).tools} == wanted


@BOTH
async def test_a_tool_that_is_not_shown_can_be_called(tmp_path: Path, revision: str) -> None:
    async with serving(tmp_path, BUILTIN) as rest, over_http(rest.url, revision) as client:
        assert not (await client.call_tool("count_tokens", {"text": "x"})).is_error


async def test_an_unknown_toolset_is_named(tmp_path: Path) -> None:
    async with serving(tmp_path, BUILTIN) as rest, over_http(rest.url, LEGACY, toolsets="modles") as client:
        with pytest.raises(MCPError, match="did you mean 'models'"):
            await client.list_tools()


async def test_the_command_chooses(tmp_path: Path) -> None:
    async with over_stdio(tmp_path, BUILTIN, MODERN, toolsets="operate") as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == set(TOOLSETS["operate"])
