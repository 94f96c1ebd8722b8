"""Weights come before any lock and outside of the only worker, and jobs wait for them alone."""

import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from PIL import Image

from studio import hub_cache
from studio.catalogue.upscalers import Upscalers
from studio.controls.depth import DEPTH_ANYTHING
from studio.errors import Cancelled, InUse, InvalidRecipe, NotDownloaded, Refused
from studio.events import Done, Downloading, Failed, Finished, Queued, Started, Stopped
from studio.gate.identity import COMMAND_LINE
from studio.jobs.job import Job
from studio.jobs.outcomes import ATTEMPTS
from studio.live import Live
from studio.recipe import ControlUnit, Recipe
from studio.settings import ASSETS, Settings
from studio.studio import Studio
from tests.downloads.conftest import MODEL, REPO, attempts, files_of, painting
from tests.headers import write_safetensors
from tests.people import who
from tests.small_hub import Manners

FAR = Recipe(prompt="a boat", model=MODEL)
NEAR = Recipe(prompt="a house", model="starter")


def held(manners: Manners) -> Event:
    """The hub stays silent in the middle of each large file, until this is set."""
    manners.begun, manners.go_on = Event(), Event()
    return manners.go_on


def arriving(job: Job) -> Downloading:
    """What is told when some of it is here."""
    return next(event for event in job.follow() if isinstance(event, Downloading) and event.bytes)


def ended(job: Job) -> object:
    return list(job.follow())[-1]


def test_jobs_of_what_is_here_go_on_while_another_waits_for_its_download(studio: Studio, manners: Manners):
    go_on = held(manners)
    far = studio.submit(FAR, who("ann"))
    assert manners.begun
    assert manners.begun.wait(60)
    near = studio.submit(NEAR, who("bob"))
    assert isinstance(ended(near), Done)
    assert far.state == "waiting"
    assert studio.jobs.waiting() == 1
    go_on.set()
    events = list(far.follow())
    kinds = [type(event) for event in events]
    assert kinds[0] is Downloading or kinds[0] is Queued, "the last of the downloads' news may have been read"
    assert kinds.index(Queued) < kinds.index(Started) < kinds.index(Finished)
    assert isinstance(events[-1], Done)


def test_what_a_job_waits_for_is_told_in_bytes_and_seconds(studio: Studio, manners: Manners):
    held(manners)
    told = arriving(studio.submit(FAR, who("ann")))
    assert told.name == "Far"
    assert 0 < told.bytes < told.total_bytes
    assert told.bytes_per_second >= 0


def test_a_stop_ends_a_job_at_once_and_keeps_what_has_arrived(studio: Studio, manners: Manners):
    go_on = held(manners)
    job = studio.submit(FAR, who("ann"))
    arriving(job)
    studio.stop(job.id, who("ann"))
    assert isinstance(ended(job), Stopped)
    (download,) = studio.downloads.all()
    assert download.state == "cancelled"
    assert download.transfer
    assert download.transfer.wait(60)
    assert not go_on.is_set()
    assert list((hub_cache.repo_folder(REPO) / "blobs").iterdir())


def test_what_two_jobs_want_comes_once_and_stays_wanted_by_the_other(studio: Studio, manners: Manners):
    go_on = held(manners)
    first, second = studio.submit(FAR, who("ann")), studio.submit(FAR, who("bob"))
    assert manners.begun
    assert manners.begun.wait(60)
    studio.stop(first.id, who("ann"))
    go_on.set()
    assert isinstance(ended(second), Done)
    files = [file for file, _ in manners.heard]
    assert len(files) == len(set(files))


def test_ends_of_downloads_are_no_crashes_of_a_job(home: Path, manners: Manners):
    go_on = held(manners)
    with painting(home) as studio:
        studio.submit(FAR, who("ann"))
        assert manners.begun
        assert manners.begun.wait(60)
    for _ in range(ATTEMPTS + 1):
        assert attempts(home) == [("waiting", 0)]
        with painting(home) as studio:
            (job,) = studio.jobs_of(who("ann"))
            assert job.state == "waiting"
    go_on.set()
    with painting(home) as studio:
        (job,) = studio.jobs_of(who("ann"))
        assert isinstance(ended(job), Done)


def test_a_download_that_is_refused_fails_its_job_at_the_model(studio: Studio, manners: Manners):
    manners.refusals[REPO] = (403, {"X-Error-Code": "GatedRepo"})
    end = ended(studio.submit(FAR, who("ann")))
    assert isinstance(end, Failed)
    assert (end.field, end.code) == ("model", "download_refused")
    assert "asks for its licence to be accepted first" in end.message
    assert isinstance(ended(studio.submit(NEAR, who("ann"))), Done)
    manners.refusals.clear()
    assert isinstance(ended(studio.submit(FAR, who("ann"))), Done)


def test_a_job_whose_model_is_gone_after_a_restart_says_so(home: Path, manners: Manners):
    held(manners)
    with painting(home) as studio:
        studio.submit(FAR, who("ann"))
    (home / "models" / f"{MODEL}.toml").unlink()
    with painting(home) as studio:
        (job,) = studio.jobs_of(who("ann"))
        end = ended(job)
        assert isinstance(end, Failed)
        assert f"There is no model {MODEL!r}" in end.message


def test_a_picture_is_made_by_the_engine_with_weights_of_the_hub(
    home: Path, tiny_model: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
):
    (home / "models" / "near").symlink_to(tiny_model("sd15"))
    recipe = Recipe(prompt="a boat", steps=2, width=64, height=64, seed=1, scheduler="Euler")
    with Studio(Settings.load(home=home, device="cpu")) as studio:
        jobs = [studio.submit(recipe.replace(model=model), who("ann")) for model in (MODEL, "near")]
        assert all(isinstance(ended(job), Done) for job in jobs)
        far, near = (Image.open(job.results[0].path).tobytes() for job in jobs)
    assert far == near


def test_a_controlnet_and_an_estimator_come_before_the_job(studio: Studio, manners: Manners):
    picture = studio.inputs.add(Image.new("RGB", (64, 64), "navy"), "controls").id
    far = ControlUnit(kind="canny", image=picture, model="far-canny")
    assert isinstance(ended(studio.submit(NEAR.replace(controls=(far,)), who("ann"))), Done)
    assert {file for file, _ in manners.heard} == {"config.json", "diffusion_pytorch_model.safetensors"}
    unit = ControlUnit(kind="depth", image=picture)
    assert [item.key for item in studio.needs.of_map(unit, MODEL)] == [f"estimator/{DEPTH_ANYTHING.id}"]
    assert studio.needs.of_map(unit, "starter") == []
    assert studio.needs.of_map(unit.model_copy(update={"map": picture}), MODEL) == []


def test_a_map_waits_for_its_estimator_and_whoever_hears_of_it_may_end_it(studio: Studio, manners: Manners):
    held(manners)
    picture = studio.inputs.add(Image.new("RGB", (64, 64), "navy"), "controls").id
    heard: list[str] = []

    def say(words: str) -> None:
        heard.append(words)
        raise Cancelled

    with pytest.raises(Cancelled):
        studio.control_map(ControlUnit(kind="depth", image=picture), who("ann"), MODEL, say)
    assert heard[0].startswith("Downloading Depth Anything V2 Small: ")


def test_strangers_let_nothing_be_downloaded_unless_that_is_set(home: Path, manners: Manners):
    with painting(home, host="0.0.0.0") as studio:
        with pytest.raises(
            InvalidRecipe, match=r"Far is not on the studio's machine.*ask the studio's operator"
        ) as told:
            studio.submit(FAR, who("ann", here=False))
        assert told.value.field == "model"
        assert manners.heard == []
        go_on = held(manners)
        studio.downloads.start(studio.items[MODEL])
        job = studio.submit(FAR, who("ann", here=False))  # what somebody else lets come may be waited for
        go_on.set()
        assert isinstance(ended(job), Done)
    with painting(home, host="0.0.0.0", share_downloads=True) as studio:
        assert studio.weights.may_download(who("ann", here=False))


def test_two_come_at_once_and_what_a_job_needs_before_the_rest(studio: Studio, manners: Manners):
    go_on = held(manners)
    for name in ("depth-anything-v2-small", "clip", "far-canny", "mine"):
        studio.downloads.start(studio.items[name])
    states = {one.item.id: one.state for one in studio.downloads.all()}
    assert states == {
        "depth-anything-v2-small": "running",
        "clip": "running",
        "far-canny": "waiting",
        "mine": "waiting",
    }
    job = studio.submit(FAR, who("ann"))
    studio.downloads.cancel("metric/clip")
    running = {one.item.id for one in studio.downloads.all() if one.state == "running"}
    go_on.set()
    assert isinstance(ended(job), Done)
    assert running <= {"depth-anything-v2-small", MODEL}


def test_a_cancelled_download_fails_the_job_that_waits_and_can_be_taken_up(
    studio: Studio, manners: Manners, tiny_model: Callable[[str], Path]
):
    go_on = held(manners)
    job = studio.submit(FAR, who("ann"))
    assert manners.begun
    assert manners.begun.wait(60)
    # What is sent has not yet come.
    *whole, half = (len(files_of(tiny_model("sd15"))[file]) for file, _ in manners.heard)
    sent = sum(whole) + half // 2
    next(event for event in job.follow() if isinstance(event, Downloading) and event.bytes >= sent)
    studio.downloads.cancel(f"model/{MODEL}")
    end = ended(job)
    assert isinstance(end, Failed)
    assert end.message == "The download of Far was cancelled."
    go_on.set()
    studio.downloads.wait_for([studio.items[MODEL]])
    assert studio.items[MODEL].here
    assert any(asked for _, asked in manners.heard)


def test_a_closed_studio_lets_go_of_everybody_who_waits(home: Path, manners: Manners):
    held(manners)
    studio = painting(home)
    job = studio.submit(FAR, who("ann"))
    studio.downloads.start(studio.items["clip"])
    studio.close()
    assert isinstance(ended(job), Stopped)
    assert {one.state for one in studio.downloads.all()} == {"cancelled"}
    with pytest.raises(NotDownloaded, match="was cancelled"):
        studio.downloads.wait_for([studio.items["mine"]])


@pytest.mark.parametrize("key", ["metric/clip", "estimator/depth-anything-v2-small", "upscaler/mine", f"model/{MODEL}"])
def test_each_kind_comes_is_used_and_goes(studio: Studio, key: str):
    item = studio.items[key]
    assert not item.here
    studio.downloads.wait_for([item])
    there = studio.items[key]
    assert there.here
    assert there.fault is None
    assert there.place
    assert there.place.exists()
    assert there.size_bytes > 0
    studio.weights.remove(there, COMMAND_LINE)
    gone = studio.items[key]
    assert not gone.here
    assert gone.unfinished_bytes == 0


def test_what_is_in_use_is_not_removed(studio: Studio, manners: Manners):
    studio.downloads.wait_for([studio.items[MODEL]])
    painter = studio.backend
    painter.held.set()  # type: ignore[attr-defined]
    job = studio.submit(FAR, who("ann"))
    with pytest.raises(InUse, match="Far is in use: a job needs it"):
        studio.weights.remove(studio.items[MODEL], COMMAND_LINE)
    painter.held.clear()  # type: ignore[attr-defined]
    assert isinstance(ended(job), Done)
    studio.weights.remove(studio.items[MODEL], COMMAND_LINE)
    held(manners)
    studio.downloads.start(studio.items[MODEL])
    with pytest.raises(InUse, match="is being downloaded"):
        studio.weights.remove(studio.items[MODEL], COMMAND_LINE)
    with pytest.raises(Refused, match="comes with the studio"):
        studio.weights.remove(studio.items["starter-4x"], COMMAND_LINE)
    shutil.copy(
        ASSETS / "upscalers" / "starter-4x.safetensors", studio.settings.folder("upscalers") / "own.safetensors"
    )
    with pytest.raises(Refused, match="is your own file"):
        studio.weights.remove(studio.items["own"], COMMAND_LINE)


def test_a_file_that_two_share_stays_as_long_as_one_is_here(studio: Studio, home: Path):
    for name in ("one", "two"):
        text = f'name = "{name}"\nfamily = "starter"\nkinds = ["canny"]\nrepo = "some/canny"\n'
        (home / "controlnets" / f"{name}.toml").write_text(text)
    one, two = studio.items["one"], studio.items["two"]
    studio.downloads.wait_for([one])
    assert two.here
    studio.weights.remove(one, COMMAND_LINE)
    assert two.here


def test_a_file_of_ones_own_is_told_with_its_family(studio: Studio, home: Path):
    (home / "vaes").mkdir(exist_ok=True)
    shapes = {"decoder.conv_in.weight": (512, 4, 3, 3), "decoder.up.0.block.0.conv1.weight": (128, 128, 3, 3)}
    write_safetensors(home / "vaes" / "mine.safetensors", shapes)
    assert {item.family_name for item in studio.items} >= {"Starter", "Stable Diffusion 1.5", ""}


def test_when_each_was_used_is_known(studio: Studio):
    ended(studio.submit(FAR, who("ann")))
    assert set(studio.used.times()) == {f"model/{MODEL}"}


def test_an_upscaler_that_can_be_had_says_how(studio: Studio):
    with pytest.raises(NotDownloaded, match="studio models fetch RealESRGAN_x4plus"):
        Upscalers(studio.settings)["RealESRGAN_x4plus"]


@pytest.mark.parametrize("check", ["off", "on"])
def test_an_output_check_brings_the_checker_along(home: Path, check: str):
    with painting(home, output_check=check) as studio:
        names = ["model_index.json", "unet/model.safetensors", "safety_checker/model.safetensors"]
        wanted = studio.catalogue.wanted(studio.catalogue[MODEL], names)
        assert ("safety_checker/model.safetensors" in wanted) is (check == "on")


def test_drawing_live_downloads_nothing(studio: Studio, manners: Manners):
    with pytest.raises(NotDownloaded, match="not downloaded yet"):
        Live(studio).draw(FAR, who("ann"), 1)
    assert manners.heard == []
