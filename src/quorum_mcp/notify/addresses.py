"""Where a URL of the settings leads: the addresses of its host, each of them one that may be sent to."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from quorum_mcp.config.addresses import literal, refusal

if TYPE_CHECKING:
    from aiohttp import TCPConnector
    from aiohttp.abc import ResolveResult

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host name, as text; raises `OSError` where it has none."""


class Refused(Exception):
    """The address is not one that anything may be sent to."""


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host name, from the system."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def check_literal(url: str, *, private: bool) -> None:
    """Raise `Refused` where the URL names an address itself that may not be sent to: it is not resolved."""
    if (address := literal(url)) is not None:
        _check(urlsplit(url).hostname or "", str(address), private=private)


def connector(*, private: bool, resolve: Resolve = resolve, keep: bool = False) -> "TCPConnector":
    """What connects to checked addresses only: a name that means something else by then changes nothing.

    `private` is whether they may be of this machine or a private network, `keep` whether connections are used
    again. Connecting raises `Refused`.
    """
    from aiohttp import TCPConnector
    from aiohttp.abc import AbstractResolver

    class Checked(AbstractResolver):
        """Resolves right before it is connected to, and looks at every address."""

        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> "list[ResolveResult]":
            del family
            addresses = await resolve(host, port)
            for address in addresses:
                _check(host, address, private=private)
            return [_result(host, port, address) for address in addresses]

        async def close(self) -> None:
            pass

    return TCPConnector(resolver=Checked(), use_dns_cache=False, force_close=not keep, limit=0)


def _check(host: str, address: str, *, private: bool) -> None:
    if why := refusal(ip_address(address.partition("%")[0]), private=private):
        raise Refused(
            f"{host} {why}: nothing is sent there"
            + ("" if private else " unless its settings say allow_private: true")
        )


def _result(host: str, port: int, address: str) -> "ResolveResult":
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return {
        "hostname": host, "host": address, "port": port, "family": family, "proto": 0,
        "flags": socket.AI_NUMERICHOST,
    }  # fmt: skip
