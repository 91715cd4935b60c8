"""A little authorization server on loopback: its metadata, its keys, and the tokens that it signs."""

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey

METADATA = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")


class LittleIssuer:
    """Signs tokens with the last of its keys, and shows all of them."""

    def __init__(self) -> None:
        self.url = ""
        self.metadata: dict[str, Any] = {}
        self.keys: list[ECKey | RSAKey] = []
        self.asked: list[str] = []
        self.wanted: list[dict[str, str]] = []
        self.down = False
        self.rotate()

    def rotate(self, kind: str = "EC") -> None:
        """Sign with a new key from now on."""
        number = {"kid": f"k{len(self.keys)}", "use": "sig"}
        new = ECKey.generate_key("P-256", number) if kind == "EC" else RSAKey.generate_key(2048, number)
        self.keys.append(new)

    def token(self, *, header: dict[str, Any] | None = None, key: Any = None, **claims: Any) -> str:
        """A token for the resource `claims["aud"]`; a claim of None is left out."""
        now = int(time.time())
        given = {
            "iss": self.url,
            "sub": "ada",
            "iat": now,
            "exp": now + 300,
            "scope": "quorum:ask quorum:read",
            **claims,
        }
        key = key or self.keys[-1]
        algorithm = {"EC": "ES256", "RSA": "RS256"}[key.key_type]
        head = {"alg": algorithm, "typ": "at+jwt", "kid": self.keys[-1].kid, **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        kept = {name: value for name, value in given.items() if value is not None}
        registry = jws.JWSRegistry(algorithms=[head["alg"]], strict_check_header=False)
        return jwt.encode(head, kept, key, algorithms=[head["alg"]], registry=registry)

    def forged(self, **claims: Any) -> str:
        """One that is signed with the public key as if it were a shared secret."""
        head = json.dumps({"alg": "HS256", "kid": self.keys[-1].kid}).encode()
        signed = f"{_encoded(head)}.{self.token(**claims).split('.')[1]}"
        digest = hmac.digest(self.keys[-1].as_pem(private=False), signed.encode(), "sha256")
        return f"{signed}.{_encoded(digest)}"

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if self.down:
            return web.Response(status=503)
        if request.path in METADATA:
            return web.json_response({**self.described(), **self.metadata})
        if request.path == "/keys":
            return web.json_response({"keys": [key.as_dict(private=False) for key in self.keys]})
        if request.path == "/token":
            given = await request.post()
            self.wanted.append({name: str(value) for name, value in given.items()})
            token = self.token(aud=given["resource"], scope=given.get("scope", ""))
            return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": 300})
        return web.Response(status=404)

    def described(self) -> dict[str, Any]:
        """Its metadata (RFC 8414)."""
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/keys",
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "response_types_supported": ["code"],
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@asynccontextmanager
async def little_issuer() -> AsyncIterator[LittleIssuer]:
    """One that listens."""
    issuer = LittleIssuer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", issuer.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    issuer.url = site.name
    try:
        yield issuer
    finally:
        await runner.cleanup()
