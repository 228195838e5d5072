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
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.processes import within
from tests.faults.check import Told, read_journal
from tests.faults.distributed.check import check_facts, check_flow, check_heads, count_events, left
from tests.faults.distributed.city import StormCity, storm_city
from tests.faults.distributed.load import SETTLE_SECONDS
from tests.faults.distributed.schedule import KINDS, Fault, schedule
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
            given += ["--policy", city.grpc(name)] if name == "policy_registry" else []
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
        self.done: Counter[str] = Counter()
        self._what = f"storm: seed {seed}, {minutes:g} minutes, {brokers} {'broker' if brokers == 1 else 'brokers'}"

    def last_line(self) -> str:
        kinds = ", ".join(f"{kind} {self.done[kind]}" for kind in dict.fromkeys(KINDS) if self.done[kind])
        verdict = f"{len(self.wrong)} FAILURES" if self.wrong else "nothing lost, nothing doubled"
        counts = f"{len(self.told.commands)} commands, {self.told.reads} reads, {self.events} events"
        return f"{self._what}, {self.done.total()} faults ({kinds}), {counts}: {verdict}"


def run(folder: Path, seed: int, minutes: float, brokers: int = 1) -> list[str]:
    """A whole storm in this folder; returns what is wrong. The last line that it tells is the outcome, whatever
    happens."""
    outcome = Outcome(seed, minutes, brokers)
    say = Teller(folder / "storm.log")
    try:
        with storm_city(folder, brokers, minutes) as city:
            strikes, callers = Strikes(city, say), Callers(city, seed)
            outcome.done = strikes.done
            try:
                _rage(city, strikes, callers, outcome, list(schedule(seed, 60 * minutes, brokers)))
            finally:
                callers.kill()
            outcome.told = read_journal(callers.journal)
            outcome.wrong += _judge(city, outcome.told)
            outcome.events = count_events(city.city)
            _tell_of(city, strikes, say)
    except Exception as error:  # noqa: BLE001 - servers that stay away, a database that breaks off: all are outcomes
        outcome.wrong.append(f"the storm broke off: {error!r}")
    for each in outcome.wrong:
        say(each)
    if outcome.wrong:
        say(f"logs, journal, database and topics are kept in {folder}")
    say(outcome.last_line())
    return outcome.wrong


def _rage(city: StormCity, strikes: Strikes, callers: Callers, outcome: Outcome, faults: Sequence[Fault]) -> None:
    """The faults, and the calm after them. Where the city does not come back it is still to be judged."""
    try:
        strikes.run(faults)
        outcome.wrong += [f"{kind}: not one happened" for kind in strikes.make_up()]
        outcome.wrong += strikes.wrong
        outcome.wrong += _calm(city, callers)
    except Exception as error:  # noqa: BLE001 - as above
        outcome.wrong.append(f"the city did not recover: {error!r}")


def _tell_of(city: StormCity, strikes: Strikes, say: Teller) -> None:
    refused = [sentence for worker in city.workers.values() for sentence in worker.refused]
    say(f"starts refused: {len(refused)}{''.join(f'; {each}' for each in sorted(set(refused)))}")
    say(f"did not happen: {_listed(strikes.missed)}")
    say(f"excused: {_listed(strikes.excused)}")


def _listed(found: Mapping[str, object]) -> str:
    return ", ".join(f"{kind} ({what})" for kind, what in found.items()) or "-"


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
    try:
        wrong = run(folder, given.seed, given.minutes, given.brokers)
    except KeyboardInterrupt:
        tell(f"storm: seed {given.seed} was interrupted; its files are in {folder}")
        return 1
    if not wrong:
        shutil.rmtree(folder)
    return 1 if wrong else 0


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
