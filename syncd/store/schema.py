"""The store's version: made, upgraded and checked with alembic.

What is not here: the migrations themselves (`migrations/`, inside the package in a wheel, beside it in a checkout).
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from syncd.errors import ConfigError, Problem
from syncd.store.store import Store

PACKAGE = Path(__file__).resolve().parent.parent


def _config(store: Store) -> Config:
    inside = PACKAGE / "migrations"
    folder = inside if inside.is_dir() else PACKAGE.parent / "migrations"
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["engine"] = store.engine
    return config


def head(store: Store) -> str:
    """The version this code works with."""
    return str(ScriptDirectory.from_config(_config(store)).get_current_head())


def version(store: Store) -> str | None:
    """The version of the store; None if it is empty."""
    with store.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def empty(store: Store) -> bool:
    """Whether the store has no table yet."""
    return not inspect(store.engine).get_table_names()


def upgrade(store: Store) -> tuple[str | None, str]:
    """Bring the store to this code's version; the versions before and after."""
    before = version(store)
    _refuse_unknown(store, before)
    command.upgrade(_config(store), "head")
    return before, head(store)


def check(store: Store) -> None:
    """Refuse a store of another version. Raises ConfigError that says what to run."""
    found, wanted = version(store), head(store)
    if found == wanted:
        return
    if empty(store):
        raise ConfigError(Problem("[syncd] store", "the store is empty.", "Run `syncd db upgrade` to make its tables."))
    _refuse_unknown(store, found)
    message = f"the store has version {found}, this syncd works with {wanted}."
    raise ConfigError(Problem("[syncd] store", message, "Run `syncd db upgrade`, after a backup."))


def _refuse_unknown(store: Store, found: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config(store)).walk_revisions()}
    if found is not None and found not in known:
        message = f"the store has version {found}, which this syncd does not know: a newer syncd wrote it."
        raise ConfigError(Problem("[syncd] store", message, "Install that newer syncd, or restore a backup."))
