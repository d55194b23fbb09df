"""The lists of the JobNimbus sandbox: paging, order, count, filters, the 10,000 window, and the lagging index."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd_jobnimbus.sandbox.filters import BadFilter, Dialect, compile_filter
from syncd_jobnimbus.sandbox.index import KindIndex, Window
from tests.connectors.jobnimbus_sandbox_desk import Desk, desk


@pytest.fixture
def jn() -> Iterator[Desk]:
    with desk() as made:
        yield made


def _names(jn: Desk, filter: object, kind: str = "contacts") -> list[str]:
    """The display names of the living customers that a filter finds."""
    rows = jn.page(kind, filter)["results"]
    return sorted(row["display_name"] for row in rows if not row["is_user"])


# -- pages


def test_lists_are_newest_first_and_count_all_matches(jn: Desk) -> None:
    """The default order is date_created, descending; `count` is the total, also of an empty page."""
    jn.sim.seed(leads=30, days=30)
    rows = jn.page("jobs", size=10)["results"]
    dates = [row["date_created"] for row in rows]
    assert dates == sorted(dates, reverse=True)
    assert jn.page("jobs", size=0) == {"count": 30, "results": []}
    newest = max(row["date_created"] for row in jn.sim.records("jobs"))
    assert dates[0] == newest


def test_pages_cover_everything_once(jn: Desk) -> None:
    """Pages walk a quiet list of distinct times without gap or repetition, both ways."""
    jn.sim.seed(leads=50, days=50)
    for direction in ("asc", "desc"):
        order = {"sort_field": "date_created", "sort_direction": direction, "size": 7}
        seen = [jnid for start in range(0, 56, 7) for jnid in jn.ids("jobs", **order, from_=start)]
        assert sorted(seen) == sorted(row["jnid"] for row in jn.sim.records("jobs"))


def test_a_page_holds_1000_rows_at_most(jn: Desk) -> None:
    """A page defaults to 1000 and is capped there."""
    jn.sim.seed(leads=1100, jobs=False)
    assert len(jn.ids("contacts")) == 1000
    assert len(jn.ids("contacts", size=5000)) == 1000


def test_unknown_parameters_are_ignored(jn: Desk) -> None:
    """What others mistake for a search answers with the newest unfiltered page."""
    jn.sim.seed(leads=5)
    expected = sorted(jn.ids("jobs"))
    assert sorted(jn.ids("jobs", search="nobody", limit=1, page=3, sort="-x", is_active="false")) == expected


def test_ties_come_in_another_order_every_time(jn: Desk) -> None:
    """Rows of one second have no stable order, so that offset paging is caught."""
    jn.sim.seed(leads=40, days=0)
    jn.sim.act("bulk_update", "jobs", fields={"description": "x"})
    orders = {tuple(jn.ids("jobs", sort_field="date_updated", sort_direction="asc")) for _ in range(4)}
    assert len(orders) > 1
    assert len({frozenset(order) for order in orders}) == 1


def test_lists_sort_by_any_field(jn: Desk) -> None:
    """Texts and numbers sort too; rows without the value come last in both directions."""
    for name, hours in (("Bo", 2), ("Ann", None), ("Cy", 1)):
        jn.contact(name, actual_time=hours, company="X")
    only = {"must": [{"term": {"company": "X"}}]}

    def order(field: str, direction: str) -> list[str]:
        rows = jn.page("contacts", only, sort_field=field, sort_direction=direction)["results"]
        return [row["display_name"] for row in rows]

    assert order("display_name", "asc") == ["Ann", "Bo", "Cy"]
    assert order("display_name", "desc") == ["Cy", "Bo", "Ann"]
    assert order("actual_time", "asc") == ["Cy", "Bo", "Ann"]
    assert order("actual_time", "desc") == ["Bo", "Cy", "Ann"]


def test_fields_limits_what_is_told(jn: Desk) -> None:
    """Only the named fields come back, in lists and by id, labels too."""
    jnid = jn.job("Roof", cf_string_1="C-1")
    (row,) = jn.page("jobs", fields="jnid,name,Claim Number")["results"]
    assert row == {"jnid": jnid, "name": "Roof", "Claim Number": "C-1"}
    assert jn.api.get(f"jobs/{jnid}", params={"fields": "cf_string_1"}).json() == {"cf_string_1": "C-1"}


def test_beyond_10000_there_is_an_error_or_nothing(jn: Desk) -> None:
    """A window above 10,000 fails, or is an empty page by switch."""
    jn.contact("Ann")
    assert jn.ask("contacts", size=1000, from_=9000).status_code == 200
    assert jn.ask("contacts", size=1000, from_=9001).status_code == 500
    jn.sim.settings(beyond_window="empty")
    assert jn.page("contacts", size=1000, from_=9001) == {"count": 6, "results": []}


# -- filters


def test_terms_find_exactly(jn: Desk) -> None:
    """A term on ids, names, numbers, nested ids and custom fields by key or label; owners.id finds nothing."""
    ann = jn.contact("Ann", email="Ann@Example.com")
    job = jn.job("Roof", primary={"id": ann}, owners=[{"id": "u1"}], **{"CRM ID": "55"})
    number = jn.get("jobs", job)["number"]
    jn.job("Other")
    for term in (
        {"jnid": job},
        {"number": number},
        {"recid": int(number)},
        {"primary.id": ann},
        {"related.id": ann},
        {"name": "Roof"},
        {"cf_string_4": "55"},
        {"CRM ID": "55"},
    ):
        assert jn.ids("jobs", {"must": [{"term": term}]}) == [job], term
    assert jn.ids("jobs", {"must": [{"terms": {"jnid": [job, "x"]}}]}) == [job]
    assert jn.ids("jobs", {"must": [{"term": {"owners.id": "u1"}}]}) == []


@pytest.mark.parametrize(
    ("case", "found"),
    [("exact", [True, False, False]), ("caseless", [True, True, True]), ("lowered", [False, True, False])],
)
def test_the_case_rule_of_term_is_a_switch(jn: Desk, case: str, found: list[bool]) -> None:
    """As typed, without regard to case, or an index of lower case that capitals never match."""
    jn.sim.settings(term_case=case)
    ann = jn.contact("Ann", email="Ann@Example.com")
    asked = ("Ann@Example.com", "ann@example.com", "ANN@EXAMPLE.COM")
    assert [jn.ids("contacts", {"must": [{"term": {"email": email}}]}) == [ann] for email in asked] == found


def test_text_queries(jn: Desk) -> None:
    """match_phrase takes whole words in order, prefix and wildcard parts of the value, exists any value."""
    jn.contact("Ann Smith", company="Smith & Sons")
    jn.contact("Bo Smithers")
    assert _names(jn, {"must": [{"match_phrase": {"display_name": "ann smith"}}]}) == ["Ann Smith"]
    assert _names(jn, {"must": [{"match_phrase": {"display_name": "smith"}}]}) == ["Ann Smith"]
    assert _names(jn, {"must": [{"prefix": {"display_name": "Bo"}}]}) == ["Bo Smithers"]
    assert _names(jn, {"must": [{"wildcard": {"display_name": "*Smith*"}}]}) == ["Ann Smith", "Bo Smithers"]
    assert _names(jn, {"must": [{"exists": {"field": "company"}}]}) == ["Ann Smith"]
    assert _names(jn, {"must_not": [{"exists": {"field": "company"}}]}) == ["Bo Smithers"]


def test_should_and_its_minimum(jn: Desk) -> None:
    """A should alone needs one hit, beside must none unless told; nested in bool as well; a switch breaks it."""
    for name in ("Ann", "Bo", "Cy"):
        jn.contact(name, company="X")
    either = [{"term": {"display_name": "Ann"}}, {"term": {"display_name": "Bo"}}]
    both = {"must": [{"bool": {"should": either, "minimum_should_match": 1}}]}
    assert _names(jn, {"should": either}) == ["Ann", "Bo"]
    assert _names(jn, both) == ["Ann", "Bo"]
    assert _names(jn, {"must": [{"term": {"company": "X"}}], "should": either}) == ["Ann", "Bo", "Cy"]
    assert _names(jn, {"should": either, "minimum_should_match": 2}) == []
    jn.sim.settings(should_works=False)
    assert _names(jn, both) == []


def test_ranges_take_seconds_and_relative_dates(jn: Desk) -> None:
    """gte, gt, lte, lt on whole seconds, and now-Nd."""
    jn.sim.clock(freeze=True)
    ann = jn.contact("Ann")
    at = jn.get("contacts", ann)["date_updated"]
    jn.sim.advance(3600)
    bo = jn.contact("Bo")

    def found(**bounds: Any) -> set[str]:
        return set(jn.ids("contacts", {"must": [{"range": {"date_updated": bounds}}]})) & {ann, bo}

    assert found(gte=at) == {ann, bo}
    assert found(gt=at) == {bo}
    assert found(gte=at, lte=at) == {ann}
    assert found(lt=at + 1) == {ann}
    assert found(gte="now-30m") == {bo}
    assert found(gte="now-2h") == {ann, bo}
    assert found(gte=at + 10**6) == set()


@pytest.mark.parametrize("text", ["{", '{"query":{}}', '{"must":[{"fuzzy":{"a":"b"}}]}', '{"must":[{"term":"x"}]}'])
def test_a_bad_filter_is_an_error(jn: Desk, text: str) -> None:
    """Broken JSON, a wrapper, unknown queries: 500, or 400 by switch."""
    assert jn.api.get("contacts", params={"filter": text}).status_code == 500
    jn.sim.settings(bad_filter_status=400)
    assert jn.api.get("contacts", params={"filter": text}).status_code == 400


def test_an_account_may_ignore_filters(jn: Desk) -> None:
    """By switch the filter does nothing and says nothing: the self-test of a client must notice."""
    jn.sim.settings(filter_works=False)
    jn.contact("Ann")
    assert _names(jn, {"must": [{"term": {"display_name": "Bo"}}]}) == ["Ann"]


_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "date_updated": st.integers(0, 8),
            "date_created": st.integers(0, 8),
            "name": st.sampled_from(["a", "A", "b", None]),
            "total": st.sampled_from([None, 0, 1, 2.5]),
        }
    ),
    max_size=12,
)
_LEAF = st.one_of(
    st.builds(lambda v: {"term": {"name": v}}, st.sampled_from(["a", "A", "b"])),
    st.builds(lambda v: {"terms": {"total": v}}, st.lists(st.sampled_from([0, 1, 2.5]), max_size=2)),
    st.builds(
        lambda name, word, value: {"range": {name: {word: value}}},
        st.sampled_from(["date_updated", "date_created", "total"]),
        st.sampled_from(["gte", "gt", "lte", "lt"]),
        st.integers(0, 8),
    ),
    st.just({"exists": {"field": "name"}}),
)
_BODY = st.fixed_dictionaries(
    {}, optional={word: st.lists(_LEAF, min_size=1, max_size=3) for word in ("must", "should", "must_not")}
)
_FILTER = st.one_of(_BODY, st.builds(lambda leaf, body: {"must": [leaf, {"bool": body}]}, _LEAF, _BODY))


def _holds(row: dict[str, Any], query: dict[str, Any]) -> bool:
    """The meaning of a query, written down once more and as plainly as can be."""
    ((word, inner),) = query.items()
    if word == "bool":
        return _meets(row, inner)
    if word == "exists":
        return row.get(inner["field"]) is not None
    ((name, wanted),) = inner.items()
    value = row.get(name)
    if value is None:
        return False
    if word == "term":
        return bool(value == wanted)
    if word == "terms":
        return value in wanted
    compare = {"gte": value.__ge__, "gt": value.__gt__, "lte": value.__le__, "lt": value.__lt__}
    return all(compare[bound](type(value)(limit)) for bound, limit in wanted.items())


def _meets(row: dict[str, Any], body: dict[str, Any]) -> bool:
    must, should = body.get("must", []), body.get("should", [])
    return (
        all(_holds(row, query) for query in must)
        and not any(_holds(row, query) for query in body.get("must_not", []))
        and (bool(must) or not should or any(_holds(row, query) for query in should))
    )


@given(rows=_ROWS, body=_FILTER, field=st.sampled_from(["date_updated", "date_created", "total"]), data=st.data())
def test_the_index_answers_like_a_plain_scan(
    rows: list[dict[str, Any]], body: dict[str, Any], field: str, data: st.DataObject
) -> None:
    """Whatever short cut the index takes, count, order and coverage of pages are those of looking at every row."""
    index = KindIndex(lambda row: True, "exact")
    for number, row in enumerate(rows):
        index.put({**row, "name": "gone", "date_updated": 99, "jnid": str(number)})
    index.search(compile_filter({"must": [{"term": {"name": "a"}}]}, Dialect(0)), Window(field, False, 0, 9), _DICE)
    for number, row in enumerate(rows):
        index.put({**row, "jnid": str(number)})
    expected = {str(number) for number, row in enumerate(rows) if _meets(row, body)}
    down, size = data.draw(st.booleans()), data.draw(st.integers(1, 5))
    query = compile_filter(body, Dialect(0))
    count, whole = index.search(query, Window(field, down, 0, 99), _DICE)
    assert count == len(expected)
    assert {row["jnid"] for row in whole} == expected
    keys = [row[field] for row in whole if row[field] is not None]
    assert keys == sorted(keys, reverse=down)
    parts = [index.search(query, Window(field, down, start, size), _DICE)[1] for start in range(0, 15, size)]
    assert [row[field] for part in parts for row in part] == [row[field] for row in whole]


_DICE = random.Random(1)


def test_filters_that_are_none_are_refused() -> None:
    """A body must be an object of known clauses with known queries of one field each."""
    bodies: list[object] = [
        [],
        {"must": ["x"]},
        {"must": [{"term": {"a": 1, "b": 2}}]},
        {"must": [{"range": {"a": {"eq": 1}}}]},
    ]
    for body in bodies:
        with pytest.raises(BadFilter):
            compile_filter(body, Dialect(0))


# -- the lagging index


def test_lists_trail_writes_and_get_does_not() -> None:
    """A new record is read at once by id and seen in lists only after the lag."""
    with desk(index_lag=5.0) as jn:
        jn.sim.clock(freeze=True)
        jnid = jn.contact("Ann")
        assert jn.get("contacts", jnid)["display_name"] == "Ann"
        assert jnid not in jn.ids("contacts")
        assert jn.sim._get("settled")["settled"] is False
        jn.sim.advance(7.6)
        assert jnid in jn.ids("contacts")
        assert jn.sim._get("settled") == {"settled": True, "in": 0.0}


def test_a_list_may_show_an_older_version() -> None:
    """Between a change and its arrival the list answers with what was there before."""
    with desk(index_lag=5.0) as jn:
        jn.sim.clock(freeze=True)
        jnid = jn.contact("Ann", company="old")
        jn.sim.advance(8)
        jn.put("contacts", jnid, company="new")
        (row,) = jn.page("contacts", {"must": [{"term": {"jnid": jnid}}]})["results"]
        assert (row["company"], jn.get("contacts", jnid)["company"]) == ("old", "new")
        jn.sim.settle()
        (row,) = jn.page("contacts", {"must": [{"term": {"jnid": jnid}}]})["results"]
        assert row["company"] == "new"


def test_versions_never_go_back_in_the_index() -> None:
    """Writes of one record may overtake each other on the way; in the end the newest stands."""
    with desk(index_lag=20.0) as jn:
        jn.sim.clock(freeze=True)
        ids = [jn.contact(f"P{n}") for n in range(5)]
        for version in range(6):
            for jnid in ids:
                jn.put("contacts", jnid, company=str(version))
        seen: dict[str, int] = {}
        for _ in range(40):
            jn.sim.advance(1)
            for row in jn.page("contacts", {"must": [{"exists": {"field": "company"}}]})["results"]:
                assert int(row["company"]) >= seen.get(row["jnid"], 0)
                seen[row["jnid"]] = int(row["company"])
        assert seen == dict.fromkeys(ids, 5)


def test_the_lag_differs_from_write_to_write() -> None:
    """Of records written in one second some arrive earlier than others."""
    with desk(index_lag=10.0) as jn:
        jn.sim.clock(freeze=True)
        ids = {jn.contact(f"P{n}") for n in range(20)}
        jn.sim.advance(10)
        assert 0 < len(ids & set(jn.ids("contacts"))) < 20


# -- speed


def test_ten_thousand_contacts_are_searched_in_milliseconds(jn: Desk) -> None:
    """A delta query, a page by keyset and a batch look-up over 10,000 contacts each take some ms."""
    jn.sim.seed(leads=10_000, jobs=False)
    now = jn.page("contacts", size=1)["results"][0]["date_updated"]
    delta = {"must": [{"range": {"date_updated": {"gte": now - 3600}}}]}
    emails = [{"term": {"email": f"nobody{n}@example.com"}} for n in range(20)]
    many = {"must": [{"bool": {"should": emails, "minimum_should_match": 1}}]}
    jn.page("contacts", many)

    def best(filter: object, **params: Any) -> float:
        times = []
        for _ in range(5):
            began = time.perf_counter()
            jn.page("contacts", filter, **params)
            times.append(time.perf_counter() - began)
        return min(times)

    order = {"sort_field": "date_updated", "sort_direction": "asc"}
    assert best(delta, **order) < 0.05
    assert best(many) < 0.05
    assert best({"must": [{"range": {"date_updated": {"gte": 1}}}]}, **order, size=100, from_=5000) < 0.05
