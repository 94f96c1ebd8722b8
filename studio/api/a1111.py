"""A1111's language, /sdapi/v1 and /controlnet, which most programs around Stable Diffusion speak."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from studio.api import a1111_answers as answers
from studio.api import a1111_lists as lists
from studio.api import a1111_pictures as pictures
from studio.api import waiting
from studio.api.a1111_recipes import OVERRIDES, Planned, mended
from studio.api.a1111_schemas import (
    Detect,
    ExtrasBatch,
    ExtrasSingle,
    Generation,
    ImageToImage,
    OnePicture,
    TextToImage,
)
from studio.api.pictures import Who
from studio.errors import InvalidRequest, JobStopped
from studio.events import Finished
from studio.gate.identity import Identity
from studio.jobs.job import Job
from studio.recipe import Recipe
from studio.studio import Studio

# Whose options are remembered; the longest ago are forgotten.
MOST_OPTIONS = 10_000
# What there is to be looked up, by its address.
LISTS: dict[str, Callable[[Studio, Identity], Any]] = {
    "samplers": lambda studio, _: lists.samplers(studio),
    "schedulers": lambda *_: lists.SCHEDULES,
    "upscalers": lambda studio, _: lists.upscalers(studio),
    "latent-upscale-modes": lambda *_: [{"name": "Latent"}],
    "sd-models": lists.models,
    "sd-modules": lambda studio, _: lists.vaes(studio),
    "sd-vae": lambda studio, _: lists.vaes(studio),
    "hypernetworks": lambda *_: [],
    "face-restorers": lambda *_: [],
    "realesrgan-models": lambda studio, _: lists.networks(studio),
    "prompt-styles": lambda studio, who: lists.styles(studio.of(who)),
    "embeddings": lambda studio, _: lists.embeddings(studio),
    "loras": lambda studio, _: lists.loras(studio),
    "scripts": lambda *_: lists.SCRIPTS,
    "script-info": lambda *_: lists.SCRIPT_FACTS,
    "memory": lambda studio, _: lists.memory(studio),
    "cmd-flags": lambda *_: lists.FLAGS,
}
CONTROLNET: dict[str, Callable[[Studio, Identity], Any]] = {
    "version": lambda *_: {"version": 2},
    "model_list": lambda studio, _: lists.control_models(studio),
    "module_list": lambda *_: lists.control_modules(),
    "control_types": lambda studio, _: lists.control_types(studio),
    "settings": lambda *_: {"control_net_unit_count": 10},
}
# The studio looks at its folders by itself, and loads a model when it is asked for.
NOTHING_TO_DO = ("refresh-checkpoints", "refresh-vae", "refresh-loras", "refresh-embeddings", "reload-checkpoint")


def router(studio: Studio) -> APIRouter:
    """The routes of A1111."""
    routes, options = APIRouter(tags=["A1111"]), Options()
    _add_making(routes, studio, options)
    _add_extras(routes, studio)
    _add_states(routes, studio)
    _add_options(routes, studio, options)
    _add_lists(routes, studio)
    return routes


def _add_making(routes: APIRouter, studio: Studio, options: "Options") -> None:
    """Pictures from text, and from pictures."""

    async def made(wanted: Generation, request: Request, who: Identity) -> dict[str, Any]:
        planned = await run_in_threadpool(lambda: Planned(studio, wanted, options.of(who), who))
        recipe = await run_in_threadpool(lambda: mended(studio.of(who), planned.recipe(), planned.left))
        job, images = await _images(studio, recipe, request, who)
        return await run_in_threadpool(answers.generated, studio, wanted, job, images, planned.left)

    @routes.post("/sdapi/v1/txt2img")
    async def txt2img(wanted: TextToImage, request: Request, who: Who) -> dict[str, Any]:
        """Make pictures from text."""
        return await made(wanted, request, who)

    @routes.post("/sdapi/v1/img2img")
    async def img2img(wanted: ImageToImage, request: Request, who: Who) -> dict[str, Any]:
        """Paint over a picture, all of it or where its mask is white."""
        return await made(wanted, request, who)


def _add_extras(routes: APIRouter, studio: Studio) -> None:
    """What is done with pictures that are there."""

    @routes.post("/sdapi/v1/extra-single-image")
    async def extra_single(wanted: ExtrasSingle, request: Request, who: Who) -> dict[str, Any]:
        """Enlarge a picture."""
        recipe = await run_in_threadpool(pictures.enlarged, studio, wanted, wanted.image, who)
        _, images = await _images(studio, recipe, request, who)
        return {"html_info": "", "image": await run_in_threadpool(pictures.result, studio, wanted, images[0])}

    @routes.post("/sdapi/v1/extra-batch-images")
    async def extra_batch(wanted: ExtrasBatch, request: Request, who: Who) -> dict[str, Any]:
        """Enlarge several pictures."""
        given = [one.data for one in wanted.imageList]
        if not given:
            raise InvalidRequest("There is no picture.", "Give some as imageList.", field="imageList")
        recipes = await run_in_threadpool(lambda: [pictures.enlarged(studio, wanted, one, who) for one in given])
        _, images = await _images(studio, recipes, request, who)
        coded = await run_in_threadpool(lambda: [pictures.result(studio, wanted, one) for one in images])
        return {"html_info": "", "images": coded}

    @routes.post("/sdapi/v1/png-info")
    async def png_info(wanted: OnePicture, who: Who) -> dict[str, Any]:
        """What a picture tells of how it was made."""
        return await run_in_threadpool(pictures.facts, studio, wanted.image, who)

    @routes.post("/sdapi/v1/interrogate")
    async def interrogate(wanted: OnePicture) -> dict[str, Any]:
        """Nothing here describes pictures."""
        del wanted
        raise InvalidRequest("There is nothing here that describes pictures.", "/sdapi/v1/png-info reads their texts.")

    @routes.post("/controlnet/detect")
    async def detect(wanted: Detect, who: Who) -> dict[str, Any]:
        """Make the maps of pictures."""
        return await run_in_threadpool(pictures.maps, studio, wanted, who)


def _add_states(routes: APIRouter, studio: Studio) -> None:
    """How a job stands, and what ends it."""

    @routes.get("/queue/status")
    async def line() -> dict[str, Any]:
        """How many jobs there are. It is of A1111's page, and what Krita looks for to find a server."""
        return await run_in_threadpool(answers.line, studio)

    @routes.get("/sdapi/v1/progress")
    async def progress(who: Who, skip_current_image: bool = False) -> dict[str, Any]:
        """How far your job is."""
        return await run_in_threadpool(answers.progress, _current(studio, who), skip_current_image)

    @routes.post("/sdapi/v1/interrupt")
    async def interrupt(who: Who) -> dict[str, Any]:
        """Stop your job; what is done of it is answered."""
        if job := _current(studio, who):
            await run_in_threadpool(studio.stop, job.id, who)
        return {}

    @routes.post("/sdapi/v1/skip")
    async def skip(who: Who) -> dict[str, Any]:
        """Do not make the picture that is in the making."""
        job = _current(studio, who)
        number = next((item.number for item in job.items if item.is_open), None) if job else None
        if job and number is not None:
            await run_in_threadpool(studio.jobs.stop_item, job.id, who, number)
        return {}


def _add_options(routes: APIRouter, studio: Studio, options: "Options") -> None:
    """What was chosen, and what memory a model takes."""

    @routes.get("/sdapi/v1/options")
    async def get_options(who: Who) -> dict[str, Any]:
        """What you chose beside each request; the rest is as it is here."""
        return lists.options(studio, options.of(who))

    @routes.post("/sdapi/v1/options")
    async def set_options(wanted: dict[str, Any], who: Who) -> dict[str, Any]:
        """Choose a model, VAE or clip skip for your own requests: nobody else's change."""
        await run_in_threadpool(lists.check_options, studio, wanted, options.of(who))
        options.change(who, wanted)
        return {}

    @routes.post("/sdapi/v1/unload-checkpoint")
    async def unload(who: Who) -> dict[str, Any]:
        """Give the memory of the studio's model back; for whoever runs it."""
        await run_in_threadpool(lists.unload, studio, who)
        return {}


def _add_lists(routes: APIRouter, studio: Studio) -> None:
    """What there is to be looked up, one address each; and what there is nothing to do for."""
    for name, found in LISTS.items():
        routes.add_api_route(f"/sdapi/v1/{name}", _looked_up(studio, found), methods=["GET"], name=name)
    for name, known in CONTROLNET.items():
        routes.add_api_route(f"/controlnet/{name}", _looked_up(studio, known), methods=["GET"], name=name)
    for name in NOTHING_TO_DO:
        routes.add_api_route(f"/sdapi/v1/{name}", _nothing, methods=["POST"], name=name)


def _looked_up(studio: Studio, found: Callable[[Studio, Identity], Any]) -> Callable[..., Any]:
    async def answer(who: Who) -> Any:
        return await run_in_threadpool(found, studio, who)

    return answer


async def _nothing() -> dict[str, Any]:
    return {}


class Options:
    """What each person chose for their own requests."""

    def __init__(self) -> None:
        self._chosen: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def of(self, who: Identity) -> dict[str, Any]:
        """The choices of who asks."""
        return dict(self._chosen.get(who.owner, {}))

    def change(self, who: Identity, values: dict[str, Any]) -> None:
        """Remember some more."""
        kept = {name: value for name, value in values.items() if name in OVERRIDES}
        self._chosen[who.owner] = self.of(who) | kept
        while len(self._chosen) > MOST_OPTIONS:
            self._chosen.popitem(last=False)


async def _images(
    studio: Studio, recipe: Recipe | list[Recipe], request: Request, who: Identity
) -> tuple[Job, tuple[Finished, ...]]:
    """The images of a recipe, or of several; of an interrupted job those that were done."""
    job = await run_in_threadpool(studio.submit, recipe, who)
    try:
        return job, await waiting.images(studio, job, request)
    except JobStopped:
        if not job.results:
            raise
        return job, job.results


def _current(studio: Studio, who: Identity) -> Job | None:
    """The job of who asks that is being made, or waits first."""
    return next((job for job in reversed(studio.jobs_of(who)) if job.is_open), None)
