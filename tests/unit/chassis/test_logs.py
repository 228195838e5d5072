"""Log lines: their form, their context, and that no secret gets into them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import structlog

from services.chassis.telemetry.logs import REDACTED, bound, configure, logger
from services.chassis.telemetry.tracing import TraceContext, tracing

LOG = logger("tests.logs")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _leave_logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    stream = io.StringIO()
    configure("info", stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def line(stream: io.StringIO) -> dict[str, Any]:
    (only,) = lines(stream)
    return only


def test_a_line_is_one_json_object(stream: io.StringIO) -> None:
    LOG.info("bread_baked", loaves=3, day=date(2017, 1, 1), note="面包\n好了")
    said = line(stream)
    assert (said["event"], said["level"], said["logger"]) == ("bread_baked", "info", "tests.logs")
    assert (said["loaves"], said["day"], said["note"]) == (3, "2017-01-01", "面包\n好了")
    assert datetime.fromisoformat(said["time"]).tzinfo == UTC
    assert "面包" in stream.getvalue()


def test_lines_below_the_level_are_left_out(stream: io.StringIO) -> None:
    LOG.debug("crumb")
    logging.getLogger("library").debug("crumb")
    configure("error", stream)
    LOG.warning("crust")
    assert lines(stream) == []


def test_the_context_of_the_work_is_on_every_line(stream: io.StringIO) -> None:
    trace = TraceContext.new()
    with tracing(trace), bound(service="bakery", command_id="c-1"):
        LOG.info("inside")
        logging.getLogger("library").warning("of %s", "others")
    LOG.info("outside")
    inside, library, outside = lines(stream)
    for said in (inside, library):
        assert (said["service"], said["command_id"], said["trace_id"]) == ("bakery", "c-1", trace.trace_id)
    assert (library["event"], library["level"], library["logger"]) == ("of others", "warning", "library")
    assert not {"service", "command_id", "trace_id"} & set(outside)


@pytest.mark.parametrize(
    "key", ["token", "access_token", "Password", "authorization", "Set-Cookie", "code", "login_code", "client_secret"]
)
def test_values_of_secret_keys_are_struck_out(stream: io.StringIO, key: str) -> None:
    LOG.info("login", **{key: "hunter2"}, inner=[{key: "hunter2"}])
    assert line(stream)[key] == REDACTED
    assert "hunter2" not in stream.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "GET /login?code=hunter2&next=/",
        "authorization: Bearer hunter2",
        "seen eyJhbGciOiJFZERTQSJ9.hunter2.hunter2 today",
        "password=hunter2",
    ],
)
def test_secrets_inside_texts_are_struck_out(stream: io.StringIO, text: str) -> None:
    LOG.info(text)
    LOG.info("nested", request={"line": text})
    logging.getLogger("library").warning(text)
    assert len(lines(stream)) == 3
    assert "hunter2" not in stream.getvalue()
    assert REDACTED in stream.getvalue()


def test_codes_that_are_no_secret_are_shown(stream: io.StringIO) -> None:
    LOG.info("refused", grpc_code="NOT_FOUND", error_code="X", unit_code="130602")
    assert {"NOT_FOUND", "X", "130602"} <= set(line(stream).values())


def test_an_exception_is_told_on_its_line_without_secrets(stream: io.StringIO) -> None:
    password = "hunter2"
    try:
        raise ValueError(f"cannot open token={password}")
    except ValueError:
        LOG.exception("failed")
    said = line(stream)
    assert said["level"] == "error"
    assert "Traceback" in said["exception"]
    assert "token=***" in said["exception"]
    assert "hunter2" not in stream.getvalue()


def test_what_has_no_json_form_does_not_stop_the_line(stream: io.StringIO) -> None:
    LOG.info("odd", value={1}, text="\udcff", path=object)
    assert line(stream)["value"] == "{1}"
    stream.getvalue().encode("utf-8")


def test_configured_again_only_the_last_stream_is_written(stream: io.StringIO) -> None:
    second = io.StringIO()
    configure("info", second)
    LOG.info("once")
    assert lines(stream) == []
    assert line(second)["event"] == "once"


def test_a_terminal_gets_a_readable_form_without_secrets() -> None:
    terminal = Terminal()
    configure("info", terminal)
    try:
        raise ValueError("oven is cold")
    except ValueError:
        LOG.exception("bread_failed", loaves=3, token="hunter2")
    text = terminal.getvalue()
    assert "bread_failed" in text
    assert "oven is cold" in text
    assert REDACTED in text
    assert "hunter2" not in text
    assert not text.startswith("{")
