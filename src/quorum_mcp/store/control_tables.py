"""The tables of what controls calls: who may call, what may be spent, what was noticed, what was measured.

Types as in `tables`: times are microseconds since 1970 in UTC, amounts nanodollars, JSON is text.
"""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, Table, Text

from quorum_mcp.store.tables import metadata

# An organisation is a tenant: `id` stands in every `tenant` column.
organizations = Table(
    "organizations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
)

# API keys. Only `digest` (HMAC under master key number `digest_version`) tells one; the key itself is shown once.
# `scopes` is a JSON list, `models` one of allowed names or patterns (absent: all).
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("digest_version", Integer, nullable=False),
    Column("hint", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("models", Text),
    Column("requests_per_minute", BigInteger),
    Column("tokens_per_minute", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("last_used_at", BigInteger),
)
Index("ix_api_keys_list", api_keys.c.tenant, api_keys.c.created_at)

# Providers' keys, sealed under master key number `version`; `hint` is their last characters.
credentials = Table(
    "credentials",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("hint", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

# Budgets. `id` is made of period, provider, tenant and key (absent: all of them), so that equal ones replace
# each other. `origin`: a `config` one follows the file named in `source` at each start, a `user` one was set
# at run time.
budgets = Table(
    "budgets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("period", Text, nullable=False),
    Column("provider", Text),
    Column("tenant", Text),
    Column("key_id", Text),
    Column("amount", BigInteger, nullable=False),
    Column("alert_threshold", Float, nullable=False),
    Column("enforce", Boolean, nullable=False),
    Column("origin", Text, nullable=False),
    Column("source", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

# One period of a budget. spent + leased <= the budget's amount, but for bills above their reservations;
# such a bill closes the period. `alerted` is the highest share (in percent) that was announced.
budget_periods = Table(
    "budget_periods",
    metadata,
    Column("budget_id", Text, primary_key=True),
    Column("starts_at", BigInteger, primary_key=True, autoincrement=False),
    Column("spent", BigInteger, nullable=False),
    Column("leased", BigInteger, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("alerted", Integer, nullable=False),
)

# A process's slice of a budget's period: `granted` to it, of which `settled` was billed. `segment` names the
# process's journal, `place` the folder it is in: once it is replayed, what is left returns. `expires_at` is
# database time. From a `returned` one nothing may be drawn any more.
leases = Table(
    "leases",
    metadata,
    Column("id", Text, primary_key=True),
    Column("budget_id", Text, nullable=False),
    Column("starts_at", BigInteger, nullable=False),
    Column("segment", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("granted", BigInteger, nullable=False),
    Column("settled", BigInteger, nullable=False),
    Column("returned", Boolean, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
Index("ix_leases_period", leases.c.budget_id, leases.c.starts_at)
Index("ix_leases_segment", leases.c.segment)

# What somebody should know: budgets that run out, providers that fail. `data` is JSON.
alerts = Table(
    "alerts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("tenant", Text),
    Column("provider", Text),
    Column("subject", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("data", Text, nullable=False),
)
Index("ix_alerts_at", alerts.c.at)

# Messages to webhooks, until they are delivered or given up. `webhook` is made of the address, which itself is
# in the settings alone: addresses may hold secrets. `next_at` (database time) absent: nothing more is tried.
# `status` is the last answer's.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("webhook", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", BigInteger),
    Column("delivered_at", BigInteger),
    Column("status", Integer),
    Column("error", Text),
    Column("created_at", BigInteger, nullable=False),
)
Index("ix_deliveries_next", deliveries.c.next_at)
Index("ix_deliveries_list", deliveries.c.created_at, deliveries.c.id)

# Sums over the calls of a slot of time that begins at `starts_at`: see `rollups`. `key_id` is empty where no key
# asked. `cached`: answered by the cache; `faults`: failures that are the provider's own; `priced`: calls with a
# known cost, and their tokens; `latency_ms`: of what a provider answered; `generated_tokens` in `generation_ms`.
rollups = Table(
    "rollups",
    metadata,
    Column("starts_at", BigInteger, primary_key=True, autoincrement=False),
    Column("tenant", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("provider", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("calls", BigInteger, nullable=False),
    Column("cached", BigInteger, nullable=False),
    Column("ok", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("faults", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
    Column("priced", BigInteger, nullable=False),
    Column("priced_tokens", BigInteger, nullable=False),
    Column("latency_ms", BigInteger, nullable=False),
    Column("generated_tokens", BigInteger, nullable=False),
    Column("generation_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# How many calls of a slot fell into each logarithmic bucket of a measure (`latency`, `first_token`, `throughput`).
# The key begins with what is asked for. Both tables are read in ranges of their keys: on SQLite they are stored so.
histograms = Table(
    "histograms",
    metadata,
    Column("measure", Text, primary_key=True),
    Column("starts_at", BigInteger, primary_key=True, autoincrement=False),
    Column("tenant", Text, primary_key=True),
    Column("provider", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
