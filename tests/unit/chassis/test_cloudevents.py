"""Our messages as the CloudEvents SDK reads them, the way back, and what is refused."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event, from_structured_event
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.envelope import Envelope
from services.chassis.feed.cloudevents import attributes_of, to_batch, to_binary, to_structured
from services.chassis.feed.cloudevents_reading import read_message
from services.chassis.registry import MalformedEvent
from tests.contract.doors import envelope

DATA = '{"occurred_on":"2017-03-01",  "name":"高铁新区道路", "n": 1.50}'.encode()
EVENT = envelope(7, stream="work-w-1", data=DATA)


def test_the_sdk_reads_a_binary_message() -> None:
    headers, value = to_binary(EVENT, 5)
    event = from_binary_event(KafkaMessage(headers=dict(headers), key=EVENT.stream, value=value))
    _agrees(event)


@pytest.mark.parametrize("traceparent", [None, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"])
def test_a_binary_message_bears_every_attribute(traceparent: str | None) -> None:
    event = msgspec.structs.replace(EVENT, traceparent=traceparent)
    headers, value = to_binary(event, 5)
    attributes = {f"ce_{name}": text.encode() for name, text in attributes_of(event, 5).items()}
    attributes["content-type"] = attributes.pop("ce_datacontenttype")
    if traceparent is not None:
        attributes["traceparent"] = traceparent.encode()
    assert dict(headers) == attributes
    assert len(headers) == len(attributes)
    assert value == event.data
    assert read_message(headers, value) == (event, 5)


def test_a_header_without_a_value_is_refused() -> None:
    headers = [(name, None if name == "ce_actor" else text) for name, text in to_binary(EVENT, 5)[0]]
    with pytest.raises(MalformedEvent, match="actor"):
        read_message(headers, EVENT.data)


def test_the_sdk_reads_a_structured_message() -> None:
    headers = {"content-type": b"application/cloudevents+json; charset=UTF-8"}
    event = from_structured_event(KafkaMessage(headers=headers, key=EVENT.stream, value=to_structured(EVENT, 5)))
    _agrees(event)


def _agrees(event: Any) -> None:
    assert (event.get_id(), event.get_source()) == ("work-w-1/7", "/bizenv/sample_works")
    assert (event.get_type(), event.get_subject()) == ("bizenv.work.signed.v1", "work-w-1")
    assert event.get_time() == EVENT.recorded_at
    assert event.get_dataschema() == "urn:bizenv:schema:bizenv.work.signed.v1"
    assert event.get_datacontenttype() == "application/json"
    assert event.get_data() == json.loads(DATA)
    expected = {"partitionkey": "work-w-1", "sequence": "0000000007", "position": "7", "previous": "5", "epoch": "1"}
    assert {name: event.get_extension(name) for name in expected} == expected
    assert event.get_extension("traceparent") == EVENT.traceparent
    assert event.get_extension("storeid") == "store-1"


def test_every_name_keeps_to_the_rule_and_every_value_is_text() -> None:
    for name, value in attributes_of(EVENT, 5).items():
        assert re.fullmatch(r"[a-z0-9]{1,20}", name)
        assert isinstance(value, str)
        assert value


def test_the_data_are_the_stored_bytes() -> None:
    assert to_binary(EVENT, 5)[1] == DATA
    assert b'"data":' + DATA in to_structured(EVENT, 5)


def test_the_hops_own_trace_stands_beside_the_starting_one() -> None:
    headers = dict(to_binary(EVENT, 5)[0])
    assert headers["traceparent"] == headers["ce_traceparent"] == (EVENT.traceparent or "").encode()
    without = msgspec.structs.replace(EVENT, traceparent=None)
    assert not {"traceparent", "ce_traceparent"} & set(dict(to_binary(without, 5)[0]))


ENVELOPES = st.builds(
    Envelope,
    service=st.sampled_from(["project_tracking", "rectification"]),
    epoch=st.integers(1, 9),
    position=st.integers(2**53, 2**63 - 1),
    partition=st.integers(0, 11),
    stream=st.from_regex(r"\A[a-z_]{1,9}-[A-Za-z0-9._-]{1,64}\Z"),
    version=st.integers(1, 2**31 - 1),
    type=st.just("bizenv.work.signed.v1"),
    occurred_on=st.dates(),
    recorded_at=st.just(EVENT.recorded_at),
    actor=st.just("city_group:wang@130600"),
    command_id=st.uuids().map(str),
    command_hash=st.binary(min_size=32, max_size=32),
    correlation_id=st.uuids().map(str),
    causation_id=st.uuids().map(str),
    traceparent=st.none() | st.just(EVENT.traceparent),
    data=st.just(DATA),
    store_id=st.uuids().map(str),
)


@given(ENVELOPES, st.integers(0, 2**53 - 1))
def test_both_modes_come_back_equal(event: Envelope, previous: int) -> None:
    assert read_message(*to_binary(event, previous)) == (event, previous)
    structured = [("content-type", b"Application/CloudEvents+JSON; charset=UTF-8")]
    assert read_message(structured, to_structured(event, previous)) == (event, previous)


def test_the_mode_is_known_by_the_content_type_alone() -> None:
    other = to_binary(envelope(9), 8)[0]
    headers = [("content-type", b"application/cloudevents+json"), *other[1:]]
    assert read_message(headers, to_structured(EVENT, 5))[0] == EVENT


def test_a_batch_holds_each_event() -> None:
    batch = json.loads(to_batch([(EVENT, 5), (envelope(8), 7)]))
    assert [event["position"] for event in batch] == ["7", "8"]
    assert json.loads(to_batch([])) == []


def _changed(name: str, value: bytes | None) -> list[tuple[str, bytes]]:
    headers = [pair for pair in to_binary(EVENT, 5)[0] if pair[0] != name]
    return headers if value is None else [*headers, (name, value)]


def _versioned(version: int, stream: bytes = b"work-w-1") -> list[tuple[str, bytes]]:
    changed = {"ce_sequence": b"%d" % version, "ce_subject": stream, "ce_id": b"%b/%d" % (stream, version)}
    return [*(dict(to_binary(EVENT, 5)[0]) | changed).items()]


STRUCTURED = [("content-type", b"application/cloudevents+json")]
WHOLE = to_structured(EVENT, 5)
MALFORMED = {
    "binary without a content type": (_changed("content-type", None), DATA),
    "binary of plain text": (_changed("content-type", b"text/plain"), DATA),
    "binary of XML": (_changed("content-type", b"application/xml"), b"<work/>"),
    "binary of bytes that are not JSON": (to_binary(EVENT, 5)[0], b"<work/>"),
    "binary of JSON that is no object": (to_binary(EVENT, 5)[0], b"[1]"),
    "binary of JSON too deep": (to_binary(EVENT, 5)[0], b'{"a":' + b"[" * 100_000),
    "binary of JSON that is not UTF-8": (to_binary(EVENT, 5)[0], b'{"name":"\xff"}'),
    "a header given twice": ([*to_binary(EVENT, 5)[0], ("ce_actor", b"clerk:li")], DATA),
    "a header given twice, once in capitals": ([*to_binary(EVENT, 5)[0], ("CE_Actor", b"clerk:li")], DATA),
    "a content type given twice": ([("content-type", b"text/plain"), *to_binary(EVENT, 5)[0]], DATA),
    "structured in XML": ([("content-type", b"application/cloudevents+xml")], WHOLE),
    "structured in no named format": ([("content-type", b"application/cloudevents")], WHOLE),
    "structured without a content type": ([], WHOLE),
    "structured with data of XML": (STRUCTURED, WHOLE.replace(b"application/json", b"application/xml")),
    "structured with data that are text": (STRUCTURED, WHOLE.replace(DATA, b'"<work/>"')),
    "structured with a member twice": (STRUCTURED, b'{"actor":"clerk:li",' + WHOLE[1:]),
    "structured with an attribute that is no text": (STRUCTURED, WHOLE.replace(b'"position":"7"', b'"position":7')),
    "structured with data of both kinds": (STRUCTURED, b'{"data_base64":"e30=",' + WHOLE[1:]),
    "a missing attribute": (_changed("ce_epoch", None), DATA),
    "nothing of its store": (_changed("ce_storeid", None), DATA),
    "a position beyond 63 bits": (_changed("ce_position", b"1" + b"0" * 19), DATA),
    "a position before the previous one": (_changed("ce_previous", b"7"), DATA),
    "a previous position below 0": (_changed("ce_previous", b"-1"), DATA),
    "a version beyond 31 bits": (_versioned(2**31), DATA),
    "a version of 0": (_versioned(0), DATA),
    "an epoch beyond 31 bits": (_changed("ce_epoch", b"2147483648"), DATA),
    "an epoch of 0": (_changed("ce_epoch", b"0"), DATA),
    "a partition below 0": (_changed("ce_partition", b"-1"), DATA),
    "a time before all times": (_changed("ce_time", b"0001-01-01T00:00:00+08:00"), DATA),
    "a NUL in a name": (_changed("ce_actor", b"clerk:\0"), DATA),
    "a stream that no index takes": (_versioned(7, b"work-" + b"w" * 3000), DATA),
    "a position that is no number": (_changed("ce_position", b"x"), DATA),
    "a date that is none": (_changed("ce_occurredon", b"2017-02-30"), DATA),
    "a time without zone": (_changed("ce_time", b"2017-03-01T00:00:00"), DATA),
    "a hash that is none": (_changed("ce_commandhash", b"zz"), DATA),
    "another specification": (_changed("ce_specversion", b"0.3"), DATA),
    "another platform's source": (_changed("ce_source", b"/other/x"), DATA),
    "an id of another event": (_changed("ce_id", b"work-w-1/8"), DATA),
    "a header that is not UTF-8": (_changed("ce_actor", b"\xff"), DATA),
    "no value": (to_binary(EVENT, 5)[0], None),
    "a batch": ([("content-type", b"application/cloudevents-batch+json")], b"[]"),
    "structured text that is not JSON": (STRUCTURED, b"{"),
    "structured without data": (STRUCTURED, b'{"specversion":"1.0"}'),
    "structured with data in base64": (STRUCTURED, b'{"specversion":"1.0","data_base64":"e30="}'),
    "structured text too deep": (STRUCTURED, b'{"data":' + b"[" * 100_000),
}


def test_data_in_base64_are_named() -> None:
    with pytest.raises(MalformedEvent, match="bears data_base64, bytes of any kind, where data in JSON are needed"):
        read_message(STRUCTURED, b'{"specversion":"1.0","data_base64":"e30="}')


@pytest.mark.parametrize("kind", [b"application/json; charset=utf-8", b"Application/JSON"])
def test_a_content_type_of_json_may_bear_more(kind: bytes) -> None:
    assert read_message(_changed("content-type", kind), DATA) == (EVENT, 5)


def test_headers_of_others_beside_ours_say_nothing() -> None:
    others = [("b3", b"1"), ("b3", b"2"), ("Content-Encoding", None)]
    assert read_message([*to_binary(EVENT, 5)[0], *others], DATA) == (EVENT, 5)


def test_the_json_format_says_that_data_of_no_named_kind_are_json() -> None:
    plain = WHOLE.replace(b'"datacontenttype":"application/json",', b"")
    assert plain != WHOLE
    assert read_message(STRUCTURED, plain) == (EVENT, 5)
    assert read_message(STRUCTURED, WHOLE.replace(b'"specversion"', b'"extra":null,"specversion"')) == (EVENT, 5)


@pytest.mark.parametrize("case", MALFORMED)
def test_what_is_malformed_is_refused(case: str) -> None:
    with pytest.raises(MalformedEvent):
        read_message(*MALFORMED[case])
