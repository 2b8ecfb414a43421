# SPDX-License-Identifier: Apache-2.0
"""dlt_import.py ORIGIN DATABASE_URL COMPANY_PROPERTIES CONTACT_PROPERTIES: the import through dlt's declarative source."""
import sys

import dlt
from dlt.sources.rest_api import rest_api_source

origin, url, companies, contacts = sys.argv[1:]


def resource(name, properties):
    return {
        "name": name,
        "endpoint": {
            "path": name,
            "params": {"limit": 100, "properties": properties},
            "data_selector": "results",
            "paginator": {"type": "cursor", "cursor_path": "paging.next.after", "cursor_param": "after"},
        },
    }


source = rest_api_source(
    {
        "client": {
            "base_url": origin + "/crm/v3/objects/",
            "auth": {"type": "bearer", "token": "sandbox-token"},
        },
        "resource_defaults": {"primary_key": "id", "write_disposition": "append"},
        "resources": [resource("companies", companies), resource("contacts", contacts)],
    }
)
if url.startswith("sqlite:"):
    destination = dlt.destinations.sqlalchemy(credentials=url)
else:
    destination = dlt.destinations.postgres(credentials=url)
print(dlt.pipeline(pipeline_name="bench", destination=destination, dataset_name="crm").run(source))
