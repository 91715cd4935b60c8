"""Which hosts and origins a request may name: no DNS rebinding, no cross-site call."""

import ipaddress
import re
from urllib.parse import urlsplit

from quorum_mcp.errors import Forbidden

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
LAST_PORT = 65535
# Nothing lenient: what a parser of URLs makes of `[::1]evil.example` is a loopback address.
_HOST = re.compile(
    r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9_.-]+))(?::(?P<port>[0-9]{1,5}))?", re.ASCII
)
FORWARDING = frozenset({"forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"})


def is_loopback(host: str | None) -> bool:
    """Whether an address or host name is this machine's loopback."""
    if host is None:
        return False
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.split("%", 1)[0]).is_loopback
    except ValueError:
        return False


def split_host(header: str) -> tuple[str, int | None]:
    """Host and port of a Host header, in lower case and without brackets; the host is empty when malformed."""
    match = _HOST.fullmatch(header)
    if match is None:
        return "", None
    port = None if match["port"] is None else int(match["port"])
    if port is not None and port > LAST_PORT:
        return "", None
    return (match["address"] or match["name"]).lower(), port


def check_host(header: str | None, *, allowed: frozenset[str], local_address: str | None) -> None:
    """Raise `Forbidden` unless the Host header names this server.

    An address is fine when the connection really came in on it: a page of another site can make a name
    resolve to us, but it cannot make its own name be our address.
    """
    host, port = split_host(header or "")
    named = {host, f"{host}:{port}"}
    if is_loopback(host) or named & allowed or (host and host == local_address):
        return
    raise Forbidden(
        f"this server does not answer for the host {host or 'that was (not) named'!r}",
        hint="add the name to server.allowed_hosts in quorum.yaml",
    )


def check_origin(origin: str | None, host_header: str | None, *, allowed: frozenset[str]) -> None:
    """Raise `Forbidden` for a request that a page of another origin sends. No Origin header: no browser."""
    if origin is None or origin.rstrip("/") in allowed:
        return
    parts = urlsplit(origin)
    if parts.scheme in ("http", "https") and parts.netloc.lower() == (host_header or "").lower():
        return
    raise Forbidden(
        f"pages of {origin[:200]!r} may not call this server",
        hint="add the origin to server.allowed_origins in quorum.yaml",
    )
