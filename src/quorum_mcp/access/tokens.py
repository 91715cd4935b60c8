"""From an access token of another server to a principal (RFC 9068: JSON Web Tokens as bearer tokens)."""

import base64
import binascii
import hashlib
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from quorum_mcp import codec
from quorum_mcp.access.issuer import Issuer
from quorum_mcp.access.principal import USER, KeyRule, Principal
from quorum_mcp.config.oauth import OAuthSettings
from quorum_mcp.errors import Forbidden, Unauthenticated

if TYPE_CHECKING:
    from joserfc.errors import JoseError

ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
"""Signatures by a private key only: what checks a shared secret could also make tokens."""
TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
"""What a token may call itself: others are made for other uses."""
LONGEST = 16 * 1024
MOST_KNOWN = 1_024
KNOWN_SECONDS = 60.0
"""How long a token that was checked is not checked again."""
ID_BYTES = 16


class Tokens:
    """Checks the tokens of one authorization server."""

    def __init__(self, settings: OAuthSettings, issuer: Issuer) -> None:
        self._settings = settings
        self._issuer = issuer
        self._audience = settings.audience or (settings.resource,)
        self._known: dict[bytes, tuple[float, float, Principal]] = {}

    async def principal(self, token: str) -> Principal:
        """Whose token it is.

        Raises:
            Unauthenticated: it is no token of this issuer for this server, or not any more.
            Forbidden: it is one, and allows nothing here, or is of an organisation that has no part in it.
            StoreUnavailable: the issuer's keys cannot be read.
        """
        name = hashlib.blake2b(token.encode("utf-8", "replace"), digest_size=16).digest()
        now = time.time()
        known = self._known.get(name)
        if known is not None and now < known[0] and time.monotonic() < known[1]:
            return known[2]
        claims = await self._claims(token)
        found = self._principal(claims)
        until = float(claims["exp"]) + self._settings.leeway_seconds
        self._known[name] = (until, time.monotonic() + KNOWN_SECONDS, found)
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]
        return found

    async def _claims(self, token: str) -> Mapping[str, Any]:
        from joserfc import jws, jwt
        from joserfc.errors import JoseError

        header = _header(token)
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS or not isinstance(kid, str | None):
            raise _refused("it is not signed in a way that is accepted")
        if str(header.get("typ", "jwt")).lower() not in TYPES:
            raise _refused("it is no access token")
        registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        problem: JoseError | None = None
        for key in await self._issuer.keys(kid):
            try:
                claims = jwt.decode(token, key, algorithms=[algorithm], registry=registry).claims
                self._check(claims)
                return claims
            except JoseError as error:
                problem = error
            except (ValueError, TypeError) as error:
                raise _refused("it cannot be read") from error
        if problem is None:
            raise _refused("it is signed with a key that its issuer does not show")
        raise _refused(_why(problem))

    def _check(self, claims: dict[str, Any]) -> None:
        """Raise joserfc's error for claims that are not of this issuer, for this server, and now."""
        from joserfc.jwt import JWTClaimsRegistry

        JWTClaimsRegistry(
            leeway=int(self._settings.leeway_seconds),
            iss={"essential": True, "value": self._settings.issuer},
            aud={"essential": True, "values": list(self._audience)},
            exp={"essential": True},
            sub={"essential": True},
        ).validate(claims)
        if "cnf" in claims:
            raise _refused("it is bound to a key of the client's, which this server cannot check")

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        tenant = self._tenant(claims)
        given = {
            scope
            for name in _words(claims.get("scope"), claims.get("scp"))
            for scope in self._settings.scopes.get(name, ())
        }
        if not given:
            raise Forbidden(
                "this token allows nothing here",
                hint=f"ask for one of the scopes {', '.join(sorted(self._settings.scopes))}",
            )
        # Of an issuer, because another one may name somebody else so; of an organisation, because limits are.
        who = f"{self._settings.issuer}\0{tenant}\0{claims['sub']}".encode()
        name = USER + hashlib.blake2b(who, digest_size=ID_BYTES).hexdigest()
        return Principal(name, tenant, frozenset(given), "user", KeyRule(id=name, tenant=tenant))

    def _tenant(self, claims: Mapping[str, Any]) -> str:
        if self._settings.organization_claim is None:
            return self._settings.organization
        value = claims.get(self._settings.organization_claim)
        tenant = self._settings.organizations.get(value) if isinstance(value, str) else None
        if tenant is None:
            raise Forbidden(
                "the organisation of this token has no part in this server",
                hint="mcp.oauth.organizations in quorum.yaml says which have",
            )
        return tenant


_OTHERS = {
    "iss": "it is of another issuer",
    "aud": "it is for another server",
    "nbf": "it is not valid yet",
    "iat": "it is not valid yet",
}


def _why(problem: "JoseError") -> str:
    claim = str(getattr(problem, "claim", ""))
    if problem.error == "expired_token":
        return "it has expired"
    if problem.error == "missing_claim":
        return f"it has no {claim}"
    return _OTHERS.get(claim, "its signature is wrong")


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(f"this token is not accepted: {why}", hint="sign in again")


def _header(token: str) -> Mapping[str, Any]:
    """The token's own header; nothing in it is believed before the signature was checked."""
    if len(token) > LONGEST or token.count(".") != 2:
        raise _refused("it is no signed token")
    first = token.partition(".")[0]
    try:
        value = codec.decode(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (binascii.Error, ValueError, codec.JSONError):
        value = None
    if not isinstance(value, dict):
        raise _refused("it is no signed token")
    return value


def _words(*values: object) -> set[str]:
    """The words of texts and of lists of texts."""
    found: set[str] = set()
    for value in values:
        if isinstance(value, str):
            found |= set(value.split())
        elif isinstance(value, list):
            found |= {word for word in value if isinstance(word, str)}
    return found
