"""The JSON Schema of a load run (dialect 2020-12), generated from the records so that the two cannot part.

`load.schema.json` beside this module is the published copy; `python -m reports.load_schema` writes it anew, and a test
holds it to what this module generates.
"""

from __future__ import annotations

import json
from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec

from reports.load import SCHEMA_VERSION, LoadResult
from reports.schema import DIALECT

PUBLISHED = Path(__file__).with_name("load.schema.json")
"""The copy that is shipped."""


def load_schema() -> dict[str, Any]:
    """The schema of `LoadResult` as JSON data; that no figure is negative is added to what the types say."""
    (top,), definitions = msgspec.json.schema_components([LoadResult], ref_template="#/$defs/{name}")
    for definition in definitions.values():
        if "description" in definition:
            definition["description"] = cleandoc(definition["description"])
        for name, schema in definition.get("properties", {}).items():
            if schema.get("type") in ("integer", "number") and name != "seed":
                schema["minimum"] = 0
    definitions["LoadResult"]["properties"]["schema_version"] = {"const": SCHEMA_VERSION, "default": SCHEMA_VERSION}
    return {
        "$schema": DIALECT,
        "$id": f"urn:mailspec:load:{SCHEMA_VERSION}",
        "title": "mailspec load run",
        **top,
        "$defs": {name: definitions[name] for name in sorted(definitions)},
    }


def schema_file() -> bytes:
    """The published file, octet for octet."""
    return json.dumps(load_schema(), indent=1, ensure_ascii=False).encode() + b"\n"


if __name__ == "__main__":
    PUBLISHED.write_bytes(schema_file())
