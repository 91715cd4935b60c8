"""The settings, as types: the keys of quorum.yaml, and the variables that have no key there.

Every field has a default, so an empty configuration is a working one. Amounts are USD as the user wrote
them, times are seconds unless the name says otherwise.
"""

from typing import Any, Literal

from msgspec import Struct, field


class PriceSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """USD per million tokens."""

    input_per_million: float
    output_per_million: float
    cached_input_per_million: float | None = None


class LimitSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits towards one provider; None means the application's default."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int | None = None


class ProviderSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One provider: a vendor that the catalogue knows, or any endpoint of a known wire."""

    wire: Literal["openai", "anthropic", "google", "mistral", "ollama"] | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    api_keys: tuple[str, ...] = ()
    model: str | None = None
    models: tuple[str, ...] | None = None
    auth: str = "bearer"
    deployments: tuple[dict[str, Any], ...] = ()
    price: PriceSettings | None = None
    limits: LimitSettings = LimitSettings()


class AliasSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """A name for a model with its own defaults."""

    provider: str
    model_id: str
    max_tokens: int | None = None
    temperature: float | None = None


class ConsensusSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How panels deliberate. `track_record`: auto (learned data where there is some) or off."""

    synthesizer: str | None = None
    judge: str | None = None
    fallback: tuple[str, ...] = ()
    critique_rounds: int = 1
    track_record: str = "auto"


class RetrySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Retries of one model: attempts in all, and the bounds of the wait between them."""

    attempts: int = 3
    min_seconds: float = 4.0
    max_seconds: float = 10.0


class ServerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the server listens and whom it answers."""

    host: str = "127.0.0.1"
    port: int = 8000
    bridge: bool = False
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    metrics_port: int | None = None


class FileSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Folders below which `file_paths` may be read."""

    roots: tuple[str, ...] = ()


class RecordSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept of prompts and answers, for how long, and the calendar's time zone."""

    store_content: Literal["full", "none"] = "full"
    retention_days: int = 90
    timezone: str = "UTC"


class Settings(Struct, frozen=True):
    """Everything that can be set. `sources` maps a dotted key to where its value came from."""

    providers: dict[str, ProviderSettings] = field(default_factory=dict)
    panels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    models: dict[str, AliasSettings] = field(default_factory=dict)
    consensus: ConsensusSettings = ConsensusSettings()
    retry: RetrySettings = RetrySettings()
    fallbacks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    server: ServerSettings = ServerSettings()
    files: FileSettings = FileSettings()
    records: RecordSettings = RecordSettings()

    # Variables of the environment that quorum.yaml has no key for.
    log_level: str = "INFO"
    session_timeout_hours: float = 24.0
    max_concurrent_requests: int = 10
    max_cost_per_request: float = 5.0
    home: str = ""
    database_url: str = ""
    auth: Literal["auto", "off", "required"] = "auto"
    secret_key: str | None = None
    bootstrap_key: str | None = None
    ollama_enable: bool = True
    use_local_llm: bool = False

    env: dict[str, str] = field(default_factory=dict)
    """The environment that keys and base URLs are looked up in (never shown, never logged)."""
    sources: dict[str, str] = field(default_factory=dict)
