"""Carrying out the faults of a schedule, several at a time, never two on the same thing. What happened is counted."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kafka.errors import KafkaError

from deploy.kafka.broker import Broker
from tests.faults.distributed import schedule
from tests.faults.distributed.city import StormCity
from tests.faults.distributed.happening import Excused, Missed, More, require
from tests.faults.distributed.jumping import jump
from tests.faults.distributed.schedule import Fault
from tests.faults.distributed.stray import Stray
from tests.small_disk import SmallDisk

JOIN_SECONDS = 120.0
PATIENCE_SECONDS = 8.0
"""For one of the same kind, or on the same server, to be over."""
FULL_SECONDS = 15.0
"""For somebody to meet the end of a full disk."""
MANY = 32
MORE_TRIES = 3
NO_MOUNT = "we may mount no disk here"


class Strikes:
    """Does what the schedule says, when it says so."""

    def __init__(self, city: StormCity, tell: Callable[[str], None]) -> None:
        self.done: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        self.excused: dict[str, str] = {}
        """Per kind that this machine does not allow, the reason."""
        self.wrong: list[str] = []
        self._city = city
        self._tell = tell
        self._began = time.monotonic()
        self._busy: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._never = threading.Event()
        self._scheduled: dict[str, list[Fault]] = {}

    def run(self, faults: Iterable[Fault]) -> None:
        """Returns when the last one is over."""
        self._began = time.monotonic()
        with ThreadPoolExecutor(MANY) as pool:
            for fault in faults:
                self._pass(fault.at - (time.monotonic() - self._began))
                self._scheduled.setdefault(fault.kind, []).append(fault)
                pool.submit(self._strike, fault)

    def make_up(self) -> list[str]:
        """Try again, one after another, each kind of which nothing happened so far; returns those that never did, but
        for the excused ones."""
        for kind, faults in self._scheduled.items():
            for fault in [*faults, *faults[-1:] * MORE_TRIES]:
                if not self.done[kind] and kind not in self.excused:
                    self._strike(fault)
        return [kind for kind in self._scheduled if not self.done[kind] and kind not in self.excused]

    def _pass(self, seconds: float) -> None:
        """Let so much time go by."""
        if seconds > 0:
            self._never.wait(seconds)

    def _strike(self, fault: Fault) -> None:
        try:
            self._do(fault)
        except (Missed, KafkaError) as reason:
            self.missed[fault.kind] += 1
            if isinstance(reason, Excused):
                self.excused[fault.kind] = str(reason)
            self._say(f"{fault}: did not happen, {reason!r}")
        except Exception as error:  # noqa: BLE001 - told as a failure of the storm, whatever it is
            self.wrong.append(f"{fault}: {error!r}")
            self._say(f"{fault}: FAILED, {error!r}")
        else:
            self.done[fault.kind] += 1
            self._say(f"{fault}: done")

    def _say(self, what: str) -> None:
        self._tell(f"{time.monotonic() - self._began:7.1f} s  {what}")

    def _do(self, fault: Fault) -> None:
        key = self._key(fault)
        if key is None:
            self._how(fault)(fault)
            return
        lock = self._busy[key]
        require(lock.acquire(timeout=PATIENCE_SECONDS), "another one is under way there")
        try:
            self._how(fault)(fault)
        finally:
            lock.release()

    @staticmethod
    def _key(fault: Fault) -> str | None:
        """Faults of the same one come one after another; None: it may come at any time, also during others."""
        if fault.kind in (schedule.KILL, schedule.REPEAT, schedule.DELAY, schedule.JUMP):
            return None
        if fault.kind in (schedule.PAUSE, schedule.JOIN_OR_LEAVE):
            return f"{fault.kind} {fault.target}"
        return fault.target.partition(" ")[0]

    def _how(self, fault: Fault) -> Callable[[Fault], None]:
        return {
            schedule.KILL: self._kill,
            schedule.PAUSE: self._pause,
            schedule.JOIN_OR_LEAVE: self._join_or_leave,
            schedule.JUMP: self._jump,
            schedule.KILL_DATABASE: self._kill_database,
            schedule.PAUSE_DATABASE: self._pause_database,
            schedule.DATABASE_AWAY: self._database_away,
            schedule.DISK_FULL: self._fill_disk,
            schedule.KILL_BROKER: self._kill_broker,
            schedule.PAUSE_BROKER: self._pause_broker,
            schedule.BROKER_AWAY: self._broker_away,
            schedule.BROKER_DISK_FULL: self._fill_broker_disk,
            schedule.REPEAT: self._repeat,
            schedule.DELAY: self._delay,
        }[fault.kind]

    def _kill(self, fault: Fault) -> None:
        require(self._city.workers[fault.target].kill(), "it does not run")

    def _pause(self, fault: Fault) -> None:
        worker = self._city.workers[fault.target]
        require(worker.pause(), "it does not run")
        self._pass(fault.seconds)
        worker.resume()

    def _join_or_leave(self, fault: Fault) -> None:
        """A further process of a service comes or goes: partitions are assigned anew in the middle of batches."""
        worker = self._city.workers[fault.target]
        if worker.wanted:
            code = worker.stop()
            if code not in (0, None):
                raise AssertionError(f"a clean stop ended with {code}")
            return
        joined = More(worker.log, b"partitions assigned")
        worker.start()
        require(joined.within(JOIN_SECONDS), "it was assigned nothing in time")

    def _jump(self, fault: Fault) -> None:
        jump(self._city.clock, fault.seconds)

    def _kill_database(self, fault: Fault) -> None:
        require(self._city.postgres.process is not None, "it does not run")
        self._city.postgres.kill()
        self._pass(fault.seconds)
        self._city.postgres.start()

    def _pause_database(self, fault: Fault) -> None:
        require(self._city.postgres.process is not None, "it does not run")
        self._city.postgres.pause()
        self._pass(fault.seconds)
        self._city.postgres.resume()

    def _database_away(self, fault: Fault) -> None:
        require(self._city.postgres.process is not None, "it does not run")
        self._city.postgres.stop()
        self._pass(fault.seconds)
        self._city.postgres.start()

    def _fill_disk(self, fault: Fault) -> None:
        """Counts when the server has met the end of its disk. It may die of that."""
        postgres = self._city.postgres
        self._fill(self._city.disk, postgres.log, fault, postgres.start)

    def _kill_broker(self, fault: Fault) -> None:
        broker = self._running(fault)
        broker.kill()
        self._bring_back(broker, fault)

    def _pause_broker(self, fault: Fault) -> None:
        broker = self._running(fault)
        broker.pause()
        self._pass(fault.seconds)
        broker.resume()

    def _broker_away(self, fault: Fault) -> None:
        broker = self._running(fault)
        broker.stop()
        self._bring_back(broker, fault)

    def _fill_broker_disk(self, fault: Fault) -> None:
        """Counts when the broker has met the end of its disk, of which it dies."""
        broker = self._running(fault)

        def back() -> None:
            broker.kill()  # unless it has halted by itself
            self._bring_back(broker, fault)

        self._fill(self._city.broker_disks.get(broker.node), broker.log, fault, back)

    def _fill(self, disk: SmallDisk | None, told: Path, fault: Fault, back: Callable[[], None]) -> None:
        """Fill the disk of a server for some time. It must have met its end, and `back` brings it back."""
        if disk is None:
            raise Excused(NO_MOUNT)
        met = More(told, b"No space left on device")
        disk.fill()
        try:
            happened = met.within(FULL_SECONDS)
            self._pass(fault.seconds)
        finally:
            disk.free()
            back()
        require(happened, "nobody met the end of the disk")

    def _running(self, fault: Fault) -> Broker:
        found = self._city.kafka.brokers[int(fault.target.removeprefix("broker ")) - 1]
        require(found.process is not None, "it does not run")
        return found

    def _bring_back(self, broker: Broker, fault: Fault) -> None:
        self._pass(fault.seconds)
        broker.start()
        broker.wait_ready([one.node for one in self._city.kafka.brokers])

    def _repeat(self, fault: Fault) -> None:
        stray = self._stray(fault)
        records = stray.take(newest=False)
        require(records, "there is nothing yet")
        stray.send(records)

    def _delay(self, fault: Fault) -> None:
        """Counts when others have come behind what is late."""
        stray = self._stray(fault)
        records = stray.take(newest=True)
        require(records, "there is nothing yet")
        self._pass(fault.seconds)
        grown = stray.has_grown(records)
        stray.send(records)
        require(grown, "nothing came meanwhile, so it was a repetition")

    def _stray(self, fault: Fault) -> Stray:
        city = self._city
        topic = f"{city.city.settings['kafka_topic_prefix']}{fault.target}.events"
        return Stray(city.kafka.servers, topic, fault.seed)
