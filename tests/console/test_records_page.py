"""Finding a record, its page, and what is done about it. What is not here: how it is found out why (`test_explain`)."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

import pytest
from sqlalchemy import delete, insert

from syncd.app import App
from syncd.console import finder
from syncd.core.model import Record, Ref, Side
from syncd.engine.namesakes import found_by
from syncd.store.links import Link
from syncd.store.snapshots import Snapshot
from syncd.store.tables import links
from tests.console.town import Town


@pytest.fixture
def linked(town: Town) -> tuple[str, str, Snapshot]:
    """Two linked contacts, and what is known of the left one."""
    with town.app.ready_store.read() as tx:
        link = _links(town)[0]
        m = town.app.world.maps[link.map]
        shot = tx.snapshots.get(m.left.system, m.left.kind, [link.left_id])[link.left_id]
        return str(m.left.ref(link.left_id)), str(m.right.ref(link.right_id)), shot


def _map(town: Town) -> str:
    return next(key for key in town.app.world.maps if key.endswith("/contacts"))


def _links(town: Town) -> list[Link]:
    with town.app.ready_store.read() as tx:
        return [link for link in tx.links.all(_map(town)) if link.state == "open"]


def _page(ref: str) -> str:
    return "/records/" + "/".join(quote(part, safe="") for part in ref.split(":", 2))


def _search(town: Town, text: str) -> str:
    return town.page(f"/records?q={quote(text)}")


def _found(town: Town, text: str) -> set[str]:
    return set(re.findall(r'<tr id="found-([^"]+)"', _search(town, text)))


def _said(headers: Mapping[str, str]) -> dict[str, object]:
    return dict(json.loads(headers["hx-trigger"])["said"])


def test_a_record_is_found_by_whatever_is_known_of_it(town: Town, linked: tuple[str, str, Snapshot]) -> None:
    """Reference, id, e-mail, phone, and first and last name each lead to the record and to whom it is linked with."""
    left, right, shot = linked
    known = shot.record.fields
    first, last, email = (str(known[name]) for name in ("firstname", "lastname", "email"))
    for text in (left, left.split(":")[2], email, email.upper(), f"{first} {last}", f"{last}, {first}"):
        assert {left, right} <= _found(town, text), text


def test_a_record_is_found_by_its_phone_however_it_is_written(town: Town) -> None:
    """A phone is found with other signs and a country code than the record has it."""
    with town.app.ready_store.read() as tx:
        for link in _links(town):
            shot = tx.snapshots.get("hubspot", "contacts", [link.left_id]) or {}
            phone = next((str(one.record.fields.get("phone") or "") for one in shot.values()), "")
            digits = re.sub(r"\D", "", phone)[-10:]
            if len(digits) == 10:
                assert any(link.left_id in ref for ref in _found(town, f"+1 {digits[:3]}.{digits[3:6]}.{digits[6:]}"))
                return
    raise AssertionError("no contact of this town has a phone")


def test_a_pasted_address_finds_the_record(town: Town, linked: tuple[str, str, Snapshot]) -> None:
    """The address of a vendor's page finds its record alone, and so does one with another way to the same id."""
    world = town.app.world
    for text in linked[:2]:
        ref = Ref(*text.split(":", 2))
        address = world.connectors[ref.system].url(ref.kind, ref.id)
        known = [address, f"{address}?tab=1"] if address is not None else []
        for pasted in (*known, f"https://other.example.com/x/{ref.id}/view"):
            assert text in _found(town, pasted), pasted


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "\u202egnp.exe", "x" * 10_000, "a:b:c", "%", "'", "\0"])
def test_whatever_is_typed_is_only_text(town: Town, text: str) -> None:
    """Markup, signs that turn the direction, and ten thousand letters find nothing and break nothing."""
    page = _search(town, text)
    assert "Nothing found" in page
    assert "<script>alert" not in page
    assert "\u202e" not in re.sub(r'value="[^"]*"', "", page)


def _through(town: Town, text: str) -> list[list[str]]:
    """Who is found by each look into what records say, until the last one."""
    parts, page = [], town.page(f"/records?q={quote(text)}&from=")
    while True:
        parts.append(re.findall(r'<tr id="found-([^"]+)"', page))
        further = re.search(r'href="([^"]+)">Look further', page)
        if further is None:
            assert "all records were looked through" in page
            return parts
        page = town.page(html.unescape(further[1]))


@pytest.mark.parametrize("at_a_time", [1, 7, 20_000])
def test_a_part_of_a_name_is_found_in_what_records_say(
    town: Town, linked: tuple[str, str, Snapshot], monkeypatch: pytest.MonkeyPatch, at_a_time: int
) -> None:
    """Every record that says it, once, however much is looked through at a time; whatever its capitals."""
    monkeypatch.setattr(finder, "AT_A_TIME", at_a_time)
    ref, _, shot = linked
    part = str(shot.record.fields["lastname"])[1:4].upper()
    assert not _found(town, part) and "Look through all records" in _search(town, part)
    found = [ref for several in _through(town, part) for ref in several]
    assert ref in found
    with town.app.ready_store.read() as tx:
        saying = [
            str(one.record.ref)
            for system, kind in town.app.world.readers
            for one in tx.snapshots.page(system, kind, after="", limit=1000).values()
            if part.casefold() in " ".join(str(value) for value in one.record.fields.values()).casefold()
        ]
    assert set(saying) <= set(found)


@pytest.mark.parametrize(
    "text", ["%", "_", '"}', '":"', "\\", "firstname", "\u00e9\u00c9", "zzz zzz", "' OR 1=1 --", "\x00"]
)
def test_a_look_through_all_takes_any_text(town: Town, text: str) -> None:
    """Signs stand for themselves, the names of fields are no values, and nobody says nonsense."""
    assert [ref for several in _through(town, text) for ref in several] == []


@pytest.mark.parametrize("place", ["0:", "9:", "-1:x", "x", "1:" + "9" * 400, "\u0663:1", "0:\x00"])
def test_a_place_that_is_none_is_only_a_place(town: Town, place: str) -> None:
    """It begins or ends somewhere."""
    assert town.client().get("/records", params={"q": "a", "from": place}).status_code == 200


def test_many_that_say_it_are_shown_in_parts(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than fit a page, and nobody is passed over or shown twice."""
    monkeypatch.setattr("syncd.console.pages.records._linked_with", lambda _w, _t, refs: {ref: {} for ref in refs})
    whole = [ref for several in _through(town, "a") for ref in several]
    monkeypatch.setattr(finder, "SHOWN", 3)
    monkeypatch.setattr(finder, "LOOKED_AT", 5)
    parts = _through(town, "a")
    assert max(map(len, parts)) == 3 and len(parts) > 3
    assert [ref for part in parts for ref in part] == whole


def test_an_empty_search_teaches(town: Town) -> None:
    """Without a search the page says what each kind is found by, as the map has it."""
    page = town.page("/records")
    assert "What a record is found by" in page
    assert "first and last name together" in page
    assert "e-mail" in page


def test_a_record_shows_both_sides_and_asks_no_vendor(town: Town, linked: tuple[str, str, Snapshot]) -> None:
    """The page holds both values of each field, who wins in words, and what was written; nothing is sent for it."""
    left, right, shot = linked
    before = dict(town.asked())
    page = town.page(_page(left))
    assert dict(town.asked()) == before
    assert str(shot.record.fields["email"]) in page
    assert "the newer change wins" in page
    assert right.split(":")[2] in page
    assert "What syncd wrote" in page
    assert page.count("<h1") == 1


def test_a_deal_is_called_by_its_name(town: Town) -> None:
    """By what becomes the name of its job, and not by the address that stands in it as well."""
    with town.app.ready_store.read() as tx:
        link = tx.links.all("sales/deals-jobs", limit=1)[0]
        deal = tx.snapshots.get("hubspot", "deals", [link.left_id])[link.left_id]
    told = deal.record.fields
    assert told["job_address"] and finder.called(town.app.world, deal) == told["dealname"]


def test_who_changed_a_field_is_asked_only_then(town: Town, linked: tuple[str, str, Snapshot]) -> None:
    """The history of one field comes from the vendor; a system that keeps none says so; a wrong field is refused."""
    before, shown = town.asked(), f"{_page(linked[0])}/history?field=email"
    assert "/history" not in town.page(_page(linked[0]), "vera") and town.client("vera").get(shown).status_code == 403
    assert town.asked() == before
    assert "/history" in town.page(_page(linked[0]), "otto")
    page = town.page(shown, "otto")
    assert "Who changed" in page
    assert "does not tell" in page
    assert town.client().get(f"{_page(linked[0])}/history?field=nothing").status_code == 422


def test_the_files_of_both_are_listed_only_then(town: Town, linked: tuple[str, str, Snapshot]) -> None:
    """With name, size and time, each at its system, which is asked for it by who may; a refusal is a sentence."""
    left, right, _ = linked
    for stage, ref, name, size in (
        (town.stage.left, left, "plan.pdf", 2_500_000),
        (town.stage.right, right, "id.jpg", 7),
    ):
        stage.act("attach", "contacts", id=ref.split(":")[2], fields={"name": name, "size": size})
        stage.settle()
    before, shown = town.asked(), f"{_page(left)}/files"
    assert "/files" not in town.page(_page(left), "vera") and town.client("vera").get(shown).status_code == 403
    assert f'href="{shown}"' in town.page(_page(left), "otto")
    assert town.asked() == before
    page = town.page(shown, "otto")
    for word in ("plan.pdf", "2.5 MB", "id.jpg", "7 bytes"):
        assert word in page
    assert town.asked() != before
    town.stage.left.act("token", token="sandbox-token", scopes=["crm.objects.contacts.read", "crm.objects.deals.read"])
    try:
        told = town.page(shown, "otto")
        assert "not told now" in told and "plan.pdf" not in told and "id.jpg" in told
    finally:
        town.stage.left.act("token", token="sandbox-token", scopes=None)
    assert town.client().get("/records/hubspot/boats/1/files").status_code == 404


def test_who_is_the_twin_of_two_is_found_once(town: Town, linked: tuple[str, str, Snapshot]) -> None:
    """As a lead and a contact that one record belongs to: it is listed and counted once, whichever is found first."""
    left, right, shot = linked
    world, other = town.app.world, "66600077"
    m = world.maps[_map(town)]
    more = replace(m, key="sales/others", name="others")
    pairs = tuple(replace(pair, maps=(*pair.maps, more)) for pair in world.pairs)
    town.app.__dict__["_world"] = replace(world, pairs=pairs)
    row = {"map": more.key, "left_id": other, "right_id": right.split(":")[2], "state": "open", "left_base": {},
           "right_base": {}, "made_at": town.app.clock(), "fence": 0}  # fmt: skip
    fields = {**shot.record.fields, "firstname": "Aaron"}  # stands first
    twin = Snapshot(Record(ref=m.left.ref(other), fields=fields), fields)
    with town.app.ready_store.begin() as tx:
        tx.snapshots.put([twin])
        tx.snapshots.rekey(m.key, Side.LEFT, {other: found_by(world, m, Side.LEFT, twin)})
        tx.connection.execute(insert(links), row)
    page = _search(town, str(shot.record.fields["email"]))
    with town.app.ready_store.begin() as tx:
        tx.connection.execute(delete(links).where(links.c.map == more.key))
    town.app.__dict__["_world"] = world
    found = re.findall(r'<tr id="found-([^"]+)"', page)
    assert {left, right, f"hubspot:contacts:{other}"} <= set(found)
    assert len(set(found)) == len(found) and f"Found: {len(found)} records" in page


def test_a_record_that_nobody_knows(town: Town) -> None:
    """An id never seen says so; another system, and an id longer than any, are no page."""
    assert "never seen" in town.page("/records/hubspot/contacts/987654321987")
    assert town.client().get("/records/nowhere/contacts/1").status_code == 404
    assert town.client().get(f"/records/hubspot/contacts/{'9' * 100}").status_code == 404


def test_parting_and_the_way_back(town: Town, linked: tuple[str, str, Snapshot]) -> None:
    """Unlinking tells its way back, which links the two again; who comes second with an old page is told."""
    left, right, _ = linked
    form = {"ref": left, "twin": right, "map": _map(town)}
    answer = town.post("/records/unlink", form, "otto")
    assert answer.status_code == 204
    undo = _said(answer.headers)["undo"]
    assert isinstance(undo, dict)
    second = town.post("/records/unlink", form, "ada")
    assert second.status_code == 422
    assert "not linked any more" in str(_said(second.headers)["text"])
    assert "Why not" in town.page(_page(left))
    assert town.post(undo["path"], undo["form"], "otto").status_code == 204
    assert any(f"{link.left_id}" == left.split(":")[2] for link in _links(town))
    assert town.post("/records/relink", form, "ada").status_code == 422


def test_linking_with_a_pasted_address(town: Town, linked: tuple[str, str, Snapshot]) -> None:
    """Two that are free are linked by the address of the other; the undo parts them."""
    left, right, _ = linked
    form = {"ref": left, "twin": right, "map": _map(town)}
    assert town.post("/records/unlink", form).status_code == 204
    ref = Ref(*right.split(":", 2))
    address = str(town.app.world.connectors[ref.system].url(ref.kind, ref.id))
    told = town.post("/records/link", {"ref": left, "twin": address, "map": _map(town)})
    assert told.status_code == 422  # they were parted: that is what linking again is for
    assert "relink" in str(_said(told.headers)["text"])
    email = str(linked[2].record.fields["email"])  # both have it; the one across is meant
    told = town.post("/records/link", {"ref": left, "twin": email, "map": _map(town)})
    assert "relink" in str(_said(told.headers)["text"])
    assert town.post("/records/link", {"ref": left, "twin": right, "map": "no/such"}).status_code == 422
    assert town.post("/records/relink", form).status_code == 204
    assert town.post("/records/link", {"ref": left, "twin": "nobody@example.org", "map": _map(town)}).status_code == 422


def test_sync_now_marks_both(town: Town, linked: tuple[str, str, Snapshot]) -> None:
    """Both sides are to be read again, and the next run does."""
    left, right, _ = linked
    assert town.post("/records/sync", {"ref": left}, "otto").status_code == 204
    with town.app.ready_store.read() as tx:
        for side, ref in zip(Side, (left, right), strict=True):
            assert tx.marks.get(_map(town), side, [ref.split(":")[2]])[ref.split(":")[2]].reread
    town.app.once()
    told = town.post("/records/retry", {"ref": left, "map": _map(town)})
    assert told.status_code == 422
    assert "does not rest any more" in str(_said(told.headers)["text"])


def test_pausing_and_the_way_back(town: Town, linked: tuple[str, str, Snapshot]) -> None:
    """Both pages say that it is paused and offer to go on; `Sync now` is refused; the undo of the pause resumes it."""
    left, right, _ = linked
    assert 'id="paused-1"' not in town.page(_page(left))
    answer = town.post("/records/pause", {"ref": left}, "otto")
    assert answer.status_code == 204
    assert town.post("/records/pause", {"ref": left}, "otto").status_code == 422
    assert "is paused." in str(_said(town.post("/records/sync", {"ref": right}).headers)["text"])
    town.app.once()
    page, across = town.page(_page(left), "otto"), town.page(_page(right), "otto")
    for told, word in ((page, ">Resume<"), (across, f">Resume HubSpot {left.split(':')[2]}<")):
        assert 'id="paused-1"' in told and word in re.sub(r"\s*<", "<", told)
        assert "Sync now" not in told
    parked = town.page("/parked?cause=paused", "otto")
    assert "Paused by a person" in parked and "goes on with it" in parked and "Try again" not in parked
    undo = _said(answer.headers)["undo"]
    assert isinstance(undo, dict)
    assert town.post(undo["path"], undo["form"], "otto").status_code == 204
    town.app.once()
    assert 'id="paused-1"' not in town.page(_page(left))
    assert town.page("/parked?cause=paused").count("<tr") == 0
    assert town.post("/records/resume", {"ref": left}).status_code == 422


def test_one_write_of_a_record_is_taken_back(town: Town, linked: tuple[str, str, Snapshot]) -> None:
    """What a run wrote to it, and nothing else; what is no run, and what is not of it, is told."""
    left, right, shot = linked
    city, id_ = str(shot.record.fields["city"]), left.split(":")[2]
    town.stage.left.act("update", "contacts", id=id_, fields={"city": f"{city}x"}, as_="Dana")
    town.post("/records/sync", {"ref": left})
    town.app.once()
    with town.app.ready_store.read() as tx:
        run = next(one.run for one in tx.journal.recent(limit=20) if f"{city}x" in one.fields.values())
    page = town.page(_page(left), "otto")
    assert "Take back" in page
    form = {"ref": left, "map": _map(town), "run": str(run)}
    told = town.post("/records/undo", form, "otto")
    assert (told.status_code, "1 field given back" in str(_said(told.headers)["text"])) == (204, True)
    theirs = {row["jnid"]: row["city"] for row in town.stage.right.records("contacts")}
    assert theirs[right.split(":")[2]] == city
    town.post("/records/pause", {"ref": right}, "otto")
    with town.app.ready_store.read() as tx:
        back = tx.journal.recent(limit=1)[0].run
    for _ in range(2):
        told = town.post("/records/undo", {**form, "run": str(back)}, "otto")
        assert "1 record still to come" in str(_said(told.headers)["text"])
    waits = re.sub(r"<[^>]+>", "", town.page(_page(left), "otto"))
    assert f"What run {back} wrote to it is to be taken back when it is resumed." in waits
    town.post("/records/resume", {"ref": right}, "otto")
    town.app.once()
    assert "is to be taken back" not in town.page(_page(left), "otto")
    for run_told, word in (("no", "is no run"), ("9" * 18, "there is no such run")):
        assert word in str(_said(town.post("/records/undo", {**form, "run": run_told}).headers)["text"])
    other = next(str(one.left_id) for one in _links(town) if one.left_id != id_)
    told = town.post("/records/undo", {**form, "ref": f"hubspot:contacts:{other}"})
    assert f"has nothing of run {run} that can be taken back" in str(_said(told.headers)["text"])


def test_a_viewer_looks_and_does_nothing(town: Town, linked: tuple[str, str, Snapshot]) -> None:
    """A viewer sees the page without buttons, and every deed is refused."""
    left, right, _ = linked
    page = town.page(_page(left), "vera")
    assert "Sync now" not in page
    assert "Unlink" not in page
    assert "Pause" not in page and "Take back" not in page
    for name in ("sync", "unlink", "relink", "link", "retry", "pause", "resume", "undo"):
        form = {"ref": left, "twin": right, "map": _map(town)}
        assert town.post(f"/records/{name}", form, "vera").status_code == 403


@pytest.fixture
def odd(town: Town) -> str:
    """A record whose values are hostile."""
    fields = {"firstname": "<script>alert(1)</script>", "lastname": "\u202eevil", "email": "odd@example.com",
              "company": "y" * 10_000}  # fmt: skip
    ref = Ref("hubspot", "contacts", "55500055")
    with town.app.ready_store.begin() as tx:
        tx.snapshots.put([Snapshot(Record(ref=ref, fields=fields), fields)])
    return str(ref)


def test_hostile_values_are_shown_as_text(town: Town, odd: str) -> None:
    """Markup in a name is text, what turns the direction is named, and long values are cut."""
    for page in (town.page(_page(odd)), _search(town, odd)):
        assert "<script>alert" not in page
        assert "\u202e" not in page
        assert len(page) < 40_000


def test_app_is_a_desk(town: Town) -> None:
    """What is told without history is what is told with it, but for who changed what."""
    app: App = town.app
    ref = str(app.world.maps[_map(town)].left.ref(_links(town)[0].left_id))
    quiet, whole = app.explain(ref, history=False), app.explain(ref)
    for about in (*quiet["maps"], *whole["maps"]):
        for rule in about.get("rules", ()):
            rule.pop("changes")
    assert quiet == whole


def test_who_only_sounds_like_it_is_said_to(town: Town) -> None:
    """A name that is spelled otherwise is found, marked as such, and stands behind the one that is written so."""
    names = {"66600001": "Katherine Meyer", "66600002": "Catherine Meyer", "66600003": "Katherine Maier"}
    m = town.app.world.maps[_map(town)]
    with town.app.ready_store.begin() as tx:
        for id_, name in names.items():
            fields = dict(zip(("firstname", "lastname"), name.split(), strict=True))
            shot = Snapshot(Record(ref=m.left.ref(id_), fields=fields), fields)
            tx.snapshots.put([shot])
            tx.snapshots.rekey(m.key, Side.LEFT, {id_: found_by(town.app.world, m, Side.LEFT, shot)})
    page = _search(town, "katherine meyer")
    order = re.findall(r'<tr id="found-hubspot:contacts:(666\d+)"', page)
    assert order[0] == "66600001"
    assert "66600003" in order
    assert page.count("sounds alike") == len(order) - 1


def test_a_search_that_finds_too_many_says_so(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that is cut is told to be, and holds no more than fits."""
    monkeypatch.setattr(finder, "SHOWN", 1)
    with town.app.ready_store.begin() as tx:
        m = town.app.world.maps[_map(town)]
        fields = {"email": "office@example.com"}
        for id_ in ("66600011", "66600012"):
            shot = Snapshot(Record(ref=m.left.ref(id_), fields=fields), fields)
            tx.snapshots.put([shot])
            tx.snapshots.rekey(m.key, Side.LEFT, {id_: found_by(town.app.world, m, Side.LEFT, shot)})
    page = _search(town, "office@example.com")
    assert "There are more than are shown" in page
    assert len(re.findall(r'<tr id="found-', page)) == 1


def test_two_that_were_never_linked_are_linked_and_parted(town: Town) -> None:
    """A record of either side that is free is linked with the other by its e-mail; the undo parts the two again."""
    m = town.app.world.maps[_map(town)]
    with town.app.ready_store.begin() as tx:
        for side, id_, name in ((Side.LEFT, "66600021", "email"), (Side.RIGHT, "jnfree66600021", "email")):
            fields = {name: f"free.{side}@example.com"}
            shot = Snapshot(Record(ref=m.end(side).ref(id_), fields=fields), fields)
            tx.snapshots.put([shot])
            tx.snapshots.rekey(m.key, side, {id_: found_by(town.app.world, m, side, shot)})
    ref = str(m.left.ref("66600021"))
    told = town.post("/records/link", {"ref": ref, "twin": "free.right@example.com", "map": m.key}, "otto")
    assert told.status_code == 204
    assert "jnfree66600021" in town.page(_page(ref))
    undo = _said(told.headers)["undo"]
    assert isinstance(undo, dict)
    assert town.post(undo["path"], undo["form"], "otto").status_code == 204
    assert "a person parted them" in town.page(_page(ref))


def test_two_links_at_once(town: Town, linked: tuple[str, str, Snapshot]) -> None:
    """Whoever links a record that was linked with another meanwhile is told with whom."""
    left, right, _ = linked
    told = town.post("/records/link", {"ref": left, "twin": right, "map": _map(town)}, "otto")
    assert told.status_code == 422
    assert "linked already" in str(_said(told.headers)["text"])
    stale = {"ref": left, "twin": f"{right}x", "map": _map(town)}
    told = town.post("/records/unlink", stale, "otto")
    assert told.status_code == 422
    assert f"is linked with {right} by now" in str(_said(told.headers)["text"])
