"""The decision by table: every verdict with its reason, as sentences. Rules 8 and 10 to 13."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from syncd.core.decision import Decision, Verdict
from syncd.core.fieldmap import Blank, Drift, Rule, Unmapped
from syncd.core.model import FieldKind, Loss, Side, User, Value
from syncd.core.values import Ends, converter
from tests.core.maps import ABSENT, LEFT, OURS, RIGHT, THEIRS, Case, decide, field, relation, rule, without, worked_out

V = Verdict
COLORS = {"red": "rot", "blue": "rot", "green": "gruen"}
"""Both red and blue become rot; rot comes back as red."""


def shown(found: Decision) -> tuple[Verdict, Side | None, Value]:
    """The verdict and what is written where."""
    return found.verdict, found.to, found.after


@pytest.mark.parametrize(
    ("left", "right", "verdict", "to", "after"),
    [
        ("a", "a", V.UNCHANGED, None, None),
        ("b", "a", V.WRITE, RIGHT, "b"),
        ("a", "b", V.WRITE, LEFT, "b"),
        ("b", "b", V.AGREED, None, None),
        (None, "a", V.WRITE, RIGHT, None),
        ("a", None, V.WRITE, LEFT, None),
        (None, None, V.AGREED, None, None),
        (" a ", "a", V.UNCHANGED, None, None),
    ],
)
def test_a_change_on_one_side_flows_and_the_same_on_both_is_agreement(
    left: Value, right: Value, verdict: Verdict, to: Side | None, after: Value
) -> None:
    """Each side is compared with its own shadow; a blank is a value like any other."""
    assert shown(decide(rule("<->", "ask"), left, right, ("a", "a"))) == (verdict, to, after)


def test_a_write_tells_what_stood_there_what_it_comes_from_and_where_base_goes() -> None:
    """A write carries field, before, after, both values and the base of both sides; nobody lost anything."""
    found = decide(rule("<->", "left"), "b", "a", ("a", "a"))
    assert (found.field, found.before, found.after, found.sides) == (THEIRS, "a", "b", ("b", "a"))
    assert (found.settle, found.lost, found.reason) == ({LEFT: "b", RIGHT: "b"}, None, "changed on the left")


@pytest.mark.parametrize(("owner", "to", "after"), [("left", RIGHT, "b"), ("right", LEFT, "c")])
def test_the_owner_wins_and_the_loser_is_listed(owner: str, to: Side, after: str) -> None:
    """Changed on both to different goes by the owner; the value that lost is named with its side."""
    found = decide(rule("<->", owner), "b", "c", ("a", "a"))
    assert shown(found) == (V.WRITE, to, after)
    assert found.lost == (to, {LEFT: "b", RIGHT: "c"}[to])
    assert found.reason == f"both sides changed it, {owner} decides for {to.other}"


@pytest.mark.parametrize("owner", ["ask", None])
def test_both_changed_without_an_owner_is_a_conflict(owner: str | None) -> None:
    """A person is asked, with both values; base stays, nothing is written."""
    found = decide(rule("<->", owner), "b", "c", ("a", "a"))
    assert (found.verdict, found.reason, found.sides) == (V.CONFLICT, "both sides changed it", ("b", "c"))
    assert (found.settle, found.park) == ({}, False)


@pytest.mark.parametrize(
    ("times", "winner"),
    [
        ({"seen": (5, 0), "modified": (6, 5)}, LEFT),
        ({"seen": (0, 5), "modified": (5, 6)}, RIGHT),
        ({"seen": (0, 1), "modified": (5, 6)}, None),
        ({"seen": (1, 0), "modified": (6, 5)}, None),
        ({"seen": (None, 0), "modified": (6, 5)}, None),
        ({"seen": (5, 0), "modified": (6, None)}, None),
        ({"exact": (6, 5)}, LEFT),
        ({"exact": (5, 6)}, RIGHT),
        ({"exact": (5, 5)}, None),
        ({"seen": (5, 0), "modified": (4, 3)}, None),
        ({"exact": (5, None), "seen": (None, 0), "modified": (None, 4)}, LEFT),
        ({"exact": (3, None), "seen": (None, 0), "modified": (None, 4)}, None),
        ({"exact": (0, None), "seen": (None, 0), "modified": (None, 4)}, RIGHT),
        ({}, None),
    ],
)
def test_newest_decides_only_where_the_intervals_do_not_overlap(times: dict[str, Any], winner: Side | None) -> None:
    """A change lies after its old value was last seen and not after the record's modified time; a tie is asked."""
    found = decide(rule("<->", "newest"), "b", "c", ("a", "a"), **times)
    assert winner is not None or found.reason == "both sides changed it, and it cannot be told who did so last"
    assert shown(found) == (
        (V.WRITE, winner.other, {LEFT: "b", RIGHT: "c"}[winner]) if winner else (V.CONFLICT, None, None)
    )


@pytest.mark.parametrize(("way", "to"), [("->", RIGHT), ("<-", LEFT)])
@pytest.mark.parametrize(
    ("drift", "verdict"), [(Drift.KEEP, V.KEPT), (Drift.RESTORE, V.WRITE), (Drift.ASK, V.CONFLICT)]
)
def test_an_edit_on_the_target_of_a_one_way_rule_goes_by_drift(
    way: str, to: Side, drift: Drift, verdict: Verdict
) -> None:
    """Keep leaves and lists it, restore overwrites and lists it, ask asks."""
    values = ("a", "edit") if to is RIGHT else ("edit", "a")
    found = decide(rule(way, drift=drift), *values, ("a", "a"))
    assert shown(found) == (verdict, to if verdict is V.WRITE else None, "a" if verdict is V.WRITE else None)
    assert found.lost == (None if verdict is V.CONFLICT else (to, "edit"))
    assert found.settle == {
        V.KEPT: dict(zip(Side, values, strict=True)), V.WRITE: {LEFT: "a", RIGHT: "a"}, V.CONFLICT: {}
    }[verdict]  # fmt: skip


def test_a_kept_edit_is_listed_again_when_the_source_overwrites_it() -> None:
    """keep: listed when it is kept, and listed once more when the source changes later."""
    kept = Case(rule=rule("->"), left="a", right="edit", base=("a", "a")).after()
    assert decide(kept.rule, "a", "edit", kept.base).verdict is V.UNCHANGED
    later = decide(kept.rule, "b", "edit", kept.base)
    assert (shown(later), later.lost) == ((V.WRITE, RIGHT, "b"), (RIGHT, "edit"))


def test_a_value_that_stood_where_the_source_was_blank_is_listed_when_it_is_overwritten() -> None:
    """Nothing never overwrites something at first link; what stood there is listed when something does."""
    first = Case(rule=rule("->"), left=None, right="theirs")
    assert first.plan().decisions[0].reason == "nothing is never written over something"
    later = decide(first.rule, "b", "theirs", first.after().base)
    assert (shown(later), later.lost) == ((V.WRITE, RIGHT, "b"), (RIGHT, "theirs"))


def test_a_one_way_rule_whose_both_sides_changed_carries_the_source_and_lists_the_target() -> None:
    """The source wins, whatever the drift."""
    found = decide(rule("->", drift=Drift.ASK), "b", "c", ("a", "a"))
    assert (shown(found), found.lost, found.reason) == ((V.WRITE, RIGHT, "b"), (RIGHT, "c"), "changed on the left")


def test_a_one_way_rule_carries_a_change_without_a_loser() -> None:
    """What was synchronized before is nobody's edit."""
    assert decide(rule("->"), "b", "a", ("a", "a")).lost is None


def test_a_blank_that_does_not_travel_is_ignored() -> None:
    """on_blank ignore: the blank side's base moves, the other side stays, and base there too."""
    found = decide(rule("->", on_blank=Blank.IGNORE), None, "a", ("a", "a"))
    assert (shown(found), found.settle) == ((V.IGNORED, None, None), {LEFT: None})
    assert found.reason == "a blank is not carried"


@pytest.mark.parametrize(("owner", "left", "right"), [("left", None, "b"), ("left", "  ", "b"), ("right", "b", None)])
def test_a_blank_that_does_not_travel_does_not_win(owner: str, left: Value, right: Value) -> None:
    """The owner blanked it, the other side set a value: the value flows, and the blank is listed."""
    found = decide(rule("<->", owner, on_blank=Blank.IGNORE), left, right, ("a", "a"))
    blanked = LEFT if owner == "left" else RIGHT
    assert (shown(found), found.lost) == ((V.WRITE, blanked, "b"), (blanked, None))


def test_a_blank_on_both_sides_is_agreement_also_where_blanks_do_not_travel() -> None:
    """Nothing is carried where there is nothing to carry."""
    assert decide(rule("->", on_blank=Blank.IGNORE), None, None, ("a", "a")).verdict is V.AGREED
    assert decide(rule("->", on_blank=Blank.IGNORE), "  ", None, ("a", "a")).verdict is V.AGREED


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        (ABSENT, "a", "left ours is not known"),
        ("a", ABSENT, "right theirs is not known"),
        (ABSENT, ABSENT, "left ours and right theirs is not known"),
    ],
)
def test_what_is_not_known_is_not_blank(left: object, right: object, reason: str) -> None:
    """A field missing from an answer stops this rule; base stays."""
    found = decide(rule("<->", "left"), left, right, ("a", "b"))
    assert (found.verdict, found.reason, found.settle) == (V.UNKNOWN, reason, {})


@pytest.mark.parametrize(("unmapped", "park"), [(Unmapped.PARK, True), (Unmapped.SKIP, False)])
@pytest.mark.parametrize("base", [None, ("red", "rot")])
def test_a_value_without_a_counterpart_is_unmapped(unmapped: Unmapped, park: bool, base: Any) -> None:
    """Park stops the record, skip only this field; base stays as it was."""
    found = decide(rule("->", values=COLORS, unmapped=unmapped), "pink", None if base is None else "rot", base)
    assert (found.verdict, found.park, found.settle) == (V.UNMAPPED, park, {})
    assert "'pink' has no counterpart" in found.reason and found.sides[0] == "pink"


@pytest.mark.parametrize(
    ("left", "right", "base", "found"),
    [
        ("blue", "rot", ("red", "rot"), (V.AGREED, None, None)),
        ("blue", "rot", ("blue", "rot"), (V.UNCHANGED, None, None)),
        ("green", "rot", ("blue", "rot"), (V.WRITE, RIGHT, "gruen")),
        ("blue", "gruen", ("blue", "rot"), (V.WRITE, LEFT, "green")),
        ("blue", "rot", None, (V.AGREED, None, None)),
    ],
)
def test_a_lossy_pick_list_never_bounces(left: str, right: str, base: Any, found: object) -> None:
    """Two values that become one agree with it, and its way back does not overwrite the one that was chosen."""
    assert shown(decide(rule("<->", "left", values=COLORS), left, right, base)) == found


SHORT = field(loss=Loss(max_length=5))


@pytest.mark.parametrize(
    ("left", "right", "base", "found"),
    [
        ("abcdefgh", "abcde", ("abcdefgh", "abcde"), (V.UNCHANGED, None, None)),
        ("abcdeXYZ", "abcde", ("abcdefgh", "abcde"), (V.AGREED, None, None)),
        ("Xbcdefgh", "abcde", ("abcdefgh", "abcde"), (V.WRITE, RIGHT, "Xbcdefgh")),
        ("abcdefgh", "abcdX", ("abcdefgh", "abcde"), (V.WRITE, LEFT, "abcdX")),
        ("abcdefgh", "abcde", None, (V.AGREED, None, None)),
    ],
)
def test_a_truncated_text_never_bounces(left: str, right: str, base: Any, found: object) -> None:
    """What the shorter field keeps is the same value; only an edit of what it keeps flows."""
    assert shown(decide(rule("<->", "left", right=SHORT), left, right, base)) == found


@pytest.mark.parametrize("way", ["<->", "->", "<-"])
def test_a_value_that_somebody_spelled_otherwise_is_the_same_value(way: str) -> None:
    """A re-formatted phone is agreement, not a change to carry or an edit to keep."""
    phone, spelled = rule(way, "left", convert="phone"), ("(312) 555-0143", "+1 312-555-0143")
    assert decide(phone, *spelled).verdict is V.AGREED
    assert decide(phone, *spelled, (spelled[0], spelled[0])).verdict is V.AGREED
    assert decide(phone, *spelled, (spelled[1], spelled[1])).verdict is V.AGREED


def test_an_extension_added_where_a_rule_ends_is_seen_though_its_start_could_not_hold_it() -> None:
    """What the way back would cut off is somebody's edit all the same: a one-way rule's drift decides about it."""
    short = field(loss=Loss(max_length=12))
    phone = rule("->", left=short, convert="phone", drift=Drift.RESTORE)
    number = "312-555-0143"
    assert shown(decide(phone, number, f"{number} x5", (number, number))) == (V.WRITE, RIGHT, number)
    assert not phone.convert.equal(number, f"{number} x5")


@pytest.mark.parametrize(
    ("drift", "verdict"), [(Drift.KEEP, V.KEPT), (Drift.RESTORE, V.WRITE), (Drift.ASK, V.CONFLICT)]
)
def test_a_fallback_of_the_way_back_hides_no_edit_on_the_target(drift: Drift, verdict: Verdict) -> None:
    """Somebody takes a value that has no counterpart: that is an edit, though all such would come back alike."""
    left, right = field(FieldKind.ENUM, "a", "Other"), field(FieldKind.ENUM, "A", "Other", "Q")
    ends = Ends(left=left, right=right)
    table = {"values": {"a": "A", "Other": "Other"}, "fallback": "Other"}
    pick = rule("->", left=left, right=right, drift=drift)
    pick = dataclasses.replace(pick, convert=converter("picklist", ends, table))
    assert decide(pick, "Other", "Q", ("Other", "Other")).verdict is verdict
    users = tuple(User(name, name, f"{name}@x.example") for name in ("f", "g"))
    ends = Ends(left=field(FieldKind.USER), right=field(FieldKind.USER), left_users=users[:1], right_users=users)
    user = rule("->", left=ends.left, right=ends.right, drift=drift)
    user = dataclasses.replace(user, convert=converter("user", ends, {"fallback": "f@x.example"}))
    assert decide(user, "f", "g", ("f", "f")).verdict is verdict


def test_a_change_that_comes_out_as_what_stands_there_is_agreement() -> None:
    """Where neither way reads as equal, but what would be written stands there already, nothing is written."""
    code = rule("->", "left", left=field(FieldKind.NUMBER), convert="number", right=field(loss=Loss(max_length=2)))
    assert decide(code, 123, "12", (5, "5")).verdict is V.AGREED


def test_an_interrupted_write_asks_in_its_fields_whatever_the_owner() -> None:
    """asked: neither the old value nor ours stands there, so a person decides; agreement and quiet need nobody."""
    one = rule("<->", "left")
    assert decide(one, "b", "c", ("a", "a"), asked=True).verdict is V.CONFLICT
    assert decide(one, "b", "c", ("a", "a"), asked=True).reason == "frozen"
    assert decide(one, "a", "c", ("a", "a"), asked=True).verdict is V.CONFLICT
    assert decide(one, "b", "b", ("a", "a"), asked=True).verdict is V.AGREED
    assert decide(one, "a", "a", ("a", "a"), asked=True).verdict is V.UNCHANGED
    assert decide(one, "b", "c", asked=True, first_link="left").reason == "frozen"
    assert decide(one, None, "c", asked=True).reason == "frozen"
    assert decide(one, "b", "b", asked=True).verdict is V.AGREED


@pytest.mark.parametrize(("right", "settle"), [("other", {LEFT: "a", RIGHT: "other"}), (ABSENT, {})])
def test_a_rule_for_creations_is_done_once_the_records_are_linked(right: object, settle: dict[Side, Value]) -> None:
    """create: values may differ, be unknown or be without counterpart, and nothing is written or asked."""
    found = decide(rule("create"), "a", right)
    assert (found.verdict, found.settle) == (V.UNCHANGED, settle)
    assert found.reason == "carried once, when the record was made"


def test_an_expression_for_creations_never_parks_linked_records() -> None:
    """What can no longer be worked out was carried when the record was made."""
    assert decide(worked_out("create", LEFT, OURS), "bad", "a").verdict is V.UNCHANGED


def test_an_expression_flows_when_its_result_changes() -> None:
    """The result stands for the side it reads, with a base of its own."""
    full = worked_out("->", LEFT, OURS)
    assert shown(decide(full, "b", "a", ("a", "a"))) == (V.WRITE, RIGHT, "b")
    assert decide(full, "a", "a", ("a", "a")).verdict is V.UNCHANGED
    assert decide(full, "a", "edit", ("a", "a")).verdict is V.KEPT


def test_an_expression_over_a_field_that_is_not_known_is_not_known() -> None:
    """A field missing from an answer is not blank, in an expression either."""
    found = decide(worked_out("->", LEFT, OURS, "city"), "a", "a / Berlin", ("a / Berlin", "a / Berlin"))
    assert (found.verdict, found.reason) == (V.UNKNOWN, "left it is not known")


def test_an_expression_that_cannot_be_worked_out_is_unmapped() -> None:
    """Its sentence is the reason."""
    found = decide(worked_out("->", LEFT, OURS), "bad", "a", ("a", "a"))
    assert (found.verdict, found.reason, found.park) == (V.UNMAPPED, "it cannot be worked out", True)


def _receipt() -> Rule:
    return without(rule("->", receipt="sync.state"), LEFT)


@pytest.mark.parametrize(
    ("state", "right", "base", "found"),
    [
        (None, "linked", None, (V.UNCHANGED, None, None)),
        ("linked", None, None, (V.WRITE, RIGHT, "linked")),
        ("linked", "old", None, (V.WRITE, RIGHT, "linked")),
        ("linked", "linked", ("linked", "linked"), (V.UNCHANGED, None, None)),
        ("needs you", "linked", ("linked", "linked"), (V.WRITE, RIGHT, "needs you")),
        ("linked", ABSENT, ("linked", "linked"), (V.UNKNOWN, None, None)),
    ],
)
def test_a_receipt_is_written_when_the_state_changes(state: str | None, right: Any, base: Any, found: object) -> None:
    """The sync's own word, written only when it changes, and nobody is asked about it."""
    assert shown(decide(_receipt(), ABSENT, right, base, state=state)) == found


NAMED = field(unique=True)


def test_a_suffix_that_made_a_name_unique_does_not_come_back() -> None:
    """The name with the tail of the id across is the same name; an edit of it flows without the tail."""
    name = rule("<->", "left", right=NAMED)
    assert decide(name, "Roof", "Roof (111111)").verdict is V.AGREED
    assert decide(name, "Roof", "Roof (111111)", ("Roof", "Roof (111111)")).verdict is V.UNCHANGED
    assert shown(decide(name, "Roof", "Shed (111111)", ("Roof", "Roof (111111)"))) == (V.WRITE, LEFT, "Shed")
    assert decide(name, "Shed", "Shed (111111)", ("Roof", "Roof (111111)")).verdict is V.AGREED
    assert shown(decide(name, "Roof", "Shed (999999)", ("Roof", "Roof"))) == (V.WRITE, LEFT, "Shed (999999)")
    assert decide(name, "Roof (111111)", "Roof (111111)").verdict is V.AGREED
    assert decide(name, "Roof (111111)", "Roof (111111)", ("Roof", "Shed")).verdict is V.AGREED


def test_a_tail_is_part_of_a_name_that_need_not_be_unique() -> None:
    """Only where the vendor demands unique names do we add a tail, so only there it is taken off."""
    assert shown(decide(rule("<->", "left"), "a", "a (111111)", ("a", "a"))) == (V.WRITE, LEFT, "a (111111)")


def test_several_rules_are_decided_apart() -> None:
    """The other fields still flow when one of them waits for a person."""
    case = Case(rule=rule("<->", "ask"), left="b", right="c", base=("a", "a"))
    found = case.plan()
    assert found.having(V.CONFLICT) == found.decisions and found.writes(LEFT) == found.parked == ()
    assert Case(rule=relation(), left="c1", right=None, base=(None, None)).plan().parked
