"""Who may call /mcp where an authorization server is set: holders of its tokens, and of API keys (RFC 9728)."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from quorum_mcp.access.authenticate import Authenticator, presented_key
from quorum_mcp.access.issuer import Issuer
from quorum_mcp.access.principal import Principal
from quorum_mcp.access.tokens import Tokens
from quorum_mcp.config.oauth import OAuthSettings
from quorum_mcp.errors import Forbidden, QuorumError, Unauthenticated

WELL_KNOWN = "/.well-known/oauth-protected-resource"
HOUR = {"cache-control": "max-age=3600"}


class SignIn:
    """Authenticates callers, tells those that it refuses where to sign in, and describes itself to clients."""

    def __init__(self, settings: OAuthSettings, keys: Authenticator) -> None:
        self._settings = settings
        self._keys = keys
        self._tokens = Tokens(settings, Issuer(settings))
        resource = urlsplit(settings.resource)
        self._metadata = f"{resource.scheme}://{resource.netloc}{WELL_KNOWN}{resource.path.rstrip('/')}"
        self.paths = tuple(
            dict.fromkeys((WELL_KNOWN + resource.path.rstrip("/"), WELL_KNOWN, WELL_KNOWN + "/mcp"))
        )
        """Where the description is: anybody may read it."""

    async def authenticate(
        self,
        headers: Mapping[str, str],
        client: str | None,  # noqa: ARG002
        *,
        changes: bool = True,  # noqa: ARG002
    ) -> Principal:
        """The caller; nobody is trusted for where a request comes from, or by a page's login.

        Raises:
            Unauthenticated: there is no token and no key, or one that is not accepted.
            Forbidden: the token is good and allows nothing here.
            StoreUnavailable: nobody can tell at the moment.
        """
        shown = presented_key(headers)
        try:
            if shown is None:
                raise Unauthenticated(
                    "a token or a key is needed",
                    hint=f"sign in at {self._settings.issuer}, or send an API key",
                )
            return await self._keys.holder(shown) or await self._tokens.principal(shown)
        except (Unauthenticated, Forbidden) as error:
            error.challenge = self.challenge(error, presented=shown is not None)
            raise

    def challenge(
        self, error: QuorumError, *, presented: bool = True, scopes: frozenset[str] = frozenset()
    ) -> str:
        """What tells a client where to sign in, and which scopes to ask for.

        Args:
            error: why it was refused.
            presented: whether it showed a token at all.
            scopes: ours that were missing; none: whatever a client may need.
        """
        parts = [f'resource_metadata="{self._metadata}"', f'scope="{" ".join(self._names(scopes))}"']
        if presented:
            kind = "insufficient_scope" if isinstance(error, Forbidden) else "invalid_token"
            parts.insert(0, f'error="{kind}"')
        return "Bearer " + ", ".join(parts)

    def routes(self) -> list[Route]:
        """The description, where clients look for it."""
        return [Route(path, self._describe, methods=["GET"]) for path in self.paths]

    async def _describe(self, _: Request) -> Response:
        described: dict[str, Any] = {
            "resource": self._settings.resource,
            "authorization_servers": [self._settings.issuer],
            "scopes_supported": self._names(frozenset()),
            "bearer_methods_supported": ["header"],
            "resource_name": "Quorum",
        }
        return JSONResponse(described, headers=HOUR)

    def _names(self, scopes: frozenset[str]) -> list[str]:
        """The issuer's names for some of our scopes; for none, those of all that assistants use."""
        return sorted(
            name
            for name, given in self._settings.scopes.items()
            if (scopes & {*given} if scopes else "admin" not in given)
        )
