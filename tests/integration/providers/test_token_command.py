"""Tokens that a command prints: when it runs, what it may print, and that nobody else sees it."""

import asyncio
import base64
import json
import time
from pathlib import Path

import pytest
from tests.integration.providers.byteserver import ByteServer, whole
from tests.integration.providers.chat import ask, both, completion, provider

from quorum_mcp.errors import ProviderAuth
from quorum_mcp.providers.base import Timeouts
from quorum_mcp.providers.keys import Auth
from quorum_mcp.providers.token import EARLY_SECONDS, USUAL_SECONDS, parse
from quorum_mcp.providers.transport import Transport

pytestmark = pytest.mark.anyio


def printer(folder: Path, text: str = "token-$n") -> str:
    """A command that prints a text with the number of times that it has run."""
    script = folder / "print token.sh"
    script.write_text(f'#!/bin/sh\necho x >> "{folder}/runs"\nn=$(wc -l < "{folder}/runs")\necho "{text}"\n')
    script.chmod(0o755)
    return f"command '{script}'"


@both
async def test_a_token_is_kept_until_it_is_refused_and_then_replaced_at_once(
    mode: str, tmp_path: Path, server: ByteServer, transport: Transport
) -> None:
    good = ["token-1"]

    def answer(request: object) -> object:
        sent = request.headers["authorization"].removeprefix("Bearer ")  # type: ignore[attr-defined]
        return whole(completion("yes")) if sent in good else whole({"error": {"message": f"bad {sent}"}}, 401)

    server.answer = answer  # type: ignore[assignment]
    endpoint = provider(server, transport, how=printer(tmp_path))
    for _ in range(3):
        await ask(endpoint, mode)
    assert [request.headers["authorization"][-1] for request in server.requests] == ["1", "1", "1"]
    good[0] = "token-2"
    assert (await ask(endpoint, mode)).text == "yes"
    assert len(server.requests) == 5, "one refusal, and once more with a new token"
    good[0] = "none"
    with pytest.raises(ProviderAuth) as caught:
        await ask(endpoint, mode)
    assert len(server.requests) == 7, "a new token that is refused is not tried again"
    assert "token-" not in str(caught.value) + str(caught.value.to_dict())


async def test_calls_at_once_run_it_once(tmp_path: Path) -> None:
    auth = Auth(printer(tmp_path))
    keys = await asyncio.gather(*(auth.key(5) for _ in range(5)))
    assert {key.value for key in keys if key} == {"token-1"}


async def test_it_runs_again_when_the_token_is_about_to_expire(tmp_path: Path) -> None:
    auth = Auth(printer(tmp_path, '{\\"access_token\\": \\"token-$n\\", \\"expires_in\\": 61}'))
    assert [(await auth.key(5)) is not None for _ in range(2)] == [True, True]
    assert (tmp_path / "runs").read_text().count("x") == 1
    await asyncio.sleep(1.05)
    key = await auth.key(5)
    assert key is not None and key.value == "token-2"


def test_what_a_command_may_print() -> None:
    now = time.time()
    claims = base64.urlsafe_b64encode(json.dumps({"exp": int(now + 900)}).encode()).rstrip(b"=").decode()
    for printed, token, seconds in (
        ("abc\n", "abc", USUAL_SECONDS),
        (f"h.{claims}.s", f"h.{claims}.s", 900 - EARLY_SECONDS),
        (f'{{"accessToken": "a", "expires_on": {now + 600:.0f}}}', "a", 600 - EARLY_SECONDS),
        ('{"access_token": "a", "expires_in": "600"}', "a", 600 - EARLY_SECONDS),
        ('{"token": "a", "expiry": "2999-01-01T00:00:00Z"}', "a", None),
        ('{"status": {"token": "a", "expirationTimestamp": "2999-01-01T00:00:00Z"}}', "a", None),
        ('{"accessToken": "a", "expiresOn": "2999-01-01 00:00:00"}', "a", USUAL_SECONDS),
    ):
        found = parse(printed)
        assert found.value == token
        assert seconds is None or abs(found.until - now - seconds) < 2
    for printed in ("", "Please log in:\nhttps://x", "{}", "{broken", '{"token": 1}', "two words"):
        with pytest.raises(ProviderAuth) as caught:
            parse(printed)
        assert "log in" not in str(caught.value)


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().split()[2] != "Z"


async def test_a_command_that_does_not_end_is_ended_with_all_it_started(tmp_path: Path) -> None:
    script = tmp_path / "slow.sh"
    script.write_text(f"sleep 30 & echo $! > {tmp_path}/child; wait\n")
    began = time.monotonic()
    with pytest.raises(ProviderAuth, match="no token within 0.3 s"):
        await Auth(f"command sh {script}").key(0.3)
    assert time.monotonic() - began < 3
    child = int((tmp_path / "child").read_text())
    assert not alive(child)


@pytest.mark.parametrize(
    "script", ["echo canary-1 >&2; exit 3", "echo canary-1; exit 3", "yes canary-1 | head -c 200000"]
)
async def test_what_it_says_is_not_repeated(
    script: str, tmp_path: Path, server: ByteServer, transport: Transport, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "s").write_text(script)
    with pytest.raises(ProviderAuth) as caught:
        await ask(
            provider(server, transport, how=f"command sh {tmp_path}/s"), "whole", Timeouts(first_byte=3)
        )
    assert "canary" not in str(caught.value) + str(caught.value.to_dict()) + "".join(capfd.readouterr())
    assert not server.requests
