"""Ollama's own client: chat, generate, embed and the lists, streamed and not."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import ollama
import pytest
from tests.support.script import Say
from tests.support.server import scripted
from tests.support.upstream import Upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]  # the client builds its types when first used
QUESTION = [{"role": "user", "content": "What is 2 + 2?"}]
FOUR = "Two and two is four.\nCONCLUSION: 4"


@asynccontextmanager
async def asking(home: Path, **more: object) -> AsyncIterator[tuple[Upstream, ollama.AsyncClient]]:
    async with scripted(home, **more) as (up, q), ollama.AsyncClient(host=q.url, trust_env=False) as client:
        yield up, client


async def test_a_chat_whole_and_streamed(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, client):
        up.model("a", Say(FOUR, drip=0.001, piece=5))
        options = {"num_predict": 50, "temperature": 0.5, "num_ctx": 4096}
        whole = await client.chat("lab/a", QUESTION, options=options)
        assert (whole.message.content, whole.done_reason) == (FOUR, "stop")
        assert whole.eval_count == up.asked[0].output_tokens
        assert (up.asked[0].body["max_tokens"], up.asked[0].body["temperature"]) == (50, 0.5)
        pieces = [piece async for piece in await client.chat("lab/a", QUESTION, stream=True)]
        assert "".join(piece.message.content or "" for piece in pieces) == FOUR
        assert [piece.done for piece in pieces] == [False] * (len(pieces) - 1) + [True]
        assert len(pieces) > 2


async def test_tools_and_their_results(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, client):
        up.model("a", FOUR)
        look = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
        called = {"role": "assistant", "tool_calls": [{"function": {"name": "look", "arguments": {"at": 1}}}]}
        told = {"role": "tool", "content": "a cat", "tool_name": "look"}
        await client.chat("lab/a", [*QUESTION, called, told], tools=[look], format={"type": "object"})
        body = up.asked[0].body
        assert body["messages"][1]["tool_calls"][0]["id"] == body["messages"][2]["tool_call_id"]
        assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}


async def test_generate_embed_and_lists(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, client):
        up.model("a", FOUR)
        made = await client.generate("lab/a", "What is 2 + 2?", system="Be brief.")
        assert made.response == FOUR
        assert [m["role"] for m in up.asked[0].body["messages"]] == ["system", "user"]
        vectors = await client.embed("lab/e", ["one", "three"])
        assert vectors.embeddings == [[3.0, 0.5], [5.0, 0.5]]
        listed = {row.model for row in (await client.list()).models}
        assert "quorum/quick" in listed
        assert (await client.show("quorum/quick")).capabilities == ["completion"]
        assert (await client.ps()).models == []


async def test_errors_are_in_ollamas_words(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, client):
        up.model("a", FOUR)
        for call in (
            client.chat("lab/none", QUESTION),
            client.show("lab/none"),
            client.chat("lab/a", QUESTION, options={"microstat": 1}),
            client.chat("lab/a", []),
        ):
            with pytest.raises(ollama.ResponseError) as refused:
                await call
            assert refused.value.status_code in (404, 422)
            assert refused.value.error
        up.model("b", Say(FOUR, fail="cut"))
        async with aclosing(await client.chat("lab/b", QUESTION, stream=True)) as pieces:
            with pytest.raises(ollama.ResponseError):
                _ = [piece async for piece in pieces]
