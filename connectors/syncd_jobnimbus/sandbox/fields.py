"""The standard fields of contacts, jobs, activities and files: what each holds and who may write it.

What is not here: custom fields (`account`), and the rules of a write (`rules`). The lists are those of real answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Holds(StrEnum):
    """What a standard field holds. COMPUTED is the vendor's own; a person may change it only by way of other pages."""

    TEXT = "text"
    NUMBER = "number"
    BOOL = "bool"
    DATE = "date"
    TAGS = "tags"
    USERS = "users"
    NAMED = "named"
    PRIMARY = "primary"
    LOCATION = "location"
    COMPUTED = "computed"


def _all(holds: Holds, names: str) -> dict[str, Holds]:
    return dict.fromkeys(names.split(), holds)


_SHARED = {
    **_all(
        Holds.TEXT,
        "description address_line1 address_line2 city state_text country_name zip external_id number",
    ),
    **_all(Holds.DATE, "date_start date_end"),
    **_all(Holds.NUMBER, "actual_time estimated_time"),
    **_all(Holds.BOOL, "is_active is_archived"),
    **_all(Holds.TAGS, "tags"),
    **_all(Holds.USERS, "owners subcontractors"),
    **_all(Holds.LOCATION, "location"),
    **_all(
        Holds.NAMED,
        "record_type record_type_name status status_name source source_name sales_rep sales_rep_name",
    ),
    **_all(
        Holds.COMPUTED,
        "jnid type customer created_by created_by_name recid date_created date_updated date_status_change geo"
        " last_estimate_date_created last_estimate_date_estimate last_invoice_date_created"
        " last_invoice_date_invoice attachment_count task_count approved_estimate_total approved_invoice_total"
        " approved_invoice_due last_estimate last_invoice last_budget_revenue last_budget_gross_profit"
        " last_budget_gross_margin",
    ),
}

CONTACT: Mapping[str, Holds] = {
    **_SHARED,
    **_all(
        Holds.TEXT,
        "display_name first_name last_name company email home_phone mobile_phone work_phone fax_number website",
    ),
    **_all(Holds.BOOL, "is_sub_contractor disable_auto_text"),
    **_all(Holds.COMPUTED, "is_user"),
}
"""Contacts; `is_user` marks a team member."""

JOB: Mapping[str, Holds] = {
    **_SHARED,
    **_all(Holds.TEXT, "name all_day_start_date all_day_end_date"),
    **_all(Holds.BOOL, "all_day"),
    **_all(Holds.PRIMARY, "primary"),
    **_all(
        Holds.COMPUTED,
        "related work_order_total parent_home_phone parent_mobile_phone parent_work_phone parent_fax_number"
        " parent_approved_estimate_total parent_approved_invoice_total parent_approved_invoice_due"
        " parent_last_estimate parent_last_invoice",
    ),
}
"""Jobs; `parent_*` are copies from the primary contact."""

ACTIVITY: Mapping[str, Holds] = {
    **_all(Holds.TEXT, "note"),
    **_all(Holds.NAMED, "record_type record_type_name"),
    **_all(Holds.PRIMARY, "primary"),
    **_all(
        Holds.COMPUTED,
        "jnid type customer location is_active is_status_change owners related created_by created_by_name"
        " date_created date_updated is_archived is_editable sales_rep sales_rep_name source",
    ),
}
"""Activities: notes by people and the vendor's own entries."""

FILE: Mapping[str, Holds] = {
    **_all(Holds.TEXT, "filename content_type description md5"),
    **_all(Holds.NUMBER, "size"),
    **_all(Holds.NAMED, "record_type record_type_name"),
    **_all(Holds.BOOL, "is_active is_archived is_private"),
    **_all(
        Holds.COMPUTED,
        "jnid type customer date_created date_updated date_file_created related primary owners sales_rep created_by"
        " created_by_name",
    ),
}
"""Files, without what is in them."""

STANDARD: Mapping[str, Mapping[str, Holds]] = {
    "contacts": CONTACT, "jobs": JOB, "activities": ACTIVITY, "files": FILE,
}  # fmt: skip
"""The fields of each kind."""

TITLE = {"contacts": "display_name", "jobs": "name"}
"""The field that must be unique in the account."""

WORD = {"contacts": "Contact", "jobs": "Job"}
"""The vendor's word for one record, as in "Job Modified" and "Duplicate contact exists"."""

PHONES = ("home_phone", "mobile_phone", "work_phone", "fax_number")
"""The phone fields that jobs repeat as `parent_*`."""


def _blank(kind: str) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(STANDARD[kind])
    for name, holds in STANDARD[kind].items():
        if holds is Holds.DATE:
            row[name] = 0
        elif holds is Holds.BOOL:
            row[name] = False
        elif holds in (Holds.TAGS, Holds.USERS):
            row[name] = []
    if kind in TITLE:
        row.update(geo={"lat": 0, "lon": 0}, task_count=0, attachment_count=0)
    if kind == "contacts":
        row["is_user"] = False
    else:
        row["related"] = []
    return row


_BLANK = {kind: _blank(kind) for kind in STANDARD}


def blank(kind: str) -> dict[str, Any]:
    """A record without values: null, 0 for the dates, false for the flags, empty lists, as the vendor answers."""
    return dict(_BLANK[kind])
