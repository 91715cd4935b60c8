"""Panels as models, through every vendor's own client: the answer, progress as reasoning, agreement, dissent, cost."""

import json
from collections.abc import AsyncIterator
from typing import Any

import ollama
import pytest
from openai import AsyncOpenAI
from tests.conformance.clients import CLIENTS, QUESTION, Asking, failed
from tests.support.rest import Rest
from tests.support.server import config, serving
from tests.support.upstream import upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]  # the clients build their types when first used
FOUR, FIVE = "Two and two is four.\nCONCLUSION: 4", "It is five.\nCONCLUSION: 5"
NAMES = ["quorum/quick", "quorum/full", "quorum/devils-advocate", "quorum/panel:odd"]


@pytest.fixture(scope="module")
async def q(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rest]:
    """Two models that agree and one that does not."""
    async with upstream() as up:
        for name, says in (("a", FOUR), ("b", FOUR), ("c", FIVE)):
            up.model(name, says, critique=says, attack="None.", defence=says)
        panels = {"default": ["lab/a", "lab/b"], "odd": ["lab/c", "lab/a", "lab/b"]}
        async with serving(tmp_path_factory.mktemp("virtual"), config(up.url, panels=panels)) as rest:
            yield rest


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", NAMES)
async def test_a_whole_answer(q: Rest, client: str, name: str) -> None:
    told = await CLIENTS[client](q.url, Asking(name))
    assert told.text.startswith("Two and two is four")
    if told.quorum:
        await judged(q, name, told.quorum)
    else:
        assert client in ("gemini", "ollama")
    if client == "ollama":
        return  # it shows no headers
    headers = {key.lower(): value for key, value in told.headers.items()}
    assert headers["x-quorum-model"] == name
    session = await q.session_of(headers["x-quorum-session"])
    assert float(headers["x-quorum-cost"]) == pytest.approx(session["total_cost"])
    assert headers["x-quorum-agreement"] == ("disagree" if dissenting(name) else "agree")
    assert 0 < float(headers["x-quorum-confidence"]) <= 1
    assert headers["x-quorum-dissent"] == str(len(dissenting(name)))


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", NAMES)
async def test_a_stream_shows_progress_as_reasoning(q: Rest, client: str, name: str) -> None:
    told = await CLIENTS[client](q.url, Asking(name, stream=True))
    assert told.text.startswith("Two and two is four")
    assert "asking lab/" in told.reasoning
    assert "answered in" in told.reasoning
    if told.quorum:
        await judged(q, name, told.quorum)
    else:
        assert client in ("gemini", "ollama")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1beta/models/{name}:generateContent", {"contents": [{"parts": [{"text": "2 + 2?"}]}]}),
        ("/v1beta/models/{name}:streamGenerateContent", {"contents": [{"parts": [{"text": "2 + 2?"}]}]}),
        ("/api/chat", {"messages": QUESTION, "stream": False}),
        ("/api/chat", {"messages": QUESTION}),
        ("/api/generate", {"prompt": "2 + 2?"}),
    ],
)
@pytest.mark.parametrize("name", NAMES)
async def test_the_field_stands_also_where_the_client_drops_it(
    q: Rest, name: str, path: str, body: dict[str, Any]
) -> None:
    model = {} if "{name}" in path else {"model": name}
    answer = await q.post(path.format(name=name), body | model)
    assert answer.status == 200, answer.body
    last = answer.body
    if isinstance(last, str):
        last = json.loads(last.strip().splitlines()[-1].removeprefix("data: "))
    await judged(q, name, last["quorum"])


def dissenting(name: str) -> list[str]:
    return ["lab/c"] if name == "quorum/panel:odd" else []


async def judged(q: Rest, name: str, said: dict[str, Any]) -> None:
    """What the field says is what the session holds."""
    session = await q.session_of(said["session_id"])
    assert said["cost"] == pytest.approx(session["total_cost"])
    assert said["cost"] > 0
    assert (said["conclusion"], said["calls"]) == ("4", session["calls"])
    assert said["agreement"] == ("disagree" if dissenting(name) else "agree")
    assert [one["member"] for one in said["dissent"]] == dissenting(name)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", ["quorum/auto", "quorum/panel:none"])
async def test_what_there_is_not_is_refused_with_the_nearest(q: Rest, client: str, name: str) -> None:
    seen = await failed(client, q.url, Asking(name))
    assert (seen.status, "quorum/" in seen.message) == (404, True)


async def test_the_lists_name_them_all_but_the_router(q: Rest) -> None:
    async with AsyncOpenAI(base_url=f"{q.url}/v1", api_key="none") as client:
        listed = {model.id async for model in client.models.list()}
    async with ollama.AsyncClient(host=q.url, trust_env=False) as client:
        tags = {model.model for model in (await client.list()).models}
    for names in (listed, tags):
        assert set(NAMES) <= names
        assert "quorum/auto" not in names
