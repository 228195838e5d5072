"""What truly happens to a project, day by day, before anyone tells of it."""

from services.rehearsal.course.building import build
from services.rehearsal.course.preparation import prepare
from services.rehearsal.course.record import Change, Course, Filing, Month, Preparation, Reached, Standstill, Times

__all__ = [
    "Change",
    "Course",
    "Filing",
    "Month",
    "Preparation",
    "Reached",
    "Standstill",
    "Times",
    "build",
    "prepare",
]
