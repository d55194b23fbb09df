"""Uncertain matches as people meet them: side by side, a word on each, the way back, and two people at once.

What is not here: how alike two records are (`tests/core`), and what a link then does (`tests/engine`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from html import unescape
from itertools import count
from typing import Any

import pytest

from syncd.console.pages.review import SHOWN, likely, sentence
from syncd.core.match import indexed
from syncd.core.model import Record, Side
from syncd.store.marks import DUE, PARKED
from syncd.store.snapshots import Snapshot
from syncd.store.tables import journal, links, marks, refused
from tests.console.town import Town

MAP = "sales/contacts"
_NUMBERS = count(1)
"""Nobody is anybody's namesake from another test."""

HOSTILE = "<script>alert(1)</script>\u202e" + "x" * 10_000


@pytest.fixture(autouse=True)
def _cleared(town: Town) -> Iterator[None]:
    """Each test begins and ends with nothing asked."""
    _clear(town)
    yield
    _clear(town)


def _clear(town: Town) -> None:
    with town.app.ready_store.begin() as tx:
        tx.connection.execute(marks.delete())
        tx.connection.execute(refused.delete())
        tx.connection.execute(links.delete().where(links.c.left_id.like("new-%")))
        tx.connection.execute(journal.delete().where(journal.c.source_id.like("new-%")))


def _known(town: Town, side: Side, id_: str, **fields: Any) -> None:
    """A record as if it had been read."""
    m = town.app.world.maps[MAP]
    with town.app.ready_store.begin() as tx:
        tx.snapshots.put([Snapshot(Record(ref=m.end(side).ref(id_), fields=fields), fields)])
        tx.snapshots.rekey(MAP, side, {id_: indexed(m, side, fields)})


def _asks(town: Town, *ids: str, reason: str = "may be the same") -> None:
    """These left records are parked with a question."""
    now = town.app.clock()
    with town.app.ready_store.begin() as tx:
        tx.marks.add(MAP, Side.LEFT, ids, now)
        query = marks.update().where(marks.c.map == MAP, marks.c.side == "left", marks.c.id.in_(ids))
        tx.connection.execute(query.values(state=PARKED, cause="question", reason=reason, first_at=now))


def _twins(town: Town, **fields: Any) -> tuple[str, str]:
    """A left record that may be the same as a right one: same e-mail, another first name; both ids."""
    number = next(_NUMBERS)
    left, right, email = f"new-{number}", f"twin-{number}", f"una{number}@review.example"
    _known(town, Side.LEFT, left, **{"firstname": "Una", "lastname": f"Unsure{number}", "email": email, **fields})
    _known(town, Side.RIGHT, right, first_name="Ulla", last_name=f"Unsure{number}", email=email)
    _asks(town, left)
    return left, right


def _form(town: Town, left: str, name: str = "ada") -> dict[str, str]:
    """What the buttons of a pair send."""
    page = town.page("/review", name)
    (article,) = re.findall(rf'<article class="panel plan" id="pair-{left}-.*?</article>', page, re.DOTALL)
    form = re.search(r'<form class="act" hx-post="/review/different".*?</form>', article, re.DOTALL)
    assert form is not None
    return {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form[0])}


def _said(answer: Any) -> dict[str, Any]:
    return dict(json.loads(answer.headers["hx-trigger"])["said"])


def _twin(town: Town, left: str) -> str | None:
    with town.app.ready_store.read() as tx:
        link = tx.links.of(MAP, Side.LEFT, [left]).get(left)
    return link.right_id if link is not None else None


def _refused(town: Town, left: str, right: str) -> bool:
    with town.app.ready_store.read() as tx:
        return (left, right) in tx.refusals.of(MAP, Side.LEFT, [left])


def test_nothing_uncertain_teaches_what_would_stand_here(town: Town) -> None:
    """Without a question the page says what it is for, also for a map that is not there."""
    assert "No match is uncertain" in town.page("/review", "vera")
    for path in ("/review?map=nothing", f"/review?map={MAP}", "/review?after=x", "/review?map=<script>"):
        page = town.page(path)
        assert "<script>" not in page and ("That is all" in page or "No match is uncertain" in page)


def test_a_pair_stands_side_by_side(town: Town) -> None:
    """The pairs are those of `syncd review`, with both values of each field, likeness in words, reasons, both pages."""
    left, right = _twins(town)
    (row,) = town.app.review(MAP)
    assert (row["left"], row["right"]) == (f"hubspot:contacts:{left}", f"jobnimbus:contacts:{right}")
    page = unescape(town.page("/review", "otto"))
    assert page.count("data-row ") == 1
    for words in ("Una", "Ulla", likely(row["score"]), "Both have the same e-mail.", "may be the same",
                  f"/records/hubspot/contacts/{left}", f"/records/jobnimbus/contacts/{right}"):  # fmt: skip
        assert words in page
    assert page.count('<tr class="alike">') == sum(field["same"] for field in row["fields"])
    world = town.app.world
    for side, id_ in ((Side.LEFT, left), (Side.RIGHT, right)):
        address = world.connector(world.maps[MAP], side).url("contacts", id_)
        assert address is None or address in page


def test_a_viewer_looks_and_does_nothing(town: Town) -> None:
    """What a viewer may not do is neither offered nor done."""
    left, right = _twins(town)
    assert "hx-post" not in town.page("/review", "vera")
    form = _form(town, left)
    for path in ("same", "different", "again"):
        assert town.post(f"/review/{path}", form, "vera").status_code == 403
    assert _twin(town, left) is None and not _refused(town, left, right)


def test_two_that_are_the_same_are_linked_and_parted_again(town: Town) -> None:
    """Same links them, and they are asked about no more; undo parts them; who comes second is told by whom."""
    left, right = _twins(town)
    form = _form(town, left)
    answer = town.post("/review/same", form, "otto")
    assert answer.status_code == 204 and _twin(town, left) == right
    assert f"pair-{left}" not in town.page("/review")
    for path in ("same", "different"):
        late = town.post(f"/review/{path}", form, "ada")
        assert late.status_code == 422 and "otto said meanwhile that they are the same" in _said(late)["text"]
    undo = _said(answer)["undo"]
    assert town.post(undo["path"], undo["form"], "otto").status_code == 204
    assert _twin(town, left) is None


def test_two_that_are_different_are_remembered_and_asked_about_again(town: Town) -> None:
    """Different is remembered, and nobody's Same goes over it; undo forgets it and has the question put again, once."""
    left, right = _twins(town)
    form = _form(town, left)
    answer = town.post("/review/different", form, "otto")
    assert answer.status_code == 204 and _refused(town, left, right)
    for path in ("same", "different"):
        late = town.post(f"/review/{path}", form, "ada")
        assert late.status_code == 422 and "otto said meanwhile that they are two" in _said(late)["text"]
    assert _twin(town, left) is None
    undo = _said(answer)["undo"]
    assert town.post(undo["path"], undo["form"], "vera").status_code == 403
    assert "asked about, again" in _said(town.post(undo["path"], undo["form"], "otto"))["text"]
    assert not _refused(town, left, right)
    with town.app.ready_store.read() as tx:
        assert tx.marks.get(MAP, Side.LEFT, [left])[left].state == DUE
    again = town.post(undo["path"], undo["form"], "otto")
    assert again.status_code == 422 and "not remembered any more" in _said(again)["text"]


def test_undoing_a_difference_says_what_was_linked_meanwhile(town: Town) -> None:
    """If a run went on with one of them, the undo says with what it is linked by now."""
    left, right = _twins(town)
    answer = town.post("/review/different", _form(town, left))
    with town.app.ready_store.begin() as tx:
        tx.links.make(MAP, left, "made-by-a-run", town.app.clock())
    undo = _said(answer)["undo"]
    told = _said(town.post(undo["path"], undo["form"]))["text"]
    assert f"hubspot:contacts:{left} is linked with jobnimbus:contacts:made-by-a-run" in told
    assert not _refused(town, left, right)


def test_records_that_changed_since_are_left_alone(town: Town) -> None:
    """A word is about what was shown; after a change of one of them it is not taken."""
    left, right = _twins(town)
    form = _form(town, left)
    _known(town, Side.RIGHT, right, first_name="Somebody", last_name="Else", email="else@review.example")
    for path in ("same", "different"):
        answer = town.post(f"/review/{path}", form)
        assert answer.status_code == 422 and "changed since you looked" in _said(answer)["text"]
    assert _twin(town, left) is None and not _refused(town, left, right)


def test_one_that_is_linked_elsewhere_cannot_be_the_same(town: Town) -> None:
    """It says with what, has no Same, and a Same that was shown before is refused; Different is still to be said."""
    left, right = _twins(town)
    form = _form(town, left)
    with town.app.ready_store.begin() as tx:
        tx.links.make(MAP, "new-other", right, town.app.clock())
    page = town.page("/review")
    assert "is linked already, with" in page and "hubspot:contacts:new-other" in page
    assert "/review/same" not in page
    answer = town.post("/review/same", form)
    assert answer.status_code == 422 and "is linked with hubspot:contacts:new-other by now" in _said(answer)["text"]
    assert town.post("/review/different", form).status_code == 204
    assert _refused(town, left, right)


def test_one_that_was_parted_before_says_so_and_can_be_linked(town: Town) -> None:
    """A link that a person closed is told of, and a new one is a person's to make."""
    left, right = _twins(town)
    with town.app.ready_store.begin() as tx:
        link = tx.links.make(MAP, "new-former", right, town.app.clock())
        tx.links.close(link.id, "a person parted them", town.app.clock())
    page = town.page("/review")
    assert "was linked with hubspot:contacts:new-former before: a person parted them." in page
    assert town.post("/review/same", {**_form(town, left), "before": "1"}).status_code == 204
    assert _twin(town, left) == right


def test_hostile_records_are_only_text(town: Town) -> None:
    """Markup, turned directions and ten thousand letters of a name do nothing."""
    _twins(town, firstname=HOSTILE)
    page = town.page("/review")
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "x" * 400 not in page


def test_a_record_with_nobody_to_compare_is_not_lost(town: Town) -> None:
    """A question without a likely twin stands there with what is asked and the way to its record."""
    _known(town, Side.LEFT, "new-alone", firstname="Sol", lastname="Solitary", email="sol@review.example")
    _asks(town, "new-alone", reason="write 9 may have made one of two")
    page = town.page("/review")
    assert "Questions that no comparison answers" in page
    assert "write 9 may have made one of two" in page and "/records/hubspot/contacts/new-alone" in page
    assert "nothing was made" not in page.lower()  # no write of its own is open


def _lost(town: Town, *named: str) -> str:
    """A left record whose creation across has no answer, and a question that names these; its id."""
    number = next(_NUMBERS)
    left = f"new-{number}"
    _known(town, Side.LEFT, left, firstname="Lois", lastname=f"Lost{number}", email=f"lois{number}@review.example")
    with town.app.ready_store.begin() as tx:
        (write,) = tx.journal.open([{
            "run": None, "map": MAP, "side": "right", "action": "create", "link": None, "record_id": None,
            "source_id": left, "fields": {}, "before": {}, "rules": {}, "version": None, "heard_at": None,
            "opened_at": town.app.clock(), "lands_by": None, "fence": 0, "permitted": False,
        }])  # fmt: skip
    names = ", ".join(f"jobnimbus:contacts:{one}" for one in named)
    _asks(town, left, reason=f"write {write} may have made one of: {names}; say which, or none: `syncd answer`")
    return left


def _question(town: Town, left: str) -> dict[str, str]:
    """What every form of a question sends."""
    page = town.page("/review")
    (article,) = re.findall(rf'<article class="panel plan" id="alone-hubspot-{left}".*?</article>', page, re.DOTALL)
    form = re.search(r'<form class="line" hx-post="/review/answer".*?</form>', article, re.DOTALL)
    assert form is not None
    return {name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0])}


def test_a_lost_write_names_whom_it_may_have_made(town: Town) -> None:
    """Whom the question names is offered if it is known and free; the answer links, and undo parts them again."""
    for id_, first in (("ann", "Ann"), ("bob", "Bob")):
        _known(town, Side.RIGHT, f"stray-{id_}", first_name=first, last_name="Stray")
    left = _lost(town, "stray-ann", "stray-bob", "stray-nobody")
    with town.app.ready_store.begin() as tx:
        tx.links.make(MAP, "new-of-bob", "stray-bob", town.app.clock())
    page = unescape(town.page("/review"))
    assert page.count("It is this one") == 1 and "Ann Stray" in page and "syncd answer" not in page
    assert "hx-post" not in town.page("/review", "vera")
    form = {**_question(town, left), "twin": "jobnimbus:contacts:stray-ann"}
    assert town.post("/review/answer", form, "vera").status_code == 403
    answer = town.post("/review/answer", form, "otto")
    assert answer.status_code == 204 and _twin(town, left) == "stray-ann"
    late = town.post("/review/answer", {**form, "none": "1"}, "ada")
    assert late.status_code == 422 and "asks nothing any more. otto was quicker" in _said(late)["text"]
    undo = _said(answer)["undo"]
    assert town.post(undo["path"], undo["form"], "otto").status_code == 204
    assert _twin(town, left) is None


def test_a_lost_write_made_nothing(town: Town) -> None:
    """None is an answer too: the write is closed and the record goes on; who answers an older question is told."""
    left = _lost(town)
    form = _question(town, left)
    assert "Nothing was made" in town.page("/review")
    _asks(town, left, reason="something else")
    late = town.post("/review/answer", {**form, "none": "1"})
    assert late.status_code == 422 and "changed since you looked" in _said(late)["text"]
    answer = town.post("/review/answer", {**_question(town, left), "none": "1"}, "otto")
    assert answer.status_code == 204 and "nothing was made" in _said(answer)["text"]
    with town.app.ready_store.read() as tx:
        assert tx.journal.creating_for(MAP, Side.LEFT, [left]) == []
        assert tx.marks.get(MAP, Side.LEFT, [left])[left].state == DUE


def test_an_answer_that_is_none_is_refused(town: Town) -> None:
    """Nobody of that name, a record of the same side, nothing typed, and no question are each told."""
    left = _lost(town)
    form = _question(town, left)
    bad: Sequence[dict[str, str]] = (
        {}, {"twin": "nobody at all"}, {"twin": f"hubspot:contacts:{left}"}, {"map": "<b>", "twin": "x"},
        {"ref": "hubspot:contacts:none", "none": "1"}, {"ref": "x", "none": "1"},
    )  # fmt: skip
    for one in bad:
        assert town.post("/review/answer", {**form, **one}).status_code == 422, one
    assert _twin(town, left) is None


def test_more_than_a_page_is_said_and_reached(town: Town) -> None:
    """A page looks at so many records and says of how many; the rest is behind its link, and nothing twice."""
    pairs = [_twins(town) for _ in range(SHOWN + 3)]
    page = town.page("/review")
    assert f"{SHOWN} of {len(pairs)} records" in page
    (more,) = re.findall(r'<p class="more"><a href="([^"]+)"', page)
    rest = town.page(more.replace("&amp;", "&"))
    found = [re.findall(r'<article class="panel plan" id="pair-(new-\d+)-', one) for one in (page, rest)]
    assert [len(one) for one in found] == [SHOWN, 3]
    assert sorted(found[0] + found[1]) == sorted(left for left, _ in pairs)


def test_what_is_no_pair_is_refused(town: Town) -> None:
    """Another map, no ids, ids that are too long, and records that were never seen are told as mistakes."""
    good = {"map": MAP, "left": "1", "right": "2", "seen": "x"}
    for path in ("same", "different", "again"):
        for bad in ({}, {**good, "map": "<b>"}, {**good, "left": ""}, {**good, "right": "x" * 65}, good):
            assert town.post(f"/review/{path}", bad).status_code == 422, (path, bad)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("same phone", "Both have the same phone."),
        ("same phone, which many share", "Both have the same phone, which many share."),
        ("nearly the same street", "Both have nearly the same street."),
        ("another zip", "The zip is another one."),
        ("last name one letter off", "Last name one letter off."),
    ],
)
def test_reasons_are_sentences(reason: str, told: str) -> None:
    """What counts for and against is said as people say it."""
    assert sentence(reason) == told


def test_likeness_is_said_in_words() -> None:
    """From the surest to the least, each step has its words."""
    words = [likely(score) for score in (0.99, 0.9, 0.7, 0.5, 0.2, 0.01)]
    assert words[0] == "almost surely the same" and words[-1] == "more likely two different ones"
    assert len(set(words)) == 6
