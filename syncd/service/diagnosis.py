"""What somebody needs to help from afar, as files: versions, the set-up, how it goes, what was done and what rests.

No key, and nothing of anybody's records: what a vendor's sentence may quote is masked. What is not here: records.
"""

from __future__ import annotations

import io
import platform
import re
import sqlite3
import tarfile
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import orjson
import structlog

from syncd import VERSION
from syncd.config import Config
from syncd.fieldmaps import find_all
from syncd.service.log import Secrets
from syncd.store.store import Store, Tx

log = structlog.stdlib.get_logger("syncd.diagnosis")

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
NUMBER = re.compile(r"(?<![\w.:-])(?!\d{4}-\d\d-\d\d)\+?\(?\d[\d ().-]{5,}\d(?![\w:])")
QUOTED = re.compile(r"\"[^\"\n]*\"|“[^”\n]*”|(?<!\w)'[^'\n]*'(?!\w)")
MASK = "***"
RUNS = 200
_READABLE = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS


def masked(value: Any) -> Any:
    """Every sentence of it without the addresses, numbers and values that it quotes."""
    if isinstance(value, Mapping):
        return {name: masked(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [masked(one) for one in value]
    if not isinstance(value, str):
        return value
    for pattern in (EMAIL, NUMBER, QUOTED):
        value = pattern.sub(MASK, value)
    return value


def about(store: Store) -> dict[str, Any]:
    """What runs here."""
    return {
        "syncd": VERSION,
        "python": platform.python_version(),
        "machine": platform.platform(),
        "store": store.engine.dialect.name,
        "sqlite": sqlite3.sqlite_version,
        "packages": {one.metadata["Name"]: one.version for one in distributions()},
    }


def told(tx: Tx) -> dict[str, Any]:
    """What the store says of its work: rows by table, runs, what rests and why, how the systems are."""
    runs = [
        {
            "run": run.id, "pair": run.pair, "mode": run.mode, "state": run.state, "started": run.started_at,
            "ended": run.ended_at, **run.counts,
        }
        for run in tx.runs.last(limit=RUNS)
    ]  # fmt: skip
    parked = [{"map": key, "cause": cause, "records": count} for key, cause, count in tx.marks.causes()]
    return {"rows": tx.rows(), "runs": runs, "parked": parked}


def archive(config: Config, store: Store, ask: Mapping[str, Callable[[], Any]], now: datetime) -> bytes:
    """All of it, compressed. `ask`: what else is told, by name; what cannot be told says why instead."""
    secrets = Secrets(config.secrets())
    asked = {"about": lambda: about(store), "work": lambda: _told(store), **ask}
    files = {f"{name}.json": _readable(masked(_answer(do))) for name, do in asked.items()}
    names = list(dict.fromkeys(name for pair in config.pairs.values() for name in pair.maps))
    files |= {"config.toml": _answer(partial(_text, config.path))}
    files |= {f"maps/{name}": _answer(partial(_map_text, name, config.maps)) for name in names}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as packed:
        for name, text in files.items():
            content = secrets.without(EMAIL.sub(MASK, str(text))).encode()
            info = tarfile.TarInfo(f"syncd-diagnosis/{name}")
            info.size, info.mtime, info.mode = len(content), int(now.timestamp()), 0o600
            packed.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _answer(do: Callable[[], Any]) -> Any:
    """What is told; or why it cannot be: the archive is for when something is wrong."""
    try:
        return do()
    except Exception as error:
        log.exception("diagnosis")
        return f"{type(error).__name__}: {error}"


def _told(store: Store) -> dict[str, Any]:
    with store.read() as tx:
        return told(tx)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _map_text(name: str, folder: Path) -> str:
    return _text(find_all([name], folder)[0])


def _readable(value: Any) -> str:
    return orjson.dumps(value, default=str, option=_READABLE).decode()
