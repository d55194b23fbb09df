"""Why a value is as it is: what is told of it on both sides, its way across, the run, and what blocks it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from syncd.core.model import Ref, Side
from syncd.engine.by_hand import unlink
from syncd.engine.explain import explain
from syncd.errors import Transient
from tests.engine.doings import cycle, edit, make, read_feed, rest, run
from tests.engine.test_rules import KEYLESS, linked, town_of, with_mode
from tests.engine.town import Town
from tests.engine.vendor import MemoryConnector, Traits

MAP = "pair/contacts"


def told(town: Town, id: str, field: str | None = None, kind: str = "contacts", system: str = "crm") -> Any:
    """What is told of a record in the first map that reads it."""
    facts = explain(town.world, Ref(system, kind, id), field)
    return next(about for about in facts["maps"] if about["map"] in (MAP, "pair/deals-jobs"))


def test_a_value_is_explained_on_its_whole_way() -> None:
    """Both values, base, the way raw to written, who gave them, the run and the reason that decided."""
    with town_of() as town:
        left, right = linked(town, name="Bartholomew")
        about = told(town, left.id, "name")
        (rule,) = about["rules"]
        assert about["link"] == f"con:contacts:{right.id}"
        assert (rule["left"]["value"], rule["right"]["value"]) == ("Bartholomew", "Bartholo")
        assert rule["base"] == {"left": "Bartholomew", "right": "Bartholo"}
        (way,) = [way for way in rule["carried"] if way["to"] == "right"]
        assert (way["raw"], way["converted"], way["written"]) == ("Bartholomew", "Bartholomew", "Bartholomew")
        assert [(one["who"], one["mine"]) for one in rule["changes"]["left"]] == [("person", False)]
        assert [(one["who"], one["mine"]) for one in rule["changes"]["right"]] == [("sync", True)]
        (write,) = rule["writes"]
        assert (write["side"], write["outcome"], write["run"] is not None) == ("right", "written", True)
        assert (rule["same"], rule["verdict"], rule["why"]) == (True, "unchanged", "nothing changed")
        assert about["blocked"] == []


def test_what_is_not_carried_yet_says_why() -> None:
    """A change that is due, one that is only planned, an open conflict, and what nobody may write."""
    with town_of() as town:
        left, right = linked(town)
        edit(town, "crm", "contacts", left.id, {"name": "Anna"})
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        about = told(town, left.id, "name")
        assert about["rules"][0]["why"] == "changed on the left; the right is to be written"
        assert about["blocked"] == ["left is due"]
        live, town.world = town.world, with_mode(town.world, "plan")
        run(town)
        assert told(town, left.id, "name")["blocked"] == [
            "the pair is in mode plan: nothing is written", "left is only planned: waits for permission to write",
        ]  # fmt: skip
        town.world = live
        for vendor, row in (("crm", left), ("con", right)):
            edit(town, vendor, "contacts", row.id, {"note": f"by {vendor}"})
        for _ in range(3):
            cycle(town, wait=60)
        (rule,) = told(town, right.id, "note", system="con")["rules"]
        assert (rule["verdict"], rule["why"]) == ("conflict", "both sides changed it")
        assert rule["conflict"]["state"] == "open"
        assert rule["same"] is False


def test_a_parent_without_a_twin_is_named() -> None:
    """A relation that cannot cross says for whom it waits."""
    with town_of() as town:
        contact = make(town, "crm", "contacts", {"email": "a@x.example"})
        deal = make(town, "crm", "deals", {"title": "Roof", "stage": "won", "contact": contact.id if contact else None})
        assert deal is not None and contact is not None
        rest(town)
        other = make(town, "crm", "contacts", {"email": "cold@x.example", "tag": "cold"})
        assert other is not None
        edit(town, "crm", "deals", deal.id, {"contact": other.id})
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "deals")
        (rule,) = told(town, deal.id, "contact", kind="deals")["rules"]
        assert rule["verdict"] == "waiting"
        (way,) = [way for way in rule["carried"] if way["to"] == "right"]
        assert way["problem"] == f"waits for crm:contacts:{other.id} to be linked"


def test_a_record_without_a_link_says_why() -> None:
    """Never seen, not wanted, parted by hand, gone: each in plain words."""
    with town_of() as town:
        left, _ = linked(town)
        cold = make(town, "crm", "contacts", {"email": "cold@x.example", "tag": "cold"})
        assert cold is not None
        assert told(town, cold.id)["why"] == "syncd has never seen it"
        rest(town)
        assert told(town, cold.id)["why"].startswith("no twin was found, and the map does not want one made")
        unlink(town.world, Ref("crm", "contacts", left.id), MAP)
        assert "was closed" in told(town, left.id)["why"]
        town.vendors["crm"].traits = Traits(tombstones=True)
        town.vendors["crm"].delete("contacts", cold.id)
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        assert told(town, cold.id)["why"] == "it is gone"


def test_a_vendor_that_does_not_tell_is_said_so(monkeypatch: Any) -> None:
    """Without histories, and when the vendor is away: the rest is told all the same."""
    with town_of(right=Traits(history=False)) as town:
        left, _ = linked(town)
        monkeypatch.setattr(MemoryConnector, "history", lambda *_: (_ for _ in ()).throw(Transient("crm is away")))
        (rule,) = told(town, left.id, "name")["rules"]
        assert rule["changes"] == {str(Side.LEFT): "not told now: crm is away", str(Side.RIGHT): "con does not tell"}


def test_drift_under_the_base_is_told_apart() -> None:
    """Two values that differ although neither changed point to `verify`."""
    with town_of(left=KEYLESS) as town:
        left, _ = linked(town)
        town.vendors["con"].rows["contacts"]["c1"].fields["phone"] = "99"
        with town.store.begin() as tx:
            shot = tx.snapshots.get("con", "contacts", ["c1"])["c1"]
            shot.kept["phone"] = "99"
            tx.snapshots.put([shot])
        (rule,) = told(town, left.id, "phone")["rules"]
        assert (rule["same"], rule["verdict"]) == (False, "unchanged")
        assert "syncd verify" in rule["why"]
