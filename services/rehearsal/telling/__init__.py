"""Who tells what of a project, when, and with which slips: from a course to dated intentions."""

from services.rehearsal.telling.intentions import Intention
from services.rehearsal.telling.life import life_of

__all__ = ["Intention", "life_of"]
