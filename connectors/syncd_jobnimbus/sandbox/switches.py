"""What nobody has written down about JobNimbus, as switches with a careful default.

What is not here: the behavior itself; each switch is read where it matters. A connector must survive every setting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncd.kit import sender

SWITCHES: Mapping[str, Any] = {
    # the account
    "timezone": "America/Chicago",  # what a person's "2026-03-08" means in an import
    # lists
    "index_lag": 5.0,  # seconds a list trails a write, give or take half; 0 for none, 120 for a bad day
    "inactive_in_lists": "hidden",  # hidden | shown: rows with is_active false
    "archived_in_lists": "shown",  # shown | hidden: rows with is_archived true
    "beyond_window": "error",  # error | empty: from + size above 10,000
    "filter_works": True,  # false: `filter` is ignored without a word, as some accounts report
    "should_works": True,  # false: a `should` clause answers nothing
    "bad_filter_status": 500,  # 500 | 400: a filter that is no JSON, or holds an unknown query
    "term_case": "exact",  # exact | caseless | lowered (the index is lower case, the question is taken as typed)
    "custom_fields_as": "both",  # both | labels | cf | none: the keys of custom fields in an answer
    "empty": [],  # lists: they answer with nothing and 200, while reads by id go on
    "empties": "omit_custom",  # omit_custom | omit | null: what becomes of fields without a value
    # errors
    "error_body": "text",  # text | json ({"message"}) | error ({"error"})
    "hidden_get_status": 403,  # 403 | 404: a record that the key's access profile no longer sees
    "denied_lists": "403",  # 403 | empty: a list that the key's access profile does not include
    "settings_need_permission": False,  # true: reading settings needs the settings permission as well
    "rate": "off",  # off | "80/60" (requests per seconds, per key)
    "rate_retry_after": True,  # whether a 429 carries Retry-After
    "rate_body": "empty",  # empty | text | json
    # writes
    "strict_create": "jobs",  # off | jobs | all: record_type_name and status_name must be given
    "unique_counts_inactive": False,  # whether a deleted record still owns its name
    "display_name_follows": False,  # whether a changed first or last name rebuilds display_name
    "unknown_source": "refused",  # refused | ignored
    "unknown_user": "refused",  # refused | ignored
    "dropdown_enforced": False,  # whether a drop-down refuses a value it does not list
    "required_enforced": False,  # whether required custom fields bind API creates
    "external_id_writable": True,  # on contacts and jobs
    "primary_moves": True,  # whether PUT of `primary` moves a job to another contact
    "foreign_status": "refused",  # refused | ignored: a status of another workflow
    "leadsource_post": "created",  # created | denied: whether lead sources can be made by API
    "bulk_delay": 2.0,  # seconds until a write sent with bulk=true is stored
    "note_bumps": True,  # whether a note moves date_updated of its job or contact
    "parent_change_bumps_job": False,  # whether a contact's new name or phone moves date_updated of its jobs
    "merge_loser": "inactive",  # inactive | deleted
    "merge_moves_jobs": True,  # whether the loser's jobs go to the winner
    # webhooks: unsigned, and nobody knows of any retry
    **sender.SWITCHES,
    "webhook_on": ["Created", "Modified", "Deleted"],  # which of an automation's triggers are set up
    "webhook_place": "path",  # path | query: where the address carries the secret
    "webhook_signature": "none",  # none | bogus | hex | base64: the header x-jobnimbus-signature
    "custom_field_definitions": "hidden",  # hidden | settings: account/settings?field=customFields answers
}
"""Every switch and its default. The settings of a sandbox name these, and nothing else."""
