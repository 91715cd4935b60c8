"""HTTP to providers through a proxy that the environment names: aiohttp speaks to it."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from quorum_mcp.errors import BadProviderAnswer, ProviderTimeout

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession, ClientTimeout


class ProxiedAnswer:
    """An answer in the words of `incoming.Incoming`."""

    def __init__(self, raw: "ClientResponse") -> None:
        self._raw = raw
        self.status = raw.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in raw.headers.items()}
        self.set_exception = raw.content.set_exception
        self.close = raw.close

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to read."""
        return self._raw.content.at_eof()

    async def read(self, most: int) -> bytes:
        """What is there of the body, at most so many bytes, waiting for some. Raises `OSError` where it is cut."""
        from aiohttp import ClientError

        try:
            return await (self._raw.content.read(most) if most >= 0 else self._raw.content.readany())
        except ClientError as error:
            raise OSError(str(error)) from error


class Proxied:
    """The connections; aiohttp is loaded by the first request."""

    def __init__(self) -> None:
        self._session: ClientSession | None = None

    async def request(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], connect: float, proxy: str
    ) -> ProxiedAnswer:
        """Ask through `proxy`."""
        from aiohttp import ClientConnectionError, ClientError, ServerTimeoutError
        from yarl import URL

        session = self._session or self._start()
        try:
            raw = await session.request(
                method,
                URL(url, encoded=True),
                data=body or None,
                headers=headers,
                allow_redirects=False,  # a redirect would carry the key to another host
                timeout=_connecting(connect),
                proxy=proxy,
            )
        except ServerTimeoutError as error:
            raise ProviderTimeout(f"no connection within {connect:g} s") from error
        except ClientConnectionError as error:
            raise OSError(str(error)) from error
        except ClientError as error:
            raise BadProviderAnswer(f"the answer is no HTTP: {error}") from error
        return ProxiedAnswer(raw)

    async def close(self) -> None:
        """Close every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _start(self) -> "ClientSession":
        from aiohttp import ClientSession, DummyCookieJar, TCPConnector

        self._session = ClientSession(
            # No limit here: how many calls run at once is the pipeline's business.
            connector=TCPConnector(limit=0, ttl_dns_cache=60, keepalive_timeout=15),
            cookie_jar=DummyCookieJar(),
            read_bufsize=32 * 1024,  # twice that may wait before the provider is held back
            max_line_size=65536,
            max_field_size=65536,
            headers={"user-agent": "quorum-mcp"},
        )
        return self._session


@lru_cache(maxsize=1_000)
def _connecting(seconds: float) -> "ClientTimeout":
    from aiohttp import ClientTimeout

    return ClientTimeout(total=None, connect=seconds)
