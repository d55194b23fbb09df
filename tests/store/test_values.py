"""What goes into a column comes out of it: JSON values as the core knows them, moments to the microsecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from syncd.store.columns import Json, Moment

DIALECT = sqlite.dialect()

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.lists(st.text()).map(tuple),
)


@given(values)
def test_a_value_comes_back_as_it_was(value: object) -> None:
    """Every canonical value survives the JSON column in value and type, multi-valued ones as tuples."""
    column = Json()
    kept = column.process_result_value(column.process_bind_param(value, DIALECT), DIALECT)
    assert kept == value
    assert type(kept) is type(value)


@given(st.dictionaries(st.text(), values))
def test_fields_come_back_as_they_were(fields: dict[str, object]) -> None:
    """A record's fields survive as a whole, whatever their names and letters."""
    column = Json()
    assert column.process_result_value(column.process_bind_param(fields, DIALECT), DIALECT) == fields


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_comes_back_to_the_microsecond(moment: datetime) -> None:
    """Every moment a datetime can hold survives exactly: a version's tick is never off by one."""
    column = Moment()
    assert column.process_result_value(column.process_bind_param(moment, DIALECT), DIALECT) == moment


def test_a_moment_comes_back_in_utc() -> None:
    """Another zone is the same moment in UTC."""
    column, zone = Moment(), timezone(timedelta(hours=-6))
    kept = column.process_result_value(
        column.process_bind_param(datetime(2026, 3, 2, 3, 0, tzinfo=zone), DIALECT), DIALECT
    )
    assert kept == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert kept is not None and kept.tzinfo is UTC


@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=2))
def test_moments_are_ordered_as_their_numbers(moments: list[datetime]) -> None:
    """The database orders and compares moments as Python does."""
    column = Moment()
    stored = sorted(column.process_bind_param(moment, DIALECT) or 0 for moment in moments)
    assert [column.process_result_value(number, DIALECT) for number in stored] == sorted(moments)
