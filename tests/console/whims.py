"""What people do to records, and what admins do to a map: drawn by Hypothesis for laws about both.

What is not here: any test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from ruamel.yaml import YAML

from syncd.core.model import Side
from syncd.errors import ConfigError
from syncd.fieldmaps.editing import Add, Change, Drop, Put, Remove, edit
from syncd.fieldmaps.library import shipped
from syncd.lab.crm import HUBSPOT
from syncd.lab.stage import keyed

LEADS = 8
"""People of the world that is edited."""

WORDS = ("Aurora", "aurora ", "St. Louis", "Illinois", "IL", "60601", "(312) 555-0143", "3125550143", "", "x" * 300)
LEFT_FIELDS = ("firstname", "lastname", "company", "city", "state", "zip", "address", "mobilephone")
RIGHT_FIELDS = ("first_name", "last_name", "company", "city", "state_text", "zip", "address_line1", "mobile_phone")
FREE = {Side.LEFT: ("jobtitle", "website", "fax", "company", "city"), Side.RIGHT: ("fax_number", "website", "company")}
STAGES = ("qualifiedtobuy", "presentationscheduled", "contractsent", "closedwon", "closedlost", "appointmentscheduled")
STATUSES = ("Lead", "Estimating", "Sold", "In Production", "Completed", "Lost")


@dataclass(frozen=True, slots=True)
class Edit:
    """What a person does in a vendor's pages, to the how-manieth record of a kind."""

    side: Side
    kind: str
    number: int
    fields: Mapping[str, Any]


def _texts(side: Side, names: Sequence[str]) -> st.SearchStrategy[Edit]:
    fields = st.dictionaries(st.sampled_from(names), st.sampled_from(WORDS), min_size=1, max_size=3)
    return st.builds(Edit, st.just(side), st.just("contacts"), st.integers(0, LEADS - 1), fields)


EDITS = st.lists(
    st.one_of(
        _texts(Side.LEFT, LEFT_FIELDS),
        _texts(Side.RIGHT, RIGHT_FIELDS),
        st.builds(
            Edit, st.just(Side.LEFT), st.just("deals"), st.integers(0, LEADS - 1),
            st.fixed_dictionaries({"dealstage": st.sampled_from(STAGES)}),
        ),
        st.builds(
            Edit, st.just(Side.RIGHT), st.just("jobs"), st.integers(0, LEADS - 1),
            st.fixed_dictionaries({"status_name": st.sampled_from(STATUSES)}),
        ),
    ),
    min_size=1, max_size=4,
)  # fmt: skip

CONVERTERS = (
    *("text", "phone", "name", "email", "address", "zip", "number"),
    *({"state": {"right": "name"}}, {"state": {}}, {"phone": {"format": "e164"}}, {"phone": {"format": "national"}}),
)
TABLES = (
    {"Aurora": "Naperville", "Glendale": "Phoenix", "Hobbs": "Phoenix"},
    {"IL": "Illinois", "AZ": "Arizona", "CA": "Arizona"},
    {"85302": "1", "94587": "1", "Flat": "Tile", "Metal": "Tin"},
    dict.fromkeys(STAGES, "Lead"),
    {"qualifiedtobuy": "Estimating", "closedwon": "Sold", "contractsent": "Lead", "presentationscheduled": "Lead"},
)
TELLING: Sequence[Sequence[tuple[str, str, Any]]] = (
    [("state", "convert", {"state": {"right": "name"}})],
    [("phone", "convert", {"phone": {"format": "e164"}})],
    [("mobilephone", "convert", {"phone": {"format": "e164"}})],
    [("city", "values", TABLES[0])],
    [("city", "left", "address")],
    [("company", "left", "city")],
    [("zip", "right", "state_text")],
    [("dealstage", "values", TABLES[3])],
    [("dealstage", "values", TABLES[4])],
    [("roof_type", "values", TABLES[2])],
    [("amount", "direction", "->")],
    [("dealname", "right", "description")],
    [("claim_number", "right", "name")],
    [("city", "right", "company"), ("company", "right", "city")],
    [("firstname", "right", "last_name"), ("lastname", "right", "first_name")],
    [("phone", "right", "mobile_phone"), ("mobilephone", "right", "home_phone")],
    [("address", "right", "city"), ("city", "right", "address_line1"), ("address", "convert", "text")],
)
"""Changes of rules, by their left fields, that many records feel."""

SETTINGS: Mapping[str, Sequence[Any]] = {
    "direction": ("->", "<-", "<->", "create"),
    "owner": ("left", "right", "newest", "ask"),
    "drift": ("keep", "restore", "ask"),
    "on_blank": ("flow", "ignore"),
    "unmapped": ("park", "skip"),
    "convert": CONVERTERS,
    "values": TABLES,
}


FIRST = ("left", "right", "ask")
"""Not `newest`: which of two records is, that were written within a second, a clock read anew may tell otherwise."""


def _number(draw: st.DrawFn, plain: Mapping[str, Any]) -> int:
    return draw(st.integers(0, len(plain["fields"]) - 1))


def _of_rule(draw: st.DrawFn, plain: Mapping[str, Any]) -> list[Change]:
    """Settings of one rule."""
    number, key = _number(draw, plain), draw(st.sampled_from(sorted(SETTINGS)))
    rule, at = plain["fields"][number], ("fields", number)
    changes: list[Change] = [Put(at, key, draw(st.sampled_from(SETTINGS[key])))]
    two_ways = rule.get("direction", "<->") == "<->" if key != "direction" else changes[0].value == "<->"
    if key == "values" and "convert" in rule:
        changes.append(Drop(at, "convert"))
    if two_ways and "owner" not in rule and key != "owner":
        changes.append(Put(at, "owner", "newest"))
    return changes


def _telling(draw: st.DrawFn, plain: Mapping[str, Any]) -> list[Change]:
    """A change that is felt."""
    numbers = {rule.get("left"): number for number, rule in enumerate(plain["fields"])}
    found: list[Change] = []
    for name, key, value in draw(st.sampled_from([one for one in TELLING if one[0][0] in numbers])):
        if name in numbers:
            at = ("fields", numbers[name])
            given_up = key == "values" and "convert" in plain["fields"][numbers[name]]
            found += [Put(at, key, value), *([Drop(at, "convert")] if given_up else [])]
    return found


def _new_rule(draw: st.DrawFn, plain: Mapping[str, Any]) -> list[Change]:
    left, right = (draw(st.sampled_from(FREE[side])) for side in Side)
    rule = {"left": left, "right": right, "direction": draw(st.sampled_from(SETTINGS["direction"][:3]))}
    return [Add(("fields",), {**rule, "owner": draw(st.sampled_from(SETTINGS["owner"]))})]


def _whole(draw: st.DrawFn, plain: Mapping[str, Any]) -> list[Change]:
    """Settings of the map."""
    wins: Change = Put((), "first_link", draw(st.sampled_from(FIRST)))
    side = draw(st.sampled_from(["left", "right"]))
    when: Change = Put(("create", side), "when", draw(st.sampled_from(["true", "false"])))
    return draw(st.sampled_from([[wins], [when], [wins, when]]))


def _exchanged(draw: st.DrawFn, plain: Mapping[str, Any]) -> list[Change]:
    """A rule is pointed at another field."""
    side = draw(st.sampled_from(list(Side)))
    return [Put(("fields", _number(draw, plain)), str(side), draw(st.sampled_from(FREE[side])))]


def _removed(draw: st.DrawFn, plain: Mapping[str, Any]) -> list[Change]:
    return [Remove(("fields",), _number(draw, plain))]


WAYS = (_telling, _telling, _telling, _of_rule, _of_rule, _of_rule, _new_rule, _whole, _exchanged, _removed)


def _as_it_is(name: str) -> str:
    """The text of a map as the stage has it."""
    file = f"hubspot-jobnimbus/{name}.yaml"
    return keyed(shipped() / file, HUBSPOT.maps[file])


ALL_ARE_LEADS = edit(
    _as_it_is("deals-jobs"), Put((), "first_link", "left"), Put(("fields", 1), "values", dict.fromkeys(STAGES, "Lead"))
)
"""What this rule writes on the right, another one carries back to the left."""

RULES = YAML(typ="safe").load(_as_it_is("deals-jobs"))["fields"]
ROOF = next(number for number, rule in enumerate(RULES) if rule.get("left") == "roof_type")
FILED = Edit(Side.LEFT, "deals", 0, {"pipeline": "88112233", "dealstage": "171230001"})
NAMED = edit(
    _as_it_is("deals-jobs"),
    Put((), "first_link", "left"),
    Put(("fields", 1, "values"), "171230001", "Estimating"),
    Put(("fields", ROOF), "values", {"Flat": "Tile"}),
)
"""By this both sides agree on the stage, which is looked at first, and something else of the record is written."""


@st.composite
def drafts(draw: st.DrawFn, name: str) -> str:
    """The text of a map with some changes that an admin may think of."""
    text = edit(_as_it_is(name), Put((), "first_link", draw(st.sampled_from(FIRST))))
    for way in (_telling, *draw(st.lists(st.sampled_from(WAYS), min_size=1, max_size=3))):
        changes = way(draw, YAML(typ="safe").load(text))
        with suppress(ConfigError):  # the editor says no
            text = edit(text, *changes)
    return text


DRAFTS = st.one_of(*(st.tuples(st.just(name), drafts(name)) for name in ("contacts", "deals-jobs")))
