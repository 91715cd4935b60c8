"""Keys of one provider: how they are sent, and which one is next when a limit is reached."""

import time
from collections.abc import Sequence
from urllib.parse import quote

from msgspec import Struct

from quorum_mcp.config.secrets import MASK
from quorum_mcp.errors import ConfigError, ProviderAuth, ProviderError, ProviderRateLimited, ProviderRefused
from quorum_mcp.providers.token import TokenCommand

SHORTEST = 6
"""A shorter value is not masked: it would hide ordinary words."""


class Key(Struct, frozen=True):
    """One key; `number` is its place among the provider's keys, `kept`: a token that was printed for an earlier call."""

    value: str
    number: int = 0
    kept: bool = False


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
                f"unknown auth {self._way!r}",
                hint="auth is bearer, `header NAME`, `query NAME` or `command PROGRAM …`",
            )
        self._keys = list(keys)
        self._next = 0
        self._limited_until = [0.0] * len(self._keys)
        self._command = TokenCommand(self._name) if self._way == "command" else None

    async def key(self, seconds: float) -> Key | None:
        """The key to use now; a command may take so many seconds to print it."""
        if self._command is not None:
            value, kept = await self._command.get(seconds)
            return Key(value, kept=kept)
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

    def renews(self, key: Key | None, error: ProviderError) -> bool:
        """Whether a token was refused that was good before: then a new one is worth a try at once."""
        return key is not None and key.kept and isinstance(error, ProviderAuth)

    def failed(self, key: Key | None, error: ProviderError) -> None:
        """Learn from a refusal: a limited key gives way to the next, a refused token is not used again.

        Where another key is free, the error says that there is nothing to wait for.
        """
        if key is None:
            return
        if self._command is not None and isinstance(error, ProviderAuth):
            self._command.refused(key.value)
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
        """`text` without any of the keys, as they are or in a URL: providers are known to quote them in errors."""
        values = [*self._keys]
        if self._command is not None:
            values += self._command.printed
        for value in values:
            if len(value) >= SHORTEST:
                text = text.replace(value, MASK).replace(quote(value, safe=""), MASK)
        return text
