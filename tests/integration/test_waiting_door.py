"""What a process answers over HTTP while it waits for its servers."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx

from deploy.processes import free_port
from services.chassis.errors import Unavailable
from services.chassis.hosting.waiting_start import start_with_servers
from services.chassis.settings import Settings
from tests.waiting import eventually


def test_everything_but_health_is_to_be_tried_again(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, http_port=free_port(), wait_for_servers_seconds=60)
    found: list[httpx.Response] = []
    asking = threading.Thread(target=_ask, args=(f"http://127.0.0.1:{settings.http_port}", found))
    asking.start()

    def look() -> None:
        if asking.is_alive():
            raise Unavailable("数据库不在", "the database is away")

    start_with_servers(look, lambda: None, settings)
    asking.join()
    assert [response.status_code for response in found] == [200, 503, 503, 503, 503]
    assert found[1].json()["troubles"]
    for response in found[2:]:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["code"] == "UNAVAILABLE"
        assert "retry-after" in response.headers


def _ask(base: str, found: list[httpx.Response]) -> None:
    with httpx.Client(base_url=base) as client:
        eventually(lambda: _listens(client), what="the door")
        found += [client.get(path) for path in ("/livez", "/readyz", "/v1/projects/p-1", "/board")]
        found.append(client.post("/v1/projects/p-1/register", json={}))


def _listens(client: httpx.Client) -> bool:
    try:
        return client.get("/livez").status_code == 200
    except httpx.TransportError:
        return False
