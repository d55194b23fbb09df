"""The list of people: contacts and leads of both accounts joined by syncd's links, with their deal or job in a word.

What is not here: one person's fields (`card`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Side
from syncd.lab.page.accounts import Row
from syncd.lab.page.desk import Desk
from syncd.store.links import Link

_CRM_LINE = ("Email", "Phone", "MobilePhone", "MailingCity", "City")

SHOWN = 60
"""People listed at once; the search finds the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Someone:
    """A person on one side or both, in one of the maps. `key`: `left:ID`, or `right:ID` for whom only the right has."""

    m: FieldMap
    key: str
    name: str
    line: str
    work: str
    left: str | None
    right: str | None
    badges: tuple[str, ...]

    def found_by(self, words: Sequence[str]) -> bool:
        """Whether every word of a search stands in what is shown."""
        text = f"{self.name} {self.line} {self.work}".casefold()
        return all(word in text for word in words)


@dataclass(frozen=True, slots=True)
class Works:
    """Deals or jobs of a side, by the contact they belong to."""

    rows: Mapping[str, Row]
    of: Mapping[str, tuple[str, ...]]


def links_of(desk: Desk, m: FieldMap) -> list[Link]:
    """Every open link of a map."""
    found: list[Link] = []
    with desk.app.ready_store.read() as tx:
        while page := tx.links.all(m.key, after=found[-1].id if found else 0):
            found += page
    return found


def works(desk: Desk, side: Side) -> Works:
    """The living deals or jobs of a side."""
    rows = {id_: row for id_, row in desk.accounts[side].rows(desk.deals.end(side).kind).items() if row.alive}
    of: dict[str, list[str]] = {}
    for row in rows.values():
        for parent in row.parents:
            of.setdefault(parent, []).append(row.id)
    return Works(rows, {parent: tuple(ids) for parent, ids in of.items()})


def everyone(desk: Desk) -> list[Someone]:
    """Everybody who lives on a side, by name; whoever is linked in two maps is there twice."""
    done, badges = {side: works(desk, side) for side in Side}, _badges(desk)
    found: list[Someone] = []
    linked: set[str] = set()
    for m in desk.people:
        rows = _rows(desk, m)
        across = {link.left_id: link.right_id for link in links_of(desk, m)}
        lefts = [id_ for id_, row in rows[Side.LEFT].items() if _lives(row) or id_ in across]
        linked |= {across[id_] for id_ in lefts if id_ in across}
        found += [_someone(desk, m, rows, done, badges, left, across.get(left)) for left in lefts]
    rows = _rows(desk, desk.contacts)
    alone = [row.id for row in rows[Side.RIGHT].values() if row.alive and row.id not in linked]
    found += [_someone(desk, desk.contacts, rows, done, badges, None, id_) for id_ in alone]
    return sorted(found, key=lambda one: (one.name.casefold(), one.key))


def _rows(desk: Desk, m: FieldMap) -> dict[Side, Mapping[str, Row]]:
    return {side: desk.accounts[side].rows(m.end(side).kind) for side in Side}


def _lives(row: Row) -> bool:
    """A lead that was converted is there for good, and is shown as the contact that it became."""
    return row.alive and not row.values.get("IsConverted")


def _someone(
    desk: Desk,
    m: FieldMap,
    rows: Mapping[Side, Mapping[str, Row]],
    done: Mapping[Side, Works],
    badges: Mapping[tuple[Side, str], set[str]],
    left: str | None,
    right: str | None,
) -> Someone:
    here = [(side, id_) for side, id_ in ((Side.LEFT, left), (Side.RIGHT, right)) if id_ in rows[side]]
    values = [rows[side][str(id_)].values for side, id_ in here]
    marks = {badge for side, id_ in here for badge in badges.get((side, str(id_)), ())}
    work = [*(str(one["Status"]) for one in values if one.get("Status")),
            *_work(desk, done, [(side, str(id_)) for side, id_ in here])]  # fmt: skip
    return Someone(
        m=m,
        key=f"left:{left}" if left is not None else f"right:{right}",
        name=next((name for one in values if (name := name_of(one))), "(no name)"),
        line=next((line for one in values if (line := _line(one))), "no e-mail, no phone"),
        work=" · ".join(dict.fromkeys(work)),
        left=left,
        right=right,
        badges=tuple(sorted(marks)),
    )


def name_of(values: Mapping[str, object]) -> str:
    """What a record is called, whatever its kind and vendor."""
    for names in (("firstname", "lastname"), ("FirstName", "LastName"), ("first_name", "last_name")):
        if name := " ".join(str(values[part]).strip() for part in names if values.get(part)):
            return name
    titles = ("dealname", "display_name", "name", "Name", "company", "email")
    return next((str(values[title]) for title in titles if values.get(title)), "")


def _line(values: Mapping[str, object]) -> str:
    fields = ("email", "phone", "home_phone", "mobilephone", "mobile_phone", "city", *_CRM_LINE)
    return " · ".join(str(values[name]) for name in fields if values.get(name))


def _work(desk: Desk, done: Mapping[Side, Works], here: Iterable[tuple[Side, str]]) -> Iterable[str]:
    """In what state their deals and jobs are, in the words that people see."""
    for side, contact in here:
        for id_ in done[side].of.get(contact, ()):
            values = done[side].rows[id_].values
            stage = values.get("status_name") or values.get("StageName")
            yield str(stage or _stage(desk, side, values.get("dealstage")))


def _stage(desk: Desk, side: Side, stored: object) -> str:
    field = desk.schemas[side, desk.deals.end(side).kind].fields.get("dealstage")
    options = field.options if field is not None else ()
    return next((option.label for option in options if option.value == stored), str(stored or "no stage"))


def _badges(desk: Desk) -> dict[tuple[Side, str], set[str]]:
    """Who waits for a person: `ask` for an open conflict, `parked`."""
    found: dict[tuple[Side, str], set[str]] = {}
    parents = {side: works(desk, side).rows for side in Side}
    for conflict in desk.app.conflicts("open"):
        for side, id_ in ((Side.LEFT, conflict["left_id"]), (Side.RIGHT, conflict["right_id"])):
            for owner in _owners(desk, conflict["map"], side, id_, parents):
                found.setdefault((side, owner), set()).add("ask")
    for mark in desk.app.parked():
        side = side_of(desk, mark["ref"])
        for owner in _owners(desk, mark["map"], side, mark["ref"].rsplit(":", 1)[1], parents):
            found.setdefault((side, owner), set()).add("parked")
    return found


def _owners(desk: Desk, key: str, side: Side, id_: str, parents: Mapping[Side, Mapping[str, Row]]) -> tuple[str, ...]:
    if any(m.key == key for m in desk.people):
        return (id_,)
    row = parents[side].get(id_)
    return row.parents if row is not None else ()


def side_of(desk: Desk, ref: str) -> Side:
    """On which side a ref (`system:kind:id`) is."""
    return Side.LEFT if ref.split(":", 1)[0] == desk.accounts[Side.LEFT].name else Side.RIGHT
