"""The envelope in a CloudEvent, as `cloudevents` writes it and as others may: binary or structured.

A reader knows the mode by `content-type` alone, as the Kafka binding says; `ce_` headers beside a structured message
mean nothing. In binary mode that header is the attribute `datacontenttype` and has no default, so what bears none, or
another than JSON, is no event of ours (our AsyncAPI requires it as well); the JSON format alone says that data without
a `datacontenttype` are JSON. Nothing is given twice, and data are a JSON object: whoever applies them reads no other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import cast

import msgspec

from services.chassis.envelope import Envelope
from services.chassis.errors import InvalidRequest
from services.chassis.feed.cloudevents import DATA_TYPE, SOURCE_PREFIX
from services.chassis.feed.event_bounds import require_possible
from services.chassis.registry import MalformedEvent
from services.chassis.validation.repeated import refuse_repeated

_JSON = DATA_TYPE.encode()
_STRUCTURED = b"application/cloudevents+json"
_OUR_HEADERS = (22, 24)
"""How many a record of ours has, without and with a trace."""

_read_json = msgspec.json.Decoder(msgspec.Raw).decode
_PREFIX = SOURCE_PREFIX.encode()


def read_message(headers: Collection[tuple[str, bytes | None]], value: bytes | None) -> tuple[Envelope, int]:
    """The envelope and the previous position in a Kafka record of either mode; raises MalformedEvent."""
    found = dict(headers)
    if value is not None and found.get("content-type") == _JSON and len(headers) == len(found) in _OUR_HEADERS:
        try:
            return _read_ours(cast(dict[str, bytes], found), value)
        except (KeyError, ValueError, AttributeError, TypeError, OverflowError):
            pass  # not as ours are written: what is wrong with it is told below
    known = _each_once(headers)
    kind = known.get("content-type", b"").partition(b";")[0].strip().lower()
    if kind.startswith(b"application/cloudevents-batch"):
        raise MalformedEvent("a batch of CloudEvents has no place in a Kafka record")
    if value is None:
        raise MalformedEvent("the record has no value")
    if kind == _STRUCTURED:
        return from_structured(value)
    if kind != _JSON:
        told = kind.decode(errors="replace") or "none"
        raise MalformedEvent(f"its content-type is {told}: neither JSON nor a CloudEvent in the JSON format")
    return from_binary(known, value)


def _each_once(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, bytes]:
    """The headers that have a value, by their names in small letters; others' own may be given twice."""
    known: dict[str, bytes] = {}
    for name, content in headers:
        key = name.lower()
        if key in known and (key == "content-type" or key.startswith("ce_")):
            raise MalformedEvent(f"the header {key} is given twice")
        if content is not None:
            known[key] = content
    return known


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
    _require_object(value)
    return envelope, previous


def _require_object(data: bytes) -> None:
    """Raise ValueError for data that are no JSON object in UTF-8."""
    try:
        _read_json(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"its data are not JSON: {error}") from error
    if not data.isascii():
        data.decode()
    if not data.lstrip().startswith(b"{"):
        raise ValueError("its data are no JSON object")


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
        refuse_repeated(data)
        content = members.pop("data", None)
        texts = {name: msgspec.json.decode(value, type=str | None) for name, value in members.items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, InvalidRequest) as error:
        raise MalformedEvent(f"not a CloudEvent in the JSON format: {error}") from error
    attributes = {name: text for name, text in texts.items() if text is not None}  # null: it is not set
    if "data_base64" in attributes:
        raise MalformedEvent("the event bears data_base64, bytes of any kind, where data in JSON are needed")
    if content is None:
        raise MalformedEvent("the event has no data in JSON")
    kind = attributes.get("datacontenttype", DATA_TYPE).partition(";")[0].strip().lower()
    if kind != DATA_TYPE:
        raise MalformedEvent(f"its datacontenttype is {kind}, not JSON")
    return _envelope(attributes, bytes(content))


def _envelope(attributes: Mapping[str, str], data: bytes) -> tuple[Envelope, int]:
    try:
        envelope = _strict_envelope(attributes, data)
        previous = int(attributes["previous"])
        require_possible(envelope, previous)
        _require_object(data)
    except KeyError as error:
        raise MalformedEvent(f"the attribute {error} is missing") from error
    except (ValueError, OverflowError) as error:  # a time of year 1 in an eastern zone overflows
        raise MalformedEvent(f"an attribute, or the data, is malformed: {error}") from error
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
