"""The gallery: where pictures appear. A widget of ours, because Gradio's gallery re-renders whole and jumps as it
works.

Its value is a `view` (see view.py) together with what the empty gallery says of the model; `gallery.js` draws it.
"""

from collections.abc import Mapping
from typing import Any

from studio.catalogue.models import Catalogue, Model
from studio.catalogue.vocabulary import Vocabulary
from studio.errors import ModelError
from studio.gate.identity import Identity
from studio.presets.examples import Example, examples
from studio.studio import Studio
from studio.ui import library_views
from studio.ui.events import Act, served
from studio.ui.hosted_choices import HostedChoice
from studio.ui.ids import Id
from studio.ui.island import Island
from studio.ui.library_views import Searching
from studio.ui.picture_details import WhichOne, details, entry_of
from studio.ui.pictures import thumbnail
from studio.ui.schemas.library import LibraryPage
from studio.ui.schemas.page import ModelExample, ModelFacts, WordPictures
from studio.ui.schemas.pictures import PictureDetails

# How large examples are shown, and what they start from is given.
EXAMPLE_SIDE, SOURCE_SIDE = 320, 1024
# A sheet with pictures of words is told as it is, up to this side.
SHEET_SIDE = 2048


class Starring(WhichOne):
    """A picture, with a star or without."""

    on: bool


def place(studio: Studio, takers: Mapping[str, str]) -> Any:
    """Put the gallery at this place of the layout; `takers` are the tabs that take a picture, with their labels.

    It tells `stop` with the job, and `use`, `another`, `again` and `send` with job and image, the last with the tab.
    It may ask for what is known of pictures, and `look` tells it what they are now.
    """
    return Island(
        Id.STAGE,
        '<section class="stage" aria-label="Pictures"></section>',
        module="gallery",
        data=takers,
        events=("stop", "use", "another", "again", "send", "look"),
        acts=served(_acts(studio), looks=["details", "search"]),
    )


def _acts(studio: Studio) -> Mapping[str, Act]:
    """What is asked of a picture wherever it stands: what is known of it, its star, the bin, and others behind it."""
    marks = studio.index.marks

    def known(event: WhichOne, who: Identity) -> PictureDetails:
        return details(studio, event, who)

    def star(event: Starring, who: Identity) -> dict[str, Any]:
        marks.star([entry_of(studio, event, who).id], who, on=event["on"])
        return {}

    def put_away(event: WhichOne, who: Identity) -> dict[str, Any]:
        marks.bin([entry_of(studio, event, who).id], who)
        return {}

    def restore(event: WhichOne, who: Identity) -> dict[str, Any]:
        marks.restore([entry_of(studio, event, who).id], who)
        return {}

    def page(event: Searching, who: Identity) -> LibraryPage:
        return library_views.page(studio, event, who)

    return {"details": known, "star": star, "bin": put_away, "restore": restore, "search": page}


def about(model: Model, studio: Studio) -> ModelFacts:
    """What the page says of a model: what it is, whether it can draw now, what it knows, what to try."""
    catalogue = studio.catalogue
    fault = None if isinstance(model, HostedChoice) else catalogue.why_not(model)
    vocabulary = _vocabulary(model, catalogue)
    return {
        "id": model.id,
        "name": model.name,
        "family": model.family_facts().name,
        "summary": model.summary,
        "licence": model.licence,
        "place": where(model, catalogue),
        "fault": str(fault) if fault else "",
        "examples": [_example(studio, one) for one in _examples(model)],
        "knows": {group: list(words) for group, words in vocabulary.groups.items()} if vocabulary else {},
        "pictures": _word_pictures(studio, model, vocabulary),
    }


def where(model: Model, catalogue: Catalogue) -> str:
    """Whether its weights are here or to be downloaded, and how much that is."""
    if isinstance(model, HostedChoice):
        return f"hosted by {model.endpoint.place}"
    size = catalogue.size_bytes(model)
    if size is not None:
        return f"{_bytes(size)} on disk"
    return f"{_bytes(model.download_bytes)} to download" if model.download_bytes else "not on this disk"


def _examples(model: Model) -> list[Example]:
    """Those with pictures, else the model's prompts."""
    pictured = [one for one in examples() if one.model == model.id]
    return pictured or [Example(id="", model=model.id, prompt=text) for text in model.examples]


def _example(studio: Studio, one: Example) -> ModelExample:
    return {
        "use": one.use,
        "prompt": one.prompt,
        "picture": thumbnail(studio, one.picture, EXAMPLE_SIDE) if one.picture else "",
        "source": thumbnail(studio, one.source, SOURCE_SIDE) if one.source else "",
        "strength": one.strength,
        "control": one.control,
    }


def _vocabulary(model: Model, catalogue: Catalogue) -> Vocabulary | None:
    """The words of a model that knows few; a damaged list is told where it is used."""
    try:
        return catalogue.vocabulary(model)
    except ModelError:
        return None


def _word_pictures(studio: Studio, model: Model, vocabulary: Vocabulary | None) -> WordPictures | None:
    shown = vocabulary and vocabulary.pictures
    sheet = model.folder / shown.file if shown and model.folder else None
    address = thumbnail(studio, sheet, SHEET_SIDE) if sheet and sheet.is_file() else ""
    return {"address": address, "columns": shown.columns, "words": list(shown.words)} if shown and address else None


def _bytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(size / 1e6, 1):.0f} MB"
