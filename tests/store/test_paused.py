"""Records that a person wants left alone, on a real database."""

from __future__ import annotations

from syncd.store.store import Store
from tests.store.conftest import LATER, NOW


def test_what_is_paused_is_found_by_its_kind(store: Store) -> None:
    """Of that system and kind only; said twice it is one, and since the second time."""
    with store.begin() as tx:
        for at in (NOW, LATER):
            tx.paused.add("crm", "contacts", "1", at)
        tx.paused.add("crm", "contacts", "2", NOW)
        tx.paused.add("crm", "deals", "3", NOW)
        tx.paused.add("other", "contacts", "3", NOW)
    with store.read() as tx:
        assert tx.paused.of("crm", "contacts", ["1", "2", "3"]) == {"1": LATER, "2": NOW}
        assert tx.paused.of("crm", "contacts", []) == {}


def test_it_goes_on(store: Store) -> None:
    """Those only, however many are named."""
    with store.begin() as tx:
        for number in range(1200):
            tx.paused.add("crm", "contacts", str(number), NOW)
        tx.paused.remove("crm", "contacts", [str(number) for number in range(1, 1500)])
        assert tx.paused.of("crm", "contacts", map(str, range(1200))) == {"0": NOW}
