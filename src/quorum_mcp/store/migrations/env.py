"""Alembic's entry: runs the migrations on the connection that `store.upgrade` hands over, in its transaction."""

from alembic import context

from quorum_mcp.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite's DDL takes part in transactions as PostgreSQL's does: a migration is done whole or not at all.
    transactional_ddl=True,
    # SQLite changes a column by copying its table.
    render_as_batch=True,
)
context.run_migrations()
