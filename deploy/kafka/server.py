"""An own Kafka on this machine: one or three brokers in a folder, at loopback ports, stopped by pid.

    python deploy/kafka/server.py fetch
    python deploy/kafka/server.py start --folder var/kafka [--port 19092] [--brokers 3]
    python deploy/kafka/server.py stop --folder var/kafka

Standard library only; needs Java 17 and the jars that `fetch` brings by Maven (`make servers` sees to both).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deploy.kafka import jars
from deploy.kafka.cluster import KafkaServer, Security
from deploy.kafka.warm_up import share_classes
from deploy.processes import ServerError

__all__ = ["KafkaServer", "Security"]


def main() -> int:
    parser = argparse.ArgumentParser(description="An own Kafka on this machine.")
    parser.add_argument("action", choices=("fetch", "start", "stop"))
    parser.add_argument("--folder", type=Path, help="where its data, settings and logs are")
    parser.add_argument("--port", type=int, action="append", default=[], help="for clients; once for each broker")
    parser.add_argument("--brokers", type=int, help="one (as without this) or three, settled at the first start")
    parser.add_argument("--quick", action="store_true", help="notice a dead broker within seconds, as tests do")
    arguments = parser.parse_args()
    if arguments.action != "fetch" and arguments.folder is None:
        parser.error("--folder is needed")
    try:
        _act(arguments)
    except ServerError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _act(arguments: argparse.Namespace) -> None:
    if arguments.action == "fetch":
        jars.java()
        jars.fetch()
        share_classes()
        print(f"Kafka 就绪 · Kafka's jars are in {jars.folder()}")
        return
    server = KafkaServer(arguments.folder, arguments.brokers, arguments.port, quick=arguments.quick)
    if arguments.action == "start":
        server.start()
        print(f"Kafka 已启动 · Kafka answers at {server.servers}")
    else:
        server.stop()
        print("Kafka 已停止 · Kafka is stopped")


if __name__ == "__main__":
    sys.exit(main())
