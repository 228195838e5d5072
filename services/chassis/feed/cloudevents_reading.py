"""The envelope in a CloudEvent, as `cloudevents` writes it and as others may: binary or structured.

A reader knows the mode by `content-type` alone, as the Kafka binding says; `ce_` headers beside a structured message
mean nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import cast

import msgspec

from services.chassis.envelope import Envelope
from services.chassis.feed.cloudevents import DATA_TYPE, SOURCE_PREFIX
from services.chassis.feed.event_bounds import require_possible
from services.chassis.registry import MalformedEvent

_JSON = DATA_TYPE.encode()
_PREFIX = SOURCE_PREFIX.encode()


def read_message(headers: Iterable[tuple[str, bytes | None]], value: bytes | None) -> tuple[Envelope, int]:
    """The envelope and the previous position in a Kafka record of either mode; raises MalformedEvent."""
    found = dict(headers)
    if value is not None and found.get("content-type") == _JSON:
        try:
            return _read_ours(cast(dict[str, bytes], found), value)
        except (KeyError, ValueError, AttributeError, TypeError, OverflowError):
            pass  # not as ours are written: what is wrong with it is told below
    known = {name.lower(): content for name, content in found.items() if content is not None}
    kind = known.get("content-type", b"").lower()
    if kind.startswith(b"application/cloudevents-batch"):
        raise MalformedEvent("a batch of CloudEvents has no place in a Kafka record")
    if value is None:
        raise MalformedEvent("the record has no value")
    return from_structured(value) if kind.startswith(b"application/cloudevents") else from_binary(known, value)


def _read_ours(found: Mapping[str, bytes], value: bytes) -> tuple[Envelope, int]:
    """As `from_binary`, for a record just as `to_binary` writes it. KeyError, ValueError for any other."""
    source, version, traceparent = found["ce_source"], int(found["ce_sequence"]), found.get("ce_traceparent")
    stream = found["ce_subject"]
    ours = found["ce_specversion"] == b"1.0" and source.startswith(_PREFIX)
    if not ours or found["ce_id"] != b"%b/%d" % (stream, version):
        raise ValueError("not an event of this platform")
    envelope = Envelope(
        service=source[len(_PREFIX) :].decode(),
        epoch=int(found["ce_epoch"]),
        position=int(found["ce_position"]),
        partition=int(found["ce_partition"]),
        stream=stream.decode(),
        version=version,
        type=found["ce_type"].decode(),
        occurred_on=date.fromisoformat(found["ce_occurredon"].decode()),
        recorded_at=_instant(found["ce_time"].decode()),
        actor=found["ce_actor"].decode(),
        command_id=found["ce_commandid"].decode(),
        command_hash=bytes.fromhex(found["ce_commandhash"].decode()),
        correlation_id=found["ce_correlationid"].decode(),
        causation_id=found["ce_causationid"].decode(),
        traceparent=None if traceparent is None else traceparent.decode(),
        data=value,
        store_id=found["ce_storeid"].decode(),
    )
    previous = int(found["ce_previous"])
    require_possible(envelope, previous)
    return envelope, previous


def from_binary(headers: Mapping[str, bytes], value: bytes) -> tuple[Envelope, int]:
    """The envelope in a binary record's `ce_` headers; raises MalformedEvent."""
    try:
        attributes = {name[3:]: content.decode() for name, content in headers.items() if name.startswith("ce_")}
    except UnicodeDecodeError as error:
        raise MalformedEvent("a CloudEvents header is not UTF-8") from error
    return _envelope(attributes, value)


def from_structured(data: bytes) -> tuple[Envelope, int]:
    """The envelope in an event of the JSON format; raises MalformedEvent."""
    try:
        members = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        content = bytes(members.pop("data"))
        attributes = {name: str(msgspec.json.decode(value)) for name, value in members.items()}
    except KeyError as error:
        raise MalformedEvent("the event has no data in JSON") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedEvent(f"not a CloudEvent in the JSON format: {error}") from error
    return _envelope(attributes, content)


def _envelope(attributes: Mapping[str, str], data: bytes) -> tuple[Envelope, int]:
    try:
        envelope = _strict_envelope(attributes, data)
        previous = int(attributes["previous"])
        require_possible(envelope, previous)
    except KeyError as error:
        raise MalformedEvent(f"the attribute {error} is missing") from error
    except (ValueError, OverflowError) as error:  # a time of year 1 in an eastern zone overflows
        raise MalformedEvent(f"an attribute is malformed: {error}") from error
    if envelope.id != attributes["id"]:
        raise MalformedEvent(f"the id {attributes['id']} is not that of {envelope.id}")
    return envelope, previous


def _strict_envelope(attributes: Mapping[str, str], data: bytes) -> Envelope:
    """KeyError for a missing attribute, ValueError for a malformed one."""
    if attributes["specversion"] != "1.0" or not attributes["source"].startswith(SOURCE_PREFIX):
        raise ValueError("not an event of this platform")
    return Envelope(
        service=attributes["source"].removeprefix(SOURCE_PREFIX),
        epoch=int(attributes["epoch"]),
        position=int(attributes["position"]),
        partition=int(attributes["partition"]),
        stream=attributes["subject"],
        version=int(attributes["sequence"]),
        type=attributes["type"],
        occurred_on=date.fromisoformat(attributes["occurredon"]),
        recorded_at=_instant(attributes["time"]),
        actor=attributes["actor"],
        command_id=attributes["commandid"],
        command_hash=bytes.fromhex(attributes["commandhash"]),
        correlation_id=attributes["correlationid"],
        causation_id=attributes["causationid"],
        traceparent=attributes.get("traceparent"),
        data=data,
        store_id=attributes["storeid"],
    )


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is UTC:
        return instant
    if instant.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return instant.astimezone(UTC)
