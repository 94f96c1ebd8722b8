"""From a request in A1111's language to a recipe; what has no place here is refused, or left out and told in words."""

from collections.abc import Mapping
from typing import Any

from studio.api.a1111_schemas import Generation, ImageToImage, TextToImage
from studio.api.a1111_units import units
from studio.api.coded import decoded
from studio.catalogue.models import Model
from studio.errors import InvalidPrompt, InvalidRecipe, InvalidRequest
from studio.gate.identity import Identity
from studio.metadata.a1111.resources import bare
from studio.metadata.fitting import model_named
from studio.metadata.foreign_names import plain, same_upscaler, scheduler, upscaler
from studio.metadata.imported import refined
from studio.prompts.dialects import from_a1111
from studio.prompts.mending import mend_at
from studio.recipe import ADDRESSES, LATENT, Recipe
from studio.schedulers import SCHEDULERS
from studio.studio import Studio

NOTHING = ("", "none", "automatic", "usesamecheckpoint", "usesamesampler", "usesamescheduler")
RESIZE: Mapping[int, str] = {0: "stretch", 1: "crop", 2: "pad"}
FILLS: Mapping[int, str] = {0: "surroundings", 1: "original", 2: "noise"}
# By the name of a field, why what it asks for is not here, where it asks for something.
ABSENT: Mapping[str, str] = {
    "restore_faces": "Faces cannot be restored here.",
    "tiling": "Tiling pictures cannot be made here.",
    "script_name": "There are no scripts here; grids are made by /api/jobs.",
    "hr_prompt": "The second pass has no prompt of its own here.",
    "hr_negative_prompt": "The second pass has no negative prompt of its own here.",
    "hr_sampler_name": "The second pass has no sampler of its own here.",
    "hr_scheduler": "The second pass has no schedule of its own here.",
    "s_tmin": "Noise is not kept to some of the steps here.",
    "seed_resize_from_h": "Seeds are not resized here.",
    "seed_resize_from_w": "Seeds are not resized here.",
    "latent_mask": "There are no masks of latents here.",
}
# What override_settings and options may say: our name, and how it is made of theirs.
OVERRIDES = ("sd_model_checkpoint", "sd_vae", "CLIP_stop_at_last_layers")
# As many stray signs of a prompt are made words.
MOST_MENDED = 24


class Planned:
    """The recipe of a request while it is made; `left` are lines of what was left out or mended."""

    def __init__(self, studio: Studio, wanted: Generation, options: Mapping[str, Any], who: Identity) -> None:
        self._studio = studio.of(who)
        self._wanted = wanted
        self._who = who
        self._options = {**options, **wanted.override_settings}
        self.left: list[str] = []
        self.model = self._model()

    def recipe(self) -> Recipe:
        """The whole of it; InvalidRequest for what is not here, InvalidRecipe for what cannot be."""
        self._refuse_absent()
        values = self._words() | self._sampling() | self._seeds()
        values |= self._second() if isinstance(self._wanted, TextToImage) else self._pictures()
        values["controls"] = units(self._studio, self._wanted.alwayson_scripts, self.model, self._who, self.left)
        self.left += [f"{name} is not known here" for name in sorted(self._wanted.model_extra or {})]
        return Recipe.make(**{name: value for name, value in values.items() if value not in (None, "", ())})

    def _model(self) -> Model:
        wanted = str(self._options.get("sd_model_checkpoint") or "")
        name = bare(wanted, {})
        if not name:
            return self._studio.catalogue[self._studio.settings.model]
        found = model_named(self._studio.catalogue, name)
        return self._studio.catalogue[found or name]

    def _refuse_absent(self) -> None:
        for name, why in ABSENT.items():
            value = getattr(self._wanted, name, None)
            if value and plain(str(value)) not in NOTHING:
                raise InvalidRequest(why, "Leave it out.", field=name)
        for name in sorted(set(self._wanted.override_settings) - set(OVERRIDES)):
            self.left.append(f"override_settings.{name} is not known here")
        for name in ("s_tmax", "initial_noise_multiplier"):
            if getattr(self._wanted, name, None) not in (None, 0, 1):
                self.left.append(f"{name} is not known here")

    def _words(self) -> dict[str, Any]:
        known = {plain(word): one.id for one in self._studio.presets.styles.values() for word in (one.name, one.id)}
        styles = [known.get(plain(name), name) for name in self._wanted.styles]
        return {
            "prompt": from_a1111(self._wanted.prompt),
            "negative_prompt": from_a1111(self._wanted.negative_prompt),
            "styles": tuple(styles),
            "model": self.model.id,
            "vae": self._vae(),
            "clip_skip": self._clip_skip(),
        }

    def _vae(self) -> str | None:
        name = str(self._options.get("sd_vae") or "")
        return None if plain(name) in NOTHING else name.removesuffix(".safetensors")

    def _clip_skip(self) -> int | None:
        layers = self._options.get("CLIP_stop_at_last_layers")
        return int(layers) if isinstance(layers, int | float) and layers > 1 else None

    def _sampling(self) -> dict[str, Any]:
        wanted, abilities = self._wanted, self.model.default("abilities")
        name, eta = self._scheduler(), wanted.eta
        row = SCHEDULERS.get(name or "")
        return {
            "width": self._side("width"),
            "height": self._side("height"),
            "count": wanted.batch_size * wanted.n_iter,
            "steps": wanted.steps,
            # Every client sends one, also to models that take none.
            "guidance_scale": wanted.cfg_scale if "guidance" in abilities else None,
            "scheduler": name,
            # A1111 means it for its own samplers, too, whose noise is as it is here.
            "eta": eta if row and row.eta else None,
            "sigma_churn": wanted.s_churn or None,
            "sigma_noise": wanted.s_noise if wanted.s_churn else None,
        }

    def _side(self, name: str) -> int | None:
        """A side that the model can have: A1111 takes any, of which a drawing program sends whatever was selected."""
        side: int | None = getattr(self._wanted, name)
        multiple = self.model.family_facts().multiple
        if not side or side < multiple or not (rest := side % multiple):
            return side
        self.left.append(f"{name} is {side - rest}, as the model’s are multiples of {multiple}")
        return side - rest

    def _scheduler(self) -> str | None:
        """Our scheduler; none where none is named."""
        sampler = self._wanted.sampler_name or self._wanted.sampler_index
        if plain(sampler) in NOTHING:
            return None
        ours, why = scheduler(sampler, self._wanted.scheduler)
        self.left += [why] if why else []
        # What samples a flow is called as what samples a diffusion.
        flow = f"Flow {ours}"
        return flow if ours not in self.model.schedulers() and flow in self.model.schedulers() else ours

    def _seeds(self) -> dict[str, Any]:
        wanted = self._wanted
        values: dict[str, Any] = {"seed": wanted.seed if (wanted.seed or 0) >= 0 else None}
        if wanted.subseed_strength:
            values["variation_strength"] = wanted.subseed_strength
            values["variation_seed"] = wanted.subseed if (wanted.subseed or 0) >= 0 else None
        return values

    def _second(self) -> dict[str, Any]:
        wanted = self._wanted
        assert isinstance(wanted, TextToImage)  # noqa: S101 - as whoever calls has seen
        if not wanted.enable_hr:
            return self._refiner()
        width, height = (getattr(wanted, name) or self.model.default(name) for name in ("width", "height"))
        scale = max(wanted.hr_resize_x / width, wanted.hr_resize_y / height) or wanted.hr_scale
        other = bare(wanted.hr_checkpoint_name, {})
        return {
            "hires_scale": round(scale, 3),
            "hires_upscaler": self._upscaler(wanted.hr_upscaler),
            "hires_strength": wanted.denoising_strength,
            "hires_steps": wanted.hr_second_pass_steps or None,
            "hires_model": None if plain(other) in NOTHING else model_named(self._studio.catalogue, other) or other,
        }

    def _refiner(self) -> dict[str, Any]:
        name = bare(self._wanted.refiner_checkpoint, {})
        if plain(name) in NOTHING:
            return {}
        values = refined(name, self._wanted.refiner_switch_at, self._wanted.steps, self.left)
        if "hires_model" in values:
            values["hires_model"] = model_named(self._studio.catalogue, name) or name
        return values

    def _upscaler(self, name: str) -> str | None:
        if not name:
            return LATENT
        return upscaler_named(self._studio, name, self.left)

    def _pictures(self) -> dict[str, Any]:
        wanted = self._wanted
        assert isinstance(wanted, ImageToImage)  # noqa: S101 - as whoever calls has seen
        if len(wanted.init_images) != 1:
            how_many = f"{len(wanted.init_images)} pictures" if wanted.init_images else "no picture"
            raise InvalidRequest(f"There is {how_many} in init_images.", "Give one.", field="init_images")
        if wanted.resize_mode not in RESIZE:
            raise InvalidRequest("Latents are not resized here.", "Take resize_mode 0, 1 or 2.", field="resize_mode")
        self._studio.pace.check(self._who)
        picture = self._studio.inputs.add(decoded(wanted.init_images[0], "init_images"), who=self._who)
        takes = "image_guidance" in self.model.default("abilities")
        found: dict[str, Any] = {
            "init_image": picture.id,
            "strength": wanted.denoising_strength,
            "image_guidance_scale": wanted.image_cfg_scale if takes else None,
        }
        return found | (self._mask(wanted) if wanted.mask else {"resize": RESIZE[wanted.resize_mode]})

    def _mask(self, wanted: ImageToImage) -> dict[str, Any]:
        if wanted.inpainting_fill not in FILLS:
            cure = "Take inpainting_fill 0, 1 or 2."
            raise InvalidRequest("A mask is not filled with empty latents here.", cure, field="inpainting_fill")
        data, invert = decoded(wanted.mask, "mask"), bool(wanted.inpainting_mask_invert)
        mask = self._studio.inputs.add_mask(data, self._who, reads="brightness", invert=invert)
        blurs = [one for one in (wanted.mask_blur, wanted.mask_blur_x, wanted.mask_blur_y) if one is not None]
        found = {"mask_image": mask.id, "mask_blur": max(blurs) if blurs else None}
        found["mask_fill"] = FILLS[wanted.inpainting_fill]
        if not wanted.inpaint_full_res:
            return found | {"resize": RESIZE[wanted.resize_mode]}
        return found | {"mask_area": "masked", "mask_padding": wanted.inpaint_full_res_padding}


def upscaler_named(studio: Studio, name: str, left: list[str]) -> str:
    """Our upscaler for one that is named as A1111 names it; an unknown one keeps its name."""
    if same := same_upscaler(name, list(studio.upscalers)):
        return same
    ours, why = upscaler(name)
    left += [why] if why else []
    return ours


def mended(studio: Studio, recipe: Recipe, left: list[str]) -> Recipe:
    """The recipe with stray signs of its prompts made words, as A1111 reads any text; the rest stays as it is."""
    for _ in range(MOST_MENDED):
        try:
            studio.resolve(recipe.changed(count=1))
        except InvalidPrompt as fault:
            if fault.field in ADDRESSES or fault.text != recipe.get(fault.field) or "LoRA" in fault.fault:
                return recipe
            text, note = mend_at(fault.text, fault)
            left.append(note)
            recipe = recipe.with_flat(fault.field, text)
        except InvalidRecipe:
            return recipe
        else:
            return recipe
    return recipe
