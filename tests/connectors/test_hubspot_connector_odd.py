"""The HubSpot connector against answers that no sandbox gives: a small server that says exactly what a test scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import orjson
import pytest
from starlette.requests import Request
from starlette.responses import Response

from syncd.core.model import Action, Gone, MatchKey, Operation, Outcome, Record, Ref, Result, SyncKey, Value
from syncd.errors import AuthError, Transient
from syncd.kit.connector import Page, Seen, SystemSettings, Timing
from syncd_hubspot import HubSpot
from tests.connectors.scripted import serving

Answer = tuple[int, Any]
Script = Callable[[dict[str, Any]], Answer]

PROPERTIES = [
    {"name": name, "label": name, "type": "string", "fieldType": "text", "hasUniqueValue": name == "syncd_id"}
    for name in ("email", "lastname", "syncd_id", "lastmodifieddate", "hs_merged_object_ids")
]
MODIFIED = "2026-03-01T12:00:00.000Z"


@dataclass
class Vendor:
    """Scripts by the end of the path; every request is kept as (method, path, body)."""

    scripts: dict[str, Script] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    url: str = ""

    def on(self, end: str, script: Script) -> None:
        self.scripts[end] = script

    def calls(self, end: str) -> list[Any]:
        return [body for _, path, body in self.asked if path.endswith(end)]

    async def answer(self, request: Request) -> Response:
        raw = await request.body()
        body = orjson.loads(raw) if raw else {}
        path = request.url.path
        self.asked.append((request.method, path, body))
        script = next((self.scripts[end] for end in self.scripts if path.endswith(end)), None)
        status, said = script(body) if script else (404, {"message": "resource not found"})
        date = {"date": format_datetime(datetime.now(tz=UTC), usegmt=True)}
        return Response(orjson.dumps(said), status_code=status, headers=date, media_type="application/json")


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    """A server that knows the properties, and nothing else yet."""
    vendor = Vendor()
    vendor.on("/crm/properties/2026-03/contacts", lambda _: (200, {"results": PROPERTIES}))
    with serving(vendor.answer) as vendor.url:
        yield vendor


@pytest.fixture
def hubspot(vendor: Vendor) -> Iterator[HubSpot]:
    """A connector to it."""
    timing = Timing(timeout=timedelta(seconds=2), retry_for=timedelta(seconds=0.5))
    settings = SystemSettings(
        system="hs", secret="k" * 20, base_url=vendor.url, rate="10000/10", timing=timing,
        options={"search_rate": "1000/1"},
    )  # fmt: skip
    hubspot = HubSpot(settings)
    yield hubspot
    hubspot.close()


def row(id: str, **properties: str | None) -> dict[str, Any]:
    return {"id": id, "properties": {"lastmodifieddate": MODIFIED, **properties}, "archived": False}


def each(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> Script:
    """A script that answers a row per input."""
    return lambda body: (200, {"results": [answer(one) for one in body["inputs"]]})


def create(n: int, **fields: Value) -> Operation:
    return Operation(id=f"n{n}", action=Action.CREATE, fields={"email": f"n{n}@example.com", **fields})


def update(id: str, **fields: Value) -> Operation:
    return Operation(id=f"u{id}", action=Action.UPDATE, ref=Ref("hs", "contacts", id), fields=fields)


def write(hubspot: HubSpot, *operations: Operation) -> dict[str, Outcome]:
    return {one.operation: one for batch in hubspot.write("contacts", operations) for one in batch}


def all_or_nothing(body: dict[str, Any]) -> Answer:
    """A server that does not know trace ids: one bad input refuses the batch, without saying which."""
    if any(one["properties"].get("lastname") == "bad" for one in body["inputs"]):
        return 400, {"status": "error", "message": "Property values were not valid", "category": "VALIDATION_ERROR"}
    rows = [row(str(100 + int(one["properties"]["email"][1:-12])), **one["properties"]) for one in body["inputs"]]
    return 201, {"status": "COMPLETE", "results": list(reversed(rows))}


def test_a_batch_refused_as_a_whole_is_halved_to_the_bad_one(vendor: Vendor, hubspot: HubSpot) -> None:
    """Without trace ids the bad input is found by halving; each good one is created once, in whatever order."""
    vendor.on("/batch/create", all_or_nothing)
    outcomes = write(hubspot, *(create(n, lastname="bad" if n == 37 else f"L{n}") for n in range(100)))
    assert outcomes.pop("n37").result is Result.REFUSED
    for n in set(range(100)) - {37}:
        record = outcomes[f"n{n}"].record
        assert record is not None
        assert (record.ref.id, record.fields["lastname"]) == (str(100 + n), f"L{n}")
    assert len(vendor.calls("/batch/create")) <= 15
    landed = [one["properties"]["email"] for body in vendor.calls("/batch/create") for one in body["inputs"]
              if all_or_nothing(body)[0] == 201]  # fmt: skip
    assert len(landed) == len(set(landed)) == 99


def test_a_create_that_is_not_mentioned_may_have_landed(vendor: Vendor, hubspot: HubSpot) -> None:
    """An input in neither results nor errors is AMBIGUOUS, and is not sent again."""
    vendor.on("/batch/create", lambda body: (201, {"results": [row("7", **body["inputs"][0]["properties"])]}))
    outcomes = write(hubspot, create(1), create(2))
    assert outcomes["n1"].result is Result.WRITTEN
    assert outcomes["n2"].result is Result.AMBIGUOUS
    assert len(vendor.calls("/batch/create")) == 1


@pytest.mark.parametrize("said", [{}, {"results": None}, [], None, "fine"])
def test_a_create_answered_without_results_may_have_landed(vendor: Vendor, hubspot: HubSpot, said: Any) -> None:
    """A 2xx that tells nothing is AMBIGUOUS."""
    vendor.on("/batch/create", lambda _: (201, said))
    assert write(hubspot, create(1))["n1"].result is Result.AMBIGUOUS


def test_refusals_that_name_nobody_are_asked_one_by_one(vendor: Vendor, hubspot: HubSpot) -> None:
    """As many nameless errors as silent inputs: these surely did not land, so each is asked alone for its reason."""

    def partial(body: dict[str, Any]) -> Answer:
        good = [one for one in body["inputs"] if one["properties"].get("lastname") != "bad"]
        bad = [one for one in body["inputs"] if one not in good]
        rows = [row(one["properties"]["email"][1:2], **one["properties"]) for one in good]
        errors = [{"message": f"no {one['properties']['email']}", "category": "VALIDATION_ERROR"} for one in bad]
        return 207, {"results": rows, "errors": errors, "numErrors": len(errors)}

    vendor.on("/batch/create", partial)
    outcomes = write(hubspot, create(1), create(2, lastname="bad"), create(3, lastname="bad"))
    assert outcomes["n1"].result is Result.WRITTEN
    assert [outcomes[name].error for name in ("n2", "n3")] == [
        "HubSpot: no n2@example.com",
        "HubSpot: no n3@example.com",
    ]


def test_an_update_that_is_not_mentioned_is_looked_up(vendor: Vendor, hubspot: HubSpot) -> None:
    """Silent updates are read: written after all, or not landed and left for later."""
    stored = {"1": "new", "2": "old"}
    vendor.on("/batch/update", lambda _: (200, {"results": []}))
    vendor.on(
        "/batch/read", lambda body: (200, {"results": [row(i["id"], lastname=stored[i["id"]]) for i in body["inputs"]]})
    )
    outcomes = write(hubspot, update("1", lastname="new"), update("2", lastname="new"))
    assert [outcomes[name].result for name in ("u1", "u2")] == [Result.WRITTEN, Result.LATER]


@pytest.mark.parametrize("status", [400, 401, 403, 503])
def test_updates_whose_look_up_fails_may_have_landed(vendor: Vendor, hubspot: HubSpot, status: int) -> None:
    """HubSpot said nothing about two of three, and cannot be asked: AMBIGUOUS; the third stands."""
    vendor.on("/batch/update", lambda _: (200, {"results": [row("3", lastname="new")]}))
    vendor.on("/batch/read", lambda _: (status, {"message": "down"}))
    outcomes = write(hubspot, *(update(id, lastname="new") for id in "123"))
    assert [outcomes[name].result for name in ("u1", "u2", "u3")] == [
        Result.AMBIGUOUS,
        Result.AMBIGUOUS,
        Result.WRITTEN,
    ]


@pytest.mark.parametrize("status", [400, 401, 403, 503])
def test_a_write_stands_although_it_cannot_be_read_again(vendor: Vendor, hubspot: HubSpot, status: int) -> None:
    """An answer without a written field: it is unknown of a new record, and the engine looks at an older one."""
    vendor.on("/batch/create", lambda _: (200, {"results": [row("7", email="n1@example.com")]}))
    vendor.on("/batch/update", lambda _: (200, {"results": [row("1")]}))
    vendor.on("/batch/read", lambda _: (status, {"message": "down"}))
    outcomes = write(hubspot, create(1, lastname="new"), update("1", lastname="new"))
    made = outcomes["n1"].record
    assert made is not None and (made.ref.id, made.fields) == ("7", {"email": "n1@example.com"})
    assert [outcomes[name].result for name in ("n1", "u1")] == [Result.WRITTEN, Result.AMBIGUOUS]


@pytest.mark.parametrize("status", [401, 503])
def test_nothing_is_created_whose_answer_could_not_be_read(vendor: Vendor, hubspot: HubSpot, status: int) -> None:
    """The properties are asked for before a create is sent: without them its answer says nothing."""
    vendor.on("/batch/create", lambda _: (200, {"results": [row("7", email="n1@example.com")]}))
    vendor.on("/crm/properties/2026-03/contacts", lambda _: (status, {"message": "down"}))
    outcomes: dict[str, Outcome] = {}
    with suppress(AuthError):
        for batch in hubspot.write("contacts", [create(1)]):
            outcomes |= {one.operation: one for one in batch}
    assert outcomes["n1"].result is Result.LATER
    assert vendor.calls("/batch/create") == []


def test_an_answer_without_the_written_field_is_read_once_more(vendor: Vendor, hubspot: HubSpot) -> None:
    """WRITTEN holds the written fields although the vendor's answer did not; the version stays the write's."""
    vendor.on("/batch/update", lambda _: (200, {"results": [row("1")]}))
    later = {**row("1", lastname="new"), "properties": {"lastmodifieddate": "2026-03-01T12:00:05Z", "lastname": "new"}}
    vendor.on("/batch/read", lambda _: (200, {"results": [later]}))
    record = write(hubspot, update("1", lastname="new"))["u1"].record
    assert record is not None
    assert (record.fields, record.version) == ({"lastname": "new"}, "2026-03-01T12:00:00Z")


def test_one_record_twice_goes_into_two_batches(vendor: Vendor, hubspot: HubSpot) -> None:
    """HubSpot refuses a batch that names a record twice, so the second write of a record waits for the next batch."""
    vendor.on(
        "/batch/update", lambda body: (200, {"results": [row(i["id"], **i["properties"]) for i in body["inputs"]]})
    )
    twice = [Operation(id=f"op{n}", action=Action.UPDATE, ref=Ref("hs", "contacts", "1"), fields={"lastname": f"L{n}"})
             for n in range(2)]  # fmt: skip
    outcomes = write(hubspot, *twice)
    assert {one.result for one in outcomes.values()} == {Result.WRITTEN}
    assert [len(body["inputs"]) for body in vendor.calls("/batch/update")] == [1, 1]


@pytest.mark.parametrize("said", [{}, {"results": "none"}, []])
def test_a_read_without_results_is_never_an_empty_one(vendor: Vendor, hubspot: HubSpot, said: Any) -> None:
    """A 2xx without rows is trouble: nobody may be called gone for it."""
    vendor.on("/batch/read", lambda _: (200, said))
    with pytest.raises(Transient):
        hubspot.read("contacts", ["1"], ["email"])


@pytest.mark.parametrize("id_", [[["deep"]], {"id": "2"}, "abc", "", None, True, 1.5])
def test_what_is_no_id_never_becomes_one(vendor: Vendor, hubspot: HubSpot, id_: Any) -> None:
    """A record answered under such an id is not what was asked for, nor what it became by a merge."""
    vendor.on("/batch/read", lambda _: (200, {"results": [{**row("1"), "id": id_}]}))
    vendor.on("/contacts/1", lambda _: (200, {**row("1"), "id": id_}))
    with pytest.raises(Transient, match="without a record"):
        hubspot.read("contacts", ["1"], ["email"])
    vendor.on("/search", lambda _: (200, {"total": 1, "results": [{**row("1"), "id": id_}]}))
    vendor.on("/crm/objects/2026-03/contacts", lambda _: (200, {"results": [{**row("1"), "id": id_}]}))
    with pytest.raises(Transient, match="without a record"):
        ticks(hubspot, None)


def ticks(hubspot: HubSpot, cursor: dict[str, Any] | None, held: dict[str, Seen] | None = None) -> list[Page]:
    known = held or {}
    return list(
        hubspot.changes("contacts", cursor, ["email"], lambda ids: {one: known[one] for one in ids if one in known})
    )


def idle(vendor: Vendor, hubspot: HubSpot) -> dict[str, Any]:
    """The cursor of a feed whose first reading found nothing."""
    vendor.on("/search", lambda _: (200, {"total": 0, "results": []}))
    vendor.on("/crm/objects/2026-03/contacts", lambda _: (200, {"results": []}))
    ticks(hubspot, None)
    return dict(ticks(hubspot, dict(ticks(hubspot, None)[-1].cursor))[-1].cursor)


def test_a_search_page_cut_short_by_the_vendor_is_not_the_last(vendor: Vendor, hubspot: HubSpot) -> None:
    """A short page whose total says that there is more is followed by the next one, beyond its last id."""
    cursor = idle(vendor, hubspot)

    def search(body: dict[str, Any]) -> Answer:
        last = int(body["filterGroups"][0]["filters"][2]["value"])
        left = [one for one in (3, 5, 9) if one > last]
        return 200, {"total": len(left), "results": [row(str(one)) for one in left[:1]]}

    vendor.on("/search", search)
    vendor.on(
        "/batch/read", lambda body: (200, {"results": [row(i["id"], email="a@example.com") for i in body["inputs"]]})
    )
    pages = ticks(hubspot, cursor)
    assert [one.ref.id for page in pages for one in page.records] == ["3", "5", "9"]


def test_a_search_that_does_not_move_on_is_no_endless_loop(vendor: Vendor, hubspot: HubSpot) -> None:
    """A vendor that repeats the same hits beyond their id raises Transient instead of asking for ever."""
    cursor = idle(vendor, hubspot)
    vendor.on("/search", lambda _: (200, {"total": 900, "results": [row("3")]}))
    vendor.on("/batch/read", lambda _: (200, {"results": [row("3", email="a@example.com")]}))
    with pytest.raises(Transient, match="does not move on"):
        ticks(hubspot, cursor)


@pytest.mark.parametrize(("seconds", "reads"), [(-1, 1), (0, 1), (0.001, 0), (5, 0)])
def test_a_settled_hit_is_read_unless_its_version_was_read_after_its_tick(
    vendor: Vendor, hubspot: HubSpot, seconds: float, reads: int
) -> None:
    """The same version read within its own millisecond may hide a second change; read after it, it cannot."""
    cursor = idle(vendor, hubspot)
    cursor |= {"settled": cursor["settled"] - 7_200_000, "settled_at": 0}
    vendor.on("/search", lambda _: (200, {"total": 1, "results": [row("3")]}))
    vendor.on("/batch/read", lambda _: (200, {"results": [row("3", email="a@example.com")]}))
    read_at = datetime.fromisoformat(MODIFIED) + timedelta(seconds=seconds)
    ticks(hubspot, cursor, {"3": Seen("2026-03-01T12:00:00Z", read_at)})
    assert len(vendor.calls("/batch/read")) == reads


@pytest.mark.parametrize(("version", "reads"), [("2026-03-01T12:00:00Z", 0), ("2026-03-01T11:59:59.999Z", 1)])
def test_the_fast_lane_reads_no_echo(vendor: Vendor, hubspot: HubSpot, version: str, reads: int) -> None:
    """What comes by in the very version that our write was answered with waits for the settled lane; news do not."""
    cursor = idle(vendor, hubspot)
    vendor.on("/search", lambda _: (200, {"total": 1, "results": [row("3")]}))
    vendor.on("/batch/read", lambda _: (200, {"results": [row("3", email="a@example.com")]}))
    ticks(hubspot, cursor, {"3": Seen(version, datetime.fromisoformat(MODIFIED) - timedelta(seconds=1))})
    assert len(vendor.calls("/batch/read")) == reads


def test_look_ups_that_hubspot_could_not_answer_are_not_empty(vendor: Vendor, hubspot: HubSpot) -> None:
    """An error of a look-up other than "not found" raises; not found is an empty answer."""
    said = {"results": [], "errors": [{"category": "INTERNAL", "message": "shard down", "context": {"ids": ["K"]}}]}
    vendor.on("/batch/read", lambda _: (207, said))
    with pytest.raises(Transient, match="shard down"):
        hubspot.find("contacts", [SyncKey("syncd_id", "K")], ["email"])
    said["errors"] = [{"category": "OBJECT_NOT_FOUND", "message": "none"}]
    assert hubspot.find("contacts", [SyncKey("syncd_id", "K")], ["email"]) == []


def test_a_sync_key_that_is_not_unique_is_searched(vendor: Vendor, hubspot: HubSpot) -> None:
    """Only unique properties can be read by; another field that holds our key is looked up in the index."""
    vendor.on("/search", lambda _: (200, {"total": 1, "results": [row("5")]}))
    vendor.on("/batch/read", each(lambda one: row(one["id"], lastname="K")))
    found = hubspot.find("contacts", [SyncKey("lastname", "K")], ["lastname"])
    assert [one.ref.id for one in found] == ["5"]
    assert all("idProperty" not in body for body in vendor.calls("/batch/read"))


def test_a_look_up_of_nothing_asks_nothing(vendor: Vendor, hubspot: HubSpot) -> None:
    """Keys without values cost no request beyond the schema."""
    assert hubspot.find("contacts", [MatchKey("e", ((("email",), ()),)), SyncKey("syncd_id", "")], ["email"]) == []
    assert [path for _, path, _ in vendor.asked] == ["/crm/properties/2026-03/contacts"]


def test_ids_that_cannot_be_hubspots_are_gone_without_a_question(vendor: Vendor, hubspot: HubSpot) -> None:
    """One bad id would refuse a whole batch, so it is answered here."""
    vendor.on(
        "/batch/read", lambda body: (200, {"results": [row(i["id"], email="a@example.com") for i in body["inputs"]]})
    )
    found = hubspot.read("contacts", ["abc", "12"], ["email"])
    assert isinstance(found["abc"], Gone)
    assert isinstance(found["12"], Record)
    assert [body["inputs"] for body in vendor.calls("/batch/read")] == [[{"id": "12"}]]


def test_one_failing_read_leaves_its_writes_for_later(vendor: Vendor, hubspot: HubSpot) -> None:
    """When the compare cannot be read nothing is written, and all that follows is left for later as well."""
    vendor.on("/batch/read", lambda _: (503, {"message": "down"}))
    operations = [
        Operation(id=f"u{n}", action=Action.UPDATE, ref=Ref("hs", "contacts", str(n)), fields={"lastname": "x"},
                  expect={"lastname": "y"})
        for n in range(1, 151)
    ]  # fmt: skip
    outcomes = write(hubspot, *operations)
    assert len(outcomes) == 150
    assert {one.result for one in outcomes.values()} == {Result.LATER}
    assert vendor.calls("/batch/update") == []


def archive(id: str, **expect: Value) -> Operation:
    return Operation(id=f"a{id}", action=Action.ARCHIVE, ref=Ref("hs", "contacts", id), fields={}, expect=expect)


def test_what_was_sent_is_told_before_what_needed_no_request(vendor: Vendor, hubspot: HubSpot) -> None:
    """Whoever stops listening after the first outcomes has heard of every archive and update that went out."""
    stored = {"1": "a", "2": "b"}
    vendor.on("/batch/archive", lambda _: (200, {"status": "COMPLETE"}))
    vendor.on(
        "/batch/read", lambda body: (200, {"results": [row(i["id"], lastname=stored[i["id"]]) for i in body["inputs"]]})
    )
    first, *rest = hubspot.write("contacts", [archive("1", lastname="a"), archive("2", lastname="a")])
    assert [(one.operation, one.result) for one in first] == [("a1", Result.WRITTEN)]
    assert [(one.operation, one.result) for batch in rest for one in batch] == [("a2", Result.STALE)]
    vendor.on("/batch/update", lambda _: (200, {"results": [row("2", lastname="new")]}))
    (first,) = hubspot.write("contacts", [update("1", lastname="a"), update("2", lastname="new")])
    assert {one.operation: one.result for one in first} == {"u1": Result.WRITTEN, "u2": Result.WRITTEN}
