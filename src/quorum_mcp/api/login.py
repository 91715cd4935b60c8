"""`POST /api/login` and `/api/logout`: the web page's cookie for an API key."""

import re
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from quorum_mcp.access.authenticate import Authenticator
from quorum_mcp.access.login import LASTS_SECONDS, cookie_name
from quorum_mcp.api.rest import body_of, guarded
from quorum_mcp.errors import InvalidInput

LOGIN, LOGOUT = "/api/login", "/api/logout"
LONGEST = 1000
_PATH = re.compile(r"/(?:[\w.~%-]+/)*", re.ASCII)


class Login:
    """The two routes; they need no key, since they are how a browser gets to show one."""

    def __init__(self, authenticator: Callable[[], Authenticator]) -> None:
        self._authenticator = authenticator

    def routes(self) -> list[Route]:
        """Both by POST only: no link and no picture logs anybody in or out."""
        return [
            Route(LOGIN, guarded(self._login), methods=["POST"]),
            Route(LOGOUT, guarded(self._logout), methods=["POST"]),
        ]

    async def _login(self, request: Request) -> Response:
        body = body_of(request)
        key = body.get("key")
        if not isinstance(key, str) or not 0 < len(key) <= LONGEST or not key.isascii():
            raise InvalidInput("key: an API key is needed", hint='send {"key": "…"}')
        path = _path(body)
        authenticator = self._authenticator()
        who = await authenticator.authenticate({"authorization": f"Bearer {key}"}, None)
        response = JSONResponse({"id": who.id, "organization": who.tenant, "scopes": sorted(who.scopes)})
        response.set_cookie(
            cookie_name(request.headers), authenticator.logins.seal(key), LASTS_SECONDS,
            path=path, secure=_encrypted(request), httponly=True, samesite="strict",
        )  # fmt: skip
        return response

    async def _logout(self, request: Request) -> Response:
        response = JSONResponse({"logged_in": False})
        response.delete_cookie(
            cookie_name(request.headers), _path(body_of(request)),
            secure=_encrypted(request), httponly=True, samesite="strict",
        )  # fmt: skip
        return response


def _path(body: dict[str, object]) -> str:
    """Below which path the browser shows the cookie: behind a proxy only the page knows its own."""
    path = body.get("path", "/")
    if not isinstance(path, str) or len(path) > LONGEST or _PATH.fullmatch(path) is None:
        raise InvalidInput(
            "path: the path of the page is needed", hint="leave it out, or send one such as /quorum/"
        )
    return path


def _encrypted(request: Request) -> bool:
    return request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
