"""Does a custom field that is missing from an answer still exist? Canary records tell.

What is not here: reading values. JobNimbus leaves blank custom fields out of its answers, so a missing one is blank
only if some record is known to carry the field; otherwise it may have been deleted or renamed, and is unknown.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from syncd_jobnimbus.names import Names

Row = Mapping[str, Any]

LISTED_SECONDS = 60.0
"""How long a list of recent records is searched for canaries before it is asked for again."""

_KEPT = 3
"""Canaries remembered per field: one may be deleted or blanked."""


class Proofs:
    """Remembers, per kind and custom field, records that carry it. Thread-safe."""

    def __init__(
        self, names: Names, fetch: Callable[[str, str], Row | None], sample: Callable[[str], Sequence[Row]]
    ) -> None:
        """`fetch` reads one record from the primary store (None: gone or hidden); `sample` lists recent records."""
        self._names, self._fetch, self._sample = names, fetch, sample
        self._lock = threading.Lock()
        self._carriers: dict[tuple[str, str], dict[str, float]] = {}
        self._samples: dict[str, tuple[float, Sequence[Row], dict[str, str | None]]] = {}

    def note(self, kind: str, rows: Sequence[Row], fields: Iterable[str], at: float) -> None:
        """These rows came at this moment (monotonic): remember which of the fields they carry."""
        for name in fields:
            carrying = (row["jnid"] for row in rows if self._names.locate(kind, name, row) is not None)
            found = next(carrying, None)
            if found is not None:
                self._remember(kind, name, str(found), at)

    def exists(self, kind: str, name: str, since: float) -> bool:
        """Whether some record was seen to carry the field at or after `since` (monotonic). May cost a read and a list.

        A key that loses its custom fields looks like people who cleared them all: only a canary that is as fresh as
        the answer in hand tells them apart.
        """
        with self._lock:
            known = dict(self._carriers.get((kind, name), {}))
        if any(at >= since for at in known.values()):
            return True
        return any(self._still(kind, name, carrier) for carrier in known) or self._seek(kind, name)

    def carried(self, kind: str, name: str) -> bool:
        """Whether any record was ever seen to carry the field."""
        with self._lock:
            return (kind, name) in self._carriers

    def _remember(self, kind: str, name: str, id: str, at: float) -> None:
        with self._lock:
            carriers = self._carriers.setdefault((kind, name), {})
            carriers[id] = max(at, carriers.get(id, at))
            while len(carriers) > _KEPT:
                del carriers[min(carriers, key=carriers.__getitem__)]

    def _still(self, kind: str, name: str, carrier: str) -> bool:
        """Read the canary again; what it carries is proven for every field that was ever noted."""
        row, at = self._fetch(kind, carrier), time.monotonic()
        with self._lock:
            noted = [name, *(field for of_kind, field in self._carriers if of_kind == kind and field != name)]
            if row is None or self._names.locate(kind, name, row) is None:
                self._carriers.get((kind, name), {}).pop(carrier, None)
        if row is not None:
            self.note(kind, [row], noted, at)
        return row is not None and self._names.locate(kind, name, row) is not None

    def _seek(self, kind: str, name: str) -> bool:
        """Look for a new canary among recent records, listed at most once a minute, and read it: lists lag."""
        now = time.monotonic()
        with self._lock:
            at, rows, looked = self._samples.get(kind, (0.0, (), {}))
        if not at or now - at >= LISTED_SECONDS:
            rows, looked = self._sample(kind), {}
            with self._lock:
                self._samples[kind] = (now, rows, looked)
        if name not in looked:
            carrying = (row["jnid"] for row in rows if self._names.locate(kind, name, row) is not None)
            looked[name] = next(carrying, None)
        found = looked[name]
        return found is not None and self._still(kind, name, str(found))
