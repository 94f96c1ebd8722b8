"""The text of A1111 and of all that write as it does: Forge, SD.Next, Civitai, stable-diffusion.cpp and their kin."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from studio.metadata import foreign_json
from studio.metadata.file_texts import FileTexts
from studio.metadata.foreign_names import plain, scheduler, upscaler
from studio.metadata.imported import NO_PICTURE, ImportedSettings, clip_skip, known, left_out, refined, stem
from studio.metadata.infotext import DRAWS
from studio.metadata.readers.base import Reader, loras, seed
from studio.metadata.settings_text import SettingsText, split
from studio.prompts.dialects import from_a1111
from studio.recipe import PROMPT_CHARACTERS

# Where a text may lie, the likeliest first; any other place is looked at after them.
PLACES = (
    "parameters",
    "text",
    "UserComment",
    "exif:UserComment",
    "comment",
    "Comment",
    "ImageDescription",
    "XPComment",
)
FIELDS: Mapping[str, str] = {
    "steps": "steps",
    "cfgscale": "guidance_scale",
    "guidancescale": "guidance_scale",
    "distilledcfgscale": "guidance_scale",
    "imagecfgscale": "image_guidance_scale",
    "cfgrescale": "guidance_rescale",
    "cfgrescalephi": "guidance_rescale",
    "etaddim": "eta",
    "sigmachurn": "sigma_churn",
    "sigmanoise": "sigma_noise",
    "seed": "seed",
    "variationseed": "variation_seed",
    "variationseedstrength": "variation_strength",
    "width": "width",
    "height": "height",
}
TOGETHER = frozenset(
    {
        "sampler", "scheduletype", "scheduler", "schedule", "size", "model", "denoisingstrength", "hiresupscale",
        "hiresscale", "hiressteps", "hiresupscaler", "hiresresize", "hiresstrength", "firstpasssize", "loraweights",
        "clipskip", "vae", "guidance", "civitairesources", "lorahashes", "modelhash", "version", "app",
        "rng", "hirescheckpoint", "refiner", "refinerswitchat",
    }
)  # fmt: skip
# They say how it was made, and set nothing.
FACTS = frozenset(
    {
        "vaehash", "tihashes", "hashes", "batchsize", "batchpos", "user", "createddate", "civitaimetadata", "rawprompt",
        "rawnegativeprompt", "metadatascheme", "performance", "parser", "pipeline", "operations", "backend",
    }
)  # fmt: skip
# What belongs to a picture that it started from, or to a map that it followed.
PICTURED = re.compile(r"denoisingstrength|mask.*|inpaint.*|postprocess.*|controlnet.*|initimage.*")
NOT_HERE = ("", "none", "automatic", "default", "defaultmodel")
OURS = re.compile(r"Image Studio (\S+)")
# A1111 shows a checkpoint with its hash.
HASHED = re.compile(r"(.{1,300}?) *\[([0-9a-f]{8,12})\]")
SIZE = re.compile(r"\s*(\d{1,9})\s*[x×]\s*(\d{1,9})\s*")


def read(texts: FileTexts) -> ImportedSettings | None:
    """What the first text with settings says; without one, what the first with a negative prompt says."""
    parts = [(place, split(text)) for place, text in _candidates(texts)]
    whole = next((one for _, one in parts if one.settings), None)
    if whole is not None:
        return _Reading(whole).imported()
    return None


def read_prompts(texts: FileTexts) -> ImportedSettings | None:
    """Prompts without settings, as people share them."""
    for place, text in _candidates(texts):
        parts = split(text)
        if parts.negative is not None or (place in ("parameters", "text") and 0 < len(text) <= PROMPT_CHARACTERS):
            values = {"prompt": parts.prompt, "negative_prompt": parts.negative}
            return ImportedSettings(known(values), tool="A1111", partial=True)
    return None


def _candidates(texts: FileTexts) -> Iterator[tuple[str, str]]:
    """Texts that are no JSON, the likeliest first."""
    others = [place for place in texts.texts if place not in PLACES]
    for place in (*PLACES, *others):
        text = texts.texts.get(place, "")
        if text.strip() and place not in texts.objects and not _is_json(text):
            yield place, text


def _is_json(text: str) -> bool:
    """Whether it is a list or an object; a prompt may begin as one."""
    return foreign_json.read(text) is not None


class _Reading:
    """One text while it is read; `left` are lines of what has no place here."""

    def __init__(self, parts: SettingsText) -> None:
        self.parts = parts
        self.said = {plain(name): value for name, value in reversed(parts.settings.items())}
        self.left: list[str] = []
        self.hashes = _hashes(self.said)
        if "seedmode" in self.said:
            _part_draw_things(parts)

    def imported(self) -> ImportedSettings:
        values: dict[str, Any] = {"prompt": from_a1111(self.parts.prompt)}
        values["negative_prompt"] = from_a1111(self.parts.negative or "")
        # A text that only tells how a picture was enlarged has no words.
        if not self.parts.prompt and self.parts.negative is None:
            values = {}
        # Of two names for one field, the later one is what Forge draws by.
        values |= {field: self.said[name] for name, field in FIELDS.items() if name in self.said}
        values |= clip_skip(self.said.get("clipskip")) | self._rng()
        values |= self._model() | self._guidance(values) | self._sampler() | self._loras()
        self.left += [
            left_out(name, value, _why(plain(name)))
            for name, value in self.parts.settings.items()
            if not self._is_known(plain(name)) and (plain(name), value) != ("ensd", "0")
        ]
        values |= self._size_and_second_pass()
        self.left += [left_out("Text among the settings", text) for text in self.parts.stray]
        values |= {name: seed(values[name]) for name in ("seed", "variation_seed") if name in values}
        values = {name: value for name, value in values.items() if value is not None}
        tool, version = self._tool()
        return ImportedSettings(values, tuple(self.left), tool, version, self.hashes)

    def _rng(self) -> dict[str, Any]:
        if "rng" not in self.said:
            return {}
        found = {name.casefold(): ours for ours, name in DRAWS.items()}.get(self.said["rng"].casefold())
        if found is None:
            self.left.append(left_out("RNG", self.said["rng"], "noise of this kind cannot be drawn here"))
        return {"rng": found}

    def _is_known(self, name: str) -> bool:
        return name in FIELDS or name in TOGETHER or name in FACTS

    def _tool(self) -> tuple[str, str]:
        version = self.said.get("version", "")
        if ours := OURS.match(version):
            return "Image Studio", ours[1]
        kinds = {
            "SD.Next": "app" in self.said and "next" in self.said["app"].casefold(),
            "ComfyUI": version.casefold().startswith("comfy"),
            "Draw Things": "seedmode" in self.said,
            "Fooocus": version.startswith("Fooocus"),
            "stable-diffusion.cpp": "cpp" in version,
            "Forge": bool(re.match(r"f\d|neo|classic", version)),
            "Civitai": "civitairesources" in self.said and not version,
        }
        return next((tool for tool, is_it in kinds.items() if is_it), "A1111"), version

    def _model(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if plain(vae := self.said.get("vae", "")) not in NOT_HERE:
            values["vae"] = stem(vae)
        name = self.said.get("model") or _resource(self.said, "checkpoint")
        name = self._bare(name)
        if not name and "modelhash" in self.said:
            self.left.append(left_out("Model hash", self.said["modelhash"], "the model has no name in the file"))
        return values | {"model": stem(name)} if name else values

    def _bare(self, name: str) -> str:
        """The name of a checkpoint without the hash that A1111 shows it with, which is kept."""
        hashed = HASHED.fullmatch(name)
        if not hashed:
            return name
        self.hashes[stem(hashed[1])] = hashed[2]
        return hashed[1]

    def _guidance(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What Flux is guided by in stable-diffusion.cpp, beside a scale of 1."""
        told = self.said.get("guidance")
        return {"guidance_scale": told} if told and _number(values.get("guidance_scale", 1)) == 1 else {}

    def _sampler(self) -> dict[str, Any]:
        name = self.said.get("sampler")
        if not name:
            return {}
        plan = self.said.get("scheduletype") or self.said.get("scheduler") or self.said.get("schedule") or ""
        ours, why = scheduler(name, plan)
        self.left += [why] if why else []
        return {"scheduler": ours}

    def _loras(self) -> dict[str, Any]:
        """What Fooocus and Civitai list beside the prompt; A1111 has them in it."""
        pairs: list[tuple[Any, Any]] = []
        for part in self.said.get("loraweights", "").split(","):
            name, _, weight = part.strip().rpartition(":")
            pairs += [(name.strip(), weight.strip())] if name else []
        resources = _resources(self.said)
        pairs += [
            (one.get("modelName"), one.get("weight")) for one in resources if one.get("type") in ("lora", "lycoris")
        ]
        if "civitairesources" in self.said and not any("type" in one for one in resources):
            self.left.append(left_out("Civitai resources", self.said["civitairesources"]))
        return loras((name, weight) for name, weight in pairs if f"<lora:{name}:" not in self.parts.prompt)

    def _size_and_second_pass(self) -> dict[str, Any]:
        size = SIZE.fullmatch(self.said.get("size", ""))
        values: dict[str, Any] = {"width": int(size[1]), "height": int(size[2])} if size else {}
        scale, values = self._scale(values)
        strength = self.said.get("hiresstrength") or self.said.get("denoisingstrength")
        extra = [name for name in SECOND if name in self.said]
        if scale is None:
            if refined := self._refined(pictured="denoisingstrength" in self.said or self._asks_second):
                return values | refined
            self.left += [left_out(_label(self.parts, name), self.said[name], NO_SECOND) for name in extra]
            if "denoisingstrength" in self.said:
                why = NO_SECOND if extra or self._asks_second else NO_PICTURE
                self.left.append(left_out("Denoising strength", self.said["denoisingstrength"], why))
            return values
        steps = self.said.get("hiressteps")
        second = {"hires_scale": scale, "hires_strength": strength, "hires_steps": None if steps == "0" else steps}
        if name := self.said.get("hiresupscaler"):
            second["hires_upscaler"], why = upscaler(name)
            self.left += [why] if why else []
        if plain(other := self._bare(self.said.get("hirescheckpoint", ""))) not in (*NOT_HERE, "usesamecheckpoint"):
            second["hires_model"] = stem(other)
        if "refiner" in self.said:
            self.left.append(left_out("Refiner", self.said["refiner"], "one model paints the whole second pass"))
        return values | known(second)

    def _refined(self, *, pictured: bool) -> dict[str, Any]:
        """The second pass that stands for a refiner."""
        name, switch = self._bare(self.said.get("refiner", "")), self.said.get("refinerswitchat")
        if plain(name) in NOT_HERE:
            return {}
        if pictured:
            self.left.append(left_out("Refiner", name, NO_PICTURE))
            return {}
        return refined(name, switch, self.said.get("steps"), self.left)

    @property
    def _asks_second(self) -> bool:
        return bool(self.said.keys() & {"hiresupscale", "hiresscale", "hiresresize", "firstpasssize"})

    def _scale(self, size: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """How many times larger the second pass is, and the size of the first; None where there is none to be had."""
        asked = self.said.get("hiresupscale") or self.said.get("hiresscale")
        if asked and _number(asked):
            return asked.rstrip("x"), size
        resize = SIZE.fullmatch(self.said.get("hiresresize", ""))
        first = SIZE.fullmatch(self.said.get("firstpasssize", ""))
        if first and size and int(first[1]) and int(first[2]):
            # Old A1111 named the last size, and the first apart from it.
            return self._ratio(int(first[1]), int(first[2]), size["width"], size["height"]), {
                "width": int(first[1]),
                "height": int(first[2]),
            }
        if resize and size and all(size.values()):
            return self._ratio(size["width"], size["height"], int(resize[1]), int(resize[2])), size
        if resize or first:
            self.left.append(left_out("Hires resize", (resize or first)[0], NO_SECOND))  # type: ignore[index]
        return None, size

    def _ratio(self, width: int, height: int, wide: int, high: int) -> float | None:
        """By how much a size was enlarged; of a size of 0 the other side decides. None where its shape changed."""
        across, along = (wide or high * width / height) / width, (high or wide * height / width) / height
        if abs(across - along) * min(width, height) > SHAPE * max(across, along):
            why = f"it is not of the shape of {width}x{height}, so the second pass is left out"
            self.left.append(left_out("Hires resize", f"{wide}x{high}", why))
            return None
        return round(across, 3)


# Pixels by which rounding moves a side.
SHAPE = 8
SECOND = ("hiressteps", "hiresupscaler", "hiresstrength", "hirescheckpoint")
NO_SECOND = "the second pass is left out"
STEP_NOISE = "the noise that the sampler adds at each step follows the seed alone here, so the picture will differ"


def _part_draw_things(parts: SettingsText) -> None:
    """The description that Draw Things writes has its negative prompt on a line that begins with a minus."""
    prompt, found, negative = parts.prompt.rpartition("\n-")
    if found and parts.negative is None:
        parts.prompt, parts.negative = prompt, negative


def _label(parts: SettingsText, name: str) -> str:
    return next(label for label in parts.settings if plain(label) == name)


def _why(name: str) -> str:
    """Why a setting has no place here, where there is more to say than that."""
    if name == "ensd":
        return STEP_NOISE
    return NO_PICTURE if PICTURED.fullmatch(name) else ""


def _number(value: Any) -> float | None:
    try:
        return float(str(value).rstrip("x"))
    except ValueError:
        return None


def _hashes(said: Mapping[str, str]) -> dict[str, str]:
    """The hashes that the text gives, by the names of what they are of."""
    found: dict[str, str] = {}
    if "model" in said and "modelhash" in said:
        found[stem(said["model"])] = said["modelhash"]
    for part in said.get("lorahashes", "").split(","):
        name, _, value = part.partition(":")
        if value:
            found[name.strip()] = value.strip()
    for name, value in (foreign_json.mapping(said.get("hashes", "")) or {}).items():
        if isinstance(value, str):
            found.setdefault(name.rpartition(":")[2], value)
    return found


def _resources(said: Mapping[str, str]) -> list[dict[str, Any]]:
    value = foreign_json.read(said.get("civitairesources", ""))
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _resource(said: Mapping[str, str], kind: str) -> str:
    names = (one.get("modelName") for one in _resources(said) if one.get("type") == kind)
    return next((name for name in names if isinstance(name, str)), "")


READER = Reader("A1111", read, rank=70)
