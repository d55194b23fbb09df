"""`match.score` and `match.shared` in a map: what they compile to, and each mistake at its place."""

from __future__ import annotations

import pytest

from syncd.core.fieldmap import Bands, FieldMap, Shared
from syncd.core.model import Side
from syncd.errors import ConfigError
from syncd.fieldmaps import load
from syncd.fieldmaps.schema import json_schema
from tests.golden.jsonschema import violations

MAP = """\
version: 1
name: people
left: {kind: contacts}
right: {kind: contacts}
match: {%s}
fields:
  - {left: email, right: mail, convert: email, owner: left}
  - {left: phone, right: home, convert: phone, owner: left}
  - {left: note, right: text, owner: left}
"""


def compiled(match: str, text: str = MAP) -> FieldMap:
    """The map with this `match`."""
    return load(text % match, pair="p", systems={Side.LEFT: "crm", Side.RIGHT: "roof"})


def test_bands_and_shared_values_are_read_in_their_normal_form() -> None:
    """Phones and e-mails as the map's rules compare them."""
    m = compiled("link: [email], score: {link: 0.95, ask: .5}, shared: {most: 5, values: [312 555 0100, INFO@x.com]}")
    assert m.score == Bands(link=0.95, ask=0.5)
    assert m.shared == Shared(most=5, values=frozenset({"+13125550100", "info@x.com"}))


def test_without_them_a_map_is_as_it_was() -> None:
    """No score; three may share a value."""
    m = compiled("link: [email]")
    assert (m.score, m.shared) == (None, Shared(most=3, values=frozenset()))


MISTAKES = [
    ("score: {link: 0.9}", "map:5:16: score needs 'ask'."),
    ("score: {link: high, ask: 0.5}", "map:5:23: link is a number from 0 to 1, not 'high'. 0.95 is nearly certain."),
    ("score: {link: 0.9, ask: 1.5}", "map:5:33: ask is a number from 0 to 1, not '1.5'."),
    ("score: {link: 0.5, ask: 0.9}", "map:5:33: `ask` (0.9) is above `link` (0.5)."),
    ("score: {link: 0.9, ask: 0.5, new: 0}", "map:5:38: score has no setting 'new'."),
    ("score: 0.9", "map:5:16: score must be a table."),
    ("scores: {}", "map:5:9: match has no setting 'scores'. Did you mean score?"),
    ("shared: {most: 0}", "map:5:24: most is a whole number from 1 up, not '0'."),
    ("shared: {most: few}", "map:5:24: most is a whole number from 1 up, not 'few'."),
    ("shared: {values: [front desk]}", "map:5:27: 'front desk' is no phone or e-mail that a rule of this map"),
    ("shared: {value: [x]}", "map:5:18: shared has no setting 'value'. Did you mean values?"),
]


@pytest.mark.parametrize(("match", "told"), MISTAKES)
def test_a_mistake_is_told_at_its_place(match: str, told: str) -> None:
    """File, line and column, and what to do."""
    with pytest.raises(ConfigError) as caught:
        compiled(match)
    assert any(str(problem).startswith(told) for problem in caught.value.problems), caught.value.problems


def test_a_wrong_number_is_told_once() -> None:
    """One mistake, one line."""
    with pytest.raises(ConfigError) as caught:
        compiled("score: {link: 0.5, ask: x}")
    assert len(caught.value.problems) == 1


def test_a_map_without_people_cannot_score() -> None:
    """There is nothing that would tell two of them apart."""
    bare = "\n".join(line for line in MAP.splitlines() if "convert" not in line)
    with pytest.raises(ConfigError, match="nothing to score"):
        compiled("score: {link: 0.9, ask: 0.5}", bare)


def test_editors_know_them() -> None:
    """The JSON Schema takes what the reader takes, and no other word."""
    whole = {"version": 1, "name": "x", "left": {"kind": "a"}, "right": {"kind": "b"}, "fields": [{"left": "a"}]}
    good = {"link": ["email"], "score": {"link": 0.9, "ask": 0.5}, "shared": {"most": 3, "values": ["a@x.com"]}}
    assert violations({**whole, "match": good}, json_schema()) == []
    for bad in ({"score": {"link": 2, "ask": 0}}, {"score": {"link": 1}}, {"shared": {"most": 0}}, {"shared": 3}):
        assert violations({**whole, "match": bad}, json_schema())
