"""What is held of a person is shown whole, and taken out whole: by the bytes, on both databases.

Not here: what the vendors still hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

import tests.engine.town
from syncd.core.model import Side
from syncd.engine.by_hand import PARTED
from syncd.errors import ConfigError, Transient
from syncd.service.privacy import Privacy
from syncd.store.backup import backup
from syncd.store.marks import PARKED
from syncd.store.store import Store
from syncd.store.tables import metadata
from tests.engine.doings import edit, make, rest
from tests.engine.town import DATABASES, Town, build

ANN = {"email": "ann.okonkwo@x.example", "name": "Ann Okonkwo", "phone": "202-555-0123"}
BEA = {"email": "bea.lindqvist@x.example", "name": "Bea Lindqvist", "phone": "202-555-0199"}


@pytest.fixture(params=DATABASES)
def town(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """Ann and Bea in both systems, each with a deal; Ann was edited on both sides, refused, and written about."""
    monkeypatch.setattr(tests.engine.town, "DATABASE", [request.param])
    with closing(build()) as made:
        for person in (ANN, BEA):
            left = make(made, "crm", "contacts", dict(person))
            assert left is not None
            make(made, "crm", "deals", {"title": f"Roof of {person['name']}", "stage": "won", "contact": left.id})
        rest(made)
        (ann,) = ids(made, ANN)
        edit(made, "crm", "contacts", ann, {"name": "Ann Okonkwo-Reyes"})
        rest(made)
        yield made


def ids(town: Town, person: dict[str, str]) -> list[str]:
    """Who this is on the left."""
    rows = town.vendors["crm"].rows["contacts"].items()
    return [id_ for id_, row in rows if row.fields["email"] == person["email"]]


def bear_traces(town: Town, ann: str) -> None:
    """Sentences elsewhere that quote her."""
    now = town.stage.now
    with town.store.begin() as tx:
        for id_ in (ann, "stranger"):
            tx.paused.add("crm", "contacts", id_, now)
        run = tx.runs.start("pair", "live", "d", now)
        tx.runs.end(run, "stopped", {"error": "the vendor refuses ann.okonkwo@x.example", "units": 3}, now)
        tx.marks.add("pair/contacts", Side.LEFT, [ann, "stranger"], now)
        for id_ in (ann, "stranger"):
            mark = tx.marks.get("pair/contacts", Side.LEFT, [id_])[id_]
            tx.marks.rest(mark, 0, PARKED, cause="question", reason="may be Ann Okonkwo-Reyes")


def dump(town: Town) -> str:
    """Every row there is, as text."""
    with town.store.read() as tx:
        return "\n".join(
            repr(tuple(row)) for table in metadata.sorted_tables for row in tx.connection.execute(select(table))
        )


def gone(town: Town, ann: str) -> None:
    """People delete her, and her deal, in both systems."""
    for system, kinds in (("crm", ("deals", "contacts")), ("con", ("jobs", "contacts", "people"))):
        for kind in kinds:
            for id_, row in list(town.vendors[system].rows.get(kind, {}).items()):
                if "Ann Okon" in str(row.fields) or (kind == "deals" and row.fields.get("contact") == ann):
                    town.vendors[system].delete(kind, id_)


def test_all_that_is_held_is_shown(town: Town) -> None:
    """Both records, the deal and the job, the link, the writes; by e-mail or by any reference, and nobody else's."""
    (ann,) = ids(town, ANN)
    by_mail = Privacy(town.store, town.world.maps, lambda: town.stage.now).told(ANN["email"].upper())
    by_ref = Privacy(town.store, town.world.maps, lambda: town.stage.now).told(f"crm:contacts:{ann}")
    assert by_mail == by_ref
    assert {"snapshots", "links", "journal", "match_keys"} <= set(by_ref)
    kinds = {ref.rpartition(":")[0] for ref in by_ref["records"]}
    assert {"crm:contacts", "con:contacts", "crm:deals", "con:jobs"} <= kinds
    assert "Okonkwo" in str(by_ref) and "Lindqvist" not in str(by_ref)


def test_nothing_of_a_person_is_left(town: Town, tmp_path: Path) -> None:
    """Not in a row, nor in the file, its log or a copy made afterwards; and everybody else is as before."""
    (ann,) = ids(town, ANN)
    gone(town, ann)
    rest(town)
    bear_traces(town, ann)
    assert "Okonkwo" in dump(town)
    found = Privacy(town.store, town.world.maps, lambda: town.stage.now).forget(f"crm:contacts:{ann}", anyway=True)
    assert found["snapshots"] >= 4 and found["journal"] >= 2 and found["paused"] == 1
    with town.store.read() as tx:
        assert list(tx.paused.of("crm", "contacts", [ann, "stranger"])) == ["stranger"]
    words = ("Okon", "ann.okonkwo", "202-555-0123")
    assert [word for word in words if word in dump(town)] == []
    assert "Bea Lindqvist" in dump(town)
    if town.store.file is not None:
        copy = backup(town.store, tmp_path / "copy.db", town.stage.now)
        for path in (*town.store.file.parent.glob(f"{town.store.file.name}*"), copy):
            content = path.read_bytes()
            assert [word for word in words if word.encode() in content] == [], path
        assert b"Bea Lindqvist" in copy.read_bytes()
    rest(town)
    with town.store.read() as tx:
        assert [one for one in tx.links.all("pair/contacts") if one.left_id == ann] == []
        assert len(tx.links.all("pair/contacts")) == 1


def test_who_is_still_there_is_not_forgotten(town: Town) -> None:
    """The refusal names the records; nothing is taken out; and who is not known is told."""
    before = dump(town)
    with pytest.raises(ConfigError, match="is still there: con:contacts:"):
        Privacy(town.store, town.world.maps, lambda: town.stage.now).forget(ANN["email"], anyway=False)
    assert dump(town) == before
    for who in ("nobody@x.example", "crm:contacts:404"):
        with pytest.raises(ConfigError, match="nothing is held"):
            Privacy(town.store, town.world.maps, lambda: town.stage.now).told(who)


def test_nobody_else_is_taken_along(town: Town) -> None:
    """Neither one whose mail ends like hers, nor one whom a person parted from her, nor what strangers share."""
    (ann,), (bea,) = ids(town, ANN), ids(town, BEA)
    make(town, "crm", "contacts", {"email": "jo" + ANN["email"], "name": "Joann", "city": "Springfield"})
    edit(town, "crm", "contacts", ann, {"city": "Springfield"})
    rest(town)
    with town.store.begin() as tx:
        link = tx.links.make("pair/people", ann, bea, town.stage.now)
        tx.links.close(link.id, PARTED, town.stage.now)
        tx.marks.add("pair/contacts", Side.LEFT, ["stranger"], town.stage.now)
        mark = tx.marks.get("pair/contacts", Side.LEFT, ["stranger"])["stranger"]
        tx.marks.rest(mark, 0, PARKED, cause="question", reason="is in Springfield")
    privacy = Privacy(town.store, town.world.maps, lambda: town.stage.now)
    held = str(privacy.told(ANN["email"]))
    assert "Joann" not in held and "Lindqvist" not in held
    privacy.forget(ANN["email"], anyway=True)
    assert "Joann" in dump(town) and "is in Springfield" in dump(town)
    for who in ("Ann Okonkwo", "", "60001"):
        with pytest.raises(ConfigError, match="neither a reference nor an e-mail"):
            privacy.told(who)


def test_somebody_with_thousands_of_records_is_forgotten(town: Town) -> None:
    """More than a statement can name at once."""
    (ann,) = ids(town, ANN)
    for n in range(1100):
        town.vendors["crm"].create("deals", {"title": f"Okon {n}", "stage": "new", "contact": ann}, "person")
    rest(town)
    found = Privacy(town.store, town.world.maps, lambda: town.stage.now).forget(f"crm:contacts:{ann}", anyway=True)
    assert found["snapshots"] > 1100
    assert "Okon" not in dump(town)


def test_what_could_not_be_tidied_is_tidied_the_next_time(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are gone at once; that the file is still to be written anew is remembered, whoever is asked for next."""
    (ann,) = ids(town, ANN)
    privacy = Privacy(town.store, town.world.maps, lambda: town.stage.now)

    def busy(_: Store) -> None:
        raise Transient("others are at work")

    monkeypatch.setattr(Store, "tidy", busy)
    with pytest.raises(Transient):
        privacy.forget(f"crm:contacts:{ann}", anyway=True)
    tidied: list[bool] = []
    monkeypatch.setattr(Store, "tidy", lambda _: tidied.append(True))
    with pytest.raises(ConfigError, match="nothing is held"):
        privacy.forget(f"crm:contacts:{ann}", anyway=True)
    assert tidied == [True]
