"""`docs/operations.md`, "For users on other machines": what its unit sets, and what that does behind its proxy."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

from deploy.processes import free_port
from services.chassis.grpc_server.requests import LONGEST_SECONDS
from services.chassis.settings import Settings
from tests.processes import ROOT, serving, told

MANUAL = (ROOT / "docs" / "operations.md").read_text("utf-8")
LISTINGS: dict[str, str] = dict(re.findall(r"<!-- example: (\S+) -->\n```\w+\n(.*?)```", MANUAL, re.DOTALL))
UNIT, PROXY = LISTINGS["bizenv.service"], LISTINGS["nginx.conf"]
SETTINGS: dict[str, str] = dict(re.findall(r"^Environment=(\w+)=(.+)$", UNIT, re.MULTILINE))


def test_the_unit_and_the_proxy_fit_the_settings() -> None:
    settings = Settings.load(SETTINGS)
    assert settings.secure_cookies
    assert settings.public_url == "https://" + found_in(r"server_name (\S+);", PROXY)
    assert f"proxy_pass http://127.0.0.1:{settings.http_port};" in PROXY
    assert int(found_in(r"client_max_body_size (\d+)m;", PROXY)) * 1024**2 == settings.max_message_bytes
    assert int(found_in(r"proxy_read_timeout (\d+)s;", PROXY)) > LONGEST_SECONDS
    assert int(found_in(r"TimeoutStopSec=(\d+)", UNIT)) >= settings.shutdown_grace_seconds + 20


def found_in(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found is not None, pattern
    return found[1]


def test_a_user_comes_in_by_the_public_address(city: Path) -> None:
    public = SETTINGS["BIZENV_PUBLIC_URL"]
    told_alike = {"public_url": public, "secure_cookies": "true"}
    link = httpx.URL(told(city, "token", "--role", "city_group", "--account", "zhao", "--login", **told_alike).strip())
    assert f"{link.scheme}://{link.host}" == public
    with serving(city, http_port=str(free_port()), **told_alike) as server, httpx.Client(base_url=server.http) as proxy:
        as_told = {"Host": link.host}
        answer = proxy.get(link.raw_path.decode(), headers=as_told)
        [cookie] = answer.headers.get_list("set-cookie")
        assert answer.status_code == 200
        assert {"secure", "httponly"} <= set(cookie.lower().split("; "))
        session = {**as_told, "Cookie": cookie.partition(";")[0]}
        assert proxy.get("/", headers=session).status_code == 200
        foreign = proxy.post("/logout", headers={**session, "Origin": "https://elsewhere.example"})
        ours = proxy.post("/logout", headers={**session, "Origin": public})
        assert (foreign.status_code, ours.status_code) == (403, 303)
