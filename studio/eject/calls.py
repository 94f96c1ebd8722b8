"""The code of one call of a pipeline: what it is given, and what comes of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from textwrap import indent
from typing import TYPE_CHECKING

from studio.eject import sources
from studio.eject.pipelines import PipelineCode, called, namespace
from studio.recipe import PaintedRecipe
from studio.studio import Studio

if TYPE_CHECKING:
    from studio.engine.recording import Call

LOADED = '''
def loaded(name):
    """The tensors of a file, where the pipeline is."""
    return {key: tensor.to(pipe.device) for key, tensor in load_file(HERE / name).items()}
'''
STAGES = '''
def stages(name, ends, weight=1.0):
    """What a prompt is up to each of these steps."""
    reads = [
        (end, TextEmbeds(words[f"{name}/{number}/embeds"], words.get(f"{name}/{number}/pooled")))
        for number, end in enumerate(ends)
    ]
    return ScheduledEmbeds(tuple(reads), weight)
'''


@dataclass(frozen=True)
class CallCode:
    """The code of a call, which is the picture's first (number 1) or comes after another one.

    Where it `packs`, what comes of it are latents for the next one, at that height and width; `canvas` is the size
    (width, height) that its tiles cover.
    """

    studio: Studio
    call: "Call"
    number: int
    device: str
    before: "Call | None" = None
    packs: tuple[int, int] | None = None
    canvas: tuple[int, int] = (0, 0)

    @cached_property
    def _pipeline(self) -> PipelineCode:
        return PipelineCode(self.studio, self.call, self.number, self.device)

    @property
    def carries(self) -> Iterator[tuple[str, str]]:
        """What of the studio's own code it needs: module and name."""
        recipe = self.call.recipe
        if self._pipeline.needs_more:
            yield "studio.engine.controlnets", "ControlNetConditioning"
        if self._changes_words:
            yield "studio.engine.chunks", "TextEmbeds"
            yield from (("studio.engine.conditioning", name) for name in ("ScheduledEmbeds", "Conditioning"))
        if _is_varied(recipe):
            yield "studio.engine.noise", "drawn"
            yield "studio.engine.noise", "Noise"
        if recipe.mask.resample > 1:
            yield "studio.engine.sampling", "resampled"
        if self._is_sampled:
            yield "studio.engine.sampling", "sampled"
        if len(self.call.rows) > 1:
            yield "studio.engine.masking", "Mosaic"
        if self._is_new and recipe.vae and sources.vae(self.studio, recipe.vae, self.call.dtype)[1]:
            yield "studio.engine.vaes", "_plain"

    @property
    def helpers(self) -> Iterator[str]:
        """Functions that it calls, each once in a script."""
        if self.call.conditioning or self.call.looks:
            yield LOADED
        if self._changes_words:
            yield STAGES
        yield from self._pipeline.helpers

    def lines(self) -> Iterator[str]:
        """The code."""
        if self._is_new:
            yield from self._pipeline.loading()
        elif self.before and self.before.pipeline != self.call.pipeline:
            yield self._pipeline.turned()
        yield from self._prepared()
        if len(self.call.rows) == 1:
            yield from self._made(0)
        else:
            yield from self._tiles()

    @property
    def _is_new(self) -> bool:
        return self.before is None or self.before.model != self.call.model

    @property
    def _changes_words(self) -> bool:
        return self.call.conditioning is not None and not self.call.conditioning.is_plain

    @property
    def _is_sampled(self) -> bool:
        return bool(self.call.recipe.sigma_churn or self.call.recipe.guidance_rescale)

    def _prepared(self) -> Iterator[str]:
        """What all rows are given alike."""
        if self.before is None or self.before.scheduler != self.call.scheduler:
            config = {name: value for name, value in self.call.scheduler.items() if name != "class"}
            yield called("SCHEDULER =", [f"{name!r}: {value!r}" for name, value in config.items()], "{}")
        if self.call.looks:
            yield f'looks = loaded("{self._pipeline.file("looks.safetensors")}")'
        if self.call.conditioning is None:
            return
        yield "# What the text encoders made of the prompts: these have weights, or more than one window of words."
        yield f'words = loaded("{self._pipeline.file("words.safetensors")}")'
        if self._changes_words:
            yield from self._stages()

    def _stages(self) -> Iterator[str]:
        found = self.call.conditioning
        if found is None:
            return
        lines = [
            f'stages("{number}", {[end for end, _ in line.reads]!r}, {line.weight!r})'
            for number, line in enumerate(found.lines)
        ]
        negative = f'stages("negative", {[end for end, _ in found.negative.reads]!r})' if found.negative else "None"
        given = '{name: tensor for name, tensor in words.items() if "/" not in name}'
        yield called("conditioning = Conditioning", [given, f"[{', '.join(lines)}]", negative])

    def _tiles(self) -> Iterator[str]:
        from studio.engine.tasks.tiled_upscale import corners, overlaps

        pass_ = self.call.pass_
        tile = (pass_.width, pass_.height)
        seeds = [self._seed(number) for number, _ in enumerate(self.call.rows)]
        places = [(*corner, seed) for corner, seed in zip(corners(self.canvas, tile), seeds, strict=True)]
        yield called("TILES =", [*map(repr, places)], "[]")
        yield f"mosaic = Mosaic({self.canvas!r}, {tile!r}, {overlaps(tile)!r})"
        yield "for number, (left, top, seed) in enumerate(TILES):"
        yield indent("\n".join(self._made(None)), "    ")
        yield "    mosaic.add(image, (left, top))"
        yield "image = mosaic.whole()"

    def _made(self, row: int | None) -> Iterator[str]:
        """What makes the picture of a row; of each tile in a loop, where none is named."""
        recipe = self.call.recipe
        if self._pipeline.is_windowed:
            yield "calls = itertools.count()"
        yield f"pipe.scheduler = {self.call.scheduler['class']}.from_config(SCHEDULER)"
        if recipe.mask.resample > 1:
            yield f"resampled(pipe.scheduler, {recipe.mask.resample})"
        contexts = [*self._contexts(row)]
        if not _is_varied(recipe):
            seed = "seed" if row is None else self._seed(row)
            yield f"generator = torch.Generator({self._noise_device!r}).manual_seed({seed})"
        call = "\n".join(self._call(row))
        yield f"with {', '.join(contexts)}:\n{indent(call, '    ')}" if contexts else call

    def _contexts(self, row: int | None) -> Iterator[str]:
        recipe = self.call.recipe
        if self._pipeline.needs_more:
            yield "controls.reading(pipe.vae)"
        if _is_varied(recipe):
            noise = self.call.rows[row or 0].noise
            seeds = (repr(noise.seed), repr(noise.other))
            if row is None:  # a tile's two seeds are as far from the first one's
                seeds = ("seed", f"seed - {noise.seed} + {noise.other}")
            yield f"drawn([Noise({seeds[0]}, {seeds[1]}, {noise.share!r})], {self._noise_device!r}) as [generator]"
        if self._changes_words:
            yield f"conditioning.applied(pipe, 1, {self.call.pass_.made})"
        if self._is_sampled:
            names = ("sigma_churn", "sigma_noise", "guidance_rescale")
            yield f"sampled(pipe, {namespace(**{name: getattr(recipe, name) for name in names})})"

    def _seed(self, row: int) -> int:
        noise = self.call.rows[row].noise
        return noise.other if noise.share == 1 else noise.seed

    @property
    def _noise_device(self) -> str:
        return self.device if self.call.recipe.rng == "device" else "cpu"

    def _call(self, row: int | None) -> Iterator[str]:
        values = [f"{name}={value!r}" for name, value in self.call.arguments.items()]
        values += self._pictures(row)
        if self.call.looks:
            values.append("ip_adapter_image_embeds=[looks[name] for name in sorted(looks, key=int)]")
        if self.call.conditioning:
            values.append("**conditioning.arguments" if self._changes_words else "**words")
        values.append("generator=generator")
        if self.packs is None:
            yield f"{called('image = pipe', values)}.images[0]"
            return
        values.append('output_type="latent"')
        yield f"{called('latents = pipe', values)}.images"
        if self.call.pipeline.startswith("Flux"):
            pass_ = self.call.pass_
            yield f"latents = pipe._unpack_latents(latents, {pass_.height}, {pass_.width}, pipe.vae_scale_factor)"
        yield f'large = functional.interpolate(latents.float(), {self.packs!r}, mode="bilinear")'
        yield "image = large.to(latents.dtype)"

    def _pictures(self, row: int | None) -> Iterator[str]:
        """The pictures that the call is shown."""
        first = self.call.rows[row or 0]
        if first.start is not None:
            yield f"image={'image' if self.before else _opened(self._row_file('image.png', row))}"
        if first.mask is not None:
            yield f"mask_image={_opened(self._pipeline.file('mask.png'))}"
        if first.maps:
            maps = [_opened(self._row_file(f"map-{number}.png", row)) for number, _ in enumerate(first.maps)]
            yield from self._followed(maps) if self._pipeline.needs_more else self._mapped(maps)

    def _followed(self, maps: Sequence[str]) -> Iterator[str]:
        pass_ = self.call.pass_
        size, rows = namespace(width=pass_.width, height=pass_.height), f"SimpleNamespace(maps=[{', '.join(maps)}])"
        yield f"**controls.arguments(pipe, {size}, [{rows}])"

    def _mapped(self, maps: Sequence[str]) -> Iterator[str]:
        """The maps, how strongly each is followed, and when; one by itself is no list."""
        shown = maps[0] if len(maps) == 1 else f"[{', '.join(maps)}]"
        takes = sources.parameters(self.call.pipeline)
        yield f"{'control_image' if 'control_image' in takes else 'image'}={shown}"
        values = {
            "controlnet_conditioning_scale": [unit.weight for unit in self._pipeline.units],
            "control_guidance_start": [unit.start for unit in self._pipeline.units],
            "control_guidance_end": [unit.end for unit in self._pipeline.units],
        }
        yield from (f"{name}={(each[0] if len(each) == 1 else each)!r}" for name, each in values.items())

    def _row_file(self, name: str, row: int | None) -> str:
        """The file of a row; within the loop over all of them, its name by its number."""
        return self._pipeline.file(f"{{number}}-{name}" if row is None else name)


def _is_varied(recipe: PaintedRecipe) -> bool:
    share = recipe.variation.strength
    return share is not None and 0 < share < 1


def _opened(name: str) -> str:
    return f'Image.open(HERE / {"f" if "{" in name else ""}"{name}")'
