"""The CRMs that the lab can put on the left side.

What is not here: what the lab asks of one (`base`), and each of them (`hubspot`, `salesforce`).
"""

from __future__ import annotations

from collections.abc import Mapping

from syncd.lab.crm.base import Crm
from syncd.lab.crm.hubspot import HUBSPOT
from syncd.lab.crm.salesforce import SALESFORCE

CRMS: Mapping[str, Crm] = {one.name: one for one in (HUBSPOT, SALESFORCE)}
"""By name; the first is the default."""

__all__ = ["CRMS", "HUBSPOT", "SALESFORCE", "Crm"]
