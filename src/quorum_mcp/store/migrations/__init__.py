"""The schema's history, as Alembic migrations. Loaded only by `store.upgrade`."""
