"""One message, sent once: to the address that was checked, and to no other."""

import asyncio
import socket
import time

from msgspec import Struct

from quorum_mcp.config.settings import WebhookSettings
from quorum_mcp.notify.addresses import Refused, Resolve, check_literal, connector, resolve
from quorum_mcp.notify.signature import HEADER, sign
from quorum_mcp.providers.retry import retry_after
from quorum_mcp.store.deliveries import Delivery

TIMEOUT_SECONDS = 10.0
GONE = 410
"""A receiver that says so wants no more of this message."""


class Outcome(Struct, frozen=True):
    """How a try ended. `error` None: it was taken. `final`: no use to try again. `wait`: as the receiver asks."""

    status: int | None = None
    error: str | None = None
    final: bool = False
    wait: float = 0.0


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
        from aiohttp import ClientSession, DummyCookieJar

        check_literal(webhook.url, private=webhook.allow_private)
        connect = connector(private=webhook.allow_private, resolve=self._resolve)
        async with ClientSession(connector=connect, cookie_jar=DummyCookieJar(), trust_env=False) as session:
            request = session.post(webhook.url, data=body.encode(), headers=headers, allow_redirects=False)
            async with request as answer:
                return _outcome(
                    answer.status, {name.lower(): value for name, value in answer.headers.items()}
                )


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
        why = error.os_error.strerror or type(error.os_error).__name__
        unknown = isinstance(error.os_error, socket.gaierror)
        return f"the host name is not known: {why}" if unknown else f"cannot connect: {why}"
    return type(error).__name__
