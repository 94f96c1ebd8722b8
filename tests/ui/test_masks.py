"""Ready-made masks in the Inpainting tab: what of a file changes, and what is transparent in the picture itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio.settings import Settings
from studio.studio import UPLOADS, Studio
from studio.ui.fast_gradio import gr
from studio.ui.source import Brought as Pictures
from studio.ui.tabs.inpainting import Brought, InpaintPanel
from studio.ui.workspace import Workspace
from tests.ui.callers import ME, request
from tests.ui.painter import Painter

SIZE = (8, 4)
HOLE = b"\xff" + b"\0" * 31
REST = b"\0" + b"\xff" * 31


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with Studio(Settings.load(home=tmp_path_factory.mktemp("home")), backend=Painter()) as studio:
        yield studio


@pytest.fixture(scope="module")
def inpaint_panel(studio: Studio) -> InpaintPanel:
    with gr.Blocks(analytics_enabled=False) as blocks:
        panel = Workspace(studio, blocks, gr.Dropdown(list(studio.catalogue), value="starter")).forms.panels[
            "inpainting"
        ]
    assert isinstance(panel, InpaintPanel)
    return panel


@pytest.fixture
def holed(studio: Studio) -> Path:
    """An uploaded picture of one hole, at its upper left."""
    picture = Image.merge("RGBA", [*Image.effect_noise(SIZE, 99).convert("RGB").split(), Image.new("L", SIZE, 255)])
    picture.putpixel((0, 0), (0, 0, 0, 0))
    picture.putpixel((1, 0), (9, 200, 30, 255))
    path = studio.settings.home / UPLOADS / "lot" / "holed.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)
    return path


def painted_on(inpaint_panel: InpaintPanel, path: Path) -> dict[Any, Any]:
    """What the widgets hold once a picture was given and came into the editor."""
    values: dict[Any, Any] = {widget: widget.value for widget in inpaint_panel.context.form.widgets.values()}
    values |= {
        inpaint_panel.source.widget: None,
        inpaint_panel.masks: None,
        inpaint_panel.history: None,
        inpaint_panel.area: "whole",
        inpaint_panel.inverse: False,
    }
    values |= dict.fromkeys(inpaint_panel.outpaint_panel.sides.values(), 0)
    files = {"files": [{"path": str(path), "name": path.name}]}
    values |= inpaint_panel.source._bring(values, Pictures(None, files), request())
    return values | inpaint_panel._load(values, request())


def masked(inpaint_panel: InpaintPanel, told: dict[Any, Any]) -> tuple[bytes, list[str]]:
    """The pixels of the one mask that the page keeps, and what it says."""
    value = told[inpaint_panel.masks]
    assert value["faults"] == []
    (mask,) = value["of"].values()
    return inpaint_panel.inputs.open(mask).tobytes(), value["notes"]


@pytest.mark.parametrize(("reads", "pixels"), [("auto", REST), ("opaque", REST), ("transparent", HOLE)])
def test_what_of_a_mask_picture_changes_can_be_turned_and_is_said(
    inpaint_panel: InpaintPanel, holed: Path, reads: str, pixels: bytes
) -> None:
    values = painted_on(inpaint_panel, holed)
    told = inpaint_panel._bring(values, Brought(None, {"path": str(holed), "reads": reads}), request())
    found, notes = masked(inpaint_panel, told)
    assert found == pixels
    assert bool(notes) == (reads == "auto")


def test_what_is_transparent_in_the_picture_can_be_its_mask(inpaint_panel: InpaintPanel, holed: Path) -> None:
    values = painted_on(inpaint_panel, holed)
    assert values[inpaint_panel.history]["holes"]
    pixels, notes = masked(inpaint_panel, inpaint_panel._holes(values, request()))
    assert pixels == HOLE
    assert "transparent" in notes[0]
    values |= inpaint_panel._holes(values, request())
    (made,) = inpaint_panel.read(values, ME)
    assert inpaint_panel.inputs.open(made["mask_image"]).tobytes() == HOLE


def test_a_whole_picture_has_no_holes_to_offer(inpaint_panel: InpaintPanel, holed: Path) -> None:
    with Image.open(holed) as picture:
        picture.convert("RGB").save(holed)
    values = painted_on(inpaint_panel, holed)
    assert not values[inpaint_panel.history]["holes"]
    assert (
        "Nothing in the picture is transparent"
        in inpaint_panel._holes(values, request())[inpaint_panel.masks]["faults"][0]
    )


def test_holes_are_offered_whenever_their_picture_is_back(inpaint_panel: InpaintPanel, holed: Path) -> None:
    values = painted_on(inpaint_panel, holed)
    (picture,) = inpaint_panel.source.ids(values, ME)
    # "Use these settings" and a reload know no more than its id.
    values[inpaint_panel.source.widget] = inpaint_panel.source.value([inpaint_panel.source.stored(picture, ME)], ME)
    values |= inpaint_panel._load(values, request())
    assert values[inpaint_panel.history]["holes"]
    assert masked(inpaint_panel, inpaint_panel._holes(values, request()))[0] == HOLE


def test_nobody_gets_the_holes_of_another_s_picture(inpaint_panel: InpaintPanel, holed: Path) -> None:
    values = painted_on(inpaint_panel, holed)
    assert inpaint_panel._holes(values, request("browser:somebody"))[inpaint_panel.masks]["faults"]
