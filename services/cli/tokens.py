"""Tokens and login links: who may come in."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated

import typer

from services.catalogue import SERVICES
from services.chassis.auth import ROLE_PURPOSES, ROLE_TITLES, Principal, Role
from services.chassis.errors import InvalidRequest, Violation
from services.chassis.forms.form import Form
from services.chassis.hosting.city import registry_of
from services.chassis.time.city_clock import city_clock
from services.cli.app import app
from services.cli.opening import access_to, form_with_city, prepare, store_info
from services.policy_registry.events import (
    UNIT_REGISTRY_EVENTS,
    CityRegister,
    RegistryFactPlace,
    UnitRegister,
    city_register_after,
    unit_with_code,
)

_GIVEN = [role for role in Role if role is not Role.SYSTEM]
"""The roles of persons and programs; by its own nobody acts but the platform itself."""

_ROLES = "\n".join(
    f"  {role.value:11} {ROLE_TITLES[role]}:{chinese} · {english}"
    for role, (chinese, english) in ROLE_PURPOSES.items()
    if role in _GIVEN
)
_HELP = f"""签发访问令牌或登录链接 · issue an access token, or a login link for a browser.

只有能读数据文件夹中密钥的人可以签发 · only who can read the keys in the data folder can issue one.

\b
角色 · roles (docs/rights.md 列出每项权限 · lists every right):
{_ROLES}
"""


def _known(name: str) -> str:
    if name not in list(_GIVEN):
        known = ", ".join(_GIVEN)
        raise typer.BadParameter(f"没有角色 {name};有 {known} · there is no role {name}; there are {known}")
    return name


@app.command(help=_HELP)
def token(
    role: Annotated[str, typer.Option(callback=_known, metavar="ROLE", help="角色,见上 · role, one of those above")],
    account: Annotated[str, typer.Option(help="账号,记入每条事件 · account, written on each event")],
    unit: Annotated[str | None, typer.Option(help="单位代码(县级角色必填)· unit code, for county roles")] = None,
    days: Annotated[float, typer.Option(min=0.001, max=366, help="有效天数 · days of validity")] = 30,
    login: Annotated[
        bool, typer.Option("--login", help="改为打印一次性登录链接 · print a one-time login link instead")
    ] = False,
) -> None:
    """Print what lets somebody in."""
    given = prepare()
    with form_with_city(given) as form:
        access = access_to(form, given, store_info(form).store_id)
        if unit is not None:
            _require_member(form, unit)
    principal = Principal(account=account, role=Role(role), unit=unit)
    if not login:
        print(access.token(principal, days))
        return
    base = given.public_url or f"http://{given.http_host}:{given.http_port}"
    print(f"{base}/login?code={access.logins.create(principal, datetime.now(UTC))}")


def _require_member(form: Form, code: str) -> None:
    """Refuse a code that no unit of the city bears today."""
    today = city_clock(form, SERVICES).today()
    if unit_with_code(_register(form), code, today) is None:
        chinese = f"名录中今天没有代码为 {code} 的单位"
        raise InvalidRequest(Violation("unit", chinese, f"no unit of the register bears the code {code} today"))


def _register(form: Form) -> UnitRegister:
    """The register of units from the facts themselves: views may be behind while nobody serves."""
    registry, wanted = registry_of(SERVICES), {event.type for event in UNIT_REGISTRY_EVENTS}
    known: CityRegister | None = None
    with closing(form.store("policy_registry")) as store:
        for envelope in store.scan():
            if envelope.type in wanted:
                place = RegistryFactPlace(envelope.entity, envelope.position, envelope.version)
                known = city_register_after(known, place, registry.decode(envelope.type, envelope.data))
    return UnitRegister() if known is None else known.register
