"""A login of the web page: a cookie that stands for an API key until the key ends, or a week is over.

The cookie holds the key sealed by the master keys, so every replica reads it, nothing is stored, and whoever finds
it has no key for anything else. Browsers send cookies by themselves, also where a page of somebody else makes the
request; so one counts only where the request is our own page's: what changes something must carry an Origin, which
the guard has compared with the host, and a browser that tells where a request comes from must tell that it is us.
"""

from collections.abc import Mapping

from quorum_mcp.access.master_keys import MasterKeys, Sealed
from quorum_mcp.access.network import split_host
from quorum_mcp.store.clock import MICROSECONDS, now_us

LASTS_SECONDS = 7 * 86_400
PURPOSE = "web: login"
OWN = frozenset({None, "same-origin", "none"})
"""What `Sec-Fetch-Site` says of a request of our own; browsers that do not know it say nothing."""


class Logins:
    """Turns keys into cookies and back."""

    def __init__(self, keys: MasterKeys) -> None:
        self._keys = keys

    def seal(self, key: str) -> str:
        """The cookie's value. Raises `ConfigError` where there is no master key and none can be made."""
        return self._keys.current().seal(f"{now_us()} {key}", PURPOSE).token

    def key(self, headers: Mapping[str, str], *, changes: bool) -> str | None:
        """The key that the request's cookie stands for; None where there is none that counts.

        Args:
            headers: of the request, names in lower case.
            changes: whether the request may change anything, or open what may.
        """
        if headers.get("sec-fetch-site") not in OWN or (changes and "origin" not in headers):
            return None
        token = _cookie(headers.get("cookie", ""), cookie_name(headers))
        if token is None or (sealed := Sealed.read(token)) is None:
            return None
        issued, _, key = (self._keys.open(sealed, PURPOSE) or "").partition(" ")
        if not issued or now_us() - int(issued) > LASTS_SECONDS * MICROSECONDS:
            return None
        return key


def cookie_name(headers: Mapping[str, str]) -> str:
    """The cookie's name, with the port: browsers give every port of a host the same cookies."""
    port = split_host(headers.get("host", ""))[1]
    return "quorum-login" if port is None else f"quorum-login-{port}"


def _cookie(header: str, name: str) -> str | None:
    for one in header.split(";"):
        named, _, value = one.strip().partition("=")
        if named == name:
            return value
    return None
