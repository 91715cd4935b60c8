"""Requests to paths that are not there are told where they were probably meant to go."""

from collections.abc import AsyncGenerator

import pytest
from openai import AsyncOpenAI, NotFoundError
from tests.support.rest import Rest
from tests.support.server import serving

pytestmark = pytest.mark.anyio
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def q(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Rest, None]:
    async with serving(tmp_path_factory.mktemp("home"), "providers: {}") as rest:
        yield rest


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/chat/completions", f"{CHAT} is: check the base URL"),
        ("/v1/v1/chat/completions", f"{CHAT} is: check the base URL"),
        ("/openai/deployments/m/chat/completions", f"{CHAT} is: check the base URL"),
        ("/v1/v1/messages", "/v1/messages is: check the base URL"),
        ("/messages", "/v1/messages is: check the base URL"),
        ("/v1/messages/count_token", "did you mean /v1/messages/count_tokens?"),
        ("/api/embeddings", "did you mean /api/embed?"),
        ("/v1/fine_tuning/jobs", "/api/openapi.json lists"),
        ("/nowhere", "/api/openapi.json lists"),
        ("//", "/api/openapi.json lists"),
    ],
)
async def test_a_lost_request_is_told_where_to_go(q: Rest, path: str, says: str) -> None:
    answer = await q.post(path, {"model": "m"})
    assert answer.status == 404
    assert says in str(answer.body["error"])


async def test_only_what_takes_the_method_is_named(q: Rest) -> None:
    assert "/v1/models is: check" in str((await q.get("/models"))["error"])
    assert "lists what there is" in str((await q.get("/chat/completions"))["error"])


async def test_a_client_with_half_a_base_url_says_it(q: Rest) -> None:
    async with AsyncOpenAI(base_url=q.url, api_key="none", max_retries=0) as client:
        with pytest.raises(NotFoundError, match=f"{CHAT} is: check the base URL"):
            await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
