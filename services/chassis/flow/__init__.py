"""Proof that nothing is lost on its way: event store, topic and views of each service held against each other."""

from services.chassis.flow.audit import audit_flow
from services.chassis.flow.report import FlowCode, FlowFinding, FlowReport, NoticeCode, ServiceFlow, TopicFlow, ViewFlow
from services.chassis.flow.topics import Topics

__all__ = [
    "FlowCode",
    "FlowFinding",
    "FlowReport",
    "NoticeCode",
    "ServiceFlow",
    "TopicFlow",
    "Topics",
    "ViewFlow",
    "audit_flow",
]
