"""Controls: organisations and keys, budgets and leases, alerts and webhooks, figures.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of what controls calls."""
    _create_access()
    _create_budgets()
    _create_alerts()
    _create_figures()
    _create_responses()
    _create_requests()


def _create_requests() -> None:
    """What callers ask of the owner of a run."""
    op.create_table(
        "part_stops",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("part", sa.Text, nullable=False),
        sa.Column("found", sa.Boolean),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_part_stops_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_part_stops")),
    )
    op.create_index("ix_part_stops_run", "part_stops", ["run_id"])


def _create_access() -> None:
    """Organisations, API keys and providers' keys."""
    op.create_table(
        "organizations",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations")),
        sa.UniqueConstraint("name", name=op.f("uq_organizations_name")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("digest_version", sa.Integer, nullable=False),
        sa.Column("hint", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("models", sa.Text),
        sa.Column("requests_per_minute", sa.BigInteger),
        sa.Column("tokens_per_minute", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sa.Column("last_used_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_keys_digest")),
    )
    op.create_index("ix_api_keys_list", "api_keys", ["tenant", "created_at"])
    op.create_table(
        "credentials",
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("hint", sa.Text, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_credentials")),
    )


def _create_budgets() -> None:
    """Budgets, their periods, and the slices that processes hold."""
    op.create_table(
        "budgets",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("provider", sa.Text),
        sa.Column("tenant", sa.Text),
        sa.Column("key_id", sa.Text),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("alert_threshold", sa.Float, nullable=False),
        sa.Column("enforce", sa.Boolean, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("source", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budgets")),
    )
    op.create_table(
        "budget_periods",
        sa.Column("budget_id", sa.Text, nullable=False),
        sa.Column("starts_at", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.Column("leased", sa.BigInteger, nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.Column("alerted", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("budget_id", "starts_at", name=op.f("pk_budget_periods")),
    )
    op.create_table(
        "leases",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("budget_id", sa.Text, nullable=False),
        sa.Column("starts_at", sa.BigInteger, nullable=False),
        sa.Column("segment", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("granted", sa.BigInteger, nullable=False),
        sa.Column("settled", sa.BigInteger, nullable=False),
        sa.Column("returned", sa.Boolean, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leases")),
    )
    op.create_index("ix_leases_period", "leases", ["budget_id", "starts_at"])
    op.create_index("ix_leases_segment", "leases", ["segment"])


def _create_alerts() -> None:
    """What was noticed, and what is sent to webhooks."""
    op.create_table(
        "alerts",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text),
        sa.Column("provider", sa.Text),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index("ix_alerts_at", "alerts", ["at"])
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("webhook", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("next_at", sa.BigInteger),
        sa.Column("delivered_at", sa.BigInteger),
        sa.Column("status", sa.Integer),
        sa.Column("error", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index("ix_deliveries_next", "deliveries", ["next_at"])
    op.create_index("ix_deliveries_list", "deliveries", ["created_at", "id"])


def _create_figures() -> None:
    """Sums and histograms over calls, and what finds old records."""
    op.create_table(
        "rollups",
        sa.Column("starts_at", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("cached", sa.BigInteger, nullable=False),
        sa.Column("ok", sa.BigInteger, nullable=False),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.Column("faults", sa.BigInteger, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("cost", sa.BigInteger, nullable=False),
        sa.Column("priced", sa.BigInteger, nullable=False),
        sa.Column("priced_tokens", sa.BigInteger, nullable=False),
        sa.Column("latency_ms", sa.BigInteger, nullable=False),
        sa.Column("generated_tokens", sa.BigInteger, nullable=False),
        sa.Column("generation_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint(
            "starts_at", "tenant", "key_id", "provider", "model", name=op.f("pk_rollups")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "histograms",
        sa.Column("measure", sa.Text, nullable=False),
        sa.Column("starts_at", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("bucket", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint(
            "measure", "starts_at", "tenant", "provider", "model", "bucket", name=op.f("pk_histograms")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_runs_created", "runs", ["created_at"])
    op.create_index("ix_calls_created", "calls", ["created_at"])


def _create_responses() -> None:
    """Responses that callers may go on from."""
    op.create_table(
        "responses",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("previous", sa.Text),
        sa.Column("input", sa.Text, nullable=False),
        sa.Column("output", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_responses")),
    )
    op.create_index("ix_responses_at", "responses", ["created_at"])
