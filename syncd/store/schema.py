"""The store's version: made, upgraded and checked with alembic.

What is not here: the migrations themselves (`migrations/`, inside the package in a wheel, beside it in a checkout).
Alembic is loaded only to upgrade: a start-up reads one row instead.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from syncd.errors import ConfigError, Problem
from syncd.store import troubles
from syncd.store.store import Store

PACKAGE = Path(__file__).resolve().parent.parent


def folder() -> Path:
    """Where the migrations are."""
    inside = PACKAGE / "migrations"
    return inside if inside.is_dir() else PACKAGE.parent / "migrations"


def known() -> list[str]:
    """The versions this code knows, oldest first: migrations are files named `NNNN_what.py`."""
    return sorted(path.name[:4] for path in (folder() / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))


def head() -> str:
    """The version this code works with."""
    return known()[-1]


def version(store: Store) -> str | None:
    """The version of the store; None if it has none."""
    return _look(store)[0]


def empty(store: Store) -> bool:
    """Whether the store has no table yet."""
    return not _look(store)[1]


def _look(store: Store) -> tuple[str | None, list[str]]:
    """The version and the tables, at one moment. Raises ConfigError where there is no database, or none to be read."""
    try:
        with store.engine.connect() as connection, connection.begin():
            if store.sqlite:
                connection.exec_driver_sql("BEGIN")
            tables = inspect(connection).get_table_names()
            if "alembic_version" not in tables:
                return None, tables
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none(), tables
    except DBAPIError as error:
        remedy = "Its folder must be there and writable."
        if troubles.damaged(error):
            remedy = troubles.RESTORE
        elif not store.sqlite:
            remedy = "Its server must run, and let syncd in."
        raise ConfigError(Problem("[syncd] store", f"it cannot be opened: {error.orig}.", remedy)) from error


def upgrade(store: Store, *, to: str = "head") -> tuple[str | None, str]:
    """Bring the store to this code's version, or to one before it; the versions before and after."""
    from alembic import command
    from alembic.config import Config

    before, tables = _look(store)
    _refuse_unknown(before, tables)
    config = Config()
    config.set_main_option("script_location", str(folder()).replace("%", "%%"))
    config.attributes["engine"] = store.engine
    command.upgrade(config, to)
    return before, head() if to == "head" else to


def check(store: Store) -> None:
    """Refuse a store of another version. Raises ConfigError that says what to run."""
    (found, tables), wanted = _look(store), head()
    if found == wanted:
        return
    if not tables:
        raise ConfigError(Problem("[syncd] store", "the store is empty.", "Run `syncd db upgrade` to make its tables."))
    _refuse_unknown(found, tables)
    message = f"the store has version {found}, this syncd works with {wanted}."
    raise ConfigError(Problem("[syncd] store", message, "Run `syncd db upgrade`, after a backup."))


def must_be_known(store: Store) -> None:
    """Raises ConfigError for what is no store of ours, or of a newer syncd."""
    found, tables = _look(store)
    if not tables:
        raise ConfigError(Problem(str(store.file or "the store"), "is empty.", "Name another one."))
    _refuse_unknown(found, tables)


def _refuse_unknown(found: str | None, tables: list[str]) -> None:
    if tables and (found is None or not _numbered(found)):
        message = "the database holds tables of another program."
        raise ConfigError(Problem("[syncd] store", message, "Give syncd a database of its own."))
    if found is not None and found not in known():
        message = f"the store has version {found}, which this syncd does not know: a newer syncd wrote it."
        raise ConfigError(Problem("[syncd] store", message, "Install that newer syncd, or restore a backup."))


def _numbered(found: str) -> bool:
    """Whether a version is one of ours, of whatever age: four digits."""
    return len(found) == 4 and found.isdecimal()
