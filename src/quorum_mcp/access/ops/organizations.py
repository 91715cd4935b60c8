"""Organisations: make, list, delete."""

from pydantic import BaseModel, ConfigDict, Field

from quorum_mcp.access.keys import Keys
from quorum_mcp.access.ops.common import ADMIN, OPERATOR, Name, is_operator, require_operator, time_of
from quorum_mcp.errors import Conflict, NotFound
from quorum_mcp.operations.card import Effect, Empty, Http, Operation
from quorum_mcp.operations.context import Context
from quorum_mcp.store.organizations import Organization, Organizations


class NewOrganization(BaseModel):
    """An organisation to make."""

    model_config = ConfigDict(extra="forbid")
    name: Name = Field(description="Its name, 1 to 200 characters, taken by no other.")


class OrganizationView(BaseModel):
    """An organisation. Its records are seen by its own keys and by nobody else."""

    id: str = Field(description="Its id.")
    name: str = Field(description="Its name.")
    keys: int = Field(description="Keys that are not revoked.")
    created_at: str = Field(description="When it was made, ISO 8601.")


class OrganizationList(BaseModel):
    """Organisations."""

    organizations: list[OrganizationView] = Field(description="In the order they were made.")


class OrganizationId(BaseModel):
    """An organisation to delete."""

    model_config = ConfigDict(extra="forbid")
    organization_id: str = Field(max_length=200, description="Its id.")
    force: bool = Field(False, description="Revoke its keys; else one that has keys stays.")


async def create_organization(ctx: Context, given: NewOrganization) -> OrganizationView:
    """Make an organisation."""
    require_operator(ctx.principal, "make organisations")
    if given.name == OPERATOR:
        raise Conflict(f"{OPERATOR!r} is the operator's own organisation", hint="choose another name")
    return _view(await ctx.get(Organizations).add(given.name))


async def list_organizations(ctx: Context, _: Empty) -> OrganizationList:
    """All organisations, or the caller's own."""
    only = None if is_operator(ctx.principal) else ctx.principal.tenant
    found = await ctx.get(Organizations).list(only)
    return OrganizationList(organizations=[_view(one) for one in found])


async def delete_organization(ctx: Context, given: OrganizationId) -> OrganizationView:
    """Delete an organisation; its records stay stored and are seen by nobody."""
    require_operator(ctx.principal, "delete organisations")
    name = given.organization_id.replace("\0", "")
    gone = await ctx.get(Organizations).delete(name, force=given.force)
    if gone is None:
        raise NotFound(f"there is no organisation {name}", hint="GET /api/organizations lists them")
    ctx.get(Keys).forget()
    return _view(gone)


def _view(found: Organization) -> OrganizationView:
    return OrganizationView(
        id=found.id, name=found.name, keys=found.keys, created_at=time_of(found.created_at) or ""
    )


OPERATIONS = [
    Operation("organizations.create", "Make an organisation.", create_organization, NewOrganization,
              OrganizationView, Effect.WRITE, ADMIN, http=Http("POST", "/api/organizations")),
    Operation("organizations.list", "The organisations.", list_organizations, Empty, OrganizationList, scopes=ADMIN,
              http=Http("GET", "/api/organizations")),
    Operation("organizations.delete", "Delete an organisation.", delete_organization, OrganizationId,
              OrganizationView, Effect.DESTROY, ADMIN, http=Http("DELETE", "/api/organizations/{organization_id}")),
]  # fmt: skip
