"""What the database says when it cannot go on, as the error whose remedy helps. What is not here: who asked it."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, OperationalError

from syncd.errors import ConfigError, Problem, SyncdError, Transient

CORRUPT, FULL, NO_DATABASE = 11, 13, 26
"""SQLite's own numbers, in the last byte of what it answers."""

DISK_FULL = "53100"
"""PostgreSQL's."""

RESTORE = "Put a copy in its place: `syncd restore`; without one, move it away, and syncd reads both sides anew."


def told(error: DBAPIError) -> SyncdError | None:
    """The error that says what to do; None for a mistake of ours."""
    if damaged(error):
        return ConfigError(Problem("[syncd] store", f"its file is damaged: {error.orig}.", RESTORE))
    if _code(error) == FULL or getattr(error.orig, "sqlstate", None) == DISK_FULL:
        return Transient(f"The store cannot be written: {error.orig}. Make room on its disk.")
    if isinstance(error, OperationalError) or error.connection_invalidated:
        return Transient(f"the store does not answer: {error.orig}")
    return None


def damaged(error: DBAPIError) -> bool:
    """Whether SQLite finds its file damaged, or of something else."""
    return _code(error) in (CORRUPT, NO_DATABASE)


def _code(error: DBAPIError) -> int | None:
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code & 0xFF if code is not None else None
