"""projection put together: its views, its questions, who may ask them."""

from __future__ import annotations

from pathlib import Path

from services.chassis.auth import Rights
from services.chassis.service import QueryHandler, Service
from services.projection.answers.overview import Overview
from services.projection.answers.programme import ProgrammeAnswer
from services.projection.answers.project import ProjectAnswer, ProjectTimeline
from services.projection.answers.project_lines import ProjectPage
from services.projection.answers.units import UnitAnswer, UnitComparison, UnitList
from services.projection.city_answers import compare_units, get_overview, get_programme, get_unit, list_units
from services.projection.programme import PROGRAMME, REGISTRY_TIMELINE, UNITS
from services.projection.project_board import PROJECT_BOARD
from services.projection.project_detail import get_project
from services.projection.project_list import list_projects
from services.projection.project_timeline import PROJECT_TIMELINE
from services.projection.queries import (
    CompareUnits,
    GetOverview,
    GetProgramme,
    GetProject,
    GetProjectTimeline,
    GetUnit,
    ListProjects,
    ListUnits,
)
from services.projection.timeline_answer import get_project_timeline

QUERIES = (
    QueryHandler(GetOverview, Overview, get_overview, "/v1/overview", "The city on one day."),
    QueryHandler(CompareUnits, UnitComparison, compare_units, "/v1/units:compare", "All units side by side."),
    QueryHandler(ListUnits, UnitList, list_units, "/v1/units", "The units of a day."),
    QueryHandler(GetUnit, UnitAnswer, get_unit, "/v1/units/{unit_code}", "One unit with its projects."),
    QueryHandler(ListProjects, ProjectPage, list_projects, "/v1/projects", "Projects by filters, page by page."),
    QueryHandler(GetProject, ProjectAnswer, get_project, "/v1/projects/{project_id}", "One project on one day."),
    QueryHandler(
        GetProjectTimeline,
        ProjectTimeline,
        get_project_timeline,
        "/v1/projects/{project_id}/timeline",
        "The recorded facts of a project.",
    ),
    QueryHandler(GetProgramme, ProgrammeAnswer, get_programme, "/v1/programme", "What the programme says on a day."),
)

SERVICE = Service(
    name="projection",
    title="监测视图",
    views=(PROJECT_BOARD, PROJECT_TIMELINE, UNITS, PROGRAMME, REGISTRY_TIMELINE),
    listens_to=("policy_registry", "project_tracking"),
    queries=QUERIES,
    rights=Rights.load(Path(__file__).with_name("rights.toml")),
)
