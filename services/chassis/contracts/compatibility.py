"""What of a new contract would break those who hold the released one.

A break is: a removed type, path, field or enum value; a field that becomes required; a narrowed or changed type.
Adding optional fields, types and paths is not. (Protos are judged by `buf breaking`.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
_LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_NULL = {"type": "null"}


class SchemaDiff:
    """Compares two schemas, each with the document that its references point into."""

    def __init__(self, old_root: Schema, new_root: Schema) -> None:
        self._old_root = old_root
        self._new_root = new_root
        self._seen: set[tuple[str, str]] = set()

    def breaks(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        """One sentence for each break, beginning with the place."""
        names = (str(old.get("$ref", "")), str(new.get("$ref", "")))
        if all(names):
            if names in self._seen:
                return
            self._seen.add(names)
        old, old_null = _without_null(_resolve(old, self._old_root))
        new, new_null = _without_null(_resolve(new, self._new_root))
        old, new = _resolve(old, self._old_root), _resolve(new, self._new_root)
        if old_null and not new_null:
            yield f"{where}: null is no longer allowed"
        yield from _of_value(old, new, where)
        yield from self._of_object(old, new, where)
        if "items" in old and "items" in new:
            yield from self.breaks(old["items"], new["items"], f"{where}[]")

    def _of_object(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in before:
            if name not in after:
                yield f"{where}.{name}: the field was removed"
            else:
                yield from self.breaks(before[name], after[name], f"{where}.{name}")
        for name in new.get("required", ()):
            if name not in old.get("required", ()):
                yield f"{where}.{name}: the field became required"
        inner = (old.get("additionalProperties"), new.get("additionalProperties"))
        if isinstance(inner[0], Mapping) and isinstance(inner[1], Mapping):
            yield from self.breaks(inner[0], inner[1], f"{where}{{}}")
        elif inner[1] is False and inner[0] is not False and before:
            yield f"{where}: unknown fields are no longer allowed"


def _resolve(schema: Schema, root: Schema) -> Schema:
    reference = str(schema.get("$ref", ""))
    if not reference.startswith("#/"):
        return schema
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    resolved: Schema = found
    return resolved


def _without_null(schema: Schema) -> tuple[Schema, bool]:
    choices = schema.get("anyOf")
    if not choices:
        return schema, False
    real = [choice for choice in choices if choice != _NULL]
    return (real[0] if len(real) == 1 else schema), len(real) < len(choices)


def _of_value(old: Schema, new: Schema, where: str) -> Iterator[str]:
    for name in ("type", "format", "contentEncoding"):
        if old.get(name) != new.get(name):
            yield f"{where}: {name} changed from {old.get(name)} to {new.get(name)}"
    if new.get("pattern") not in (None, old.get("pattern")):
        yield f"{where}: the pattern changed to {new['pattern']}"
    if "enum" in old or "enum" in new:
        yield from _of_enum(old, new, where)
    for names, sign in ((_LOWER_BOUNDS, 1), (_UPPER_BOUNDS, -1)):
        for name in names:
            if name in new and (name not in old or sign * new[name] > sign * old[name]):
                yield f"{where}: {name} was narrowed from {old.get(name, 'none')} to {new[name]}"


def _of_enum(old: Schema, new: Schema, where: str) -> Iterator[str]:
    if "enum" not in old:
        yield f"{where}: only listed values are allowed now"
    elif "enum" in new:
        for value in old["enum"]:
            if value not in new["enum"]:
                yield f"{where}: the value {value!r} was removed"


def event_breaks(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> Iterator[str]:
    """Between the schemas of all events, by type string."""
    for name, schema in old.items():
        if name not in new:
            yield f"{name}: the event type was removed"
        else:
            yield from SchemaDiff(schema, new[name]).breaks(schema, new[name], name)


def openapi_breaks(old: Schema, new: Schema) -> Iterator[str]:
    """Between two OpenAPI documents, operation by operation."""
    for path, methods in old["paths"].items():
        for method, operation in methods.items():
            after = new["paths"].get(path, {}).get(method)
            where = f"{method.upper()} {path}"
            if after is None:
                yield f"{where}: the operation was removed"
            else:
                yield from _operation_breaks(SchemaDiff(old, new), operation, after, where)


def _operation_breaks(diff: SchemaDiff, old: Schema, new: Schema, where: str) -> Iterator[str]:
    before, after = _parameters(old), _parameters(new)
    for name, parameter in before.items():
        if name not in after:
            yield f"{where}: the parameter {name} was removed"
        elif "schema" in parameter and "schema" in after[name]:
            yield from diff.breaks(parameter["schema"], after[name]["schema"], f"{where} ?{name}")
    for name, parameter in after.items():
        if parameter.get("required") and not before.get(name, {}).get("required"):
            yield f"{where}: the parameter {name} became required"
    for part in ("requestBody", "200"):
        contents = _content(old, part), _content(new, part)
        for kind, content in contents[0].items():
            if kind not in contents[1]:
                yield f"{where} {part}: the content type {kind} was removed"
            else:
                yield from diff.breaks(content["schema"], contents[1][kind]["schema"], f"{where} {part}")


def _parameters(operation: Schema) -> dict[str, Any]:
    """By name; the shared headers by their reference."""
    return {parameter.get("name") or parameter["$ref"]: parameter for parameter in operation.get("parameters", ())}


def _content(operation: Schema, part: str) -> dict[str, Any]:
    holder = operation.get("requestBody", {}) if part == "requestBody" else operation["responses"]["200"]
    return dict(holder.get("content", {}))
