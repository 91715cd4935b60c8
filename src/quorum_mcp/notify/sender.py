"""One message, sent once: to the address that was checked, and to no other."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct

from quorum_mcp.config.addresses import literal, refusal
from quorum_mcp.config.settings import WebhookSettings
from quorum_mcp.notify.signature import HEADER, sign
from quorum_mcp.providers.retry import retry_after
from quorum_mcp.store.deliveries import Delivery

if TYPE_CHECKING:
    from aiohttp.abc import ResolveResult

TIMEOUT_SECONDS = 10.0
GONE = 410
"""A receiver that says so wants no more of this message."""

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host name, as text; raises `OSError` where it has none."""


class Outcome(Struct, frozen=True):
    """How a try ended. `error` None: it was taken. `final`: no use to try again. `wait`: as the receiver asks."""

    status: int | None = None
    error: str | None = None
    final: bool = False
    wait: float = 0.0


class Refused(Exception):
    """The address is not one that anything may be sent to."""


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host name, from the system."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Sender:
    """Posts messages.

    Args:
        env: where the webhooks' secrets are.
        resolve: how host names become addresses.
    """

    def __init__(self, env: dict[str, str], resolve: Resolve = resolve) -> None:
        self._env = env
        self._resolve = resolve

    async def send(self, webhook: WebhookSettings, delivery: Delivery) -> Outcome:
        """Send a message. Redirects are not followed, proxies not used; the answer's body is not read."""
        from aiohttp import ClientError

        headers = {
            "content-type": "application/json",
            "user-agent": "quorum-mcp",
            "x-quorum-event": delivery.event,
            "x-quorum-delivery": delivery.id,
        }
        if webhook.secret_env is not None:
            secret = self._env.get(webhook.secret_env)
            if not secret:
                return Outcome(error=f"not sent without a signature: {webhook.secret_env} is not set")
            headers[HEADER.lower()] = sign(secret, delivery.body, int(time.time()))
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._post(webhook, delivery.body, headers)
        except TimeoutError:
            return Outcome(error=f"no answer within {TIMEOUT_SECONDS:g} s")
        except Refused as error:
            return Outcome(error=str(error))
        except (ClientError, OSError, ValueError) as error:
            return Outcome(error=_reason(error))

    async def _post(self, webhook: WebhookSettings, body: str, headers: dict[str, str]) -> Outcome:
        from aiohttp import ClientSession, DummyCookieJar, TCPConnector
        from aiohttp.abc import AbstractResolver

        addresses = await self._addresses(webhook)

        class Pinned(AbstractResolver):
            """Knows the checked addresses only: a name that means something else by now changes nothing."""

            async def resolve(
                self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
            ) -> "list[ResolveResult]":
                del family
                return [_result(host, port, address) for address in addresses]

            async def close(self) -> None:
                pass

        connector = TCPConnector(resolver=Pinned(), use_dns_cache=False, force_close=True)
        async with ClientSession(
            connector=connector, cookie_jar=DummyCookieJar(), trust_env=False
        ) as session:
            request = session.post(webhook.url, data=body.encode(), headers=headers, allow_redirects=False)
            async with request as answer:
                return _outcome(
                    answer.status, {name.lower(): value for name, value in answer.headers.items()}
                )

    async def _addresses(self, webhook: WebhookSettings) -> list[str]:
        """The addresses of the webhook's host, each of them allowed. A literal one is not resolved by aiohttp."""
        parts = urlsplit(webhook.url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        one = literal(webhook.url)
        addresses = [str(one)] if one is not None else await self._resolve(host, port)
        for address in addresses:
            if why := refusal(ip_address(address.partition("%")[0]), private=webhook.allow_private):
                raise Refused(
                    f"{host} {why}: nothing is sent there"
                    + ("" if webhook.allow_private else " unless the webhook says allow_private: true")
                )
        return addresses


def _result(host: str, port: int, address: str) -> "ResolveResult":
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return {
        "hostname": host, "host": address, "port": port, "family": family, "proto": 0,
        "flags": socket.AI_NUMERICHOST,
    }  # fmt: skip


def _outcome(status: int, headers: dict[str, str]) -> Outcome:
    if 200 <= status < 300:
        return Outcome(status)
    if 300 <= status < 400:
        return Outcome(status, f"HTTP {status}: redirects are not followed; set the url to where it leads")
    wait = retry_after(headers, limited=False) or 0.0
    return Outcome(status, f"HTTP {status}", final=status == GONE, wait=wait)


def _reason(error: Exception) -> str:
    """What went wrong, without the URL that some of these messages repeat."""
    from aiohttp import ClientConnectorError, InvalidURL

    if isinstance(error, InvalidURL):
        return "the url cannot be used"
    if isinstance(error, ClientConnectorError):
        return f"cannot connect: {error.os_error.strerror or type(error.os_error).__name__}"
    if isinstance(error, socket.gaierror):
        return f"the host name is not known: {error.strerror}"
    return type(error).__name__
