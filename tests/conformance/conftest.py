"""One server for the judges of the model APIs."""

from collections.abc import AsyncIterator

import pytest
from tests.conformance.published import open_responses, openai
from tests.conformance.replay import providers, replaying
from tests.support.rest import Rest
from tests.support.server import config, serving
from tests.support.upstream import Upstream, upstream


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def judged_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Rest, Upstream]]:
    """A server that has every recorded answer as a model, and a scripted upstream for the rest."""
    openai(), open_responses()
    async with replaying() as recorded, upstream() as up:
        given = config(up.url, retry={"attempts": 1}, panels={"two": ["lab/a", "lab/b"]})
        given["providers"] |= providers(recorded)
        async with serving(tmp_path_factory.mktemp("document"), given) as rest:
            for name in ("a", "b"):
                up.model(name, "Two and two is four.\nCONCLUSION: 4")
            yield rest, up


@pytest.fixture
def q(judged_server: tuple[Rest, Upstream]) -> Rest:
    return judged_server[0]


@pytest.fixture
def up(judged_server: tuple[Rest, Upstream]) -> Upstream:
    return judged_server[1]
