"""Several endpoints behind one provider's name, as the settings make them."""

from collections.abc import Mapping

from msgspec import Struct, field

from quorum_mcp.config.providers import ProviderSettings
from quorum_mcp.providers.endpoint import Endpoint


class DeploymentSetup(Struct, frozen=True):
    """One endpoint as it is set up; empty `keys` and absent `auth` are the provider's. `missing` names a variable."""

    name: str
    base_url: str
    weight: int = 1
    auth: str | None = None
    keys: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    model: str | None = None
    models: dict[str, str] = field(default_factory=dict)
    missing: str | None = None

    @property
    def closed(self) -> bool:
        """Whether `models` is all that it serves."""
        return bool(self.models) and self.model is None


class Deployment(Struct, frozen=True):
    """One endpoint that can be asked."""

    name: str
    weight: int
    endpoint: Endpoint


def deployment_setups(entry: ProviderSettings, env: Mapping[str, str]) -> tuple[DeploymentSetup, ...]:
    """The endpoints of a provider's entry."""
    found: list[DeploymentSetup] = []
    for name, given in zip(entry.deployment_names, entry.deployments, strict=True):
        key = env.get(given.api_key_env or "")
        found.append(
            DeploymentSetup(
                name=name,
                base_url=given.base_url or entry.base_url or "",
                weight=given.weight,
                auth=given.auth,
                keys=given.api_keys or ((key,) if key else ()),
                headers=given.headers,
                model=given.model,
                models=given.models,
                missing=given.api_key_env if given.api_key_env and not key else None,
            )
        )
    return tuple(found)


def served(found: tuple[DeploymentSetup, ...]) -> tuple[str, ...] | None:
    """All models that the endpoints serve together; None where one of them may serve others too."""
    if not found or not all(one.closed for one in found):
        return None
    return tuple(dict.fromkeys(model for one in found for model in one.models))
