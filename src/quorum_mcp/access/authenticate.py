"""From a request's headers and addresses to a principal.

While no key exists, a caller on loopback is trusted if the server listens on loopback only and nobody
forwarded the request. Once a key was made everyone needs one.
"""

import hmac
from collections.abc import Callable, Mapping
from functools import cached_property

from quorum_mcp.access.keys import Keys
from quorum_mcp.access.login import Logins
from quorum_mcp.access.master_keys import MasterKeys
from quorum_mcp.access.network import FORWARDING, is_loopback
from quorum_mcp.access.principal import BOOTSTRAP, LOCAL, Principal
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import Unauthenticated

_MAKE_ONE = (
    "make one with `quorum keys create` on the server's machine, or set QUORUM_BOOTSTRAP_KEY for the server"
)
_SEND_IT = "send it as `Authorization: Bearer …`"


class Authenticator:
    """Knows the rule, and whom to ask about keys.

    Args:
        settings: whose `auth` and `bootstrap_key` hold.
        loopback_bind: whether the server listens on loopback only.
        keys: the stored keys, once the server runs.
    """

    def __init__(self, settings: Settings, *, loopback_bind: bool, keys: Callable[[], Keys]) -> None:
        self._mode = settings.auth
        self._bootstrap = settings.bootstrap_key
        self._loopback_bind = loopback_bind
        self._keys = keys
        self._settings = settings

    @cached_property
    def logins(self) -> Logins:
        """The cookies of the web page."""
        return Logins(MasterKeys.of(self._settings))

    def known(self, headers: Mapping[str, str]) -> Principal | None:
        """The caller, where the key that was shown was looked up a moment ago; None: `authenticate` knows."""
        shown = presented_key(headers)
        return None if shown is None else self._keys().known(shown)

    async def authenticate(
        self, headers: Mapping[str, str], client: str | None, *, changes: bool = True
    ) -> Principal:
        """The caller; header names are in lower case, and `changes` is false where nothing can be changed.

        Raises:
            Unauthenticated: a key is needed, or the one that was shown is not known.
            StoreUnavailable: the key is not known here, and the database cannot be asked.
        """
        shown = presented_key(headers)
        if shown is not None and (found := await self.holder(shown)) is not None:
            return found
        if (
            shown is None
            and "cookie" in headers
            and (found := await self._logged_in(headers, changes)) is not None
        ):
            return found
        exists = self._bootstrap is not None or await self._keys().exist()
        if shown is not None and exists:
            raise Unauthenticated(
                "this key is not known, or not any more",
                hint="check the key; QUORUM_API_KEY holds it for clients",
            )
        open_to_all = self._mode == "off" or (self._mode == "auto" and not exists and self._loopback_bind)
        if open_to_all and is_loopback(client) and FORWARDING.isdisjoint(headers.keys()):
            return LOCAL
        if exists:
            raise Unauthenticated("a key is needed", hint=_SEND_IT)
        raise Unauthenticated(
            f"this server has no key yet, and {self._why_not(client)}", hint=f"{_MAKE_ONE}, and {_SEND_IT}"
        )

    async def _logged_in(self, headers: Mapping[str, str], changes: bool) -> Principal | None:
        """Who holds the key of the page's login, if there is one and it still counts."""
        key = self.logins.key(headers, changes=changes)
        return None if key is None else await self.holder(key)

    async def holder(self, shown: str) -> Principal | None:
        """Who holds this key, if anybody does."""
        known = self._bootstrap
        if known is not None and hmac.compare_digest(shown.encode("latin-1", "replace"), known.encode()):
            return BOOTSTRAP
        return await self._keys().principal(shown)

    def _why_not(self, client: str | None) -> str:
        if self._mode == "required":
            return "it is set to ask everyone for one"
        if not self._loopback_bind:
            return "it listens on an address that other machines reach, so nobody is trusted without one"
        if not is_loopback(client):
            return "it trusts callers on its own loopback address only"
        return "a forwarded request is not trusted without one"


def presented_key(headers: Mapping[str, str]) -> str | None:
    """The key a request carries, in any of the three headers that clients use."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get("x-api-key") or headers.get("x-goog-api-key") or None
