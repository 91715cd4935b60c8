"""The settings of providers, as types."""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from quorum_mcp.config.bounds import Count, Price, Text, VariableName
from quorum_mcp.config.secrets import Masked

MODEL = "{model}"
"""What stands in a base URL for the endpoint's own name of the model, as in Azure's paths of deployments."""

Search = Literal["none", "native", "responses", "openrouter"]
"""Kinds of web search that a provider may have of its own."""


class PriceSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """USD per million tokens."""

    input_per_million: Price
    """USD per million tokens of the prompt."""
    output_per_million: Price
    """USD per million tokens of the answer, reasoning included."""
    cached_input_per_million: Price | None = None
    """USD per million tokens of the prompt that the provider had cached; absent: as all input."""
    searches_per_thousand: Price | None = None
    """USD per thousand web searches; absent: unknown."""


class LimitSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits towards one provider; None means the application's default."""

    requests_per_minute: Count | None = None
    """Requests per minute."""
    tokens_per_minute: Count | None = None
    """Tokens per minute, prompts and answers together."""
    concurrency: Count | None = None
    """Calls at once; absent: `MAX_CONCURRENT_REQUESTS`."""
    queue: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    """Calls that may wait for one of these places; absent: 100 for each place. One more is refused at once."""


class RateSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Rates of one model or organisation; None means no limit of its own."""

    requests_per_minute: Count | None = None
    """Requests per minute."""
    tokens_per_minute: Count | None = None
    """Tokens per minute, prompts and answers together."""


class DeploymentSettings(Masked, frozen=True, forbid_unknown_fields=True):
    """One of several endpoints behind a provider's name; what is absent is the provider's own."""

    base_url: str | None = None
    """The endpoint's address, with query parameters where it needs some; `{model}` in it stands for the endpoint's
    own name of the model."""
    name: Text | None = None
    """What it is called where calls are explained; absent: its number, from 1."""
    api_key_env: VariableName | None = None
    """The variable that holds its key."""
    api_keys: tuple[Text, ...] = ()
    """Its keys."""
    auth: str | None = None
    """How the key is sent."""
    headers: dict[str, str] = field(default_factory=dict)
    """Headers of every request, besides the provider's; `${NAME}` stands for a variable."""
    model: Text | None = None
    """The endpoint's own name of the model, whichever is asked for."""
    models: dict[str, Text] = field(default_factory=dict)
    """The endpoint's own names, by the provider's names of its models. It is asked for no others, unless `model` is
    given too."""
    weight: Count = 1
    """Its share of the calls against the others."""
    limits: LimitSettings = LimitSettings()
    """Its limits."""


class ProviderSettings(Masked, frozen=True, forbid_unknown_fields=True):
    """One provider: a vendor that the catalogue knows, or any endpoint of a known wire.

    `api_keys` may hold `${VARIABLE}`; `auth` is `bearer`, `header NAME`, `query NAME` or
    `command PROGRAM ARGUMENT…`.
    """

    wire: Literal["openai", "anthropic", "google", "mistral", "ollama"] | None = None
    """The API that the endpoint speaks. Needed for a provider of your own; a vendor of the catalogue has
    its own."""
    base_url: str | None = None
    """The address: with `/v1` on the openai wire, without a version path on the others. Query parameters in it go along
    with every request, and `{model}` stands for the name of the model."""
    api_key_env: VariableName | None = None
    """The variable that holds the key; absent: the vendor's own variable, or no key at all."""
    api_keys: tuple[Text, ...] = ()
    """Keys in place of a variable; `${NAME}` stands for a variable. Several are used in turn when one is
    limited."""
    model: Text | None = None
    """The model that the provider's bare name stands for."""
    models: tuple[Text, ...] | None = None
    """The only models it may be asked for; absent: those it lists."""
    auth: str = "bearer"
    """How the key is sent: `bearer`, `header NAME`, `query NAME`, or `command PROGRAM ARGUMENT…`, which
    prints a token."""
    headers: dict[str, str] = field(default_factory=dict)
    """Headers of every request; `${NAME}` stands for a variable."""
    deployments: tuple[DeploymentSettings, ...] = ()
    """Several endpoints behind one name, each with its own `base_url`, key or both: calls go to those that work, by load
    and weight."""
    web_search: Search | None = None
    """Which web search of its own the endpoint has: that of its wire (`native`, for anthropic and google), that of
    OpenAI's `responses`, or `openrouter`'s; absent: as the vendor, none for an openai endpoint of your own."""
    price: PriceSettings | None = None
    """Its price; absent: that of the price table, 0 for a server of this machine."""
    limits: LimitSettings = LimitSettings()
    """Limits towards the provider; with deployments, towards each that has none of its own."""
    model_limits: dict[str, RateSettings] = field(default_factory=dict)
    """Limits of single models, by the provider's own names of them, besides those of the provider."""

    @property
    def deployment_names(self) -> tuple[str, ...]:
        """The names of its deployments."""
        return tuple(one.name or str(n) for n, one in enumerate(self.deployments, 1))


def limits_of(providers: Mapping[str, ProviderSettings], endpoint: str) -> LimitSettings:
    """The limits towards an endpoint: `provider`, or `provider@deployment`; what neither sets is None."""
    name, _, deployment = endpoint.partition("@")
    entry = providers.get(name)
    if entry is None:
        return LimitSettings()
    if deployment not in entry.deployment_names:
        return entry.limits
    own = entry.deployments[entry.deployment_names.index(deployment)].limits
    missing = {
        name: getattr(entry.limits, name) for name in own.__struct_fields__ if getattr(own, name) is None
    }
    return replace(own, **missing)
