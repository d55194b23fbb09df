"""A text file in the place of the one that was there, whole or not at all. What is not here: what it says."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from syncd.errors import ConfigError, Problem


def replaced(target: Path, text: str, *, like: Path) -> None:
    """Write the file whole or not at all, with the owner and the rights it had, and the line ends of it or of `like`.

    Raises ConfigError where it cannot be written.
    """
    target = target.resolve()  # what a link leads to is replaced, and not the link
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        had = target.read_bytes() if target.is_file() else like.read_bytes()
        ended = text.replace("\n", "\r\n") if had.count(b"\r\n") * 2 > had.count(b"\n") else text
        with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as made:
            new = Path(made.name)
            try:
                made.write(ended.encode("utf-8"))
                made.flush()
                os.fsync(made.fileno())
                _as_before(made.fileno(), target)
                new.replace(target)
            except BaseException:
                new.unlink(missing_ok=True)
                raise
    except (OSError, UnicodeEncodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "it holds letters that no file can hold"
        remedy = "syncd needs to write there; the user it works as is named by `systemctl show syncd -p User`."
        raise ConfigError(Problem(str(target), f"cannot be written: {told}.", remedy)) from error


def _as_before(handle: int, target: Path) -> None:
    known = target.stat() if target.is_file() else None
    os.fchmod(handle, known.st_mode & 0o777 if known is not None else 0o644)
    if known is not None:
        with suppress(PermissionError):  # only root gives a file away
            os.fchown(handle, known.st_uid, known.st_gid)
