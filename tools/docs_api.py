"""The reference page of the management API, written from the OpenAPI document it serves."""

from __future__ import annotations

from typing import Any

from anchorwatch.portal.api import application
from anchorwatch.portal.api.problem import MEANINGS
from anchorwatch.portal.api.visit import BASE

_TITLES = {
    "accounts": "Accounts and virtual accounts",
    "licenses": "Tags, lots, pools and the ledger",
    "tokens": "ID tokens",
    "devices": "Devices and what belongs to them",
    "trust": "Trust and health",
}
_COMMON = {"limit", "cursor", "fields", "Idempotency-Key", "If-Match", "If-None-Match"}
"""Parameters that the page explains once."""


def management_page(written: str) -> str:
    """docs/reference/management-api.md."""
    document = application.described(None).openapi()
    parts = [
        "# Management API",
        written,
        (
            "What `anchorwatch portal serve --api` answers to operators under `/api/v1`, "
            "written from the OpenAPI document that it serves at `/api/v1/openapi.json`."
        ),
        "## For every request",
        (
            "It comes over TLS, with `Authorization: Bearer KEY`; "
            "`anchorwatch portal key create` makes keys and shows each once.\n"
            "A key has a role: `viewer` looks, `operator` runs devices and tokens, `admin` does everything.\n"
            "It belongs to one account and sees no other, "
            "or to the portal itself (`--portal`), and then it sees accounts and trust and nothing inside an account.\n"
            "A body is JSON of at most 256 kB; a member or a parameter that is not named here is refused.\n"
            "Moments are RFC 3339 with their zone."
        ),
        (
            "A request that changes something carries an `Idempotency-Key` of your own, best a UUID.\n"
            "Sent again with the same body it is not done again: "
            "the stored answer comes with `Idempotency-Replayed: true`, for 48 hours.\n"
            "A request that was refused left nothing behind, and may be sent again with the same key.\n"
            "The text of a token is in the first answer only."
        ),
        (
            "Every answer about a thing carries an `ETag`.\n"
            "With `If-None-Match` a look is answered 304 where nothing changed; "
            "with `If-Match` a change is done only while the thing is still that one, and refused with 412 otherwise.\n"
            "Where a change would overwrite what it has not seen, `If-Match` is required (428 without)."
        ),
        (
            "A list comes in pages: `limit` (1 to 200, 50 without) and `cursor`, which is `next` of the page before.\n"
            "Things that come meanwhile neither repeat others nor hide them.\n"
            "`filter=MEMBER:VALUE`, given up to eight times, leaves out what differs; "
            "`fields=a,b` leaves out other members."
        ),
    ]
    for tag, title in _TITLES.items():
        parts.append(f"## {title}")
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if operation["tags"] == [tag]:
                    parts += _operation(method, path, operation)
    parts.append("## Members")
    schemas = document["components"]["schemas"]
    for name, schema in sorted(schemas.items()):
        if schema.get("type") == "object" and not name.startswith("Page_") and name != "Problem":
            parts += _schema(name, schema, schemas)
    parts += [
        "## Problems",
        (
            "What is refused is answered as `application/problem+json` (RFC 9457), "
            "with `retry` saying what may help: nothing (`never`), time (`after`) or a person (`operator`)."
        ),
        "| type | status | try again | title |\n| --- | --- | --- | --- |\n"
        + "\n".join(
            f"| `{kind}` | {meaning.status} | {meaning.retry} | {meaning.title} |"
            for kind, meaning in sorted(MEANINGS.items(), key=lambda it: (it[1].status, it[0]))
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _operation(method: str, path: str, operation: dict[str, Any]) -> list[str]:
    told = [f"Role: `{operation['x-role']}`."]
    for each in operation.get("parameters", ()):
        if each["in"] == "query" and each["name"] == "filter":
            told.append(f"Filters: {each['description'].rpartition('One of: ')[2].rstrip('.')}.")
        elif each["in"] == "query" and each["name"] not in _COMMON:
            told.append(f"`{each['name']}`: {each.get('description', '').rstrip('.')}.")
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body is not None:
        told.append(f"Takes {_kind(body)}.")
    for status, answer in operation["responses"].items():
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        if schema is not None:
            told.append(f"Answers {status} with {_kind(schema)}.")
        elif status == "204":
            told.append("Answers 204.")
    known = next((True for each in operation["responses"] if each == "428"), False)
    if known:
        told.append("`If-Match` is required.")
    return [f"### `{method.upper()} {path.removeprefix(BASE)}`", operation["description"], "\n".join(told)]


def _schema(name: str, schema: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    required = set(schema.get("required", ()))
    rows = [
        f"| `{member}` | {_kind(each, schemas)} | {'yes' if member in required else ''} |"
        for member, each in schema["properties"].items()
    ]
    words = " ".join(schema.get("description", "").split())
    return [f"### {name}", words, "| member | type | required |\n| --- | --- | --- |\n" + "\n".join(rows)]


def _kind(schema: dict[str, Any], schemas: dict[str, Any] | None = None) -> str:
    """A type in the words of JSON."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        words = (schemas or {}).get(name, {}).get("enum")
        if words:
            return "one of " + ", ".join(f"`{each}`" for each in words)
        if name.startswith("Page_"):
            inner = name.removeprefix("Page_").rstrip("_")
            return f"a page of [{inner}](#{inner.lower()})"
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        kinds = [_kind(each, schemas) for each in schema["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds)) + (
            " or null" if any(each.get("type") == "null" for each in schema["anyOf"]) else ""
        )
    match schema.get("type"), schema.get("format"):
        case "string", "date-time":
            return "moment"
        case "string", "uuid":
            return "UUID"
        case "string", _:
            return f"text up to {schema['maxLength']}" if "maxLength" in schema else "text"
        case "integer", _:
            if "minimum" in schema and "maximum" in schema:
                return f"whole number, {schema['minimum']} to {schema['maximum']}"
            return "whole number"
        case "boolean", _:
            return "true or false"
        case "array", _:
            return f"list of {_kind(schema['items'], schemas)}"
        case _:
            return "object"
