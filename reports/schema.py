"""The JSON Schema of `run.json` (dialect 2020-12), generated from the records so that the two cannot part.

`run.schema.json` beside this module is the published copy; `python -m reports.schema` writes it
anew, and a test holds it to what this module generates.
"""

from __future__ import annotations

import json
from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec

from reports.records import SCHEMA_VERSION, RunResult

DIALECT = "https://json-schema.org/draft/2020-12/schema"

PUBLISHED = Path(__file__).with_name("run.schema.json")
"""The copy that is shipped."""

_NOT_NEGATIVE = ("at_s", "duration_s", "examples", "sentences", "checked", "unobservable", "open")


def run_schema() -> dict[str, Any]:
    """The schema of `RunResult` as JSON data.

    msgspec knows types but not meaning; what the records' docstrings add (the version, counts that are never
    negative, session numbers likewise) is added here.
    """
    (top,), definitions = msgspec.json.schema_components([RunResult], ref_template="#/$defs/{name}")
    for definition in definitions.values():
        if "description" in definition:
            definition["description"] = cleandoc(definition["description"])
        for name, schema in definition.get("properties", {}).items():
            if name in _NOT_NEGATIVE:
                schema["minimum"] = 0
    definitions["RunResult"]["properties"]["schema_version"] = {"const": SCHEMA_VERSION, "default": SCHEMA_VERSION}
    # 0 is a remark that belongs to no session.
    definitions["Event"]["properties"]["session"]["minimum"] = 0
    definitions["Event"]["properties"]["octets"]["description"] = "The octets as they crossed the wire, in base64."
    return {
        "$schema": DIALECT,
        "$id": f"urn:mailspec:run:{SCHEMA_VERSION}",
        "title": "mailspec run",
        **top,
        "$defs": {name: definitions[name] for name in sorted(definitions)},
    }


def schema_file() -> bytes:
    """The published file, octet for octet."""
    return json.dumps(run_schema(), indent=1, ensure_ascii=False).encode() + b"\n"


if __name__ == "__main__":
    PUBLISHED.write_bytes(schema_file())
