"""Every visible text of the cockpit, in Chinese and in English. A page asks by key; a missing key is an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from services.projection.cockpit.labels_city import CITY
from services.projection.cockpit.labels_domain import DOMAIN
from services.projection.cockpit.labels_figures import FIGURES
from services.projection.cockpit.labels_forms import FORMS
from services.projection.cockpit.labels_frame import FRAME
from services.projection.cockpit.labels_projects import PROJECTS

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

LABELS: Mapping[str, tuple[str, str]] = {**FRAME, **FIGURES, **CITY, **PROJECTS, **DOMAIN, **FORMS}
"""Key → (Chinese, English)."""

_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff\U0001e800-\U0001efff]")
_NUMBERED = re.compile(r"(\{(\w+)\}) \[([^|\]]*)\|([^\]]*)\]")
_ISOLATE, _END = "\u2068", "\u2069"
"""Unicode's own `<bdi>` and `</bdi>`, for texts that stand inside a sentence."""


def isolated(text: str) -> str:
    """What somebody wrote, for a place inside a sentence of ours: words from right to left turn nothing but themselves.
    (What has an element of its own is set apart by the style sheet.)"""
    return f"{_ISOLATE}{text}{_END}" if _RIGHT_TO_LEFT.search(text) else text


def _in_number(text: str, values: Mapping[str, object]) -> str:
    """`[one|many]` after a number's place, by that number: `{days} [day|days]`."""

    def chosen(found: re.Match[str]) -> str:
        return f"{found[1]} {found[3] if values.get(found[2]) == 1 else found[4]}"

    return _NUMBERED.sub(chosen, text)


class Texts:
    """The catalogue in one language; `texts("key", name=value)` fills the places of a text."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._index = LANGUAGES.index(language)

    def __call__(self, key: str, **values: object) -> str:
        text = _in_number(LABELS[key][self._index], values)
        if not values:
            return text
        return text.format(**{name: isolated(value) if type(value) is str else value for name, value in values.items()})

    def has(self, key: str) -> bool:
        return key in LABELS

    def either(self, chinese: str, english: str | None) -> str:
        """Of a text that the data bring in both languages; Chinese where there is no English."""
        return english if self.language == "en" and english else chinese
