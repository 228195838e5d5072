"""What of the new contracts would break those who hold the released ones. (Protos are judged by `buf breaking`.)

Of what callers send us, whatever narrows what we take; of what we answer, whatever weakens what we promised; of a
published event, any change but new optional fields and words. New types, paths and optional fields break nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from services.chassis.contracts.schema_diff import RECEIVED, RECORDED, SENT, Schema, SchemaDiff, resolve


def event_breaks(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> Iterator[str]:
    """Between the schemas of all events, by type string."""
    for name, schema in old.items():
        if name not in new:
            yield f"{name}: the event type was removed"
        else:
            yield from SchemaDiff(schema, new[name], RECORDED).breaks(schema, new[name], name)


def openapi_breaks(old: Schema, new: Schema) -> Iterator[str]:
    """Between two OpenAPI documents, operation by operation."""
    for path, methods in old["paths"].items():
        for method, operation in methods.items():
            after = new["paths"].get(path, {}).get(method)
            where = f"{method.upper()} {path}"
            if after is None:
                yield f"{where}: the operation was removed"
            else:
                yield from _OperationDiff(old, new, where).breaks(operation, after)


class _OperationDiff:
    """Compares one operation of two documents."""

    def __init__(self, old_root: Schema, new_root: Schema, where: str) -> None:
        self._old_root = old_root
        self._new_root = new_root
        self._where = where
        self._received = SchemaDiff(old_root, new_root, RECEIVED)
        self._sent = SchemaDiff(old_root, new_root, SENT)

    def breaks(self, old: Schema, new: Schema) -> Iterator[str]:
        yield from self._of_parameters(_parameters(old, self._old_root), _parameters(new, self._new_root))
        yield from self._of_body(old.get("requestBody", {}), new.get("requestBody", {}))
        yield from self._of_answers(old["responses"], new["responses"])

    def _of_parameters(self, old: Mapping[str, Schema], new: Mapping[str, Schema]) -> Iterator[str]:
        for name, parameter in old.items():
            if name not in new:
                yield f"{self._where} {name}: the parameter was removed"
            else:
                yield from self._received.breaks(parameter["schema"], new[name]["schema"], f"{self._where} {name}")
        for name, parameter in new.items():
            if parameter.get("required") and not old.get(name, {}).get("required"):
                yield f"{self._where} {name}: the parameter became required"

    def _of_body(self, old: Schema, new: Schema) -> Iterator[str]:
        if new.get("required") and not old.get("required"):
            yield f"{self._where} requestBody: it became required"
        yield from self._of_content(self._received, old, new, "requestBody")

    def _of_answers(self, old: Schema, new: Schema) -> Iterator[str]:
        """Those of both by their status; an error that is no longer answered hurts nobody."""
        for status, reference in old.items():
            if status in new:
                before, after = resolve(reference, self._old_root), resolve(new[status], self._new_root)
                yield from self._of_content(self._sent, before, after, status)
                yield from self._of_headers(before.get("headers", {}), after.get("headers", {}), status)
            elif status == "200":
                yield f"{self._where} {status}: it is no longer answered"

    def _of_headers(self, old: Schema, new: Schema, part: str) -> Iterator[str]:
        for name, header in old.items():
            where = f"{self._where} {part} {name}"
            if name not in new:
                yield f"{where}: the header was removed"
            else:
                yield from self._sent.breaks(header["schema"], new[name]["schema"], where)

    def _of_content(self, diff: SchemaDiff, old: Schema, new: Schema, part: str) -> Iterator[str]:
        after = new.get("content", {})
        for kind, content in old.get("content", {}).items():
            if kind not in after:
                yield f"{self._where} {part}: the content type {kind} was removed"
            else:
                yield from diff.breaks(content["schema"], after[kind]["schema"], f"{self._where} {part}")


def _parameters(operation: Schema, root: Schema) -> dict[str, Any]:
    """By place and name: `query limit`."""
    found = [resolve(parameter, root) for parameter in operation.get("parameters", ())]
    return {f"{parameter['in']} {parameter['name']}": parameter for parameter in found}
