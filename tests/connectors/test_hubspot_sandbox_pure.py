"""The HubSpot sandbox's search and index without a socket: compared with the plainest way to say the same."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from syncd_hubspot.sandbox.index import Index, Seen, lag_ms
from syncd_hubspot.sandbox.schema import Schema
from syncd_hubspot.sandbox.search import Scope, search
from syncd_hubspot.sandbox.standard import PROPERTIES

_BOUNDS = {
    "GT": lambda value, bound: value > bound,
    "GTE": lambda value, bound: value >= bound,
    "LT": lambda value, bound: value < bound,
    "LTE": lambda value, bound: value <= bound,
    "EQ": lambda value, bound: value == bound,
}
_NUMBERS = st.integers(0, 12)
_FILTERS = st.lists(
    st.tuples(st.sampled_from(["lastmodifieddate", "hs_object_id"]), st.sampled_from(sorted(_BOUNDS)), _NUMBERS),
    max_size=4,
)


def _scope(index: Index) -> Scope:
    return Scope(index, Schema("contactinformation", PROPERTIES["contacts"]), "lastmodifieddate", lambda one, kind: ())


def _filled(times: list[int]) -> Index:
    index = Index()
    for id, modified in enumerate(times):
        index.later(Seen(id, modified, 0, 1, {"hs_object_id": str(id)}), 0)
    index.tick(0)
    return index


def _holds(id: int, modified: int, filters: list[tuple[str, str, int]]) -> bool:
    values = {"lastmodifieddate": modified, "hs_object_id": id}
    return all(_BOUNDS[operator](values[name], bound) for name, operator, bound in filters)


@given(times=st.lists(_NUMBERS, max_size=12), groups=st.lists(_FILTERS, max_size=4), limit=st.integers(1, 13))
def test_windows_are_cut_as_a_plain_scan_would(
    times: list[int], groups: list[list[tuple[str, str, int]]], limit: int
) -> None:
    """Ranges cut from sorted lists find exactly what looking at every record finds, in id order, page by page."""
    body: dict[str, Any] = {
        "filterGroups": [
            {"filters": [{"propertyName": name, "operator": op, "value": str(bound)} for name, op, bound in filters]}
            for filters in groups
        ],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "limit": limit,
    }
    wanted = [id for id, at in enumerate(times) if not groups or any(_holds(id, at, group) for group in groups)]
    hits = search(_scope(_filled(times)), body)
    assert hits.total == len(wanted)
    assert list(hits.ids) == wanted[:limit]
    assert (hits.after is None) == (len(wanted) <= limit)


@given(order=st.permutations(range(6)))
def test_an_older_state_never_replaces_a_newer_one(order: list[int]) -> None:
    """Whatever order the states of one record arrive in, the newest stays and stands once in the sorted list."""
    index = Index()
    for due, version in enumerate(order):
        index.later(Seen(7, version, 0, version, {"city": str(version)}), due)
    for now in range(6):
        index.tick(now)
        assert index.rows[7].version == max(order[: now + 1])
        assert index.by_modified == [(index.rows[7].modified, 7)]


def test_a_record_that_left_does_not_come_back_late() -> None:
    """A late state from before a record was archived does not bring it back into the index."""
    index = Index()
    index.later(Seen(7, 1, 0, 1, {}), 5)
    index.later(Seen(7, 1, 0, 2, None), 1)
    index.tick(9)
    assert index.rows == {}
    assert index.by_modified == []


def test_lags_are_mostly_seconds_sometimes_minutes() -> None:
    """The usual lag is between one second and five minutes, mostly under ten; the other kinds are exact."""
    rng = random.Random(1)
    lags = [lag_ms({"kind": "normal"}, rng) for _ in range(2_000)]
    assert min(lags) >= 1_000
    assert 60_000 < max(lags) <= 300_000
    assert sum(lag <= 10_000 for lag in lags) > 1_600
    assert lag_ms({"kind": "none"}, rng) == lag_ms("none", rng) == 0
    assert lag_ms({"kind": "fixed", "seconds": 2.5}, rng) == 2_500
