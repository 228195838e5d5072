"""What `bizenv doctor` sees of the doors of this city's processes: at the ports of the settings, and of the peers."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from services.catalogue import SERVICES
from services.chassis.errors import Unavailable
from services.chassis.event_store import StoreUnusable
from services.chassis.hosting.http_server import CITY_HEADER
from services.chassis.service import Service
from services.chassis.settings import Settings
from services.chassis.settings.servers import peers_of
from services.chassis.settings.tls import peers_roots
from services.cli.finding import Finding
from services.cli.opening import form_of, store_info

ANSWER_SECONDS = 3.0

_FOREIGN = "不是 bizenv 的进程 · is not a process of bizenv's"


def doors(given: Settings) -> Iterator[Finding]:
    """Nothing there, a process of this city and how it is, or whose else the port is."""
    for what, host, port, ask in (
        ("HTTP", given.http_host, given.http_port, _http),
        ("gRPC", given.grpc_host, given.grpc_port, _grpc),
        ("metrics", given.metrics_host, given.metrics_port, _metrics),
    ):
        place = f"{what} {host}:{port}"
        if port == 0:
            yield Finding(True, f"{place} 任取空闲端口 · any free port is taken")
        elif not _listens(_reachable(host), port):
            yield Finding(True, f"{place} 空闲 · free")
        else:
            yield from (Finding(each.good, f"{place} {each.sentence}") for each in ask(given, _reachable(host), port))


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), ANSWER_SECONDS):
            return True
    except OSError:
        return False


def _reachable(host: str) -> str:
    """Where a door is asked that listens on all addresses."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def _url(host: str, port: int, path: str) -> str:
    return f"http://[{host}]:{port}{path}" if ":" in host else f"http://{host}:{port}{path}"


def _get(url: str) -> httpx.Response | None:
    try:
        return httpx.get(url, timeout=ANSWER_SECONDS, trust_env=False)
    except httpx.HTTPError:
        return None


def _http(given: Settings, host: str, port: int) -> Iterator[Finding]:
    answer = _get(_url(host, port, "/readyz"))
    health = _health_in(answer)
    if answer is None or health is None:
        yield Finding(False, _FOREIGN)
        return
    theirs, ours = answer.headers.get(CITY_HEADER), _own_id(given)
    if theirs is not None and theirs != ours:
        own = "无 none" if ours is None else ours
        yield Finding(False, f"是另一座城市的进程(编号 {theirs},本城市 {own})· serves another city ({theirs})")
    elif health["troubles"]:
        yield from (Finding(False, f"未就绪 · not ready: {each}") for each in health["troubles"])
    else:
        yield Finding(True, "本城市的进程已就绪 · a process of this city is ready")
    yield from (Finding(False, f"注意 · notice: {each}") for each in health["notices"])


def _health_in(answer: httpx.Response | None) -> dict[str, list[str]] | None:
    """What `/readyz` of ours says; None: it is not ours."""
    try:
        found = {} if answer is None else answer.json()
    except ValueError:
        return None
    if not isinstance(found, dict) or not {"troubles", "notices"} <= found.keys():
        return None
    return found


def _own_id(given: Settings) -> str | None:
    try:
        with form_of(given) as form:
            return store_info(form).store_id
    except (StoreUnusable, Unavailable):
        return None


def _metrics(_given: Settings, host: str, port: int) -> Iterator[Finding]:
    answer = _get(_url(host, port, "/metrics"))
    good = answer is not None and "bizenv_build_info" in answer.text
    yield Finding(good, "bizenv 的指标 · metrics of bizenv's" if good else _FOREIGN)


def _grpc(given: Settings, host: str, port: int) -> Iterator[Finding]:
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if given.grpc_certificate_file is not None:
        yield _shakes_hands(given.grpc_certificate_file, host, port)
        return
    yield _health_of(address, None, "")


def _shakes_hands(certificate: Path, host: str, port: int) -> Finding:
    """A door with TLS: whether it shows the certificate that is set, which need not name this address."""
    try:
        shown = ssl.get_server_certificate((host, port), timeout=ANSWER_SECONDS)
    except OSError as error:
        return Finding(False, f"未按 TLS 应答 · does not speak TLS: {error}")
    ours = ssl.PEM_cert_to_DER_cert(shown) in _certificates(certificate)
    sentence = "按 TLS 应答 · speaks TLS with the certificate that is set"
    other = "出示的不是 BIZENV_GRPC_CERTIFICATE_FILE 的证书 · shows another certificate than the one that is set"
    return Finding(ours, sentence if ours else other)


def _certificates(file: Path) -> list[bytes]:
    end = "-----END CERTIFICATE-----"
    blocks = [part + end for part in file.read_text(encoding="ascii", errors="replace").split(end)[:-1]]
    return [ssl.PEM_cert_to_DER_cert(block[block.index("-----BEGIN") :]) for block in blocks]


def peers(given: Settings) -> Iterator[Finding]:
    """Each service that another process has, at each of its addresses."""
    known = {service.name: service for service in SERVICES}
    roots = peers_roots(given)
    for name, addresses in peers_of(given, known).items():
        for address in addresses:
            found = _health_of(address, roots, _full_name(known[name]))
            yield Finding(found.good, f"BIZENV_PEERS {name} {address} {found.sentence}")


def _full_name(service: Service) -> str:
    """By which health knows it."""
    from services.chassis.contracts.descriptors import build_contracts  # noqa: PLC0415 - slow to load

    return next(each.full_name for each in build_contracts([service]).services if each.service == service.name)


def _health_of(address: str, roots: bytes | None, service: str) -> Finding:
    import grpc  # noqa: PLC0415 - slow to load
    from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: PLC0415

    from services.chassis.peers.channels import OPTIONS  # noqa: PLC0415

    credentials = None if roots is None else grpc.ssl_channel_credentials(roots)
    options = [each for each in OPTIONS if not each[0].startswith("grpc.service_config")]
    channel: Any = (
        grpc.insecure_channel(address, options=options)
        if credentials is None
        else grpc.secure_channel(address, credentials, options=options)
    )
    with channel:
        try:
            asked = health_pb2.HealthCheckRequest(service=service)
            answer = health_pb2_grpc.HealthStub(channel).Check(asked, timeout=ANSWER_SECONDS)
        except grpc.RpcError as error:
            return _refusal(error, service)
    serving = answer.status == health_pb2.HealthCheckResponse.SERVING
    return Finding(serving, "已就绪 · serving" if serving else "未就绪 · not serving")


def _refusal(error: Any, service: str) -> Finding:
    import grpc  # noqa: PLC0415 - slow to load

    from services.chassis.peers.handshakes import trouble_in  # noqa: PLC0415

    if error.code() is grpc.StatusCode.NOT_FOUND:
        return Finding(False, f"的进程不提供 {service} · does not have this service")
    if error.code() is grpc.StatusCode.UNIMPLEMENTED:
        return Finding(False, _FOREIGN)
    trouble = trouble_in(error.details())
    if trouble is not None:
        return Finding(False, f"{trouble.chinese} · {trouble.english}")
    return Finding(False, f"无 gRPC 应答 · no answer over gRPC ({error.code().name})")
