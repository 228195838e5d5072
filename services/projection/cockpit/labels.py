"""Every visible text of the cockpit, in Chinese and in English. A page asks by key; a missing key is an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from services.projection.cockpit.labels_domain import DOMAIN
from services.projection.cockpit.labels_forms import FORMS
from services.projection.cockpit.labels_pages import PAGES

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

LABELS: Mapping[str, tuple[str, str]] = {**PAGES, **DOMAIN, **FORMS}
"""Key → (Chinese, English)."""


class Texts:
    """The catalogue in one language; `texts("key", name=value)` fills the places of a text."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._index = LANGUAGES.index(language)

    def __call__(self, key: str, **values: object) -> str:
        text = LABELS[key][self._index]
        return text.format(**values) if values else text

    def has(self, key: str) -> bool:
        return key in LABELS

    def either(self, chinese: str, english: str | None) -> str:
        """Of a text that the data bring in both languages; Chinese where there is no English."""
        return english if self.language == "en" and english else chinese
