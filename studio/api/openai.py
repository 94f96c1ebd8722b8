"""OpenAI's language: pictures made and changed, whole or with looks while they are made, and the list of models."""

import time
from base64 import b64encode
from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from studio.api import forms, waiting
from studio.api.openai_models import listed, model_facts
from studio.api.openai_schemas import EditRequest, GenerationRequest, ImagesResponse, ModelFacts, ModelList, recipe_of
from studio.api.pictures import Who, address, encoded, look, withheld
from studio.errors import InvalidRequest, StudioError
from studio.events import Finished, Preview, Step
from studio.gate.answers import openai_error
from studio.gate.identity import Identity
from studio.jobs.job import Job
from studio.library import facts as made_facts
from studio.library import size
from studio.recipe import Recipe
from studio.rights import check_held
from studio.safety.layer import SAFETY, is_withheld
from studio.studio import Studio

# A local picture costs no tokens; clients want them counted all the same.
USAGE = {
    "input_tokens": 0,
    "output_tokens": 0,
    "total_tokens": 0,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
}
JOB = "X-Job-Id"
FORM = {"multipart/form-data": {"schema": {"$ref": "#/components/schemas/EditRequest"}}}
GENERATION, EDIT = "image_generation", "image_edit"
# By the field of the recipe, what of the request is at fault.
PARAMS = {
    "count": "n",
    "guidance_scale": "guidance_scale",
    "height": "size",
    "init_image": "image",
    "loras": "lora",
    "mask_image": "mask",
    "rng": "generator_device",
    "steps": "num_inference_steps",
    "width": "size",
}


def router(studio: Studio) -> APIRouter:
    """The routes below /v1."""
    routes = APIRouter(prefix="/v1", tags=["OpenAI"])

    @routes.get("/models")
    async def models(who: Who) -> ModelList:
        """The models that you can name."""
        return ModelList(data=await run_in_threadpool(listed, studio, who))

    @routes.get("/models/{name:path}")
    async def model(name: str, who: Who) -> ModelFacts:
        """One model."""
        return await run_in_threadpool(model_facts, studio, name, who)

    @routes.post("/images/generations", response_model=ImagesResponse)
    async def generate(wanted: GenerationRequest, request: Request, who: Who) -> Response:
        """Make pictures from text."""
        recipe = await run_in_threadpool(_recipe, studio, wanted, who)
        return await _answer(studio, wanted, recipe, request, who)

    @routes.post("/images/edits", response_model=ImagesResponse, openapi_extra={"requestBody": {"content": FORM}})
    async def edit(request: Request, who: Who) -> Response:
        """Change a picture: all of it, or where its mask is transparent."""
        async with forms.read(request, studio) as form:
            wanted = EditRequest.model_validate(form.values)
            recipe = await run_in_threadpool(_edit, studio, wanted, form, who)
        return await _answer(studio, wanted, recipe, request, who)

    return routes


def _recipe(studio: Studio, wanted: GenerationRequest, who: Identity, **given: Any) -> Recipe:
    """The recipe of a request; StudioError that names what of the request is at fault."""
    try:
        if wanted.model is not None:
            model_facts(studio, wanted.model, who)
        recipe = recipe_of(wanted, studio, **given)
        check_held(studio.inputs, [recipe], who)
    except StudioError as error:
        raise _about(error, wanted) from error
    return recipe


def _edit(studio: Studio, wanted: EditRequest, form: forms.Form, who: Identity) -> Recipe:
    pictures = [*form.pictures("image"), *form.pictures("image[]")]
    if len(pictures) != 1:
        number = f"{len(pictures)} pictures were given" if pictures else "There is no picture to change"
        raise InvalidRequest(f"{number}.", "Give one picture as image.", field="image")
    try:
        studio.pace.check(who)
        given = {"init_image": studio.inputs.add(pictures[0], who=who).id}
        for mask in form.pictures("mask")[:1]:
            given["mask_image"] = studio.inputs.add_mask(mask, who, reads="transparent").id
    except StudioError as error:
        raise _about(error, wanted) from error
    return _recipe(studio, wanted, who, **given)


async def _answer(
    studio: Studio, wanted: GenerationRequest, recipe: Recipe, request: Request, who: Identity
) -> Response:
    try:
        job = await run_in_threadpool(studio.submit, recipe, who)
    except StudioError as error:
        raise _about(error, wanted) from error
    if wanted.stream:
        kind = EDIT if isinstance(wanted, EditRequest) else GENERATION
        stream = waiting.alive(_stream(studio, wanted, job, kind))
        return StreamingResponse(stream, media_type="text/event-stream", headers={JOB: job.id})
    try:
        made = await waiting.images(studio, job, request)
        body = await run_in_threadpool(_body, studio, wanted, recipe, made, request, who)
    except StudioError as error:
        raise _about(error, wanted) from error
    return JSONResponse(body, headers={JOB: job.id})


def _body(
    studio: Studio,
    wanted: GenerationRequest,
    recipe: Recipe,
    made: tuple[Finished, ...],
    request: Request,
    who: Identity,
) -> dict[str, Any]:
    """The whole answer; Withheld where the output check lets nothing of it out."""
    shown = [event for event in made if not is_withheld(made_facts(event.path))]
    if not shown and (error := withheld(made[0].path)):
        raise error
    images = [_image(studio, wanted, recipe, one, request, who) for one in shown]
    return {"created": int(time.time()), "data": images, **_look_of(wanted, size(shown[0].path)), "usage": USAGE}


def _image(
    studio: Studio, wanted: GenerationRequest, recipe: Recipe, event: Finished, request: Request, who: Identity
) -> dict[str, Any]:
    facts: dict[str, Any] = {} if event.recipe.prompt == recipe.prompt else {"revised_prompt": event.recipe.prompt}
    facts["seed"] = event.recipe.seed
    if safety := made_facts(event.path).get(SAFETY):
        facts["safety"] = safety
    if wanted.response_format == "url":
        return {**facts, "url": address(studio, request, event.path, who)}
    return {**facts, "b64_json": _coded(studio, event, wanted)}


async def _stream(studio: Studio, wanted: GenerationRequest, job: Job, kind: str) -> AsyncGenerator[bytes, None]:
    """Looks at pictures in the making, and each as it is done; an error ends it."""
    looks = _Looks(wanted.partial_images)
    try:
        async for _, event in waiting.events(job):
            if isinstance(event, Step):
                looks.note(event)
            elif isinstance(event, Preview) and (number := looks.wants(event.image)) is not None:
                yield await run_in_threadpool(_look, wanted, event, kind, number)
            elif isinstance(event, Finished):
                yield await run_in_threadpool(_completed, studio, wanted, event, kind)
            elif error := waiting.error_of(event):
                yield _broken(_about(error, wanted))
    finally:
        await waiting.let_go(studio, job)


class _Looks:
    """Which looks at each picture are sent: so many, evenly over its steps; all where nobody tells steps."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._done: dict[int, float] = {}
        self._sent: dict[int, int] = {}

    def note(self, event: Step) -> None:
        """So far are these pictures."""
        self._done |= dict.fromkeys(event.images, event.step / event.steps)

    def wants(self, image: int) -> int | None:
        """The number of this look, counted from 0; None where it is not sent."""
        number = self._sent.get(image, 0)
        if number >= self._most or self._done.get(image, 1.0) < number / (self._most + 1):
            return None
        self._sent[image] = number + 1
        return number


def _look(wanted: GenerationRequest, event: Preview, kind: str, number: int) -> bytes:
    name = f"{kind}.partial_image"
    shown = {
        "type": name,
        "partial_image_index": number,
        "b64_json": b64encode(look(event.jpeg, wanted.output_format)).decode(),
    }
    return waiting.sent(name, {**shown, "created_at": int(time.time()), **_look_of(wanted, None)})


def _completed(studio: Studio, wanted: GenerationRequest, event: Finished, kind: str) -> bytes:
    if error := withheld(event.path):
        return _broken(error)
    name = f"{kind}.completed"
    shown = {"type": name, "b64_json": _coded(studio, event, wanted), "seed": event.recipe.seed, "usage": USAGE}
    return waiting.sent(name, {**shown, "created_at": int(time.time()), **_look_of(wanted, size(event.path))})


def _broken(error: StudioError) -> bytes:
    return waiting.sent("error", {"type": "error", "error": openai_error(error)})


def _look_of(wanted: GenerationRequest, pixels: tuple[int, int] | None) -> dict[str, str]:
    """What an answer repeats of how its pictures are written."""
    sides = f"{pixels[0]}x{pixels[1]}" if pixels else wanted.size
    return {"background": "opaque", "output_format": wanted.output_format, "quality": wanted.grade, "size": sides}


def _coded(studio: Studio, event: Finished, wanted: GenerationRequest) -> str:
    data = encoded(studio.settings, event.path, wanted.output_format, wanted.output_compression)
    return b64encode(data).decode()


def _about(error: StudioError, wanted: GenerationRequest) -> StudioError:
    """The error, of what the request calls the field that is at fault."""
    if error.field is None or error.field in {*EditRequest.model_fields, "image", "mask"}:
        return error
    if error.field in wanted.recipe:
        return error.about(f"recipe.{error.field}")
    return error.about(PARAMS.get(error.field, f"recipe.{error.field}"))
