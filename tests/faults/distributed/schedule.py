"""Which fault strikes when: the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

SERVICES = ("policy_registry", "project_tracking", "projection")
REPLICAS = ("project_tracking-2", "projection-2")
"""Further processes, which come and go; all others are always wanted."""

GAP_SECONDS = (0.5, 4.0)
"""From one fault's beginning to the next one's. Most last longer, so several are under way at a time."""
LEASE_SECONDS = 10.0
"""Of the relay's lease and of a consumer group's session, after which others take over."""
JUMPS_SECONDS = (7200.0, 3 * 86_400.0)
"""How far a clock jumps at most, either way: within a day mostly, or over days that then pass or have passed before."""
RECORDING = ("policy_registry", "project_tracking")
"""The services whose facts callers order, and so those with a topic."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong."""

    at: float
    """Seconds from the beginning of the storm."""
    kind: str
    target: str
    seconds: float
    """How long it lasts. A clock: how far it jumps."""
    seed: int
    """For what is chosen on the spot."""

    def __str__(self) -> str:
        return f"{self.kind} {self.target} {self.seconds:+.0f} s" if self.kind == JUMP else self._plain()

    def _plain(self) -> str:
        return f"{self.kind} {self.target} {self.seconds:.1f} s"


KILL, PAUSE, JOIN_OR_LEAVE, JUMP = "kill", "pause", "join or leave", "clock jump"
KILL_DATABASE, PAUSE_DATABASE, DATABASE_AWAY, DISK_FULL = (
    *("kill database", "pause database", "database away"),
    "disk full",
)
KILL_BROKER, PAUSE_BROKER, BROKER_AWAY, BROKER_DISK_FULL = (
    *("kill broker", "pause broker", "broker away"),
    "broker's disk full",
)
REPEAT, DELAY = "repeated messages", "delayed messages"

KINDS = (
    *(KILL, KILL, KILL, PAUSE, PAUSE, JOIN_OR_LEAVE, JOIN_OR_LEAVE, JUMP),
    *(KILL_DATABASE, PAUSE_DATABASE, DATABASE_AWAY, DISK_FULL),
    *(KILL_BROKER, PAUSE_BROKER, BROKER_AWAY, BROKER_DISK_FULL, REPEAT, DELAY),
)
"""How often each comes in a round of all."""


def schedule(seed: int, seconds: float, brokers: int) -> Iterator[Fault]:
    """The faults of so many seconds, in the order of their time; each kind comes before one comes again too often."""
    dice = random.Random(f"storm {seed}")
    at = dice.uniform(*GAP_SECONDS)
    while True:
        for kind in dice.sample(KINDS, len(KINDS)):
            if at >= seconds:
                return
            yield Fault(at, kind, _target(kind, dice, brokers), _length(kind, dice), dice.getrandbits(32))
            at += dice.uniform(*GAP_SECONDS)


def _target(kind: str, dice: random.Random, brokers: int) -> str:
    if kind in (KILL, PAUSE):
        return dice.choice((*SERVICES, *SERVICES[1:], *REPLICAS))
    if kind == JOIN_OR_LEAVE:
        return dice.choice(REPLICAS)
    if kind in (KILL_BROKER, PAUSE_BROKER, BROKER_AWAY, BROKER_DISK_FULL):
        return f"broker {dice.randint(1, brokers)}"
    if kind in (REPEAT, DELAY):
        return dice.choice(RECORDING)
    return "of the services" if kind == JUMP else "PostgreSQL"


def _length(kind: str, dice: random.Random) -> float:
    if kind == PAUSE:
        return dice.uniform(1, 5) if dice.random() < 0.5 else LEASE_SECONDS + dice.uniform(1, 5)
    if kind == JUMP:
        farthest = dice.choice(JUMPS_SECONDS)
        return dice.uniform(-farthest, farthest)
    if kind == DELAY:
        return dice.uniform(3, 12)
    if kind in (KILL, JOIN_OR_LEAVE, REPEAT):
        return 0.0
    return dice.uniform(0.2, 6)
