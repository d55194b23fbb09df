"""State and country pick lists, where an org has them: a code beside each text, and texts from a list only.

What is not here: countries but two, and whether the org has them (the switch `state_picklists`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncd_salesforce.sandbox.errors import bad_row
from syncd_salesforce.sandbox.fields import Choice, make
from syncd_salesforce.sandbox.schema import Thing
from syncd_salesforce.sandbox.store import Row

_US = (
    "AL Alabama|AK Alaska|AZ Arizona|AR Arkansas|CA California|CO Colorado|CT Connecticut|DE Delaware|"
    "DC District of Columbia|FL Florida|GA Georgia|HI Hawaii|ID Idaho|IL Illinois|IN Indiana|IA Iowa|KS Kansas|"
    "KY Kentucky|LA Louisiana|ME Maine|MD Maryland|MA Massachusetts|MI Michigan|MN Minnesota|MS Mississippi|"
    "MO Missouri|MT Montana|NE Nebraska|NV Nevada|NH New Hampshire|NJ New Jersey|NM New Mexico|NY New York|"
    "NC North Carolina|ND North Dakota|OH Ohio|OK Oklahoma|OR Oregon|PA Pennsylvania|RI Rhode Island|"
    "SC South Carolina|SD South Dakota|TN Tennessee|TX Texas|UT Utah|VT Vermont|VA Virginia|WA Washington|"
    "WV West Virginia|WI Wisconsin|WY Wyoming"
)
STATES: Mapping[str, str] = dict(each.split(" ", 1) for each in _US.split("|"))
COUNTRIES: Mapping[str, str] = {"US": "United States", "CA": "Canada"}
_WRONG = (
    "There's a problem with this {word}, even though it may appear correct. "
    "Please select a {word} from the list of valid values.: {label}"
)
_LISTS = (("Country", "country", COUNTRIES), ("State", "state", STATES))


def furnish(thing: Thing) -> None:
    """Give every address of an object its two codes."""
    for prefix in _prefixes(thing):
        for name, _, known in _LISTS:
            choices = [Choice(code, label) for code, label in known.items()]
            field = make(f"{prefix}{name}Code", "picklist", length=10, choices=choices, restricted=True)
            field.compound = f"{prefix}Address"
            thing.put(field, thing.changed)


def settle(thing: Thing, row: Row, given: Mapping[str, Any]) -> None:
    """Bring text and code together, whichever was written; Refusal for a text outside the list."""
    for prefix in _prefixes(thing):
        if f"{prefix}StateCode" not in thing.fields:
            return
        for name, word, known in _LISTS:
            text, code = prefix + name, f"{prefix}{name}Code"
            if given.get(code) is not None:
                row[text] = known[given[code]]
            elif text in given or code in given:
                row[text] = row[code] = None
                if given.get(text) is not None:
                    row[code] = _code(thing, text, word, known, given[text])
                    row[text] = known[row[code]]
        if row.get(f"{prefix}State") and not row.get(f"{prefix}Country"):
            label = thing.fields[f"{prefix}State"].label
            sentence = f"A country must be specified before specifying a state value for field: {label}/Province"
            raise bad_row("FIELD_INTEGRITY_EXCEPTION", sentence, f"{prefix}State")


def _code(thing: Thing, text: str, word: str, known: Mapping[str, str], value: str) -> str:
    found = [code for code, name in known.items() if value.casefold() in (name.casefold(), code.casefold())]
    if not found:
        raise bad_row("FIELD_INTEGRITY_EXCEPTION", _WRONG.format(word=word, label=thing.fields[text].label), text)
    return found[0]


def _prefixes(thing: Thing) -> list[str]:
    """What stands before Street in the names of an object's addresses."""
    return [name.removesuffix("Street") for name in thing.fields if name.endswith("Street")]
