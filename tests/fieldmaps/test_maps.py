"""A map is compiled whole, or every mistake in it is named with its place and remedy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from syncd.core.fieldmap import Blank, Direction, Drift, FieldMap, Leave, Owner, Unmapped
from syncd.core.model import Side
from syncd.errors import ConfigError
from syncd.fieldmaps import load, read
from tests.fieldmaps.desk import HEAD, RULE, SCHEMAS, SYSTEMS, compiled, complaints, warnings, whole

FULL = """\
version: 1
name: deals-jobs
left: {kind: deals, on_create: {stage: New, amount: 12, hot: true, tags: [a, B]}}
right: {kind: jobs, on_create: {status: lead}, automations: skip}
after: [contacts]
only: "left.stage != 'lost'"
leave: unlink
sync_key: {left: key}
match:
  link: [sync_key, name + phone]
  ask: [title]
first_link: newest
create:
  right: {when: "left.stage == 'won'"}
delete: {left: archive}
lane: lead
relations:
  - {left: people, right: primary, map: contacts, create: true}
fields:
  - {left: title, right: name, owner: left}
  - {left: amount, right: total, direction: "<-", convert: money, drift: restore}
  - {left: stage, right: status, owner: right, values: {new: lead, Won: [Sold, closed]}, unmapped: skip}
  - {left: owner, right: rep, convert: user, fallback: ann@example.com, owner: ask}
  - {left: due, right: start, direction: "->", on_blank: ignore, name: deadline}
  - {left: title, right: {custom: cf_1, label: Roof Type}, direction: "->"}
  - {left: note, right: phone, convert: {phone: {format: e164}}, owner: newest}
  - {right: text, direction: create, expr: "left.title + '!'"}
  - {left: key2, from: sync.state, optional: true}
"""


def full() -> FieldMap:
    """The map above."""
    loaded = compiled(FULL)
    assert loaded.map is not None, loaded.errors
    return loaded.map


def test_a_whole_map_is_compiled() -> None:
    """Every setting of the format arrives in the compiled map."""
    found = full()
    assert (found.key, found.name, found.after) == ("pair/deals-jobs", "deals-jobs", ("pair/contacts",))
    assert (found.leave, found.first_link, found.lane) == (Leave.UNLINK, Owner.NEWEST, "lead")
    assert (found.left.system, found.left.kind, found.left.sync_key, found.left.delete) == (
        "crm",
        "deals",
        "key",
        "archive",
    )
    assert (found.right.quiet, found.right.delete, found.left.quiet) == (True, "flag", False)
    assert dict(found.left.on_create) == {"stage": "new", "amount": 12, "hot": True, "tags": ("a", "b")}
    assert found.left.when is None
    assert found.right.when is not None
    assert found.right.when.value({Side.LEFT: {"stage": "won"}}) is True


def test_rules_are_compiled() -> None:
    """Direction, owner, drift, blanks, relations and names arrive in the rules."""
    rules = {rule.name: rule for rule in full().rules}
    assert list(rules) == ["people", "title", "amount", "stage", "owner", "deadline", "title>cf_1", "note", "text"]
    relation = rules["people"].relation
    assert relation is not None
    assert (relation.map, relation.create, rules["people"].owner) == ("pair/contacts", True, Owner.LEFT)
    assert (rules["amount"].direction, rules["amount"].drift) == (Direction.LEFT, Drift.RESTORE)
    assert (rules["stage"].unmapped, rules["stage"].convert.convert("Closed", Side.LEFT)) == (Unmapped.SKIP, "won")
    assert (rules["deadline"].on_blank, rules["deadline"].left) == (Blank.IGNORE, "due")
    assert (rules["text"].left, rules["text"].direction) == (None, Direction.CREATE)
    assert rules["owner"].convert.convert("2", Side.RIGHT) == "1"


def test_match_keys_name_rules() -> None:
    """A part is a rule's name, a field, or every rule with that converter."""
    found = full()
    assert [match.name for match in (*found.link, *found.ask)] == ["sync_key", "name + phone", "title"]
    parts = found.link[1].parts
    assert [[rule.name for rule in part.rules] for part in parts] == [["title"], ["note"]]
    assert found.link[0].parts[0].rules == ()


def test_reads_holds_every_field_in_use() -> None:
    """Fields in rules, conditions, expressions and the sync key are read."""
    found = full()
    assert found.reads(Side.LEFT) == {"title", "amount", "stage", "owner", "due", "note", "key", "people"}
    assert "total" in found.reads(Side.RIGHT)


def test_a_receipt_goes_to_its_one_field() -> None:
    """`from: sync.state` writes the side whose field is given."""
    found = compiled(whole("{left: note, from: sync.state}")).map
    assert found is not None
    rule = found.rules[-1]
    assert (rule.receipt, rule.direction, rule.flows(Side.LEFT)) == ("sync.state", Direction.LEFT, True)


def test_without_schemas_only_the_form_is_checked() -> None:
    """A map can be read before any account is asked."""
    loaded = compiled(FULL, schemas=False)
    assert loaded.map is not None
    assert len(loaded.map.rules) == 10
    assert [key for key, _ in loaded.mentions] == ["pair/contacts", "pair/contacts"]


def test_the_digest_is_of_the_content() -> None:
    """Comments, spaces and the order of keys do not change a map; a word does, and so does a rule left out."""
    one = whole("{left: note, right: text, owner: left}")
    same = one.replace("{left: note, right: text, owner: left}", "{owner: left,  right: text, left: note}  # why")
    other = one.replace("right: text", "right: phone")
    left_out = one.replace("{left: note", "{optional: true, left: nota")
    digests = [found.map.digest for text in (one, same, other, left_out) if (found := compiled(text)).map]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


MISTAKES = [
    (
        "{left: titel, right: text, owner: left}",
        "no field 'titel'. Did you mean title? Or it is hidden from the user that syncd connects as.",
    ),
    ("{left: note, right: text}", "names no owner. Add `owner: left`"),
    (
        "{left: amount, right: total, owner: left}",
        'm.yaml:7:27: total cannot be written on the right side. Make the rule one-way: direction: "<-".',
    ),
    ("{left: note, right: number, owner: left}", "number can only be written when a record is made."),
    (
        "{left: note, right: name, direction: '->'}",
        "m.yaml:7:5: right name is written by two rules: here and on line 6.",
    ),
    ("{left: title, right: name, direction: create, name: other}", "left title is written by two rules"),
    (
        "{left: hot, right: start, owner: left}",
        "No conversion is known between bool on the left and datetime on the right.",
    ),
    (
        "{left: note, right: text, owner: both}",
        "m.yaml:7:38: owner may not be 'both'. It is one of left, right, newest, ask.",
    ),
    ("{left: note, right: text, onwer: left}", "m.yaml:7:31: A rule has no setting 'onwer'. Did you mean owner"),
    (
        "{left: note, right: text, owner: left, convert: fone}",
        "There is no converter 'fone'. Did you mean money or phone?",
    ),
    (
        "{left: note, right: text, owner: left, convert: {phone: {regio: US}}}",
        "Converter phone has no setting 'regio'. Did you mean region?",
    ),
    (
        "{left: note, right: text, owner: left, convert: {phone: {region: USA}}}",
        "m.yaml:7:62: 'USA' is not a country code",
    ),
    (
        "{left: stage, right: status, owner: left, values: {new: leed}}",
        "m.yaml:7:61: 'leed' is not an option of right status. It has: Closed, Lead, Sold.",
    ),
    (
        "{left: stage, right: status, owner: left, values: {nw: lead}}",
        "m.yaml:7:56: 'nw' is not an option of left stage.",
    ),
    (
        "{left: owner, right: rep, owner: left, convert: user, fallback: gone@example.com}",
        "m.yaml:7:59: 'gone@example.com' is no active user",
    ),
    ("{left: note, right: text, owner: left, convert: email, fallback: x}", "Converter email takes no fallback."),
    (
        "{left: note, right: {custom: cf_9, label: Roof Type}, owner: left}",
        "no custom field 'cf_9' (Roof Type). A field labeled 'Roof Type' exists as cf_1.",
    ),
    ("{left: note, right: {custom: cf_1}, owner: left}", "A pinned field needs 'label'."),
    ("{left: note}", "A rule needs a field on both sides, or an `expr`."),
    ("{owner: left}", "A rule needs a field: left, right or both."),
    ("{left: note, right: text, owner: left, on_blank: maybe}", "on_blank may not be 'maybe'."),
    ("{right: text, direction: '<->', expr: left.title}", "A value that is worked out goes one way."),
    ("{right: text, direction: '<-', expr: left.title}", "This rule has no field to write that way; it goes ->."),
    ("{right: text, expr: \"'fixed'\"}", "This expression reads no field. Put a fixed value into `on_create`."),
    ("{right: text, expr: right.name}", "An expression may only read the side that it does not write."),
    ("{right: text, expr: left.title, convert: text}", "`expr` stands alone"),
    ("{right: text, expr: left.amount}", "text holds text; this gives DOUBLE."),
    ("just text", "m.yaml:7:5: A rule must be a table."),
    ("{left: note, right: text, owner: left, name: title}", "Two rules are called 'title': here and on line 6."),
    ("{left: note, right: text, direction: create, expr: left.title + right.name}", "may only read the side that it"),
    ("{? [a] : b}", "A key must be a word."),
    (f"{{left: note, right: text, owner: left, name: {201 * 'n'}}}", "The name of this rule is longer than 200"),
]


@pytest.mark.parametrize(("rule", "told"), MISTAKES)
def test_a_mistake_in_a_rule_is_placed(rule: str, told: str) -> None:
    """Each mistake is named under its character, with what to do."""
    found = complaints(whole(rule))
    assert any(told in line for line in found), found


HEAD_MISTAKES = [
    ("leave: stopp\n", "m.yaml:5:8: leave may not be 'stopp'."),
    ("lanes: lead\n", "m.yaml:5:1: A map has no setting 'lanes'. Did you mean lane"),
    ("match: {link: [sync_key]}\n", "m.yaml:5:8: Matching by sync_key needs a `sync_key` field on a side."),
    ("match: {ask: [title + city]}\n", "m.yaml:5:15: No rule compares 'city'."),
    ("match: {ask: [phone]}\n", "No rule compares 'phone'. Give a rule `convert: phone` first."),
    ("match: {ask: name}\n", "ask must be a list."),
    (
        "relations: [{left: people, right: primary, map: contacts}]\nmatch: {ask: [people]}\n",
        "m.yaml:6:15: No rule compares 'people'.",
    ),
    ("match: {ask: [{a: b}]}\n", "ask must be a list of texts."),
    ("only: left.title\n", "m.yaml:5:7: A condition must be true or false; this gives STRING."),
    ("create: {right: {when: left.stage ==}}\n", "m.yaml:5:37: Expression: it cannot be understood"),
    ("create: {rihgt: {}}\n", "create has no setting 'rihgt'. Did you mean right?"),
    ("delete: {left: maybe}\n", "left may not be 'maybe'. It is one of flag, ignore, unlink, archive, delete."),
    ("sync_key: {left: amount}\n", "amount holds number; our key is text."),
    ("sync_key: {left: title}\n", "title holds our key; no rule may use it."),
    ("relations: [{left: title, right: primary, map: contacts}]\n", "title holds text, not a relation."),
    ("relations: [{left: people, map: contacts}]\n", "A relation needs a field on both sides."),
    ("relations: [{left: people, right: primary}]\n", "A relation needs 'map'."),
    ("leave: stop\nleave: keep\n", "m.yaml:6:1: 'leave' is given twice; first on line 5. Keep one."),
]


@pytest.mark.parametrize(("head", "told"), HEAD_MISTAKES)
def test_a_mistake_around_the_rules_is_placed(head: str, told: str) -> None:
    """Each mistake in the rest of a map is named under its character, with what to do."""
    found = complaints(whole(head=head))
    assert any(told in line for line in found), found


END_MISTAKES = [
    ("{kind: deals, on_create: {stage: neww}}", "m.yaml:3:40: 'neww' is not an option of left stage."),
    ("{kind: deals, on_create: {stagge: new}}", "m.yaml:3:33: deals on the left side has no field 'stagge'."),
    ("{kind: deals, on_create: {amount: much}}", "m.yaml:3:41: amount holds a number, not 'much'."),
    ("{kind: deals, on_create: {hot: maybe}}", "hot is true or false, not 'maybe'."),
    ("{kind: deals, automation: skip}", "left has no setting 'automation'. Did you mean automations?"),
    ("{kind: leads}", "crm was asked for deals, not leads."),
    ("deals", "left must be a table."),
    ("{kind: deals, on_create: {amount: {a: b}}}", "A value must be a text, a number or a list."),
    ("{kind: [deals]}", "kind must be a text."),
]


@pytest.mark.parametrize(("end", "told"), END_MISTAKES)
def test_a_mistake_in_an_end_is_placed(end: str, told: str) -> None:
    """Each mistake in what a creation carries is named under its character."""
    found = complaints(whole().replace("{kind: deals}", end))
    assert any(told in line for line in found), found


def test_every_mistake_is_told_at_once_in_order() -> None:
    """An admin mends a file in one round: all mistakes come together, in the order of the lines."""
    text = whole("{left: titel, right: text}", "{left: note, right: txt, owner: left}", head="leave: stopp\n")
    lines = [int(line.split(":")[1]) for line in complaints(text)]
    assert lines == sorted(lines)
    assert {5, 8, 9} <= set(lines)


def test_a_right_end_may_not_fill_what_the_vendor_fills() -> None:
    """A constant for a field that cannot be written is refused."""
    text = whole().replace("{kind: jobs}", "{kind: jobs, on_create: {total: 1}}")
    assert complaints(text) == ["m.yaml:4:33: total cannot be written on the right side."]


def test_a_constant_of_several_values_may_be_one_word() -> None:
    """One word fills a field of several values."""
    found = compiled(whole().replace("{kind: deals}", "{kind: deals, on_create: {tags: B}}")).map
    assert found is not None
    assert found.left.on_create["tags"] == ("b",)


def test_an_expression_beside_both_fields_fills_the_side_it_does_not_read() -> None:
    """With both fields named the expression stands for the source field."""
    rules = ["{left: note, right: text, direction: create, expr: left.title}"]
    rules += ["{left: amount, right: budget, direction: '<-', expr: right.total * 2.0}"]
    found = compiled(whole(*rules, "{left: hot, right: done, direction: create, expr: right.budget > 1.0}"))
    assert found.map is not None, found.errors
    clash = "{left: due, right: text, direction: create, expr: left.stage}"
    assert "right text is written by two rules" in str(complaints(whole(*rules, clash)))


def test_yaml_that_cannot_be_read_is_placed() -> None:
    """A broken file names the line where reading stopped; an empty one says so."""
    assert complaints("left: {kind: deals\nright: ]")[0].startswith("m.yaml:2:")
    assert "empty" in complaints("# nothing\n")[0]
    assert "contains itself" in complaints("a: &x [*x]")[0]
    assert complaints("a: \x00")[0].startswith("m.yaml:1:1: This is not YAML")


def test_scalars_stay_the_text_that_was_written() -> None:
    """NO, 012 and dates in a table of values are never turned into something else."""
    rule = "{left: note, right: text, owner: left, convert: picklist, values: {NO: 012, 2024-01-01: yes}}"
    found = compiled(whole(rule)).map
    assert found is not None
    assert [found.rules[-1].convert.convert(value, Side.RIGHT) for value in ("NO", "2024-01-01")] == ["012", "yes"]


def test_an_optional_rule_waits_for_its_fields() -> None:
    """An optional rule without its field, or with another field under its id, is left out with a warning."""
    rules = [
        "{left: nota, right: text, owner: left, optional: true}",
        "{left: note, right: {custom: cf_1, label: Squares}, owner: left, optional: true}",
        "{right: text, direction: create, expr: left.missing, optional: true}",
        "{left: note, right: {custom: cf_1, label: Roof Type}, owner: left, optional: true}",
    ]
    loaded = compiled(whole(*rules))
    assert loaded.map is not None
    assert [rule.name for rule in loaded.map.rules] == ["title", "note"]
    told = [str(problem) for problem in loaded.warnings]
    assert "no field 'nota', so this optional rule is left out. To use it, make a field 'nota' there." in told[0]
    assert "another field as 'cf_1': Roof Type" in told[1]
    assert len(told) == 3


def test_a_field_that_is_described_no_more_leaves_the_map_as_it_is() -> None:
    """Its rule stands, with a warning; an optional one is left out, and the map runs without our key, as for any."""
    lost = {
        Side.LEFT: ("note", "tags", "key"),
        Side.RIGHT: ("cf_1",),
    }
    schemas = {
        side: replace(schema, fields={n: replace(one, lost=n in lost[side]) for n, one in schema.fields.items()})
        for side, schema in SCHEMAS.items()
    }
    rules = (
        "{left: note, right: {custom: cf_1, label: Roof Type}, owner: left}",
        "{left: tags, right: text, optional: true}",
    )
    loaded = read(whole(*rules, head="sync_key: {left: key}\n"), "m.yaml", "sales", SYSTEMS, schemas)
    assert loaded.map is not None, loaded.errors
    assert ([rule.name for rule in loaded.map.rules], loaded.map.left.sync_key) == (["title", "note"], None)
    told = [str(problem) for problem in loaded.warnings]
    assert sum("does not describe its field" in line and "hidden" in line for line in told) == 2
    assert any("so this optional rule is left out" in line for line in told)


WARNINGS = [
    (
        whole("{left: stage, right: status, owner: left, values: {new: lead}}"),
        "left stage has options without a counterpart: Won, Lost.",
    ),
    (whole("{left: stage, right: status, direction: '->'}"), "New, Won, Lost. Records with them park the record"),
    (
        whole("{left: note, right: {custom: cf_1, label: Roof}, owner: left}"),
        "cf_1 is now labeled 'Roof Type', and the map says 'Roof'.",
    ),
    (whole(head="sync_key: {left: kee}\n"), "m.yaml:5:18: deals on the left side has no field 'kee' for our key"),
    (whole(head="sync_key: {left: note}\n"), "note does not enforce unique values"),
    (
        whole(head="create: {left: {when: right.status == 'Sold'}}\n"),
        "m.yaml:5:39: status has no option 'Sold', so this is never equal. Write 'sold'.",
    ),
    (
        whole(head="create: {left: {when: \"right.status in ['lead', 'sould']\"}}\n"),
        "status has no option 'sould', so this is never equal. Did you mean sold?",
    ),
    (
        HEAD + "create: {left: {when: right.done}}\nfields:\n  - {left: note, right: name, owner: left}\n",
        "deals on the left side need title, and no rule fills it.",
    ),
]


@pytest.mark.parametrize(("text", "told"), WARNINGS)
def test_what_an_admin_should_look_at(text: str, told: str) -> None:
    """A map that works but may surprise is loaded with a warning."""
    found = warnings(text)
    assert any(told in line for line in found), found


def test_a_map_without_our_key_runs_without_it() -> None:
    """A sync key that nobody has made yet is not asked of the vendor."""
    found = compiled(whole(head="sync_key: {left: kee}\nmatch: {link: [sync_key]}\n")).map
    assert found is not None
    assert (found.left.sync_key, "kee" in found.reads(Side.LEFT)) == (None, False)


def test_load_raises_every_mistake(tmp_path: Path) -> None:
    """`load` gives a map or raises with all mistakes; a missing file is one."""
    assert load(HEAD + "fields:\n" + RULE, pair="p", systems=SYSTEMS, schemas=SCHEMAS).key == "p/deals-jobs"
    with pytest.raises(ConfigError) as caught:
        load(HEAD.replace("version: 1", "version: 2"), pair="p", systems=SYSTEMS)
    assert [problem.message for problem in caught.value.problems] == [
        "A map needs at least one rule in `fields`.",
        "This syncd reads maps of version 1.",
    ]
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.yaml", pair="p", systems=SYSTEMS)


def test_a_map_of_an_endless_name_is_refused() -> None:
    """The store keeps names of a certain length; what it would cut is told at once, and where."""
    (told,) = complaints(whole("{left: note, right: text, owner: left}").replace("name: ", f"name: {64 * 'n'}", 1))
    assert told.endswith("A map's name has at most 64 characters.")
