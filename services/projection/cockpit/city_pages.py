"""The pages about the whole: overview, comparison of units, one unit, the programme."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from services.policy_registry.events import Parameter, RuleSet
from services.projection.answers.overview import Overview
from services.projection.answers.programme import ProgrammeAnswer
from services.projection.answers.units import UnitAnswer, UnitComparison
from services.projection.cockpit.frame import Frame
from services.projection.cockpit.labels import Texts
from services.projection.cockpit.rhythms import party_words, rhythm_words
from services.projection.cockpit.visit import Visit
from services.projection.queries import CompareUnits, GetOverview, GetProgramme, GetUnit


def rule_set_words(rules: RuleSet, t: Texts) -> str:
    """A rule set's title; the data have it in Chinese alone, so its id in words stands for it in English."""
    return t.either(rules.title, _spelt_out(rules.id))


def parameter_words(parameter: Parameter, t: Texts) -> str:
    """A parameter's title, or its name in words where there is none in the page's language."""
    return t.either(parameter.title or _spelt_out(parameter.name), _spelt_out(parameter.name))


def _spelt_out(name: str) -> str:
    return name.replace("_", " ").capitalize()


class CityPages:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def overview(self, visit: Visit) -> Response:
        answer: Overview = await visit.ask(visit.query(GetOverview))
        return await self._frame.show(
            visit, "overview.html", answer=answer, summary=answer.summary, reading=answer.reading, other=answer.other
        )

    async def units(self, visit: Visit) -> Response:
        answer: UnitComparison = await visit.ask(visit.query(CompareUnits))
        return await self._frame.show(visit, "units.html", answer=answer, reading=answer.reading, other=answer.other)

    async def unit(self, visit: Visit) -> Response:
        code = visit.request.path_params["code"]
        answer: UnitAnswer = await visit.ask(visit.query(GetUnit, unit_code=code[:32]))
        return await self._frame.show(
            visit, "unit.html", answer=answer, summary=answer.unit.summary, reading=answer.reading, other=answer.other
        )

    async def programme(self, visit: Visit) -> Response:
        answer: ProgrammeAnswer = await visit.ask(visit.query(GetProgramme))
        names = {each.unit_id: each for each in answer.units}
        words: dict[str, Any] = {
            "names": names,
            "party": party_words,
            "rhythm": rhythm_words,
            "rule_set": rule_set_words,
        }
        words |= {"parameter": parameter_words}
        return await self._frame.show(visit, "programme.html", answer=answer, reading=answer.reading, **words)
