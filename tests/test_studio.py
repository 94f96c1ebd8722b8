import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from studio.errors import InvalidRecipe, ModelError, NotWritable, UnknownModel
from studio.events import Done, Finished
from studio.gate.identity import COMMAND_LINE
from studio.recipe import SEEDS, Recipe
from studio.settings import Settings
from studio.studio import FILMSTRIPS, REPLAYS, Studio
from tests.drawer import Drawer
from tests.forks import python
from tests.headers import write_home, write_model
from tests.people import who

MODEL = "tiny-starter"
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return write_home(tmp_path / "home", MODEL)


@pytest.fixture
def studio(home: Path) -> Iterator[Studio]:
    with Studio(Settings.load(home=home, model=MODEL, max_images=8), backend=Drawer()) as studio:
        yield studio


def test_what_is_left_open_is_what_the_model_is_best_at(studio: Studio):
    (resolved,) = studio.resolve(Recipe(prompt="a red house"))
    model = studio.catalogue[MODEL]
    family = model.family_facts()
    assert resolved.model == MODEL
    assert (resolved.width, resolved.height) == (family.native_side, family.native_side)
    assert (resolved.scheduler, resolved.steps) == (family.scheduler, family.steps)
    assert resolved.guidance_scale == family.guidance_scale
    assert resolved.seed is not None


def test_what_is_given_stays(studio: Studio):
    given = Recipe(
        prompt=" a red house ", model=MODEL, width=64, height=128, scheduler="Heun", steps=3, guidance_scale=0, seed=0
    )
    assert studio.resolve(given) == (given,)
    assert studio.resolve(*studio.resolve(given)) == (given,)


def test_a_name_counts_in_any_case(studio: Studio):
    (resolved,) = studio.resolve(Recipe(prompt="a", scheduler="euler A"))
    assert resolved.scheduler == "Euler a"


def test_a_count_becomes_single_recipes_with_the_next_seeds(studio: Studio):
    recipes = studio.resolve(Recipe(prompt="a", seed=SEEDS - 2, count=4))
    assert [recipe.seed for recipe in recipes] == [SEEDS - 2, SEEDS - 1, 0, 1]
    assert {recipe.count for recipe in recipes} == {1}
    assert len({recipe.replace(seed=0) for recipe in recipes}) == 1


def test_variations_keep_the_seed_and_take_the_next_variation_seeds(studio: Studio):
    varied = Recipe(prompt="a", seed=3, variation_seed=SEEDS - 1, variation_strength=0.2, count=3)
    recipes = studio.resolve(varied)
    assert [(recipe.seed, recipe.variation.seed) for recipe in recipes] == [(3, SEEDS - 1), (3, 0), (3, 1)]
    recipes = studio.resolve(varied.replace(variation_strength=0))
    assert [recipe.seed for recipe in recipes] == [3, 4, 5]
    (open_one,) = studio.resolve(Recipe(prompt="a", variation_strength=0.2))
    assert open_one.variation.seed is not None
    assert studio.resolve(open_one) == (open_one,)
    with pytest.raises(InvalidRecipe, match="Variation seed has no effect without a variation"):
        studio.resolve(Recipe(prompt="a", variation_seed=1))


def test_an_open_seed_is_drawn_anew_each_time(studio: Studio):
    assert len({studio.resolve(Recipe(prompt="a"))[0].seed for _ in range(8)}) > 1


def test_negative_presets_become_part_of_the_negative_prompt(studio: Studio):
    preset = next(iter(studio.presets.negatives.values()))
    for name in (preset.id, preset.name.upper()):
        (resolved,) = studio.resolve(Recipe(prompt="a", negative_prompt="rain", negative_presets=(name,)))
        assert resolved.negative_prompt == f"rain, {preset.text.strip()}"
        assert resolved.negative_presets == ()


@pytest.mark.parametrize(
    ("field", "values", "says"),
    [
        ("prompt", {"prompt": ""}, "empty"),
        ("prompt", {"prompt": " \n\t "}, "empty"),
        ("prompt", {"prompt": "house " * 600, "model": "tiny-flux"}, "600 tokens"),
        ("model", {"model": "tiny-startr"}, MODEL),
        ("scheduler", {"scheduler": "Eular"}, "Did you mean Euler"),
        ("scheduler", {"scheduler": "Flow Euler"}, "DDIM"),
        ("scheduler", {"scheduler": "Euler", "model": "tiny-flux"}, "Flow Euler"),
        ("negative_presets", {"negative_presets": ("photografph",)}, "Did you mean photograph"),
        ("negative_prompt", {"negative_prompt": "rain", "model": "tiny-flux"}, "no negative prompt"),
        ("negative_presets", {"negative_presets": ("photograph",), "model": "tiny-flux"}, "no negative prompt"),
        ("width", {"width": 100}, "96 or 104"),
        ("height", {"height": 100}, "96 or 104"),
        ("width", {"width": 16}, "too few"),
        ("height", {"height": 8192}, "too many"),
        ("count", {"count": 9}, "at most 8"),
    ],
)
def test_what_cannot_be_names_the_field_and_the_cure(studio: Studio, field: str, values: dict[str, Any], says: str):
    with pytest.raises(InvalidRecipe) as error:
        studio.submit(Recipe(**{"prompt": "a red house", **values}), who("ann"))
    assert error.value.field == field
    assert says in str(error.value)
    assert error.value.hint
    assert studio.jobs_of(who("ann")) == []


def test_a_model_without_guidance_refuses_it(studio: Studio, home: Path):
    (home / "models" / "plain.toml").write_text(f'family = "starter"\nfolder = "{MODEL}"\nabilities = []\n')
    studio.catalogue.refresh()
    assert studio.resolve(Recipe(prompt="a", model="plain"))[0].guidance_scale is None
    with pytest.raises(InvalidRecipe, match="takes no guidance"):
        studio.resolve(Recipe(prompt="a", model="plain", guidance_scale=5))


def test_damaged_weights_are_told_before_anything_is_queued(studio: Studio, home: Path):
    folder = write_model(home / "models" / "torn", "starter")
    studio.catalogue.refresh()
    weights = next(folder.rglob("unet/*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(InvalidRecipe, match="model: ") as error:
        studio.submit(Recipe(prompt="a", model="torn"), who("ann"))
    assert isinstance(error.value.__cause__, ModelError)
    assert studio.jobs_of(who("ann")) == []


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_queued(studio: Studio):
    studio.library.folder.rmdir()
    studio.library.folder.write_text("in the way")
    with pytest.raises(NotWritable):
        studio.submit(Recipe(prompt="a"), who("ann"))
    assert studio.jobs_of(who("ann")) == []


def test_a_job_goes_from_prompt_to_library(studio: Studio):
    job = studio.submit(Recipe(prompt="a red house", count=2, seed=5), who("ann"))
    assert isinstance(list(job.follow())[-1], Done)
    assert [studio.library.read(event.path).seed for event in job.results] == [5, 6]
    assert studio.job(job.id, who("ann")) is job
    assert studio.jobs_of(who("ann")) == [job]
    studio.stop(job.id, who("ann"))
    assert job.state == "done"


def test_images_go_to_another_folder_and_no_list_is_kept_where_asked(home: Path, tmp_path: Path):
    with Studio(Settings.load(home=home, model=MODEL), backend=Drawer(), images=tmp_path / "out", durable=False) as it:
        job = it.submit(Recipe(prompt="a"), who("ann"))
        list(job.follow())
        with it.database.read() as rows:
            assert rows.execute("SELECT COUNT(*) FROM jobs").fetchone()[0] == 0
    assert [path.is_relative_to(tmp_path / "out") for path in (event.path for event in job.results)] == [True]
    assert not (home / "images").exists()


def test_a_studio_that_is_served_has_a_backup_of_today(home: Path):
    for _ in range(2):
        with Studio(Settings.load(home=home, model=MODEL), backend=Drawer()) as studio:
            studio.warm()
    assert len(list((home / "backups").iterdir())) == 1


def test_a_closed_studio_has_given_back_the_device(home: Path):
    drawer = Drawer()
    with Studio(Settings.load(home=home, model=MODEL), backend=drawer) as studio:
        studio.warm()
        studio.warm()
    assert drawer.warmed == [MODEL]
    assert drawer.closed


def test_a_model_that_cannot_be_warmed_does_not_stop_the_studio(home: Path, caplog: pytest.LogCaptureFixture):
    class Cold(Drawer):
        def warm(self, model: str) -> None:
            raise UnknownModel(f"{model} is missing.")

    with Studio(Settings.load(home=home, model=MODEL), backend=Cold()) as studio:
        studio.warm()
        assert isinstance(list(studio.submit(Recipe(prompt="a"), who("ann")).follow())[-1], Done)
    assert "missing" in caplog.text


def test_half_a_file_of_a_process_that_ended_is_cleared_though_its_parent_has_not_asked_for_it(home: Path):
    with subprocess.Popen([sys.executable, "-c", "print()"], stdout=subprocess.PIPE) as ended:
        assert ended.stdout
        ended.stdout.read()
        half = home / "images" / f".torn.{ended.pid}.part"
        half.parent.mkdir()
        half.write_bytes(b"half")
        while psutil.Process(ended.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        with Studio(Settings.load(home=home, model=MODEL), backend=Drawer()):
            assert not half.exists()


KILLED = """
import sys
from studio.events import Finished
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from tests.drawer import Drawer
from tests.people import who

drawer = Drawer(gated=True)
studio = Studio(Settings.load(home=sys.argv[1], model=sys.argv[2]), backend=drawer)
job = studio.submit(Recipe(prompt="a red house", steps=2, count=3, seed=1), who("ann"))
waiting = studio.submit(Recipe(prompt="a tree", steps=2, seed=9), who("bob"))
drawer.allow(3)
for event in job.follow():
    if isinstance(event, Finished):
        (studio.library.folder / f".torn.{__import__('os').getpid()}.part").write_bytes(b"half")
        print(job.id, waiting.id, event.path, flush=True)
"""


def test_a_killed_studio_loses_nothing(home: Path):
    command = [python(), "-c", KILLED, str(home), MODEL]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        job_id, waiting_id, finished = process.stdout.readline().split()
        process.send_signal(signal.SIGKILL)
        process.stdout.read()  # up to its end

    drawer = Drawer()
    with Studio(Settings.load(home=home, model=MODEL), backend=drawer) as studio:
        job, waiting = studio.job(job_id, who("ann")), studio.job(waiting_id, who("bob"))
        for resumed in (job, waiting):
            assert isinstance(list(resumed.follow())[-1], Done)
        assert studio.library.read(Path(finished)) == job.recipes[0]
        assert [event.image for event in job.events if isinstance(event, Finished)] == [0, 1, 2]
        assert job.results[0].path == Path(finished)
        files = [path for path in studio.library.folder.rglob("*") if path.is_file()]
    assert sorted(drawer.drawn) == ["a red house/2", "a red house/3", "a tree/9"]
    assert len(files) == 4
    for path in files:
        assert studio.library.read(path).prompt in ("a red house", "a tree")


def test_importing_the_studio_loads_nothing_heavy():
    code = "import sys, studio.studio; print([m for m in ('torch', 'diffusers', 'gradio') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_pictures_that_a_job_was_given_are_never_cleared(studio: Studio, monkeypatch: pytest.MonkeyPatch):
    given, dropped = (
        studio.inputs.add(Image.new("RGB", (64, 64), colour), who=who("o")).id for colour in ("red", "blue")
    )
    list(studio.submit(Recipe(prompt="a", init_image=given, strength=0.5), who("o")).follow())
    monkeypatch.setattr("studio.unused.BROUGHT_SECONDS", -1.0)
    studio.inputs.sweep()
    assert [path.stem for path in studio.inputs.folder.glob("*.png")] == [given]
    assert dropped != given


def test_old_filmstrips_and_pictures_made_again_are_cleared_and_that_is_told(tmp_path: Path):
    with Studio(Settings(home=tmp_path), backend=Drawer()) as studio:
        for name in (FILMSTRIPS, REPLAYS):
            (tmp_path / name).mkdir()
            for file, age in (("old.png", 31), ("new.png", 29)):
                (tmp_path / name / file).write_bytes(b"12345")
                then = time.time() - age * 24 * 3600
                os.utime(tmp_path / name / file, (then, then))
        studio.sweep()
        left = [[path.name for path in (tmp_path / name).iterdir()] for name in (FILMSTRIPS, REPLAYS)]
        assert left == [["new.png"], ["new.png"]]
        cleared = studio.index.usages.of(COMMAND_LINE).cleared
        assert cleared
        assert cleared[:2] == (2, 10)
