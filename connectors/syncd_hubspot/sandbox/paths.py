"""Every path of the API with its handler, in every version it is known under. Data.

What is not here: what the handlers do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from syncd_hubspot.sandbox import association_api as ties
from syncd_hubspot.sandbox import batch_api as batches
from syncd_hubspot.sandbox import file_api as files
from syncd_hubspot.sandbox import object_api as objects
from syncd_hubspot.sandbox import schema_api as schemas
from syncd_hubspot.sandbox.call import Answer, Call

DATED = ("2026-03", "2026-09")

Bases = tuple[tuple[str, str], ...]


def _bases(area: str, *numbered: str) -> Bases:
    """(version, base path) of an area of the API: dated, and its numbered ancestors."""
    dated = tuple((version, f"/crm/{area}/{version}") for version in DATED)
    return dated + tuple((number, f"/crm/{number}/{area}") for number in numbered)


OBJECTS = _bases("objects", "v3", "v4")
OBJECT_TIES = _bases("objects", "v4")
TIES = _bases("associations", "v4")
PROPERTIES = _bases("properties", "v3")
PIPELINES = _bases("pipelines", "v3")
OWNERS = _bases("owners", "v3")
FILES = tuple((version, f"/files/{version}") for version in (*DATED, "v3"))
ACCOUNT = tuple((version, f"/account-info/{version}") for version in (*DATED, "v3"))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method and path under some bases; `search` counts against the account's search budget."""

    method: str
    bases: Bases
    path: str
    handler: Callable[[Call], Answer]
    search: bool = False


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("POST", OBJECTS, "/{type}/search", objects.search_objects, True),
    Endpoint("POST", OBJECTS, "/{type}/batch/read", batches.batch_read),
    Endpoint("POST", OBJECTS, "/{type}/batch/create", batches.batch_create),
    Endpoint("POST", OBJECTS, "/{type}/batch/update", batches.batch_update),
    Endpoint("POST", OBJECTS, "/{type}/batch/upsert", batches.batch_upsert),
    Endpoint("POST", OBJECTS, "/{type}/batch/archive", batches.batch_archive),
    Endpoint("POST", OBJECTS, "/{type}/merge", objects.merge_objects),
    Endpoint("POST", OBJECTS, "/{type}/gdpr-delete", objects.gdpr_delete),
    Endpoint("GET", OBJECTS, "/{type}", objects.list_objects),
    Endpoint("POST", OBJECTS, "/{type}", objects.create_object),
    Endpoint("GET", OBJECTS, "/{type}/{id}", objects.get_object),
    Endpoint("PATCH", OBJECTS, "/{type}/{id}", objects.update_object),
    Endpoint("DELETE", OBJECTS, "/{type}/{id}", objects.archive_object),
    Endpoint("PUT", OBJECT_TIES, "/{type}/{id}/associations/default/{to}/{to_id}", ties.tie_default),
    Endpoint("PUT", OBJECT_TIES, "/{type}/{id}/associations/{to}/{to_id}", ties.tie_labelled),
    Endpoint("DELETE", OBJECT_TIES, "/{type}/{id}/associations/{to}/{to_id}", ties.untie),
    Endpoint("GET", OBJECT_TIES, "/{type}/{id}/associations/{to}", ties.list_ties),
    Endpoint("POST", TIES, "/{type}/{to}/batch/read", ties.batch_read),
    Endpoint("POST", TIES, "/{type}/{to}/batch/create", ties.batch_create),
    Endpoint("POST", TIES, "/{type}/{to}/batch/associate/default", ties.batch_default),
    Endpoint("POST", TIES, "/{type}/{to}/batch/archive", ties.batch_archive),
    Endpoint("POST", TIES, "/{type}/{to}/batch/labels/archive", ties.batch_unlabel),
    Endpoint("GET", TIES, "/{type}/{to}/labels", ties.labels),
    Endpoint("GET", PROPERTIES, "/{type}", schemas.list_properties),
    Endpoint("POST", PROPERTIES, "/{type}", schemas.create_property),
    Endpoint("GET", PROPERTIES, "/{type}/groups", schemas.list_groups),
    Endpoint("POST", PROPERTIES, "/{type}/groups", schemas.create_group),
    Endpoint("GET", PROPERTIES, "/{type}/{name}", schemas.get_property),
    Endpoint("PATCH", PROPERTIES, "/{type}/{name}", schemas.update_property),
    Endpoint("DELETE", PROPERTIES, "/{type}/{name}", schemas.archive_property),
    Endpoint("GET", PIPELINES, "/{type}", schemas.list_pipelines),
    Endpoint("GET", PIPELINES, "/{type}/{pipeline}", schemas.get_pipeline),
    Endpoint("GET", PIPELINES, "/{type}/{pipeline}/stages", schemas.list_stages),
    Endpoint("DELETE", PIPELINES, "/{type}/{pipeline}/stages/{stage}", schemas.delete_stage),
    Endpoint("GET", OWNERS, "", schemas.list_owners),
    Endpoint("GET", OWNERS, "/", schemas.list_owners),
    Endpoint("GET", OWNERS, "/{id}", schemas.get_owner),
    Endpoint("GET", FILES, "/files/{id}", files.get_file),
    Endpoint("GET", ACCOUNT, "/details", schemas.account_details),
    Endpoint("GET", ACCOUNT, "/api-usage/daily/private-apps", schemas.daily_usage),
)
