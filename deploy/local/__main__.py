"""A city in several processes on this machine, without containers: PostgreSQL, Kafka, each service by itself.

    python -m deploy.local check --folder var-local
    python -m deploy.local up --folder var-local [--replicas project_tracking=2] [--ports free]
    python -m deploy.local down --folder var-local [--services project_tracking]

`make up-local` and `make down-local` call it.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from deploy.local.city import LocalCity, Wanted
from deploy.local.layout import replicas_in
from deploy.local.telling import Teller
from deploy.postgres.layout import check_way
from deploy.processes import ServerError
from services.catalogue import SERVICES

COCKPIT = "projection"
"""Whose process has the pages; it is the first, at the ports of `make run`."""


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    arguments = _arguments()
    teller = Teller()
    city = LocalCity(arguments.folder, _services(), teller)
    try:
        if arguments.action == "check":
            check_way(city.postgres.folder)
        elif arguments.action == "up":
            _up(city, arguments, teller)
        else:
            _down(city, arguments.services, teller)
    except ServerError as error:
        teller.end_line()
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="deploy.local", description="A city in several processes on this machine.")
    parser.add_argument("action", choices=("check", "up", "down"))
    parser.add_argument("--folder", type=Path, required=True, help="where its data, logs and password are")
    parser.add_argument("--replicas", default="", help="processes of a service: project_tracking=2,projection=2")
    parser.add_argument("--ports", choices=("", "free"), default="", help="free: any ports where the known are taken")
    parser.add_argument(
        "--services",
        default="",
        help="down: end these only, with commas (all: every service), not PostgreSQL and Kafka",
    )
    parser.add_argument("--programme", default="baoding-2017", help="of the rehearsal that is made at first")
    parser.add_argument("--until", default="2017-09-29", help="the day until which it lives")
    parser.add_argument("--seed", default="1")
    return parser.parse_args()


def _services() -> list[str]:
    names = [service.name for service in SERVICES]
    return [COCKPIT, *(name for name in names if name != COCKPIT)]


def _up(city: LocalCity, arguments: argparse.Namespace, teller: Teller) -> None:
    replicas = replicas_in(arguments.replicas, _services()) if arguments.replicas else None
    rehearsal = ("--programme", arguments.programme, "--until", arguments.until, "--seed", arguments.seed)
    started = city.up(Wanted(replicas, arguments.ports == "free", rehearsal))
    told = f"已就绪 · ready; 已启动 · started: {', '.join(started)}" if started else "已在运行 · runs already"
    teller.say(f"bizenv {told}")
    _tell_addresses(city, teller)


def _tell_addresses(city: LocalCity, teller: Teller) -> None:
    first = city.parts[0]
    teller.say(f"  驾驶舱 cockpit  {first.http}/")
    teller.say(f"  登录链接 login  {city.login()}  (一次有效,15 分钟内 · once, within 15 minutes)")
    for part in city.parts:
        metrics = f"http://127.0.0.1:{part.ports.metrics}/metrics"
        teller.say(f"  {part.name:18} {part.http}  gRPC {part.grpc}  指标 metrics {metrics}")
    teller.say(f"  {'PostgreSQL':18} 127.0.0.1:{city.postgres.port}/bizenv")
    teller.say(f"  {'Kafka':18} {city.kafka.servers}")
    teller.say(f"  日志 logs       {city.folder}/services/*/serve.log")
    teller.say(f"  命令行 bizenv   set -a; . {city.settings_file}; set +a")
    teller.say("  停止 stop       make down-local")


def _down(city: LocalCity, services: str, teller: Teller) -> None:
    ended = city.down_services(_named(services)) if services else city.down()
    if ended:
        teller.say(f"已停止 · stopped: {', '.join(ended)};数据保留在 · data stay in {city.folder}")
    else:
        teller.say(f"没有运行中的进程 · nothing of {city.folder} runs")


def _named(services: str) -> list[str]:
    """ServerError for a name that no service has."""
    known = _services()
    names = known if services == "all" else services.split(",")
    if unknown := [name for name in names if name not in known]:
        raise ServerError(f"没有服务 {unknown[0]} · no such service; known: {', '.join(known)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
