"""As much of JSON Schema as our schema of JSON Feed uses; a keyword it does not know is an error."""

from __future__ import annotations

import re
from typing import Any

TYPES: dict[str, Any] = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}


def faults(value: Any, schema: dict[str, Any], whole: dict[str, Any], at: str = "$") -> list[str]:
    """What is wrong with ``value``; ``whole`` is the schema's document."""
    found: list[str] = []
    for keyword, rule in schema.items():
        match keyword:
            case "$ref":
                found += faults(value, whole["$defs"][rule.rpartition("/")[2]], whole, at)
            case "type":
                if not isinstance(value, TYPES[rule]) or (rule == "integer" and isinstance(value, bool)):
                    return [*found, f"{at}: not of type {rule}"]
            case "const":
                found += [] if value == rule else [f"{at}: not {rule}"]
            case "required":
                found += [f"{at}: no {name}" for name in rule if name not in value]
            case "additionalProperties":
                found += [f"{at}: unknown {name}" for name in value if name not in schema["properties"]]
            case "properties":
                for name in value:
                    found += faults(value[name], rule[name], whole, f"{at}.{name}") if name in rule else []
            case "items":
                for number, each in enumerate(value):
                    found += faults(each, rule, whole, f"{at}[{number}]")
            case "anyOf":
                found += [] if any(not faults(value, one, whole, at) for one in rule) else [f"{at}: none of {rule}"]
            case "pattern":
                found += [] if re.search(rule, value) else [f"{at}: {value!r} does not match {rule}"]
            case "minItems":
                found += [] if len(value) >= rule else [f"{at}: too few"]
            case "uniqueItems":
                found += [] if len(set(value)) == len(value) else [f"{at}: one comes twice"]
            case "minimum":
                found += [] if value >= rule else [f"{at}: less than {rule}"]
            case "$comment" | "$defs":
                pass
            case _:
                raise AssertionError(f"a keyword that is not known here: {keyword}")
    return found
