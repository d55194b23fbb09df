"""What a vendor hides all at once, over real HTTP: not one write, one state in plain words, and on by itself after it.

Access to most records, lists that answer with nothing, custom fields that are told no more, a kind that is forbidden,
and the first reading of an account in the middle of it. What is not here: each decision (`tests/engine`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.plan_mode.conftest import KINDS, Office
from tests.plan_mode.watch import CUSTOM, DAY, HOUR, Watch, customers, twins, watching

MANY = 60
OPEN: Mapping[str, Mapping[str, Any]] = {
    "hubspot": {"empty": [], "custom_properties": "shown"},
    "jobnimbus": {"empty": [], "custom_fields_as": "both"},
}
"""The switches as they are when nothing is lost."""


@pytest.fixture
def watch(office: Office) -> Iterator[Watch]:
    """Sixty leads with a deal each, linked with a customer and a job; requests are counted from here."""
    office.config('mode = "plan"', 'mode = "live"')
    office.config("[pairs.sales]", f'custom_fields = "{CUSTOM}"\n\n[pairs.sales]')
    hour = datetime.now(ZoneInfo("America/Chicago")).hour
    office.config("[timing]", f'[audit]\nnights = 1\nat = "{hour:02}:00"\n\n[timing]\nfresh = "1s"')
    customers(office, MANY)
    with watching(office) as made:
        made.rounds(4)
        assert len(twins(made, "contacts")) == len(twins(made, "work")) == MANY
        made.round(HOUR)
        made.round()
        assert made.paused() == {}
        office.begin()
        yield made


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What is lost at which system, and the sentence that says so. `later`: edits come after the lookout's turn.

    `custom`: meanwhile people edit only custom fields; others may travel until it is noticed.
    """

    system: str
    words: Sequence[str]
    hide: Mapping[str, float] = field(default_factory=dict)
    switches: Mapping[str, Any] = field(default_factory=dict)
    key: Mapping[str, Any] | None = None
    later: bool = False
    custom: bool = False

    def begin(self, office: Office) -> set[str] | None:
        """Take it away; the ids that are hidden, None where it is not about single records."""
        vendor = office.vendors[self.system]
        if self.switches:
            vendor.settings(**self.switches)
        if self.key is not None:
            vendor.act(**self.key)
        hidden = [vendor.act("hide", kind, share=share)["ids"] for kind, share in self.hide.items()]
        return {id_ for ids in hidden for id_ in ids} if hidden else None

    def end(self, office: Office) -> None:
        """Give it back."""
        vendor = office.vendors[self.system]
        vendor.settings(**OPEN[self.system])
        vendor.act("show", "contacts")
        if self.key is not None:
            back = {"token": "sandbox-token"} if self.system == "hubspot" else {"profile": "full"}
            vendor.act("key" if self.system == "jobnimbus" else "token", **back)


FORBIDDEN = {
    "hubspot": ["crm.objects.contacts.read", "crm.objects.contacts.write", "crm.schemas.contacts.read",
                "crm.schemas.deals.read", "crm.objects.owners.read"],
}  # fmt: skip

LOSSES = {
    "hubspot contacts": Loss(
        system="hubspot", hide={"contacts": 0.9}, words=["hubspot does not show", "contacts", "missing permission"]
    ),
    "hubspot contacts, in no batch": Loss(
        system="hubspot", hide={"contacts": 0.9}, switches={"hidden_read": 403, "hidden_in_batch": "omitted"},
        words=["hubspot"],
    ),
    "hubspot deals": Loss(
        system="hubspot", hide={"deals": 0.9}, words=["hubspot does not show", "deals", "missing permission"]
    ),
    "jobnimbus contacts": Loss(
        system="jobnimbus", hide={"contacts": 0.9}, words=["jobnimbus does not show", "contacts", "missing permission"]
    ),
    "jobnimbus contacts, 404": Loss(
        system="jobnimbus", hide={"contacts": 0.9}, switches={"hidden_get_status": 404},
        words=["jobnimbus does not show", "contacts", "missing permission"],
    ),
    "jobnimbus jobs": Loss(
        system="jobnimbus", hide={"jobs": 0.9}, words=["jobnimbus does not show", "jobs", "missing permission"]
    ),
    "hubspot empty": Loss(
        system="hubspot", switches={"empty": ["lists", "searches"]}, later=True,
        words=["hubspot answers the list of", "with nothing", "missing permission"],
    ),
    "jobnimbus empty": Loss(
        system="jobnimbus", switches={"empty": ["lists"]}, later=True,
        words=["jobnimbus answers the list of", "with nothing", "missing permission"],
    ),
    "hubspot custom fields untold": Loss(
        system="hubspot", switches={"custom_properties": "untold"}, custom=True,
        words=["hubspot tells none of its custom fields of"]
    ),
    "hubspot custom fields gone": Loss(
        system="hubspot", switches={"custom_properties": "gone"}, custom=True,
        words=["hubspot tells none of its custom fields of"]
    ),
    "jobnimbus custom fields": Loss(
        system="jobnimbus", switches={"custom_fields_as": "none"}, custom=True,
        words=["jobnimbus tells none of its custom fields of jobs"],
    ),
    "hubspot deals forbidden": Loss(
        system="hubspot", key={"do": "token", "token": "sandbox-token", "scopes": FORBIDDEN["hubspot"]},
        words=["crm.objects.deals.read"],
    ),
    "jobnimbus jobs forbidden": Loss(
        system="jobnimbus", key={"do": "key", "profile": "no-jobs"}, words=["access profile"]
    ),
}  # fmt: skip


def edits(
    watch: Watch, system: str, tag: str, only: set[str] | None = None, *, custom: bool = False, every: int = 4
) -> None:
    """People edit the twins of some records that `system` has (of these), on the other side; or only custom fields."""
    office = watch.office
    for kind, pairs in (("contacts", twins(watch, "contacts")), ("work", twins(watch, "work"))):
        for n, (left, right) in enumerate(sorted(pairs.items())):
            if n % every or (custom and kind == "contacts") or (only is not None and not only & {left, right}):
                continue
            if system == "jobnimbus":
                fields = {"city": f"Peoria {tag}"} if kind == "contacts" else {
                    **({} if custom else {"dealname": f"Roof {tag} {n}"}),
                    "roof_type": "Tile", "claim_number": f"{tag}{n}",
                }  # fmt: skip
                office.edit("hubspot", "contacts" if kind == "contacts" else "deals", left, **fields)
            else:
                fields = {"city": f"Peoria {tag}"} if kind == "contacts" else {
                    "Insurance Carrier": f"Mutual {tag} {n}", "Claim Number": f"{tag}{n}",
                }  # fmt: skip
                office.edit("jobnimbus", "contacts" if kind == "contacts" else "jobs", right, **fields)


def arrived(watch: Watch) -> None:
    """Both sides hold the same in the fields that people typed in."""
    records, wrong = watch.office.records(), []
    for left, right in twins(watch, "contacts").items():
        one, other = records[f"hubspot:contacts:{left}"]["properties"], records[f"jobnimbus:contacts:{right}"]
        wrong += (
            [(left, one.get("city"), other["city"])] if (one.get("city") or None) != (other["city"] or None) else []
        )
    for left, right in twins(watch, "work").items():
        one, other = records[f"hubspot:deals:{left}"]["properties"], records[f"jobnimbus:jobs:{right}"]
        for ours, theirs in (
            ("dealname", "name"),
            ("claim_number", "cf_string_1"),
            ("insurance_carrier", "cf_string_2"),
            ("roof_type", "cf_string_3"),
        ):
            if (one.get(ours) or None) != (other[theirs] or None):
                wrong.append((left, one.get(ours), other[theirs]))
    assert wrong == []


def census(office: Office) -> dict[str, int]:
    """How many records each kind has."""
    return {f"{system}:{kind}": len(office.vendors[system].records(kind)) for system, kinds in KINDS.items()
            for kind in kinds}  # fmt: skip


@pytest.mark.parametrize("every", [3, 12], ids=["many edits", "few edits"])
@pytest.mark.parametrize("name", LOSSES)
def test_what_is_lost_pauses_one_system_and_nothing_is_written(watch: Watch, name: str, every: int) -> None:
    """People edit the other side meanwhile, a day passes with its audit: no write, no link closed, one sentence."""
    loss, office = LOSSES[name], watch.office
    before, links = census(office), {kind: twins(watch, kind) for kind in ("contacts", "work")}
    hidden = loss.begin(office)
    if loss.later:
        watch.round(HOUR)
    edits(watch, loss.system, "a", hidden, custom=loss.custom, every=every)
    watch.rounds(3)
    watch.round(HOUR)
    paused = watch.paused()
    assert list(paused) == [loss.system], watch.told()
    assert all(words in paused[loss.system] for words in loss.words), paused
    edits(watch, loss.system, "b")
    watch.rounds(2, HOUR)
    watch.round(DAY)
    watch.round()
    assert list(watch.paused()) == list(paused)
    assert [(one["method"], one["path"], one["body"]) for one in office.writes()] == []
    assert {kind: twins(watch, kind) for kind in ("contacts", "work")} == links
    loss.end(office)
    watch.rounds(4)
    watch.round(HOUR)
    watch.rounds(2)
    assert watch.paused() == {}, watch.told()
    assert office.ask("parked") == []
    assert office.ask("conflicts", "list") == []
    assert {kind: twins(watch, kind) for kind in ("contacts", "work")} == links
    assert census(office) == before
    arrived(watch)
