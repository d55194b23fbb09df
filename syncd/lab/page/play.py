"""What a person at the page does: edits as a colleague in a vendor's pages, new people, clashes, trouble.

What is not here: the vendors' APIs. Every deed goes through the sandbox's `act` verb, as if somebody clicked in the
vendor's own pages; syncd has to notice by itself.
"""

from __future__ import annotations

import threading
from datetime import timedelta

from syncd.core.fieldmap import Direction
from syncd.core.model import Side
from syncd.kit.control import ControlError
from syncd.kit.people import Person, people
from syncd.lab.crm import CRMS
from syncd.lab.page.card import may_edit
from syncd.lab.page.desk import Desk, now
from syncd.lab.page.people import Someone, name_of

TROUBLE = timedelta(seconds=30)

FAULTS = (
    {"fault": "503", "rate": 0.35},
    {"fault": "429-retry-after", "rate": 0.2, "retry_after": 1},
    {"fault": "reset", "rate": 0.2},
    {"fault": "lost", "rate": 0.3, "writes_only": True},
)
"""Half of all requests fail in one way or another, and some writes are carried out without an answer."""

CLASHES = ("city", "company", "zip", "address_line1")
"""Fields of a contact, as the right side calls them, that the clash button changes on both sides: the first that nobody
is asked about yet."""


CITIES = (
    ("Springfield", "Shelbyville"), ("Riverton", "Lakewood"), ("Fairview", "Georgetown"), ("Clinton", "Salem"),
    ("Bristol", "Dover"), ("Auburn", "Dayton"), ("Milton", "Newport"),
)  # fmt: skip


def worker(desk: Desk, side: Side) -> str:
    """Who edits on a side: somebody who works there."""
    users = [user for schema in (desk.schemas[side, desk.contacts.end(side).kind],) for user in schema.users]
    found = next((user.email for user in users if user.active and user.email), None)
    return found or "A colleague"


def edit(desk: Desk, side: Side, kind: str, id_: str, field: str, value: str) -> None:
    """A person types a value into a field of a record."""
    maps = [m for m in desk.maps if m.end(side).kind == kind]
    types = [t for m in maps for rule in m.rules if (t := rule.type(side)) is not None and t.name == field]
    if not types:
        raise ControlError(f"no map reads {field} of {kind}")
    type_ = types[0]
    if not may_edit(type_):
        raise ControlError(f"{type_.label or field} cannot be changed by hand")
    account = desk.accounts[side]
    account.remote.act("update", kind, id=id_, fields={field: value}, as_=worker(desk, side))
    account.forget()


def new_lead(desk: Desk) -> str:
    """A new lead with a deal on the left; the key of its card."""
    person, account, who = _stranger(desk), desk.accounts[Side.LEFT], worker(desk, Side.LEFT)
    made = CRMS[account.name].new_lead(account.remote, person, who)
    account.forget()
    desk.say(f"{person.name} is a new lead in {account.title}, with a deal. Watch the other side.")
    return f"left:{made}"


def new_customer(desk: Desk) -> str:
    """A new customer with a job on the right; the key of the card."""
    person, account, who = _stranger(desk), desk.accounts[Side.RIGHT], worker(desk, Side.RIGHT)
    place = {
        "address_line1": person.street, "city": person.city, "state_text": person.state, "zip": person.zip,
    }  # fmt: skip
    fields = {
        "first_name": person.first, "last_name": person.last, "display_name": person.name, "email": person.email,
        "home_phone": person.phone, "record_type_name": "Customer", "status_name": "Lead", **place,
    }  # fmt: skip
    made = account.remote.act("create", desk.contacts.right.kind, fields=fields, as_=who)["id"]
    job = {
        "name": f"{person.last} - {person.street}", "record_type_name": "Roofing", "status_name": "Lead",
        "primary": {"id": made}, **place,
    }  # fmt: skip
    account.remote.act("create", desk.deals.right.kind, fields=job, as_=who)
    account.forget()
    desk.say(f"{person.name} is a new customer in {account.title}, with a job. Watch the other side.")
    return f"right:{made}"


def _stranger(desk: Desk) -> Person:
    """A person nobody has met before in this demo."""
    known = {
        name_of(row.values) for side in Side for row in desk.accounts[side].rows(desk.contacts.end(side).kind).values()
    }
    while True:
        person = people(1, 7_000_000 + desk.number(), messy=False)[0]
        if person.name not in known:
            return person


def clash(desk: Desk, one: Someone) -> None:
    """Two colleagues edit the same field of the same person at the same time, one on each side."""
    if one.left is None or one.right is None:
        raise ControlError("choose somebody who is linked on both sides first")
    asked = {row["rule"] for row in desk.app.conflicts("open") if row["left_id"] == one.left}
    two_way = {rule.right: rule for rule in one.m.rules if rule.direction is Direction.BOTH}
    rule = next((two_way[name] for name in CLASHES if name in two_way and two_way[name].name not in asked), None)
    if rule is None:
        raise ControlError("every field that could clash is waiting for your decision already")
    values = _two_values(desk, str(rule.right))
    for side, id_ in ((Side.LEFT, one.left), (Side.RIGHT, one.right)):
        edit(desk, side, one.m.end(side).kind, id_, str(rule.field(side)), values[side])
    said = " and ".join(f"{values[side]!r} in {desk.title(side)}" for side in Side)
    desk.say(f"The {rule.left} of {one.name} is now {said}. Where syncd cannot tell which is newer, it asks you.")


def _two_values(desk: Desk, field: str) -> dict[Side, str]:
    """Two values that were not there before."""
    number = desk.number()
    if field == "city":
        return dict(zip(Side, CITIES[number % len(CITIES)], strict=True))
    if field == "zip":
        return {Side.LEFT: f"{60600 + number}", Side.RIGHT: f"{77000 + number}"}
    if field == "company":
        return {Side.LEFT: f"Maple Roofing {number}", Side.RIGHT: f"Cedar Roofing {number}"}
    return {Side.LEFT: f"{number} Left Street", Side.RIGHT: f"{number} Right Avenue"}


def trouble(desk: Desk) -> None:
    """Half a minute in which both vendors fail a good part of all requests."""
    desk.trouble_until = now() + TROUBLE
    for account in desk.accounts.values():
        account.remote.faults(*FAULTS)
    timer = threading.Timer(TROUBLE.total_seconds(), lambda: _calm_if_due(desk))
    timer.daemon = True
    timer.start()


def _calm_if_due(desk: Desk) -> None:
    """End the trouble, unless it was started anew meanwhile."""
    if desk.trouble_until is not None and desk.trouble_until <= now() + timedelta(milliseconds=200):
        calm(desk)


def calm(desk: Desk) -> None:
    """No more trouble."""
    desk.trouble_until = None
    for account in desk.accounts.values():
        account.remote.faults()
    desk.say("The trouble is over. What failed is being caught up.")


def take(desk: Desk, conflict: int, choice: str, value: str) -> None:
    """A person decides a conflict: `left`, `right`, or `own` with a value."""
    if choice == "own":
        desk.app.take(conflict, value, literal=True)
    else:
        desk.app.take(conflict, choice)
