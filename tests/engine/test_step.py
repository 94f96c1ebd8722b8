"""Pictures of several people in one forward: alone to the bit what the bare pipeline makes, in company the same."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch

from studio.catalogue.models import Catalogue
from studio.catalogue.prompt_assets import PromptAssets
from studio.engine.batcher import Batcher
from studio.engine.changes import LowRank
from studio.engine.lora import Added, LoraSet, hooked, load
from studio.engine.numerics import Trail
from studio.engine.pools import Participant
from studio.engine.profile import SIZES, Profile, measured
from studio.engine.row_loras import Stacks
from studio.engine.step import Call, forward
from studio.recipe import Recipe
from studio.schedulers import sampling
from studio.settings import ASSETS, Settings
from tests import tiny
from tests.engine.crew import PLAIN, TASKS, batcher, latents, pipeline, shared, together

FAMILIES = ("starter", "sd15", "sdxl")


@pytest.fixture(scope="module")
def bases(tiny_model: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """A pipeline of each family, the starter as it is shipped, with a ControlNet beside it."""
    made: dict[str, Any] = {}
    folders = tmp_path_factory.mktemp("controlnets")

    def base(family: str) -> Any:
        if family not in made:
            folder = ASSETS / "starter" if family == "starter" else tiny_model(family)
            facts = {"add_watermarker": False} if family == "sdxl" else {}
            pipe = diffusers.DiffusionPipeline.from_pretrained(folder, dtype=torch.float32, **facts)
            if family == "starter":
                network = diffusers.ControlNetModel.from_pretrained(ASSETS / "starter" / "controlnets" / "canny")
            else:
                network = diffusers.ControlNetModel.from_pretrained(tiny.controlnet(folder, folders / family))
            pipe.set_progress_bar_config(disable=True)
            made[family] = pipe, network
        return made[family]

    return base


def maker(steps: Batcher, who: Participant, bases: Any, family: str, task: str, **changes: Any) -> Callable[[], Any]:
    base, network = bases(family)

    def make() -> torch.Tensor:
        pipe = shared(steps, who, base, family, task, network if task == "controlnet" else None)
        with steps.joined(who):
            return latents(pipe, task, **changes)

    return make


def bare(bases: Any, family: str, task: str, **changes: Any) -> torch.Tensor:
    base, network = bases(family)
    return latents(pipeline(base, family, task, network if task == "controlnet" else None), task, **changes)


def far(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_picture_alone_is_the_bare_pipelines_to_the_bit_with_any_scheduler(
    bases: Any, family: str, task: str
) -> None:
    """The schedulers are shared out among the families and tasks; each goes through all of both in `make soak`."""
    turn = FAMILIES.index(family) * len(TASKS) + list(TASKS).index(task)
    check_alone(bases, family, task, sampling("diffusion")[turn :: len(FAMILIES) * len(TASKS)])


@pytest.mark.soak
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("family", FAMILIES)
def test_with_every_scheduler_a_picture_alone_is_the_bare_pipelines_in_every_task(
    bases: Any, family: str, task: str
) -> None:
    check_alone(bases, family, task, sampling("diffusion"))


def check_alone(bases: Any, family: str, task: str, names: Sequence[str]) -> None:
    steps = Batcher(lambda call: PLAIN)
    steps.start()
    for name in names:
        made = maker(steps, Participant(), bases, family, task, scheduler=name, num_inference_steps=3)()
        assert torch.equal(made, bare(bases, family, task, scheduler=name, num_inference_steps=3)), name
    steps.close()


@pytest.mark.parametrize("family", FAMILIES)
def test_pictures_of_all_sorts_share_every_step(bases: Any, family: str) -> None:
    """Other schedulers, steps, guidance, tasks and maps, all in one UNet's forwards."""
    sorts = [
        {"task": "text2img", "scheduler": "DPM++ 2M Karras", "num_inference_steps": 7},
        {"task": "text2img", "scheduler": "Euler a", "guidance_scale": 7.5},
        {"task": "text2img", "scheduler": "Heun", "guidance_scale": 1.0},
        {"task": "img2img", "scheduler": "DDIM"},
        {"task": "inpaint", "scheduler": "UniPC", "num_inference_steps": 8},
        {"task": "controlnet", "scheduler": "DPM++ 2M SDE"},
    ]
    sorts = [{**sort, "seed": seed} for seed, sort in enumerate(sorts)]
    steps, crew = batcher(Profile({16: 1.0})), [Participant() for _ in sorts]
    made = together(steps, [maker(steps, who, bases, family, **sort) for who, sort in zip(crew, sorts, strict=True)])
    assert all(isinstance(one, torch.Tensor) for one in made), made
    assert crew[0].trail.buckets[0] == 11  # one of them has no guidance
    for one, sort in zip(made, sorts, strict=True):
        assert far(one, bare(bases, family, **sort)) <= 1e-5, sort


@pytest.fixture(scope="module")
def profile(bases: Any) -> Profile:
    """Which sizes really give the same bytes here, of the starter's UNet; how long they take changes with the load."""
    base, _ = bases("starter")
    words = torch.randn(2, 77, base.unet.config.cross_attention_dim)
    call = Call(base.unet, torch.randn(2, 4, 16, 16), 500, {"encoder_hidden_states": words, "return_dict": False})
    return Profile({size: 1 + size / 8 for size in SIZES}, measured(call).classes)


def test_an_exact_picture_is_the_same_alone_and_in_company(bases: Any, profile: Profile) -> None:
    assert len(profile.exact) > 1, "no two sizes give the same bytes here"

    def made(others: int) -> tuple[torch.Tensor, Trail]:
        steps, who = batcher(profile), Participant(numerics="exact")
        makers = [maker(steps, who, bases, "starter", "text2img", seed=3, scheduler="Euler a")]
        makers += [
            maker(steps, Participant(), bases, "starter", "text2img", seed=seed, num_inference_steps=seed + 2)
            for seed in range(others)
        ]
        return together(steps, makers)[0], who.trail

    (alone, _), (beside, trail) = made(0), made(4)
    assert torch.equal(alone, beside)
    assert set(trail.buckets) <= set(profile.exact)


def test_a_picture_made_in_company_is_made_again_from_its_buckets(bases: Any, profile: Profile) -> None:
    steps, who = batcher(profile), Participant()
    # It takes more steps than all others together: however late they come, it is in company, and it is alone.
    makers = [
        maker(
            steps,
            who if seed == 1 else Participant(),
            bases,
            "starter",
            "text2img",
            seed=seed,
            num_inference_steps=steps_of,
        )
        for seed, steps_of in enumerate((2, 12, 4, 5))
    ]
    made = together(steps, makers)[1]
    assert len(set(who.trail.buckets)) > 1
    again = Participant(replay=Trail.read(str(who.trail)).buckets)
    (replayed,) = together(steps, [maker(steps, again, bases, "starter", "text2img", seed=1, num_inference_steps=12)])
    assert torch.equal(made, replayed)
    assert str(again.trail) == str(who.trail)


STACKS: tuple[dict[str, float], ...] = (
    {},
    {"peft": 0.5, "other": 0.8},
    {"kohya": 1.0},
    {"loha": 0.7, "peft": -0.3},
    {"dora": 1.0},
)


@pytest.fixture(scope="module")
def stack(
    tiny_model: Callable[[str], Path], bases: Any, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Any]:
    """Several LoRAs with their weights, read for the tiny Stable Diffusion 1.5."""
    home = tmp_path_factory.mktemp("stacks-home")
    (home / "models").mkdir()
    (home / "models" / "tiny-sd15").symlink_to(tiny_model("sd15"))
    for form in ("peft", "kohya", "loha", "dora"):
        tiny.lora(tiny_model("sd15"), home / "loras" / f"{form}.safetensors", form)
    tiny.lora(tiny_model("sd15"), home / "loras" / "other.safetensors", seed=1, rank=3)
    settings = Settings(home=home, device="cpu")
    model, prompt_assets = Catalogue(settings)["tiny-sd15"], PromptAssets.of(settings)
    base, _ = bases("sd15")

    def make(weights: dict[str, float]) -> LoraSet:
        files = [prompt_assets.loras.for_model(name, model) for name in weights]
        recipe = Recipe.make(loras=[{"name": name, "weight": weight} for name, weight in weights.items()])
        return LoraSet(recipe, [load(file, model, base, torch.float32) for file in files])

    return make


def with_loras(
    steps: Batcher, who: Participant, bases: Any, stack: LoraSet, **changes: Any
) -> Callable[[], torch.Tensor]:
    pipe = shared(steps, who, bases("sd15")[0], "sd15", "text2img")

    def make() -> torch.Tensor:
        with steps.joined(who), stack.applied(pipe):
            return latents(pipe, "text2img", **changes)

    return make


def test_each_picture_of_a_step_has_its_own_loras(bases: Any, stack: Callable[..., Any]) -> None:
    base, _ = bases("sd15")
    steps, crew = batcher(Profile({16: 1.0})), [Participant() for _ in STACKS]
    makers = [with_loras(steps, who, bases, stack(applied)) for who, applied in zip(crew, STACKS, strict=True)]
    made = together(steps, makers)
    assert {str(who.trail) for who in crew} == {"10x5"}
    alone = Batcher(lambda call: PLAIN)
    alone.start()
    for one, applied in zip(made, STACKS, strict=True):
        pipe = pipeline(base, "sd15", "text2img")
        with stack(applied).applied(pipe):
            bare = latents(pipe, "text2img")
        assert torch.equal(with_loras(alone, Participant(), bases, stack(applied))(), bare), applied
        assert far(one, bare) <= 1e-5, applied
    alone.close()
    assert not any(module._forward_hooks for module in base.unet.modules())


def test_a_picture_with_loras_is_made_again_from_its_buckets(bases: Any, stack: Callable[..., Any]) -> None:
    """Its neighbours had LoRAs of other ranks, or none."""
    steps, who = batcher(Profile({16: 1.0})), Participant()
    longest = {"num_inference_steps": 15}  # than all others together
    makers = [
        with_loras(steps, Participant(), bases, stack(applied), num_inference_steps=n)
        for applied, n in zip(STACKS, (4, 2, 5, 3), strict=False)
    ]
    made = together(steps, [*makers, with_loras(steps, who, bases, stack(STACKS[1]), **longest)])[-1]
    again = Participant(replay=who.trail.buckets)
    (replayed,) = together(steps, [with_loras(steps, again, bases, stack(STACKS[1]), **longest)])
    assert len(set(who.trail.buckets)) > 1
    assert torch.equal(made, replayed)


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [((3, 3), 1, 1), ((3, 3), 2, 1), ((1, 1), 1, 0), ((1, 1), 2, 0), ((3, 5), 2, (0, 2))],
)
def test_what_a_lora_adds_to_any_convolution_is_the_same_beside_others(kernel: Any, stride: int, padding: Any) -> None:
    layer = torch.nn.Conv2d(6, 7, kernel, stride, padding)
    changes = [LowRank(torch.randn(rank, 6, *kernel), torch.randn(7, rank, 1, 1), scale=0.5) for rank in (2, 20)]
    requests = [(rows, {"0": Added([(0, change)], [1.0])}) for rows, change in zip((1, 2), changes, strict=True)]
    given = torch.randn(4, 6, 9, 8)
    with torch.no_grad():
        bare = layer(given)
        network = torch.nn.Sequential(layer)
        with hooked(network, Stacks().hooks(network, requests, 4)):
            made = layer(given)
        wanted = [bare[:1] + 0.5 * changes[0].added(layer, given[:1], bare[:1])]
        wanted += [bare[1:3] + 0.5 * changes[1].added(layer, given[1:3], bare[1:3]), bare[3:]]
    # Sums in another order: the last bits differ, more of them on another processor.
    torch.testing.assert_close(made, torch.cat(wanted), rtol=1e-4, atol=1e-4)
    assert torch.equal(made[3:], bare[3:])


def test_what_a_lora_adds_to_a_row_is_the_same_beside_any_others() -> None:
    """Its neighbours have changes of its rank, of others, or none; without guidance a picture has one row."""
    layers = torch.nn.ModuleDict(
        {
            "kernels": torch.nn.Conv2d(16, 24, 3, padding=1),
            "pixels": torch.nn.Conv2d(16, 24, 1),
            "words": torch.nn.Linear(16, 24),
        }
    )
    pixels, words = torch.randn(12, 16, 8, 8), torch.randn(12, 77, 16)

    def lora(seed: int, rank: int) -> dict[str, Added]:
        generator = torch.Generator().manual_seed(seed)

        def drawn(*shape: int) -> torch.Tensor:
            return torch.randn(shape, generator=generator)

        sides = {"kernels": (3, 3), "pixels": (1, 1), "words": ()}
        changes = {
            name: LowRank(drawn(rank, 16, *side), drawn(24, rank, *(1 for _ in side))) for name, side in sides.items()
        }
        return {name: Added([(0, change)], [1.0]) for name, change in changes.items()}

    def first(*others: tuple[int, dict[str, Added]]) -> list[torch.Tensor]:
        requests = [(1, lora(0, 4)), *others]
        with torch.no_grad(), hooked(layers, Stacks().hooks(layers, requests, 12)):
            return [layers["kernels"](pixels)[0], layers["pixels"](pixels)[0], layers["words"](words)[0]]

    alone, bare = first(), layers["kernels"](pixels).detach()
    for others in ([(2, lora(1, 4))], [(2, lora(1, 4)), (8, lora(2, 6))], [(2, lora(1, 12)), (2, {}), (2, lora(2, 4))]):
        assert all(map(torch.equal, first(*others), alone))
    with (
        torch.no_grad(),
        hooked(layers, Stacks().hooks(layers, [(2, {}), (1, lora(0, 4)), (3, {}), (2, lora(1, 4))], 12)),
    ):
        mixed = layers["kernels"](pixels)
    assert [torch.equal(one, plain) for one, plain in zip(mixed, bare, strict=True)] == [
        row not in (2, 6, 7) for row in range(12)
    ]
    assert torch.equal(layers["kernels"](pixels), bare)


@pytest.mark.parametrize("size", [4, 8])
def test_a_row_depends_neither_on_its_place_nor_on_its_company(bases: Any, size: int) -> None:
    unet = bases("starter")[0].unet
    generator = torch.Generator().manual_seed(0)

    def call(scale: float = 1.0) -> Call:
        words = torch.randn(1, 77, unet.config.cross_attention_dim, generator=generator)
        sample = torch.randn(1, 4, 16, 16, generator=generator) * scale
        return Call(unet, sample, 300 * scale, {"encoder_hidden_states": words, "return_dict": False})

    one, others = call(), [call(scale) for scale in (0.1, 2.0, 3.0)]
    with torch.no_grad():
        first = forward([one, *others], size, Stacks())[0][0]
        last = forward([*reversed(others), one], size, Stacks())[-1][0]
        padded = forward([one], size, Stacks())[0][0]
    assert torch.equal(first, last)
    assert torch.equal(first, padded)


def test_a_picture_of_no_numbers_spoils_no_other(bases: Any) -> None:
    base, _ = bases("sd15")
    spoilt = base.encode_prompt("a house", "cpu", 1, do_classifier_free_guidance=True)[0] * float("nan")
    steps = batcher()
    makers = [maker(steps, Participant(), bases, "sd15", "text2img", seed=seed) for seed in (1, 2)]

    def bad() -> torch.Tensor:
        pipe = shared(steps, who := Participant(), base, "sd15", "text2img")
        with steps.joined(who):
            made: torch.Tensor = pipe(
                prompt_embeds=spoilt, negative_prompt_embeds=spoilt, output_type="latent", num_inference_steps=5
            ).images
        return made

    one, lost, other = together(steps, [makers[0], bad, makers[1]])
    assert lost.isnan().all()
    assert one.isfinite().all()
    assert other.isfinite().all()


def test_a_distilled_model_that_is_told_its_guidance_shares_steps(bases: Any) -> None:
    made = {}
    steps, crew = batcher(), [Participant(), Participant()]
    for seed, who in enumerate(crew):
        made[seed] = maker(steps, who, bases, "lcm", "text2img", seed=seed, scheduler="LCM")
    first, second = together(steps, list(made.values()))
    assert far(first, bare(bases, "lcm", "text2img", seed=0, scheduler="LCM")) <= 1e-5
    assert far(second, bare(bases, "lcm", "text2img", seed=1, scheduler="LCM")) <= 1e-5
    assert {*crew[0].trail.buckets} == {2}


def test_rows_of_other_sizes_and_words_have_steps_of_their_own(bases: Any) -> None:
    steps, crew = batcher(), [Participant(), Participant()]
    sizes = [{"width": tiny.SIDE}, {"width": tiny.SIDE * 2}]
    makers = [maker(steps, who, bases, "sd15", "text2img", **size) for who, size in zip(crew, sizes, strict=True)]
    for one, size in zip(together(steps, makers), sizes, strict=True):
        assert torch.equal(one, bare(bases, "sd15", "text2img", **size))
    assert [str(who.trail) for who in crew] == ["2x5", "2x5"]
