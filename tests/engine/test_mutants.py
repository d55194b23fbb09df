"""The tests of the engine are tested: each rule is taken out on purpose, and a scenario must fail for it.

What is not here: the scenarios (`test_rules`), which pass with the engine as it is.
"""

from __future__ import annotations
import __future__

import inspect
import sys
import textwrap
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial, wraps
from types import FunctionType
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from syncd.core import loss, match, plan
from syncd.core.fieldmap import Leave
from syncd.core.model import Side
from syncd.engine import (
    absorb,
    archiving,
    base,
    closed,
    confirm,
    conflicts,
    crew,
    fence,
    flips,
    guard,
    inheriting,
    intake,
    item,
    late,
    leaving,
    linking,
    lookout,
    planning,
    restored,
    run,
    settling,
    succession,
    undo,
    worker,
    writing,
)
from syncd.store import marks, snapshots
from tests.engine import test_agreeing as agreeing
from tests.engine import test_archiving as archives
from tests.engine import test_by_hand as by_hand
from tests.engine import test_flips as fights
from tests.engine import test_hints as hints
from tests.engine import test_leads_first as first
from tests.engine import test_leases as leases
from tests.engine import test_leaving as leaves
from tests.engine import test_lookout as lookouts
from tests.engine import test_odd as odd
from tests.engine import test_restored as copies
from tests.engine import test_reviewed as reviewed
from tests.engine import test_rules as rules
from tests.engine import test_settling as settles
from tests.engine import test_standstill as still
from tests.engine import test_succession as heirs
from tests.engine import test_undo as undoing
from tests.engine.doings import Lawless
from tests.engine.test_machine import Machine
from tests.engine.town import build
from tests.engine.vendor import Traits


@dataclass(frozen=True, slots=True)
class Mutant:
    """One place of the engine, and what stands there instead; `old` must be there exactly once."""

    name: str
    function: Any
    old: str
    new: str
    scenario: Callable[[], None]
    owner: Any = None

    @property
    def killer(self) -> str:
        """The test that notices it, and with what it is played."""
        test = self.scenario.func if isinstance(self.scenario, partial) else self.scenario
        given = self.scenario.args if isinstance(self.scenario, partial) else ()
        told = ", ".join(one for one in given if isinstance(one, str))
        return f"{test.__module__.rpartition('.')[2]}.{test.__name__}{f'({told})' if told else ''}"


@wraps(rules.test_an_edit_in_the_answer_of_our_write_still_travels)
def _answered_whole() -> None:
    for points in (8, 9, 10, 11):
        rules.test_an_edit_in_the_answer_of_our_write_still_travels(points)


@wraps(rules.test_an_edit_just_before_our_write_is_never_lost)
def _typed_just_before() -> None:
    for points in range(1, 12):
        rules.test_an_edit_just_before_our_write_is_never_lost(points)


@wraps(copies.test_what_was_put_back_since_is_asked_about)
def _put_back() -> None:
    with closing(build()) as town:
        copies.test_what_was_put_back_since_is_asked_about(town)


_orphan = partial(rules.test_our_own_create_is_no_new_lead, rules.KEYLESS)
_choice = partial(reviewed.test_whom_a_choice_overruled_stays_listed_although_both_sides_are_typed_over, "lost")
_lost_answer = partial(rules.test_our_own_create_is_no_new_lead, Traits(sync_key=False))
_merged_early = partial(
    settles.test_what_was_made_and_merged_before_it_told_is_not_made_again, seen=True, tombstones=False
)
_handed_on = partial(settles.test_what_was_merged_into_a_stranger_before_it_told_is_asked_about, 600)
_restored = partial(rules.test_an_edit_of_what_only_receives_goes_by_drift, "restore")


@wraps(lookouts.test_what_vanishes_all_at_once_pauses_the_system)
def _hidden() -> None:
    with pytest.MonkeyPatch.context() as patch:
        lookouts.test_what_vanishes_all_at_once_pauses_the_system(lookouts.access, "does not show 9 of 10", patch)


@wraps(settles.test_who_takes_back_what_was_to_be_overruled_has_not_lost_it)
def _taken_back() -> None:
    with pytest.MonkeyPatch.context() as patch:
        settles.test_who_takes_back_what_was_to_be_overruled_has_not_lost_it(patch)


@wraps(odd.test_an_answer_to_our_write_that_is_older_than_what_was_held_undoes_nothing)
def _long_ago() -> None:
    with pytest.MonkeyPatch.context() as patch:
        odd.test_an_answer_to_our_write_that_is_older_than_what_was_held_undoes_nothing(patch)


@wraps(settles.test_what_a_write_sent_is_no_edit_of_the_record_that_went_before_it_told)
def _glimpsed() -> None:
    with pytest.MonkeyPatch.context() as patch:
        settles.test_what_a_write_sent_is_no_edit_of_the_record_that_went_before_it_told(
            patch, fate="restored at once", edited=True
        )


MUTANTS = (
    Mutant(
        "cursor before marks", intake._store,
        "        absorbed = absorb(tx, world, page.records, asked=fields, seen_to=state.read_to)\n",
        "        tx.feeds.move(FeedState(state.system, state.kind, page.cursor, page.read_to, page.backfilled))\n"
        "    with world.store.begin() as tx:\n"
        "        absorbed = absorb(tx, world, page.records, asked=fields, seen_to=state.read_to)\n",
        rules.test_a_kill_within_a_tick_loses_nothing,
    ),
    Mutant(
        "a page is stored by whoever read it", intake._store, "            return None\n", "            pass\n",
        leases.test_a_page_is_stored_by_who_holds_the_feed,
    ),
    Mutant(
        "an older snapshot is stored", absorb._older, "    return ", "    return False and ",
        rules.test_an_older_row_never_replaces_a_newer_snapshot,
    ),
    Mutant(
        "what an answer leaves out is not unknown", absorb.absorb,
        "asked if old is not None else world.fields(system, kind)", "asked",
        rules.test_an_edit_of_a_field_that_a_create_was_not_answered_with_still_travels,
    ),
    Mutant(
        "the second map is not marked", absorb._tell,
        "    mark(tx, m, side, (id_", "    (in_hand is None or in_hand[0].key == m.key) and mark(tx, m, side, (id_",
        rules.test_a_write_of_one_map_marks_the_other,
    ),
    Mutant(
        "a mark is dropped before its write is confirmed", worker.Worker._steps,
        "        settle(self.world, items, self.run)\n",
        "        settle(self.world, items, self.run)\n"
        "        with self.world.store.begin() as tx:\n"
        "            for mark in (mark for item in items for mark in item.unit.marks):\n"
        "                tx.marks.done([mark], items[0].unit.fence)\n",
        rules.test_a_mark_is_dropped_only_when_its_write_is_confirmed, worker.Worker,
    ),
    Mutant(
        "creates before both backfills", worker.backfilled, "    return tx", "    return True or tx",
        rules.test_nothing_is_created_before_both_sides_were_read,
    ),
    Mutant(
        "no look-up before a create", linking.look_up, "    for to in Side:\n", "    for to in ():\n",
        rules.test_the_vendor_is_asked_before_anything_is_created,
    ),
    Mutant(
        "our own create is a new lead", linking._own_key_or_window,
        "    side, m = item.mark.side, item.m\n", "    return\n    side, m = item.mark.side, item.m\n", _orphan,
    ),
    Mutant(
        "adopted base is what was found", settling._adopt_create,
        "    settle_rules(tx, m, {link.id: rules})\n",
        "    rules = {\n"
        "        rule.name: {**rules[rule.name], side: record.fields[rule.field(side)]}\n"
        "        for rule in m.rules if rule.name in rules and rule.field(side) in record.fields\n"
        "    }\n"
        "    settle_rules(tx, m, {link.id: rules})\n",
        rules.test_an_edit_of_a_record_whose_answer_was_lost_still_travels,
    ),
    Mutant(
        "a copy of the key is taken for what was made", settling._keyed,
        "[record for record in within if may_have_made(intent, record)] or within or ours", "ours", _merged_early,
    ),
    Mutant(
        "what a feed told of what was made is not looked at", settling._keyed, "{*waiting, *near}", "waiting",
        partial(settles.test_what_a_feed_told_before_it_was_merged_into_a_stranger_is_what_was_made, 600),
    ),
    Mutant(
        "what was there a second before may have been made", late.may_have_made, "- BEHIND", "- 2 * BEHIND",
        partial(settles.test_what_was_merged_into_a_stranger_before_it_told_is_asked_about, 0),
    ),
    Mutant(
        "a key that a merge handed on proves the rest of a record", settling._adopt_create,
        " and may_have_made(intent, record)", "", _handed_on,
    ),
    Mutant(
        "what an old copy of the store says is believed", restored.doubts, "if since is None:", "if True:", _put_back,
    ),
    Mutant(
        "an answer from before is believed", confirm._go_on, "elif behind:", "elif False:", _long_ago,
    ),
    Mutant(
        "base is the whole answer", confirm.written_updates,
        "    now = world.clock()\n",
        "    item, record = answers[0]\n"
        "    settle_rules(tx, item.m, {item.link.id: {\n"
        "        rule.name: {side: record.fields[rule.field(side)], side.other: d.sides[side.other != 'left']}\n"
        "        for d in item.plan.decisions if (rule := d.rule) and rule.field(side) in record.fields\n"
        "    }})\n"
        "    now = world.clock()\n",
        _answered_whole,
    ),
    Mutant(
        "an interrupted write is taken for not landed", settling._settle_update,
        "            _neither(world, tx, item, intent, found, run)",
        "            _not_landed(world, tx, item, intent, found, run)",
        rules.test_an_interrupted_write_over_a_third_value_asks,
    ),
    Mutant(
        "what is told for the first time was never edited", absorb._moved_row, "        changed |= learned ",
        "        pass ", reviewed.test_an_edit_made_while_a_map_gains_its_field_is_seen,
    ),
    Mutant(
        "of an interrupted write that was typed over nothing has landed", settling._neither,
        "        settle_rules(tx, item.m, {item.link.id: there})\n", "",
        rules.test_our_own_value_beside_one_that_was_typed_over_overrules_nobody,
    ),
    Mutant(
        "the declared loss is ignored", loss.image,
        "    loss = type.loss if type else UNDESCRIBED\n", "    loss = Loss()\n    type = None\n",
        rules.test_what_a_field_loses_does_not_bounce,
    ),
    Mutant(
        "a mark that was renewed meanwhile is dropped", marks.Marks.done,
        "mark.generation", "self.get(mark.map, mark.side, [mark.id])[mark.id].generation",
        rules.test_a_mark_that_is_renewed_while_it_is_worked_on_stays, marks.Marks,
    ),
    Mutant(
        "what a create could not carry is forgotten", confirm.written_creates,
        "any(rule.name not in bases for rule in m.rules)", "False",
        rules.test_what_a_create_could_not_carry_follows,
    ),
    Mutant(
        "a blank is written over something at a first link", plan._Pair._first,
        "if values[to] is None:", "if values[to.other] is None:",
        rules.test_a_first_link_fills_blanks_and_lists_who_loses, plan._Pair,
    ),
    Mutant(
        "a newer time answers a question of a first link", plan._Pair._first, "in self.given.asked", "in ()",
        rules.test_a_question_of_a_first_link_stays_open_whoever_is_newer_then, plan._Pair,
    ),
    Mutant(
        "what is cleared before the first plan is filled", base.moved,
        "if identity not in link.known and not _blank(rule, side, new):", "if identity not in link.known:",
        partial(by_hand.test_what_somebody_clears_between_link_and_first_plan_is_not_filled, "con", False),
    ),
    Mutant(
        "an open conflict ends when one side is as it was", plan._Pair._decide, "in self.given.asked", "in ()",
        rules.test_an_open_conflict_stays_open_when_one_side_is_as_it_was, plan._Pair,
    ),
    Mutant(
        "nobody pulls a parent across", confirm._pull, "    if m is None:\n", "    if True:\n",
        rules.test_a_deal_pulls_its_contact_across_and_waits_for_it,
    ),
    Mutant(
        "who waits for a merged record waits on", absorb._note_merged,
        "tx.marks.wake([str(item.ref) for item in merged], now)", "pass",
        leaves.test_who_waits_for_a_record_that_is_merged_goes_on_with_the_survivor,
    ),
    Mutant(
        "a child is not released by its parent's link", confirm.adopt,
        "    wake_for(tx, m, list(made.values()), now)\n", "",
        rules.test_a_deal_pulls_its_contact_across_and_waits_for_it,
    ),
    Mutant(
        "who was overruled is not listed", plan._Pair._both, "lost=(winner.other, values[winner.other])", "lost=None",
        rules.test_changed_on_both_sides_goes_by_the_owner, plan._Pair,
    ),
    Mutant(
        "an open conflict moves its base", plan.conflict, "reason=reason,", "reason=reason, settle=dict(values),",
        rules.test_an_open_conflict_stays_open,
    ),
    Mutant(
        "drift is overwritten in silence", plan._Pair._one_way, "if changed[to] or", "if False and",
        _restored, plan._Pair,
    ),
    Mutant(
        "nothing is compared before it is overwritten", planning.operation_for,
        "expect={str(d.field): d.before for d in decisions}", "expect={}", _typed_just_before,
    ),
    Mutant(
        "what moved elsewhere in an answer is not looked at", confirm._moved_elsewhere, "    return any(",
        "    return False and any(", _answered_whole,
    ),
    Mutant(
        "a plan is written", run._passes, '    if pair.mode == "plan":\n', '    if pair.mode == "never":\n',
        rules.test_plan_mode_writes_nothing_and_rests,
    ),
    Mutant(
        "the guard does not count creations", guard.weigh, "creates=sum(", "creates=0 * sum(",
        rules.test_a_run_beyond_the_guard_is_held_until_it_is_allowed,
    ),
    Mutant(
        "undo takes back what is not ours", undo._take_back,
        "    if same(now, mine[-1]", "    if True or same(now, mine[-1]",
        undoing.test_what_somebody_changed_since_is_left_and_listed,
    ),
    Mutant(
        "undo archives what somebody touched", undo._take_away, "    elif touched:", "    elif False and touched:",
        undoing.test_what_somebody_changed_since_is_left_and_listed,
    ),
    Mutant(
        "undo forgets what else is new", undo._carry_out,
        "item.more = bool(item.operations)", "item.more = False",
        undoing.test_an_edit_while_it_is_undone_is_not_lost,
    ),
    Mutant(
        "a fight goes on", flips._flips, "count > most", "count > most + 1000",
        fights.test_a_field_that_flips_is_frozen_and_its_writer_named,
    ),
    Mutant(
        "a slow worker settles what another has taken over", fence.still_ours,
        "    if tx.marks.holds(", "    if True or tx.marks.holds(",
        leases.test_a_worker_that_was_overtaken_settles_nothing,
    ),
    Mutant(
        "two creates may claim one key", writing._claim,
        "in tx.journal.claim(texts, end", "in tx.journal.claim({}, end",
        rules.test_two_of_one_key_are_not_both_made,
    ),
    Mutant(
        "a choice that was written is not told of with the write", conflicts.close_taken,
        "    for link, rule, sides in written:", "    for link, rule, sides in ():", _choice,
    ),
    Mutant(
        "an open write is not settled before the next one", worker.Worker._steps,
        "        settle(self.world, items, self.run)\n", "", _lost_answer, worker.Worker,
    ),
    Mutant(
        "absence is deletion", leaving._confirm,
        "elif item in doubtful and (too_many or not seen):", "elif item in doubtful and too_many:",
        leaves.test_absence_of_all_is_a_missing_permission,
    ),
    Mutant(
        "many absences are deletions", leaving._confirm,
        "elif item in doubtful and (too_many or not seen):", "elif item in doubtful and not seen:",
        leaves.test_absence_of_many_at_once_is_a_missing_permission,
    ),
    Mutant(
        "an answer from before brings a deleted record back", absorb._back_row,
        "if item.stale_ok or not (asked_after or _later_read(item, before.record)):", "if item.stale_ok:",
        leaves.test_an_answer_from_before_the_deletion_brings_nothing_back,
    ),
    Mutant(
        "what comes back stays apart", leaving.come_back,
        "link is not None and _there_again(tx, item.m, link)", "False",
        leaves.test_a_record_that_comes_back_is_linked_again_and_no_edit_is_lost,
    ),
    Mutant(
        "what was deleted is made again", linking._unfit, "    if closed:\n", "    if False:\n",
        leaves.test_what_was_deleted_is_not_made_again,
    ),
    Mutant(
        "one proof is enough", archiving.proved_twice, " + world.pace.proofs - now", " - now",
        archives.test_two_proofs_lie_some_minutes_apart,
    ),
    Mutant(
        "what was written before a record was gone for a look is a person's edit", leaving._stay,
        "_unsettle(tx, item, item.link, Side)", "pass", _glimpsed,
    ),
    Mutant(
        "an old proof counts", leaving._stay, "tx.links.leaves(item.link.id, None)", "pass",
        archives.test_what_comes_back_between_the_proofs_stays_linked,
    ),
    Mutant(
        "no canary is needed", archiving._objection, "    if not c.seen:\n", "    if False:\n",
        archives.test_without_a_canary_nothing_is_archived,
    ),
    Mutant(
        "an empty list proves an absence", archiving._unlisted,
        "    if not ids & {link.id_on(side) for link in c.links}:\n", "    if False:\n",
        archives.test_a_list_that_is_empty_proves_no_absence,
    ),
    Mutant(
        "an edited twin is archived", archiving._edited, "    if moved:\n", "    return None\n    if moved:\n",
        lambda: archives.test_an_edit_of_the_twin_keeps_it("between"),
    ),
    Mutant(
        "any permission allows an archive", item.permitted, '("creates", "archives")', '("creates",)',
        archives.test_a_permission_to_update_allows_no_archive,
    ),
    Mutant(
        "links that meet are nobody's question", leaving._follow,
        'item.fail(park("question", f"{became}, and both were linked: with {both}. {remedy}"))',
        "item.fail(DONE)", lambda: leaves.test_two_links_that_meet_are_a_question(anew=False),
    ),
    Mutant(
        "what left the filter flows", planning.left_filter, "    try:\n", "    return False\n    try:\n",
        lambda: leaves.test_what_leaves_the_filter_stops_or_goes_on(Leave.STOP, carried=False),
    ),
    Mutant(
        "what left the filter stays linked", leaving.leave, "    if m.leave is Leave.UNLINK:\n", "    if False:\n",
        leaves.test_what_leaves_the_filter_is_unlinked_and_linked_again,
    ),
    Mutant(
        "a hint is no cause to read", intake.hint, "reread=True, ", "reread=False, ",
        hints.test_a_hint_brings_an_edit_across_before_the_feed_does,
    ),
    Mutant(
        "a hint is heard by the first map only", intake.hint, "world.readers[kind]:", "world.readers[kind][:1]:",
        hints.test_a_hint_brings_a_new_record_across,
    ),
    Mutant(
        "a hint of one side has both read", item.Item.asks, "not cause.startswith((UNKNOWN, HINT)) or ", "True or ",
        hints.test_a_hint_of_what_did_not_change_is_a_read_and_no_write, item.Item,
    ),
    Mutant(
        "agreement is believed without a look", planning._look_first, "if not _ends(item) or ", "if True or ",
        partial(agreeing.test_an_agreement_with_what_was_typed_over_before_is_none, 0, "same"),
    ),
    Mutant(
        "one side's look is enough", planning._look_first, "all(item.asks(", "any(item.asks(",
        agreeing.test_a_hint_of_one_side_is_no_look_at_both,
    ),
    Mutant(
        "a question of a first link is closed without a look", planning._ends, "d.rule.name in item.conflicts", "False",
        partial(agreeing.test_a_row_of_a_lagging_list_is_no_witness, 1, "first link"),
    ),
    Mutant(
        "what was given up never lands", late.landed_late, "if ours and ", "if False and ",
        settles.test_a_create_that_lands_after_all_has_its_values_as_base,
    ),
    Mutant(
        "nobody is found by our key", match.indexed, "*was, *ours]", "*was]",
        partial(copies.test_who_carries_our_key_is_not_made_again, Side.LEFT, by_feed=True),
    ),
    Mutant(
        "who is one of a crowd is not asked again", snapshots.Snapshots.asking_near,
        "if count > most >= carried[side].get(key, 0)", "if False",
        reviewed.test_a_crowd_that_asks_about_one_is_released_when_it_is_linked, owner=snapshots.Snapshots,
    ),
    Mutant(
        "a copy that carries our key is the twin", linking._by_key,
        "if others := copies(", "if others := () and copies(",
        partial(copies.test_a_copy_that_carries_our_key_is_not_taken_for_the_twin, Side.RIGHT, by_feed=True),
    ),
    Mutant(
        "what a lost write would overrule is overruled", settling._list_put_back, 'if not data["lost"]\n', "if True\n",
        _taken_back,
    ),
    Mutant(
        "a link goes on with what an open creation made", leaving._follow,
        "    creates += may_answer(", "    () and may_answer(",
        partial(leaves.test_what_was_merged_into_the_answer_of_an_open_creation_waits_for_it, key=False),
    ),
    Mutant(
        "what was asked when a link closed is forgotten", closed.reopen, "    tx.conflicts.reopen(", "    (",
        partial(leaves.test_what_was_asked_when_a_link_closed_is_asked_when_it_opens_again, "deleted"),
    ),
    Mutant(
        "what was asked about a lead is forgotten", inheriting._Legacy.asked, "old.name in before or", "False or",
        heirs.test_what_was_asked_about_the_lead_is_asked_about_what_it_became, inheriting._Legacy,
    ),
    Mutant(
        "what was cleared on a lead's twin is filled", inheriting._Legacy.asked, "or (cleared and", "or (False and",
        partial(heirs.test_what_was_cleared_on_the_twin_is_not_filled_by_what_the_lead_became, "Ulm", "known"),
        inheriting._Legacy,
    ),
    Mutant(
        "a lead that became a contact is not read once more", succession.look_at_twins,
        "                read_known(", "                () and read_known(",
        partial(heirs.test_what_was_typed_on_the_lead_last_came_along_and_travels, "Bonn"),
    ),
    Mutant(
        "new leads do not wait for the guard", crew.Crew._leads,
        "if may_exceed(", "if () and (",
        first.test_leads_that_the_guard_could_mind_wait_for_the_next_run, crew.Crew,
    ),
    Mutant(
        "what a run did is not counted when leads come", crew.Crew._leads, ", self._done())", ")",
        first.test_what_the_run_did_counts, crew.Crew,
    ),
    Mutant(
        "new leads are counted before all that is due is stored", crew.Crew._leads,
        "                with self.world.store.begin():\n", "                if True:\n",
        first.test_a_page_that_is_stored_meanwhile_is_not_taken_uncounted, crew.Crew,
    ),
    Mutant(
        "leads of a map that continues another go first", crew.Crew._lead_due, "m.continues is None and ", "",
        first.test_a_map_that_continues_another_takes_its_turn_after_that, crew.Crew,
    ),
    Mutant(
        "an edit of a linked record goes before new leads", absorb.lane_of, " and not linked", "",
        partial(first.test_who_has_a_twin_is_in_no_lead_lane, "by a feed"),
    ),
    Mutant(
        "a paused record is looked at all the same", worker.Worker._steps,
        "        with self.world.store.read() as tx:\n            stand_still(self.world, tx, items)\n", "",
        still.test_its_twin_is_deleted_and_it_stays, worker.Worker,
    ),
    Mutant(
        "a pause is not looked at again before a write", worker.Worker._hold_on,
        "        stand_still(self.world, tx, [", "        ([",
        partial(still.test_paused_in_the_middle_of_a_run_nothing_is_begun, new=True), worker.Worker,
    ),
    Mutant(
        "hidden records are no matter", lookout._wrong, "    if len(hidden) >= MANY and", "    if False and", _hidden,
    ),
)  # fmt: skip


def _apply(mutant: Mutant, patch: pytest.MonkeyPatch) -> None:
    """Compile the changed source where the function lives, and put it wherever the engine has its name."""
    function: FunctionType = mutant.function
    source = textwrap.dedent(inspect.getsource(function))
    old, new = (_fitted(text, mutant) for text in (mutant.old, mutant.new))
    assert source.count(old) == 1, f"{mutant.name}: the engine has changed here, and the mutant no longer applies"
    code = compile(source.replace(old, new), f"<{mutant.name}>", "exec", flags=__future__.annotations.compiler_flag)
    made: dict[str, Any] = {}
    exec(code, function.__globals__, made)
    if mutant.owner is not None:
        patch.setattr(mutant.owner, function.__name__, made[function.__name__])
        return
    for name, module in list(sys.modules.items()):
        if name.startswith("syncd.") and getattr(module, function.__name__, None) is function:
            patch.setattr(module, function.__name__, made[function.__name__])


def _fitted(text: str, mutant: Mutant) -> str:
    """A method's lines are compiled four columns further left than they stand."""
    return text.replace("\n    ", "\n").removeprefix("    ") if mutant.owner is not None else text


@pytest.mark.parametrize("mutant", MUTANTS, ids=[f"{mutant.name} <- {mutant.killer}" for mutant in MUTANTS])
def test_a_broken_rule_is_noticed(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rule that is taken out makes the scenario fail that holds with the engine as it is."""
    _apply(mutant, monkeypatch)
    with pytest.raises((Lawless, AssertionError, ValueError)) as noticed:
        mutant.scenario()
    assert " bug: " not in str(noticed.value), "the mutant is no engine with another rule, but a broken program"


def test_the_machine_notices_a_broken_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine that draws towns is no ornament: without a rule it comes upon a town in which a law is broken."""
    _apply(next(mutant for mutant in MUTANTS if mutant.name == "the second map is not marked"), monkeypatch)
    few = settings(Machine.TestCase.settings, max_examples=60, phases=[Phase.generate], report_multiple_bugs=False)
    with pytest.raises((Lawless, ExceptionGroup)):
        run_state_machine_as_test(Machine, settings=few)
