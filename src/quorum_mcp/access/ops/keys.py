"""API keys: make, list, revoke."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from quorum_mcp.access.keys import Keys
from quorum_mcp.access.ops.common import ADMIN, OPERATOR, Name, is_operator, time_of
from quorum_mcp.access.principal import KeyRule
from quorum_mcp.errors import Forbidden, InvalidInput, NotFound
from quorum_mcp.operations.card import Effect, Http, Operation
from quorum_mcp.operations.context import Context
from quorum_mcp.operations.paging import Cursor, Limit, Next
from quorum_mcp.providers.registry import Registry
from quorum_mcp.store.api_keys import ApiKey
from quorum_mcp.store.clock import MICROSECONDS, now_us
from quorum_mcp.store.organizations import Organizations

DAY = 86_400 * MICROSECONDS
ScopeName = Literal["ask", "read", "write", "admin"]
Pattern = Annotated[str, StringConstraints(max_length=300, pattern=r"^(\*|[^\x00-\x20\x7f-\x9f\[\]?/]+/[^\x00-\x20\x7f-\x9f\[\]?]+)$")]  # fmt: skip


class NewKey(BaseModel):
    """A key to make."""

    model_config = ConfigDict(extra="forbid")
    name: Name = Field(description="What it is for, 1 to 200 characters.")
    organization: Name | None = Field(
        None,
        description="The organisation that its records belong to, by name or id; absent: the caller's own.",
    )
    scopes: list[ScopeName] = Field(
        ["ask", "read"],
        min_length=1,
        max_length=4,
        description="`ask` models, `read` records, `write` what others see, `admin` manages keys. None includes another.",
    )
    models: list[Pattern] | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="The only models it may ask: `provider/model`, `*` stands for anything; absent: all.",
    )
    requests_per_minute: int | None = Field(
        None, ge=1, le=1_000_000_000, description="Model calls per minute; absent: no limit of its own."
    )
    tokens_per_minute: int | None = Field(
        None, ge=1, le=1_000_000_000_000, description="Tokens per minute; absent: no limit of its own."
    )
    expires_in_days: float | None = Field(
        None, gt=0, le=36_500, allow_inf_nan=False, description="Days until it ends; absent: never."
    )


class KeyView(BaseModel):
    """A key as it may be shown; times are ISO 8601 in UTC."""

    id: str = Field(description="Its id.")
    name: str = Field(description="What it is for.")
    organization: str = Field(description="The organisation's id; `local` is the operator's.")
    hint: str = Field(description="Its last characters, to tell it from others.")
    status: Literal["active", "expired", "revoked"] = Field(description="Whether it works.")
    scopes: list[ScopeName] = Field(description="What it may do.")
    models: list[str] | None = Field(description="The only models it may ask; null: all.")
    requests_per_minute: int | None = Field(description="Model calls per minute; null: no limit of its own.")
    tokens_per_minute: int | None = Field(description="Tokens per minute; null: no limit of its own.")
    version: int = Field(description="The version of the master key that recognises it.")
    created_at: str = Field(description="When it was made.")
    expires_at: str | None = Field(description="When it ends by itself; null: never.")
    revoked_at: str | None = Field(description="When it was revoked.")
    last_used_at: str | None = Field(description="When it was last used, to the minute; null: never.")


class CreatedKey(KeyView):
    """The new key. `key` is shown this once."""

    key: str = Field(description="The key itself: keep it, nobody can show it again.")


class KeyFilter(BaseModel):
    """Which keys to list."""

    model_config = ConfigDict(extra="forbid")
    organization: Name | None = Field(
        None, description="Only keys of this organisation, by name or id; `local` is the operator's."
    )
    limit: Limit = 100
    cursor: Cursor = None


class KeyPage(BaseModel):
    """Keys, newest first, and the cursor of the next page (null on the last)."""

    keys: list[KeyView] = Field(description="Newest first.")
    next: Next


class KeyId(BaseModel):
    """A key."""

    model_config = ConfigDict(extra="forbid")
    key_id: str = Field(max_length=200, description="The key's id.")


async def create_key(ctx: Context, given: NewKey) -> CreatedKey:
    """Make a key and show it, this once."""
    tenant = await _tenant(ctx, given.organization) or ctx.principal.tenant
    scopes = frozenset(given.scopes)
    if more := scopes - ctx.principal.scopes:
        raise Forbidden(
            f"a key cannot give what it does not have: {', '.join(sorted(more))}",
            hint="leave these scopes out",
        )
    models = _models(ctx, given.models)
    expires = None if given.expires_in_days is None else now_us() + int(given.expires_in_days * DAY)
    made, shown = await ctx.get(Keys).create(
        tenant,
        given.name,
        scopes=scopes,
        models=models,
        requests_per_minute=given.requests_per_minute,
        tokens_per_minute=given.tokens_per_minute,
        expires_at=expires,
    )
    return CreatedKey(**_view(made).model_dump(), key=shown)


async def list_keys(ctx: Context, given: KeyFilter) -> KeyPage:
    """The keys that the caller manages, newest first."""
    tenant = await _tenant(ctx, given.organization)
    page = await ctx.get(Keys).page(tenant, limit=given.limit, cursor=given.cursor)
    return KeyPage(keys=[_view(key) for key in page.items], next=page.next)


async def revoke_key(ctx: Context, given: KeyId) -> KeyView:
    """End a key; it works nowhere after two seconds."""
    tenant = None if is_operator(ctx.principal) else ctx.principal.tenant
    found = await ctx.get(Keys).revoke(given.key_id.replace("\0", ""), tenant)
    if found is None:
        raise NotFound(f"there is no key {given.key_id}", hint="GET /api/keys lists them")
    return _view(found)


async def _tenant(ctx: Context, named: str | None) -> str | None:
    """The tenant that a caller names. None: none was named, and every tenant is theirs.

    Raises:
        InvalidInput: there is no such organisation, or it is not the caller's.
    """
    principal = ctx.principal
    if named is None:
        return None if is_operator(principal) else principal.tenant
    if named == OPERATOR:
        found = OPERATOR
    else:
        one = await ctx.get(Organizations).find(named)
        found = None if one is None else one.id
    if found is None or (found != principal.tenant and not is_operator(principal)):
        raise InvalidInput(
            f"organization: there is no organisation {named!r}", hint="GET /api/organizations lists them"
        )
    return found


def _models(ctx: Context, patterns: list[str] | None) -> tuple[str, ...] | None:
    """The allow-list with providers by their own names; a caller's own list bounds it."""
    registry, own = ctx.get(Registry), ctx.principal.key
    if patterns is None:
        return None if own is None else own.models
    found: list[str] = []
    for pattern in patterns:
        provider, slash, model = pattern.partition("/")
        found.append(f"{registry.provider_name(provider)}{slash}{model}" if slash else pattern)
    if own is not None and (more := [pattern for pattern in found if not _within(pattern, own)]):
        raise Forbidden(
            f"a key cannot give what it does not have: {', '.join(more)}",
            hint=f"it may ask: {', '.join(own.models or ())}",
        )
    return tuple(dict.fromkeys(found))


def _within(pattern: str, own: KeyRule) -> bool:
    """Whether all that `pattern` allows is allowed: `*` is the only wild card, so it may stand for itself."""
    return own.allows(pattern)


def _view(key: ApiKey) -> KeyView:
    now = now_us()
    status = "revoked" if key.revoked_at is not None else "active" if key.usable(now) else "expired"
    return KeyView(
        id=key.id,
        name=key.name,
        organization=key.tenant,
        hint=key.hint,
        status=status,
        scopes=[scope for scope in ("ask", "read", "write", "admin") if scope in key.scopes],
        models=None if key.models is None else list(key.models),
        requests_per_minute=key.requests_per_minute,
        tokens_per_minute=key.tokens_per_minute,
        version=key.digest_version,
        created_at=time_of(key.created_at) or "",
        expires_at=time_of(key.expires_at),
        revoked_at=time_of(key.revoked_at),
        last_used_at=time_of(key.last_used_at),
    )


OPERATIONS = [
    Operation("keys.create", "Make an API key; it is shown this once.", create_key, NewKey, CreatedKey, Effect.WRITE,
              ADMIN, http=Http("POST", "/api/keys")),
    Operation("keys.list", "The API keys, newest first.", list_keys, KeyFilter, KeyPage, scopes=ADMIN,
              http=Http("GET", "/api/keys")),
    Operation("keys.revoke", "End an API key.", revoke_key, KeyId, KeyView, Effect.WRITE, ADMIN,
              http=Http("DELETE", "/api/keys/{key_id}")),
]  # fmt: skip
