"""Links, their bases, and what a map's rules were when a base was stored, on a real database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from syncd.core.model import Side
from syncd.store.links import Link, LinkedAlready
from syncd.store.store import Store, Tx
from syncd.store.tables import rulesets
from tests.store.conftest import LATER, NOW

LEFT, RIGHT = Side.LEFT, Side.RIGHT


def kept(tx: Tx, link: Link) -> Link:
    """The link as it is stored."""
    return tx.links.get([link.id])[link.id]


def test_a_new_link_knows_no_base(store: Store) -> None:
    """Both sides are open for the first link: no rule has a base yet; each side finds it by its own id."""
    with store.begin() as tx:
        link = tx.links.make("m", "1", "9", NOW)
    with store.read() as tx:
        assert kept(tx, link) == Link(id=link.id, map="m", left_id="1", right_id="9")
        assert tx.links.of("m", LEFT, ["1", "2", "9"]) == {"1": link}
        assert tx.links.of("m", RIGHT, ["9", "1"]) == {"9": link}
        assert tx.links.of("other", LEFT, ["1"]) == {}
        assert (link.id_on(LEFT), link.id_on(RIGHT)) == ("1", "9")


@pytest.mark.parametrize("pair", [("1", "8"), ("2", "9"), ("1", "9")])
def test_a_ref_is_linked_once_per_map(store: Store, pair: tuple[str, str]) -> None:
    """Neither side of an open link can be linked again in its map; the transaction goes on after the refusal."""
    with store.begin() as tx:
        tx.links.make("m", "1", "9", NOW)
        with pytest.raises(LinkedAlready, match="linked already in m"):
            tx.links.make("m", *pair, NOW)
        tx.links.make("m", "3", "7", NOW)
    with store.read() as tx:
        assert tx.links.count("m") == 2


def test_another_map_and_the_other_side_are_free(store: Store) -> None:
    """Links of other maps, and the same id on the other side, do not stand in the way."""
    with store.begin() as tx:
        tx.links.make("m", "1", "9", NOW)
        tx.links.make("other", "1", "9", NOW)
        tx.links.make("m", "9", "1", NOW)
        assert (tx.links.count("m"), tx.links.count("other")) == (2, 1)
        assert [tx.links.count("m", most=most) for most in (1, 2, 3)] == [1, 2, 2]
        assert (tx.links.any("m"), tx.links.any("none")) == (True, False)


def test_a_closed_link_is_kept_and_frees_its_refs(store: Store) -> None:
    """A closed link keeps its reason and is found among the closed; both refs may be linked with others."""
    with store.begin() as tx:
        link = tx.links.make("m", "1", "9", NOW)
        tx.links.close(link.id, "a person unlinked it", LATER)
        assert kept(tx, link) == replace(link, state="closed", reason="a person unlinked it")
        assert tx.links.of("m", LEFT, ["1"]) == {}
        assert set(tx.links.of("m", LEFT, ["1"], state="closed")) == {"1"}
        assert set(tx.links.of("m", RIGHT, ["9"], state="closed")) == {"9"}
        tx.links.make("m", "1", "8", NOW)
        tx.links.make("m", "2", "9", NOW)


def test_of_several_closed_links_the_last_counts(store: Store) -> None:
    """A ref that was linked and parted twice is told by the later link."""
    with store.begin() as tx:
        for right in ("9", "8"):
            tx.links.close(tx.links.make("m", "1", right, NOW).id, right, NOW)
        assert tx.links.of("m", LEFT, ["1"], state="closed")["1"].right_id == "8"


def test_a_closed_link_opens_again_with_its_bases(store: Store) -> None:
    """Reopened, a link is as it was, bases and all, and says no longer why it was closed."""
    with store.begin() as tx:
        link = tx.links.make("m", "1", "9", NOW)
        whole = replace(link, left={"name": ("Ana", 12.5)}, known=frozenset({"name"}))
        tx.links.save([whole], ["name"])
        tx.links.close(link.id, "gone", NOW)
        tx.links.reopen(link.id)
        assert kept(tx, link) == whole


def test_a_link_whose_ref_is_linked_elsewhere_stays_closed(store: Store) -> None:
    """Reopening is refused when either ref has found another; the transaction goes on, the link stays closed."""
    with store.begin() as tx:
        link = tx.links.make("m", "1", "9", NOW)
        tx.links.close(link.id, "gone", NOW)
        tx.links.make("m", "2", "9", NOW)
        with pytest.raises(LinkedAlready, match="linked elsewhere"):
            tx.links.reopen(link.id)
        assert kept(tx, link).state == "closed"
        assert tx.links.count("m") == 1


def test_bases_come_back_as_values(store: Store) -> None:
    """Each side's bases come back in value, type and time; no base differs from a blank one."""
    left = {"name": ("Zoë", 1772442000.25), "tags": (("a", "b"), None), "note": (None, 1.0)}
    right = {"amount": (12.5, None), "vip": (True, None)}
    with store.begin() as tx:
        link = tx.links.make("m", "1", "9", NOW)
        whole = replace(link, left=left, right=right, known=frozenset([*left, *right]))
        tx.links.save([whole], [*left, *right])
    with store.read() as tx:
        assert kept(tx, link) == whole
        assert kept(tx, link).delta(LEFT) == left
        assert kept(tx, link).delta(RIGHT) == right


def test_deltas_alone_leave_the_known_rules(store: Store) -> None:
    """A snapshot that moved moves the deltas, and nothing becomes known or unknown by it; emptied ones go."""
    with store.begin() as tx:
        link = tx.links.make("m", "1", "9", NOW)
        known = replace(link, known=frozenset({"name"}))
        tx.links.save([known], ["name", "city"])
        tx.links.save_deltas([replace(known, left={"name": ("Ana", None)}, known=frozenset())])
        assert kept(tx, link) == replace(known, left={"name": ("Ana", None)})
        tx.links.save_deltas([known])
        assert kept(tx, link) == known


def test_a_rule_new_to_the_map_is_unknown(store: Store) -> None:
    """A rule that the map had not when the bases were stored has no base; storing under the new rules makes it so."""
    with store.begin() as tx:
        link = tx.links.make("m", "1", "9", NOW)
        tx.links.save([replace(link, known=frozenset({"name"}))], ["name"])
        assert kept(tx, link).known == {"name"}
        tx.links.save([kept(tx, link)], ["city", "name"])
        assert kept(tx, link).known == {"name"}
        tx.links.save([replace(link, known=frozenset({"name", "city"}))], ["city", "name"])
        assert kept(tx, link).known == {"name", "city"}


def test_a_rule_that_left_the_map_is_forgotten(store: Store) -> None:
    """Stored under rules without it, a rule has no base when it comes back: its fields were not watched meanwhile."""
    with store.begin() as tx:
        link = tx.links.make("m", "1", "9", NOW)
        whole = replace(link, known=frozenset({"city", "name"}))
        tx.links.save([whole], ["city", "name"])
        tx.links.save([whole], ["name"])
        assert kept(tx, link).known == {"name"}
        tx.links.save([kept(tx, link)], ["city", "name"])
        assert kept(tx, link).known == {"name"}


def test_a_set_of_rules_is_stored_once(store: Store) -> None:
    """Thousands of links of a map share one list of rule names, in whatever order they come; maps share none."""
    with store.begin() as tx:
        for n in range(5):
            link = tx.links.make("m", str(n), str(n), NOW)
            tx.links.save([link], ["name", "city"][:: 1 if n % 2 else -1])
    with store.begin() as tx:
        for m in ("m", "other"):
            tx.links.save([tx.links.make(m, "7", "7", NOW)], ["city", "name"])
        assert tx.connection.execute(select(func.count()).select_from(rulesets)).scalar_one() == 2


def test_rules_of_an_undone_part_are_stored_again(store: Store) -> None:
    """What is undone within a transaction takes its list of rule names along; the next link stores it anew."""
    with store.begin() as tx:
        link = replace(tx.links.make("m", "1", "9", NOW), known=frozenset({"name"}))
        part = tx.connection.begin_nested()
        tx.links.save([link], ["name"])
        part.rollback()
        tx.links.save([link], ["name"])
    with store.read() as tx:
        assert kept(tx, link) == link


def test_all_open_links_a_page_at_a_time(store: Store) -> None:
    """Pages in the order of ids, without gaps or repeats, without the closed and without other maps."""
    with store.begin() as tx:
        made = [tx.links.make("m", str(n), str(n), NOW) for n in range(7)]
        tx.links.make("other", "1", "1", NOW)
        tx.links.close(made[3].id, "gone", NOW)
    found: list[Link] = []
    with store.read() as tx:
        while page := tx.links.all("m", after=found[-1].id if found else 0, limit=2):
            assert len(page) <= 2
            found += page
    assert found == [*made[:3], *made[4:]]
