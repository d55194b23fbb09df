"""`syncd review`, `link`, `unlink` and `relink`, against two sandboxes: a person says who is who."""

from __future__ import annotations

import json
import time

import pytest

from syncd.engine import review
from tests.cli.conftest import House
from tests.cli.test_answer import asked, once, said


def test_uncertain_matches_are_shown_side_by_side_and_decided(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refs, score, reasons and fields; one is linked by hand, the other refused, and then nothing is uncertain."""
    house.map("right: email, owner: left", "right: email, owner: left, convert: email")
    ref, (twin, other) = asked(house, capsys)
    rows = json.loads(said(capsys, "review", "--format", "json"))
    assert {(row["left"], row["right"]) for row in rows} == {(ref, f"jobnimbus:contacts:{i}") for i in (twin, other)}
    assert all(row["reasons"] == ["same e-mail"] and 0 < row["score"] < 1 for row in rows)
    shown = said(capsys, "review", "--map", "sales/contacts")
    assert f"{ref}  jobnimbus:contacts:{twin}" in shown and "same e-mail" in shown
    assert "=  email" in shown and "ana1@example.com" in shown
    assert "2 matches are uncertain. The same: `syncd link REF REF`." in shown
    monkeypatch.setattr(review, "MOST", 1)
    assert "The likeliest 1 of the uncertain matches are shown. The same" in said(capsys, "review")
    assert said(capsys, "link", "--not", f"jobnimbus:contacts:{other}", ref) == (
        f"{ref} and jobnimbus:contacts:{other} are not the same; that is remembered.\n"
    )
    assert said(capsys, "link", ref, f"jobnimbus:contacts:{twin}") == (
        f"{ref} and jobnimbus:contacts:{twin} are linked; the next run makes them equal.\n"
    )
    once(capsys)
    assert "No match is uncertain." in said(capsys, "review")


def test_two_are_parted_and_come_together_again(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Parted, nothing is made again; linked again, they are equal; mistakes are told in plain words."""
    ref, (twin, other) = asked(house, capsys)
    there = f"jobnimbus:contacts:{twin}"
    said(capsys, "link", ref, there)
    once(capsys)
    parted = said(capsys, "unlink", there)
    assert parted == f"{there} and {ref} are parted. To link them again: `syncd relink {there}`.\n"
    assert once(capsys) == 0
    anas = [row for row in house.right.records("contacts") if row.get("email") == "ana1@example.com"]
    assert len(anas) == 2
    assert "it is not linked" in said(capsys, "unlink", ref, code=2)
    assert "syncd relink" in said(capsys, "link", ref, f"jobnimbus:contacts:{other}", code=2)
    assert said(capsys, "relink", ref) == f"{ref} and {there} are linked; the next run makes them equal.\n"
    said(capsys, "unlink", ref)
    assert f"{ref} and jobnimbus:contacts:{other} are linked" in said(
        capsys, "relink", ref, f"jobnimbus:contacts:{other}"
    )
    assert "several" not in said(capsys, "relink", f"jobnimbus:contacts:{twin}", code=2)


def test_one_is_paused_and_goes_on(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing of it crosses meanwhile, and the lists and the explanation say why; then it crosses."""
    ref = f"hubspot:contacts:{house.lead(1)}"
    once(capsys)
    assert said(capsys, "pause", ref) == f"{ref} is paused. To go on with it: `syncd resume {ref}`.\n"
    house.left.act("update", "contacts", id=ref.split(":")[2], fields={"city": "Elgin"}, as_="dana.reyes@example.com")
    time.sleep(1.5)
    before = house.right.mark()
    once(capsys)
    assert house.right.writes(before) == []
    assert "is paused since" in said(capsys, "parked")
    told = said(capsys, "explain", ref)
    assert told.startswith(f"{ref} (paused since 20") and f"`syncd resume {ref}` goes on with it" in told
    assert "it is paused already" in said(capsys, "pause", ref, code=2)
    assert said(capsys, "resume", ref) == f"{ref} goes on with the next run.\n"
    once(capsys)
    assert [row["city"] for row in house.right.records("contacts") if row.get("email") == "ana1@example.com"] == [
        "Elgin"
    ]
    assert "it is not paused" in said(capsys, "resume", ref, code=2)


def test_what_is_linked_cannot_be_linked_again(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Named with its twin or alone, from either side: it is told with whom it is linked, and nothing is done."""
    ref, (twin, _other) = asked(house, capsys)
    there = f"jobnimbus:contacts:{twin}"
    said(capsys, "link", ref, there)
    once(capsys)
    before = house.left.mark(), house.right.mark()
    for verb in (["relink", ref, there], ["relink", ref], ["link", ref, there]):
        assert said(capsys, *verb, code=2) == (
            f"error: {ref}: it is linked already, with {there}. `syncd explain {ref}` shows the link.\n"
        )
    assert f"{there}: it is linked already, with {ref}." in said(capsys, "relink", there, code=2)
    once(capsys)
    assert (house.left.writes(before[0]), house.right.writes(before[1])) == ([], [])
