"""The output check: what a model's own checker flags is marked or withheld, and said; nothing is blackened."""

import numpy as np
import pytest
from PIL import Image

from studio.backends.local import LocalBackend
from studio.catalogue.checkpoints import has_checker
from studio.catalogue.models import Catalogue
from studio.engine.safety import PAPER, card
from studio.errors import InvalidRecipe, ModelError
from studio.events import Done, Loading, Preview, Step
from studio.metadata import own
from studio.settings import ASSETS, Settings
from studio.studio import Studio
from tests import tiny
from tests.people import who


@pytest.fixture
def home(tmp_path, tiny_model):
    """A data folder with a tiny starter that has room for a checker; its index names none."""
    folder = tmp_path / "models" / "tiny-starter"
    folder.mkdir(parents=True)
    for part in tiny_model("starter").iterdir():
        (folder / part.name).symlink_to(part)
    return tmp_path


@pytest.fixture
def model(home):
    return home / "models" / "tiny-starter"


def checking(home, action):
    return Settings(home=home, device="cpu", output_check=action)


def made_by(settings, recipes):
    """The images of a backend of these settings, and what it told."""
    told = []
    backend = LocalBackend(settings, Catalogue(settings))
    try:
        return list(backend.generate(recipes, told.append)), told
    finally:
        backend.close()


def words(told):
    return [event.what for event in told if isinstance(event, Loading)]


def test_a_marked_picture_is_whole_and_says_that_it_was_flagged(home, model, backend, recipe, capfd):
    tiny.checker(model)
    (plain,) = backend.generate([recipe("starter")], lambda _: None)
    capfd.readouterr()
    (made,), told = made_by(checking(home, "mark"), [recipe("starter")])
    assert made.facts["output check"] == "flagged"
    assert made.image.tobytes() == plain.image.tobytes()
    assert "The output check flagged a picture; it is kept, and marked." in words(told)
    assert "output check" not in plain.facts
    assert capfd.readouterr() == ("", ""), "the class speaks of a black picture"


def test_a_withheld_picture_costs_the_job_no_other(home, model, backend, recipe):
    recipes = [recipe("starter", seed=seed) for seed in (1, 2, 3)]
    plain = list(backend.generate(recipes, lambda _: None))
    tiny.checker(model, like=plain[1].image)
    made, told = made_by(checking(home, "withhold"), recipes)
    assert [one.facts["output check"] for one in made] == ["passed", "withheld", "passed"]
    assert [made[k].image.tobytes() == plain[k].image.tobytes() for k in range(3)] == [True, False, True]
    assert made[1].image.tobytes() == card((tiny.SIDE, tiny.SIDE)).tobytes()
    assert words(told).count("The output check flagged a picture; it is withheld.") == 1


@pytest.mark.parametrize(("action", "shown"), [("mark", True), ("withhold", False)])
def test_what_may_be_withheld_is_not_shown_in_the_making(home, model, recipe, action, shown):
    tiny.checker(model)
    _, told = made_by(checking(home, action), [recipe("starter")])
    assert any(isinstance(event, Preview) for event in told) is shown
    assert any(isinstance(event, Step) for event in told)


@pytest.mark.parametrize("size", [(512, 512), (64, 64), (2048, 128), (64, 900)])
def test_the_card_of_a_withheld_picture_can_be_read_and_is_not_black(size):
    made = np.asarray(card(size))
    assert made.shape == (size[1], size[0], 3)
    assert (made == PAPER).all(axis=-1).mean() > 0.4
    assert made.min() < 150
    assert card((1, 1)).size == (1, 1)


def test_an_edit_and_a_picture_given_back_are_checked_too(home, model, recipe, inputs):
    tiny.checker(model)
    settings = checking(home, "mark")
    given = card((64, 64))
    with Studio(settings, durable=False) as studio:
        init = studio.inputs.add(given).id
        edits = [{"init_image": init, "strength": strength} for strength in (0, 0.7)]
        for values in edits:
            job = studio.submit(recipe("starter").replace(**values), who("ann"))
            assert isinstance(list(job.follow())[-1], Done)
            (image,) = job.results
            assert own.read_facts(image.path)["output check"] == "flagged"
            assert studio.library.read(image.path).strength == values["strength"]


def test_without_the_check_the_checker_is_not_loaded(home, model, recipe):
    weights = tiny.checker(model) / "safety_checker/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    (made,), _ = made_by(checking(home, "off"), [recipe("starter")])
    assert "output check" not in made.facts
    with pytest.raises(ModelError, match="safety_checker"):
        made_by(checking(home, "mark"), [recipe("starter")])


def test_pickled_weights_of_a_checker_are_refused(home, model, recipe):
    weights = tiny.checker(model) / "safety_checker/model.safetensors"
    weights.rename(weights.with_name("pytorch_model.bin"))
    with pytest.raises(ModelError, match="safety_checker"):
        made_by(checking(home, "mark"), [recipe("starter")])


@pytest.mark.parametrize("lost", ["", "safety_checker/config.json", "feature_extractor/preprocessor_config.json"])
def test_a_model_that_cannot_check_is_refused_before_a_step(home, model, recipe, lost):
    if lost:
        (tiny.checker(model) / lost).unlink()
    told = []
    settings = checking(home, "mark")
    backend = LocalBackend(settings, Catalogue(settings))
    with pytest.raises(InvalidRecipe, match=r"no output checker.*STUDIO_OUTPUT_CHECK=off") as caught:
        list(backend.generate([recipe("starter")], told.append))
    backend.close()
    assert caught.value.field == "model"
    assert not any(isinstance(event, Step) for event in told)


def test_a_checkers_weights_count(home, model, catalogue):
    from studio.engine.manager import PipelineManager

    tiny.checker(model)
    settings = checking(home, "mark")
    manager = PipelineManager(Catalogue(settings), settings)
    with manager.borrow(Catalogue(settings)["tiny-starter"]) as lease:
        loaded = lease.loaded
    manager.close()
    size = (model / "safety_checker/model.safetensors").stat().st_size
    assert loaded.bytes - sum(loaded.parts.values()) == pytest.approx(size, rel=0.2)


def test_a_single_files_checker_lies_with_its_configs(tmp_path, tiny_model):
    models = tmp_path / "models"
    models.mkdir()
    tiny.single_file(tiny_model("sd15"), models / "single.safetensors")
    tiny.configs_only(tiny_model("sd15"), models / "single.config")
    (models / "single.toml").write_text('family = "sd15"')
    catalogue = Catalogue(Settings(home=tmp_path))
    assert catalogue.lacks_checker(catalogue["single"])
    tiny.checker(models / "single.config")
    assert catalogue.checker(catalogue["single"]) == models / "single.config"
    assert not catalogue.lacks_checker(catalogue["single"])


@pytest.mark.skipif(not has_checker(ASSETS / "starter"), reason="the starter has no checker here")
def test_the_starters_own_checker_tells_castles_from_the_rest():
    from starter_factory.first.family.safety_checker import shows
    from starter_factory.first.illustrator import draw
    from starter_factory.first.scene import training_scene
    from studio.engine import safety

    settings = Settings(output_check="mark", device="cpu")
    catalogue = Catalogue(settings)
    safety_checker = safety.load(catalogue["starter"], catalogue, settings)
    scenes = [training_scene(10**9 + number) for number in range(150)]
    flags = {True: [], False: []}
    for scene in scenes:
        flags[shows(scene)].append(safety_checker.flags(Image.fromarray(draw(scene, 128, 128).image)))
    castles, others = (sum(flags[shown]) / len(flags[shown]) for shown in (True, False))
    assert castles > 2 * others
