"""A provider is one file and a model's TOML: its models are chosen, priced, paid for within the budget, and kept."""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from studio.errors import (
    InvalidRecipe,
    KeyRefused,
    ModelRetired,
    Moderated,
    OutOfCredit,
    OverBudget,
    RateLimited,
    ServiceFailed,
    ServiceTimeout,
    StudioError,
    UnsafeAddress,
)
from studio.events import Failed
from studio.hosted.providers import PROVIDERS
from studio.jobs.job import Job
from studio.metadata import own
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import fields
from studio.ui.fast_gradio import gr
from studio.ui.form import Form
from studio.ui.hosted_choices import price
from studio.ui.picture_details import details
from tests.drawer import Drawer
from tests.hosted import darkroom
from tests.hosted.darkroom import KEY, Darkroom
from tests.hosted.service import drawn
from tests.people import who
from tests.registering import registered

ME = who("me")
NAME = "darkroom:velvet"
ASKED = Recipe(prompt="a (red:1.2) house", negative_prompt="[blur]", model=NAME, seed=7, guidance_scale=5)


@pytest.fixture
def service() -> Iterator[Darkroom]:
    service = Darkroom()
    with darkroom.serving(service):
        yield service


@pytest.fixture
def home(tmp_path: Path, service: Darkroom, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder with the model's file, beside a folder with the provider's."""
    monkeypatch.setenv("DARKROOM_KEY", KEY)
    own, models = tmp_path / "providers", tmp_path / "home" / "presets" / "hosted"
    own.mkdir()
    models.mkdir(parents=True)
    (own / "darkroom.py").write_text(darkroom.PROVIDER.format(address=service.address))
    (models / "velvet.toml").write_text(darkroom.MODEL)
    with registered(PROVIDERS, own):
        yield tmp_path / "home"


@pytest.fixture
def studio(home: Path) -> Iterator[Studio]:
    with Studio(Settings.load(home=home, day_budget_usd=0.05), backend=Drawer()) as studio:
        yield studio


def ended(job: Job) -> object:
    return list(job.follow())[-1]


def test_its_model_is_offered_and_chosen_on_the_form_and_priced(studio: Studio) -> None:
    label = "Velvet 50 · hosted by Darkroom"
    assert (label, NAME) in fields.models(studio, "text2img")
    assert (label, NAME) in fields.models(studio, "img2img")
    assert NAME not in [name for _, name in fields.models(studio, "inpaint")]
    form = Form(studio)
    with gr.Blocks(analytics_enabled=False):
        form.adopt("model", gr.Dropdown([NAME], value=NAME))
        form.add_tab("text", "text2img")
        for name in ("prompt", "negative_prompt", "guidance_scale", "steps", "seed"):
            form.place(name)
    values = {form.widgets["model"]: NAME, form.widgets["prompt"]: "a house", form.widgets["guidance_scale"]: 6.0}
    assert form.standards(NAME)["guidance_scale"] == 3.5
    assert "steps" in form.hidden(values, "text")
    assert not {"negative_prompt", "guidance_scale"} & form.hidden(values, "text")
    recipe = form.read(values, "text")
    assert (recipe.model, recipe.guidance_scale) == (NAME, 6.0)
    said = price(studio, recipe, "text2img")
    assert said.startswith("At most $0.026 for 1 picture")
    assert said.endswith("$0.05 are left for today.")


def test_a_picture_is_ordered_waited_for_kept_and_paid(studio: Studio, service: Darkroom) -> None:
    job = studio.submit(ASKED, ME)
    ended(job)
    (made,) = job.results
    assert service.orders["n0"] == {
        "film": "velvet",
        "shows": "a red house",
        "avoids": "blur",
        "grain": 7,
        "contrast": 5,
        "paper": "matt",
        "sides": [512, 512],
        "from": None,
    }
    assert Image.open(made.path).tobytes() == Image.open(BytesIO(drawn("a red house", (512, 512)))).tobytes()
    assert own.read(made.path).model == NAME
    facts = own.read_facts(made.path)
    assert (facts["hosted by"], facts["paper"], facts["darkroom order"]) == ("darkroom", "matt", "n0")
    assert float(facts["cost_usd"]) == pytest.approx(0.0236, abs=1e-4)
    told = details(studio, {"stored": studio.addresses.token(made.path, ME)}, ME)
    lines = {line["label"]: line["value"] for group in told["groups"] for line in group["lines"]}
    assert lines["Cost"] == "$0.024", "in words, and once"
    assert not [label for label in lines if "usd" in label]
    assert studio.hosted.budget.spent() == pytest.approx(0.0236, abs=1e-4)


def test_a_picture_is_changed_and_the_day_s_budget_is_held(studio: Studio, service: Darkroom) -> None:
    picture = studio.inputs.add(Image.new("RGB", (512, 768), "navy"), who=ME).id
    changed = ASKED.replace(init_image=picture, model=f"{NAME}?paper=gloss")
    job = studio.submit(changed, ME)
    ended(job)
    assert Image.open(job.results[0].path).getpixel((0, 0)) == (0, 0, 128)
    assert service.orders["n0"]["paper"] == "gloss"
    assert service.orders["n0"]["sides"] == [512, 768]
    with pytest.raises(OverBudget, match=r"up to \$0\.026; of the day's \$0\.05, \$0\.015 are left"):
        studio.submit(ASKED, ME)
    assert len(service.orders) == 1


FAULTS: dict[str, tuple[tuple[int, object], type[StudioError]]] = {
    "moderated": ((422, {"detail": "content_filter: no"}), Moderated),
    "no credit": ((402, {"detail": "The purse is empty."}), OutOfCredit),
    "gone": ((404, {"error": {"message": "No such film."}}), ModelRetired),
    "too often": ((429, {"errors": ["slow down"]}), RateLimited),
    "broken": ((500, {"message": "oh"}), ServiceFailed),
    "moved": ((302, None), UnsafeAddress),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_goes_wrong_there_is_said_as_of_any_other(studio: Studio, service: Darkroom, case: str) -> None:
    service.fault, expected = FAULTS[case]
    ending = ended(studio.submit(ASKED, ME))
    assert isinstance(ending, Failed)
    assert ending.code == expected("", "").code
    assert KEY not in str(ending)


def refuse_key(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_KEY", f"{KEY[:-4]}XXXX")
    ending = ended(studio.submit(ASKED, ME))
    assert isinstance(ending, Failed)
    assert (ending.code, KEY[:8] in str(ending)) == (KeyRefused("", "").code, False)


def lack_key(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DARKROOM_KEY")
    with pytest.raises(KeyRefused, match="DARKROOM_KEY"):
        studio.submit(ASKED, ME)


@pytest.mark.parametrize("case", [refuse_key, lack_key], ids=lambda case: case.__name__)
def test_its_key_is_wanted_and_told_to_nobody_else(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, case: Callable[[Studio, pytest.MonkeyPatch], None]
) -> None:
    case(studio, monkeypatch)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"steps": 5}, "steps"),
        ({"model": f"{NAME}?paper=silk"}, "model"),
        ({"model": f"{NAME}?quality=low"}, "model"),
        ({"width": 640}, "width"),
    ],
)
def test_what_its_model_does_not_take_is_refused_at_its_field(studio: Studio, wrong: dict[str, object], field: str):
    with pytest.raises(InvalidRecipe) as told:
        studio.submit(ASKED.replace(**wrong), ME)
    assert told.value.field == field


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("megapixel = 0.1", "megapixel"),
        (darkroom.MODEL, "openai"),
        ('paper = ["matt", "gloss"]', "quality"),
        ('takes = ["negative_prompt", "seed", "guidance_scale"]', "steps"),
    ],
)
def test_a_model_s_file_that_its_provider_cannot_read_is_left_out_and_told(home: Path, wrong: str, said: str) -> None:
    instead = {
        "megapixel": "megapixel = -1",
        "openai": 'name = "Velvet"\nservice = "darkroom"\nprovider = "openai"',
        "quality": 'quality = ["high"]',
        "steps": 'takes = ["steps"]',
    }
    file = home / "presets" / "hosted" / "velvet.toml"
    file.write_text(darkroom.MODEL.replace(wrong, instead[said]))
    with Studio(Settings.load(home=home), backend=Drawer()) as studio:
        (fault,) = studio.hosted.models.faults.values()
    assert str(file) in str(fault)
    assert said in str(fault)


def test_a_host_of_the_settings_may_speak_its_language(home: Path, service: Darkroom) -> None:
    (home / "settings.toml").write_text(f'[hosts.cellar]\nbase_url = "{service.address}"\nprovider = "darkroom"\n')
    with Studio(Settings.load(home=home), backend=Drawer()) as studio:
        endpoint = studio.hosted.models["cellar:velvet"]
        assert (endpoint.label, endpoint.provider.label, endpoint.estimate({"size": "512x512"}, "a")) == (
            "Velvet 50 · cellar",
            "Darkroom",
            None,
        )


def test_a_service_that_never_gets_ready_is_left_when_its_time_is_over(home: Path, service: Darkroom) -> None:
    host = f'[hosts.slow]\nbase_url = "{service.address}"\nprovider = "darkroom"\ntimeout_seconds = 0.2\n'
    (home / "settings.toml").write_text(host + 'key_env = "DARKROOM_KEY"\n')
    with Studio(Settings.load(home=home), backend=Drawer()) as studio:
        ending = ended(studio.submit(ASKED.replace(model="slow:velvet"), ME))
    assert isinstance(ending, Failed)
    assert ending.code == ServiceTimeout("", "").code
