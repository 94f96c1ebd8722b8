"""The text of A1111, taken apart, as fields of a recipe."""

from collections.abc import Mapping
from typing import Any

from studio.metadata.a1111 import names, resources, second_pass
from studio.metadata.foreign_names import plain, scheduler
from studio.metadata.imported import ImportedSettings, clip_skip, left_out, stem
from studio.metadata.readers.base import loras, seed
from studio.metadata.settings_text import SettingsText
from studio.prompts.dialects import from_a1111
from studio.recipe import infotext_of

DRAWS = infotext_of("rng").words


class Reading:
    """One text while it is read; `left` are lines of what has no place here."""

    def __init__(self, parts: SettingsText) -> None:
        self.parts = parts
        self.given = {plain(name): value for name, value in reversed(parts.settings.items())}
        self.left: list[str] = []
        self.hashes = resources.hashes_of(self.given)
        if "seedmode" in self.given:
            _part_draw_things(parts)

    def imported(self) -> ImportedSettings:
        """All of it, as fields of a recipe."""
        values: dict[str, Any] = {"prompt": from_a1111(self.parts.prompt)}
        values["negative_prompt"] = from_a1111(self.parts.negative or "")
        # A text that only tells how a picture was enlarged has no words.
        if not self.parts.prompt and self.parts.negative is None:
            values = {}
        # Of two names for one field, the later one is what Forge draws by.
        values |= {field: self.given[name] for name, field in names.FIELDS.items() if name in self.given}
        values |= clip_skip(self.given.get("clipskip")) | self._rng()
        values |= self._model() | self._guidance(values) | self._sampler() | self._loras()
        self.left += [
            left_out(name, value, names.why_left(plain(name)))
            for name, value in self.parts.settings.items()
            if not names.is_known(plain(name)) and (plain(name), value) != ("ensd", "0")
        ]
        values |= second_pass.read(self.parts.settings, self.given, self.left, self.hashes)
        self.left += [left_out("Text among the settings", text) for text in self.parts.stray]
        values |= {name: seed(values[name]) for name in ("seed", "variation_seed") if name in values}
        values = {name: value for name, value in values.items() if value is not None}
        tool, version = names.tool_of(self.parts.settings)
        return ImportedSettings(values, tuple(self.left), tool, version, self.hashes)

    def _rng(self) -> dict[str, Any]:
        if "rng" not in self.given:
            return {}
        found = next((ours for ours, name in DRAWS.items() if name.casefold() == self.given["rng"].casefold()), None)
        if found is None:
            self.left.append(left_out("RNG", self.given["rng"], "noise of this kind cannot be drawn here"))
        return {"rng": found}

    def _model(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if plain(vae := self.given.get("vae", "")) not in names.NOT_HERE:
            values["vae"] = stem(vae)
        name = self.given.get("model") or resources.name_of(self.given, "checkpoint")
        name = resources.bare(name, self.hashes)
        if not name and self.given.get("modelhash", "") not in resources.NO_HASH:
            self.left.append(left_out("Model hash", self.given["modelhash"], "the model has no name in the file"))
        return values | {"model": stem(name)} if name else values

    def _guidance(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What Flux is guided by in stable-diffusion.cpp, beside a scale of 1."""
        distilled = self.given.get("guidance")
        return (
            {"guidance_scale": distilled}
            if distilled and second_pass.number(values.get("guidance_scale", 1)) == 1
            else {}
        )

    def _sampler(self) -> dict[str, Any]:
        name = self.given.get("sampler")
        if not name:
            return {}
        plan = next((self.given[name] for name in names.SCHEDULES if self.given.get(name)), "")
        ours, why = scheduler(name, plan)
        self.left += [why] if why else []
        return {"scheduler": ours}

    def _loras(self) -> dict[str, Any]:
        """What Fooocus and Civitai list beside the prompt; A1111 has them in it."""
        pairs: list[tuple[Any, Any]] = []
        for part in self.given.get("loraweights", "").split(","):
            name, _, weight = part.strip().rpartition(":")
            pairs += [(name.strip(), weight.strip())] if name else []
        listed = resources.resources(self.given)
        pairs += [(one.get("modelName"), one.get("weight")) for one in listed if one.get("type") in ("lora", "lycoris")]
        if "civitairesources" in self.given and not any("type" in one for one in listed):
            self.left.append(left_out("Civitai resources", self.given["civitairesources"]))
        return loras((name, weight) for name, weight in pairs if f"<lora:{name}:" not in self.parts.prompt)


def _part_draw_things(parts: SettingsText) -> None:
    """The description that Draw Things writes has its negative prompt on a line that begins with a minus."""
    prompt, found, negative = parts.prompt.rpartition("\n-")
    if found and parts.negative is None:
        parts.prompt, parts.negative = prompt, negative
