"""Google's own client against `/v1beta` and `/v1`: whole, streamed, functions, schemas, embeddings, errors."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from google import genai
from google.genai import errors, types
from tests.support.script import Say
from tests.support.server import scripted
from tests.support.upstream import Upstream

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timeout(20),  # the client builds its types when first used
    pytest.mark.filterwarnings(
        "ignore:Inheritance class AiohttpClientSession:DeprecationWarning"
    ),  # the client's own
]
FOUR = "Two and two is four.\nCONCLUSION: 4"


@asynccontextmanager
async def asking(home: Path, **more: object) -> AsyncIterator[tuple[Upstream, genai.Client]]:
    async with scripted(home, **more) as (up, q):
        client = genai.Client(api_key="unused", http_options=types.HttpOptions(base_url=q.url))
        yield up, client
        await client.aio.aclose()
        client.close()


async def test_an_answer_whole_and_streamed(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, client):
        up.model("a", Say(FOUR, drip=0.001, piece=5))
        config = types.GenerateContentConfig(
            system_instruction="Be brief.", max_output_tokens=50, temperature=0.5, stop_sequences=["END"]
        )
        whole = await client.aio.models.generate_content(
            model="lab/a", contents="What is 2 + 2?", config=config
        )
        assert whole.text == FOUR
        assert whole.usage_metadata is not None
        assert whole.usage_metadata.candidates_token_count == up.asked[0].output_tokens
        body = up.asked[0].body
        assert [m["role"] for m in body["messages"]] == ["system", "user"]
        assert (body["max_tokens"], body["stop"]) == (50, ["END"])
        stream = await client.aio.models.generate_content_stream(model="lab/a", contents="What is 2 + 2?")
        pieces = [piece async for piece in stream]
        assert "".join(piece.text or "" for piece in pieces) == FOUR
        assert len(pieces) > 2


async def test_functions_and_schemas(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, client):
        up.model("a", FOUR)
        look = types.FunctionDeclaration(
            name="look", description="Looks.",
            parameters=types.Schema(type=types.Type.OBJECT, properties={"at": types.Schema(type=types.Type.INTEGER)}),
        )  # fmt: skip
        await client.aio.models.generate_content(
            model="lab/a",
            contents=[
                types.Content(role="user", parts=[types.Part(text="What is this?")]),
                types.Content(
                    role="model", parts=[types.Part.from_function_call(name="look", args={"at": 1})]
                ),
                types.Content(
                    role="user",
                    parts=[types.Part.from_function_response(name="look", response={"output": "a cat"})],
                ),
            ],
            config=types.GenerateContentConfig(
                tools=[types.Tool(function_declarations=[look])],
                tool_config=types.ToolConfig(
                    function_calling_config=types.FunctionCallingConfig(
                        mode="ANY", allowed_function_names=["look"]
                    )
                ),
                automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            ),
        )
        body = up.asked[0].body
        assert body["tools"][0]["function"]["parameters"]["properties"] == {"at": {"type": "integer"}}
        assert body["tool_choice"]["function"]["name"] == "look"
        assert body["messages"][1]["tool_calls"][0]["id"] == body["messages"][2]["tool_call_id"]
        assert body["messages"][2]["content"] == "a cat"


async def test_embeddings(tmp_path: Path) -> None:
    async with asking(tmp_path) as (_, client):
        made = await client.aio.models.embed_content(model="lab/e", contents=["one", "three"])
        assert [row.values for row in made.embeddings or ()] == [[3.0, 0.5], [5.0, 0.5]]


async def test_errors_are_in_googles_words(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, client):
        up.model("a", FOUR)
        with pytest.raises(errors.ClientError, match="none") as refused:
            await client.aio.models.generate_content(model="lab/none", contents="What is 2 + 2?")
        assert (refused.value.code, refused.value.status) == (404, "NOT_FOUND")
        with pytest.raises(errors.ClientError, match="top_k") as refused:
            await client.aio.models.generate_content(
                model="lab/a", contents="?", config=types.GenerateContentConfig(top_k=3)
            )
        assert refused.value.status == "INVALID_ARGUMENT"


async def test_sound_and_images_whatever_their_alphabet(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, client):
        up.model("a", FOUR)
        data = bytes(range(256))  # in base64 for URLs some of it is written otherwise
        parts = [
            types.Part(text="What is this?"),
            types.Part(inline_data=types.Blob(mime_type="image/png", data=data)),
            types.Part(inline_data=types.Blob(mime_type="audio/wav", data=data)),
        ]
        await client.aio.models.generate_content(
            model="lab/a", contents=types.Content(role="user", parts=parts)
        )
        usual = base64.b64encode(data).decode()
        content = up.asked[0].body["messages"][0]["content"]
        assert content[1]["image_url"]["url"] == f"data:image/png;base64,{usual}"
        assert content[2]["input_audio"] == {"data": usual, "format": "wav"}
        video = types.Part(inline_data=types.Blob(mime_type="video/mp4", data=data))
        with pytest.raises(errors.ClientError, match="video/mp4"):
            await client.aio.models.generate_content(
                model="lab/a", contents=types.Content(role="user", parts=[video])
            )


async def test_tokens_are_counted(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, client):
        counts = [
            (await client.aio.models.count_tokens(model="lab/a", contents=text)).total_tokens or 0
            for text in ("What is 2 + 2?", "What is 2 + 2? Say it in as many words as you can.")
        ]
        assert 5 < counts[0] < counts[1] < 30
        assert not up.asked


async def test_embeddings_of_a_length(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, client):
        config = types.EmbedContentConfig(output_dimensionality=8)
        await client.aio.models.embed_content(model="lab/e", contents=["one"], config=config)
        assert up.tasks[-1].json["dimensions"] == 8
