"""The Salesforce connector against the Salesforce sandbox: the contract of all connectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncd.core.model import MatchKey, Value
from syncd.kit.connector import Connector, SystemSettings, Timing
from syncd.kit.contract import ArchiveContract, ConnectorContract, FilesContract, SyncKeyContract, TombstoneContract
from syncd.kit.remote import Remote
from syncd_salesforce import Salesforce
from syncd_salesforce.sandbox import SalesforceSandbox

KEY = "JobNimbus_Id__c"
REFUSED: Mapping[str, Mapping[str, Value]] = {
    "Lead": {"Email": "no address"},
    "Contact": {"Email": "no address"},
    "Account": {"Name": None},
    "Opportunity": {"CloseDate": None},
    "Roof_Job__c": {"Squares__c": 1e12},
}
MOMENTS = {"Inspection__c": "2026-03-02T15:30:00.000+0000"}


def connect(url: str, timing: Timing, secret: str | None = None, **options: Any) -> Salesforce:
    """A connector whose own limits never wait."""
    settings = SystemSettings(
        system="salesforce",
        secret=secret or "sandbox-consumer-secret",
        base_url=url,
        rate="10000/10",
        timing=timing,
        options={"client_id": "sandbox-consumer-key", **options},
    )
    return Salesforce(settings)


class TestSalesforce(ConnectorContract, ArchiveContract, FilesContract, SyncKeyContract, TombstoneContract):
    """Leads, contacts, accounts, opportunities, and an object that the org made itself."""

    kinds = ("Lead", "Contact", "Account", "Opportunity", "Roof_Job__c")
    also_sent = frozenset({KEY})
    missing_id = "00Q000000000001EAA"

    def make_sandbox(self) -> SalesforceSandbox:
        return SalesforceSandbox(seed=7, settings={"daily": 10_000_000})

    def make_connector(self, url: str, timing: Timing, secret: str | None = None) -> Connector:
        return connect(url, timing, secret, objects="Roof_Job__c")

    def prepare(self, remote: Remote, connector: Connector) -> None:
        connector.forget_schema()

    def sample_fields(self, kind: str, n: int) -> dict[str, Value]:
        if kind == "Lead":
            return {
                "LastName": f"Nuñez {n}",
                "FirstName": "Zoë",
                "Company": "Nuñez home",
                "Email": f"zoe.nunez{n}@example.com",
                "Phone": f"(512) 555-{n:04d}",
                "Description": f"Roof no. {n}",
                "Roof_Type__c": "Metal",
                "Damage__c": ("Hail", "Wind"),
                "Roof_Squares__c": 12.5 + n,
                "Date_of_Loss__c": "2026-03-01",
                "Inspection__c": "2026-03-02T15:30:00Z",
            }
        if kind == "Contact":
            return {
                "LastName": f"Nuñez {n}",
                "FirstName": "Zoë",
                "Email": f"zoe.nunez{n}@example.com",
                "Phone": f"(512) 555-{n:04d}",
                "MailingCity": "San José",
                "Description": f"Roof no. {n}",
            }
        if kind == "Account":
            return {"Name": f"Nuñez home {n}", "Phone": f"(512) 555-{n:04d}", "Description": f"Roof no. {n}"}
        if kind == "Roof_Job__c":
            return {
                "Name": f"Nuñez roof {n}",
                "Crew__c": f"Crew {n}",
                "Squares__c": 12.5 + n,
                "Stage__c": "Scheduled",
            }
        return {
            "Name": f"Roof {n}",
            "StageName": "Prospecting",
            "CloseDate": "2026-12-01",
            "Amount": 1250.5 + n,
            "Description": f"Note {n}",
        }

    def edit(self, kind: str, n: int) -> dict[str, Value]:
        return {"Crew__c" if kind == "Roof_Job__c" else "Description": f"Edited {n}"}

    def refused(self, kind: str, n: int) -> dict[str, Value]:
        return {**self.sample_fields(kind, n), **REFUSED[kind]}

    def match_keys(self, kind: str, n: int) -> Sequence[MatchKey]:
        if kind == "Opportunity":
            return [MatchKey("name", ((("Name",), (f"roof {n}",)),))]
        if kind == "Roof_Job__c":
            return [
                MatchKey("name", ((("Name",), (f"NUÑEZ roof {n}",)),)),
                MatchKey("crew", ((("Crew__c",), (f"crew {n}",)),)),
            ]
        if kind == "Account":
            return [MatchKey("phone", ((("Phone",), (f"+1512555{n:04d}",)),))]
        return [
            MatchKey("email", ((("Email",), (f"ZOE.NUNEZ{n}@example.com",)),)),
            MatchKey("phone", ((("Phone", "MobilePhone"), (f"+1512555{n:04d}",)),)),
            MatchKey("name", ((("FirstName",), ("zoë",)), (("LastName",), (f"Nuñez {n}",)))),
        ]

    def sync_field(self, kind: str) -> str:
        return KEY

    def as_typed(self, kind: str, fields: Mapping[str, Value]) -> dict[str, Any]:
        typed = {name: ";".join(value) if isinstance(value, tuple) else value for name, value in fields.items()}
        return {**typed, **{name: wire for name, wire in MOMENTS.items() if name in typed}}

    def id_of(self, row: Mapping[str, Any]) -> str:
        return str(row["Id"])

    def stored(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        return row

    def fields_sent(self, body: Any) -> set[str]:
        records = body.get("records", [body]) if isinstance(body, Mapping) else []
        return {name for record in records for name in record} - {"attributes", "id"}
