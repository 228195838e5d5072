"""One visit of a page: who looks, in which language, at which day by which knowledge; and links that keep all that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from starlette.requests import Request

from services.chassis.auth import Principal
from services.chassis.commanding.gateway import Call, Gateway, Receipt
from services.chassis.deadline import Deadline
from services.chassis.domain import Command
from services.chassis.errors import InvalidRequest, Violation
from services.chassis.http_api import SESSION_COOKIE, while_connected
from services.chassis.service import Query
from services.chassis.telemetry.tracing import TraceContext
from services.chassis.validation import convert
from services.projection.as_of import require_reachable
from services.projection.cockpit.formats import Formats
from services.projection.cockpit.labels import LABELS, LANGUAGES, Language, Texts

LANGUAGE_COOKIE = "bizenv_lang"
SECONDS = 10.0
"""How long a page waits for its answers."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
Q = TypeVar("Q", bound=Query)


def language_of(request: Request) -> Language:
    """As chosen by the switch, now or before; Chinese first."""
    for given in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if given in LANGUAGES:
            return given
    return "zh"


@dataclass(frozen=True)
class Times:
    """The day looked at, and whether by the knowledge of then. On today both are one."""

    on: date
    then: bool
    today: date

    @property
    def past(self) -> bool:
        return self.on < self.today

    @property
    def first(self) -> date:
        """Where the slider begins: the year of the day looked at."""
        return date(self.on.year, 1, 1)

    @property
    def last(self) -> date:
        return min(date(self.on.year, 12, 31), self.today)

    @property
    def month_before(self) -> date:
        """The last day of the month before."""
        return self.on.replace(day=1) - timedelta(days=1)

    @property
    def month_after(self) -> date:
        """The last day of the month, or of the next one where the day is that already; never after today."""
        following = self.on + timedelta(days=1)
        end = (following.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        return min(end, self.today)

    def shifted(self, days: int) -> date:
        return self.on + timedelta(days=days)


def times_of(request: Request, today: date) -> Times:
    """The times in the URL; raises InvalidRequest for what is no day, lies in the future or too far back."""
    given, known = request.query_params.get("on", "").strip(), request.query_params.get("known", "") or "now"
    if known not in ("now", "then"):
        raise InvalidRequest(_violation("known", "error.known"))
    on = day_of("on", given) if given else today
    require_reachable(on, today)
    return Times(on=on, then=known == "then" and on < today, today=today)


def day_of(field: str, text: str) -> date:
    """The day that this parameter names; raises InvalidRequest."""
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise InvalidRequest(_violation(field, "error.date", given=text[:40]))


def _violation(field: str, key: str, **values: object) -> Violation:
    chinese, english = LABELS[key]
    return Violation(field, chinese.format(**values), english.format(**values))


class Visit:
    """What a page's handler needs; `ask` goes through the gateway, which holds to the visitor's rights."""

    def __init__(self, request: Request, principal: Principal, gateway: Gateway, today: date) -> None:
        self.request = request
        self.principal = principal
        self.language = language_of(request)
        self.t = Texts(self.language)
        self.f = Formats(self.language)
        self.times = times_of(request, today)
        self._gateway = gateway
        self._trace = TraceContext.incoming(request.headers.get("traceparent"))
        self._deadline = Deadline.after(SECONDS)

    @property
    def path(self) -> str:
        return self.request.url.path

    def param(self, name: str) -> str:
        return self.request.query_params.get(name, "").strip()

    async def ask(self, query: Query) -> Any:
        """The answer by the visitor's rights; raises the errors of `chassis.errors`."""
        asked = self._gateway.ask(query, self._call())
        return await asked if query.token is None else await while_connected(self.request, asked)

    async def tell(self, command: Command, command_id: str) -> Receipt:
        """Carry out a command by the visitor's rights; raises DomainError and the errors of `chassis.errors`."""
        return await self._gateway.execute(command, self._call(command_id))

    def _call(self, command_id: str | None = None) -> Call:
        """With the session's own token, so that a service of another process checks the visitor's right itself."""
        return Call(
            principal=self.principal,
            deadline=self._deadline,
            command_id=command_id,
            traceparent=self._trace.header,
            bearer=self.request.cookies.get(SESSION_COOKIE),
        )

    def query(self, kind: type[Q], **fields: Any) -> Q:
        """A query with the visit's times and, after a form was sent, its position token."""
        known_on = self.times.on if self.times.then else None
        told = {"on": self.times.on, "known_on": known_on, "token": self.param("token") or None, **fields}
        return kind(**told)

    def filters(self, kind: type[Q], names: Mapping[str, bool], **fields: Any) -> Q:
        """A query whose fields come from the URL (`names`: field → whether it repeats), but for those that `fields`
        settles; raises InvalidRequest."""
        given: dict[str, Any] = {}
        for name, repeats in names.items():
            values = [value for value in self.request.query_params.getlist(name) if value.strip()]
            if values:
                given[name] = values if repeats else values[-1].strip()
        read = convert(given, kind, from_text=True)
        return msgspec.structs.replace(self.query(kind), **{name: getattr(read, name) for name in given} | fields)

    def link(self, path: str, **params: Any) -> str:
        """A URL of ours that keeps the day, the knowledge and, where it was chosen in the URL, nothing else."""
        kept: dict[str, Any] = {}
        if self.times.past:
            kept["on"] = self.times.on.isoformat()
            if self.times.then:
                kept["known"] = "then"
        return with_params(path, {**kept, **params})

    def here(self, **changes: Any) -> str:
        """This page with some parameters changed (None: left out); page and position tokens never survive."""
        kept: dict[str, Any] = {}
        for name in self.request.query_params:
            if name not in ("token", "done", "lang", "page_token", "code"):
                kept[name] = self.request.query_params.getlist(name)
        return with_params(self.path, {**kept, **changes})


def with_params(path: str, params: Mapping[str, Any]) -> str:
    given = {name: value for name, value in params.items() if value not in (None, "", [], ())}
    text = urlencode(given, doseq=True)
    return f"{path}?{text}" if text else path


def segment(value: str) -> str:
    """A value as one segment of a path."""
    return quote(value, safe="")
