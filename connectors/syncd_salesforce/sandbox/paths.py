"""Every path below /services/data/vXX.X with its handler. Data, and the match of a path.

What is not here: what the handlers do.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from syncd_salesforce.sandbox import bulk_api as bulk
from syncd_salesforce.sandbox import describe_api as tells
from syncd_salesforce.sandbox import list_api as lists
from syncd_salesforce.sandbox import object_api as objects
from syncd_salesforce.sandbox import query_api as queries
from syncd_salesforce.sandbox.call import Handler
from syncd_salesforce.sandbox.errors import not_found, refuse

_TABLE: Mapping[str, Mapping[str, Handler]] = {
    "": {"GET": tells.resources},
    "limits": {"GET": tells.limits},
    "query": {"GET": queries.query},
    "queryAll": {"GET": queries.query_all},
    "query/{locator}": {"GET": queries.more},
    "queryAll/{locator}": {"GET": queries.more},
    "sobjects": {"GET": tells.all_objects},
    "sobjects/{type}": {"GET": tells.one_object, "POST": objects.create},
    "sobjects/{type}/describe": {"GET": tells.describe},
    "sobjects/{type}/updated": {"GET": queries.updated},
    "sobjects/{type}/deleted": {"GET": queries.deleted},
    "sobjects/{type}/{id}": {
        "GET": objects.read,
        "PATCH": objects.change,
        "DELETE": objects.remove,
        "POST": objects.create_by_id,
    },
    "sobjects/{type}/{field}/{value}": {
        "GET": objects.read_by_key,
        "PATCH": objects.upsert,
        "DELETE": objects.remove_by_key,
    },
    "composite/sobjects": {"POST": lists.create, "PATCH": lists.change, "DELETE": lists.remove},
    "composite/sobjects/{type}": {"GET": lists.retrieve, "POST": lists.retrieve},
    "composite/sobjects/{type}/{field}": {"PATCH": lists.upsert},
    "jobs/query": {"POST": bulk.query},
    "jobs/query/{job}": {"GET": bulk.query_state, "PATCH": bulk.close, "DELETE": bulk.forget},
    "jobs/query/{job}/results": {"GET": bulk.query_results},
    "jobs/ingest": {"POST": bulk.ingest},
    "jobs/ingest/{job}": {"GET": bulk.ingest_state, "PATCH": bulk.close, "DELETE": bulk.forget},
    "jobs/ingest/{job}/batches": {"PUT": bulk.ingest_rows},
    "jobs/ingest/{job}/successfulResults": {"GET": bulk.good},
    "jobs/ingest/{job}/failedResults": {"GET": bulk.bad},
    "jobs/ingest/{job}/unprocessedrecords": {"GET": bulk.left},
}
_SPLIT = tuple((path.split("/"), handlers) for path, handlers in _TABLE.items())
COMPOSITE = (["composite"], ["composite", "graph"])


def found(method: str, segments: list[str]) -> tuple[Handler, dict[str, str]]:
    """The handler of a path, given as raw segments, and what its places hold; 404 and 405."""
    for words, handlers in _SPLIT:
        place = _matched(words, segments)
        if place is None:
            continue
        if method not in handlers:
            known = ",".join(["HEAD", *handlers])
            raise refuse("METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed. Allowed are {known}", status=405)
        return handlers[method], {**place, "path": "/".join(segments)}
    raise not_found()


def split(path: str) -> list[str]:
    """The raw segments of a path, without the empty one at its end."""
    return path.strip("/").split("/")


def _matched(words: list[str], segments: list[str]) -> dict[str, str] | None:
    if len(words) != len(segments):
        return None
    found: dict[str, str] = {}
    for word, segment in zip(words, segments, strict=True):
        if word.startswith("{"):
            found[word[1:-1]] = unquote(segment)
        elif word.lower() != segment.lower():
            return None
    return found
