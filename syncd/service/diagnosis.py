"""What somebody needs to help from afar, as files: versions, the set-up, how it goes, what was done and what rests.

No key, and nothing of anybody's records: what a vendor's sentence may quote is masked. What is not here: records.
"""

from __future__ import annotations

import io
import platform
import re
import sqlite3
import tarfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import orjson

from syncd import VERSION
from syncd.config import Config
from syncd.fieldmaps import find_all
from syncd.service.log import redactor
from syncd.store.store import Store, Tx

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
NUMBER = re.compile(r"(?<![\w.:-])(?!\d{4}-\d\d-\d\d)\+?\(?\d[\d ().-]{5,}\d(?![\w:])")
QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|“[^”\n]*”")
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
            "ended": run.ended_at, **masked(run.counts),
        }
        for run in tx.runs.last(limit=RUNS)
    ]  # fmt: skip
    parked = [{"map": key, "cause": cause, "records": count} for key, cause, count in tx.marks.causes()]
    return {"rows": tx.rows(), "runs": runs, "parked": parked}


def texts(paths: Sequence[Path], secrets: Sequence[str]) -> dict[str, bytes]:
    """Files of the set-up, without any known secret and without addresses of people."""
    clean = redactor(secrets)
    found = {}
    for path in paths:
        event: Any = clean(None, "", {"event": path.read_text(encoding="utf-8", errors="replace")})
        found[path.name] = EMAIL.sub(MASK, str(event["event"])).encode()
    return found


def archive(config: Config, store: Store, status: Any, checks: Any, now: datetime) -> bytes:
    """All of it, compressed. `status`, `checks`: what `syncd status` and `syncd check` tell."""
    names = list(dict.fromkeys(name for pair in config.pairs.values() for name in pair.maps))
    with store.read() as tx:
        found = told(tx)
    found |= {"about": about(store), "status": masked(status), "check": masked(checks)}
    files = texts([config.path, *find_all(names, config.maps)], config.secrets())
    files |= {f"{name}.json": orjson.dumps(one, default=str, option=_READABLE) for name, one in found.items()}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as packed:
        for name, content in files.items():
            info = tarfile.TarInfo(f"syncd-diagnosis/{name}")
            info.size, info.mtime, info.mode = len(content), int(now.timestamp()), 0o600
            packed.addfile(info, io.BytesIO(content))
    return out.getvalue()
