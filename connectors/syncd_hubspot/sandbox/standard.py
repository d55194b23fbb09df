"""What a fresh portal of a roofing company holds before its first record: properties, people, pipelines.

What is not here: records (`seeding`). The people and the portal are invented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from syncd_hubspot.sandbox.schema import Choice, Property

PORTAL_ID = 24_768_100
DEFAULT_APP_ID = "3141592"


@dataclass(frozen=True, slots=True)
class Kind:
    """One object type: its names, the names of its dates, what reads return unasked, what free text looks through."""

    name: str
    singular: str
    type_id: str
    modified: str
    defaults: tuple[str, ...]
    searchable: tuple[str, ...]
    group: str
    dead: tuple[str, ...] = ()
    engagement: bool = False

    @property
    def created(self) -> str:
        """The property that holds when a record was made."""
        return "hs_createdate" if self.engagement else "createdate"

    @property
    def scope(self) -> str:
        """The type whose scopes open this one: engagements have none of their own."""
        return "contacts" if self.engagement else self.name


KINDS: Mapping[str, Kind] = {
    "contacts": Kind(
        "contacts",
        "contact",
        "0-1",
        "lastmodifieddate",
        ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"),
        ("firstname", "lastname", "email", "phone", "company"),
        "contactinformation",
        ("hs_lastmodifieddate",),
    ),
    "companies": Kind(
        "companies",
        "company",
        "0-2",
        "hs_lastmodifieddate",
        ("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"),
        ("name", "domain", "phone"),
        "companyinformation",
    ),
    "deals": Kind(
        "deals",
        "deal",
        "0-3",
        "hs_lastmodifieddate",
        (
            "amount",
            "closedate",
            "createdate",
            "dealname",
            "dealstage",
            "hs_lastmodifieddate",
            "hs_object_id",
            "pipeline",
        ),
        ("dealname",),
        "dealinformation",
    ),
    "notes": Kind(
        "notes",
        "note",
        "0-46",
        "hs_lastmodifieddate",
        ("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
        ("hs_note_body",),
        "engagement",
        engagement=True,
    ),
}

_LIFECYCLE = (
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)
LIFECYCLE: tuple[str, ...] = _LIFECYCLE
"""Life-cycle stages, forward."""


def _choices(*pairs: str) -> tuple[Choice, ...]:
    return tuple(Choice(*(pair.split("=", 1) if "=" in pair else (pair, pair))) for pair in pairs)


def _text(name: str, label: str, field: str = "text", **more: Any) -> Property:
    return Property(name=name, label=label, field_type=field, **more)


def _made(name: str, label: str, kind: str = "string", field: str = "text", **more: Any) -> Property:
    """A property that HubSpot keeps itself: nobody writes it."""
    return Property(name=name, label=label, type=kind, field_type=field, read_only=True, **more)


def _select(name: str, label: str, *options: str, **more: Any) -> Property:
    return Property(name=name, label=label, type="enumeration", field_type="select", options=_choices(*options), **more)


_OWNER = Property(
    name="hubspot_owner_id",
    label="Owner",
    type="enumeration",
    field_type="select",
    external=True,
    references="OWNER",
)

_COMMON = (
    _made("hs_object_id", "Record ID", "number", "number"),
    _made("createdate", "Create Date", "datetime", "date"),
    _made("hs_object_source", "Record creation source"),
    _made("hs_object_source_id", "Record creation source ID"),
    _made("hs_object_source_label", "Record source"),
    _made("hs_updated_by_user_id", "Updated by user ID", "number", "number"),
    Property(
        name="hs_merged_object_ids",
        label="Merged record IDs",
        type="enumeration",
        field_type="checkbox",
        external=True,
        read_only=True,
    ),
    _OWNER,
)

_CONTACTS = (
    *_COMMON,
    _made("lastmodifieddate", "Last Modified Date", "datetime", "date"),
    _text("email", "Email"),
    _text("firstname", "First Name"),
    _text("lastname", "Last Name"),
    _text("phone", "Phone Number", "phonenumber"),
    _text("mobilephone", "Mobile Phone Number", "phonenumber"),
    _text("company", "Company Name"),
    _text("address", "Street Address"),
    _text("city", "City"),
    _text("state", "State/Region"),
    _text("zip", "Postal Code"),
    _text("country", "Country/Region"),
    _text("website", "Website URL"),
    _text("jobtitle", "Job Title"),
    _text("message", "Message", "textarea"),
    _select(
        "lifecyclestage",
        "Lifecycle Stage",
        "subscriber=Subscriber",
        "lead=Lead",
        "marketingqualifiedlead=Marketing Qualified Lead",
        "salesqualifiedlead=Sales Qualified Lead",
        "opportunity=Opportunity",
        "customer=Customer",
        "evangelist=Evangelist",
        "other=Other",
    ),
    _select(
        "hs_lead_status",
        "Lead Status",
        "NEW=New",
        "OPEN=Open",
        "IN_PROGRESS=In Progress",
        "OPEN_DEAL=Open Deal",
        "UNQUALIFIED=Unqualified",
        "ATTEMPTED_TO_CONTACT=Attempted to Contact",
        "CONNECTED=Connected",
        "BAD_TIMING=Bad Timing",
    ),
    Property(
        name="hs_additional_emails",
        label="Additional email addresses",
        type="enumeration",
        field_type="checkbox",
        external=True,
    ),
    _made("hs_calculated_phone_number", "Calculated Phone Number", calculated=True),
    _made("hs_calculated_mobile_number", "Calculated Mobile Number", calculated=True),
    _made("hs_searchable_calculated_phone_number", "Searchable Phone Number", calculated=True),
    _made("hs_searchable_calculated_mobile_number", "Searchable Mobile Number", calculated=True),
    _made("hs_calculated_merged_vids", "Merged vids with timestamps of a contact"),
    _made("hs_email_domain", "Email Domain", calculated=True),
    _made("num_associated_deals", "Number of Associated Deals", "number", "number", calculated=True),
    _made("associatedcompanyid", "Primary Associated Company ID", "number", "number", calculated=True),
    _select(
        "lead_source",
        "Lead source",
        "Website",
        "Referral",
        "Door Knock",
        "Instant Quote",
        "Phone Call",
        "Yard Sign",
        custom=True,
    ),
)

_COMPANIES = (
    *_COMMON,
    _made("hs_lastmodifieddate", "Last Modified Date", "datetime", "date"),
    _text("name", "Company name"),
    _text("domain", "Company Domain Name"),
    _text("phone", "Phone Number", "phonenumber"),
    _text("address", "Street Address"),
    _text("city", "City"),
    _text("state", "State/Region"),
    _text("zip", "Postal Code"),
)


def _listed(name: str, label: str) -> Property:
    """A property whose options live in the pipelines: HubSpot shows an empty option list."""
    return Property(name=name, label=label, type="enumeration", field_type="select", external=True)


_DEALS = (
    *_COMMON,
    _made("hs_lastmodifieddate", "Last Modified Date", "datetime", "date"),
    _text("dealname", "Deal Name"),
    Property(name="amount", label="Amount", type="number", field_type="number"),
    Property(name="closedate", label="Close Date", type="datetime", field_type="date"),
    _text("description", "Deal Description", "textarea"),
    _listed("dealstage", "Deal Stage"),
    _listed("pipeline", "Pipeline"),
    _select("dealtype", "Deal Type", "newbusiness=New Business", "existingbusiness=Existing Business"),
    _select("hs_priority", "Priority", "low=Low", "medium=Medium", "high=High"),
    _made("hs_is_closed", "Is Deal Closed?", "bool", "booleancheckbox", calculated=True),
    _made("hs_is_closed_won", "Is Closed Won", "bool", "booleancheckbox", calculated=True),
    _made("num_associated_contacts", "Number of Associated Contacts", "number", "number", calculated=True),
    _select("roof_type", "Roof Type", "Asphalt Shingle", "Metal", "Tile", "Flat", custom=True),
    _text("job_address", "Job address", custom=True),
    _text("insurance_carrier", "Insurance carrier", custom=True),
    _text("claim_number", "Claim number", custom=True),
    Property(name="date_of_loss", label="Date of loss", type="date", field_type="date", custom=True),
    Property(name="inspection_date", label="Inspection date", type="datetime", field_type="date", custom=True),
    Property(name="approved_total", label="Approved total", type="number", field_type="number", custom=True),
    _text("job_status", "Job status", custom=True),
    _text("job_number", "Job number", custom=True),
    _text("close_note", "Close note", "textarea", custom=True),
    _text("sync_state", "Sync state", custom=True),
)

_NOTES = (
    *(each for each in _COMMON if each.name != "createdate"),
    _made("hs_createdate", "Create date", "datetime", "date"),
    _made("hs_lastmodifieddate", "Last Modified Date", "datetime", "date"),
    Property(name="hs_timestamp", label="Activity date", type="datetime", field_type="date"),
    _text("hs_note_body", "Note body", "textarea"),
    _text("hs_attachment_ids", "Attached file IDs"),
)

PROPERTIES: Mapping[str, tuple[Property, ...]] = {
    "contacts": _CONTACTS,
    "companies": _COMPANIES,
    "deals": _DEALS,
    "notes": _NOTES,
}

OWNERS: tuple[tuple[int, int, str, str, str], ...] = (
    (74100101, 60200101, "Dana", "Reyes", "dana.reyes@example.com"),
    (74100102, 60200102, "Sam", "Okafor", "sam.okafor@example.com"),
    (74100103, 60200103, "Kim", "Larsen", "kim.larsen@example.com"),
    (74100104, 60200104, "Pat", "Nguyen", "pat.nguyen@example.com"),
    (74100105, 60200105, "Lee", "Moretti", "lee.moretti@example.com"),
)
"""Owner id, user id, first name, last name, e-mail."""

PIPELINES: tuple[tuple[str, str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "default",
        "Sales Pipeline",
        (
            ("appointmentscheduled", "Appointment Scheduled", "0.2"),
            ("qualifiedtobuy", "Qualified To Buy", "0.4"),
            ("presentationscheduled", "Presentation Scheduled", "0.6"),
            ("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
            ("contractsent", "Contract Sent", "0.9"),
            ("closedwon", "Closed Won", "1.0"),
            ("closedlost", "Closed Lost", "0.0"),
        ),
    ),
    (
        "88112233",
        "Insurance Claims",
        (
            ("171230001", "Claim Filed", "0.2"),
            ("171230002", "Adjuster Meeting", "0.5"),
            ("171230003", "Approved", "1.0"),
            ("171230004", "Denied", "0.0"),
        ),
    ),
)
"""Pipeline id, label, stages as (id, label, probability); probability 1.0 and 0.0 are closed."""
