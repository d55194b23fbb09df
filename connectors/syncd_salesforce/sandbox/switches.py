"""Every switch of the sandbox with its default: limits tests choose, and what nobody outside Salesforce knows.

What is not here: what the switches do; the modules that read them say it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SWITCHES: Mapping[str, Any] = {
    "daily": 100_000,  # requests per rolling 24 hours
    "concurrent_refused": False,  # every call answers 403 ConcurrentRequests
    "api_disabled": None,  # API_DISABLED_FOR_ORG | API_CURRENTLY_DISABLED: what every call answers with 403
    "oldest_version": 31,  # an older one answers 410
    "newest_version": 68,
    "instance_url": None,  # what the token answer tells; None: the address that was asked
    "client_id": "sandbox-consumer-key",
    "client_secret": "sandbox-consumer-secret",
    "run_as": True,  # False: no user is set for the client credentials flow
    "my_domain": True,  # False: this host is login.salesforce.com, which refuses client credentials
    "jwt_public_key": None,  # PEM (SPKI or PKCS#1) that checks assertions; None: every signature is believed
    "jwt_audience": ["https://login.salesforce.com", "https://test.salesforce.com"],  # and the asked address
    "jwt_approved": True,  # False: the user has not approved this consumer
    "refresh_tokens": ["sandbox-refresh-token"],
    "refresh_rotation": False,  # each refresh token works once, and a new one comes back
    "session_seconds": 7200,  # sliding with use
    "error_description": True,  # False: token errors come without a sentence
    "page_cut": None,  # rows per page at most, below what was asked: pages may be smaller
    "locator_seconds": 172_800,
    "later_pages": "fetched",  # fetched | snapshot: values of the second page on. Assumed: as of the fetch
    "unordered": "insertion",  # insertion | shuffled: rows that ORDER BY does not tell apart
    "query_rows": None,  # a query that finds more rows answers QUERY_TIMEOUT
    "uri_bytes": 16_384,  # a longer address: 414; address and headers together: 431
    "state_picklists": False,  # whether the org has State and Country pick lists; heeded at a reset
    "person_accounts": False,  # whether the org has person accounts; heeded at a reset
    "commit_delay": 0,  # seconds between the stamp and the sight of what people do; an act's `commit_after` overrides
    "stamp_skew": 0,  # seconds by which the clock that stamps rows is ahead of the Date header
    "noop_update_bumps": True,  # whether an update of equal values moves the stamps: assumed
    "cascade_stamps": False,  # whether rows that go, come or move with another one are stamped: unknown
    "lock_share": 0,  # share of the API's writes, from 0 to 1, that find their row locked
    "audit_fields": False,  # Set Audit Fields: an insert may bring its own CreatedDate and LastModifiedDate
    "duplicate_value_id": 15,  # 15 | 18: the id in the sentence of DUPLICATE_VALUE: seen both ways
    "duplicate_result_in_items": True,  # whether results of lists carry duplicateResult: unknown
    "duplicate_in_list": "both",  # both | later: which of two records with one id in a list fail: assumed
    "unknown_field_in_list": "item",  # item | request: what an unknown field in one record of a list spoils: unknown
    "update_only_in_lists": True,  # whether ?updateOnly=true works on collections: unknown
    "precondition_in_composite": True,  # whether If-Unmodified-Since works on a subrequest: unknown
    "storage_full": False,  # creates answer STORAGE_LIMIT_EXCEEDED
    "bin_days": 15,
    "bulk_seconds": 0,  # how long a bulk job takes
    "bulk_fails": False,  # True: bulk jobs end as Failed
    "bulk_refused": False,  # True: no bulk query may be begun; with which code is assumed
    "covered_back": 0,  # seconds that latestDateCovered lies behind: long transactions hold it
    "describe_304": True,
    "gzip": False,
}
