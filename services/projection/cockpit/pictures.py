"""The charts of the pages, drawn from answers."""

from __future__ import annotations

from datetime import date

from markupsafe import Markup

from services.project_tracking.events import Lamp
from services.projection.answers.parts import LampCount
from services.projection.answers.project import ProjectAnswer
from services.projection.answers.summary import Summary
from services.projection.answers.units import UnitLine
from services.projection.cockpit.charts import (
    LAMP_ORDER,
    Line,
    curves,
    lamp_bar,
    paired_columns,
    share_bar,
    stacked_columns,
)
from services.projection.cockpit.formats import Formats
from services.projection.cockpit.labels import Texts


class Pictures:
    """Each method draws one chart; `t` gives its words."""

    def lamps(self, counts: tuple[LampCount, ...], t: Texts) -> Markup:
        found = {each.lamp: each.count for each in counts}
        parts = [(lamp, found.get(lamp, 0), t(f"lamp.{lamp.value}")) for lamp in LAMP_ORDER]
        told = ", ".join(f"{words} {count}" for _, count, words in parts if count)
        return lamp_bar(parts, told or t("missing.about"))

    def ratio(self, permille: int | None, words: str) -> Markup:
        low = permille is not None and permille < 800
        return share_bar(permille, words, "fill-low" if low else "fill-done")

    def investment_unit(self, summary: Summary, f: Formats) -> tuple[int, str]:
        """The unit of its axis, and the key of that unit's name."""
        months = summary.investment.months
        return f.chart_unit(max((max(each.planned_yuan, each.done_yuan or 0) for each in months), default=0))

    def investment(self, summary: Summary, t: Texts, unit: int) -> Markup:
        """Done and planned by month, in `unit` yuan."""
        months = summary.investment.months
        planned = [each.planned_yuan / unit for each in months]
        done = [None if each.done_yuan is None else each.done_yuan / unit for each in months]
        return paired_columns(_months([each.month for each in months], t), planned, done, t("chart.investment"))

    def steps(self, summary: Summary, on: date, t: Texts, kind: str) -> Markup:
        """Starts or completions by month, against what was due."""
        now = f"{on.year:04d}-{on.month:02d}"
        months = summary.steps.months
        due = [float(getattr(each, f"{kind}_due")) for each in months]
        done = [float(getattr(each, kind)) if each.month <= now else None for each in months]
        labels = _months([each.month for each in months], t)
        return paired_columns(labels, due, done, t(f"chart.{kind}"), decimals=0)

    def history(self, summary: Summary, t: Texts) -> Markup:
        order = [lamp for lamp in reversed(LAMP_ORDER) if lamp is not Lamp.NOT_JUDGED]
        stacks = []
        for month in summary.lamp_history:
            found = {each.lamp: each.count for each in month.lamps}
            stacks.append([(lamp, found.get(lamp, 0)) for lamp in order])
        labels = _months([each.month for each in summary.lamp_history], t)
        return stacked_columns(labels, stacks, t("overview.history"))

    def curve_unit(self, answer: ProjectAnswer, f: Formats) -> tuple[int, str]:
        """The unit of its axis, and the key of that unit's name."""
        told = ((each.first_plan_yuan or 0, each.plan_yuan or 0, each.done_yuan or 0) for each in answer.curve)
        return f.chart_unit(max(map(max, told), default=0))

    def curve(self, answer: ProjectAnswer, t: Texts, unit: int) -> Markup:
        """The plans and what was done, in `unit` yuan."""
        points = answer.curve
        lines = [Line("plan", [(each.on, each.plan_yuan) for each in points])]
        if sum(1 for each in answer.baselines if each.in_force_from) > 1:
            lines.insert(0, Line("first-plan", [(each.on, each.first_plan_yuan) for each in points]))
        lines.append(Line("done", [(each.on, each.done_yuan) for each in points]))
        marks = [(each.due, each.reached_on is not None, f"{each.text} {each.due}") for each in answer.milestones]
        return curves(lines, answer.reading.on, marks, t("chart.curve"), unit)

    def unit_ratio(self, line: UnitLine, words: str) -> Markup:
        return self.ratio(line.summary.investment.year_ratio_permille, words)


def _months(months: list[str], t: Texts) -> list[str]:
    return [t("chart.month", month=int(month[5:])) for month in months]
