"""The settings of providers, as types."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from quorum_mcp.config.bounds import Count, Price, Text, VariableName
from quorum_mcp.config.secrets import Masked


class PriceSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """USD per million tokens."""

    input_per_million: Price
    """USD per million tokens of the prompt."""
    output_per_million: Price
    """USD per million tokens of the answer, reasoning included."""
    cached_input_per_million: Price | None = None
    """USD per million tokens of the prompt that the provider had cached; absent: as all input."""


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
    """One of several endpoints behind a provider's name; what is absent is the provider's own.

    `model` is the endpoint's own name of the model, `weight` its share of the calls against the others.
    """

    base_url: str
    """The endpoint's address."""
    api_key_env: VariableName | None = None
    """The variable that holds its key."""
    api_keys: tuple[Text, ...] = ()
    """Its keys."""
    model: Text | None = None
    """The endpoint's own name of the model."""
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
    """The address: with `/v1` on the openai wire, without a version path on the others."""
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
    deployments: tuple[DeploymentSettings, ...] = ()
    """Several endpoints behind one name. Refused by this version."""
    price: PriceSettings | None = None
    """Its price; absent: that of the price table, 0 for a server of this machine."""
    limits: LimitSettings = LimitSettings()
    """Limits towards the provider."""
    model_limits: dict[str, RateSettings] = field(default_factory=dict)
    """Limits of single models, by the provider's own names of them, besides those of the provider."""
