"""Bars and hand-offs from hours: nothing is lost or counted twice, and what is said of most is true of most."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from syncd.console.chart import HIGH, WIDE, Chart, handed
from syncd.service.tally import FAILED, SECONDS, WRITTEN
from syncd.store.tallies import Tally

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
rows = st.lists(
    st.builds(
        Tally, st.just(""), st.integers(-48, 72).map(lambda n: BEGIN + n * HOUR),
        st.sampled_from([WRITTEN, FAILED, "run:done", *(f"handoff:{one}" for one in (*SECONDS, "more"))]),
        st.integers(1, 10**9),
    )
)  # fmt: skip


@given(rows)
def test_every_hour_is_in_its_bar(found: list[Tally]) -> None:
    """The bars hold all that was written in their time, each in the drawing, the tallest up to its top."""
    chart = Chart.of(found, BEGIN, HOUR, 24)
    inside = [one for one in found if BEGIN <= one.hour < BEGIN + DAY]
    assert chart.written == sum(one.count for one in inside if one.what == WRITTEN)
    assert chart.failed == sum(one.count for one in inside if one.what == FAILED)
    assert len(chart.bars) == 24
    for bar in chart.bars:
        assert bar.x >= 0 and bar.x + bar.width <= WIDE and bar.ok + bar.bad <= HIGH + 3
        assert (bar.ok > 0) == (bar.written > 0) and (bar.bad > 0) == (bar.failed > 0)


@given(rows)
def test_days_hold_what_their_hours_do(found: list[Tally]) -> None:
    """A bar of a day is its 24 hours."""
    hours, (day, *_) = Chart.of(found, BEGIN, HOUR, 24), Chart.of(found, BEGIN, DAY, 1).bars
    assert (day.written, day.failed) == (hours.written, hours.failed)


@given(rows)
def test_most_hand_offs_were_done_within_what_is_said(found: list[Tally]) -> None:
    """At least 95 of 100 took no longer, and of the next shorter time that is not so."""
    told = handed(found, BEGIN)
    took = dict.fromkeys((*map(str, SECONDS), "more"), 0)
    for one in found:
        if one.hour >= BEGIN and one.what.startswith("handoff:"):
            took[one.what.partition(":")[2]] += one.count
    assert told.count == sum(took.values())
    done = {one: sum(count for name, count in took.items() if name != "more" and int(name) <= one) for one in SECONDS}
    if told.within is not None:
        assert done[told.within] >= 0.95 * told.count
        assert all(done[one] < 0.95 * told.count for one in SECONDS if one < told.within)
    elif told.count:
        assert done[SECONDS[-1]] < 0.95 * told.count
