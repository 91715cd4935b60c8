"""Every kind of failure, through the vendors' own clients: each raises its own class, with the status of our table."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import anthropic
import ollama
import openai
import pytest
from google.genai import errors
from tests.conformance.clients import CLIENTS, Asking, failed
from tests.support.keys import BOOTSTRAP, make_key
from tests.support.rest import Rest
from tests.support.script import Say
from tests.support.server import config, free_port, serving
from tests.support.upstream import upstream

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timeout(20),  # the clients build their types when first used
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),
]


@dataclass(frozen=True)
class Case:
    """One failure: what is asked, and what must come of it."""

    name: str
    asked: Asking
    status: int
    openai: type[Exception]
    code: str
    """OpenAI's word, which its clients look for."""
    anthropic: type[Exception]
    kind: str
    """Anthropic's word."""
    google: str
    """Google's word."""
    says: str


def case(name: str, asked: Asking, status: int, code: str, kind: str, google: str, says: str) -> Case:
    openai_class = OPENAI.get(status, openai.InternalServerError if status >= 500 else openai.APIStatusError)
    return Case(name, asked, status, openai_class, code, ANTHROPIC.get(status, anthropic.InternalServerError), kind, google, says)  # fmt: skip


OPENAI: dict[int, type[Exception]] = {
    400: openai.BadRequestError, 401: openai.AuthenticationError, 404: openai.NotFoundError,
    422: openai.UnprocessableEntityError, 429: openai.RateLimitError,
}  # fmt: skip
ANTHROPIC: dict[int, type[Exception]] = {
    400: anthropic.BadRequestError, 401: anthropic.AuthenticationError, 402: anthropic.APIStatusError,
    404: anthropic.NotFoundError, 413: anthropic.APIStatusError, 422: anthropic.UnprocessableEntityError,
    429: anthropic.RateLimitError, 504: anthropic.APIStatusError,
}  # fmt: skip
TIGHT = {"x-quorum-max-cost": "0.0000001"}
UNPRICED = b'{"model": "lab/ok", "messages": [{"role": "user", "content": "?"}], "nonsense": 1}'
"""Chat completions pass to a provider of the same wire as they are, but for fields whose price is not known."""
CASES = [
    case("bad json", Asking(body=b'{"'), 400, "invalid_input", "invalid_request_error", "INVALID_ARGUMENT", "not JSON"),
    case("wrong type", Asking(body=b'{"model": 5}'), 422, "invalid_input", "invalid_request_error", "INVALID_ARGUMENT", "model|int|contents"),
    case("unknown field", Asking(body=b'{"nonsense": 1}'), 422, "invalid_input", "invalid_request_error", "INVALID_ARGUMENT", "nonsense"),
    case("unknown model", Asking("lab/none"), 404, "model_not_found", "not_found_error", "NOT_FOUND", "none"),
    case("no key", Asking(key=None), 401, "invalid_api_key", "authentication_error", "UNAUTHENTICATED", "key"),
    case("wrong key", Asking(key="wrong"), 401, "invalid_api_key", "authentication_error", "UNAUTHENTICATED", "key"),
    case("budget", Asking(headers=TIGHT), 402, "insufficient_quota", "billing_error", "RESOURCE_EXHAUSTED", "max_cost"),
    case("rate", Asking(key="limited", headers={"x-quorum-timeout": "1"}), 429, "rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED", "limit"),
    case("down", Asking("gone/x"), 502, "provider_unavailable", "api_error", "INTERNAL", "provider"),
    case("time-out", Asking("lab/slow", headers={"x-quorum-timeout": "0.2"}), 504, "", "timeout_error", "DEADLINE_EXCEEDED", ""),
    case("context", Asking("lab/long"), 413, "context_length_exceeded", "request_too_large", "INVALID_ARGUMENT", "context"),
    case("filter", Asking("lab/filtered"), 502, "content_filter", "api_error", "INTERNAL", "filter|withheld"),
    case("refused key", Asking("lab/refused"), 502, "provider_auth", "api_error", "INTERNAL", "key"),
]  # fmt: skip


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Rest, dict[str, str]]]:
    """A server that wants keys, and a key for each client that has nothing left of its rate."""
    async with upstream() as up:
        up.model("ok", "Four.")
        up.model("slow", Say(fail="hang"))
        up.model("long", Say(fail="context"))
        up.model("filtered", Say(fail="filter"))
        up.model("refused", Say(fail="auth"))
        for arguments in ("{broken", "[1]"):
            up.model(f"tool {arguments}", Say(tools=(("look", arguments),)))
        given = config(up.url, retry={"attempts": 1})
        gone = f"http://127.0.0.1:{free_port()}/v1"
        given["providers"]["gone"] = {"wire": "openai", "base_url": gone, "models": ["x"], "price": given["providers"]["lab"]["price"]}  # fmt: skip
        async with serving(tmp_path_factory.mktemp("errors"), given, QUORUM_BOOTSTRAP_KEY=BOOTSTRAP) as q:
            q.headers["authorization"] = f"Bearer {BOOTSTRAP}"
            limited = {}
            for n, name in enumerate(CLIENTS):
                limited[name] = (await make_key(q, f"limited {n}", scopes=["ask"], requests_per_minute=1))[
                    "key"
                ]
                asked = {"model": "lab/ok", "messages": [{"role": "user", "content": "?"}]}
                used = await q.post(
                    "/v1/chat/completions", asked, headers={"authorization": f"Bearer {limited[name]}"}
                )
                assert used.status == 200, used.body
            yield q, limited


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("case", CASES, ids=lambda one: one.name)
async def test_a_failure_in_the_callers_dialect(
    world: tuple[Rest, dict[str, str]], client: str, case: Case, stream: bool
) -> None:
    q, limited = world
    if (case.name, client, stream) == ("filter", "openai chat", True):
        return  # the provider's own chunk says it: finish_reason is content_filter
    asked = case.asked
    if (case.name, client) == ("unknown field", "openai chat"):
        asked = replace(asked, body=UNPRICED)
        case = replace(case, status=400, openai=openai.BadRequestError, code="unsupported")
    elif (case.name, client) == ("unknown field", "anthropic"):
        asked = replace(asked, body=UNPRICED.replace(b"{", b'{"max_tokens": 9, ', 1))
    key = {"limited": limited[client], "unused": BOOTSTRAP}.get(case.asked.key or "", case.asked.key)
    seen = await failed(client, q.url, replace(asked, key=key, stream=stream))
    assert seen.status == case.status, seen
    assert any(word in seen.message for word in case.says.split("|")), seen
    said: Any = seen.body
    match client:
        case "anthropic":
            assert issubclass(seen.kind, case.anthropic), seen
            assert (said["type"], said["error"]["type"]) == ("error", case.kind)
            assert said["request_id"].startswith("req_")
        case "gemini":
            assert seen.kind is (errors.ServerError if case.status >= 500 else errors.ClientError)
            assert said["error"]["status"] == case.google
        case "ollama":
            assert seen.kind is ollama.ResponseError
        case _:
            assert seen.kind is case.openai
            assert said["code"] == case.code or not case.code, seen
            assert said["reason"]


async def test_clients_ask_again_only_where_it_may_help(world: tuple[Rest, dict[str, str]]) -> None:
    q, limited = world
    asked = {"messages": [{"role": "user", "content": "?"}]}
    wanted = {"lab/filtered": "false", "lab/refused": "false", "gone/x": "true"}
    for model, again in wanted.items():
        answer = await q.post("/v1/chat/completions", asked | {"model": model})
        assert answer.headers["x-should-retry"] == again, answer.body
    spent = {"authorization": f"Bearer {limited['anthropic']}"}
    answer = await q.post(
        "/v1/chat/completions", asked | {"model": "lab/ok"}, headers=spent | {"x-quorum-timeout": "1"}
    )
    assert (answer.status, answer.headers["x-should-retry"]) == (429, "true")
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("arguments", ["{broken", "[1]"])
@pytest.mark.parametrize("client", ["anthropic", "gemini", "ollama"])
async def test_arguments_that_are_no_object_are_the_providers_fault(
    world: tuple[Rest, dict[str, str]], client: str, arguments: str
) -> None:
    q, _ = world
    seen = await failed(client, q.url, Asking("lab/tool " + arguments, key=BOOTSTRAP))
    assert (seen.status, "arguments" in seen.message) == (502, True), seen
