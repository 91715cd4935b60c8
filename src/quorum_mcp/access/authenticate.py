"""From a request's headers and addresses to a principal.

While no key exists, a caller on loopback is trusted if the server listens on loopback only and nobody
forwarded the request. Once a key exists everyone needs one.
"""

import hmac
from collections.abc import Mapping

from quorum_mcp.access.network import FORWARDING, is_loopback
from quorum_mcp.access.principal import BOOTSTRAP, LOCAL, Principal
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import Unauthenticated


class Authenticator:
    """Knows the keys and the rule. `loopback_bind` is whether the server listens on loopback only."""

    def __init__(self, settings: Settings, *, loopback_bind: bool) -> None:
        self._mode = settings.auth
        self._key = settings.bootstrap_key
        self._loopback_bind = loopback_bind

    @property
    def needs_key(self) -> bool:
        """Whether even a loopback caller must show a key."""
        return self._mode == "required" or (
            self._mode == "auto" and (self._key is not None or not self._loopback_bind)
        )

    def authenticate(self, headers: Mapping[str, str], client: str | None) -> Principal:
        """The caller; header names are in lower case. Raises `Unauthenticated`."""
        shown = presented_key(headers)
        if shown is not None and self._key is not None:
            if hmac.compare_digest(shown.encode("latin-1", "replace"), self._key.encode()):
                return BOOTSTRAP
            raise Unauthenticated(
                "this key is not known", hint="check the key; QUORUM_API_KEY holds it for clients"
            )
        if not self.needs_key and is_loopback(client) and FORWARDING.isdisjoint(headers.keys()):
            return LOCAL
        if self._key is None:
            raise Unauthenticated(
                f"this server has no key yet, and {self._why_not(client)}",
                hint="set QUORUM_BOOTSTRAP_KEY for the server and send it as `Authorization: Bearer …`",
            )
        raise Unauthenticated("a key is needed", hint="send `Authorization: Bearer <key>`")

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
