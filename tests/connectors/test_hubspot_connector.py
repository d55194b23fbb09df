"""The HubSpot connector against the HubSpot sandbox: the contract of all connectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from syncd.core.model import MatchKey, Value
from syncd.kit.connector import Connector, SystemSettings, Timing
from syncd.kit.contract import (
    ArchiveContract,
    ConnectorContract,
    FilesContract,
    HistoryContract,
    SyncKeyContract,
    TombstoneContract,
    WebhookContract,
)
from syncd.kit.remote import Remote
from syncd_hubspot import HubSpot
from syncd_hubspot.sandbox import HubSpotSandbox
from syncd_hubspot.values import to_wire

KEY = {"name": "syncd_id", "label": "syncd id", "type": "string", "fieldType": "text", "hasUniqueValue": True}


def connect(url: str, timing: Timing, secret: str | None = None, **options: Any) -> HubSpot:
    """A connector whose own limits never wait."""
    fast = {"search_rate": "1000/1", **options}
    settings = SystemSettings(
        system="hubspot", secret=secret or "sandbox-token", base_url=url, rate="10000/10", timing=timing, options=fast
    )
    return HubSpot(settings)


class TestHubSpot(
    ConnectorContract,
    ArchiveContract,
    FilesContract,
    HistoryContract,
    SyncKeyContract,
    TombstoneContract,
    WebhookContract,
):
    """Contacts and deals."""

    kinds = ("contacts", "deals")
    also_sent = frozenset({"syncd_id"})
    terse = MappingProxyType({"custom_properties": "untold"})

    def make_sandbox(self) -> HubSpotSandbox:
        return HubSpotSandbox(seed=7, settings={"rate": "off"})

    def make_connector(self, url: str, timing: Timing, secret: str | None = None) -> HubSpot:
        return connect(url, timing, secret)

    def prepare(self, remote: Remote, connector: Connector) -> None:
        for kind in self.kinds:
            remote.act("property_create", kind, definition=KEY)
        connector.forget_schema()

    def sample_fields(self, kind: str, n: int) -> dict[str, Value]:
        if kind == "contacts":
            return {
                "email": f"zoe.nunez{n}@example.com",
                "firstname": "Zoë",
                "lastname": f"Nuñez {n}",
                "phone": f"(512) 555-{n:04d}",
                "message": f"Roof no. {n}",
            }
        return {
            "dealname": f"Roof {n}",
            "amount": 1250.5 + n,
            "dealstage": "qualifiedtobuy",
            "pipeline": "default",
            "roof_type": "Metal",
            "date_of_loss": "2026-03-01",
            "inspection_date": "2026-03-02T15:30:00Z",
            "close_note": f"Note {n}",
        }

    def edit(self, kind: str, n: int) -> dict[str, Value]:
        return {"message" if kind == "contacts" else "close_note": f"Edited {n}"}

    def refused(self, kind: str, n: int) -> dict[str, Value]:
        bad = {"lifecyclestage": "no such stage"} if kind == "contacts" else {"roof_type": "Paper"}
        return {**self.sample_fields(kind, n), **bad}

    def match_keys(self, kind: str, n: int) -> Sequence[MatchKey]:
        fields = self.sample_fields(kind, n)
        if kind == "deals":
            return [MatchKey("name", ((("dealname",), (f"roof {n}",)),))]
        return [
            MatchKey("email", ((("email",), (f"ZOE.NUNEZ{n}@example.com",)),)),
            MatchKey("phone", ((("phone", "mobilephone"), (f"+1512555{n:04d}",)),)),
            MatchKey("name", ((("firstname",), ("zoë",)), (("lastname",), (str(fields["lastname"]),)))),
        ]

    def sync_field(self, kind: str) -> str:
        return "syncd_id"

    def as_typed(self, kind: str, fields: Mapping[str, Value]) -> dict[str, Any]:
        moments = {"inspection_date": "2026-03-02T15:30:00.000Z"}
        typed = {name: to_wire(value) for name, value in fields.items()}
        return {**typed, **{name: wire for name, wire in moments.items() if name in typed}}
