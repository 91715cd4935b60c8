"""One guardrail: asked over HTTP, signed, at checked addresses only, within its time."""

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from quorum_mcp import codec
from quorum_mcp.calls.guardrails.texts import Piece
from quorum_mcp.config.settings import GuardrailSettings
from quorum_mcp.notify.addresses import Refused, check_literal, connector
from quorum_mcp.notify.signature import HEADER, sign

if TYPE_CHECKING:
    from aiohttp import ClientSession

Stage = Literal["before", "after"]
MOST_BYTES = 1 << 20
"""How much longer than what it was shown a verdict may be."""
MOST_REASON = 500


class About(Struct, frozen=True):
    """Whose call it is, and what records call it."""

    call_id: str
    organization: str
    key: str | None
    model: str
    role: str
    surface: str
    run_id: str | None
    tags: tuple[str, ...]


class Window(Struct, frozen=True):
    """Which part of an answer the texts are.

    `number` counts from 0, `last` is whether nothing of the text follows, and `overlap` how many of its first
    characters the window before showed already.
    """

    number: int = 0
    last: bool = True
    overlap: int = 0


class Question(Struct, frozen=True, omit_defaults=False):
    """What a guardrail is asked."""

    stage: Stage
    call: About
    texts: Sequence[Piece]
    images: int = 0
    window: Window | None = None


class Verdict(Struct, frozen=True):
    """What it says. `texts` come with `rewrite`: as many as it was shown, in the same order."""

    action: Literal["allow", "block", "rewrite"]
    texts: tuple[str, ...] = ()
    reason: str = ""


class NoVerdict(Exception):
    """The hook did not answer, or not in a way that can be understood."""


class Hook:
    """One guardrail of the settings.

    Args:
        settings: its own.
        secret: the key of its signature; None where the settings name none.
    """

    def __init__(self, settings: GuardrailSettings, secret: str | None) -> None:
        self.settings = settings
        self.name = settings.name or urlsplit(settings.url).netloc.rpartition("@")[2]
        self._secret = secret
        self._session: ClientSession | None = None

    async def ask(self, question: Question, seconds: float) -> Verdict:
        """Its verdict, within `seconds` or its own time, whichever is less. Raises `NoVerdict`."""
        from aiohttp import ClientError

        limit = min(self.settings.timeout_seconds, seconds)
        try:
            async with asyncio.timeout(limit):
                verdict = await self._post(question)
        except TimeoutError:
            raise NoVerdict(f"no verdict within {limit:.3g} s") from None
        except (ClientError, OSError, ValueError, Refused) as error:
            raise NoVerdict(str(error) if isinstance(error, Refused) else type(error).__name__) from None
        if verdict.action == "rewrite" and len(verdict.texts) != len(question.texts):
            raise NoVerdict(f"it rewrote {len(verdict.texts)} texts of {len(question.texts)}")
        return msgspec.structs.replace(verdict, reason=verdict.reason[:MOST_REASON])

    async def close(self) -> None:
        """Close its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _post(self, question: Question) -> Verdict:
        try:
            body = codec.encode_text(question)
        except UnicodeEncodeError:
            raise NoVerdict("the texts are no Unicode: half a character cannot be shown") from None
        headers = {
            "content-type": "application/json",
            "user-agent": "quorum-mcp",
            "x-quorum-event": f"guardrail.{question.stage}",
        }
        if self._secret == "":
            raise NoVerdict(f"not asked without a signature: {self.settings.secret_env} is not set")
        if self._secret is not None:
            headers[HEADER.lower()] = sign(self._secret, body, int(time.time()))
        request = self._opened().post(
            self.settings.url, data=body.encode(), headers=headers, allow_redirects=False
        )
        async with request as answer:
            if answer.status != 200:
                raise NoVerdict(f"HTTP {answer.status}")
            most = 6 * len(body) + MOST_BYTES
            said = bytearray()
            async for piece in answer.content.iter_any():
                said += piece
                if len(said) > most:
                    raise NoVerdict("its verdict is far longer than what it was shown")
        try:
            return codec.decode(bytes(said), Verdict)
        except codec.JSONError as error:
            raise NoVerdict(f"its verdict cannot be read: {error}") from None

    def _opened(self) -> "ClientSession":
        """The session with kept connections: hooks of streamed answers are asked often."""
        from aiohttp import ClientSession, ClientTimeout, DummyCookieJar

        if self._session is None:
            private = self.settings.allow_private
            check_literal(self.settings.url, private=private)
            self._session = ClientSession(
                connector=connector(private=private, keep=True),
                cookie_jar=DummyCookieJar(),
                trust_env=False,
                timeout=ClientTimeout(total=None),
            )
        return self._session
