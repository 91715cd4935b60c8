"""What MCP clients can read besides tools: resources, prompts, completions, and word of changes."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError
from mcp_types import PromptReference, ResourceTemplateReference
from tests.support.keys import BEARER, BOOTSTRAP, make_key
from tests.support.mcp import LEGACY, MODERN, bare, over_http, over_stdio
from tests.support.rest import Rest
from tests.support.script import Say
from tests.support.server import config, scripted, serving
from tests.support.upstream import upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
BOTH = pytest.mark.parametrize("revision", [MODERN, LEGACY])
FOUR = "Two and two.\nCONCLUSION: 4"
PANEL = ["lab/a", "lab/b"]


def text_of(result: Any) -> str:
    return result.contents[0].text


@BOTH
async def test_sessions_and_their_reports_are_read(tmp_path: Path, revision: str) -> None:
    async with scripted(tmp_path) as (up, rest), over_http(rest.url, revision) as client:
        up.model("a", FOUR)
        up.model("b", FOUR)
        session = (await rest.ask("What is 2 + 2?", PANEL))["session_id"]
        listed = {str(one.uri): one for one in (await client.list_resources()).resources}
        assert {"quorum://models", "quorum://providers", "quorum://sessions"} < listed.keys()
        assert listed[f"quorum://sessions/{session}"].title == "What is 2 + 2?"
        templates = {one.uri_template for one in (await client.list_resource_templates()).resource_templates}
        assert templates == {"quorum://sessions/{session_id}", "quorum://sessions/{session_id}/report"}

        whole = json.loads(text_of(await client.read_resource(f"quorum://sessions/{session}")))
        assert (whole["conclusion"], whole["session_id"]) == ("4", session)
        report = await client.read_resource(f"quorum://sessions/{session}/report")
        assert report.contents[0].mime_type == "text/markdown"
        assert "# What is 2 + 2?" in text_of(report)
        models = json.loads(text_of(await client.read_resource("quorum://models")))
        assert "lab/a" in {model["name"] for model in models["models"]}


@BOTH
async def test_what_is_not_there_is_not_found(tmp_path: Path, revision: str) -> None:
    async with scripted(tmp_path) as (_, rest), over_http(rest.url, revision) as client:
        for uri in ("quorum://sessions/ses_0", "quorum://nothing", "file:///etc/passwd"):
            with pytest.raises(MCPError) as missing:
                await client.read_resource(uri)
            assert missing.value.code == -32602
            assert missing.value.error.data["uri"] == uri


async def test_other_organisations_sessions_are_not_there(tmp_path: Path) -> None:
    async with upstream() as up, serving(tmp_path, config(up.url), QUORUM_BOOTSTRAP_KEY=BOOTSTRAP) as rest:
        up.model("a", FOUR)
        rest.headers |= BEARER
        session = (await rest.ask("What is 2 + 2?", ["lab/a"]))["session_id"]
        foreign = await key_of_others(rest)
        async with over_http(rest.url, MODERN, authorization=f"Bearer {foreign}") as client:
            assert session not in str((await client.list_resources()).resources)
            for uri in (f"quorum://sessions/{session}", f"quorum://sessions/{session}/report"):
                with pytest.raises(MCPError, match="no session"):
                    await client.read_resource(uri)
            ref = ResourceTemplateReference(type="ref/resource", uri="quorum://sessions/{session_id}")
            found = await client.complete(ref, {"name": "session_id", "value": "ses"})
            assert found.completion.values == []


async def test_resources_come_through_a_relay(tmp_path: Path) -> None:
    async with scripted(tmp_path / "server") as (up, rest):
        up.model("a", FOUR)
        session = (await rest.ask("What is 2 + 2?", ["lab/a"]))["session_id"]
        async with over_stdio(tmp_path / "host", {}, MODERN, QUORUM_URL=rest.url) as client:
            whole = json.loads(text_of(await client.read_resource(f"quorum://sessions/{session}")))
            assert whole["conclusion"] == "4"


@BOTH
async def test_prompts_take_their_arguments(tmp_path: Path, revision: str) -> None:
    async with scripted(tmp_path) as (_, rest), over_http(rest.url, revision) as client:
        listed = {prompt.name: prompt for prompt in (await client.list_prompts()).prompts}
        assert {"ask_panel", "second_opinion", "review_my_changes", "compare", "ask_model"} == set(listed)
        got = await client.get_prompt("ask_panel", {"question": "Is it so?", "mode": "devils_advocate"})
        assert "Is it so?" in got.messages[0].content.text
        assert "devils_advocate" in got.messages[0].content.text
        with pytest.raises(MCPError, match="'question'"):
            await client.get_prompt("ask_panel", {})
        with pytest.raises(MCPError, match="known: ask_panel"):
            await client.get_prompt("ask_pannel", {})


@BOTH
async def test_arguments_are_completed(tmp_path: Path, revision: str) -> None:
    async with scripted(tmp_path) as (up, rest), over_http(rest.url, revision) as client:
        up.model("alpha", FOUR)
        session = (await rest.ask("What is 2 + 2?", ["lab/alpha"]))["session_id"]
        prompt = PromptReference(type="ref/prompt", name="ask_panel")
        modes = await client.complete(prompt, {"name": "mode", "value": "dev"})
        assert modes.completion.values == ["devils_advocate"]
        model = PromptReference(type="ref/prompt", name="ask_model")
        assert (
            "lab/alpha" in (await client.complete(model, {"name": "model", "value": "alp"})).completion.values
        )
        ref = ResourceTemplateReference(type="ref/resource", uri="quorum://sessions/{session_id}/report")
        found = await client.complete(ref, {"name": "session_id", "value": "what is"})
        assert found.completion.values == [session]


async def test_a_listener_hears_of_its_sessions_changes(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, rest), bare(rest.url, MODERN) as wire:
        up.model("a", Say(FOUR, hold="go"))
        started = await rest.post("/api/query", {"query": "2 + 2?", "panel": ["lab/a"], "wait": False})
        uri = f"quorum://sessions/{started.body['session_id']}"
        params = {"notifications": {"resourceSubscriptions": [uri]}}
        async with wire.post("subscriptions/listen", params, request_id=9) as response:
            acknowledged = await _next(response)
            assert acknowledged["method"] == "notifications/subscriptions/acknowledged"
            await up.until(lambda: up.count() == 1)
            up.release("go")
            changed = await _next(response)
        assert changed["method"] == "notifications/resources/updated"
        assert changed["params"]["uri"] == uri


async def test_nobody_hears_of_other_organisations_sessions(tmp_path: Path) -> None:
    async with upstream() as up, serving(tmp_path, config(up.url), QUORUM_BOOTSTRAP_KEY=BOOTSTRAP) as rest:
        up.model("a", Say(FOUR, hold="go"))
        rest.headers |= BEARER
        started = await rest.post("/api/query", {"query": "2 + 2?", "panel": ["lab/a"], "wait": False})
        session = started.body["session_id"]
        foreign = await key_of_others(rest)
        async with bare(rest.url, MODERN, authorization=f"Bearer {foreign}") as wire:
            params = {"notifications": {"resourceSubscriptions": [f"quorum://sessions/{session}"]}}
            async with wire.post("subscriptions/listen", params, request_id=9) as response:
                await _next(response)
                up.release("go")
                assert (await rest.all_events(session))[-1]["type"] == "run.finished"
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.5):
                        await _next(response)


async def test_the_older_revision_subscribes_too(tmp_path: Path) -> None:
    heard: list[str] = []

    async def on_message(message: Any) -> None:
        if getattr(message, "method", "") == "notifications/resources/updated":
            heard.append(str(message.params.uri))

    async with scripted(tmp_path) as (up, rest):
        up.model("a", Say(FOUR, hold="go"))
        started = await rest.post("/api/query", {"query": "2 + 2?", "panel": ["lab/a"], "wait": False})
        uri = f"quorum://sessions/{started.body['session_id']}"
        async with over_http(rest.url, LEGACY, options={"message_handler": on_message}) as client:
            with pytest.warns(MCPDeprecationWarning):  # the newer revision has it no more
                await client.subscribe_resource(uri)
            await up.until(lambda: up.count() == 1)
            up.release("go")
            await up.until(lambda: uri in heard)


async def key_of_others(rest: Rest) -> str:
    """A key of another organisation."""
    await rest.post("/api/organizations", {"name": "elsewhere"})
    return (await make_key(rest, organization="elsewhere"))["key"]


async def _next(response: Any) -> dict[str, Any]:
    async for line in response.content:
        if line.startswith(b"data: "):
            return json.loads(line.removeprefix(b"data: "))
    raise AssertionError("the stream ended")
