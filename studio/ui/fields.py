"""One field of the recipe on the page: its kind of widget, what there is to choose, and what it is when left alone."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from studio.catalogue.models import Model
from studio.catalogue.upscalers import LANCZOS, LATENT, Upscalers
from studio.catalogue.vaes import Vaes
from studio.recipe import Ability, Recipe, Task, field_of, setting_specs
from studio.resolve.applicability import standards
from studio.resolve.tasks import paints_over
from studio.speedups import SPEEDUPS
from studio.studio import Studio
from studio.ui import hosted_choices
from studio.ui.fast_gradio import gr
from studio.ui.gallery import where
from studio.ui.schemas.page import FieldFacts

# Fields that are open in a recipe and shown with the model's own value until they are changed.
STANDARD = ("width", "height", "steps", "guidance_scale", "scheduler", "clip_skip")
# A number field of Gradio shows 0 where it is empty, and 0 is a number; these are often empty, and say so.
OFTEN_EMPTY: Mapping[str, str] = {
    "seed": "Random each time",
    "variation_seed": "Random each time",
    "hires_steps": "Automatic",
}
# What is shown of a setting that is left open, where that is something that changes nothing, or the studio's choice.
NEUTRAL: Mapping[str, Any] = {"variation_strength": 0, "vae": "", "hires_model": "", "hires_upscaler": ""}
# Ready-made words, several at once.
WORDS = ("styles", "negative_presets")
# What is spelled in its own way.
SPELLED = {"patchmatch": "PatchMatch"}
PLAIN = {LANCZOS: "Lanczos, no model", LATENT: "Latent, no model"}
ANY = "0" * 64
# What every recipe of a task has besides its fields.
STAND_INS: Mapping[Task, Mapping[str, Any]] = {
    "text2img": {},
    "img2img": {"init_image": ANY},
    "inpaint": {"init_image": ANY, "mask_image": ANY},
    "upscale": {"init_image": ANY, "upscale": 2.0},
}


class Choice(gr.Dropdown):  # type: ignore[misc]
    """A dropdown that the studio checks: while a model changes, Gradio may know the choices of the one before."""

    # Else Gradio takes it for a component with a page of its own.
    is_template = True

    def preprocess(self, payload: Any) -> Any:
        return payload


def facts_of(part: type[BaseModel]) -> dict[str, FieldFacts]:
    """What a script has to know of a part's fields to show them."""
    return {
        name: {
            "label": spec.label,
            "help": spec.help,
            "minimum": spec.minimum,
            "maximum": spec.maximum,
            "step": spec.step,
        }
        for name, spec in setting_specs(part).items()
    }


def kind(name: str, look: dict[str, Any]) -> Any:
    """The Gradio component for a field, with the fixed part of its look filled in."""
    setting = setting_specs()[name]
    if name in OFTEN_EMPTY:
        look |= {"placeholder": OFTEN_EMPTY[name], "max_lines": 1}
        return gr.Textbox
    if "choices" in look or _literals(name):
        return gr.Radio
    if setting.maximum is not None:
        look["buttons"] = []
        for side in ("minimum", "maximum", "step"):
            look.setdefault(side, getattr(setting, side))
        return gr.Slider
    if name in ("scheduler", "model", "hires_model", "vae", "upscaler", "hires_upscaler", "speedups", *WORDS):
        look["multiselect"] = name in ("speedups", *WORDS)
        return Choice
    return gr.Textbox


def choices(name: str, model: Model, studio: Studio) -> list[tuple[str, str]] | None:
    """Words and value of each choice; None where a field is not chosen from a list that may change."""
    if name in ("model", "hires_model"):
        return models(studio) if name == "model" else _second_models(studio)
    if name == "scheduler":
        return [(scheduler, scheduler) for scheduler in model.schedulers()]
    if name == "vae":
        return [("The model's own", ""), *((vae, vae) for vae in Vaes(studio.settings).fitting(model))]
    if name in (*WORDS, "speedups"):
        return _several(name, model, studio)
    if name in ("upscaler", "hires_upscaler"):
        second = name == "hires_upscaler"
        known = (LANCZOS, *((LATENT,) if second else ()), *Upscalers(studio.settings))
        return [*((("Automatic", ""),) if second else ()), *((PLAIN.get(one, one), one) for one in known)]
    return [(SPELLED.get(value, value.capitalize()), value) for value in _literals(name)] or None


def _several(name: str, model: Model, studio: Studio) -> list[tuple[str, str]]:
    """Of what several are chosen at once."""
    if name == "speedups":
        return _speedups(model)
    presets = (studio.presets.styles if name == "styles" else studio.presets.negatives).values()
    return [(preset.name, preset.id) for preset in presets if preset.suits(model.family)]


def _speedups(model: Model) -> list[tuple[str, str]]:
    """What makes a picture of this model sooner, each with its cost."""
    usual = Recipe(guidance_scale=max(2.0, float(model.default("guidance_scale"))))
    return [
        (f"{speedup.label}, {words}. {speedup.cost}", f"{name}={value}" if value else name)
        for name, speedup in SPEEDUPS.items()
        if not speedup.why_not(model.family_facts(), usual)
        for value, words in speedup.offered.items()
    ]


def _second_models(studio: Studio) -> list[tuple[str, str]]:
    """As of `models`, of those that can paint a second pass."""
    return [("The same model", ""), *(one for one in local_models(studio) if paints_over(studio.catalogue[one[1]]))]


def models(studio: Studio, task: Task | None = None, chosen: str | None = None) -> list[tuple[str, str]]:
    """Words and id of each model that can do the task, and of the `chosen` one; those that others host come last."""
    return local_models(studio, task, chosen) + hosted_choices.offered(studio, task, chosen)


def local_models(studio: Studio, task: Task | None = None, chosen: str | None = None) -> list[tuple[str, str]]:
    """Those of this machine; first those whose weights are here."""
    catalogue = studio.catalogue
    offered = (one for one in catalogue.values() if task is None or one.does(task) or one.id == chosen)
    here = {model.id: catalogue.present(model) for model in offered}
    known = sorted((catalogue[name] for name in here), key=lambda model: not here[model.id])
    return [(one.name if here[one.id] else f"{one.name} · {where(one, catalogue)}", one.id) for one in known]


def standard(name: str, model: Model, task: Task | None) -> Any:
    """What a field is where it is left open, in a tab of `task`, or in all; None where it is nothing."""
    if name in STANDARD:
        return model.default(name)
    if name in NEUTRAL:
        return NEUTRAL[name]
    if (own := field_of(name).default) not in (None, "", ()):
        return own
    return _of_task(task, frozenset(model.default("abilities"))).get(name) if task else None


def cleaned(name: str, value: Any) -> Any:
    """A widget's value as the recipe takes it."""
    if name in NEUTRAL and value == NEUTRAL[name]:
        return None
    return value.strip() if name in OFTEN_EMPTY and isinstance(value, str) else value


def shown(key: str, value: Any, standards: Mapping[str, Any], model: Model) -> Any:
    """A recipe's value as the widget of this key shows it."""
    name = key.rpartition("/")[2]
    if value is None or (name in STANDARD and value == field_of(name).default):
        return model.id if name == "model" else "" if name in OFTEN_EMPTY else standards.get(key, "")
    if name in OFTEN_EMPTY:
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def stretched(name: str, value: Any) -> dict[str, Any]:
    """A slider that reaches a value beyond its usual range."""
    setting = setting_specs().get(name)
    if setting is None or setting.maximum is None or name in ("width", "height", "count", *OFTEN_EMPTY):
        return {}
    if not isinstance(value, int | float):
        return {}
    return {"minimum": min(setting.minimum or 0, value), "maximum": max(setting.maximum, value)}


@cache
def _of_task(task: Task, abilities: frozenset[Ability]) -> Mapping[str, Any]:
    return standards(Recipe.make(**STAND_INS[task]), abilities)


def _literals(name: str) -> tuple[str, ...]:
    """The values of a field that has a few fixed ones."""
    kind = field_of(name).annotation if name in setting_specs() else None
    return next((get_args(one) for one in (kind, *get_args(kind)) if get_origin(one) is Literal), ())
