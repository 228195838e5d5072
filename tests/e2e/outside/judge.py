"""Holds one record to the contract and to CloudEvents, as the official SDK understands them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event, from_structured_event
from cloudevents.core.exceptions import CloudEventValidationError
from jsonschema import Draft202012Validator

from tests.e2e.outside.contract import Contract
from tests.e2e.outside.records import Record

UNREADABLE = (CloudEventValidationError, ValueError)


def event_of(record: Record) -> BaseCloudEvent:
    """By the SDK; the mode by `content-type`, as the binding says (the SDK's own guess looks at `ce_`)."""
    message = KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value)
    structured = message.headers.get("content-type", b"").lower().startswith(b"application/cloudevents")
    return from_structured_event(message) if structured else from_binary_event(message)


def flaws(record: Record, contract: Contract) -> list[str]:
    """What is wrong with a record on a topic of events; nothing, when it is as the contract says."""
    try:
        event = event_of(record)
    except UNREADABLE as error:
        return [f"the SDK can't read it: {error!r}"]
    return [
        *_of_form(record),
        *_of_contract(record, event, contract),
        *_of_sense(record, event),
        *_of_data(record, event),
    ]


def _of_form(record: Record) -> Iterator[str]:
    counts = Counter(name for name, _ in record.headers)
    yield from (f"the header {name} comes {count} times" for name, count in counts.items() if count > 1)
    yield from (f"the header {name} is not lower-case ASCII" for name in counts if not _plain(name))


def _plain(name: str) -> bool:
    return name.isascii() and name == name.lower()


def _of_contract(record: Record, event: BaseCloudEvent, contract: Contract) -> Iterator[str]:
    message = contract.message(record.topic, event.get_type())
    if message is None:
        yield f"{event.get_type()} has no place on {record.topic}"
        return
    headers = {name: content.decode() for name, content in record.headers}
    yield from _violations("headers", message.headers, headers)
    yield from _violations("payload", message.payload, event.get_data())
    yield from _violations("key", message.key, (record.key or b"").decode())


def _violations(what: str, schema: Draft202012Validator, value: object) -> Iterator[str]:
    yield from (f"{what}: {error.json_path}: {error.message}" for error in schema.iter_errors(value))


def _of_sense(record: Record, event: BaseCloudEvent) -> Iterator[str]:
    """What no schema can say: how the parts belong together."""
    headers = {name: content.decode() for name, content in record.headers}
    sequence = int(event.get_extension("sequence") or 0)
    told: dict[str, tuple[object, object]] = {
        "key": ((record.key or b"").decode(), event.get_subject()),
        "partitionkey": (headers.get("ce_partitionkey"), event.get_subject()),
        "partition": (str(record.partition), event.get_extension("partition")),
        "id": (event.get_id(), f"{event.get_subject()}/{sequence}"),
        "source": (event.get_source(), f"/bizenv/{record.topic.split('.')[-2]}"),
        "recordedtime": (headers.get("ce_recordedtime"), headers.get("ce_time")),
        "traceparent": (headers.get("traceparent"), headers.get("ce_traceparent")),
    }
    yield from (f"{name}: {found!r} is not {wanted!r}" for name, (found, wanted) in told.items() if found != wanted)


def _of_data(record: Record, event: BaseCloudEvent) -> Iterator[str]:
    try:
        if json.loads(record.value.decode("utf-8")) != event.get_data():
            yield "data: not what the SDK reads"
    except ValueError as error:
        yield f"data: no JSON in UTF-8: {error}"
