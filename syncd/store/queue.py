"""Where the tasks of the cluster lie: a schema of their own, beside syncd's tables.

A queue holds nothing that is worth keeping: tasks say "look whether something is due", and what is due is marked. So a
queue of another version is left alone and a new one is made. What is not here: the tasks (`syncd.service.cluster`).
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.engine import make_url

from syncd.store.store import Store


def address(store: Store) -> str:
    """The database as libpq knows it, password and all."""
    return make_url(store.url).set(drivername="postgresql").render_as_string(hide_password=False)


def make(store: Store, schema: str, tables: str) -> None:
    """See to it that this schema (a name of letters, digits and _) holds what this script makes."""
    query = text("SELECT 1 FROM information_schema.schemata WHERE schema_name = :name")
    with store.begin() as tx:
        if tx.connection.execute(query, {"name": schema}).one_or_none() is not None:
            return
        driver = tx.connection.connection.driver_connection
        if driver is not None:
            driver.execute(f'CREATE SCHEMA "{schema}"; SET LOCAL search_path TO "{schema}"; {tables}')
