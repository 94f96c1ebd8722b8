"""The dialog of presets: what it saves of the form, and what it sets."""

import shutil
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from studio.families import FAMILIES
from studio.gate.identity import Identity
from studio.presets import saving
from studio.recipe import ControlUnit, Lora, Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.events import BadInput
from studio.ui.fast_gradio import gr
from studio.ui.preset_panel import Telling
from studio.ui.style_browser import PAGE
from studio.ui.workspace import Workspace
from tests.ui.callers import ME, request, request_of
from tests.ui.painter import Painter

TAB = "text_to_image"
SIDE = FAMILIES["starter"].native_side


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with Studio(Settings.load(home=tmp_path_factory.mktemp("home")), backend=Painter()) as studio:
        yield studio


@pytest.fixture(autouse=True)
def _nothing_saved(studio: Studio) -> Iterator[None]:
    yield
    shutil.rmtree(studio.settings.home / "presets", ignore_errors=True)
    studio.presets.refresh()


@pytest.fixture(scope="module")
def workspace(studio: Studio) -> Workspace:
    with gr.Blocks(analytics_enabled=False) as blocks:
        return Workspace(studio, blocks, gr.Dropdown(list(studio.catalogue), value="starter"))


class Page:
    """What the widgets of a page hold while acts are asked for."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        panels = [workspace.presets.widget, workspace.forms.stack.widget, workspace.forms.units.widget]
        self.values = {widget: widget.value for widget in (*workspace.forms.shared_settings.moving, *panels)}

    def __getitem__(self, name: str) -> Any:
        return self.values[self.workspace.forms.shared_settings.all[name]]

    def set(self, **values: Any) -> None:
        self.values |= {self.workspace.forms.shared_settings.all[name]: value for name, value in values.items()}

    def act(self, act: str, /, whose: Any = None, **data: Any) -> dict[str, Any]:
        """What the dialog is told after an act."""
        asked = Telling(None, {"tab": TAB, **data})
        updates = self.workspace.presets.acts[act](self.values, asked, whose or request())
        self.values |= self.workspace.forms.shared_settings.later(self.values, updates)
        told: dict[str, Any] = self.values[self.workspace.presets.widget]
        return told

    def ask(self, act: str, **asked: Any) -> dict[str, Any]:
        """What the script is answered."""
        answer: dict[str, Any] = getattr(self.workspace.presets.widget, act)(asked, request())
        return answer

    def choose(self, field: str, value: list[str]) -> None:
        """Ready-made words, elsewhere than in their field."""
        shared_settings = self.workspace.forms.shared_settings
        self.values |= shared_settings.later(
            self.values, shared_settings._choose(self.values, SimpleNamespace(field=field, value=value), request())
        )

    def save(
        self, folder: str, name: str, prompt: str = "", negative: str = "", replace: bool = False
    ) -> dict[str, Any]:
        return self.act("save", folder=folder, name=name, prompt=prompt, negative=negative, replace=replace)


@pytest.fixture
def page(workspace: Workspace) -> Page:
    return Page(workspace)


def test_all_that_is_on_the_form_is_saved_and_comes_back(page: Page, studio: Studio) -> None:
    width, height = studio.presets.sizes["wide"].size(FAMILIES["starter"])
    look = {"prompt": "a house", "styles": ["starter-night"], "steps": 9}
    look |= {"shape": "wide", "width": width, "height": height}
    page.set(**look, seed="7")
    loras = [{"name": "pixel-art", "weight": 0.5, "on": True}, {"name": "sketch", "on": False}]
    page.values[page.workspace.forms.stack.widget] = {"loras": loras}
    assert page.save("recipes", "My look")["done"]
    preset = studio.presets.recipes["my-look"]
    assert (preset.guidance_scale, preset.scheduler, preset.seed) == (3.0, "DPM++ 2M Karras", 7)
    page.set(prompt="other", styles=[], steps=20, seed="", width=SIDE, height=SIDE, shape="square")
    told = page.act("use", id="my-look", parts=preset.parts)
    assert (told["done"], told["said"]) == (True, "")
    assert {name: page[name] for name in look} == look
    assert page["seed"] == "7"
    assert [entry["name"] for entry in page.values[page.workspace.forms.stack.widget]["loras"]] == ["pixel-art"]


def test_a_part_leaves_all_else_as_it_is(page: Page) -> None:
    page.set(prompt="a house", steps=9)
    page.save("recipes", "Look")
    page.set(prompt="a boat", negative_prompt="fog", steps=30, quality="draft", seed="3")
    page.act("use", id="look", parts=["sampling"])
    assert (page["prompt"], page["steps"], page["seed"]) == ("a boat", 9, "3")
    page.set(quality="draft")
    page.act("use", id="look", parts=["words"])
    assert (page["prompt"], page["negative_prompt"], page["steps"], page["quality"]) == ("a house", "", 9, "draft")


def test_what_the_tab_has_no_place_for_is_said(page: Page, studio: Studio) -> None:
    saving.write(studio.settings.home, "recipes", "Edit", {"steps": 5, "strength": 0.4})
    assert page.act("use", id="edit", parts=["sampling", "edit"])["said"] == "Not used here: Strength."
    assert page["steps"] == 5


def test_pictures_are_left_out_and_that_is_said(page: Page, studio: Studio) -> None:
    unit = ControlUnit(kind="canny", image="a" * 64, weight=0.5)
    page.values[page.workspace.forms.units.widget] = {"units": [unit.model_dump(exclude_none=True)]}
    assert page.save("recipes", "Edges")["said"] == "“Edges” is saved. Pictures are left out of it."
    assert studio.presets.recipes["edges"].controls == (ControlUnit(kind="canny", weight=0.5),)
    page.act("use", id="edges", parts=["control"])
    assert page.values[page.workspace.forms.units.widget]["units"][0]["weight"] == 0.5


def test_a_name_that_is_taken_has_to_be_said_twice(page: Page, studio: Studio) -> None:
    page.save("styles", "Mine", prompt="one")
    assert page.save("styles", "mine ", prompt="two")["replace"] == "mine"
    assert studio.presets.styles["mine"].prompt == "one"
    assert page.save("styles", "Anime", prompt="x")["replace"] == "Anime"
    assert page.save("styles", "Mine", prompt="two", replace=True)["done"]
    assert studio.presets.styles["mine"].prompt == "two"


def test_what_is_saved_can_be_chosen_at_once_and_what_is_deleted_no_more(page: Page, studio: Studio) -> None:
    page.set(negative_prompt="fog")
    page.save("negative", "Clear air", negative="fog, mist")
    page.save("styles", "Snow", prompt="in the snow")
    page.set(styles=["snow"], negative_presets=["clear-air"])
    told = page.act("look")
    assert [(row["name"], row["words"]) for row in told["negative"]] == [("Clear air", "fog, mist")]
    assert page["styles"] == ["snow"]
    assert page.ask("forget", id="snow") == {}
    page.choose("styles", ["snow"])
    assert (page["styles"], page["negative_presets"]) == ([], ["clear-air"])
    assert "snow" not in studio.presets.styles


def test_of_many_styles_no_more_is_told_than_is_looked_at(page: Page, studio: Studio) -> None:
    for number in range(PAGE + 1):
        saving.write(
            studio.settings.home, "styles", f"Look {number:02}", {"prompt": "{prompt}, misty", "negative": "x"}
        )
    Image.new("RGB", (400, 400)).save(studio.settings.home / "presets" / "styles" / "look-00.png")
    studio.presets.refresh()
    first = page.ask("styles", model="starter", search="MISTY look", start=0)
    rest = page.ask("styles", model="starter", search="misty look", start=PAGE)
    assert (first["total"], len(first["styles"]), [style["id"] for style in rest["styles"]]) == (
        PAGE + 1,
        PAGE,
        ["look-48"],
    )
    (small, *others) = (style["picture"] for style in first["styles"])
    assert (small.endswith(".webp"), set(others)) == (True, {""})
    assert {"name": "Look 01", "words": "{prompt}, misty · keeps out: x", "own": True}.items() <= first["styles"][
        1
    ].items()
    starters = page.ask("styles", model="starter", search="starter", start=0)["styles"]
    assert all(style["picture"] and not style["own"] for style in starters)
    said = page.ask("words", styles=["look-01", "gone"], negative_presets=["starter"])
    assert said == {
        "styles": "{prompt}, misty · keeps out: x",
        "negative_presets": studio.presets.negatives["starter"].text,
    }


@pytest.mark.parametrize(
    ("folder", "words", "says"),
    [
        ("styles", {"prompt": "a (b {prompt}"}, "( is never closed."),
        ("styles", {}, "no words"),
        ("negative", {"negative": "a)"}, "nothing for ) to close"),
        ("negative", {}, "no words"),
    ],
)
def test_what_cannot_be_is_not_saved(page: Page, folder: str, words: dict[str, str], says: str, studio: Studio) -> None:
    assert says in page.save(folder, "New", **words)["fault"]
    assert not list(studio.settings.home.glob("**/new.toml"))
    assert "is not a valid preset name" in page.save("styles", "???", prompt="x")["fault"]


def test_a_folder_that_is_none_of_presets_is_refused(page: Page) -> None:
    with pytest.raises(BadInput, match="folder: "):
        page.save("../styles", "New", prompt="x")


def test_on_a_space_nothing_is_saved_for_strangers(page: Page, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "ann/studio")
    assert "only people who have signed in can save presets" in page.save("styles", "New", prompt="x")["fault"]
    assert "only people who have signed in can save presets" in page.ask("forget", id="anime")["fault"]
    assert not studio.presets.styles.keys() & {"new"}


def test_a_model_that_is_gone_is_said_and_nothing_set(page: Page, studio: Studio) -> None:
    saving.write(studio.settings.home, "recipes", "Old", {"model": "gone", "steps": 5})
    before = page["steps"]
    assert "no model 'gone'" in page.act("use", id="old", parts=["model", "sampling"])["fault"]
    assert page["steps"] == before
    assert page.act("use", id="old", parts=["sampling"])["done"]


def test_a_damaged_file_is_told_and_the_others_are_there(page: Page, studio: Studio) -> None:
    page.save("styles", "Snow", prompt="in the snow")
    path = studio.settings.home / "presets" / "styles" / "bad.toml"
    path.write_text('name = "Bad"\npromt = "x"\n')
    told = page.act("look")
    assert "bad.toml, line 2: there is no key `promt`" in told["faults"][0]
    assert "snow" in studio.presets.styles


def test_settings_of_a_picture_are_shown_as_they_resolved(page: Page, studio: Studio) -> None:
    asked = Recipe(
        prompt="a house", styles=("starter-pixels",), negative_presets=("starter",), loras=(Lora(name="sketch"),)
    )
    (resolved,) = studio.resolve(asked)
    page.values |= page.workspace.forms.shared_settings.later(
        page.values, page.workspace.forms.shared_settings.show(resolved, TAB, page.values)
    )
    assert (page["prompt"], page["styles"], page["negative_presets"]) == ("a house, pixel art", [], [])
    (again,) = studio.resolve(page.workspace.forms.form.read(page.values, TAB, loras=resolved.loras))
    assert again == resolved


def test_each_account_sees_its_own_presets_and_an_admin_gives_one_to_everybody(page: Page, studio: Studio) -> None:
    ann, bob = (
        request_of(Identity.signed_in(name, name, role)) for name, role in (("ann", "admin"), ("bob", "creator"))
    )
    assert page.act("save", whose=ann, folder="recipes", name="Mine")["done"]
    assert page.act("save", whose=ann, folder="styles", name="Dusk", prompt="{prompt} at dusk")["done"]
    mine, theirs = page.act("look", whose=ann), page.act("look", whose=bob)
    assert [(row["name"], row["own"]) for row in mine["recipes"]] == [("Mine", True)]
    assert [(one["folder"], one["name"]) for one in mine["shares"]] == [("recipes", "Mine"), ("styles", "Dusk")]
    assert (theirs["recipes"], theirs["shares"]) == ([], [])
    assert "no longer there" in page.act("use", whose=bob, id="mine", parts=["size"])["fault"]
    offered = page.workspace.forms.form.offered("styles", "starter", ["dusk"], ME)["value"]
    assert offered == [], "it is nobody else's to choose"
    assert "Everybody" in page.act("share", whose=ann, folder="recipes", id="mine")["said"]
    shared = page.act("look", whose=bob)
    assert [(row["name"], row["own"]) for row in shared["recipes"]] == [("Mine", False)]
    assert page.act("remove", whose=bob, folder="recipes", id="mine")["fault"]
    assert not page.act("remove", whose=ann, folder="recipes", id="mine").get("fault")
    shutil.rmtree(studio.settings.home / "people")
