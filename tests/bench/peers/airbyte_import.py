# SPDX-License-Identifier: Apache-2.0
"""airbyte_import.py MANIFEST: reads all streams of a low-code source, as messages on standard output."""
import json
import os
import sys
import tempfile

from airbyte_cdk.entrypoint import launch
from airbyte_cdk.sources.declarative.yaml_declarative_source import YamlDeclarativeSource


def stream(name):
    return {
        "stream": {"name": name, "json_schema": {}, "supported_sync_modes": ["full_refresh"]},
        "sync_mode": "full_refresh",
        "destination_sync_mode": "append",
    }


with tempfile.TemporaryDirectory() as folder:
    paths = [os.path.join(folder, name) for name in ("config.json", "catalog.json")]
    for path, content in zip(paths, ({}, {"streams": [stream("companies"), stream("contacts")]})):
        with open(path, "w") as file:
            json.dump(content, file)
    arguments = ["read", "--config", paths[0], "--catalog", paths[1]]
    launch(YamlDeclarativeSource(path_to_yaml=sys.argv[1]), arguments)
