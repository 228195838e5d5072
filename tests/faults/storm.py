"""A storm: the serving process is killed again and again under load, and nothing may be lost or doubled.

    python -m tests.faults.storm --seed 1 --rounds 50 [--data DIR]

The same seed picks the same moments; how much got through before each is the machine's. Without --data the city
lives in a folder that is removed afterwards, unless something is wrong with it.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from services.chassis.faults import POINTS
from tests.clients import HttpClient
from tests.faults.callers import SETTLE_SECONDS, Callers
from tests.faults.check import check_served, check_stopped, count_events, read_journal
from tests.processes import BIZENV, ROOT, Server, environment, init, token
from tests.waiting import eventually

DEATH_SECONDS = 90.0
"""A process that has not reached its fault point by then is killed where it stands."""
AFTERWARDS = 100
"""Commands that must still go through when the city is served again."""
SETTINGS = {
    "tree_head_seconds": "0.2",
    "log_level": "warning",
    "consumer_batch": "40",
    "poll_busy_milliseconds": "20",
}
"""With many small batches, so that a consumer's fault points come soon."""
ALL_ROUNDS = 50
"""In so many rounds every fault point must have been reached."""


EMBEDDED_POINTS = frozenset(point for point in POINTS if not point.startswith("relay."))
"""This form has no relay: its event tables are the bus."""


class Blow(NamedTuple):
    """How a round ends its process: at the n-th passing of a fault point, or (point empty) after n acknowledgements.
    `rebuild` runs a rebuild meanwhile, which may have a fault point of its own."""

    point: str
    times: int
    rebuild: str | None = None

    def __str__(self) -> str:
        where = f"{self.point}:{self.times}" if self.point else f"any moment after {self.times} more commands"
        return where if self.rebuild is None else f"{where}, in a rebuild {self.rebuild}".rstrip()


KINDS = (
    *(("", 800), ("", 800), ("store.committed", 200)),
    *(("consumer.mid_batch", 60), ("consumer.written", 60), ("consumer.committed", 60)),
    *(("truth.appended", 20), ("truth.announced", 8), ("truth.stored", 8), ("truth.published", 8)),
)
"""Fault points with the largest count to wait for."""
REBUILDS = ("", "rebuild.page", "rebuild.swap")


def pick(dice: random.Random, number: int) -> Blow:
    """Every point comes round; the counts are random. Every third round has a rebuild."""
    point, most = KINDS[number % len(KINDS)]
    return Blow(point, dice.randint(1, most), REBUILDS[number // 3 % 3] if number % 3 == 2 else None)


class Kills:
    """How the processes ended."""

    def __init__(self) -> None:
        self.reached: Counter[str] = Counter()
        """By themselves, at this fault point."""
        self.timed_out: Counter[str] = Counter()
        """By us, because they did not reach this point in time."""
        self.anywhere = 0
        """By us, as it was meant."""

    def __str__(self) -> str:
        reached, timed_out = self.reached.total(), self.timed_out.total()
        kills = f"{reached + timed_out + self.anywhere} kills"
        return f"{kills} ({reached} at a fault point, {self.anywhere} at any moment, {timed_out} by time-out)"

    def wrong(self, rounds: int) -> list[str]:
        """The points that were never reached, though there was time for all."""
        return [
            f"{point} was never reached"
            for point in sorted(EMBEDDED_POINTS - set(self.reached))
            if rounds >= ALL_ROUNDS
        ]

    def table(self) -> str:
        reached = [f"{point} {count}" for point, count in sorted(self.reached.items())]
        timed_out = [f"{point} {count}" for point, count in sorted(self.timed_out.items())]
        return f"reached: {', '.join(reached) or '-'}; killed by time-out: {', '.join(timed_out) or '-'}"


class Storm:
    """One city through many rounds."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.data = folder / "var"
        self.kills = Kills()
        self._dice = random.Random(seed)
        init(self.data)
        self._access = token(self.data, "city_group", account="storm")
        self._callers = Callers(folder, self._access, seed)

    def round(self, number: int) -> list[str]:
        """Kill, start again, let all be acknowledged, stop; returns what is wrong then."""
        blow = pick(self._dice, number)
        self.suffer(blow)
        if self._dice.random() < 0.25:
            self.suffer(Blow("consumer.committed", self._dice.randint(1, 3)))
        server = Server(self.data, **SETTINGS)
        try:
            wrong = self._recover(server)
        finally:
            if server.alive:
                server.kill()
        return [f"round {number} ({blow}): {each}" for each in wrong]

    def _recover(self, server: Server) -> list[str]:
        server.ready()
        self._callers.go(server)
        enough = self._callers.acknowledged() + AFTERWARDS
        eventually(lambda: self._callers.acknowledged() >= enough, SETTLE_SECONDS, "commands after the recovery")
        wrong = [] if self._callers.settle() else ["the city was lost without a fault"]
        with HttpClient(server.http, self._access) as client:
            wrong += check_served(self.data, client)
        code = server.stop()
        if code != 0 or "Traceback" in server.log():
            wrong.append(f"a clean stop ended with {code}:\n{server.log()}")
        return wrong + check_stopped(self.data, read_journal(self._callers.journal))

    def suffer(self, blow: Blow) -> None:
        """Serve under load until the blow falls."""
        fault = {"fault": f"{blow.point}:{blow.times}"} if blow.point else {}
        server = Server(self.data, **SETTINGS, **fault)
        rebuild: subprocess.Popen[bytes] | None = None
        by_itself = True
        try:
            eventually(lambda: server.is_announced or not server.alive, SETTLE_SECONDS, "a start or a death")
            if server.alive:
                before = self._callers.acknowledged()
                self._callers.go(server)
                rebuild = None if blow.rebuild is None else self._rebuild(blow.rebuild)
                self._await(server, blow, before)
        finally:
            if server.alive:
                by_itself = False
                server.kill()
            if rebuild is not None and blow.rebuild is not None:
                self._end_rebuild(rebuild, blow.rebuild)
        assert server.wait() == -9, f"the server ended without a kill: {server.log()}"
        if not blow.point:
            self.kills.anywhere += 1
        elif by_itself:
            self.kills.reached[blow.point] += 1
        else:
            self.kills.timed_out[blow.point] += 1

    def _await(self, server: Server, blow: Blow, before: int) -> None:
        """Until the process is dead, or as much is acknowledged as the blow wants and some time passed beyond."""
        if blow.point:
            deadline = time.monotonic() + DEATH_SECONDS
            eventually(lambda: not server.alive or time.monotonic() > deadline, DEATH_SECONDS + 10)
            return
        enough = before + blow.times
        eventually(
            lambda: self._callers.acknowledged() >= enough or not server.alive, SETTLE_SECONDS, "acknowledged commands"
        )
        until = time.monotonic() + self._dice.random() * 0.05
        eventually(lambda: time.monotonic() > until)

    def _rebuild(self, fault: str) -> subprocess.Popen[bytes]:
        armed = {"fault": f"{fault}:1"} if fault else {}
        return subprocess.Popen(
            [*BIZENV, "rebuild", "projection"],
            cwd=ROOT,
            env=environment(self.data, armed),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _end_rebuild(self, rebuild: subprocess.Popen[bytes], point: str) -> None:
        """A rebuild goes on without its server, to its fault point if it has one; half of the others are killed."""
        if not point and self._dice.random() < 0.5:
            rebuild.kill()
        if rebuild.wait(120) == -9:
            if point:
                self.kills.reached[point] += 1
            else:
                self.kills.anywhere += 1

    def close(self) -> None:
        self._callers.close()

    def summary(self, seed: int, rounds: int) -> str:
        commands = len(read_journal(self._callers.journal).commands)
        return (
            f"storm: seed {seed}, {rounds} rounds, {self.kills}, {commands} commands, {count_events(self.data)} events"
        )


def run(folder: Path, seed: int, rounds: int) -> list[str]:
    """All rounds in this folder, up to the first one with something wrong; the last line printed is the outcome."""
    storm = Storm(folder, seed)
    wrong: list[str] = []
    done = 0
    try:
        while done < rounds and not wrong:
            started = time.monotonic()
            wrong = storm.round(done)
            done += 1
            tell(f"round {done}: {storm.kills}, {time.monotonic() - started:.1f} s")
    finally:
        storm.close()
    wrong += storm.kills.wrong(done) if not wrong else []
    for each in wrong:
        tell(each)
    tell(storm.kills.table())
    tell(f"{storm.summary(seed, done)}: {'nothing lost, nothing doubled' if not wrong else 'FAILED'}")
    return wrong


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--data", type=Path, help="an empty folder to do it in, kept afterwards")
    given = parser.parse_args()
    if given.data is not None:
        given.data.mkdir(parents=True, exist_ok=True)
        return 1 if run(given.data, given.seed, given.rounds) else 0
    folder = Path(tempfile.mkdtemp(prefix="bizenv-storm-"))
    wrong = run(folder, given.seed, given.rounds)
    if wrong:
        tell(f"the city is kept in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
