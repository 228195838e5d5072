"""Which processes a local city has and at which ports: settled at the first start, kept until others are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

from deploy.processes import LOOPBACK, ServerError, free_port

MOST_REPLICAS = 9


@dataclass(frozen=True)
class Ports:
    http: int
    grpc: int
    metrics: int


FIRST = Ports(http=8080, grpc=50051, metrics=9464)
"""Where `make run` has them as well; further processes take the next ones."""


@dataclass(frozen=True)
class Part:
    """One process of one service."""

    name: str
    service: str
    ports: Ports

    @property
    def http(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.http}"

    @property
    def grpc(self) -> str:
        return f"{LOOPBACK}:{self.ports.grpc}"


def replicas_in(text: str, services: Sequence[str]) -> dict[str, int]:
    """`project_tracking=2,projection=2`: how many processes a service has. ServerError for anything else."""
    found = {}
    for one in filter(None, text.replace(",", " ").split()):
        service, _, number = one.partition("=")
        if service not in services or not number.isdigit() or not 1 <= int(number) <= MOST_REPLICAS:
            raise ServerError(
                f"REPLICAS 中的 {one} 无效,应为 服务名=1 至 {MOST_REPLICAS} · {one} in REPLICAS is not valid: "
                f"service=number, 1 to {MOST_REPLICAS}, of {', '.join(services)}"
            )
        found[service] = int(number)
    return found


def names_of(services: Sequence[str], replicas: Mapping[str, int]) -> list[tuple[str, str]]:
    """Name and service of each process; the further ones of a service stand behind the first of each."""
    most = max([1, *replicas.values()])
    return [
        (service if number == 1 else f"{service}-{number}", service)
        for number in range(1, most + 1)
        for service in services
        if number <= replicas.get(service, 1)
    ]


def lay_out(
    names: Iterable[tuple[str, str]],
    kept: Sequence[Part] = (),
    *,
    free: bool = False,
    usable: Callable[[Part], bool] = lambda _: True,
) -> list[Part]:
    """The parts of these names. One that is kept keeps its ports, where they are `usable` if free ones are asked for;
    another gets the known ports that come next, or `free` ones."""
    names = list(names)
    wanted = {name for name, _ in names}
    settled = {part.name: part for part in kept if part.name in wanted and (not free or usable(part))}
    more = _free() if free else _next(part.ports for part in settled.values())
    return [settled[name] if name in settled else Part(name, service, next(more)) for name, service in names]


def peers_of(parts: Iterable[Part]) -> str:
    """As BIZENV_PEERS takes it."""
    return ",".join(f"{part.service}={part.grpc}" for part in parts)


def load(file: Path) -> list[Part]:
    """The layout that was written there; nothing where none was."""
    if not file.exists():
        return []
    told = json.loads(file.read_text(encoding="utf-8"))
    return [Part(one["name"], one["service"], Ports(**one["ports"])) for one in told]


def save(parts: Iterable[Part], file: Path) -> None:
    """Whole or not at all."""
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps([asdict(part) for part in parts], indent=1), encoding="utf-8")
    draft.replace(file)


def _next(used: Iterable[Ports]) -> Iterator[Ports]:
    taken = set(used)
    for step in count():
        ports = Ports(FIRST.http + step, FIRST.grpc + step, FIRST.metrics + step)
        if ports not in taken:
            yield ports


def _free() -> Iterator[Ports]:
    while True:
        yield Ports(free_port(), free_port(), free_port())
