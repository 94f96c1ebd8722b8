"""Styles on the page: what the chosen ones say, and all of them with their small pictures, looked for on the server.

Hundreds may be there once others' lists are imported, so no more of them is sent than is looked at.
"""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from studio.gate.identity import Identity
from studio.presets.people import check_saves
from studio.presets.reading import Presets, StylePreset
from studio.studio import Studio
from studio.ui.events import Act, Name
from studio.ui.form import Form
from studio.ui.pictures import thumbnail
from studio.ui.schemas.presets import StyleCard, StylePage

FOLDER = "styles"
SIDE = 192
# As many are told at once.
PAGE = 48


class Searching(TypedDict):
    """A page of the styles that suit a model and have these words."""

    model: Name | None
    search: Name
    start: Annotated[int, Field(ge=0, le=1_000_000)]


class Chosen(TypedDict):
    """Ready-made words by their ids."""

    styles: list[Name] | None
    negative_presets: list[Name] | None


class One(TypedDict):
    """A style by its id."""

    id: Name


class StyleBrowser:
    """The styles, for one page."""

    def __init__(self, studio: Studio, form: Form) -> None:
        self.studio = studio
        self.form = form

    @property
    def acts(self) -> Mapping[str, Act]:
        """What the page may call."""
        return {"styles": self._styles, "words": self._words, "forget": self._forget}

    def _styles(self, event: Searching, who: Identity) -> StylePage:
        """A page of those that suit the model and have all the words of `search`, from the number `start` on."""
        family, wanted = self.form.model(event["model"]).family, event["search"].casefold().split()
        presets = self.studio.of(who).presets
        found = [
            style
            for style in sorted(presets.styles.values(), key=_place)
            if style.suits(family) and all(word in _search_text(style).casefold() for word in wanted)
        ]
        start = event["start"]
        return {
            "styles": [self._entry(style, presets, who) for style in found[start : start + PAGE]],
            "total": len(found),
            "faults": [str(fault) for path, fault in presets.faults.items() if path.parent.name == FOLDER],
        }

    def _entry(self, style: StylePreset, presets: Presets, who: Identity) -> StyleCard:
        picture = presets.picture_of(style)
        return {
            "id": style.id,
            "name": style.name,
            "words": says(style),
            "picture": thumbnail(self.studio, picture, SIDE) if picture else "",
            "own": self.studio.peoples_presets.holder(who, FOLDER, style.id) is not None,
        }

    def _words(self, event: Chosen, who: Identity) -> dict[str, str]:
        """What the styles and negative presets of these ids say, a line each."""
        presets = self.studio.of(who).presets
        styles, negatives = presets.styles, presets.negatives
        return {
            "styles": "\n".join(says(styles[name]) for name in event["styles"] or () if name in styles),
            "negative_presets": "\n".join(
                negatives[name].text for name in event["negative_presets"] or () if name in negatives
            ),
        }

    def _forget(self, event: One, who: Identity) -> dict[str, str]:
        """Delete a style of one's own."""
        check_saves(who)
        self.studio.peoples_presets.remove(who, FOLDER, str(event["id"]))
        return {}


def says(style: StylePreset) -> str:
    """What a style adds, and what it keeps out."""
    return " · ".join(filter(None, [style.prompt, f"keeps out: {style.negative}" if style.negative else ""]))


def _place(style: StylePreset) -> list[str | int]:
    """Where it stands among others by its name: "Look 9" before "Look 10"."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", style.name.casefold())]


def _search_text(style: StylePreset) -> str:
    return f"{style.name} {style.purpose} {says(style)}"
