"""Properties that HubSpot works out itself from others of the same record. Pure.

What is not here: counts over associations (`portal`). A calculated property never bumps the modified time.
"""

from __future__ import annotations

from collections.abc import Mapping

import phonenumbers

PHONES = (("phone", "phone"), ("mobilephone", "mobile"))


def phones(values: Mapping[str, str]) -> dict[str, str | None]:
    """E.164 and searchable (no country code) forms of a contact's numbers, and the domain of its e-mail."""
    found: dict[str, str | None] = {"hs_email_domain": values.get("email", "").partition("@")[2] or None}
    for name, short in PHONES:
        full, national = _phone(values.get(name, ""))
        found[f"hs_calculated_{short}_number"] = full
        found[f"hs_searchable_calculated_{short}_number"] = national
    return found


def _phone(text: str) -> tuple[str | None, str | None]:
    if not text:
        return None, None
    try:
        number = phonenumbers.parse(text, "US")
    except phonenumbers.NumberParseException:
        return None, None
    full = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return full, phonenumbers.national_significant_number(number)
