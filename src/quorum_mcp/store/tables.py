"""The tables, in types that every engine has.

Timestamps (`…_at`, `at`) are microseconds since 1970 in UTC, amounts are nanodollars, JSON is text that
we encode ourselves. A change here needs a migration; a test holds the two against each other.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Facts about the database itself: `id`, which its journals' files are named after.
meta = Table("meta", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))

# One row per session. `epoch` grows with every claim and every turn: only its holder may append.
# `search` is the first question, case-folded by us, so that a search finds the same on every engine.
runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("search", Text, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("input", Text, nullable=False),
    Column("output", Text),
    Column("owner", Text),
    Column("epoch", Integer, nullable=False),
    Column("heartbeat_at", BigInteger, nullable=False),
    Column("deadline_at", BigInteger),
    Column("cancel_requested", Boolean, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("total_cost", BigInteger),
    Column("calls", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
)
Index("ix_runs_list", runs.c.tenant, runs.c.created_at, runs.c.id)
Index("ix_runs_status", runs.c.status)
Index("ix_runs_created", runs.c.created_at)

# The log of a run, over all its turns. `seq` grows but has gaps; `ts` is text as the envelope shows it.
events = Table(
    "events",
    metadata,
    Column("run_id", Text, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("ts", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
)

# What callers of other processes ask of a run's owner: to give up a part of it. `found` is the owner's answer.
part_stops = Table(
    "part_stops",
    metadata,
    Column("id", Text, primary_key=True),
    Column("run_id", Text, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("turn", Integer, nullable=False),
    Column("part", Text, nullable=False),
    Column("found", Boolean),
    Column("at", BigInteger, nullable=False),
)
Index("ix_part_stops_run", part_stops.c.run_id)

# A key names one request for good: the same body gets the same run back, another body is a conflict.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body_hash", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

# One row per call of a model, with or without a run. Neither `run_id` nor `attempts.call_id` is a foreign key:
# an attempt is stored before its call has ended, and a record outlives its session. A call that its first attempt
# answered stands for that too, which then has no row of its own; older rows have one.
calls = Table(
    "calls",
    metadata,
    Column("id", Text, primary_key=True),
    Column("run_id", Text),
    Column("tenant", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("surface", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("stop", Text),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("cache_write_tokens", BigInteger, nullable=False),
    Column("reasoning_tokens", BigInteger, nullable=False),
    Column("estimated", Boolean, nullable=False),
    Column("cost", BigInteger),
    Column("price_source", Text),
    Column("latency_ms", Integer),
    Column("first_token_ms", Integer),
    Column("attempts", Integer, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("key_id", Text),
    Column("tags", Text),
    Column("trace", Text),
    Column("prompt", Text),
    Column("answer", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
)
Index("ix_calls_list", calls.c.tenant, calls.c.created_at, calls.c.id)
Index("ix_calls_run", calls.c.run_id)
Index("ix_calls_provider", calls.c.provider, calls.c.created_at)
Index("ix_calls_created", calls.c.created_at)

# One row per request that left for a provider, but for those that answered their call as its first; their call's row
# is theirs. Its id is what makes a replay of the journal idempotent.
attempts = Table(
    "attempts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("call_id", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("error_code", Text),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("estimated", Boolean, nullable=False),
    Column("cost", BigInteger),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
)
Index("ix_attempts_call", attempts.c.call_id, attempts.c.n)

# What a user said about one turn's answer.
feedback = Table(
    "feedback",
    metadata,
    Column("run_id", Text, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("turn", Integer, primary_key=True, autoincrement=False),
    Column("score", Float, nullable=False),
    Column("note", Text),
    Column("at", BigInteger, nullable=False),
)

# What was learnt about a panel, by the panel's name or the hash of its members.
calibrations = Table(
    "calibrations",
    metadata,
    Column("panel", Text, primary_key=True),
    Column("data", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

# Files that callers uploaded to use in a query.
files = Table(
    "files",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
Index("ix_files_list", files.c.tenant, files.c.created_at)

# Answers of the model APIs to requests with an idempotency key, for a day; None while `owner` is at it, until `ends_by`.
kept_answers = Table(
    "kept_answers",
    metadata,
    Column("caller", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body_hash", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("ends_by", BigInteger, nullable=False),
    Column("answer", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
)
Index("ix_kept_answers_at", kept_answers.c.created_at)

# Responses of OpenAI's API that callers may go on from. `input` and `output` are JSON.
responses = Table(
    "responses",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("previous", Text),
    Column("input", Text, nullable=False),
    Column("output", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
Index("ix_responses_at", responses.c.created_at)

# On PostgreSQL each connection that writes counts its commits here: see `postgres_tally`.
writers = Table(
    "writers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("commits", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
)
