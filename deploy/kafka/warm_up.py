"""One run of a broker by which Java learns its classes: every later start takes half the time.

Java writes what it loaded into an archive beside the jars (class-data sharing), for exactly these jars and this Java.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from deploy.kafka import jars
from deploy.kafka.cluster import KafkaServer
from deploy.processes import alone

DUMP_SECONDS = 120.0


def share_classes() -> None:
    """Make the archive unless it is there. Without one a broker starts all the same.

    ServerError when the broker does not come up.
    """
    archive = jars.archive()
    with alone(archive.parent), tempfile.TemporaryDirectory(prefix="kafka-warm-up-") as folder:
        if archive.exists():
            return
        draft = archive.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        print("预热 Kafka · letting Kafka run once, for quicker starts", flush=True)
        server = KafkaServer(Path(folder), quick=True, jvm_options=[f"-XX:ArchiveClassesAtExit={draft}"])
        try:
            server.start()
            if _ended_by_itself(server):
                draft.rename(archive)
        finally:
            server.kill()


def _ended_by_itself(server: KafkaServer) -> bool:
    """Java writes the archive as the last thing: killed before, it would leave half of one."""
    [broker] = server.brokers
    process = broker.process
    broker.ask_to_stop()
    return process is not None and process.wait(DUMP_SECONDS)
