"""The public keys of an authorization server: read from it and nowhere else, again when they rotate.

A token may say where its key is (`jku`, `x5u`): that is never looked at, because whoever made the token wrote it.
"""

import asyncio
import time
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import structlog

from quorum_mcp import codec
from quorum_mcp.config.oauth import OAuthSettings
from quorum_mcp.errors import ConfigError, StoreUnavailable

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    PublicKey = RSAKey | ECKey | OKPKey

TIMEOUT = aiohttp.ClientTimeout(total=5.0)
MAX_BYTES = 512 * 1024
AGAIN_SECONDS = 10.0
"""How often, at the most, tokens under unknown keys make us ask the issuer."""
GRACE_SECONDS = 24 * 3600.0
"""How long known keys are believed while the issuer cannot be reached."""
WELL_KNOWN = ("oauth-authorization-server", "openid-configuration")

log = structlog.get_logger()


class Issuer:
    """One authorization server's keys, by their ids.

    Raises:
        ConfigError: the extra `oidc` is not installed.
    """

    def __init__(self, settings: OAuthSettings) -> None:
        if find_spec("joserfc") is None:  # said at start, not to the first caller
            raise ConfigError(
                "mcp.oauth needs a library that is not installed.", hint="Run: pip install 'quorum-mcp[oidc]'"
            )
        self._settings = settings
        self._keys: dict[str | None, list[PublicKey]] = {}
        self._read_at = self._tried_at = float("-inf")
        self._lock = asyncio.Lock()

    async def keys(self, kid: str | None) -> "list[PublicKey]":
        """The keys of this id; for a token that names none, all of them.

        Raises:
            StoreUnavailable: the issuer cannot be reached, and its keys are not known.
        """
        if time.monotonic() - self._read_at > self._settings.refresh_seconds or kid not in self._keys:
            await self._refresh(kid)
        if time.monotonic() - self._read_at > max(GRACE_SECONDS, self._settings.refresh_seconds):
            raise StoreUnavailable(
                "the authorization server cannot be reached, so nobody can be recognised by its tokens",
                hint="try again, or use an API key", retry_after=AGAIN_SECONDS,
            )  # fmt: skip
        return self._keys.get(kid, [])

    async def _refresh(self, kid: str | None) -> None:
        """Read the keys, unless that was tried just now. A failure leaves those that are known."""
        async with self._lock:
            now = time.monotonic()
            fresh = now - self._read_at <= self._settings.refresh_seconds and kid in self._keys
            if fresh or now - self._tried_at < AGAIN_SECONDS:
                return
            self._tried_at = now
            try:
                self._keys = _by_id(await self._fetch())
                self._read_at = time.monotonic()
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                log.warning(
                    "oauth.keys_not_read", issuer=self._settings.issuer, reason=str(error) or type(error).__name__,
                    hint="known keys are believed for a day; new tokens may be refused",
                )  # fmt: skip

    async def _fetch(self) -> Mapping[str, Any]:
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            url = self._settings.jwks_url or await self._told(session)
            return await _json(session, url)

    async def _told(self, session: aiohttp.ClientSession) -> str:
        """Where the issuer's own metadata say that its keys are. Raises `ValueError` for metadata of another."""
        issuer = urlsplit(self._settings.issuer)
        path = issuer.path.rstrip("/")
        origin = f"{issuer.scheme}://{issuer.netloc}"
        problem = ""
        for url in (
            f"{origin}/.well-known/{WELL_KNOWN[0]}{path}",
            f"{origin}{path}/.well-known/{WELL_KNOWN[1]}",
        ):
            try:
                found = await _json(session, url)
            except (aiohttp.ClientResponseError, ValueError) as error:
                problem = f"{url}: {error}"
                continue
            if found.get("issuer") != self._settings.issuer:
                problem = f"{url} is of the issuer {str(found.get('issuer'))[:200]!r}"
                continue
            where = str(found.get("jwks_uri"))
            if urlsplit(where)[:2] != issuer[:2]:
                raise ValueError(
                    f"the keys are said to be at {where[:200]}, another host: set mcp.oauth.jwks_url"
                )
            return where
        raise ValueError(problem)


async def _json(session: aiohttp.ClientSession, url: str) -> Mapping[str, Any]:
    """The object at `url`, not followed elsewhere."""
    async with session.get(url, allow_redirects=False, headers={"accept": "application/json"}) as response:
        if response.status != 200:
            raise ValueError(f"{url} answered {response.status}")
        body = await response.content.read(MAX_BYTES)
        if not response.content.at_eof():
            raise ValueError(f"{url} answered more than {MAX_BYTES} bytes")
    try:
        return codec.decode(body, dict[str, Any])
    except codec.JSONError as error:
        raise ValueError(f"{url}: {error}") from None


def _by_id(found: Mapping[str, Any]) -> "dict[str | None, list[PublicKey]]":
    """The keys that signatures are checked with, by id; under None all of them. Others are passed over."""
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    kinds = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    keys: dict[str | None, list[PublicKey]] = {None: []}
    for one in found.get("keys") or ():
        kind = kinds.get(str(one.get("kty"))) if isinstance(one, dict) else None
        if kind is None or one.get("use", "sig") != "sig":
            continue
        try:
            key = kind.import_key(one)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            log.warning("oauth.key_not_read", kid=str(one.get("kid"))[:100], reason=str(error))
            continue
        keys[None].append(key)
        if isinstance(one.get("kid"), str):
            keys.setdefault(one["kid"], []).append(key)
    return keys
