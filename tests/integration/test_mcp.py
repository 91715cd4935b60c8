"""MCP at /mcp and over stdio: what is listed, what comes back, how errors read, in both revisions."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from tests.support.mcp import LEGACY, MODERN, over_http, over_stdio
from tests.support.server import config, serving
from tests.support.upstream import Upstream, upstream

from quorum_mcp import __version__
from quorum_mcp.operations.card import Effect
from quorum_mcp.operations.manifest import operations

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
FOUR = "Two and two is four.\nCONCLUSION: 4"
TOOLS = {
    "q_in", "q_out", "orchestrate_task", "analyze_task", "query_specific_model", "code_review", "think_deeper",
    "multi_model_review", "comparative_analysis", "review_changes", "get_orchestrator_status",
    "update_session_context", "configure_orchestrator", "get_metrics", "generate", "list_models", "list_providers",
    "count_tokens",
}  # fmt: skip
EVERYWHERE = [(how, revision) for how in ("http", "stdio", "relay") for revision in (MODERN, LEGACY)]


@asynccontextmanager
async def quorum(tmp_path: Path, how: str, revision: str) -> AsyncIterator[tuple[Upstream, Client]]:
    """An upstream with the models a and b, and a client of a server that asks them."""
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(upstream())
        up.model("a", FOUR)
        up.model("b", FOUR)
        given = config(up.url, panels={"default": ["lab/a", "lab/b"]})
        if how == "stdio":
            client = over_stdio(tmp_path, given, revision, toolsets="all")
        else:
            rest = await stack.enter_async_context(serving(tmp_path, given))
            relayed = over_stdio(tmp_path / "host", {}, revision, toolsets="all", QUORUM_URL=rest.url)
            client = over_http(rest.url, revision, toolsets="all") if how == "http" else relayed
        yield up, await stack.enter_async_context(client)


def error_of(result: Any) -> dict[str, Any]:
    """Our error body in a result marked as an error."""
    assert result.is_error
    assert result.structured_content is None  # it would be held against the output schema
    return json.loads(result.content[0].text)["error"]


async def ask(client: Client, question: str, **more: Any) -> dict[str, Any]:
    put = await client.call_tool("q_in", {"query": question, **more})
    assert not put.is_error, put.content
    got = await client.call_tool("q_out", {"session_id": put.structured_content["session_id"]})
    assert not got.is_error, got.content
    return got.structured_content


@pytest.mark.usefixtures("each_engine")
@pytest.mark.parametrize(("how", "revision"), EVERYWHERE)
async def test_every_tool_works(tmp_path: Path, how: str, revision: str) -> None:
    async with quorum(tmp_path, how, revision) as (up, client):
        assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
        assert client.server_info.name == "quorum"
        assert client.server_info.version == __version__
        assert "q_out" in (client.instructions or "")

        answer = await ask(client, "What is 2 + 2?")
        assert (answer["status"], answer["conclusion"], answer["confidence"]) == ("completed", "4", 1.0)
        assert answer["answer"] == FOUR
        assert (answer["agreement"], answer["dissent"], answer["simulated"]) == ("agree", [], False)
        assert answer["cost"] > 0

        said = [{"role": "user", "content": "What is 2 + 2?"}]
        one = (await client.call_tool("generate", {"model": "lab/a", "messages": said})).structured_content
        assert (one["answer"], one["provider"], one["model"], one["stop"]) == (FOUR, "lab", "a", "stop")
        assert one["output_tokens"] > 0
        assert up.count() == 3

        models = (
            await client.call_tool("list_models", {"provider": "lab", "refresh": True})
        ).structured_content
        assert [model["name"] for model in models["models"]] == ["lab/a", "lab/b"]
        listed = (await client.call_tool("list_providers", {})).structured_content["providers"]
        assert {p["name"]: p["status"] for p in listed}["lab"] == "healthy"
        counted = (await client.call_tool("count_tokens", {"text": "one two three"})).structured_content
        assert counted == {"tokens": 3, "exact": False}


@pytest.mark.parametrize("revision", [MODERN, LEGACY])
async def test_the_text_says_what_the_structure_says(tmp_path: Path, revision: str) -> None:
    async with quorum(tmp_path, "http", revision) as (_, client):
        for name, arguments in (("list_providers", {}), ("count_tokens", {"text": "é"}), ("list_models", {})):
            result = await client.call_tool(name, arguments)
            assert [part.type for part in result.content] == ["text"]
            assert json.loads(result.content[0].text) == result.structured_content


@pytest.mark.parametrize(("how", "revision"), EVERYWHERE)
async def test_errors_are_results_that_say_what_to_do(tmp_path: Path, how: str, revision: str) -> None:
    async with quorum(tmp_path, how, revision) as (up, client):
        wrong = error_of(await client.call_tool("q_in", {"query": "x", "mod": "quick_consensus"}))
        assert (wrong["code"], wrong["hint"]) == ("invalid_input", "did you mean 'mode'?")
        assert "mod" in wrong["message"]
        missing = error_of(await client.call_tool("q_in", {}))
        assert missing["details"]["fields"][0]["field"] == "query"
        kind = error_of(await client.call_tool("q_out", {"session_id": "x", "wait_seconds": "soon"}))
        assert "wait_seconds" in kind["message"]
        gone = error_of(await client.call_tool("q_out", {"session_id": "ses_0"}))
        assert (gone["code"], gone["request_id"][:4]) == ("not_found", "req_")
        named = error_of(await client.call_tool("q_in", {"query": "x", "providers": ["lba"]}))
        assert named["code"] == "model_not_found"
        assert "lab" in named["hint"]
        assert up.count() == 0

        with pytest.raises(MCPError, match="did you mean 'q_in'") as unknown:
            await client.call_tool("q_inn", {})
        assert unknown.value.code == -32602


@pytest.mark.parametrize("revision", [MODERN, LEGACY])
async def test_a_failed_call_shows_the_providers_error(tmp_path: Path, revision: str) -> None:
    async with quorum(tmp_path, "http", revision) as (_, client):
        said = [{"role": "user", "content": "x"}]
        error = error_of(await client.call_tool("generate", {"model": "lab/none", "messages": said}))
        assert error["code"].startswith("provider_")
        assert error["details"]["model"] == "none"
        assert "does not exist" in error["message"]


@pytest.mark.usefixtures("each_engine")
async def test_a_conversation_goes_on(tmp_path: Path) -> None:
    async with quorum(tmp_path, "http", MODERN) as (up, client):
        first = await ask(client, "What is 2 + 2?")
        second = await ask(client, "And twice that?", session_id=first["session_id"])
        assert second["session_id"] == first["session_id"]
        assert "What is 2 + 2?" in up.asked[-1].everything


async def test_the_list_is_the_manifest(tmp_path: Path) -> None:
    async with quorum(tmp_path, "http", MODERN) as (_, client):
        listed = await client.list_tools()
    tools = {tool.name: tool for tool in listed.tools}
    offered = {op.tool: op for op in operations().values() if op.tool and "mcp" in op.surfaces}
    assert tools.keys() == offered.keys()
    assert (listed.ttl_ms, listed.cache_scope) == (300_000, "private")
    for name, tool in tools.items():
        operation = offered[name]
        assert tool.title
        assert tool.description == operation.summary
        assert tool.input_schema["properties"].keys() == operation.input.model_fields.keys()
        assert tool.output_schema is not None
        assert tool.output_schema["properties"].keys() == operation.output.model_fields.keys()
        assert tool.input_schema["type"] == tool.output_schema["type"] == "object"
        for schema in (tool.input_schema, tool.output_schema):
            Draft202012Validator.check_schema(schema)
            assert '"title": "' not in json.dumps(schema)
        assert "$ref" not in json.dumps(tool.input_schema)
        hints = tool.annotations
        assert hints is not None
        assert hints.read_only_hint is (operation.effect is Effect.READ)
        assert hints.open_world_hint is operation.open_world
        assert hints.destructive_hint is (
            None if hints.read_only_hint else operation.effect is Effect.DESTROY
        )


async def test_what_asks_models_costs_and_reaches_out(tmp_path: Path) -> None:
    async with quorum(tmp_path, "http", LEGACY) as (_, client):
        tools = {tool.name: tool.annotations for tool in (await client.list_tools()).tools}
    for name in ("q_in", "generate"):
        hints = tools[name]
        assert hints is not None
        assert (hints.read_only_hint, hints.destructive_hint, hints.open_world_hint) == (False, False, True)
