"""The standard fields of JobNimbus contacts and jobs, as data.

What is not here: custom fields (`schema` finds them) and how a value travels (`values`).
Source: the union of the official samples and of schemas captured from real answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from syncd.core.model import FieldKind, FieldType, Loss

KINDS = ("contacts", "jobs")
"""The record types this connector speaks, in the words of the vendor's paths."""

ONE_SECOND = Loss(resolution=1.0)

CASELESS = Loss(caseless=True)
"""Status and workflow names differ in capitals between the vendor's own pages."""

_ADDRESS = "address_line1 address_line2 city state_text country_name zip"
_COUNTS = "recid record_type status source attachment_count task_count"
_NAMED = "number type customer created_by created_by_name sales_rep_name"
_TOTALS = (
    "approved_estimate_total approved_invoice_total approved_invoice_due last_estimate last_invoice "
    "last_budget_revenue last_budget_gross_profit last_budget_gross_margin"
)
_STAMPS = (
    "date_created date_updated date_status_change last_estimate_date_created last_estimate_date_estimate "
    "last_invoice_date_created last_invoice_date_invoice"
)
_PARENT = "parent_home_phone parent_mobile_phone parent_work_phone parent_fax_number"
_PARENT_TOTALS = (
    "parent_approved_estimate_total parent_approved_invoice_total parent_approved_invoice_due parent_last_estimate "
    "parent_last_invoice"
)

NOT_OFFERED = frozenset({"jnid", "geo", "related", "parent", "rules"})
"""Keys of a record that are no fields of a map: the id, nested things without a meaning for a CRM."""


def _each(names: str, kind: FieldKind, *, read_only: bool = False, calculated: bool = False) -> Iterator[FieldType]:
    loss = ONE_SECOND if kind is FieldKind.DATETIME else Loss()
    for name in names.split():
        yield FieldType(name=name, kind=kind, loss=loss, read_only=read_only, calculated=calculated)


def _shared() -> Iterator[FieldType]:
    """What contacts and jobs have in common."""
    yield from _each(f"{_ADDRESS} description external_id", FieldKind.TEXT)
    yield from _each(_NAMED, FieldKind.TEXT, read_only=True)
    yield from _each(_COUNTS, FieldKind.NUMBER, read_only=True)
    yield from _each("actual_time estimated_time", FieldKind.NUMBER)
    yield from _each(_TOTALS, FieldKind.NUMBER, read_only=True, calculated=True)
    yield from _each(_STAMPS, FieldKind.DATETIME, read_only=True)
    yield from _each("date_start date_end", FieldKind.DATETIME)
    yield from _each("is_active is_archived", FieldKind.BOOL, read_only=True)
    for name in ("record_type_name", "status_name", "source_name"):
        yield FieldType(name=name, kind=FieldKind.ENUM, loss=CASELESS)
    yield FieldType(name="location", kind=FieldKind.ENUM, open_options=True)
    yield FieldType(name="sales_rep", kind=FieldKind.USER)
    yield from _each("owners tags", FieldKind.MULTI)
    yield FieldType(name="subcontractors", kind=FieldKind.MULTI, read_only=True)


def _contacts() -> Iterator[FieldType]:
    yield from _shared()
    # Unique in the whole account; built from first and last name (or company) where it is not given.
    yield FieldType(name="display_name", kind=FieldKind.TEXT, unique=True)
    yield from _each("first_name last_name company email website", FieldKind.TEXT)
    yield from _each("home_phone mobile_phone work_phone fax_number", FieldKind.TEXT)
    yield from _each("is_sub_contractor disable_auto_text", FieldKind.BOOL)
    yield FieldType(name="is_user", kind=FieldKind.BOOL, read_only=True)


def _jobs(*, move_primary: bool) -> Iterator[FieldType]:
    yield from _shared()
    yield FieldType(name="name", kind=FieldKind.TEXT, unique=True, required=True)
    yield FieldType(name="primary", kind=FieldKind.REF, ref_kind="contacts", create_only=not move_primary)
    yield from _each(f"{_PARENT} all_day_start_date all_day_end_date", FieldKind.TEXT, read_only=True)
    yield from _each(_PARENT_TOTALS, FieldKind.NUMBER, read_only=True, calculated=True)
    yield FieldType(name="work_order_total", kind=FieldKind.NUMBER, read_only=True, calculated=True)
    yield FieldType(name="all_day", kind=FieldKind.BOOL)


def standard(kind: str, *, move_primary: bool = True) -> Mapping[str, FieldType]:
    """The standard fields of a kind by name, pick lists still empty. KeyError for a kind we do not speak."""
    made = {"contacts": _contacts(), "jobs": _jobs(move_primary=move_primary)}[kind]
    return MappingProxyType({field.name: field for field in made})
