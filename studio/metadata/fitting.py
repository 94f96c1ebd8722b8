"""Imported settings made a recipe of this studio: what it has not is left out with the reason, and the rest is taken.

The one way for page and command line, so that neither refuses what the other takes.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from studio.catalogue.controlnets import ControlNets
from studio.catalogue.models import Catalogue, Model
from studio.catalogue.prompt_assets import PromptAssets
from studio.catalogue.upscalers import Upscalers
from studio.errors import InvalidPrompt, InvalidRecipe, ModelError, StudioError
from studio.inputs import InputStore
from studio.metadata.foreign_names import plain, same_upscaler
from studio.metadata.imported import PROMPTS, ImportedSettings, left_out, stem
from studio.presets.reading import Presets
from studio.prompts.mending import mend_at
from studio.recipe import Recipe, infotext_of, setting_specs
from studio.resolve.applicability import HIRES
from studio.resolve.resolve import resolve
from studio.resolve.sizes import fitted
from studio.settings import Settings

SPELLED = infotext_of("scheduler").words
SIZE = ("width", "height")
# As many faults are mended; each takes one thing out.
MOST_FAULTS = 200
STAND_IN = "a"


@dataclass(frozen=True)
class Here:
    """What this studio has, against which settings are checked."""

    settings: Settings
    catalogue: Catalogue
    presets: Presets
    inputs: InputStore
    controlnets: ControlNets
    prompt_assets: PromptAssets

    @classmethod
    def of(cls, settings: Settings) -> "Here":
        """What lies in the folders of these settings."""
        return cls(
            settings,
            Catalogue(settings),
            Presets(settings.home / "presets"),
            InputStore.of(settings),
            ControlNets(settings),
            PromptAssets.of(settings),
        )

    def resolve(self, recipe: Recipe) -> None:
        """InvalidRecipe where the recipe cannot be made."""
        resolve(recipe, self.settings, self.catalogue, self.presets, self.inputs, self.controlnets, self.prompt_assets)


@dataclass
class Fitted:
    """Recipe fields that this studio can make, and a line for each thing that was left out or mended."""

    values: dict[str, Any]
    left: list[str]

    @property
    def recipe(self) -> Recipe:
        """The fields as a recipe."""
        return Recipe.make(**self.values)


def fit(here: Here, imported: ImportedSettings, model: str, over: Mapping[str, Any] | None = None) -> Fitted:
    """What of the imported settings this studio can make with `over`, fields that count over them and stay as they are.

    `model` (its id) is taken where the file's own is not here, or names none.
    """
    return _Fitting(here, imported, model, over or {}).fitted()


class _Fitting:
    """The values while they are fitted."""

    def __init__(self, here: Here, imported: ImportedSettings, model: str, over: Mapping[str, Any]) -> None:
        self.here = here
        self.imported = imported
        self.over = over
        self.chosen = str(over.get("model") or model)
        self.values = {name: value for name, value in imported.values.items() if name not in over}
        self.left = list(imported.left)

    def fitted(self) -> Fitted:
        self._find_model()
        self._find_second_model()
        self._find_upscalers()
        for _ in range(MOST_FAULTS):
            fault = self._fault()
            if fault is None or not self._mend(fault):
                break
        return Fitted(self.values, self.left)

    def _find_model(self) -> None:
        wanted = self.values.get("model")
        if wanted is None:
            self.values |= {"model": self.chosen} if "model" not in self.over else {}
            return
        found = model_named(self.here.catalogue, str(wanted))
        if found is None:
            there = next(_published_as(self.here.catalogue, str(wanted)), None)
            is_it = f"it is {there}, which is not downloaded yet" if there else "it is not in this studio"
            self._leave_model(wanted, f"{is_it}, so the chosen one stays")
        self.values["model"] = found or self.chosen

    def _find_second_model(self) -> None:
        """The id of the model of the second pass; without it, a pass at the same size was there for its sake alone."""
        wanted = self.values.get("hires_model")
        if wanted is None:
            return
        found = model_named(self.here.catalogue, str(wanted))
        if found is not None:
            self.values["hires_model"] = found
            return
        label = f"{setting_specs()['hires_model'].label} {wanted}{self._hash(wanted)}"
        self.left.append(f"{label}: it is not in this studio, so {self._without_second_model()}")

    def _without_second_model(self) -> str:
        """Take it out, and say what stands in its place."""
        if float(self.values.get("hires_scale") or 0) == 1:
            self.values = {field: one for field, one in self.values.items() if field not in HIRES}
            return "there is no second pass"
        del self.values["hires_model"]
        return "the first one paints both passes"

    def _leave_model(self, wanted: Any, why: str) -> None:
        self.left.append(left_out("Model", f"{wanted}{self._hash(wanted)}", why))

    def _find_upscalers(self) -> None:
        names = list(Upscalers(self.here.settings))
        for field in ("hires_upscaler", "upscaler"):
            if field in self.values:
                self.values[field] = same_upscaler(str(self.values[field]), names) or self.values[field]

    def _fault(self) -> InvalidRecipe | None:
        """The first thing that cannot be; without words there is one that stands in for them."""
        given = {**self.values, **self.over}
        given["prompt"] = given.get("prompt") or STAND_IN
        try:
            self.here.resolve(Recipe.make(**given))
        except InvalidRecipe as fault:
            return fault
        except StudioError:  # it is no single setting: making the picture tells it
            return None
        return None

    def _mend(self, fault: InvalidRecipe) -> bool:
        """Take out what is at fault; False where that is nothing of these settings."""
        name = fault.field
        if name not in self.values:
            return False
        if name == "model":
            wanted, self.values["model"] = self.values["model"], self.chosen
            if wanted != self.chosen:
                self._leave_model(wanted, f"{fault.message} The chosen one stays")
            return bool(wanted != self.chosen)
        if name in PROMPTS:
            return self._mend_words(name, fault)
        mend: Callable[[str, InvalidRecipe], None] = self._drop
        if name in SIZE:
            mend = self._fit_size
        elif name == "hires_model":
            mend = self._drop_second_model
        elif name == "hires_scale":
            mend = self._drop_second_pass
        elif fault.part is not None or name in ("styles", "negative_presets"):
            mend = self._drop_part
        mend(name, fault)
        return True

    def _mend_words(self, name: str, fault: InvalidRecipe) -> bool:
        if not isinstance(fault, InvalidPrompt) or fault.text != self.values[name]:
            return False
        self.values[name], note = mend_at(self.values[name], fault)
        known = next((f" (hash {hash_})" for one, hash_ in self.imported.hashes.items() if f"lora:{one}:" in note), "")
        self.left.append(f"{setting_specs()[name].label}{known}: {note}")
        return True

    def _drop(self, name: str, fault: InvalidRecipe) -> None:
        value = self.values.pop(name)
        model = self._model()
        taken = model.schedulers() if name == "scheduler" and model else ()
        if same := next((own for own in taken if SPELLED.get(own) == value), None):
            self.values[name] = same
        else:
            self.left.append(left_out(setting_specs()[name].label, value, fault.message))

    def _drop_part(self, name: str, fault: InvalidRecipe) -> None:
        """One of several: the others stay."""
        parts = list(self.values[name])
        place = fault.part
        if place is None:
            # A style that is not here is named in the fault.
            place = next((k for k, part in enumerate(parts) if str(part) in fault.message), 0)
        part = parts.pop(min(place, len(parts) - 1))
        called = getattr(part, "name", None) or getattr(part, "kind", None) or part
        label = {"loras": "LoRA", "styles": "Style", "controls": "Control"}.get(name, setting_specs()[name].label)
        self.left.append(left_out(label, f"{called}{self._hash(called)}", fault.message))
        self.values[name] = tuple(parts)

    def _drop_second_pass(self, name: str, fault: InvalidRecipe) -> None:
        """All of it together: a part of it means nothing."""
        value = self.values[name]
        self.values = {field: one for field, one in self.values.items() if field not in HIRES}
        self.left.append(left_out(setting_specs()[name].label, value, f"{fault.message} All of it is left out"))

    def _drop_second_model(self, name: str, fault: InvalidRecipe) -> None:
        label, wanted = setting_specs()[name].label, self.values[name]
        self.left.append(left_out(label, wanted, f"{fault.message} So {self._without_second_model()}"))

    def _fit_size(self, name: str, fault: InvalidRecipe) -> None:
        """Both sides together, scaled into what the model draws; a size that is at fault even so is left out."""
        width, height = (self.values.pop(side, None) for side in SIZE)
        wanted = f"{width}x{height}" if width and height else str(width or height)
        size = self._fitted_size(width, height)
        if size is None or size == (width, height):
            self.left.append(left_out("Size", wanted, fault.message))
            return
        self.values |= dict(zip(SIZE, size, strict=True))
        self.left.append(left_out("Size", wanted, f"{fault.message} {size[0]}x{size[1]} is taken instead"))
        del name

    def _fitted_size(self, width: Any, height: Any) -> tuple[int, int] | None:
        model = self._model()
        if model is None or not isinstance(width, int) or not isinstance(height, int) or self.over.keys() & set(SIZE):
            return None
        return fitted((width, height), model.family_facts())

    def _model(self) -> Model | None:
        with suppress(ModelError):
            return self.here.catalogue[str({**self.values, **self.over}.get("model") or self.chosen)]
        return None

    def _hash(self, name: Any) -> str:
        known = self.imported.hashes.get(str(name)) or self.imported.hashes.get(stem(name))
        return f" (hash {known[:16]})" if known else ""


def model_named(catalogue: Catalogue, wanted: str) -> str | None:
    """The id of the model of this id, name or file; other tools call it by its file, in a folder or not."""
    names = {plain(word): one.id for one in catalogue.values() for word in (one.name, one.id)}
    own = next((names[word] for word in _words(wanted) if word in names), None)
    # What would have to be downloaded first is not begun for a picture's sake.
    return own or next((one for one in _published_as(catalogue, wanted) if catalogue.location(catalogue[one])), None)


def _published_as(catalogue: Catalogue, wanted: str) -> Iterator[str]:
    """The ids of the models whose weights are published under this name."""
    words = _words(wanted)
    return (one.id for one in catalogue.values() if any(plain(name) in words for name in one.published_as))


def _words(wanted: str) -> tuple[str, str]:
    return plain(wanted), plain(stem(wanted))
