"""What the AsyncAPI document says of Kafka itself: ways in, topics and their settings."""

from __future__ import annotations

from services.chassis.contracts.jsonschema import Schema
from services.chassis.kafka.topics import TopicShape

BINDING = "0.5.0"

_SHAPE = TopicShape(replication=3, min_insync=2)
"""Of a city with three brokers or more, as a city makes its topics unless it is told otherwise."""

_SHOWN = ("cleanup.policy", "retention.ms", "retention.bytes", "max.message.bytes", "min.insync.replicas")


def servers() -> Schema:
    """By password over TLS, and without either."""
    return {
        "kafka": {
            "host": "{bootstrap}",
            "protocol": "kafka-secure",
            "description": "The city's Kafka: TLS, with a user and password or with a certificate of your own.",
            "variables": {"bootstrap": _bootstrap("kafka.bizenv.example:9093")},
            "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in security_schemes()],
        },
        "inside": {
            "host": "{bootstrap}",
            "protocol": "kafka",
            "description": "Neither TLS nor password: within a network of the city's own.",
            "variables": {"bootstrap": _bootstrap("kafka.internal:9092")},
        },
    }


def _bootstrap(default: str) -> Schema:
    return {"default": default, "description": "`host:port` of one or more brokers; the operator gives it to you."}


def security_schemes() -> Schema:
    return {
        "sasl": {"type": "scramSha512", "description": "SASL_SSL with SCRAM-SHA-512: user and password over TLS."},
        "certificate": {"type": "X509", "description": "SSL with a client's certificate, where the city asks for one."},
    }


def channel(topic: str, partitions: int) -> Schema:
    """What holds of every topic of ours."""
    return {
        "address": topic,
        "servers": [{"$ref": f"#/servers/{name}"} for name in servers()],
        "bindings": {"kafka": _topic_binding(topic, partitions)},
    }


def _topic_binding(topic: str, partitions: int) -> Schema:
    settings = _SHAPE.settings()
    return {
        "topic": topic,
        "partitions": partitions,
        "replicas": _SHAPE.replication,
        "topicConfiguration": {name: _setting(name, settings[name]) for name in _SHOWN},
        "bindingVersion": BINDING,
    }


def _setting(name: str, value: str) -> object:
    """As the binding writes it."""
    return value.split(",") if name == "cleanup.policy" else int(value)


def message_binding(key: Schema) -> Schema:
    return {"kafka": {"key": key, "bindingVersion": BINDING}}
