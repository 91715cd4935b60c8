"""A token that a command of the operator's prints: for endpoints whose keys live an hour, such as clouds' proxies.

The command runs without a shell. Its output is the token, or a JSON object that holds it, and is never logged.
"""

import asyncio
import base64
import binascii
import os
import shlex
import signal
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from quorum_mcp.codec import JSONError, decode
from quorum_mcp.errors import ProviderAuth

SECONDS = 30.0
"""How long the command may take."""
USUAL_SECONDS = 300.0
"""How long a token is used that does not tell when it expires."""
EARLY_SECONDS = 60.0
"""How long before its end a token is replaced: a call may be under way for a while."""
MOST_BYTES = 64 * 1024
_TOKENS = ("access_token", "accessToken", "token", "id_token")
_LIVES = ("expires_in", "expiresIn")
_ENDS = ("expires_on", "expiry", "expiration", "expirationTimestamp", "expires_at", "expireTime")


class Token(Struct, frozen=True):
    """A token, and the end of its use in seconds since 1970."""

    value: str
    until: float

    @property
    def fresh(self) -> bool:
        """Whether it may still be used."""
        return time.time() < self.until


class TokenCommand:
    """Runs the command when there is no token, or it is about to expire, or it was refused; for all calls once."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._lock = asyncio.Lock()
        self._token: Token | None = None
        self.printed: deque[str] = deque(maxlen=8)
        """The last tokens, to be masked wherever they turn up; old ones are worth nothing any more."""

    async def get(self, seconds: float = SECONDS) -> tuple[str, bool]:
        """The token to use now, and whether it is kept from before; within so many seconds, at most `SECONDS`.

        Raises:
            ProviderAuth: the command printed none.
        """
        if self._token is not None and self._token.fresh:
            return self._token.value, True
        limit = min(seconds, SECONDS)
        try:
            async with asyncio.timeout(limit), self._lock:
                if self._token is None or not self._token.fresh:
                    self._token = parse(await _run(self._command))
                    self.printed.append(self._token.value)
                    return self._token.value, False
                return self._token.value, True
        except TimeoutError:
            raise ProviderAuth(f"the auth command printed no token within {limit:.3g} s") from None

    def refused(self, value: str) -> None:
        """The provider takes this token no more; one that has replaced it meanwhile stays."""
        if self._token is not None and self._token.value == value:
            self._token = None


def parse(printed: str) -> Token:
    """The token in what a command printed: JSON as the clouds' own tools print it, or the bare token.

    Raises:
        ProviderAuth: there is none.
    """
    text, now = printed.strip(), time.time()
    end: float | None = None
    if text.startswith("{"):
        text, end = _of_json(text, now)
    if not text or any(character.isspace() for character in text):
        raise ProviderAuth("the auth command printed no token", hint="it prints the token and nothing else")
    end = end or _of_jwt(text)
    return Token(text, now + USUAL_SECONDS if end is None else end - EARLY_SECONDS)


def _of_json(text: str, now: float) -> tuple[str, float | None]:
    try:
        value: Any = decode(text.encode())
    except JSONError:
        return "", None
    if isinstance(value.get("status"), dict):  # an ExecCredential of Kubernetes
        value = value["status"]
    token = next((value[name] for name in _TOKENS if isinstance(value.get(name), str)), "")
    for name in _LIVES:
        if (seconds := _number(value.get(name))) is not None:
            return token, now + seconds
    ends = (_moment(value.get(name)) for name in _ENDS)
    return token, next((end for end in ends if end is not None), None)


def _of_jwt(token: str) -> float | None:
    """The end that the token itself tells, where it is a JSON web token. Its signature is the provider's business."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims: Any = decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, JSONError, ValueError):
        return None
    return _number(claims.get("exp")) if isinstance(claims, dict) else None


def _moment(value: object) -> float | None:
    """Seconds since 1970 out of a number or an ISO 8601 time with its zone (one without says nothing)."""
    if (number := _number(value)) is not None:
        return number
    with suppress(ValueError):
        moment = datetime.fromisoformat(str(value))
        return moment.astimezone(UTC).timestamp() if moment.tzinfo is not None else None
    return None


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    return float(value) if isinstance(value, str) and value.isdigit() else None


async def _run(command: str) -> str:
    """What the command prints. What it says on standard error goes nowhere: it may quote what it was given."""
    try:
        process = await asyncio.create_subprocess_exec(
            *shlex.split(command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # so that what it starts itself can be ended with it
        )
    except OSError as error:
        raise ProviderAuth(f"the auth command cannot be run: {error.strerror or 'no such program'}") from None
    except ValueError:
        raise ProviderAuth("the auth command cannot be run: its quotation marks do not match") from None
    assert process.stdout is not None
    try:
        out = await _read(process.stdout)
        status = await process.wait()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if status:
        raise ProviderAuth(f"the auth command failed with status {status}", hint="run it by hand to see why")
    return out.decode("utf-8", "replace")


async def _read(stream: asyncio.StreamReader) -> bytes:
    data = b""
    while chunk := await stream.read(MOST_BYTES):
        data += chunk
        if len(data) > MOST_BYTES:
            raise ProviderAuth("the auth command printed no token but a lot else")
    return data
