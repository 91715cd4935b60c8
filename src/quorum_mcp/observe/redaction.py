"""Secrets are known by value: whatever the settings hold as one is masked wherever it turns up."""

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from quorum_mcp.config.secrets import hides, secret_parameters

if TYPE_CHECKING:
    from quorum_mcp.config.providers import ProviderSettings
    from quorum_mcp.config.settings import Settings

MASK = "***"
SHORTEST = 6
"""A shorter value is not masked: it would hide ordinary words, and is no secret worth the name."""
_SECRET_ENDINGS = ("_KEY", "_TOKEN", "_SECRET", "_PASSWORD")
_API_KEY = re.compile(r"qk_[\w-]{43}")
_learnt: set[str] = set()


def learn(secret: str) -> None:
    """Mask this value as well from now on: one that is in no setting."""
    if len(secret) >= SHORTEST:
        _learnt.add(secret)


class Redactor:
    """Masks the secrets of some settings in texts and plain values."""

    def __init__(self, settings: "Settings") -> None:
        named = [value for name, value in settings.env.items() if name.upper().endswith(_SECRET_ENDINGS)]
        own = [settings.secret_key, settings.bootstrap_key, settings.api_key]
        keys = [key for provider in settings.providers.values() for key in _of_provider(provider)]
        keys += [part.partition(":")[2].strip() for part in (settings.secret_key or "").split(",")]
        keys += [
            word for url in (settings.database_url, settings.redis_url) for word in _passwords(url or "")
        ]
        hooks = (*settings.webhooks, *settings.guardrails)
        keys += [settings.env.get(hook.secret_env, "") for hook in hooks if hook.secret_env]
        secrets = {value for value in (*named, *own, *keys) if value and len(value) >= SHORTEST}
        self._secrets = sorted(secrets, key=len, reverse=True)

    def clean(self, value: Any) -> Any:
        """The value with every secret in its texts masked; other objects come back as their text."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, dict):
            return {key: self.clean(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.clean(inner) for inner in value]
        text = str(value)
        for secret in (*self._secrets, *_learnt):
            text = text.replace(secret, MASK)
        return _API_KEY.sub(MASK, text)


def _of_provider(provider: "ProviderSettings") -> list[str]:
    """The keys of a provider and its deployments, and what is secret in their headers and addresses."""
    found: list[str] = []
    for one in (provider, *provider.deployments):
        found += [*one.api_keys, *(value for name, value in one.headers.items() if hides(name))]
        found += [*_passwords(one.base_url or ""), *secret_parameters(one.base_url or "")]
    return found


def _passwords(url: str) -> list[str]:
    """The password of a URL, as it is written and as it is meant."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return []
    return [password, unquote(password)] if password else []
