"""Settings of OAuth: whose tokens are believed at /mcp, and what they allow."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from quorum_mcp.config.bounds import Seconds, Text

Scope = Literal["ask", "read", "write", "admin"]


class OAuthSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """An authorization server whose access tokens open /mcp, beside API keys. Needs the extra `oidc`."""

    issuer: Text
    """The authorization server, exactly as `iss` of its tokens names it: https, or loopback."""
    resource: Text
    """This server's /mcp as clients reach it, such as `https://quorum.example.org/mcp`."""
    audience: tuple[Text, ...] = ()
    """What `aud` of a token has to name one of; absent: `resource`."""
    jwks_url: Text | None = None
    """Where the issuer's keys are; absent: where its own metadata say, which has to be its own host."""
    scopes: dict[str, tuple[Scope, ...]] = field(
        default_factory=lambda: {"quorum:ask": ("ask",), "quorum:read": ("read",), "quorum:write": ("write",)}
    )
    """What each scope of a token allows here; absent: `quorum:ask`, `quorum:read` and `quorum:write` what they say."""
    organization_claim: Text | None = None
    """The claim that says whose organisation the user is of, such as `tid`; absent: all are of `organization`."""
    organizations: dict[str, Text] = field(default_factory=dict)
    """From values of that claim to ids of organisations. Whoever has another value is refused."""
    organization: Text = "local"
    """The organisation of all users, where no claim says it."""
    leeway_seconds: Annotated[float, Meta(ge=0, le=600)] = 30.0
    """How far the clocks of issuer and server may differ."""
    refresh_seconds: Seconds = 300.0
    """How often the issuer's keys are read again. A token under a key that is not known reads them at once, at
    most every ten seconds."""
