"""The settings, as types: the keys of quorum.yaml, and the variables that have no key there.

Every field has a default, so an empty configuration is a working one. Amounts are USD as the user wrote
them, times are seconds unless the name says otherwise. The bounds stand in the types and are enforced when
the configuration is read (`quorum_mcp.config.convert`).
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from quorum_mcp.config.secrets import Masked

Port = Annotated[int, Meta(ge=0, le=65535)]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000_000)]
Seconds = Annotated[float, Meta(ge=0, le=31_536_000)]
Usd = Annotated[float, Meta(gt=0, le=1_000_000_000)]
Price = Annotated[float, Meta(ge=0, le=1_000_000)]
Share = Annotated[float, Meta(gt=0, le=1)]
Temperature = Annotated[float, Meta(ge=0, le=2)]
Text = Annotated[str, Meta(min_length=1)]
VariableName = Annotated[str, Meta(pattern="^[A-Za-z_][A-Za-z0-9_]*$")]
Period = Literal["hourly", "daily", "weekly", "monthly", "total"]


class PriceSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """USD per million tokens."""

    input_per_million: Price
    output_per_million: Price
    cached_input_per_million: Price | None = None


class LimitSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits towards one provider; None means the application's default."""

    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    concurrency: Count | None = None


class DeploymentSettings(Masked, frozen=True, forbid_unknown_fields=True):
    """One of several endpoints behind a provider's name; what is absent is the provider's own.

    `model` is the endpoint's own name of the model, `weight` its share of the calls against the others.
    """

    base_url: str
    api_key_env: VariableName | None = None
    api_keys: tuple[Text, ...] = ()
    model: Text | None = None
    weight: Count = 1
    limits: LimitSettings = LimitSettings()


class ProviderSettings(Masked, frozen=True, forbid_unknown_fields=True):
    """One provider: a vendor that the catalogue knows, or any endpoint of a known wire.

    `api_keys` may hold `${VARIABLE}`; `auth` is `bearer`, `header NAME`, `query NAME` or
    `command PROGRAM ARGUMENT…`.
    """

    wire: Literal["openai", "anthropic", "google", "mistral", "ollama"] | None = None
    base_url: str | None = None
    api_key_env: VariableName | None = None
    api_keys: tuple[Text, ...] = ()
    model: Text | None = None
    models: tuple[Text, ...] | None = None
    auth: str = "bearer"
    deployments: tuple[DeploymentSettings, ...] = ()
    price: PriceSettings | None = None
    limits: LimitSettings = LimitSettings()


class AliasSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """A name for a model with its own defaults."""

    provider: Text
    model_id: Text
    max_tokens: Count | None = None
    temperature: Temperature | None = None


class ConsensusSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How panels deliberate. `track_record`: auto (learned data where there is some) or off."""

    synthesizer: Text | None = None
    judge: Text | None = None
    fallback: tuple[Text, ...] = ()
    critique_rounds: Annotated[int, Meta(ge=0, le=2)] = 1
    track_record: Literal["auto", "off"] = "auto"


class RetrySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Retries of one model: attempts in all, and the bounds of the wait between them."""

    attempts: Annotated[int, Meta(ge=1, le=100)] = 3
    min_seconds: Seconds = 4.0
    max_seconds: Seconds = 10.0


class ServerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the server listens and whom it answers; port 0 takes any free one."""

    host: Text = "127.0.0.1"
    port: Port = 8000
    bridge: bool = False
    allowed_hosts: tuple[Text, ...] = ()
    allowed_origins: tuple[Text, ...] = ()
    metrics_port: Port | None = None


class FileSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Folders below which `file_paths` may be read: absolute once loaded."""

    roots: tuple[Text, ...] = ()


class RecordSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept of prompts and answers, for how long, and the calendar's time zone."""

    store_content: Literal["full", "none"] = "full"
    retention_days: Annotated[int, Meta(ge=1, le=36_500)] = 90
    timezone: Text = "UTC"


class StrategySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The models that a strategy asks, and whether they have to agree."""

    models: tuple[Text, ...] = ()
    require_consensus: bool = False


class ExecutionSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The models for requests of one complexity, the preferred one first."""

    preferred: Text | None = None
    fallback: tuple[Text, ...] = ()


class ServiceSettings(Masked, frozen=True, forbid_unknown_fields=True):
    """One MCP service: a `command` to start (stdio) or a `url` (http).

    Values of `env` and `headers` may hold `${VARIABLE}`.
    """

    type: Literal["stdio", "http"]
    command: tuple[Text, ...] = ()
    url: str | None = None
    env: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    capabilities: tuple[Text, ...] = ()


class BudgetSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """A budget: USD per period, for one provider or (None) for all."""

    period: Period
    limit: Usd
    provider: Text | None = None
    alert_threshold: Share = 0.8
    enforce: bool = True


class WebhookSettings(Masked, frozen=True, forbid_unknown_fields=True):
    """Where events are sent; `secret_env` names the variable with the key of the signature."""

    url: str
    events: tuple[Text, ...] = ()
    secret_env: VariableName | None = None


class GuardrailSettings(Masked, frozen=True, forbid_unknown_fields=True):
    """An HTTP hook asked before and after a call; `on_failure` says what happens when it does not answer."""

    url: str
    stages: tuple[Literal["before", "after"], ...] = ("before", "after")
    timeout_seconds: Seconds = 5.0
    on_failure: Literal["block", "allow"] = "block"
    secret_env: VariableName | None = None


class CacheSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The answer cache: entries live `ttl_seconds`; calls above `max_temperature` are never stored."""

    backend: Literal["memory", "redis", "off"] = "memory"
    ttl_seconds: Seconds = 3600.0
    max_temperature: Temperature = 0.7
    skip_providers: tuple[Text, ...] = ()


class Settings(Masked, frozen=True):
    """Everything that can be set. `sources` maps a dotted key to where its value came from."""

    providers: dict[str, ProviderSettings] = field(default_factory=dict)
    panels: dict[str, tuple[Text, ...]] = field(default_factory=dict)
    models: dict[str, AliasSettings] = field(default_factory=dict)
    strategies: dict[str, StrategySettings] = field(default_factory=dict)
    execution: dict[Literal["simple", "moderate", "complex"], ExecutionSettings] = field(default_factory=dict)
    mcp_services: dict[str, ServiceSettings] = field(default_factory=dict)
    budgets: tuple[BudgetSettings, ...] = ()
    consensus: ConsensusSettings = ConsensusSettings()
    retry: RetrySettings = RetrySettings()
    fallbacks: dict[str, tuple[Text, ...]] = field(default_factory=dict)
    server: ServerSettings = ServerSettings()
    files: FileSettings = FileSettings()
    records: RecordSettings = RecordSettings()
    webhooks: tuple[WebhookSettings, ...] = ()
    guardrails: tuple[GuardrailSettings, ...] = ()
    modules: dict[str, dict[str, Any]] = field(default_factory=dict)
    cache: CacheSettings = CacheSettings()

    # Variables of the environment that quorum.yaml has no key for.
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    session_timeout_hours: Annotated[float, Meta(gt=0, le=876_000)] = 24.0
    max_concurrent_requests: Count = 10
    default_requests_per_minute: Count = 60
    default_tokens_per_minute: Count = 100_000
    default_budget_limit: Usd = 10.0
    default_budget_period: Period = "daily"
    max_cost_per_request: Usd = 5.0
    daily_limit: Usd = 100.0
    redis_url: str | None = None
    mcp_port: Port = 5002
    home: str = ""
    database_url: str = ""
    auth: Literal["auto", "off", "required"] = "auto"
    secret_key: str | None = None
    bootstrap_key: str | None = None
    url: str | None = None
    api_key: str | None = None
    ollama_url: str = "http://127.0.0.1:11434"
    ollama_enable: bool = True
    use_local_llm: bool = False

    config_file: str | None = None
    """The quorum.yaml that was read; None where there was none."""
    env: dict[str, str] = field(default_factory=dict)
    """The environment that keys and base URLs are looked up in (never shown, never logged)."""
    sources: dict[str, str] = field(default_factory=dict)
