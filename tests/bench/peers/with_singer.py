"""A tap of Meltano's Singer SDK over the list of JobNimbus contacts. `with_singer.py JOBNIMBUS SINCE`.

Where it is ahead: a tap speaks to every Singer target there is. Where it is not: it reads one way, and a message is
text that a second process must take apart again.
"""

import json
import os
import sys
import time

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.pagination import BaseAPIPaginator

SIZE = 1000
ADDRESS, SINCE = sys.argv[1:3]
TEXTS = (
    "jnid", "first_name", "last_name", "display_name", "email", "home_phone", "company", "address_line1", "city",
    "state_text", "zip", "status_name", "record_type_name",
)  # fmt: skip


class ByStamp(BaseAPIPaginator):
    def get_next(self, response):
        rows = response.json()["results"]
        return rows[-1]["date_updated"] + 1 if len(rows) == SIZE else None


class Contacts(RESTStream):
    name = "contacts"
    path = "/contacts"
    primary_keys = ("jnid",)
    url_base = f"{ADDRESS}/api1"
    records_jsonpath = "$.results[*]"
    schema = th.PropertiesList(
        *(th.Property(name, th.StringType) for name in TEXTS),
        th.Property("date_updated", th.IntegerType),
        th.Property("date_created", th.IntegerType),
    ).to_dict()

    def get_new_paginator(self):
        return ByStamp(int(SINCE))

    def get_url_params(self, context, next_page_token):
        bounds = {"must": [{"range": {"date_updated": {"gte": next_page_token}}}]}
        return {
            "filter": json.dumps(bounds), "sort_field": "date_updated", "sort_direction": "asc", "size": str(SIZE),
        }  # fmt: skip


class Counted:
    """The standard output of a tap: its records are counted, and go nowhere."""

    records = 0

    def write(self, text):
        self.records += text.count('"type":"RECORD"')

    def flush(self):
        pass


class Bench(Tap):
    name = "tap-bench"
    config_jsonschema = th.PropertiesList().to_dict()

    def discover_streams(self):
        return [Contacts(self)]


def main():
    out, sys.stdout = sys.stdout, Counted()
    counted = sys.stdout
    began = time.process_time()
    Bench(config={}).sync_all()
    spent = time.process_time() - began
    sys.stdout = out
    print(json.dumps({"records": counted.records, "cpu": spent}))


if __name__ == "__main__":
    os.environ["SINGER_SDK_LOG_CONFIG"] = ""
    main()
