"""Providers' keys that the database keeps: set, list, delete, seal anew."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from quorum_mcp.access.ops.common import ADMIN, Name, require_operator, time_of
from quorum_mcp.access.vault import Vault
from quorum_mcp.errors import ModelNotFound
from quorum_mcp.operations.card import Effect, Empty, Http, Operation
from quorum_mcp.operations.context import Context
from quorum_mcp.providers.registry import Registry
from quorum_mcp.store.credentials import Credential

WHAT = "manage providers' keys"


class NewCredential(BaseModel):
    """A provider's key to keep."""

    model_config = ConfigDict(extra="forbid")
    provider: Name = Field(description="The provider.")
    value: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000, pattern=r"^[\x21-\x7e]+$"),
    ] = Field(repr=False, description="The key: one word. It is shown to nobody again.")


class CredentialView(BaseModel):
    """A stored key as it may be shown: never the key itself."""

    provider: str = Field(description="The provider.")
    hint: str = Field(description="Its last characters; empty for a short one.")
    version: int = Field(description="The version of the master key that seals it.")
    status: Literal["used", "unused", "unreadable"] = Field(
        description="`unused`: the environment or quorum.yaml has a key, which goes before; `unreadable`: its master "
        "key is gone."
    )
    updated_at: str = Field(description="When it was set, ISO 8601.")


class CredentialList(BaseModel):
    """The stored keys."""

    credentials: list[CredentialView] = Field(description="By provider.")


class CredentialName(BaseModel):
    """A provider."""

    model_config = ConfigDict(extra="forbid")
    provider: Name = Field(description="The provider.")


class Resealed(BaseModel):
    """What sealing anew came to."""

    resealed: int = Field(description="Keys that are under the first master key now.")
    unreadable: int = Field(description="Keys whose master key is gone.")


async def put_credential(ctx: Context, given: NewCredential) -> CredentialView:
    """Keep a provider's key, encrypted; the one before is replaced."""
    require_operator(ctx.principal, WHAT)
    return _view(ctx, await ctx.get(Vault).put(_provider(ctx, given.provider), given.value))


async def list_credentials(ctx: Context, _: Empty) -> CredentialList:
    """Which providers have a stored key."""
    require_operator(ctx.principal, WHAT)
    return CredentialList(credentials=[_view(ctx, one) for one in await ctx.get(Vault).all()])


async def delete_credential(ctx: Context, given: CredentialName) -> CredentialView:
    """Remove a provider's stored key."""
    require_operator(ctx.principal, WHAT)
    return _view(ctx, await ctx.get(Vault).delete(ctx.get(Registry).provider_name(given.provider)))


async def reseal_credentials(ctx: Context, _: Empty) -> Resealed:
    """Put every stored key under the first master key, so that the others can be retired."""
    require_operator(ctx.principal, WHAT)
    done, lost = await ctx.get(Vault).reseal()
    return Resealed(resealed=done, unreadable=lost)


def _provider(ctx: Context, name: str) -> str:
    """The provider's own name. Raises `ModelNotFound` with those that take a key."""
    registry = ctx.get(Registry)
    found = registry.provider_name(name)
    known = sorted(one.name for one in registry.describe() if one.kind in ("remote", "local"))
    if found not in known:
        raise ModelNotFound(
            f"there is no provider {name!r} that takes a key", hint=f"providers: {', '.join(known)}"
        )
    return found


def _view(ctx: Context, one: Credential) -> CredentialView:
    return CredentialView(
        provider=one.provider,
        hint=one.hint,
        version=one.version,
        status=ctx.get(Vault).state(one),
        updated_at=time_of(one.updated_at) or "",
    )


OPERATIONS = [
    Operation("credentials.set", "Keep a provider's key, encrypted.", put_credential, NewCredential, CredentialView,
              Effect.WRITE, ADMIN, http=Http("POST", "/api/credentials")),
    Operation("credentials.list", "Which providers have a stored key.", list_credentials, Empty, CredentialList,
              scopes=ADMIN, http=Http("GET", "/api/credentials")),
    Operation("credentials.delete", "Remove a provider's stored key.", delete_credential, CredentialName,
              CredentialView, Effect.DESTROY, ADMIN, http=Http("DELETE", "/api/credentials/{provider}")),
    Operation("credentials.reseal", "Seal every stored key under the first master key.", reseal_credentials, Empty,
              Resealed, Effect.WRITE, ADMIN, http=Http("POST", "/api/credentials/reseal")),
]  # fmt: skip
