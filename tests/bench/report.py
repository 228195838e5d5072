"""The result of a leg, the table that is printed and the file that is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

Better = Literal["higher", "lower"]


class Leg(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One measured leg. `ratio` is ours to the reference; `target` is for the ratio where there is one, else for
    `ours` itself; without a target the leg is only reported. `reference` says what was measured beside it, `failure`
    why the figure does not count, whatever it is (None: it does)."""

    leg: str
    ours: float
    unit: str
    reference: str | None
    reference_value: float | None
    ratio: float | None
    better: Better
    target: float | None
    met: bool | None
    failure: str | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All legs of a run, and on what it was run."""

    machine: Mapping[str, str]
    legs: Sequence[Leg]


def compared(
    leg: str,
    ours: float,
    unit: str,
    reference: str,
    reference_value: float,
    target: float | None,
    better: Better = "higher",
) -> Leg:
    """A leg judged by its ratio to what was measured beside it; only reported where the target is None."""
    ratio = ours / reference_value
    return Leg(
        leg=leg,
        ours=rounded(ours),
        unit=unit,
        reference=reference,
        reference_value=rounded(reference_value),
        ratio=rounded(ratio),
        better=better,
        target=target,
        met=None if target is None else reaches(ratio, target, better),
    )


def limited(
    leg: str, ours: float, unit: str, target: float, better: Better = "lower", failure: str | None = None
) -> Leg:
    """A leg judged by a limit of its own; missed whatever it reached, where it failed."""
    return Leg(
        leg=leg,
        ours=rounded(ours),
        unit=unit,
        reference=None,
        reference_value=None,
        ratio=None,
        better=better,
        target=target,
        met=failure is None and reaches(ours, target, better),
        failure=failure,
    )


def reaches(value: float, target: float, better: Better) -> bool:
    return value >= target if better == "higher" else value <= target


def summary(legs: Sequence[Leg]) -> str:
    """How many targets were met of those that there are."""
    judged = [leg.met for leg in legs if leg.met is not None]
    return f"{sum(judged)} of {len(judged)} targets met"


def rounded(value: float) -> float:
    """Three significant digits: more would pretend."""
    return float(f"{value:.3g}")


def table(report: Report) -> str:
    """What a person reads: the machine, then one line for each leg."""
    head = [f"{name}: {value}" for name, value in report.machine.items()]
    rows: list[tuple[str, ...]] = [("leg", "ours", "unit", "reference", "ratio", "target", "")]
    rows += [_row(leg) for leg in report.legs]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*head, "", *lines])


def _row(leg: Leg) -> tuple[str, ...]:
    reference = "" if leg.reference_value is None else f"{leg.reference_value:,.6g} ({leg.reference})"
    ratio = "" if leg.ratio is None else f"{leg.ratio:.3g}"
    target = "" if leg.target is None else _target(leg)
    return leg.leg, f"{leg.ours:,.6g}", leg.unit, reference, ratio, target, _verdict(leg)


def _verdict(leg: Leg) -> str:
    if leg.failure is not None:
        return f"FAILED: {leg.failure}"
    return "reported" if leg.met is None else "met" if leg.met else "MISSED"


def _target(leg: Leg) -> str:
    sign = "≥" if leg.better == "higher" else "≤"
    return f"{sign} {leg.target:g}{'×' if leg.ratio is not None else ''}"


def write(report: Report, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
