"""Tasks as generators: whoever answers their requests drives them; a request is a plain value; nothing stays behind."""

import ast
import gc
import inspect
import pickle
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from studio.backends.local import LocalBackend
from studio.catalogue.models import Catalogue
from studio.engine import tasks
from studio.engine.manager import PipelineManager
from studio.engine.noise import Noise
from studio.engine.progress import Clock, Progress
from studio.engine.render import render
from studio.engine.renderer import Renderer
from studio.engine.requests import Decode, Denoise, Enlarge, LatentRow, Request, Work
from studio.engine.running import Running
from studio.engine.tasks.context import TaskContext
from studio.errors import Cancelled
from studio.events import Loading, Preview, Step
from studio.inputs import InputStore
from studio.recipe import Recipe, as_resolved
from studio.settings import Settings
from tests import tiny
from tests.engine.conftest import nobody, picture

HIRES = {"hires_scale": 1.5, "hires_upscaler": "tiny", "hires_strength": 0.6, "hires_steps": 4}


@pytest.fixture(scope="module")
def home(tiny_model: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("tasks")
    (home / "models").mkdir()
    for family in ("sd15", "sdxl", "sdxl_refiner", "flux"):
        (home / "models" / f"tiny-{family}").symlink_to(tiny_model(family))
    tiny.controlnet(tiny_model("sd15"), home / "controlnets" / "edges")
    tiny.ip_adapter(tiny_model("sd15"), home / "ip-adapters" / "look" / "look.safetensors")
    tiny.image_encoder(home / "ip-adapters" / "look" / "image_encoder")
    tiny.lora(tiny_model("sd15"), home / "loras" / "ink.safetensors")
    tiny.upscaler(home / "upscalers" / "tiny.safetensors")
    return Settings(home=home, device="cpu")


@pytest.fixture(scope="module")
def inputs(home: Settings) -> InputStore:
    return InputStore.of(home)


@pytest.fixture(scope="module")
def backend(home: Settings) -> Iterator[LocalBackend]:
    backend = LocalBackend(home, Catalogue(home))
    yield backend
    backend.close()


@pytest.fixture
def manager(backend: LocalBackend) -> PipelineManager:
    """The backend's own: what one loads, the other has."""
    return backend._engine()


@pytest.fixture
def recipes(recipe: Callable[..., Recipe], inputs: InputStore) -> Mapping[str, Recipe]:
    """A resolved recipe of each task."""
    given, mask = picture(), Image.new("L", (tiny.SIDE, tiny.SIDE))
    mask.paste(255, (16, 16, 40, 40))
    over = {"init_image": inputs.add(given).id, "resize": "crop", "strength": 0.7, "steps": 4}
    into = over | {"mask_image": inputs.add_mask(mask).id, "mask_area": "whole", "mask_fill": "original"}
    beside = [
        {"kind": "map", "map": over["init_image"], "model": "edges"},
        {"kind": "ip_adapter", "image": over["init_image"], "model": "look"},
    ]
    large = {"width": None, "height": None, "resize": None, "upscaler": "tiny", "upscale": 2, "strength": 0.5}
    return {
        "text2img": recipe("sd15"),
        "img2img": recipe("sd15", **over),
        "inpaint": recipe("sd15", **into, mask_blur=0, mask_grow=0),
        "hires": recipe("sd15", **HIRES),
        "upscale": recipe("sd15", **over | large),
        "beside": recipe("sd15", controls=beside, loras=[{"name": "ink"}]),
        "flux": recipe("flux"),
        "two models": recipe("sdxl", **HIRES, hires_model="tiny-sdxl_refiner"),
    }


KINDS = ("text2img", "img2img", "inpaint", "hires", "upscale", "beside", "flux")


class Recorder:
    """Another driver: answers one task by a renderer, request after request, and keeps what was asked and answered."""

    def __init__(self, manager: PipelineManager, inputs: InputStore, recipe: Recipe) -> None:
        self.context = TaskContext.of(recipe, manager.assets, inputs)
        self.record: list[tuple[Request, Any]] = []
        self._manager = manager
        self._progress = Progress(Clock(), [(0, recipe)], nobody)

    def picture(self) -> Image.Image:
        recipe = self.context.recipe
        with self._manager.borrow(self.context.model) as lease:
            self._manager.attach_controls(lease, recipe, nobody, self.context.looks)
            self._manager.apply_loras(lease, recipe, nobody)
            self._renderer = Renderer(self._manager, lease, recipe, self._progress, nobody)
            return driven(self.context, self._answer)

    def _answer(self, request: Request) -> Any:
        answer = None
        if isinstance(request, Denoise):
            (answer,) = self._renderer.denoise([request])
        elif isinstance(request, Decode):
            answer = self._renderer.decode(request)
        elif isinstance(request, Enlarge):
            answer = self._renderer.enlarge(request)
        elif hasattr(request, "passes"):
            self._progress.expect(request.passes)
        self.record.append((request, answer))
        return answer


def driven(context: TaskContext, answer: Callable[[Request], Any]) -> Image.Image:
    """The picture of the task, each of whose requests gets this answer."""
    render = finished(tasks.of(context), answer)
    return finished(render(LatentRow(0, Noise.of(context.recipe))), answer)


def finished(work: Work[Any], answer: Callable[[Request], Any]) -> Any:
    task = Running(lambda: work)
    while task.request:
        task.answer(answer(task.request))
    return task.result


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_may_be_driven_by_another_and_by_a_record_of_it(backend, manager, inputs, recipes, kind):
    (ours,) = backend.generate([recipes[kind]], nobody)
    recorder = Recorder(manager, inputs, recipes[kind])
    assert recorder.picture().tobytes() == ours.image.tobytes()
    kept = iter([answer for _, answer in recorder.record])
    assert driven(recorder.context, lambda _: next(kept)).tobytes() == ours.image.tobytes()


def test_the_rows_of_a_request_are_all_that_differs_between_pictures_of_a_recipe(manager, inputs, recipes):
    """So that a batch can join them."""
    context = TaskContext.of(recipes["img2img"], manager.assets, inputs)
    render = finished(tasks.of(context), nobody)
    first, second = (next(render(LatentRow(index, Noise(index)))) for index in (0, 1))
    assert first.alike(second)
    assert [row.noise.seed for request in (first, second) for row in request.rows] == [0, 1]
    assert first.rows[0].start is second.rows[0].start


def held(value: Any) -> Iterator[Any]:
    """A value and all that can be reached from it."""
    seen, waiting = {}, [value]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or inspect.ismodule(one) or isinstance(one, type):
            continue
        seen[id(one)] = one
        yield one
        waiting += gc.get_referents(one)


@pytest.mark.parametrize("kind", ["inpaint", "hires", "upscale", "beside", "flux"])
def test_a_request_holds_no_pipeline_and_can_be_sent_elsewhere(manager, inputs, recipes, kind):
    from diffusers import DiffusionPipeline

    recorder = Recorder(manager, inputs, recipes[kind])
    recorder.picture()
    asked = [request for request, _ in recorder.record if isinstance(request, Denoise | Decode)]
    assert {type(request) for request in asked} == {Denoise, Decode}
    for request in asked:
        fields = vars(request) | {str(k): row for k, row in enumerate(getattr(request, "rows", ()))}
        assert not [one for one in fields.values() if callable(one)]
        assert not [one for one in held(request) if isinstance(one, torch.nn.Module | DiffusionPipeline)]
        sent = pickle.loads(pickle.dumps(request))
        assert (sent.model, sent.recipe, sent.pass_) == (request.model, request.recipe, request.pass_)


@pytest.mark.parametrize("kind", ["text2img", "inpaint", "beside"])
def test_a_request_that_was_sent_elsewhere_has_the_same_answer(manager, inputs, recipes, kind):
    recorder = Recorder(manager, inputs, recipes[kind])
    recorder.picture()
    (asked, wanted) = next((request, answer) for request, answer in recorder.record if isinstance(request, Denoise))
    with manager.borrow(asked.model) as lease:
        sent = pickle.loads(pickle.dumps(asked))
        manager.attach_controls(lease, sent.recipe, nobody, sent.looks)
        manager.apply_loras(lease, sent.recipe, nobody)
        (answer,) = Renderer(manager, lease, sent.recipe, recorder._progress, nobody).denoise([sent])
    assert all(torch.equal(one, other) for one, other in zip(answer, wanted, strict=True))


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Of each generator of a task that was begun, whether it has ended."""
    begun: list[Work[Any]] = []
    real = tasks.of

    def watched(context: TaskContext) -> Work[Any]:
        shared = real(context)
        begun.append(shared)
        render = yield from shared

        def one(row: LatentRow) -> Work[Image.Image]:
            work = render(row)
            begun.append(work)
            return work

        return one

    monkeypatch.setattr(tasks, "of", watched)
    return begun


def phases(event: Any) -> str:
    """Where a picture is."""
    match event:
        case Loading(what):
            return "enlarging" if "Enlarging" in what else ""
        case Step():
            return f"step {event.step}"
        case Preview():
            return "preview"
    return ""


STOPS = [
    ("text2img", "step 1"),
    ("text2img", "preview"),
    ("img2img", "step 2"),
    ("inpaint", "step 2"),
    ("hires", "step 1"),
    ("hires", "enlarging"),
    ("hires", "step 5"),
    ("upscale", "enlarging"),
    ("upscale", "step 1"),
    ("beside", "step 3"),
    ("two models", "step 1"),
    ("two models", "enlarging"),
    ("two models", "step 4"),
]


@pytest.mark.parametrize(("kind", "phase"), STOPS)
def test_a_stop_in_any_phase_closes_the_task_and_frees_the_device(manager, inputs, recipes, ended, kind, phase):
    def stop(event: Any) -> None:
        if phases(event) == phase:
            raise Cancelled

    several = [(seed, recipes[kind].changed(seed=seed)) for seed in range(2)]
    with pytest.raises(Cancelled):
        list(render(manager, several, stop, inputs))
    assert ended
    assert {inspect.getgeneratorstate(work) for work in ended} == {inspect.GEN_CLOSED}
    assert manager._room.leases == []
    assert len(list(render(manager, several[:1], nobody, inputs))) == 1


@pytest.mark.parametrize("kind", ["text2img", "hires"])
def test_whoever_takes_no_more_pictures_closes_the_tasks_that_are_left(manager, inputs, recipes, ended, kind):
    pictures = render(manager, [(seed, recipes[kind].changed(seed=seed)) for seed in range(3)], nobody, inputs)
    next(pictures)
    assert manager._room.leases
    pictures.close()
    assert {inspect.getgeneratorstate(work) for work in ended} == {inspect.GEN_CLOSED}
    assert manager._room.leases == []


@pytest.mark.parametrize("kind", ["text2img", "inpaint", "hires", "upscale"])
def test_memory_that_ends_while_decoding_is_relieved_and_the_task_goes_on(manager, inputs, recipes, kind):
    """The rest of it, of the same task, is done in what memory there is."""
    with manager.borrow(TaskContext.of(recipes[kind], manager.assets, inputs).model) as lease:
        vae = lease.pipe.vae
    failed = []

    def refuse(_: Any, arguments: Any) -> None:
        if arguments[0].shape[-1] > 16:
            failed.append(arguments[0].shape)
            raise torch.OutOfMemoryError("CUDA out of memory")

    large = {"width": 256, "height": 256} if kind != "upscale" else {"upscale": 4}
    wanted = as_resolved(recipes[kind].replace(**large))
    (whole,) = render(manager, [(0, wanted)], nobody, inputs)
    handle = vae.decoder.register_forward_pre_hook(refuse)
    try:
        (relieved,) = render(manager, [(0, wanted)], nobody, inputs)
    finally:
        handle.remove()
    assert failed
    assert "decoding the image in tiles of" in relieved.facts["changed"]
    assert np.abs(np.asarray(relieved.image, int) - np.asarray(whole.image, int)).mean() < 24


def test_a_second_pass_that_overflows_has_the_whole_picture_made_exactly(home, inputs, backend, recipes, monkeypatch):
    """First pass included, where one model makes both: it is the picture that its recipe makes again."""
    from diffusers import UNet2DConditionModel

    forward, latents = UNet2DConditionModel.forward, []

    def failing(self: Any, sample: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        made = forward(self, sample, *args, **kwargs)
        latents.append(sample.shape[-1])
        fails = sample.dtype != torch.float32 and sample.shape[-1] > min(latents)
        return (torch.full_like(made[0], torch.nan), *made[1:]) if fails else made

    several = [recipes["hires"].changed(seed=seed) for seed in range(2)]
    (*wanted,) = backend.generate(several, nobody)
    monkeypatch.setattr(UNet2DConditionModel, "forward", failing)
    half = PipelineManager(Catalogue(home), home.model_copy(update={"precision": "bfloat16"}))
    events: list[Any] = []
    (*made,) = render(half, list(enumerate(several)), events.append, inputs)
    half.close()
    assert [one.image.tobytes() for one in made] == [one.image.tobytes() for one in wanted]
    assert len([event for event in events if isinstance(event, Loading) and "Trying again" in event.what]) == 1
    steps = [event for event in events if isinstance(event, Step)]
    assert (steps[-1].step, steps[-1].seconds_left) == (steps[-1].steps, 0)


def test_tasks_know_nothing_of_the_device():
    folder = Path(inspect.getfile(tasks)).parent
    known = {"loan", "manager", "renderer", "loop", "run", "denoise", "decode", "memory", "device"}
    for path in folder.glob("*.py"):
        names = {
            f"{node.module}.{alias.name}"
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        assert not [name for name in names for part in known if f"engine.{part}" in name], path
