"""The traceparent header, and the current trace of a task."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.telemetry.tracing import TraceContext, current_trace, tracing

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADER = f"00-{TRACE}-{SPAN}-01"


def test_a_header_is_read_and_written() -> None:
    assert TraceContext.parse(HEADER) == TraceContext(TRACE, SPAN, 1)
    assert TraceContext(TRACE, SPAN, 0).header == f"00-{TRACE}-{SPAN}-00"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        HEADER.upper(),
        HEADER + "-00",
        HEADER + "\n",
        " " + HEADER,
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0g",
        f"01-{TRACE}-{SPAN}-01x",
    ],
)
def test_a_malformed_header_begins_a_new_trace(header: str) -> None:
    assert TraceContext.parse(header) is None
    begun = TraceContext.incoming(header)
    assert begun.trace_id != TRACE
    assert TraceContext.parse(begun.header) == begun


def test_a_later_version_is_read_as_far_as_known() -> None:
    assert TraceContext.parse(f"01-{TRACE}-{SPAN}-ff-more") == TraceContext(TRACE, SPAN, 1)


def test_work_for_a_caller_is_a_child_of_its_span() -> None:
    context = TraceContext.incoming(HEADER)
    assert context.trace_id == TRACE
    assert context.span_id != SPAN
    assert TraceContext.incoming(None).trace_id != TraceContext.incoming(None).trace_id


@given(st.text())
def test_no_text_is_an_error(header: str) -> None:
    TraceContext.incoming(header)


def test_the_current_trace_is_the_tasks_own() -> None:
    async def work(context: TraceContext) -> TraceContext | None:
        with tracing(context):
            await asyncio.sleep(0)
            return current_trace()

    async def both() -> list[TraceContext | None]:
        return await asyncio.gather(*(work(context) for context in contexts))

    contexts = [TraceContext.new(), TraceContext.new()]
    assert asyncio.run(both()) == contexts
    assert current_trace() is None
