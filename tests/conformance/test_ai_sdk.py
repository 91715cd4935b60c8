"""Vercel's AI SDK, as applications in JavaScript use it: its OpenAI provider over responses and chat completions, and
its provider for Open Responses."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.replay import providers, replaying
from tests.support.script import Asked, Say
from tests.support.server import config, serving
from tests.support.upstream import upstream

FOLDER = Path(__file__).parent / "ai_sdk"
FOUR = "Two and two is four.\nCONCLUSION: 4"
SHAPES = ("responses", "chat", "open-responses")
pytestmark = [pytest.mark.anyio, pytest.mark.needs("node"), pytest.mark.timeout(60)]


@pytest.fixture(scope="module")
async def found(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Any]]:
    """What came of each question."""
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules").is_dir():
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent("the AI SDK is missing: `./dev test` installs it, or `npm ci` in tests/conformance/ai_sdk")
    async with replaying() as recorded, upstream() as up:
        up.model("a", FOUR)
        up.model("b", FOUR)
        up.model("caller", _caller)
        up.model("json", '{"name": "Paris", "degrees": 20}')
        given = config(up.url, panels={"default": ["lab/a", "lab/b"]})
        given["providers"] |= providers(recorded)
        async with serving(tmp_path_factory.mktemp("ai-sdk"), given) as q:
            asking = await asyncio.create_subprocess_exec(
                node,
                FOLDER / "ask.mjs",
                q.url,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            try:
                out, err = await asking.communicate()
            finally:
                if asking.returncode is None:
                    asking.kill()
            assert asking.returncode == 0, err.decode()
            yield json.loads(out)


def _caller(asked: Asked) -> Say:
    if asked.messages[-1]["role"] == "tool":
        return Say(f"{asked.messages[-1]['content']}, says the tool.")
    return Say(tools=(("look", '{"city": "Paris"}'),))


@pytest.mark.parametrize("shape", SHAPES)
async def test_text_tools_and_objects(found: dict[str, Any], shape: str) -> None:
    assert found[f"{shape}: text"] == FOUR
    stream = found[f"{shape}: stream"]
    assert (stream["text"], stream["tokens"] > 0) == (FOUR, True)
    for kind in ("tools", "tools, streamed"):
        assert found[f"{shape}: {kind}"] == "20 degrees in Paris, says the tool."
    assert found[f"{shape}: going on"] == FOUR
    assert found[f"{shape}: object"] == {"name": "Paris", "degrees": 20}


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_panel_answers_and_errors_are_understood(found: dict[str, Any], shape: str) -> None:
    panel = found[f"{shape}: panel"]
    assert panel["text"] == FOUR
    if shape != "chat":  # its provider for chat completions shows no reasoning
        assert "asking lab/a, lab/b" in panel["reasoning"]
    assert found[f"{shape}: no such model"].startswith("AI_APICallError")
    assert "model_not_found" in found[f"{shape}: no such model"]


async def test_reasoning_goes_back_and_vectors_come(found: dict[str, Any]) -> None:
    assert found["sealed reasoning goes back"] == "42"
    assert found["embeddings"] == [[3.0, 0.5], [5.0, 0.5]]
