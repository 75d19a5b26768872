"""The JSON Schema of config.json, generated from the settings' types, so that editors complete and check the file.

`python -m claude_proxy.config.schema` writes config.schema.json anew.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from claude_proxy.config.catalogue import catalogue
from claude_proxy.config.settings import Settings

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

SCHEMA_FILE = Path(__file__).with_name("config.schema.json")


def schema_text() -> str:
    """Return the schema as the file holds it."""
    schema = msgspec.json.schema(Settings)
    # The type cannot name them: they are data.
    schema["$defs"]["ProviderSettings"]["properties"]["preset"]["enum"] = list(catalogue().ids)
    # allowComments is what VS Code asks a schema before it complains of them.
    titled = {"$schema": _DIALECT, "title": "config.json of claude-proxy", "allowComments": True, **schema}
    return json.dumps(titled, indent=2) + "\n"


def main() -> None:
    """Write the schema beside this file."""
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
