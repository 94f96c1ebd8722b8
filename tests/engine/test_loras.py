"""LoRAs on tiny models: the same picture as diffusers makes with PEFT, and not a bit of the model changed."""

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.backends.local import LocalBackend
from studio.catalogue.models import Catalogue
from studio.catalogue.prompt_assets import PromptAssets
from studio.errors import ModelError
from studio.families import FAMILIES as FACTS
from studio.recipe import Recipe
from studio.settings import ASSETS, Settings
from tests import tiny

FAMILIES = ("sd15", "sdxl")
# What of the published UNets decides which blocks there are.
FULL_SIZE: dict[str, dict[str, Any]] = {
    "starter": json.loads((ASSETS / "starter" / "unet" / "config.json").read_text()),
    "sd15": {"cross_attention_dim": 768},
    "sdxl": {
        "block_out_channels": (320, 640, 1280),
        "cross_attention_dim": 2048,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "attention_head_dim": (5, 10, 20),
    },
}


@pytest.fixture(scope="module")
def home(tiny_model: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("loras-home")
    (home / "models").mkdir()
    for family in ("starter", *FAMILIES, "flux"):
        (home / "models" / f"tiny-{family}").symlink_to(tiny_model(family))
    for family in FAMILIES:
        for form in ("peft", "diffusers", "kohya", "loha", "dora"):
            tiny.lora(tiny_model(family), home / "loras" / f"{family}-{form}.safetensors", form)
        tiny.lora(tiny_model(family), home / "loras" / f"{family}-other.safetensors", seed=1, rank=3)
        tiny.lora(tiny_model(family), home / "loras" / f"{family}-text.safetensors", seed=2, text=True)
        tiny.lora(tiny_model(family), home / "loras" / f"{family}-text-kohya.safetensors", "kohya", 2, text=True)
    tiny.lora(tiny_model("flux"), home / "loras" / "flux-peft.safetensors")
    return Settings(home=home, device="cpu")


@pytest.fixture(scope="module")
def backend(home: Settings) -> Iterator[LocalBackend]:
    backend = LocalBackend(home, Catalogue(home))
    yield backend
    backend.close()


def asked(recipe: Callable[..., Recipe], family: str, *loras: str, **changes: Any) -> Recipe:
    """A recipe with these LoRAs, each NAME or NAME:WEIGHT."""
    pairs = [text.partition(":") for text in loras]
    return recipe(family, loras=[{"name": name, "weight": weight or 1} for name, _, weight in pairs], **changes)


def pixels(backend: LocalBackend, *recipes: Recipe) -> np.ndarray[Any, Any]:
    return np.stack([np.asarray(made.image, np.int16) for made in backend.generate(recipes, lambda _: None)])


def state(backend: LocalBackend, home: Settings, family: str) -> tuple[str, int]:
    """A digest of all weights of a model, and how many hooks its modules have."""
    digest, hooks = hashlib.sha256(), 0
    with backend._engine().borrow_pipeline(Catalogue(home)[f"tiny-{family}"]) as pipe:
        for name in ("unet", "text_encoder", "text_encoder_2"):
            part = getattr(pipe, name, None)
            for key, value in part.state_dict().items() if part is not None else ():
                digest.update(key.encode() + value.numpy().tobytes())
            hooks += sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in part.modules()) if part else 0
    return digest.hexdigest(), hooks


def by_diffusers(home: Settings, recipe: Recipe, *loras: tuple[str, float]) -> np.ndarray[Any, Any]:
    """The same picture's latents by the stock pipeline with PEFT."""
    from diffusers import DiffusionPipeline

    from studio.engine import schedulers

    pipe = DiffusionPipeline.from_pretrained(home.home / "models" / str(recipe.model))
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = schedulers.build(str(recipe.scheduler), pipe.scheduler.config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, _ in loras:
            pipe.load_lora_weights(home.home / "loras" / f"{name}.safetensors", adapter_name=name.replace("-", "_"))
    pipe.set_adapters([name.replace("-", "_") for name, _ in loras], [weight for _, weight in loras])
    return _latents(pipe, recipe, torch)


def _latents(pipe: Any, recipe: Recipe, torch: Any) -> np.ndarray[Any, Any]:
    made = pipe(
        recipe.prompt,
        width=recipe.width,
        height=recipe.height,
        num_inference_steps=recipe.steps,
        guidance_scale=recipe.guidance_scale,
        generator=torch.Generator().manual_seed(recipe.seed),
        output_type="latent",
    )
    return made.images.numpy()


def by_studio(backend: LocalBackend, home: Settings, recipe: Recipe) -> np.ndarray[Any, Any]:
    """The picture's latents with the studio's hooks on the stock pipeline's call."""
    from studio.engine import schedulers

    manager = backend._engine()
    with manager.borrow(Catalogue(home)[str(recipe.model)], "text2img") as lease:
        manager.apply_loras(lease, recipe, lambda _: None)
        lease.pipe.scheduler = schedulers.build(str(recipe.scheduler), lease.loaded.pipe.scheduler.config)
        assert lease.loras
        with lease.loras.applied(lease.pipe):
            return _latents(lease.pipe, recipe, torch)


@pytest.mark.parametrize(
    ("family", "applied"),
    [
        ("sd15", {"peft": 0.5, "other": 0.8}),
        ("sd15", {"diffusers": -0.7}),
        ("sd15", {"kohya": 1.0}),
        ("sdxl", {"kohya": 0.9, "peft": 1.0}),
        ("sdxl", {"text": 1.0}),
        ("sd15", {"dora": 1.0}),
    ],
    ids=lambda value: value if isinstance(value, str) else " and ".join(value),
)
def test_a_stack_is_what_diffusers_makes_of_it(
    backend: LocalBackend, home: Settings, recipe: Callable[..., Recipe], family: str, applied: dict[str, float]
) -> None:
    named = {f"{family}-{name}": weight for name, weight in applied.items()}
    wanted = asked(recipe, family, *(f"{name}:{weight}" for name, weight in named.items()))
    ours = by_studio(backend, home, wanted)
    theirs = by_diffusers(home, wanted, *named.items())
    np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max(), rtol=1e-5)


def test_the_starters_own_is_what_diffusers_makes_of_it(
    backend: LocalBackend, home: Settings, recipe: Callable[..., Recipe]
) -> None:
    from diffusers import StableDiffusionPipeline

    pipe = StableDiffusionPipeline.from_pretrained(ASSETS / "starter")
    pipe.set_progress_bar_config(disable=True)
    manager, model = backend._engine(), Catalogue(home)["starter"]
    wanted = asked(recipe, "starter", "few-step:0.9", model="starter", scheduler="LCM", steps=2)
    with manager.borrow(model) as lease:
        manager.apply_loras(lease, wanted, lambda _: None)
        assert lease.loras
        assert lease.loras.facts == "few-step 0.9: 286 of 286 tensors"
        with lease.loras.applied(lease.pipe):
            ours = _latents(lease.pipe, wanted, torch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe.load_lora_weights(ASSETS / "starter" / "loras", weight_name="few-step.safetensors", adapter_name="few")
    pipe.set_adapters(["few"], [0.9])
    theirs = _latents(pipe, wanted, torch)
    np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max(), rtol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_layer_is_known_by_its_name_in_the_first_layout(tiny_model: Callable[[str], Path], family: str) -> None:
    from diffusers import UNet2DConditionModel

    from studio.engine.layer_names import Place, places_by_name
    from tests.tiny.original import unet_key

    unet = UNet2DConditionModel.from_pretrained(tiny_model(family) / "unet")
    known = places_by_name(unet)
    for name in {place.layer for places in known.values() for place in places}:
        called = unet_key(f"{name}.weight", unet.config.layers_per_block).removesuffix(".weight")
        assert known[called.replace(".", "_")] == (Place(name),)


def test_a_lora_of_lycoris_is_that_of_kohya_under_another_prefix(
    backend: LocalBackend, home: Settings, recipe: Callable[..., Recipe]
) -> None:
    tensors = load_file(home.home / "loras" / "sd15-kohya.safetensors")
    named = {key.replace("lora_unet_", "lycoris_"): value for key, value in tensors.items()}
    save_file(named, home.home / "loras" / "sd15-lycoris.safetensors")
    made = (pixels(backend, asked(recipe, "sd15", f"sd15-{name}")) for name in ("lycoris", "kohya"))
    assert np.array_equal(*made)


@pytest.mark.parametrize("family", FAMILIES)
def test_after_any_stack_the_model_is_bit_for_bit_what_it_was(
    backend: LocalBackend, home: Settings, recipe: Callable[..., Recipe], family: str
) -> None:
    plain = asked(recipe, family)
    bare, before = pixels(backend, plain), state(backend, home, family)
    stacks = [[f"{family}-kohya"], [f"{family}-text:0.7", f"{family}-loha:-1"], [f"{family}-dora:0.4"], []]
    made = [pixels(backend, asked(recipe, family, *stack)) for stack in stacks]
    assert all((one != bare).any() for one in made[:-1])
    assert (made[-1] == bare).all()
    assert state(backend, home, family) == before


def test_a_stopped_job_leaves_no_trace(backend: LocalBackend, home: Settings, recipe: Callable[..., Recipe]) -> None:
    from studio.errors import Cancelled
    from studio.events import Step

    def stop(event: object) -> None:
        if isinstance(event, Step):
            raise Cancelled

    before = state(backend, home, "sd15")
    with pytest.raises(Cancelled):
        list(backend.generate([asked(recipe, "sd15", "sd15-text")], stop))
    assert state(backend, home, "sd15") == before


def test_jobs_of_several_stacks_get_each_their_own(backend: LocalBackend, recipe: Callable[..., Recipe]) -> None:
    applied = [["sd15-peft"], ["sd15-peft:0.5"], [], ["sd15-text"]]
    recipes = [asked(recipe, "sd15", *names) for names in applied]
    together = pixels(backend, *recipes)
    alone = np.concatenate([pixels(backend, one) for one in recipes])
    assert (together == alone).all()
    assert len({one.tobytes() for one in together}) == 4


def test_a_weight_of_nothing_and_opposite_weights_are_the_bare_model(
    backend: LocalBackend, recipe: Callable[..., Recipe]
) -> None:
    bare = pixels(backend, asked(recipe, "sd15"))
    assert (pixels(backend, asked(recipe, "sd15", "sd15-text:0")) == bare).all()
    opposite = asked(recipe, "sd15", "sd15-peft:1", "sd15-diffusers:-1")
    assert np.abs(pixels(backend, opposite) - bare).max() <= 1


@pytest.mark.parametrize("family", FAMILIES)
def test_text_encoders_are_changed_under_either_name(
    backend: LocalBackend, home: Settings, recipe: Callable[..., Recipe], family: str
) -> None:
    # Of half the rank as alpha, the same change at twice the weight.
    ours, theirs = (
        pixels(backend, asked(recipe, family, name)) for name in (f"{family}-text:0.5", f"{family}-text-kohya")
    )
    assert np.abs(ours - theirs).max() <= 1
    only = {"name": f"{family}-text", "weight": 0, "text_weight": 1}
    assert (pixels(backend, recipe(family, loras=[only])) != pixels(backend, recipe(family))).any()


def test_start_and_end_are_shares_of_the_steps(backend: LocalBackend, recipe: Callable[..., Recipe]) -> None:
    def made(start: float, end: float) -> np.ndarray[Any, Any]:
        return pixels(backend, recipe("sd15", steps=4, loras=[{"name": "sd15-peft", "start": start, "end": end}]))

    whole, first, last, none = made(0, 1), made(0, 0.5), made(0.5, 1), made(0.5, 0.5)
    assert len({one.tobytes() for one in (whole, first, last, none)}) == 4
    assert (none == pixels(backend, recipe("sd15", steps=4))).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_block_weights_share_a_lora_out_among_the_blocks(
    backend: LocalBackend, recipe: Callable[..., Recipe], family: str
) -> None:
    orders = FACTS[family].lora_blocks

    def shared(order: int, *blocks: str) -> Any:
        shares = [float(name in blocks) for name in orders[order]]
        lora = {"name": f"{family}-peft", "weight": 2, "blocks": shares}
        return pixels(backend, recipe(family, loras=[lora]))

    whole = pixels(backend, asked(recipe, family, f"{family}-peft:2"))
    bare = pixels(backend, asked(recipe, family))
    assert (shared(1, *orders[1]) == whole).all()
    assert (shared(1) == bare).all()
    for block in ("IN01", "MID", "OUT01"):
        one = shared(1, block)
        assert (one != bare).any(), block
        assert (one != whole).any(), block


@pytest.mark.parametrize("family", ["starter", *FAMILIES])
def test_every_block_of_a_family_is_there_and_those_with_attention_are_told(family: str) -> None:
    from accelerate import init_empty_weights
    from diffusers import UNet2DConditionModel

    from studio.engine.layer_names import blocks_by_layer

    with init_empty_weights():
        unet = UNet2DConditionModel.from_config(FULL_SIZE[family])
    layers = blocks_by_layer(unet)
    attentive, every = FACTS[family].lora_blocks
    assert set(layers.values()) == set(every) - {"BASE"}
    assert {block for name, block in layers.items() if "attentions" in name} == set(attentive) - {"BASE"}


def test_an_offloaded_model_wears_them_too(home: Settings, recipe: Callable[..., Recipe]) -> None:
    from studio.engine.manager import PipelineManager

    manager, wanted = PipelineManager(Catalogue(home), home), asked(recipe, "sd15", "sd15-text", "sd15-peft:0.5")
    with manager.borrow(Catalogue(home)["tiny-sd15"]) as lease:

        def made() -> np.ndarray[Any, Any]:
            manager.apply_loras(lease, wanted, lambda _: None)
            assert lease.loras
            with lease.loras.applied(lease.pipe):
                return _latents(lease.pipe, wanted, torch)

        before = made()
        lease.offload("sequential")
        assert (made() == before).all()
    manager.close()


def test_a_transformer_wears_them_too(backend: LocalBackend, recipe: Callable[..., Recipe]) -> None:
    (made,) = backend.generate([asked(recipe, "flux", "flux-peft")], lambda _: None)
    assert made.facts["loras"].startswith("flux-peft 1: ")
    assert (np.asarray(made.image) != pixels(backend, recipe("flux"))[0]).any()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda t: t | {f"lora_unet_conv_in_2.lora_{end}.weight": torch.ones(2, 2) for end in ("down", "up")},
            "in part: 2 of its",
        ),
        (lambda t: {k.replace("blocks_0", "blocks_7"): v for k, v in t.items() if "blocks_0" in k}, "not at all"),
        (lambda t: {k: v for k, v in t.items() if not k.endswith("attn1_to_q.lora_up.weight")}, "lacks its up"),
        (
            lambda t: {k: v[:, :-1] if k.endswith("attn1_to_q.lora_down.weight") else v for k, v in t.items()},
            "cannot be",
        ),
        (
            lambda t: t | {"lora_te2_text_model_encoder_layers_0_mlp_fc1.alpha": next(iter(t.values())).clone()},
            "alpha and nothing else",
        ),
    ],
    ids=["a stranger", "none fits", "no up", "too narrow", "no such encoder"],
)
def test_what_does_not_fit_whole_is_refused(
    backend: LocalBackend, home: Settings, recipe: Callable[..., Recipe], change: Any, says: str
) -> None:
    name = f"broken-{says.replace(' ', '-').replace(':', '')}"  # one that is known is not looked at again
    path = home.home / "loras" / f"{name}.safetensors"
    tensors = change(load_file(home.home / "loras" / "sd15-kohya.safetensors"))
    save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    before = state(backend, home, "sd15")
    with pytest.raises(ModelError, match=f"{name}.safetensors.*{says}"):
        pixels(backend, asked(recipe, "sd15", name))
    assert state(backend, home, "sd15") == before
    path.unlink()


def test_what_was_read_stays_in_memory_within_a_budget(home: Settings) -> None:
    from studio.engine.lora import LoraCache
    from studio.engine.manager import PipelineManager

    manager, prompt_assets, read = PipelineManager(Catalogue(home), home), PromptAssets.of(home), list[str]()
    with manager.borrow(Catalogue(home)["tiny-sd15"]) as lease:

        def applied(lora_cache: LoraCache, name: str) -> int:
            file, loaded = prompt_assets.loras[name], lease.loaded
            return lora_cache.adapter(file, loaded.model, loaded.pipe, torch.float32, read.append).bytes

        size = applied(LoraCache(), "sd15-peft")
        lora_cache = LoraCache(budget=int(2.1 * size))
        read.clear()
        for name in ("sd15-peft", "sd15-diffusers", "sd15-peft", "sd15-kohya", "sd15-peft", "sd15-diffusers"):
            applied(lora_cache, name)
    manager.close()
    names = ("sd15-peft", "sd15-diffusers", "sd15-kohya", "sd15-diffusers")
    assert read == [f"Loading {name} ..." for name in names]


@pytest.mark.parametrize(
    ("config", "share"),
    [
        ({"lora_alpha": 1, "r": 2}, 0.5),
        ({"lora_alpha": 2, "r": 2, "alpha_pattern": {"^down_blocks.1.attentions.0.proj_in": 1}}, None),
    ],
)
def test_the_alpha_in_pefts_own_config_beside_a_file_counts(
    backend: LocalBackend, home: Settings, recipe: Callable[..., Recipe], config: dict[str, Any], share: float | None
) -> None:
    folder = home.home / "loras" / "peft"
    folder.mkdir(exist_ok=True)
    (folder / "adapter_model.safetensors").write_bytes((home.home / "loras" / "sd15-peft.safetensors").read_bytes())
    (folder / "adapter_config.json").write_text(json.dumps(config))
    backend._engine().make_room()
    made = pixels(backend, asked(recipe, "sd15", "adapter_model"))
    plain = pixels(backend, asked(recipe, "sd15", "sd15-peft"))
    assert (made != plain).any()
    if share:
        assert np.abs(made - pixels(backend, asked(recipe, "sd15", f"sd15-peft:{share}"))).max() <= 1


ENDLESS = '{"unet.lora_alpha": 1, "unet.alpha_pattern": {"(a+)+$": 1}}'


@pytest.mark.parametrize("said", ['{"unet.lora_alpha": "much"}', "{", ENDLESS], ids=["a word", "torn", "endless"])
def test_notes_on_alpha_that_cannot_be_read_are_no_reason_to_guess(
    backend: LocalBackend, home: Settings, recipe: Callable[..., Recipe], said: str
) -> None:
    path = home.home / "loras" / "noted.safetensors"
    save_file(load_file(home.home / "loras" / "sd15-peft.safetensors"), path, {"lora_adapter_metadata": said})
    with pytest.raises(ModelError, match="how strong its layers are"):
        pixels(backend, asked(recipe, "sd15", "noted"))
    path.unlink()


@pytest.mark.parametrize("family", FAMILIES)
def test_an_embedding_that_a_lora_brings_along_is_there_while_the_lora_is_on(
    backend: LocalBackend, home: Settings, recipe: Callable[..., Recipe], family: str
) -> None:
    from studio.errors import InvalidRecipe
    from studio.resolve.prompts import worded

    generator = torch.Generator().manual_seed(4)
    widths = {"clip_l": 768, "clip_g": 1280} if family == "sdxl" else {"emb_params": 768}
    vectors = {name: torch.randn(2, width, generator=generator) for name, width in widths.items()}
    tensors = load_file(home.home / "loras" / f"{family}-kohya.safetensors")
    bundle = {f"bundle_emb.wash.{name}": value for name, value in vectors.items()}
    save_file(tensors | bundle, home.home / "loras" / f"{family}-bundle.safetensors")
    (home.home / "embeddings").mkdir(exist_ok=True)
    save_file(vectors, home.home / "embeddings" / f"{family}-wash.safetensors")
    prompt = f"a house, embedding:wash <lora:{family}-bundle:1>"
    called = recipe(family, prompt=prompt, loras=[{"name": f"{family}-bundle"}])
    made = pixels(backend, called)
    apart = recipe(family, prompt=f"a house, embedding:{family}-wash", loras=[{"name": f"{family}-kohya"}])
    assert (made == pixels(backend, apart)).all()
    (made_facts,) = backend.generate([called], lambda _: None)
    assert f"{len(tensors) + len(bundle)} of {len(tensors) + len(bundle)} tensors" in made_facts.facts["loras"]
    catalogue, prompt_assets = Catalogue(home), PromptAssets.of(home)
    model = catalogue[f"tiny-{family}"]
    assert worded(recipe(family, prompt=prompt), model, catalogue, prompt_assets).loras
    with pytest.raises(InvalidRecipe, match="no embedding 'wash'"):
        worded(recipe(family, prompt="a house, embedding:wash"), model, catalogue, prompt_assets)
