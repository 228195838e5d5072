"""The topics as a stranger reads them: librdkafka, the official CloudEvents SDK, and the published contract."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from cloudevents.core.bindings.kafka import to_structured_event
from confluent_kafka import KafkaError, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from services.chassis.bus.port import Delivery, Subscription
from services.chassis.kafka.topics import ensure_topic
from tests.e2e.outside.conftest import INTEGRATOR, SECONDS, SERVICES, PublishedCity
from tests.e2e.outside.contract import Contract
from tests.e2e.outside.course import Course, unordered
from tests.e2e.outside.judge import event_of, flaws
from tests.e2e.outside.records import Record, read_whole
from tests.imports import imports_of
from tests.waiting import eventually

HERE = Path(__file__).resolve().parent
CONTRACT = HERE.parents[2] / "proto" / "events" / "asyncapi.json"
OUTSIDERS = ("contract", "records", "judge", "course")
GROUP = f"{INTEGRATOR}.test"
MAY_KNOW = {"confluent_kafka", "cloudevents", "jsonschema", "referencing", *sys.stdlib_module_names}


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract(CONTRACT)


@pytest.fixture(scope="module")
def topics(published: PublishedCity) -> Mapping[str, list[Record]]:
    """What the integrator reads, by service."""
    return {service: read_whole(published.topic(service), published.login(), GROUP) for service in SERVICES}


@pytest.fixture(scope="module")
def chinese(topics: Mapping[str, list[Record]]) -> Record:
    """A record with everything: Chinese text, a trace, an event before it."""
    return next(
        record
        for record in topics["project_tracking"]
        if not record.value.isascii()
        and dict(record.headers).get("traceparent")
        and dict(record.headers)["ce_previous"] != b"0"
    )


@pytest.mark.parametrize("module", OUTSIDERS)
def test_the_outsider_knows_nothing_of_this_platform(module: str) -> None:
    tree = ast.parse((HERE / f"{module}.py").read_text(encoding="utf-8"))
    others = {f"{__package__}.{other}" for other in OUTSIDERS}
    assert {name for name in imports_of(tree) if name.partition(".")[0] not in MAY_KNOW} <= others
    assert not any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree))


@pytest.mark.parametrize("service", SERVICES)
def test_every_event_is_as_the_contract_says(
    topics: Mapping[str, list[Record]], published: PublishedCity, contract: Contract, service: str
) -> None:
    records = topics[service]
    assert len(records) == published.stores[service].last_position() > 0
    wrong = {f"{record.topic}/{record.partition}/{record.offset}": flaws(record, contract) for record in records}
    assert {place: found for place, found in wrong.items() if found} == {}


def test_what_occurs_is_most_of_what_is_declared(topics: Mapping[str, list[Record]], contract: Contract) -> None:
    """The others' examples are held to the same schemas by the tests of the contract."""
    for records in topics.values():
        types = {dict(record.headers)["ce_type"].decode() for record in records}
        assert types <= contract.names(records[0].topic)
    assert len(types) > 20
    assert any(dict(record.headers).get("traceparent") for record in records)


def test_each_event_comes_once_and_in_its_place(topics: Mapping[str, list[Record]]) -> None:
    seen: set[tuple[str, str]] = set()
    for records in topics.values():
        course = Course()
        assert course.take(records) == records
        assert (course.again, course.ahead) == (0, 0)
        assert unordered(records) == []
        events = [event_of(record) for record in records]
        ids = {(event.get_source(), event.get_id()) for event in events}
        assert len(ids) == len(records)
        assert not ids & seen
        seen |= ids
        assert sorted(int(event.get_extension("position")) for event in events) == list(range(1, len(events) + 1))


def test_what_comes_twice_late_or_early_is_taken_once(topics: Mapping[str, list[Record]]) -> None:
    """As after a send that failed: what was behind it is there before it, and then once more."""
    records = [record for record in topics["project_tracking"] if record.partition == 3]
    early = [*records[:5], *records[6:9], *records[2:]]
    course = Course()
    assert course.take(early) == records
    assert (course.again, course.ahead) == (3, 3)


def test_chinese_comes_through(chinese: Record) -> None:
    text = json.dumps(event_of(chinese).get_data(), ensure_ascii=False)
    assert any("一" <= letter <= "鿿" for letter in text)
    assert json.loads(chinese.value) == json.loads(text)


def test_signed_heads_are_as_the_contract_says(published: PublishedCity, contract: Contract) -> None:
    for service in SERVICES:
        records = read_whole(f"bizenv.{service}.heads", published.login(), GROUP)
        assert records
        (name,) = contract.names(records[0].topic)
        message = contract.message(records[0].topic, name)
        assert message is not None
        for record in records:
            message.headers.validate({name: content.decode() for name, content in record.headers})
            message.payload.validate(json.loads(record.value))
            assert record.key == service.encode()


def header(name: str, value: bytes) -> Callable[[Record], Record]:
    return lambda record: replace(record, headers=tuple({**dict(record.headers), name: value}.items()))


def without(name: str) -> Callable[[Record], Record]:
    return lambda record: replace(record, headers=tuple(each for each in record.headers if each[0] != name))


def payload(change: Callable[[dict[str, object]], object]) -> Callable[[Record], Record]:
    def changed(record: Record) -> Record:
        data = json.loads(record.value)
        change(data)
        return replace(record, value=json.dumps(data, ensure_ascii=False).encode())

    return changed


HARM: dict[str, tuple[Callable[[Record], Record], str]] = {
    "no id": (without("ce_id"), "'ce_id' is a required property"),
    "no source": (without("ce_source"), "SDK"),
    "no position": (without("ce_position"), "'ce_position' is a required property"),
    "no content type": (without("content-type"), "'content-type' is a required property"),
    "a time that is none": (header("ce_time", b"yesterday"), "SDK"),
    "a day that is none": (header("ce_occurredon", b"2017"), "ce_occurredon"),
    "another type": (header("ce_type", b"bizenv.project.resumed.v1"), "ce_dataschema"),
    "an unknown type": (header("ce_type", b"bizenv.project.resumed.v9"), "has no place on"),
    "another service": (header("ce_source", b"/bizenv/policy_registry"), "source:"),
    "another stream": (header("ce_subject", b"project-elsewhere"), "key:"),
    "another version": (header("ce_sequence", b"0000099999"), "id:"),
    "another partition": (lambda record: replace(record, partition=record.partition + 1), "partition:"),
    "another key": (lambda record: replace(record, key=b"project-elsewhere"), "key:"),
    "no key": (lambda record: replace(record, key=None), "key:"),
    "another trace": (header("traceparent", b"00-" + b"1" * 32 + b"-" + b"1" * 16 + b"-01"), "traceparent:"),
    "a header twice": (lambda record: replace(record, headers=(*record.headers, record.headers[0])), "comes 2 times"),
    "capitals": (lambda record: header("CE_Actor", b"a:b")(without("ce_actor")(record)), "not lower-case"),
    "no JSON": (lambda record: replace(record, value=b"\x00"), "data: no JSON"),
    "not UTF-8": (lambda record: replace(record, value="中文".encode("gbk")), "data: no JSON"),
    "an empty payload": (payload(dict.clear), "is a required property"),
    "a number for a text": (payload(lambda data: data.update(dict.fromkeys(data, 5))), "payload:"),
}


@pytest.mark.parametrize("harm", HARM)
def test_every_violation_is_caught(chinese: Record, contract: Contract, harm: str) -> None:
    change, told = HARM[harm]
    assert flaws(chinese, contract) == []
    found = flaws(change(chinese), contract)
    assert any(told in flaw for flaw in found), found


def test_an_event_that_is_missing_or_out_of_order_is_noticed(topics: Mapping[str, list[Record]]) -> None:
    records = [record for record in topics["project_tracking"] if record.partition == 3]
    holey = [*records[:10], *records[11:]]
    course = Course()
    assert course.take(holey) == records[:10]
    assert course.ahead == len(records) - 11
    assert unordered(records) == []
    assert unordered(records[1:])
    assert unordered([*records, records[-1]])


@pytest.mark.parametrize("service", SERVICES)
def test_the_topics_are_set_as_the_contract_says(published: PublishedCity, contract: Contract, service: str) -> None:
    admin = AdminClient(published.login("bizenv"))
    for topic in (f"bizenv.{service}.events", f"bizenv.{service}.heads"):
        binding = contract.channels[topic]["bindings"]["kafka"]
        resource = ConfigResource(ResourceType.TOPIC, topic)
        settings = admin.describe_configs([resource])[resource].result(SECONDS)
        for name, wanted in binding["topicConfiguration"].items():
            told = ",".join(wanted) if isinstance(wanted, list) else str(wanted)
            assert settings[name].value == told or name == "min.insync.replicas"  # of one broker here
        assert len(admin.list_topics(topic).topics[topic].partitions) == binding["partitions"]


def test_an_integrator_may_not_write(published: PublishedCity) -> None:
    told: list[KafkaError | None] = []
    producer = Producer({**published.login(), "message.timeout.ms": SECONDS * 1000})
    producer.produce(published.topic(SERVICES[0]), b"{}", on_delivery=lambda error, _: told.append(error))
    assert producer.flush(SECONDS) == 0
    (error,) = told
    assert error is not None
    assert error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_the_structured_form_is_read_as_the_binary_one(published: PublishedCity, chinese: Record) -> None:
    """As the SDK writes it, sent by librdkafka."""
    with closing(published.line_of("structured.")) as line:
        shape, service = line.shape, "project_tracking"
        ensure_topic(line.cluster, service, published.stores[service].info.partitions, shape, 0)
        message = to_structured_event(event_of(chinese))
        structured = replace(chinese, headers=tuple(message.headers.items()), value=message.value)
        published.send(line.cluster.topic_of(service), [chinese, structured])
        with closing(line.bus.subscribe("reader", [service], shared=False)) as subscription:
            first, second = deliveries(subscription, 2)
    assert second.previous == first.previous > 0
    assert msgspec.json.decode(second.envelope.data) == msgspec.json.decode(first.envelope.data)
    assert msgspec.structs.replace(second.envelope, data=first.envelope.data) == first.envelope


def deliveries(subscription: Subscription, count: int) -> list[Delivery]:
    found: list[Delivery] = []

    def read() -> bool:
        found.extend(subscription.poll(0.1, 100))
        if subscription.assignment and not found:
            for source in subscription.progress():
                subscription.seek(source, 0)
        return len(found) >= count

    eventually(read)
    return found
