"""Alembic's environment: runs migrations on the engine that `syncd.store.schema` hands over.

What is not here: settings; `alembic revision` during development reads the address from `-x url=...`.
"""

from alembic import context
from sqlalchemy import create_engine

from syncd.store.store import WRITER
from syncd.store.tables import metadata

engine = context.config.attributes.get("engine") or create_engine(context.get_x_argument(as_dictionary=True)["url"])
# One process at a time, and all of it or nothing: the second finds the work done. The transaction is ours, because
# alembic's own ends after each migration on SQLite.
with engine.connect() as connection, connection.begin():
    postgresql = connection.dialect.name == "postgresql"
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER})" if postgresql else "BEGIN IMMEDIATE")
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    context.run_migrations()
