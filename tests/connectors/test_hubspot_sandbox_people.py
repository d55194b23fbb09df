"""The HubSpot sandbox's control side: what people do, seeding, imports, history."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from syncd.kit.control import ControlError
from tests.connectors.hubspot_sandbox_desk import Desk, desk

DANA = "dana.reyes@example.com"


@pytest.fixture
def hs() -> Iterator[Desk]:
    with desk() as made:
        yield made


def test_a_person_creates_updates_and_clears(hs: Desk) -> None:
    """People write as CRM_UI with their user id, None clears, and history tells before and after."""
    made = hs.sim.act("create", "contacts", fields={"lastname": "Ng", "city": "Mobile"}, as_=DANA)["id"]
    hs.sim.act("update", "contacts", id=made, fields={"city": None, "zip": "36608"}, as_="Sam Okafor")
    assert hs.values("contacts", made, "city", "zip", "hs_object_source")["zip"] == "36608"
    first, second = hs.sim.history("contacts", made)
    assert (first["by"], first["via"], first["do"]) == (DANA, "person", "create")
    assert second["by"] == "sam.okafor@example.com"
    assert second["fields"] == {"city": ["Mobile", None], "zip": [None, "36608"]}


def test_workflows_and_other_apps_write_under_their_own_name(hs: Desk) -> None:
    """An automation is AUTOMATION_PLATFORM, another integration INTEGRATION with its own id; neither is a person."""
    made = hs.contact(lastname="Ng", city="a")
    for n, name in enumerate(("workflow:55", "app:777")):
        hs.sim.act("update", "contacts", id=made, fields={"city": f"c{n}"}, as_=name)
    entries = hs.get(f"contacts/{made}", propertiesWithHistory="city")["propertiesWithHistory"]["city"]
    told = [(each["sourceType"], each["sourceId"]) for each in entries]
    assert told[:2] == [("INTEGRATION", "777"), ("AUTOMATION_PLATFORM", "55")]
    assert [each["via"] for each in hs.sim.history("contacts", made)] == ["api", "system", "system"]


def test_history_tells_the_api_from_people(hs: Desk) -> None:
    """A write by token is told as such, and equal values leave no line."""
    made = hs.contact(lastname="Ng")
    hs.write("contacts", made, lastname="Ng")
    assert [(each["via"], each["by"]) for each in hs.sim.history("contacts", made)] == [("api", "app:3141592")]


def test_history_follows_a_merge(hs: Desk) -> None:
    """Both records' changes are told of the merged one, with what the secondary lost."""
    one, two = hs.contact(lastname="Ng", city="Mobile"), hs.contact(lastname="Ng", city="Selma")
    merged = hs.sim.act("merge", "contacts", id=one, other=two)["id"]
    changes = hs.sim.history("contacts", one)
    assert changes == hs.sim.history("contacts", merged)
    assert [each["do"] for each in changes] == ["create", "create", "merge"]
    assert changes[-1]["fields"]["city"] == ["Selma", "Mobile"]


def test_a_merge_goes_into_the_named_record(hs: Desk) -> None:
    """`into` names the primary, whose values win."""
    one, two = hs.contact(lastname="Ng", city="Mobile"), hs.contact(lastname="Ng", city="Selma")
    merged = hs.sim.act("merge", "contacts", id=one, into=two)["id"]
    assert hs.values("contacts", merged, "city")["city"] == "Selma"


def test_a_record_deleted_for_good_answers_no_more(hs: Desk) -> None:
    """Living or in the bin, it leaves no trace, and its address is free."""
    made = hs.contact(email="ana@example.com")
    hs.sim.act("delete", "contacts", id=made)
    assert hs.sim.records("contacts") == hs.get("contacts", archived="true")["results"] == []
    again = hs.contact(email="ana@example.com")
    hs.sim.act("archive", "contacts", id=again)
    hs.sim.act("delete", "contacts", id=again)
    assert hs.ask("GET", f"contacts/{again}", archived="true").status_code == 404


def test_people_tie_and_untie(hs: Desk) -> None:
    """Associations are made and removed in the pages, and at a create."""
    made = hs.contact(lastname="Ng")
    fields = {"dealname": "Roof", "dealstage": "qualifiedtobuy"}
    deal = hs.sim.act("create", "deals", fields=fields, associate={"contacts": made})["id"]
    assert hs.sim.records("deals")[0]["associations"] == {"contacts": [made]}
    ends = {"id": deal, "to_kind": "contacts", "to_id": made}
    hs.sim.act("disassociate", "deals", **ends)
    assert hs.sim.records("deals")[0]["associations"] == {}
    hs.sim.act("associate", "deals", **ends)
    assert hs.sim.records("contacts")[0]["associations"] == {"deals": [deal]}


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ({"do": "fly"}, "known are .*archive.*"),
        ({"do": "update", "kind": "contacts", "id": "1", "fields": {}}, "resource not found"),
        ({"do": "update", "kind": "contacts"}, "needs 'id'"),
        ({"do": "create", "kind": "contacts", "fields": {"no_such": "1"}}, "does not exist|not valid"),
        ({"do": "restore", "kind": "contacts", "id": "1"}, "recycle bin"),
        ({"do": "owner_deactivate", "id": "1"}, "no owner"),
        ({"do": "revoke", "token": "x"}, "no such token"),
    ],
)
def test_an_act_that_cannot_be_done_says_why(hs: Desk, action: dict[str, Any], words: str) -> None:
    """The tester gets HubSpot's own sentence, or what is missing."""
    with pytest.raises(ControlError, match=words):
        hs.sim.act(action.pop("do"), action.pop("kind", None), **action)


def test_seeding_makes_leads_as_people_would(hs: Desk) -> None:
    """Contacts each with a deal, in mixed stages, with owners, by persons; the same seed goes on with other people."""
    made = hs.sim.seed(leads=40, seed=3, messy=True)
    contacts, deals = hs.sim.records("contacts"), hs.sim.records("deals")
    assert [row["id"] for row in contacts] == made["contacts"]
    assert [row["associations"]["deals"] for row in contacts] == [[id] for id in made["deals"]]
    assert len({row["properties"]["dealstage"] for row in deals}) > 3
    assert {row["properties"]["hs_object_source"] for row in contacts + deals} == {"CRM_UI"}
    assert all(row["properties"]["hubspot_owner_id"] for row in contacts)
    hs.sim.seed(leads=10, seed=3, messy=True)
    addresses = [row["properties"].get("email") for row in hs.sim.records("contacts")]
    known = [each for each in addresses if each]
    assert len(addresses) == 50
    assert len(set(known)) == len(known) > 30


def test_the_same_seed_makes_the_same_account() -> None:
    """Two sandboxes with one seed hold the same people, deals and ids."""

    def picture() -> list[tuple[Any, ...]]:
        with desk() as hs:
            hs.sim.seed(leads=15, seed=4)
            rows = hs.sim.records("contacts") + hs.sim.records("deals")
            return [(row["id"], row["properties"].get("email"), row["properties"].get("dealname")) for row in rows]

    assert picture() == picture()


def test_seeding_over_past_days_is_searchable_at_once() -> None:
    """With `days` the records are old and indexed, although the index lags."""
    with desk(index_lag={"kind": "normal"}) as hs:
        hs.sim.seed(leads=20, days=30)
        assert hs.search("contacts")["total"] == 20
        assert len({row["createdAt"][:10] for row in hs.sim.records("contacts")}) > 5


def test_seeding_is_fast(hs: Desk) -> None:
    """A thousand leads with their deals take seconds, not minutes."""
    began = time.perf_counter()
    hs.sim.seed(leads=1_000, messy=True)
    assert time.perf_counter() - began < 10
    assert len(hs.sim.records("deals")) == 1_000


def test_an_unknown_seed_word_is_refused(hs: Desk) -> None:
    """A mistyped word is named."""
    with pytest.raises(ControlError, match="leeds"):
        hs.sim.seed(leeds=3)


def test_a_csv_makes_contacts_and_their_deals(hs: Desk) -> None:
    """Columns go by name or label, `deal.` columns make an associated deal, blank rows are passed over."""
    text = (
        "Email,First Name,phone,deal.dealname,deal.dealstage\n"
        'ana@example.com,"Ana, née Ruiz",205 555 0101,Ana roof,closedwon\n\n'
        "bo@example.com,Bo,,,\n"
    )
    ids = hs.sim.import_csv("contacts", text)["ids"]
    rows = hs.sim.records("contacts")
    assert [row["id"] for row in rows] == ids
    assert rows[0]["properties"]["firstname"] == "Ana, née Ruiz"
    assert rows[0]["properties"]["hs_object_source"] == "IMPORT"
    (deal,) = hs.sim.records("deals")
    assert rows[0]["associations"] == {"deals": [deal["id"]]}
    assert deal["properties"]["dealname"] == "Ana roof"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("email,shoe size\n", "unknown column 'shoe size'.*email"),
        ("email,deal.shoe\n", "unknown column 'deal.shoe'.*dealname"),
        ("", "empty"),
        ("email\nana@example.com\nnobody\n", "line 3: .*1 rows before"),
    ],
)
def test_a_bad_csv_says_what_is_wrong(hs: Desk, text: str, words: str) -> None:
    """Unknown columns are named with the known ones, a bad row with its line."""
    with pytest.raises(ControlError, match=words):
        hs.sim.import_csv("contacts", text)
