"""The settings, as types: the keys of quorum.yaml, and the variables that have no key there.

Every field has a default, so an empty configuration is a working one. Amounts are USD as the user wrote
them, times are seconds unless the name says otherwise. The bounds stand in the types and are enforced when
the configuration is read (`quorum_mcp.config.convert`).
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from quorum_mcp.config.bounds import Count, Period, Port, Seconds, Share, Temperature, Text, Usd, VariableName
from quorum_mcp.config.oauth import OAuthSettings
from quorum_mcp.config.providers import ProviderSettings, RateSettings
from quorum_mcp.config.secrets import Masked


class AliasSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """A name for a model with its own defaults."""

    provider: Text
    """The provider."""
    model_id: Text
    """The provider's own name of the model."""
    max_tokens: Count | None = None
    """Tokens of an answer, where a request names none."""
    temperature: Temperature | None = None
    """Temperature, where a request names none."""


class ConsensusSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How panels deliberate. `track_record`: auto (learned data where there is some) or off."""

    synthesizer: Text | None = None
    """The model that writes the answer in prose; absent: the first of `fallback`, else the strongest seat."""
    judge: Text | None = None
    """The model that groups positions and settles conclusions that rules cannot tell apart; absent: whoever
    writes the answer groups positions, and nobody settles."""
    fallback: tuple[Text, ...] = ()
    """Models that write or judge where the first one fails, before the seats themselves."""
    critique_rounds: Annotated[int, Meta(ge=0, le=2)] = 1
    """Rounds of critique in full deliberation."""
    track_record: Literal["auto", "off"] = "auto"
    """`auto` orders seats and picks the decision rule by what calibration learned; `off` does neither."""


class RetrySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Retries of one model: attempts in all, and the bounds of the wait between them."""

    attempts: Annotated[int, Meta(ge=1, le=100)] = 3
    """Attempts in all, the first included."""
    min_seconds: Seconds = 4.0
    """The wait before the second attempt; it doubles from there."""
    max_seconds: Seconds = 10.0
    """The longest wait; a longer one that the provider asks for goes before."""


class ServerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the server listens and whom it answers; port 0 takes any free one."""

    host: Text = "127.0.0.1"
    """The address to listen on."""
    port: Port = 8000
    """The port to listen on; 0 takes any free one."""
    bridge: bool = False
    """Listen on the ports of older clients as well."""
    bridge_host: Text = "127.0.0.1"
    """The address of those ports. One that other machines reach asks everyone for a key."""
    bridge_rest_port: Port = 5050
    """The one where they call tools as `POST /mcp/TOOL`."""
    bridge_websocket_port: Port = 8765
    """The one where they open a WebSocket at `/`."""
    allowed_hosts: tuple[Text, ...] = ()
    """Host names that requests may name, besides loopback, `host` and the address that a request came in
    on."""
    allowed_origins: tuple[Text, ...] = ()
    """Origins of web pages that may call the server, besides its own, as `https://example.org`."""
    tenant_limits: dict[str, RateSettings] = field(default_factory=dict)
    """Limits of all callers of an organisation together, by its id."""
    metrics_port: Port | None = None
    """A port of its own for metrics, besides `/metrics` on `port`; by custom 9090."""
    metrics_host: Text = "127.0.0.1"
    """The address of that port. On one that other machines reach, metrics need a key."""
    peer_url: Text | None = None
    """Where the other servers of the same database reach this one, as `http://10.0.0.5:8000`. They hand on to it what
    belongs to an MCP session of the revision 2025-11-25 that began here."""


class McpSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How assistants use Quorum over MCP."""

    confirm_above: Usd | None = None
    """USD. Where a tool may cost more, the user is asked first; a client that cannot ask is refused."""
    wait_seconds: Annotated[float, Meta(ge=0, le=3600)] = 50.0
    """How long a tool that asks a panel waits, in seconds. Then it answers with what there is, the session goes
    on, and q_out has the rest: many clients give up after 60."""
    exclude_providers: tuple[Text, ...] = ()
    """Providers that these tools leave out, such as the assistant's own vendor."""
    oauth: OAuthSettings | None = None
    """An authorization server whose tokens open /mcp. With one, everyone needs a token or a key there."""


class HealthSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How providers that nobody asks are looked after."""

    probe_seconds: Seconds = 60.0
    """Seconds of idleness after which a server asks a provider for its list of models, which costs nothing; 0
    asks none."""


class FileSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Folders below which `file_paths` may be read: absolute once loaded."""

    roots: tuple[Text, ...] = ()
    """Folders below which files may be read by path; relative ones start at quorum.yaml."""


class RecordSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept of prompts and answers, for how long, and the calendar's time zone."""

    store_content: Literal["full", "none"] = "full"
    """Whether prompts and answers are kept. `none` is refused by this version."""
    retention_days: Annotated[int, Meta(ge=1, le=36_500)] = 90
    """How long records are kept, in days: calls, sessions in which nothing happens any more, files, alerts.
    Sums and histograms of calls, budgets and what scores taught are kept for good."""
    timezone: Text = "UTC"
    """The time zone in which days and months begin."""


class StrategySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The models that a strategy asks, and whether they have to agree."""

    models: tuple[Text, ...] = ()
    """The models it asks."""
    require_consensus: bool = False
    """Whether they have to agree."""


class ExecutionSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The models for requests of one complexity, the preferred one first."""

    preferred: Text | None = None
    """The model to ask first."""
    fallback: tuple[Text, ...] = ()
    """The models to ask where it fails."""


class ServiceSettings(Masked, frozen=True, forbid_unknown_fields=True):
    """One MCP service: a `command` to start (stdio) or a `url` (http).

    Values of `env` and `headers` may hold `${VARIABLE}`.
    """

    type: Literal["stdio", "http"]
    """How the service is reached."""
    command: tuple[Text, ...] = ()
    """The program to start and its arguments (stdio)."""
    url: str | None = None
    """Its address (http)."""
    env: dict[str, str] = field(default_factory=dict)
    """Variables of the program; `${NAME}` stands for a variable."""
    headers: dict[str, str] = field(default_factory=dict)
    """Headers of every request; `${NAME}` stands for a variable."""
    capabilities: tuple[Text, ...] = ()
    """What it can do, in your own words."""


class BudgetSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """A budget: USD per period, for one provider or (None) for all."""

    period: Period
    """The period that the limit holds for."""
    limit: Usd
    """USD per period."""
    provider: Text | None = None
    """The provider it holds for; absent: all."""
    alert_threshold: Share = 0.8
    """The share of the limit at which an alert is raised."""
    enforce: bool = True
    """Whether calls are refused at the limit; `false` only alerts."""


class WebhookSettings(Masked, frozen=True, forbid_unknown_fields=True):
    """Where events are sent; `secret_env` names the variable with the key of the signature."""

    url: str
    """Where events are sent."""
    events: tuple[Text, ...] = ()
    """Which events; none named: all."""
    secret_env: VariableName | None = None
    """The variable with the key of the signature."""
    allow_private: bool = False
    """Whether the address may be of this machine or a private network."""


class GuardrailSettings(Masked, frozen=True, forbid_unknown_fields=True):
    """An HTTP hook asked before and after a call; `on_failure` says what happens when it does not answer."""

    url: str
    """What is asked."""
    name: Text | None = None
    """What traces and errors call it; absent: its host."""
    stages: tuple[Literal["before", "after"], ...] = ("before", "after")
    """Whether it is asked before a call, after it, or both."""
    timeout_seconds: Seconds = 5.0
    """How long it may take, in seconds."""
    on_failure: Literal["block", "allow"] = "block"
    """What happens to the call when it does not answer."""
    secret_env: VariableName | None = None
    """The variable with the key of the signature."""
    allow_private: bool = False
    """Whether the address may be of this machine or a private network."""
    window: Count = 600
    """Characters of a streamed answer that are held back until it has seen them."""
    overlap: Annotated[int, Meta(ge=0, le=1_000_000)] = 100
    """The last characters of each window, which are held back and shown again with the next one. Whatever it is
    to find must not be longer."""


class CacheSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The answer cache: entries live `ttl_seconds`; calls above `max_temperature` are never stored."""

    backend: Literal["memory", "redis", "off"] = "memory"
    """Where answers are cached: in each process's own `memory`, in `redis` (`REDIS_URL`) for all, or nowhere."""
    ttl_seconds: Seconds = 3600.0
    """How long an entry lives, in seconds."""
    max_temperature: Temperature = 0.7
    """Answers of a higher temperature are not cached."""
    skip_providers: tuple[Text, ...] = ()
    """Providers whose answers are not cached."""
    max_entries: Count = 10_000
    """Answers that a process keeps in memory; the one used longest ago goes first."""
    max_bytes: Count = 67_108_864
    """Bytes of memory that they may take."""


class Settings(Masked, frozen=True):
    """Everything that can be set. `sources` maps a dotted key to where its value came from."""

    providers: dict[str, ProviderSettings] = field(default_factory=dict)
    """Providers by name: vendors of the catalogue, or endpoints of your own."""
    panels: dict[str, tuple[Text, ...]] = field(default_factory=dict)
    """Named groups of models. The panel `default` is asked where a question names none."""
    models: dict[str, AliasSettings] = field(default_factory=dict)
    """Aliases: names of your own for models."""
    strategies: dict[str, StrategySettings] = field(default_factory=dict)
    """Named ways to ask several models."""
    execution: dict[Literal["simple", "moderate", "complex"], ExecutionSettings] = field(default_factory=dict)
    """Models by the complexity of a request."""
    mcp_services: dict[str, ServiceSettings] = field(default_factory=dict)
    """MCP services to call."""
    budgets: tuple[BudgetSettings, ...] = ()
    """Budgets in USD per period."""
    consensus: ConsensusSettings = ConsensusSettings()
    """How panels deliberate."""
    retry: RetrySettings = RetrySettings()
    """How often and when a failed attempt is repeated."""
    fallbacks: dict[str, tuple[Text, ...]] = field(default_factory=dict)
    """Models that answer for another one, by its name, when it fails. Seats of a panel never fall back."""
    server: ServerSettings = ServerSettings()
    """Where the server listens and whom it answers."""
    mcp: McpSettings = McpSettings()
    """How assistants use Quorum."""
    health: HealthSettings = HealthSettings()
    """How providers are looked after."""
    files: FileSettings = FileSettings()
    """Which folders may be read."""
    records: RecordSettings = RecordSettings()
    """What is kept, and for how long."""
    webhooks: tuple[WebhookSettings, ...] = ()
    """Where events are sent."""
    guardrails: tuple[GuardrailSettings, ...] = ()
    """HTTP hooks around calls."""
    modules: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Sections of modules, by their names."""
    cache: CacheSettings = CacheSettings()
    """The cache of answers to exact repeats of a low temperature. Seats of a panel never share an answer."""

    # Variables of the environment that quorum.yaml has no key for.
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    """The least important kind of line that is logged."""
    session_timeout_hours: Annotated[float, Meta(gt=0, le=876_000)] = 24.0
    """Hours after which an open session that nothing happens in expires; nothing is deleted by that."""
    max_concurrent_requests: Count = 10
    """Calls to one provider at once, where `limits.concurrency` does not say."""
    default_requests_per_minute: Count = 60
    """Requests per minute to a provider, where its limits do not say."""
    default_tokens_per_minute: Count = 100_000
    """Tokens per minute to a provider, where its limits do not say."""
    default_budget_limit: Usd = 10.0
    """USD of the budget that holds until one is set."""
    default_budget_period: Period = "daily"
    """The period of that budget."""
    max_cost_per_request: Usd = 5.0
    """USD that one request may cost."""
    daily_limit: Usd = 100.0
    """USD that all requests of a day may cost."""
    redis_url: str | None = None
    """A Redis or Valkey server for what processes share."""
    mcp_port: Port = 5002
    """The port where older clients call tools as `POST /tools/TOOL`, with `server.bridge`."""
    home: str = ""
    """The folder of database and journal; default: the user's data folder (`$XDG_DATA_HOME/quorum`, else
    `~/.local/share/quorum`)."""
    database_url: str = ""
    """The database: `sqlite:////path` (default: `quorum.db` in that folder), or `postgresql://user:password@host/name`
    with the extra `postgres`, for several servers."""
    auth: Literal["auto", "off", "required"] = "auto"
    """Who needs a key: `auto` follows the loopback rule, `required` asks everyone, `off` asks nobody and
    works on loopback only."""
    secret_key: str | None = None
    """The master key, or several as `2:KEY,1:KEY`: the first protects what is new, the others read what is old. Absent:
    SQLite's servers make the file `secret.key` in `home`, PostgreSQL's do not start."""
    bootstrap_key: str | None = None
    """A key with all rights; while there is no key at all, only this machine is answered."""
    url: str | None = None
    """The running server that clients use; absent: they run embedded, on the same database."""
    api_key: str | None = None
    """The key that clients send to that server."""
    ollama_url: str = "http://127.0.0.1:11434"
    """Where Ollama listens: a URL, `host`, `host:port` or `:port`."""
    ollama_enable: bool = True
    """`false` leaves Ollama out."""
    use_local_llm: bool = False
    """Put local models first."""

    config_file: str | None = None
    """The quorum.yaml that was read; None where there was none."""
    env: dict[str, str] = field(default_factory=dict)
    """The environment that keys and base URLs are looked up in (never shown, never logged)."""
    sources: dict[str, str] = field(default_factory=dict)
    """Where each value came from, by dotted key."""
