"""The JobNimbus connector keeps every promise of the connector protocol, against its sandbox over a real socket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from syncd.core.model import MatchKey, Value
from syncd.kit.connector import Connector, SystemSettings, Timing
from syncd.kit.contract import ArchiveContract, ConnectorContract, FilesContract, SyncKeyContract, WebhookContract
from syncd.kit.sandbox import Sandbox
from syncd_jobnimbus import JobNimbus
from syncd_jobnimbus.sandbox import JobNimbusSandbox

KEY = "sandboxkey0000001"

CUSTOM = "contacts.cf_string_1=CRM ID; contacts.cf_string_2=Preferred Contact; jobs.cf_string_3=Roof Type"
"""JobNimbus tells of custom fields only where a record carries them, and a new account has none."""


class TestJobNimbus(ConnectorContract, ArchiveContract, FilesContract, SyncKeyContract, WebhookContract):
    """Contacts and jobs."""

    kinds = ("contacts", "jobs")
    many = 1050  # more than a page
    missing_id = "nosuchjnid0"
    terse = MappingProxyType({"custom_fields_as": "none"})

    def make_sandbox(self) -> Sandbox:
        """The sandbox with its lagging index."""
        return JobNimbusSandbox(seed=3)

    def make_connector(self, url: str, timing: Timing, secret: str | None = None) -> Connector:
        """A connector that never waits for its own rate."""
        return JobNimbus(
            SystemSettings(
                system="jn",
                secret=secret or KEY,
                base_url=url,
                timezone="America/Chicago",
                rate="100000/1",
                timing=timing,
                options={"sync_key": True, "custom_fields": CUSTOM},
            )
        )

    def sample_fields(self, kind: str, n: int) -> dict[str, Value]:
        """A homeowner, or a roof to be made."""
        if kind == "contacts":
            return {
                "display_name": f"Zoë Nuñez {n}",
                "first_name": "Zoë",
                "email": f"zoe{n}@example.com",
                "mobile_phone": f"(555) 010-{n % 10000:04d}",
                "description": "storm of May",
                "cf_string_2": f"by phone {n}",
            }
        return {
            "name": f"Roof of Zoë {n}",
            "record_type_name": "Roofing",
            "status_name": "Lead",
            "description": "storm of May",
            "cf_string_3": f"Metal {n}",
        }

    def edit(self, kind: str, n: int) -> dict[str, Value]:
        """The description."""
        return {"description": f"called on day {n}"}

    def terse_edit(self, kind: str, n: int) -> dict[str, Value]:
        """A custom field."""
        return {"cf_string_2" if kind == "contacts" else "cf_string_3": f"by mail {n}"}

    def refused(self, kind: str, n: int) -> dict[str, Value]:
        """A status that no workflow has."""
        return {**self.sample_fields(kind, n), "status_name": "No Such Status"}

    def match_keys(self, kind: str, n: int) -> Sequence[MatchKey]:
        """By e-mail, by phone in another spelling, by name."""
        if kind == "jobs":
            return [MatchKey("name", ((("name",), (f"Roof of Zoë {n}",)),))]
        phones = ("home_phone", "mobile_phone", "work_phone")
        return [
            MatchKey("email", ((("email",), (f"zoe{n}@example.com",)),)),
            MatchKey("phone", ((phones, (f"+1555010{n % 10000:04d}",)),)),
            MatchKey("name", ((("display_name",), (f"Zoë Nuñez {n}",)),)),
        ]

    def sync_field(self, kind: str) -> str:
        """The custom field `CRM ID`."""
        return "cf_string_1" if kind == "contacts" else "cf_string_4"

    def id_of(self, row: Mapping[str, Any]) -> str:
        """The jnid."""
        return str(row["jnid"])
