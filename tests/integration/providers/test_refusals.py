"""What providers refuse and how they say it: limits, keys, prompts, models."""

import time
from email.utils import formatdate

import pytest
from tests.integration.providers.byteserver import (
    ByteServer,
    Request,
    Step,
    whole,
)
from tests.integration.providers.chat import (
    ask,
    both,
    completion,
    provider,
)

from quorum_mcp.errors import (
    ConfigError,
    ProviderAuth,
    ProviderError,
    ProviderRateLimited,
    ProviderUnavailable,
)
from quorum_mcp.providers.keys import Auth
from quorum_mcp.providers.transport import Transport

pytestmark = pytest.mark.anyio


@both
@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry-after": "30"}, {}, 30),
        ({"retry-after": "1.5"}, {}, 1.5),
        ({"Retry-After": "DATE"}, {}, 40),
        ({"retry-after-ms": "250", "retry-after": "1"}, {}, 0.25),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s"}, {}, 360),
        (
            {
                "x-ratelimit-reset-requests": "120ms",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-tokens": "6m0s",
            },
            {},
            0.12,
        ),
        ({"x-ratelimit-reset": "EPOCH_MS"}, {}, 40),
        (
            {"anthropic-ratelimit-requests-reset": "ISO", "anthropic-ratelimit-requests-remaining": "0"},
            {},
            40,
        ),
        ({}, {"message": "Please try again in 1.25s.", "code": "rate_limit_exceeded"}, 1.25),
        (
            {},
            {
                "message": "Quota",
                "status": "RESOURCE_EXHAUSTED",
                "details": [{"@type": "x/google.rpc.RetryInfo", "retryDelay": "34s"}],
            },
            34,
        ),
        ({}, {"message": "Slow down"}, None),
        ({"retry-after": "soon"}, {"message": "Slow down"}, None),
    ],
)
async def test_limits_say_when_to_come_back(
    mode: str,
    headers: dict[str, str],
    body: dict[str, object],
    seconds: float | None,
    server: ByteServer,
    transport: Transport,
) -> None:
    then = time.time() + 40
    moments = {
        "DATE": formatdate(then, usegmt=True),
        "EPOCH_MS": str(int(then * 1000)),
        "ISO": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(then)),
    }
    server.answer = lambda _: whole({"error": body}, 429, {k: moments.get(v, v) for k, v in headers.items()})
    with pytest.raises(ProviderRateLimited) as caught:
        await ask(provider(server, transport), mode)
    if seconds is None:
        assert caught.value.retry_after is None
    else:
        assert caught.value.retry_after == pytest.approx(seconds, abs=2 if seconds == 40 else 1e-6)


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (401, {"message": "Invalid"}, "provider_auth"),
        (403, {"message": "Not yours"}, "provider_auth"),
        (
            400,
            {"message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT"},
            "provider_auth",
        ),
        (402, {"message": "Insufficient credits"}, "provider_refused"),
        (
            429,
            {"message": "You exceeded your current quota", "code": "insufficient_quota"},
            "provider_refused",
        ),
        (400, {"message": "bad", "code": "context_length_exceeded"}, "provider_context_too_long"),
        (400, {"message": "prompt is too long: 210000 tokens > 200000 maximum"}, "provider_context_too_long"),
        (
            400,
            {"message": "The input token count (9) exceeds the maximum number of tokens allowed (8)."},
            "provider_context_too_long",
        ),
        (413, {"message": "request too large"}, "provider_context_too_long"),
        (400, {"message": "flagged", "code": "content_policy_violation"}, "provider_content_filtered"),
        (400, {"message": "x", "code": "data_inspection_failed"}, "provider_content_filtered"),
        (403, {"message": "Input was flagged", "metadata": {"reasons": ["x"]}}, "provider_content_filtered"),
        (
            404,
            {"message": "The model `m` does not exist", "code": "model_not_found"},
            "provider_model_missing",
        ),
        (
            400,
            {"message": "`temperature` is deprecated for this model.", "type": "invalid_request_error"},
            "provider_refused",
        ),
        (408, {"message": "Timeout"}, "provider_timeout"),
        (422, "Unprocessable", "provider_refused"),
        (500, {"message": "x"}, "provider_unavailable"),
        (529, {"message": "Overloaded", "type": "overloaded_error"}, "provider_unavailable"),
    ],
)
async def test_refusals_have_their_type(
    status: int, error: object, kind: str, server: ByteServer, transport: Transport
) -> None:
    server.answer = lambda _: whole({"error": error}, status)
    with pytest.raises(ProviderError) as caught:
        await ask(provider(server, transport), "stream")
    assert caught.value.code == kind


async def test_only_a_limit_waits_for_the_limits(server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: whole({"error": {"message": "x"}}, 500, {"x-ratelimit-reset-tokens": "6m0s"})
    with pytest.raises(ProviderUnavailable) as caught:
        await ask(provider(server, transport), "whole")
    assert caught.value.retry_after is None
    server.answer = lambda _: whole({"error": {"message": "x"}}, 503, {"retry-after": "7"})
    with pytest.raises(ProviderUnavailable) as caught:
        await ask(provider(server, transport), "whole")
    assert caught.value.retry_after == 7


async def test_an_error_page_is_quoted(server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: whole(
        b"<html>\n<h1>502 Bad Gateway</h1></html>", 502, {"content-type": "text/html"}
    )
    with pytest.raises(ProviderUnavailable, match="HTTP 502: <html> <h1>502 Bad Gateway"):
        await ask(provider(server, transport), "whole")


async def test_keys_rotate_on_limits(server: ByteServer, transport: Transport) -> None:
    def answer(request: Request) -> list[Step]:
        if request.headers["authorization"] == "Bearer first-key-1":
            return whole({"error": {"message": "Slow down"}}, 429, {"retry-after": "30"})
        return whole(completion("yes"))

    server.answer = answer
    endpoint = provider(server, transport, "first-key-1", "second-key-2")
    with pytest.raises(ProviderRateLimited) as caught:
        await ask(endpoint, "whole")
    assert caught.value.retry_after == 0  # the other key is free
    assert (await ask(endpoint, "whole")).text == "yes"
    assert (await ask(endpoint, "stream")).text == "yes"
    server.answer = lambda _: whole({"error": {"message": "Slow down"}}, 429, {"retry-after": "30"})
    with pytest.raises(ProviderRateLimited) as caught:
        await ask(endpoint, "whole")
    assert caught.value.retry_after == 30  # now both are limited


async def test_keys_are_never_shown(server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: whole({"error": {"message": "Bad key secret-key-1 (secret-key-1)"}}, 401)
    with pytest.raises(ProviderAuth) as caught:
        await ask(provider(server, transport, "secret-key-1"), "whole")
    assert "secret-key-1" not in str(caught.value) + str(caught.value.to_dict())


@pytest.mark.parametrize(
    ("how", "where"),
    [
        ("header api-key", lambda request: request.headers["api-key"]),
        ("query key", lambda request: request.path.partition("?key=")[2]),
        ("bearer", lambda request: request.headers["authorization"].removeprefix("Bearer ")),
        (
            "command printf key+/=1234",
            lambda request: request.headers["authorization"].removeprefix("Bearer "),
        ),
    ],
)
async def test_ways_of_sending_a_key(
    how: str, where: object, server: ByteServer, transport: Transport
) -> None:
    assert callable(where)
    server.answer = lambda _: whole(completion("yes"))
    await ask(provider(server, transport, "key+/=1234", how=how), "whole")
    assert where(server.requests[0]) in ("key+/=1234", "key%2B%2F%3D1234")


@pytest.mark.parametrize("how", ["basic", "header", "query ", "command", "bearer token"])
def test_other_ways_are_refused(how: str) -> None:
    with pytest.raises(ConfigError, match="unknown auth"):
        Auth(how)


async def test_a_command_that_fails_is_an_auth_error(server: ByteServer, transport: Transport) -> None:
    with pytest.raises(ProviderAuth, match="auth command"):
        await ask(provider(server, transport, how="command false"), "whole")
    with pytest.raises(ProviderAuth, match="cannot be run"):
        await ask(provider(server, transport, how="command /no/such/program"), "whole")
    assert not server.requests
