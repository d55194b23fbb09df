"""Rows, transactions, and the commit: a row is stamped when it is written and seen when its transaction ends.

What is not here: what a write may do (`writes`), and who may see a row (`org`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

from syncd_salesforce.sandbox.errors import locked_row
from syncd_salesforce.sandbox.schema import Schema

Row = dict[str, Any]
Place = tuple[str, str]
"""Object and id."""


@dataclass(slots=True)
class Hand:
    """Who writes: user id, name for the history, through what, and what the request's headers ask for."""

    user: str
    by: str
    via: str = "api"
    auto_assign: bool = True
    allow_save: bool = False


@dataclass(slots=True)
class Txn:
    """What a transaction has written and nobody else sees yet: rows, and None for what is gone for good."""

    hand: Hand
    due: float | None = None
    rows: dict[Place, Row | None] = field(default_factory=dict)


class Store:
    """Committed rows, the transaction under way, and those that are written and not yet committed."""

    def __init__(self, schema: Schema, note: Callable[[Place, Row | None, Row | None, Hand], None]) -> None:
        """Take the objects and who is told of every commit."""
        self._schema, self._note = schema, note
        self.rows: dict[str, dict[str, Row]] = {name: {} for name in schema.things}
        self._index: dict[tuple[str, str], dict[Any, set[str]]] = {}
        self.pending: list[Txn] = []
        self.txn: Txn | None = None
        self.locks: dict[str, float] = {}

    # -- transactions

    def begin(self, hand: Hand) -> Txn:
        """Begin one; the store sees its writes until it is committed or given up."""
        self.txn = Txn(hand)
        return self.txn

    def commit(self, due: float | None = None) -> None:
        """End it: seen now, or at `due` (clock seconds)."""
        txn, self.txn = self.txn, None
        if txn is None:
            return
        if due is None:
            self._apply(txn)
        else:
            txn.due = due
            self.pending.append(txn)

    def drop(self) -> None:
        """Give it up."""
        self.txn = None

    def mark(self) -> dict[Place, Row | None]:
        """Where the transaction stands, for `back`."""
        return dict(self.txn.rows) if self.txn else {}

    def back(self, mark: dict[Place, Row | None]) -> None:
        """Undo what was written since."""
        if self.txn:
            self.txn.rows = mark

    def tick(self, now: float) -> None:
        """Commit what is due."""
        if not self.pending:
            return
        ready = [txn for txn in self.pending if (txn.due or 0) <= now]
        self.pending = [txn for txn in self.pending if (txn.due or 0) > now]
        for txn in sorted(ready, key=lambda each: each.due or 0):
            # Outside the request that happens to be served: it did not ask for this.
            Context().run(self._apply, txn)

    def locked(self, id: str, now: float) -> bool:
        """Whether another transaction holds the row."""
        return self.locks.get(id, 0) > now or any(id == place[1] for txn in self.pending for place in txn.rows)

    # -- rows

    def get(self, name: str, id: str) -> Row | None:
        """A row as this transaction sees it."""
        if self.txn and (name, id) in self.txn.rows:
            return self.txn.rows[name, id]
        return self.rows[name].get(id)

    def all(self, name: str) -> Iterator[Row]:
        """Every row of an object as this transaction sees it, deleted ones too, oldest first."""
        mine = {id: row for (kind, id), row in self.txn.rows.items() if kind == name} if self.txn else {}
        if not mine:
            yield from self.rows[name].values()
            return
        for id, row in self.rows[name].items():
            found = mine.pop(id, None) if id in mine else row
            if found is not None:
                yield found
        yield from (row for row in mine.values() if row is not None)

    def put(self, name: str, row: Row) -> None:
        """Write a row in the transaction; Refusal where another one holds it: its commit would undo this write."""
        self._free((name, row["Id"])).rows[name, row["Id"]] = row

    def erase(self, name: str, id: str) -> None:
        """Remove a row for good in the transaction; Refusal where another one holds it."""
        self._free((name, id)).rows[name, id] = None

    def having(self, name: str, field: str, value: Any, *, pending: bool = False) -> list[str]:
        """Ids of the live rows with this value in a keyed field; `pending`: those not committed yet, too."""
        thing = self._schema.things[name]
        known = thing.fields[field]
        key = known.key(value)
        found = set(self._index.get((name, field), {}).get(key, ()))
        txns = [*(self.pending if pending else ()), *([self.txn] if self.txn else ())]
        for txn in txns:
            for (kind, id), row in txn.rows.items():
                if kind != name:
                    continue
                same = row is not None and not row.get("IsDeleted") and known.key(row.get(field)) == key
                (found.add if same else found.discard)(id)
        return sorted(found)

    def reindex(self, name: str, field: str) -> None:
        """Read a field's values anew, after it was defined."""
        index = self._index[name, field] = {}
        known = self._schema.things[name].fields[field]
        for id, row in self.rows[name].items():
            if row.get(field) is not None and not row.get("IsDeleted"):
                index.setdefault(known.key(row[field]), set()).add(id)

    def _free(self, place: Place) -> Txn:
        if self.txn is None:
            raise RuntimeError("a write outside a transaction")
        if any(place in txn.rows for txn in self.pending):
            raise locked_row(place[1])
        return self.txn

    def _apply(self, txn: Txn) -> None:
        for (name, id), row in txn.rows.items():
            before = self.rows[name].get(id)
            self._keys(name, id, before, row)
            if row is None:
                self.rows[name].pop(id, None)
            else:
                self.rows[name][id] = row
            self._note((name, id), before, row, txn.hand)

    def _keys(self, name: str, id: str, before: Row | None, after: Row | None) -> None:
        for each in self._schema.things[name].keyed:
            index = self._index.setdefault((name, each.name), {})
            old, new = _live(before, each.name), _live(after, each.name)
            if old is not None and each.key(old) in index:
                index[each.key(old)].discard(id)
            if new is not None:
                index.setdefault(each.key(new), set()).add(id)


def _live(row: Row | None, name: str) -> Any:
    return None if row is None or row.get("IsDeleted") else row.get(name)
