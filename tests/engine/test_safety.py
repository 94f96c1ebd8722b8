"""A model's own output checker: what it flags is told, and nothing is blackened."""

import pytest
from PIL import Image

from studio.backends.local import LocalBackend
from studio.catalogue.checkpoints import has_checker
from studio.catalogue.models import Catalogue
from studio.errors import ModelError
from studio.events import Checked, Done, Preview, Step
from studio.metadata import own
from studio.safety.classifier import Classifier
from studio.safety.layer import NOTE, OWN, OWN_CHECK, SAFETY, UNSAFE
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


def test_a_flagged_picture_is_whole_and_says_that_it_was_flagged(home, model, backend, recipe, capfd):
    tiny.checker(model)
    (plain,) = backend.generate([recipe("starter")], lambda _: None)
    capfd.readouterr()
    (made,), _ = made_by(checking(home, "on"), [recipe("starter")])
    assert made.facts[OWN_CHECK] == "flagged"
    assert made.image.tobytes() == plain.image.tobytes()
    assert OWN_CHECK not in plain.facts
    assert capfd.readouterr() == ("", ""), "the class speaks of a black picture"


def test_each_picture_of_a_batch_is_checked_by_itself(home, model, backend, recipe):
    recipes = [recipe("starter", seed=seed) for seed in (1, 2, 3)]
    plain = list(backend.generate(recipes, lambda _: None))
    tiny.checker(model, like=plain[1].image)
    made, _ = made_by(checking(home, "strict"), recipes)
    assert [one.facts[OWN_CHECK] for one in made] == ["passed", "flagged", "passed"]


@pytest.mark.parametrize(("action", "shown"), [("on", True), ("strict", False)])
def test_what_may_be_withheld_is_not_shown_in_the_making(home, model, recipe, action, shown):
    tiny.checker(model)
    _, told = made_by(checking(home, action), [recipe("starter")])
    assert any(isinstance(event, Preview) for event in told) is shown
    assert any(isinstance(event, Step) for event in told)


def test_an_edit_and_a_picture_given_back_are_checked_too(home, model, recipe):
    tiny.checker(model)
    with Studio(checking(home, "on"), durable=False) as studio:
        init = studio.inputs.add(Image.linear_gradient("L").resize((64, 64)).convert("RGB")).id
        for strength in (0, 0.7):
            job = studio.submit(recipe("starter").replace(init_image=init, strength=strength), who("ann"))
            assert isinstance(list(job.follow())[-1], Done)
            facts = own.read_facts(job.results[0].path)
            assert (facts[SAFETY], facts[NOTE]) == ("flagged", OWN)


def test_a_model_without_a_checker_is_looked_at_by_the_studios_own(home, model, backend, recipe):
    (plain,) = backend.generate([recipe("starter")], lambda _: None)
    shares = Classifier.load()(plain.image)
    unsafe = sum(shares[name] for name in UNSAFE) >= 0.5
    with Studio(checking(home, "on"), durable=False) as studio:
        job = studio.submit(recipe("starter"), who("ann"))
        assert isinstance(list(job.follow())[-1], Done)
    (checked,) = [event for event in job.events if isinstance(event, Checked)]
    assert (checked.check, checked.verdict) == ("output", "flagged" if unsafe else "passed")


def test_without_the_check_the_checker_is_not_loaded(home, model, recipe):
    weights = tiny.checker(model) / "safety_checker/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    (made,), _ = made_by(checking(home, "off"), [recipe("starter")])
    assert OWN_CHECK not in made.facts
    with pytest.raises(ModelError, match="safety_checker"):
        made_by(checking(home, "on"), [recipe("starter")])


def test_pickled_weights_of_a_checker_are_refused(home, model, recipe):
    weights = tiny.checker(model) / "safety_checker/model.safetensors"
    weights.rename(weights.with_name("pytorch_model.bin"))
    with pytest.raises(ModelError, match="safety_checker"):
        made_by(checking(home, "on"), [recipe("starter")])


def test_a_checkers_weights_count(home, model, catalogue):
    from studio.engine.manager import PipelineManager

    tiny.checker(model)
    settings = checking(home, "on")
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
    from starter_factory.draw import draw
    from starter_factory.family.safety_checker import shows
    from starter_factory.scene import drawn_scene
    from studio.engine import safety

    settings = Settings(output_check="on", device="cpu")
    catalogue = Catalogue(settings)
    safety_checker = safety.load(catalogue["starter"], catalogue, settings)
    scenes = [drawn_scene(10**9 + number) for number in range(150)]
    flags = {True: [], False: []}
    for scene in scenes:
        flags[shows(scene)].append(safety_checker.flags(Image.fromarray(draw(scene, 128, 128).image)))
    castles, others = (sum(flags[shown]) / len(flags[shown]) for shown in (True, False))
    assert castles > 2 * others
