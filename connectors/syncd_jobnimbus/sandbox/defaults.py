"""The account a new sandbox starts with: an invented roofing company.

What is not here: records; `seeding` makes those.
"""

from __future__ import annotations

import random

from syncd_jobnimbus.sandbox.account import Account, CustomField, Source, Status, User, Workflow, new_jnid

_USERS = (
    ("Dana", "Reyes", True),
    ("Sam", "Okafor", True),
    ("Kim", "Larsen", True),
    ("Pat", "Nguyen", True),
    ("Lee", "Moretti", False),
)
_SOURCES = ("Website", "Referral", "Door Knock", "Instant Quote")
_ACTIVITY_TYPES = {
    "Note": 1,
    "Phone Call": 2,
    "Email": 3,
    "Contact Created": 101,
    "Contact Modified": 102,
    "Contact Deleted": 103,
    "Job Created": 104,
    "Job Modified": 105,
    "Job Deleted": 106,
}


def default_account(chance: random.Random) -> Account:
    """Five people (one inactive), the workflows Customer, Roofing and Repair, four sources, nine custom fields."""
    return Account(
        id=new_jnid(chance),
        users=[
            User(new_jnid(chance), first, last, f"{first}.{last}@example.com".lower(), active)
            for first, last, active in _USERS
        ],
        workflows=_workflows(),
        sources=[Source(at, name) for at, name in enumerate(_SOURCES, start=1)],
        custom={"contacts": _contact_fields(), "jobs": _job_fields()},
        activity_types=dict(_ACTIVITY_TYPES),
    )


def _workflows() -> list[Workflow]:
    return [
        Workflow(1, "Customer", "contact", [Status(350, "Lead", is_lead=True), Status(351, "Active"),
                                            Status(352, "Inactive", is_archived=True)]),
        Workflow(2, "Roofing", "job", [
            Status(355, "Lead", is_lead=True),
            Status(356, "Appointment Scheduled", is_lead=True),
            Status(357, "Estimating", is_lead=True),
            Status(358, "Sold"),
            Status(359, "In Production"),
            Status(360, "Completed"),
            Status(361, "Paid & Closed", is_closed=True, is_archived=True),
            Status(362, "Lost", is_closed=True, is_archived=True),
        ]),
        Workflow(3, "Repair", "job", [Status(365, "Lead", is_lead=True), Status(366, "Scheduled"),
                                      Status(367, "Done", is_closed=True)]),
    ]  # fmt: skip


def _contact_fields() -> list[CustomField]:
    return [
        CustomField("cf_string_1", "CRM ID", "string"),
        CustomField("cf_string_2", "Preferred Contact", "string"),
    ]


def _job_fields() -> list[CustomField]:
    return [
        CustomField("cf_string_1", "Claim Number", "string"),
        CustomField("cf_string_2", "Insurance Carrier", "string"),
        CustomField("cf_string_3", "Roof Type", "dropdown", ["Asphalt Shingle", "Metal", "Tile", "Flat"]),
        CustomField("cf_string_4", "CRM ID", "string"),
        CustomField("cf_date_1", "Date of Loss", "date"),
        CustomField("cf_double_1", "Deductible", "double"),
        CustomField("cf_boolean_1", "Insurance Job", "boolean"),
    ]
