"""Tokens and login links: who may come in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from services.catalogue import SERVICES
from services.chassis.auth import ROLE_PURPOSES, ROLE_TITLES, Principal, Role
from services.chassis.errors import InvalidRequest, Violation
from services.chassis.hosting.city import registry_of
from services.chassis.settings import Settings
from services.chassis.time.city_clock import city_clock
from services.cli.app import app
from services.cli.opening import access_to, form_of, open_store, prepare, store_info
from services.policy_registry.events import (
    UNIT_REGISTRY_EVENTS,
    CityRegister,
    RegistryFactPlace,
    UnitRegister,
    city_register_after,
    unit_with_code,
)

_ROLES = "\n".join(
    f"  {role.value:11} {ROLE_TITLES[role]}:{chinese} · {english}" for role, (chinese, english) in ROLE_PURPOSES.items()
)
_HELP = f"""签发访问令牌或登录链接 · issue an access token, or a login link for a browser.

只有能读数据文件夹中密钥的人可以签发 · only who can read the keys in the data folder can issue one.

\b
角色 · roles (docs/rights.md 列出每项权限 · lists every right):
{_ROLES}
"""


@app.command(help=_HELP)
def token(
    role: Annotated[Role, typer.Option(help="角色 · role")],
    account: Annotated[str, typer.Option(help="账号,记入每条事件 · account, written on each event")],
    unit: Annotated[str | None, typer.Option(help="单位代码(县级角色必填)· unit code, for county roles")] = None,
    days: Annotated[float, typer.Option(min=0.001, max=366, help="有效天数 · days of validity")] = 30,
    login: Annotated[
        bool, typer.Option("--login", help="改为打印一次性登录链接 · print a one-time login link instead")
    ] = False,
) -> None:
    """Print what lets somebody in."""
    given = prepare()
    access = access_to(given, store_info(given).store_id)
    if unit is not None:
        _require_member(given, unit)
    principal = Principal(account=account, role=role, unit=unit)
    if not login:
        print(access.token(principal, days))
        return
    base = given.public_url or f"http://{given.http_host}:{given.http_port}"
    print(f"{base}/login?code={access.logins.create(principal, datetime.now(UTC))}")


def _require_member(given: Settings, code: str) -> None:
    """Refuse a code that no unit of the city bears today."""
    today = city_clock(form_of(given), SERVICES).today()
    if unit_with_code(_register(given), code, today) is None:
        chinese = f"名录中今天没有代码为 {code} 的单位"
        raise InvalidRequest(Violation("unit", chinese, f"no unit of the register bears the code {code} today"))


def _register(given: Settings) -> UnitRegister:
    """The register of units from the facts themselves: views may be behind while nobody serves."""
    registry, wanted = registry_of(SERVICES), {event.type for event in UNIT_REGISTRY_EVENTS}
    known: CityRegister | None = None
    store = open_store(given, "policy_registry")
    for envelope in store.scan():
        if envelope.type in wanted:
            place = RegistryFactPlace(envelope.entity, envelope.position, envelope.version)
            known = city_register_after(known, place, registry.decode(envelope.type, envelope.data))
    store.close()
    return UnitRegister() if known is None else known.register
