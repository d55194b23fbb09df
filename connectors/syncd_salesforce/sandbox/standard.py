"""What every org of the sandbox begins with: objects with their fields, some of them made by the roofing company. Data.

What is not here: rows (`furniture`), and what the fields mean to writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from syncd_salesforce.sandbox.fields import (
    Field,
    address,
    flag,
    make,
    must,
    number,
    pick,
    ref,
    shown,
    text,
)

LEAD_STATUSES = ("Open - Not Contacted", "Working - Contacted", "Closed - Converted", "Closed - Not Converted")
STAGES: tuple[tuple[str, int, str, bool, bool], ...] = (
    ("Prospecting", 10, "Pipeline", False, False),
    ("Qualification", 10, "Pipeline", False, False),
    ("Needs Analysis", 20, "Pipeline", False, False),
    ("Proposal/Price Quote", 75, "BestCase", False, False),
    ("Negotiation/Review", 90, "Forecast", False, False),
    ("Closed Won", 100, "Closed", True, True),
    ("Closed Lost", 0, "Omitted", True, False),
)
"""Name, probability, forecast category, closed, won."""

SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other", "Referral", "Door Knock")
ROOFS = ("Asphalt Shingle", "Metal", "Tile", "Flat")
ROOF_JOB = "Roof_Job__c"
"""The object that the roofing company made itself."""

_LINKED = ("Account", "Contact", "Lead", "Opportunity", ROOF_JOB, "User")
_SALUTATIONS = ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof.", "Mx.")
_ROLES = ("Business User", "Decision Maker", "Economic Buyer", "Executive Sponsor", "Influencer", "Other")

_PREFIXED = (
    *(
        ("Account", "001"),
        ("Contact", "003"),
        ("User", "005"),
        ("Opportunity", "006"),
        ("Lead", "00Q"),
        ("Task", "00T"),
    ),
    *(("Event", "00U"), ("Note", "002"), ("OpportunityContactRole", "00K"), ("Group", "00G"), ("RecordType", "012")),
    *(("LeadStatus", "01J"), ("OpportunityStage", "01J"), ("Organization", "00D"), ("ContentVersion", "068")),
    *(("ContentDocument", "069"), ("ContentDocumentLink", "06A"), (ROOF_JOB, "a00")),
)
PREFIXES: Mapping[str, str] = dict(_PREFIXED)


def system(*, audited: bool = True, deletable: bool = True) -> list[Field]:
    """The fields that Salesforce keeps itself."""
    people = [ref(name, "User", nillable=False, defaulted=True) for name in ("CreatedById", "LastModifiedById")]
    times = ("CreatedDate", "LastModifiedDate", "SystemModstamp") if audited else ("SystemModstamp",)
    found = [make("Id", "id", length=18, nillable=False, defaulted=True, label="Record ID")]
    found += [flag("IsDeleted", label="Deleted")] if deletable else []
    found += [make(name, "datetime", nillable=False, defaulted=True) for name in times]
    return [shown(each) for each in [*found, *(people if audited else [])]]


def person(length: int = 80) -> list[Field]:
    """A person's names."""
    return [
        must("LastName", length), text("FirstName", 40), pick("Salutation", _SALUTATIONS, length=40),
        shown(text("Name", 121, label="Full Name", nillable=False)),
    ]  # fmt: skip


def owner(*types: str) -> list[Field]:
    """Who owns a record, its record type, and when something was last done about it."""
    found = ref("OwnerId", *(types or ("User",)), nillable=False, defaulted=True)
    return [found, ref("RecordTypeId", "RecordType"), shown(make("LastActivityDate", "date"))]


def phone(*names: str) -> list[Field]:
    """Telephone numbers."""
    return [make(name, "phone", length=40) for name in names]


def number_of_the_other() -> Field:
    """The key that a sync leaves on a record."""
    return text("JobNimbus_Id__c", 64, label="JobNimbus Id", external_id=True, unique=True)


def email(name: str = "Email") -> Field:
    """An e-mail address."""
    return make(name, "email", length=80, id_lookup=name == "Email")


def _lead() -> list[Field]:
    converted = [ref(f"Converted{name}Id", name) for name in ("Account", "Contact", "Opportunity")]
    return [
        *system(), shown(ref("MasterRecordId", "Lead")), *person(), must("Company"), text("Title", 128),
        *address(""), *phone("Phone", "MobilePhone", "Fax"), email(), make("Website", "url", length=255),
        make("Description", "textarea", length=32000), pick("LeadSource", SOURCES),
        pick("Status", LEAD_STATUSES, LEAD_STATUSES[0], nillable=False), pick("Industry", ("Construction", "Other")),
        pick("Rating", ("Hot", "Warm", "Cold")), number("AnnualRevenue", 18, 0, "currency"),
        make("NumberOfEmployees", "int"), *owner("Group", "User"), flag("HasOptedOutOfEmail"), flag("DoNotCall"),
        shown(flag("IsConverted")), shown(make("ConvertedDate", "date")), *map(shown, converted),
        shown(make("EmailBouncedDate", "datetime")), number_of_the_other(),
        pick("Roof_Type__c", ROOFS, restricted=True), pick("Damage__c", ("Hail", "Wind", "Leak"), type="multipicklist"),
        text("Insurance_Carrier__c", 120), make("Date_of_Loss__c", "date"),
        make("Inspection__c", "datetime"), make("Arrival__c", "time"), number("Roof_Squares__c", 8, 1),
        text("Job_Status__c", 80),
    ]  # fmt: skip


def _contact() -> list[Field]:
    return [
        *system(), shown(ref("MasterRecordId", "Contact")), ref("AccountId", "Account"), *person(), text("Title", 128),
        *address("Mailing"), *address("Other"), *phone("Phone", "MobilePhone", "HomePhone", "OtherPhone", "Fax"),
        email(), text("Department", 80), make("Birthdate", "date"), make("Description", "textarea", length=32000),
        pick("LeadSource", SOURCES), ref("ReportsToId", "Contact"), *owner(), flag("HasOptedOutOfEmail"),
        flag("DoNotCall"), shown(make("EmailBouncedDate", "datetime")), number_of_the_other(),
        text("Account_Name__c", 255, formula="Account.Name"),
    ]  # fmt: skip


def _account() -> list[Field]:
    return [
        *system(), shown(ref("MasterRecordId", "Account")), must("Name", label="Account Name"),
        pick("Type", ("Prospect", "Customer - Direct", "Other")), ref("ParentId", "Account"), *address("Billing"),
        *address("Shipping"), *phone("Phone", "Fax"), make("Website", "url", length=255),
        pick("Industry", ("Construction", "Other")), number("AnnualRevenue", 18, 0, "currency"),
        make("NumberOfEmployees", "int"), make("Description", "textarea", length=32000), *owner(),
        number_of_the_other(),
    ]  # fmt: skip


def _opportunity() -> list[Field]:
    categories = ("Omitted", "Pipeline", "BestCase", "Forecast", "Closed")
    return [
        *system(), ref("AccountId", "Account"), shown(ref("ContactId", "Contact")), must("Name", 120),
        make("Description", "textarea", length=32000), pick("StageName", [row[0] for row in STAGES], nillable=False),
        number("Amount", 18, 2, "currency"), number("Probability", 3, 0, "percent", label="Probability (%)"),
        shown(number("ExpectedRevenue", 18, 2, "currency")), make("CloseDate", "date", nillable=False),
        pick("Type", ("Existing Business", "New Business")), text("NextStep"), pick("LeadSource", SOURCES),
        shown(flag("IsClosed")), shown(flag("IsWon")), shown(pick("ForecastCategory", categories, nillable=False)),
        pick("ForecastCategoryName", categories), *owner(), number_of_the_other(),
        pick("Roof_Type__c", ROOFS, restricted=True), text("Insurance_Carrier__c", 120), text("Claim_Number__c", 60),
        make("Date_of_Loss__c", "date"), make("Inspection__c", "datetime"), text("Job_Status__c", 80),
        text("Job_Number__c", 40), text("Job_Address__c"), text("Sync_State__c", 80),
    ]  # fmt: skip


def _task() -> list[Field]:
    return [
        *system(), ref("WhoId", "Contact", "Lead"), ref("WhatId", "Account", "Opportunity", ROOF_JOB),
        make("Subject", "combobox", length=255), make("ActivityDate", "date"),
        pick("Status", ("Not Started", "In Progress", "Completed"), "Not Started", nillable=False),
        pick("Priority", ("High", "Normal", "Low"), "Normal", nillable=False),
        make("Description", "textarea", length=32000), shown(flag("IsClosed")), shown(flag("IsArchived")), owner()[0],
        pick("Type", ("Call", "Meeting", "Other")),
    ]  # fmt: skip


def _event() -> list[Field]:
    return [
        *system(), ref("WhoId", "Contact", "Lead"), ref("WhatId", "Account", "Opportunity", ROOF_JOB),
        make("Subject", "combobox", length=255), text("Location"), flag("IsAllDayEvent"),
        make("ActivityDate", "date"), make("ActivityDateTime", "datetime"), make("StartDateTime", "datetime"),
        make("EndDateTime", "datetime"), make("DurationInMinutes", "int"),
        make("Description", "textarea", length=32000), shown(flag("IsArchived")), owner()[0],
    ]  # fmt: skip


def _note() -> list[Field]:
    parent = ref("ParentId", "Account", "Contact", "Lead", "Opportunity", nillable=False, updateable=False)
    return [*system(), parent, must("Title", 80), make("Body", "textarea", length=32000), flag("IsPrivate"), owner()[0]]


def _version() -> list[Field]:
    where = ref("FirstPublishLocationId", *_LINKED, updateable=False)
    told = [text("VersionNumber", 20), text("Checksum", 50), text("FileExtension", 40), make("ContentSize", "int")]
    return [
        *system(), ref("ContentDocumentId", "ContentDocument", updateable=False), flag("IsLatest"),
        text("Title"), text("PathOnClient", 500, updateable=False), make("VersionData", "base64", filterable=False),
        where, make("Description", "textarea", length=1000), *map(shown, told), owner()[0],
    ]  # fmt: skip


def _document() -> list[Field]:
    version = shown(ref("LatestPublishedVersionId", "ContentVersion"))
    told = [text("FileExtension", 40), make("ContentSize", "int")]
    return [*system(), text("Title"), version, *map(shown, told), owner()[0]]


def _document_link() -> list[Field]:
    ends = ref("ContentDocumentId", "ContentDocument", nillable=False), ref("LinkedEntityId", *_LINKED, nillable=False)
    return [
        make("Id", "id", length=18, nillable=False, defaulted=True, createable=False, updateable=False),
        *system(audited=False)[1:], *ends, pick("ShareType", ("V", "C", "I"), "V"),
        pick("Visibility", ("AllUsers", "InternalUsers"), "AllUsers"),
    ]  # fmt: skip


def _user() -> list[Field]:
    return [
        *system(deletable=False), must("Username", 80), *person(), make("Email", "email", length=128, nillable=False),
        flag("IsActive"), text("Alias", 8), pick("UserType", ("Standard", "CloudIntegrationUser"), "Standard"),
        text("Title", 80), text("TimeZoneSidKey", 40),
    ]  # fmt: skip


def _role() -> list[Field]:
    once = ref("ContactId", "Contact", nillable=False, updateable=False)
    return [
        *system(), ref("OpportunityId", "Opportunity", nillable=False, updateable=False), once,
        pick("Role", _ROLES), flag("IsPrimary"),
    ]  # fmt: skip


def _roof_job() -> list[Field]:
    return [
        *system(), must("Name", 80, label="Roof Job Name"), ref("Opportunity__c", "Opportunity"),
        owner("Group", "User")[0], number_of_the_other(), text("Crew__c", 80), number("Squares__c", 8, 1),
        pick("Stage__c", ("Scheduled", "Installed", "Inspected"), restricted=True),
    ]  # fmt: skip


def _list_entry() -> list[Field]:
    return [*system(deletable=False), text("MasterLabel"), text("ApiName"), make("SortOrder", "int")]


def objects() -> dict[str, Sequence[Field]]:
    """Every object's fields, made anew: admins change them while the sandbox runs."""
    forecast = [pick("ForecastCategory", ()), pick("ForecastCategoryName", ())]
    return {
        "Lead": _lead(),
        "Contact": _contact(),
        "Account": _account(),
        "Opportunity": _opportunity(),
        "OpportunityContactRole": _role(),
        ROOF_JOB: _roof_job(),
        "Task": _task(),
        "Event": _event(),
        "Note": _note(),
        "ContentVersion": _version(),
        "ContentDocument": _document(),
        "ContentDocumentLink": _document_link(),
        "User": _user(),
        "Group": [*system(deletable=False), text("Name", 40), text("DeveloperName", 80), pick("Type", ("Queue",))],
        "RecordType": [
            *system(deletable=False), text("Name", 80), text("DeveloperName", 80), text("SobjectType", 40),
            flag("IsActive"),
        ],
        "LeadStatus": [*_list_entry(), flag("IsConverted"), flag("IsDefault")],
        "OpportunityStage": [
            *_list_entry(), flag("IsActive"), flag("IsClosed"), flag("IsWon"),
            number("DefaultProbability", 3, 0, "percent"), *forecast,
        ],
        "Organization": [
            *system(deletable=False), text("Name", 80), text("OrganizationType"), flag("IsSandbox"),
            text("TimeZoneSidKey", 40),
        ],
    }  # fmt: skip


KINDS = tuple(name for name in objects() if name != "Organization")
SETUP = frozenset(("User", "Group", "RecordType", "LeadStatus", "OpportunityStage", "Organization"))
"""Objects that the data API of this sandbox only reads."""

CONVERSION: Mapping[str, Mapping[str, str]] = {
    "Account": {"Company": "Name", "Phone": "Phone", "Street": "BillingStreet", "City": "BillingCity",
                "State": "BillingState", "PostalCode": "BillingPostalCode", "Country": "BillingCountry"},
    "Contact": {"LastName": "LastName", "FirstName": "FirstName", "Salutation": "Salutation", "Title": "Title",
                "Email": "Email", "Phone": "Phone", "MobilePhone": "MobilePhone", "Street": "MailingStreet",
                "City": "MailingCity", "State": "MailingState", "PostalCode": "MailingPostalCode",
                "Country": "MailingCountry", "LeadSource": "LeadSource", "Description": "Description",
                "JobNimbus_Id__c": "JobNimbus_Id__c"},
    "Opportunity": {"LeadSource": "LeadSource", "Roof_Type__c": "Roof_Type__c",
                    "Insurance_Carrier__c": "Insurance_Carrier__c", "Date_of_Loss__c": "Date_of_Loss__c",
                    "Inspection__c": "Inspection__c"},
}  # fmt: skip
"""Which lead field becomes which field when a lead is converted: the standard ones, and those an admin has mapped."""
