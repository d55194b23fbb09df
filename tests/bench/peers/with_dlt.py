"""dlt, extract only: its `rest_api` source over the list of JobNimbus contacts. `with_dlt.py JOBNIMBUS SINCE FOLDER`.

Where it is ahead: any REST API in ten lines of configuration, and thirty destinations behind it. Where it is not: it
reads one way, knows no twin, and its offset pages lose rows when records move or go beyond the 10,000th; here it reads
by pages of `date_updated` windows, which is the most it can be asked to do with this API.
"""

import json
import sys
import time

import dlt
from dlt.sources.helpers.rest_client.paginators import BasePaginator
from dlt.sources.rest_api import rest_api_source

SIZE = 1000


class ByStamp(BasePaginator):
    """The next page begins where this one ended, as its records say."""

    def __init__(self, since):
        super().__init__()
        self.low = since

    def update_state(self, response, data=None):
        rows = response.json()["results"]
        self._has_next_page = len(rows) == SIZE
        if rows:
            self.low = rows[-1]["date_updated"] + 1

    def init_request(self, request):
        self.update_request(request)

    def update_request(self, request):
        bounds = {"must": [{"range": {"date_updated": {"gte": self.low}}}]}
        request.params |= {
            "filter": json.dumps(bounds), "sort_field": "date_updated", "sort_direction": "asc", "size": str(SIZE),
        }  # fmt: skip


def main():
    address, since, folder = sys.argv[1:]
    source = rest_api_source(
        {
            "client": {"base_url": f"{address}/api1/", "paginator": ByStamp(int(since))},
            "resources": [{"name": "contacts", "endpoint": {"path": "contacts", "data_selector": "results"}}],
        }
    )
    pipeline = dlt.pipeline("bench", pipelines_dir=folder, destination="duckdb", dataset_name="bench")
    began = time.process_time()
    pipeline.extract(source)
    spent = time.process_time() - began
    counts = pipeline.last_trace.last_extract_info.metrics
    records = sum(
        metric.items_count
        for several in counts.values() for one in several for name, metric in one["table_metrics"].items()
        if name == "contacts"
    )  # fmt: skip
    print(json.dumps({"records": records, "cpu": spent}))


if __name__ == "__main__":
    main()
