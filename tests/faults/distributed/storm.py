"""A storm over a distributed city: random faults by seed under load through the doors, then nothing may be missing.

    python -m tests.faults.distributed.storm --seed 1 --minutes 3 [--brokers 3]

The same seed gives the same faults at the same moments; what each meets is the machine's. Everything is in a folder of
its own, which is removed afterwards unless something is wrong.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from deploy.processes import ServerError, within
from tests.faults.check import Told, read_journal
from tests.faults.distributed.check import check_facts, check_flow, check_heads, count_events, left
from tests.faults.distributed.city import StormCity, storm_city
from tests.faults.distributed.load import SETTLE_SECONDS
from tests.faults.distributed.schedule import KINDS, schedule
from tests.faults.distributed.strikes import Strikes
from tests.faults.storm import tell
from tests.processes import ROOT

DRAIN_SECONDS = 180.0


class Callers:
    """The load process."""

    def __init__(self, city: StormCity, seed: int) -> None:
        self.journal = city.folder / "journal.jsonl"
        access = city.city.token("city_group", account="storm")
        given = ["--token", access, "--journal", str(self.journal), "--seed", str(seed)]
        for name in city.workers:
            given += ["--http", city.http(name)] if name != "policy_registry" else []
            given += ["--commands", city.grpc(name)] if name.startswith("project_tracking") else []
            given += ["--queries", city.grpc(name)] if name.startswith("projection") else []
        command = [sys.executable, "-m", "tests.faults.distributed.load", *given]
        with (city.folder / "callers.log").open("wb") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=log, stderr=log)

    def settle(self) -> list[str]:
        """Let them end what they began; what is wrong with that."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        code = self._process.wait(2 * SETTLE_SECONDS)
        return [f"the callers ended with {code}"] if code else []

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Teller:
    """Says it to whoever looks on, and to a file."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def __call__(self, line: str) -> None:
        tell(line)
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"{line}\n")


class Outcome:
    """What a storm came to."""

    def __init__(self, seed: int, minutes: float, brokers: int) -> None:
        self.wrong: list[str] = []
        self.events = 0
        self.told = Told()
        self._what = f"storm: seed {seed}, {minutes:g} minutes, {brokers} {'broker' if brokers == 1 else 'brokers'}"

    def last_line(self, strikes: Strikes) -> str:
        kinds = ", ".join(f"{kind} {strikes.done[kind]}" for kind in dict.fromkeys(KINDS) if strikes.done[kind])
        verdict = f"{len(self.wrong)} FAILURES" if self.wrong else "nothing lost, nothing doubled"
        counts = f"{len(self.told.commands)} commands, {self.told.reads} reads, {self.events} events"
        return f"{self._what}, {strikes.done.total()} faults ({kinds}), {counts}: {verdict}"


def run(folder: Path, seed: int, minutes: float, brokers: int = 1) -> list[str]:
    """A whole storm in this folder; returns what is wrong. The last line that it tells is the outcome."""
    outcome = Outcome(seed, minutes, brokers)
    say = Teller(folder / "storm.log")
    with storm_city(folder, brokers, minutes) as city:
        strikes = Strikes(city, say)
        callers = Callers(city, seed)
        try:
            strikes.run(schedule(seed, 60 * minutes, brokers))
            outcome.wrong += strikes.wrong
            outcome.wrong += _calm(city, callers)
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            outcome.wrong.append(f"the city did not recover: {error!r}")
        finally:
            callers.kill()
        outcome.told = read_journal(callers.journal)
        outcome.wrong += _judge(city, outcome.told)
        outcome.events = count_events(city.city)
    for each in outcome.wrong:
        say(each)
    refused = [sentence for worker in city.workers.values() for sentence in worker.refused]
    say(f"starts refused: {len(refused)}{''.join(f'; {each}' for each in sorted(set(refused)))}")
    say(f"did not happen: {', '.join(f'{kind} {count}' for kind, count in strikes.missed.items()) or '-'}")
    say(outcome.last_line(strikes))
    return outcome.wrong


def _calm(city: StormCity, callers: Callers) -> list[str]:
    """Let everything be up and everything arrive, and end the processes; what is wrong with that."""
    city.recover()
    wrong = callers.settle()
    if not within(DRAIN_SECONDS, lambda: not left(city.city)):
        wrong.append(f"within {DRAIN_SECONDS:.0f} s there was still to come: {', '.join(left(city.city))}")
    codes = city.stop()
    wrong += [f"{name}: a clean stop ended with {code}" for name, code in codes.items() if code != 0]
    for worker in city.workers.values():
        wrong += [f"{worker.name} ended by itself with {code}" for code in worker.unasked]
        if faults := worker.faults():
            wrong.append(f"{worker.name} tells of {len(faults)} faults of ours, see {worker.log}: {faults[0][-300:]}")
    return wrong


def _judge(city: StormCity, told: Told) -> list[str]:
    return [*check_facts(city.city, told), *check_flow(city.city), *check_heads(city.city)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    folder = Path(tempfile.mkdtemp(prefix="bizenv-storm-"))
    clean = False
    try:
        clean = not run(folder, given.seed, given.minutes, given.brokers)
    except ServerError as error:
        tell(str(error))
    finally:
        if clean:
            shutil.rmtree(folder)
        else:
            tell(f"logs, journal, database and topics are kept in {folder}")
    return 0 if clean else 1


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
