"""The journal and the claims of open creates, on a real database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from syncd.core.model import Action, Side
from syncd.store.journal import Intent
from syncd.store.store import Store, Tx
from tests.store.conftest import LATER, NOW

LEFT, RIGHT = Side.LEFT, Side.RIGHT


def opened(tx: Tx, **more: Any) -> int:
    """A create on the right that has no outcome."""
    row = {"run": 1, "map": "m", "side": "right", "action": "create", "link": None, "record_id": None,
           "source_id": "1", "fields": {"name": "Ana"}, "before": {}, "rules": {}, "version": None,
           "opened_at": NOW, "lands_by": LATER, "fence": 1}  # fmt: skip
    return tx.journal.open([{**row, **more}])[0]


def ids(intents: Sequence[Intent]) -> list[int]:
    """Their ids."""
    return [intent.id for intent in intents]


def test_an_intent_comes_back_whole(store: Store) -> None:
    """What is about to be written, over what, and what base moves to, is what was journaled, values in their types."""
    rules = {"tags": {"field": "tags", "settle": {"left": ("a",), "right": "a"}, "lost": ["right", None]}}
    with store.begin() as tx:
        id_ = opened(tx, action="update", side="left", link=4, record_id="7", source_id="9",
                     fields={"tags": ("a", "b"), "amount": 1.5}, before={"tags": None, "amount": 2}, rules=rules,
                     version="v3")  # fmt: skip
    with store.read() as tx:
        (found,) = tx.journal.open_of("m", ["9"])
    assert found == Intent(
        id=id_, run=1, map="m", side=LEFT, action=Action.UPDATE, link=4, record_id="7", source_id="9",
        fields={"tags": ("a", "b"), "amount": 1.5}, before={"tags": None, "amount": 2},
        rules={"tags": {"field": "tags", "settle": {"left": ("a",), "right": "a"}, "lost": ("right", None)}},
        version="v3", outcome=None, error=None, opened_at=NOW, lands_by=LATER, closed_at=None, fence=1,
    )  # fmt: skip


def test_open_intents_are_found_by_source_link_and_side(store: Store) -> None:
    """Each way of asking finds the open ones, oldest first, and none of another map, side or action."""
    with store.begin() as tx:
        first, second = opened(tx), opened(tx, source_id="2")
        update = opened(tx, action="update", link=5, record_id="9")
        leftwards = opened(tx, side="left", source_id="9", link=6)
        opened(tx, map="other", source_id="1")
        assert ids(tx.journal.open_of("m", ["2", "1", "3"])) == [first, second, update]
        assert ids(tx.journal.open_links([5, 6, 7])) == [update, leftwards]
        assert ids(tx.journal.open_creates("m", RIGHT)) == [first, second]
        assert ids(tx.journal.open_creates("m", LEFT)) == [leftwards]


def test_an_outcome_closes_an_intent(store: Store) -> None:
    """A closed intent is open by no way of asking; what became of it, and the id it was given, stay in the journal."""
    with store.begin() as tx:
        id_, other = opened(tx, link=5), opened(tx, source_id="2")
        tx.journal.note(id_, "the answer was lost")
        assert tx.journal.is_open(id_)
        assert [i.error for i in tx.journal.open_of("m", ["1"])] == ["the answer was lost"]
        tx.journal.close(id_, "written", LATER, record_id="77")
        assert not tx.journal.is_open(id_)
        assert tx.journal.is_open(other)
        assert not tx.journal.is_open(999)
        assert tx.journal.open_of("m", ["1"]) == tx.journal.open_links([5]) == []
        assert ids(tx.journal.open_creates("m", RIGHT)) == [other]
        (found,) = tx.journal.last_of("m", ["77"])
        assert (found.outcome, found.error, found.record_id) == ("written", None, "77")


def test_an_outcome_without_an_id_leaves_the_one_known(store: Store) -> None:
    """An update keeps the record it was meant for, however it ended, and the vendor's sentence stands with it."""
    with store.begin() as tx:
        id_ = opened(tx, action="update", record_id="9")
        tx.journal.close(id_, "refused", NOW, error="no such stage")
        (found,) = tx.journal.of_run(1)
        assert (found.record_id, found.outcome, found.error) == ("9", "refused", "no such stage")


def test_the_journal_of_a_record_and_of_a_run(store: Store) -> None:
    """A record's writes are those from it and to it, newest first; a run's are in their order."""
    with store.begin() as tx:
        one, two = opened(tx), opened(tx, action="update", source_id="5", record_id="1", run=2)
        three = opened(tx, source_id="6", run=2)
        assert ids(tx.journal.last_of("m", ["1"])) == [two, one]
        assert ids(tx.journal.last_of("m", ["1"], limit=1)) == [two]
        assert tx.journal.last_of("other", ["1"]) == []
        assert ids(tx.journal.of_run(2)) == [two, three]
        assert ids(tx.journal.recent(limit=2)) == [three, two]


def test_intents_get_their_ids_in_order(store: Store) -> None:
    """What is journaled together comes back with the ids of its rows, however many they are; nothing gets none."""
    row = {"run": 1, "map": "m", "side": "right", "action": "create", "fields": {}, "before": {}, "rules": {},
           "opened_at": NOW, "lands_by": LATER, "fence": 1}  # fmt: skip
    with store.begin() as tx:
        made = tx.journal.open([{**row, "source_id": str(n)} for n in range(1200)])
        assert [(one.id, one.source_id) for one in tx.journal.open_creates("m", RIGHT)] == [
            (id_, str(n)) for n, id_ in enumerate(made)
        ]
        assert tx.journal.open([]) == []
        with pytest.raises(ValueError, match="two writes"):
            tx.journal.open([{**row, "source_id": "1"}] * 2)


def test_a_key_is_claimed_once(store: Store) -> None:
    """A second open create of the same key is refused and told who was first; it claims none of its other keys."""
    with store.begin() as tx:
        first, second, third = opened(tx), opened(tx, source_id="2"), opened(tx, source_id="3")
        assert tx.journal.claim({first: ["email ana", "phone 1"]}, "field", "contacts") == {}
        assert tx.journal.claim({second: ["phone 2", "phone 1"]}, "field", "contacts") == {second: first}
        assert tx.journal.claim({third: ["phone 2"]}, "field", "contacts") == {}


def test_of_those_that_claim_together_the_first_gets_the_key(store: Store) -> None:
    """Each in its turn: the second is refused, and what only it claims besides is free for the third."""
    with store.begin() as tx:
        first, second, third = opened(tx), opened(tx, source_id="2"), opened(tx, source_id="3")
        wanted = {first: ["a"], second: ["b", "a"], third: ["b"]}
        assert tx.journal.claim(wanted, "field", "contacts") == {second: first}
        assert tx.journal.claim({second: ["b"]}, "field", "contacts") == {second: third}


def test_claims_are_per_system_and_kind(store: Store) -> None:
    """The same key elsewhere is another key; a create may name its own key twice, or none."""
    with store.begin() as tx:
        assert tx.journal.claim({opened(tx): ["a", "a"]}, "field", "contacts") == {}
        assert tx.journal.claim({opened(tx, source_id="2"): ["a"]}, "field", "jobs") == {}
        assert tx.journal.claim({opened(tx, source_id="3"): ["a"]}, "crm", "contacts") == {}
        assert tx.journal.claim({opened(tx, source_id="4"): []}, "crm", "contacts") == {}


@pytest.mark.parametrize("outcome", ["written", "refused", "unsent", "not landed"])
def test_claims_end_with_their_intent(store: Store, outcome: str) -> None:
    """Whatever became of a create, its keys are free again, and only its own."""
    with store.begin() as tx:
        first, second, third = opened(tx), opened(tx, source_id="2"), opened(tx, source_id="3")
        assert tx.journal.claim({first: ["a"], second: ["b"]}, "field", "contacts") == {}
        tx.journal.close(first, outcome, NOW)
        assert tx.journal.claim({third: ["a"]}, "field", "contacts") == {}
        assert tx.journal.claim({first: ["b"]}, "field", "contacts") == {first: second}


def test_writes_are_counted(store: Store) -> None:
    """By map, side, kind and outcome; an open one has none."""
    with store.begin() as tx:
        tx.journal.close(opened(tx), "written", NOW)
        tx.journal.close(opened(tx, source_id="2"), "written", NOW)
        opened(tx, source_id="3", side="left", action="update")
        assert tx.journal.counts() == {("m", RIGHT, Action.CREATE, "written"): 2, ("m", LEFT, Action.UPDATE, None): 1}


def test_only_what_the_last_claim_wrote_to_what_was_gone_is_open_again(store: Store) -> None:
    """Whatever was written to a link later has settled what was before; another link's or side's writes stay closed."""
    with store.begin() as tx:
        update = {"action": "update", "side": "left", "link": 4}
        old, last = (opened(tx, **update, source_id=str(n), fence=n) for n in (1, 2))
        beside = opened(tx, **{**update, "side": "right"}, source_id="3", fence=2)
        other = opened(tx, **{**update, "link": 5}, source_id="4", fence=1)
        for intent in (old, last, beside, other):
            tx.journal.close(intent, "gone", NOW)
        assert tx.journal.open_again(4, LEFT, "new") == 1
        (found,) = tx.journal.open_links([4, 5])
        assert (found.id, found.record_id, found.closed_at) == (last, "new", None)
