"""Keys of one provider: how they are sent, and which one is next when a limit is reached."""

import asyncio
import shlex
import time
from collections.abc import Sequence
from urllib.parse import quote

from msgspec import Struct

from quorum_mcp.errors import ConfigError, ProviderAuth, ProviderError, ProviderRateLimited, ProviderRefused

COMMAND_SECONDS = 300.0
"""How long a token that a command printed is used before the command runs again."""


class Key(Struct, frozen=True):
    """One key; `number` is its place among the provider's keys."""

    value: str
    number: int


class Auth:
    """The keys of a provider and the way they travel.

    Args:
        how: `bearer`, `header NAME`, `query NAME`, or `command PROGRAM ARGUMENTS…`, which prints a token
            that is then sent as a bearer.
        keys: none where the endpoint wants none.

    Raises:
        ConfigError: `how` is none of these.
    """

    def __init__(self, how: str, keys: Sequence[str] = ()) -> None:
        self._way, _, self._name = how.strip().partition(" ")
        self._name = self._name.strip()
        if self._way not in ("bearer", "header", "query", "command") or bool(self._name) == (
            self._way == "bearer"
        ):
            raise ConfigError(
                f"unknown auth {how!r}",
                hint="auth is bearer, `header NAME`, `query NAME` or `command PROGRAM …`",
            )
        self._keys = list(keys)
        self._next = 0
        self._limited_until = [0.0] * len(self._keys)
        self._token: Key | None = None
        self._token_until = 0.0
        self._lock = asyncio.Lock()

    async def key(self) -> Key | None:
        """The key to use now."""
        if self._way == "command":
            return await self._command_token()
        return Key(self._keys[self._next], self._next) if self._keys else None

    def sign(self, url: str, headers: dict[str, str], key: Key) -> str:
        """Put `key` into the headers, or into the URL, which is returned."""
        if self._way == "query":
            return f"{url}{'&' if '?' in url else '?'}{quote(self._name)}={quote(key.value, safe='')}"
        if self._way == "header":
            headers[self._name.lower()] = key.value
        else:
            headers["authorization"] = f"Bearer {key.value}"
        return url

    def failed(self, key: Key | None, error: ProviderError) -> None:
        """Learn from a refusal: a limited key gives way to the next, a refused token is not used again.

        Where another key is free, the error says that there is nothing to wait for.
        """
        if key is None:
            return
        if isinstance(error, ProviderAuth):
            self._token = None
        spent = isinstance(error, ProviderRefused) and error.details.get("status") in (402, 429)
        if not (isinstance(error, ProviderRateLimited) or spent) or len(self._keys) < 2:
            return
        now = time.monotonic()
        self._limited_until[key.number] = now + (3600.0 if spent else error.retry_after or 60.0)
        if key.number == self._next:
            self._next = (self._next + 1) % len(self._keys)
        if isinstance(error, ProviderRateLimited) and self._limited_until[self._next] <= now:
            error.retry_after = 0.0

    def mask(self, text: str) -> str:
        """`text` without any of the keys: providers are known to quote them in errors."""
        tokens = [self._token.value] if self._token else []
        for value in [*self._keys, *tokens]:
            if len(value) >= 8:
                text = text.replace(value, "***")
        return text

    async def _command_token(self) -> Key:
        async with self._lock:
            if self._token is None or time.monotonic() >= self._token_until:
                self._token = Key(await _run(self._name), 0)
                self._token_until = time.monotonic() + COMMAND_SECONDS
            return self._token


async def _run(command: str) -> str:
    """What the command prints, in at most 30 s."""
    try:
        process = await asyncio.create_subprocess_exec(
            *shlex.split(command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except (OSError, ValueError) as error:
        raise ProviderAuth(f"the auth command cannot be run: {error}") from error
    try:
        async with asyncio.timeout(30):
            out, err = await process.communicate()
    except TimeoutError as error:
        raise ProviderAuth("the auth command printed no token within 30 s") from error
    finally:
        if process.returncode is None:
            process.kill()
    token = out.decode("utf-8", "replace").strip()
    if process.returncode or not token:
        said = " ".join(err.decode("utf-8", "replace").split())[:200]
        raise ProviderAuth(f"the auth command failed with status {process.returncode}: {said}")
    return token
