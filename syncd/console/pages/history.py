"""Who gave a field its values, of a record and of a conflict: each vendor that keeps it is asked now.

That spends a vendor's budget, so only who may decide has them asked. What is not here: both pages without it (`record`,
`conflicts`), and what a vendor is asked (`engine.explain`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncd.console.ask import Ask, Facts, Page, Role
from syncd.console.asked import Row
from syncd.console.desk import Desk
from syncd.console.finder import called
from syncd.console.naming import names_of
from syncd.console.pages import conflicts
from syncd.console.pages.record import ref_in, shot_of


def of_record(desk: Desk, ask: Ask) -> Facts:
    """Of a field of a record."""
    world, ref, name = desk.world, ref_in(desk.world, ask), ask.query.get("field", "")
    told = desk.explain(str(ref), name)
    with world.store.read() as tx:
        shot = shot_of(tx, ref)
    rows = [
        {"map": about["map"], **rule, "systems": names_of(world, world.maps[about["map"]])}
        for about in told["maps"]
        for rule in about.get("rules", ())
    ]
    return {"ref": ref, "field": name, "rows": rows,
            "name": called(world, shot) if shot is not None else ref.id}  # fmt: skip


def of_conflict(desk: Desk, ask: Ask) -> Facts:
    """Of the field that a conflict is about."""
    facts = conflicts.detail(desk, ask)
    return {**facts, "histories": _histories(desk, facts["row"])}


def _histories(desk: Desk, row: Row) -> Mapping[str, Any]:
    """By side, what its vendor tells of the field: changes, or a sentence why not."""
    m, conflict = desk.world.maps.get(row.conflict.map), row.conflict
    if m is None or all(rule.name != conflict.rule for rule in m.rules):
        return {}
    told = desk.explain(str(m.left.ref(conflict.left_id)), conflict.rule)
    changes: Mapping[str, Any] = next(
        (
            rule["changes"]
            for about in told["maps"]
            if about["map"] == m.key
            for rule in about.get("rules", ())
            if rule["rule"] == conflict.rule
        ),
        {},
    )
    return {side: _why_not(row, one) if isinstance(one, str) else one for side, one in changes.items()}


def _why_not(row: Row, told: str) -> str:
    """Why a vendor tells of no change, as a sentence with the system's name as people know it."""
    for half in row.halves:
        if told.startswith(f"{half.record.ref.system} "):
            told = f"{half.system}{told.removeprefix(half.record.ref.system)}"
    return f"{told[:1].upper()}{told[1:].removesuffix('.')}."


PAGES = (
    Page(
        "/records/{system}/{kind}/{id}/history", "history.html", "Who changed it", of_record, role=Role.OPERATOR,
        needs=True,
    ),
    Page("/conflicts/{id}/history", "conflict.html", "A conflict", of_conflict, role=Role.OPERATOR, needs=True),
)  # fmt: skip
