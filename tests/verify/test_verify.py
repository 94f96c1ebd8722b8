"""`studio verify`: both sides make the same pictures, and what differs is told."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.cli import main
from studio.settings import Settings
from studio.studio import Studio
from studio.verify import bare, cases, ours, report
from studio.verify.comparing import outcome
from studio.verify.sharing import shareable
from tests import tiny

# Its ControlNets are still made of it.
pytestmark = pytest.mark.filterwarnings("ignore:`FluxPosEmbed` is deprecated:FutureWarning")

SMALL = {"width": tiny.SIDE, "height": tiny.SIDE, "steps": 2}


@pytest.fixture
def picture(tmp_path):
    """A grey picture with one pixel `off` by some levels, as a file."""

    def make(name, off=0, size=(16, 16)):
        pixels = np.full((*size[::-1], 3), 100, np.uint8)
        pixels[0, 0] += off
        path = tmp_path / name
        Image.fromarray(pixels).save(path)
        return str(path)

    return make


# The class of a ControlNet for each family that follows maps.
NETWORKS = {"sdxl": "ControlNetModel", "sd3": "SD3ControlNetModel", "flux": "FluxControlNetModel"}


@pytest.mark.parametrize("family", ["sd15_inpaint", "sd15_instruct", "sdxl", "sdxl_refiner", "sd3", "flux"])
def test_both_sides_make_the_same_pixels(family, tmp_path, settings, tiny_model):
    home = tmp_path / "home"
    (home / "models").mkdir(parents=True)
    (home / "models" / f"tiny-{family}").symlink_to(settings.home / "models" / f"tiny-{family}")
    if kind := NETWORKS.get(family):
        tiny.controlnet(tiny_model(family), home / "controlnets" / "edges", kind)
    settings = Settings(home=home, device="cpu")
    with Studio(settings, durable=False) as studio:
        model = studio.catalogue[f"tiny-{family}"]
        follow = cases.along(studio, model)
        planned = cases.cases(studio, model, tmp_path, "none", (), follow, **SMALL)
        source, networks = cases.source(studio, model), [cases.network_source(studio, one) for one in planned]
    plan, told = tmp_path / "plan.json", tmp_path / "told.json"
    own = {"settings": {"home": str(settings.home), "device": "cpu"}, "images": str(tmp_path / "images")}
    own |= {"recipes": [one.recipe.to_json() for one in planned], "places": [one.ours for one in planned]}
    plain = {**source, "dtype": "float32", "device": "cpu", "offload": "none"}
    plain["cases"] = [{**vars(one), "recipe": None, "network": at} for one, at in zip(planned, networks, strict=True)]
    sides = []
    for side, asked in ((ours, own), (bare, plain)):
        plan.write_text(json.dumps({**asked, "told": str(told)}))
        side.main(str(plan))
        sides.append(json.loads(told.read_text()))
    found = [
        outcome(case.task, "none", one, other, {"ours": case.ours, "bare": case.bare})
        for case, one, other in zip(planned, *sides, strict=True)
    ]
    told = {one.task: (one.verdict, one.reason) for one in found}
    assert told == dict.fromkeys(cases.tasks_of(model, (), follow), ("identical", ""))
    assert ("control" in told) == (family in NETWORKS)
    assert all(one.time_ratio and one.memory_ratio for one in found)


@pytest.mark.parametrize(
    ("dtype", "off", "verdict"),
    [("float32", 0, "identical"), ("float32", 99, "close"), ("float32", 150, "different"), ("float16", 150, "close")],
)
def test_a_difference_counts_by_its_mean_and_the_number_format(picture, dtype, off, verdict):
    places = {"ours": picture("a-studio.png", off), "bare": picture("b.png")}
    one = outcome("t", "none", {"facts": {"dtype": dtype}}, {}, places)
    assert one.verdict == verdict
    assert one.most == off
    assert ("apart" in one.pictures) == bool(off)


def test_pixels_far_apart_other_sizes_and_a_picture_that_only_diffusers_made_are_differences(picture, tmp_path):
    plain = picture("b.png")
    other = tmp_path / "a-studio.png"
    Image.new("RGB", (16, 16), "white").save(other)
    assert outcome("t", "none", {}, {}, {"ours": str(other), "bare": plain}).verdict == "different"
    larger = outcome("t", "none", {}, {}, {"ours": picture("c-studio.png", size=(16, 8)), "bare": plain})
    assert (larger.verdict, larger.reason) == ("different", "The studio's has 16 x 8 pixels, the other 16 x 16.")
    fault = {"error": "no"}
    assert outcome("t", "none", fault, {}, {"ours": "", "bare": plain}).verdict == "different"
    assert outcome("t", "none", {}, fault, {"ours": plain, "bare": ""}).verdict == "not compared"
    assert outcome("t", "none", fault, fault, {"ours": "", "bare": ""}).verdict == "not compared"


def test_a_report_shows_the_pictures_and_names_no_folder_of_the_machine(picture, tmp_path):
    places = {"ours": picture("a-studio.png", 9), "bare": picture("b.png")}
    found = [
        outcome("inpaint", "none", {"seconds": 1.0, "bytes": 10**9}, {"seconds": 2.0, "bytes": 10**9}, places),
        outcome("text2img", "model", {"error": "<b>no</b>"}, {"error": "no"}, places),
    ]
    page = report.write(tmp_path, {"model": "<i>M</i>", "versions": {"torch": "2"}}, found).read_text()
    assert "<b>no" not in page
    assert "<i>M" not in page
    assert page.count("data:image/png;base64,") == 3
    told = json.loads((tmp_path / "report.json").read_text())
    assert [one["time_ratio"] for one in told["cases"]] == [0.5, None]
    assert str(tmp_path) not in page + json.dumps(told)


def test_a_task_that_the_model_cannot_do_is_refused_in_a_line(tiny_model, tmp_path, capsys):
    asked = ["verify", str(tiny_model("sd15_inpaint")), "--task", "text2img", "--out", str(tmp_path)]
    assert main(asked) == 2
    assert "cannot do text2img. It can do inpaint." in capsys.readouterr().err


def test_bare_diffusers_side_imports_nothing_of_the_studio():
    source = Path(bare.__file__).read_text()
    assert "from studio" not in source
    assert "import studio" not in source


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/srv/models/x/unet cannot be loaded", "…/unet cannot be loaded"),
        ("~/ImageStudio/models/x.safetensors lacks", "…/x.safetensors lacks"),
        ("File 'C:\\Users\\me\\x.json'", "File '…/x.json'"),
        ("see https://example.org/a/b and 1/2 or text/image", "see https://example.org/a/b and 1/2 or text/image"),
        ("the key abcd-efgh-ijkl was refused", "the key *** was refused"),
    ],
)
def test_what_is_shown_names_no_folder_and_no_key(text, shown, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "abcd-efgh-ijkl")
    assert shareable({"facts": [text, 3, None]}) == {"facts": [shown, 3, None]}
