"""The picker of models: what each needs against what is free, how quick it is here, and a yes before gigabytes."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from studio.backends.base import Held, MemoryUse
from studio.errors import DownloadNotAgreed, NotDownloaded
from studio.gate.identity import COMMAND_LINE
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.consent import Consent
from studio.ui.fast_gradio import gr
from studio.ui.form import Form
from studio.ui.model_picker import ModelPicker, in_words
from tests.people import who
from tests.ui.callers import request
from tests.ui.painter import Painter

GIGABYTE = 10**9


class Carded(Painter):
    """A painter with a card of 12 GB: 6 are free, 2 are the studio's."""

    def memory_use(self) -> MemoryUse:
        return MemoryUse(
            "Card", 12 * GIGABYTE, 6 * GIGABYTE, (Held("model", "x", 2 * GIGABYTE),), ram_free=8 * GIGABYTE
        )


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    painter = Carded()
    painter.ready.set()
    with Studio(Settings.load(home=tmp_path_factory.mktemp("home"), port=0), backend=painter) as studio:
        yield studio


@pytest.fixture(scope="module")
def picker(studio: Studio) -> ModelPicker:
    with gr.Blocks(analytics_enabled=False):
        picker = ModelPicker(studio)
        form = Form(studio)
        form.add_tab("text", "text2img")
        picker.adopt(form)
    return picker


def entries(picker: ModelPicker) -> Mapping[str, Any]:
    answer = picker.widget.models({"tab": "text"}, request())
    assert answer["memory"] == "8.0 GB of 12.0 GB memory free for a model"
    return {one["id"]: one for one in answer["models"]}


def test_each_model_says_what_it_needs_and_how_that_goes_into_what_is_free(picker: ModelPicker) -> None:
    known = entries(picker)
    starter, flux = known["starter"], known["flux1-schnell"]
    assert (starter["state"], starter["fit"], starter["key"], starter["fault"]) == ("here", "fits", "", "")
    assert (flux["state"], flux["fit"], flux["key"]) == ("away", "large", "model/flux1-schnell")
    assert flux["needs"].startswith("needs about 4")
    assert {one["fit"] for one in known.values() if one["state"] != "hosted"} == {"fits", "tight", "large"}
    assert picker.widget.favour({"id": "starter", "liked": True}, request()) == {}
    assert entries(picker)["starter"]["liked"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "a second"),
        (7.2, "7 seconds"),
        (33, "35 seconds"),
        (58, "a minute"),
        (85, "a minute"),
        (200, "3 minutes"),
        (3590, "an hour"),
        (9000, "2 hours"),
    ],
)
def test_how_quick_a_model_is_stands_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == f"about {words} a picture here"
    assert in_words(None) == ""


def test_the_speed_is_that_of_the_pictures_that_were_made_here(studio: Studio, picker: ModelPicker) -> None:
    assert entries(picker)["starter"]["speed"] == ""
    list(studio.submit(Recipe(prompt="a cat", count=3), who("me")).follow())
    assert entries(picker)["starter"]["speed"].endswith(" a picture here")


def test_gigabytes_want_a_yes_which_a_page_can_ask_for_before_anything_is_put_in_line(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    consent, recipe = Consent(studio), Recipe(prompt="a cat", model="flux1-schnell")
    with pytest.raises(DownloadNotAgreed, match=r"FLUX.1 schnell is not on this machine: 33.7 GB to download"):
        consent.check([recipe], who("me"), asks=True)
    with pytest.raises(NotDownloaded, match="Agree to that in the Models tab first"):
        consent.check([recipe], who("me"))
    consent.check([recipe], COMMAND_LINE)  # no page asks it: it is refused when it is put in line
    with pytest.raises(DownloadNotAgreed, match="--yes at the command line"):
        studio.submit(recipe, COMMAND_LINE)
    consent.check([Recipe(prompt="a cat")], who("me"))
