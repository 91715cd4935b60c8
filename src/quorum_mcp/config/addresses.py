"""Which addresses a URL of the settings may lead to, in all the ways in which an address can be written."""

import ipaddress
import socket
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PUBLIC_V6 = ipaddress.ip_network("2000::/3")
_WITH_V4_INSIDE = tuple(ipaddress.ip_network(text) for text in ("2002::/16", "2001::/32"))
"""6to4 and Teredo: who knows where these come out."""
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)
"""Services of clouds that hand out credentials, besides those at link-local addresses."""


def refusal(address: Address, *, private: bool) -> str | None:
    """Why nothing may be sent to an address; None where it may.

    `private` allows loopback and private networks. Link-local addresses and services that hand out credentials
    are never allowed, nor is what stands for no one machine.
    """
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if mapped is not None:
        return refusal(mapped, private=private)
    if address.is_link_local or address in _METADATA:
        return "is an address of this machine's own network, where clouds hand out credentials"
    if address.is_multicast or address.is_unspecified:
        return "stands for no one machine"
    if _is_public(address) or (private and (address.is_private or address.is_loopback)):
        return None
    return "is not a public address"


def literal(url: str) -> Address | None:
    """The address that a URL names in place of a host name: also as `127.1`, `0x7f000001` or `2130706433`."""
    host = (urlsplit(url).hostname or "").partition("%")[0].rstrip(".")
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _is_public(address: Address) -> bool:
    if not address.is_global or address.is_reserved:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return True
    return address in _PUBLIC_V6 and not any(address in network for network in _WITH_V4_INSIDE)
