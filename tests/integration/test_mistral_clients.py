"""Mistral's own client: its words for OpenAI's are translated, those that only Mistral knows go to Mistral."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mistralai.client import Mistral
from mistralai.client.errors import SDKError
from tests.support.media import PIXEL
from tests.support.server import config, serving
from tests.support.upstream import Upstream, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]  # the client builds its types when first used
World = tuple[Upstream, Mistral]
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with upstream() as up:
        up.model("a", "Four.")
        given = config(up.url)
        given["providers"]["mist"] = {"wire": "mistral", "base_url": up.url.removesuffix("/v1")}
        async with serving(tmp_path, given) as q, Mistral(api_key="unused", server_url=q.url) as client:
            yield up, client


async def ask(client: Mistral, model: str, **more: Any) -> str:
    answer = await client.chat.complete_async(
        model=model, **({"messages": [{"role": "user", "content": "?"}]} | more)
    )
    return answer.choices[0].message.content or ""  # type: ignore[union-attr,return-value]


async def test_its_words_are_translated(world: World) -> None:
    up, client = world
    picture = {"type": "image_url", "image_url": f"data:image/png;base64,{PIXEL}"}
    begun = {"role": "assistant", "content": "A cat.", "prefix": False}
    for model in ("lab/a", "mist/a"):
        said = await ask(
            client, model, random_seed=7, tools=[TOOL], tool_choice="any", presence_penalty=0.5,
            messages=[{"role": "user", "content": [picture]}, begun, {"role": "user", "content": "Sure?"}],
        )  # fmt: skip
        assert said == "Four."
    to_openai, to_mistral = (asked.body for asked in up.asked)
    assert (to_openai["seed"], to_openai["tool_choice"]) == (7, "required")
    assert (to_mistral["random_seed"], to_mistral["tool_choice"]) == (7, "any")
    for body in (to_openai, to_mistral):
        assert body["presence_penalty"] == 0.5
        assert body["messages"][0]["content"][0]["image_url"] == {"url": picture["image_url"]}
        assert "prefix" not in body["messages"][1]
    assert "random_seed" not in to_openai


async def test_what_only_mistral_knows(world: World) -> None:
    up, client = world
    assert await ask(client, "mist/a", safe_prompt=True) == "Four."
    assert up.asked[-1].body["safe_prompt"] is True
    with pytest.raises(SDKError, match="safe_prompt") as refused:
        await ask(client, "lab/a", safe_prompt=True)
    assert refused.value.status_code == 400
    assert len(up.asked) == 1
