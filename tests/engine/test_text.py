"""Weighted, long, changing and mixed words on tiny models, against the sums written out."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from studio.backends.local import LocalBackend
from studio.catalogue.models import Catalogue
from studio.errors import InvalidRecipe
from studio.recipe import Recipe
from studio.settings import Settings
from tests import tiny

FAMILIES = ("sd15", "sdxl")
WIDTHS = {"sd15": {"emb_params": 768}, "sdxl": {"clip_l": 768, "clip_g": 1280}}


@pytest.fixture(scope="module")
def home(tiny_model: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    import torch
    from safetensors.torch import save_file

    home = tmp_path_factory.mktemp("words-home")
    (home / "models").mkdir()
    (home / "embeddings").mkdir()
    for family in (*FAMILIES, "lcm", "flux"):
        (home / "models" / f"tiny-{family}").symlink_to(tiny_model(family))
    tiny.controlnet(tiny_model("sd15"), home / "controlnets" / "tiny-canny")
    generator = torch.Generator().manual_seed(3)
    for family, widths in WIDTHS.items():
        vectors = {name: torch.randn(2, width, generator=generator) for name, width in widths.items()}
        save_file(vectors, home / "embeddings" / f"calm-{family}.safetensors")
    return Settings(home=home, device="cpu")


@pytest.fixture(scope="module")
def backend(home: Settings) -> Iterator[LocalBackend]:
    backend = LocalBackend(home, Catalogue(home))
    yield backend
    backend.close()


def pixels(backend: LocalBackend, recipe: Recipe) -> np.ndarray[Any, Any]:
    (made,) = backend.generate([recipe], lambda _: None)
    return np.asarray(made.image, np.int16)


@pytest.fixture
def scripts(backend: LocalBackend, home: Settings) -> Iterator[Callable[..., Any]]:
    """What a family's pipeline would be told for a recipe."""

    def made(recipe: Recipe) -> Any:
        with backend._engine().borrow(Catalogue(home)[str(recipe.model)]) as lease:
            return lease.loaded.prompts.conditioning(lease.pipe, recipe, int(recipe.steps or 1))

    return made


def hidden(pipe: Any, side: int, text_ids: list[int]) -> Any:
    """What one encoder of the stock family makes of up to 75 tokens."""
    import torch

    tokenizer = (pipe.tokenizer, getattr(pipe, "tokenizer_2", None))[side]
    encoder = (pipe.text_encoder, getattr(pipe, "text_encoder_2", None))[side]
    ids = [tokenizer.bos_token_id, *text_ids, tokenizer.eos_token_id]
    ids += [tokenizer.pad_token_id] * (77 - len(ids))
    with torch.no_grad():
        said = encoder(torch.tensor([ids]), output_hidden_states=True)
    return said.hidden_states[-2] if hasattr(pipe, "text_encoder_2") else said[0]


def tokens(pipe: Any, text: str) -> list[int]:
    return pipe.tokenizer(text, add_special_tokens=False).input_ids


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_act_on_the_hidden_states_and_their_mean_is_restored(
    backend: LocalBackend, home: Settings, scripts: Callable[..., Any], recipe: Callable[..., Recipe], family: str
) -> None:
    import torch

    conditioning = scripts(recipe(family, prompt="a (red:1.5) cat", negative_prompt="[blur]"))
    with backend._engine().borrow(Catalogue(home)[f"tiny-{family}"]) as lease:
        pieces = [(tokens(lease.pipe, text), weight) for text, weight in (("a", 1), ("red", 1.5), ("cat", 1))]
        weights = [1.0, *(weight for ids, weight in pieces for _ in ids)]
        weights += [1.0] * (77 - len(weights))
        sides = []
        for side in range(1 + hasattr(lease.pipe, "text_encoder_2")):
            plain = hidden(lease.pipe, side, [number for ids, _ in pieces for number in ids])
            weighed = plain * torch.tensor(weights)[None, :, None]
            # What has learned nothing has no mean to be restored, but for rounding.
            is_mean = plain.mean().abs() > 1e-6 * plain.abs().mean()
            sides.append(weighed * (plain.mean() / weighed.mean() if is_mean else 1))
    torch.testing.assert_close(conditioning.arguments["prompt_embeds"], torch.cat(sides, dim=-1), rtol=1e-5, atol=1e-5)
    assert conditioning.is_plain


def test_a_mean_that_is_rounding_alone_is_not_restored() -> None:
    import torch

    from studio.engine.chunks import _weighed

    hidden, weights = torch.tensor([[[1.0, -1.0], [2.0, -2.0]]]), torch.tensor([1.0, 1.5])
    assert torch.equal(_weighed(hidden, weights), hidden * weights[None, :, None])


@pytest.mark.parametrize("family", FAMILIES)
def test_long_prompts_and_break_are_read_in_chunks(
    backend: LocalBackend, home: Settings, scripts: Callable[..., Any], recipe: Callable[..., Recipe], family: str
) -> None:
    import torch

    first, second = "x " * 70, "y " * 70
    long = scripts(recipe(family, prompt=f"{first}BREAK {second}", negative_prompt="z"))
    with backend._engine().borrow(Catalogue(home)[f"tiny-{family}"]) as lease:
        parts = [
            torch.cat(
                [hidden(lease.pipe, side, tokens(lease.pipe, text)) for side in range(1 + (family == "sdxl"))], -1
            )
            for text in (first, second)
        ]
    torch.testing.assert_close(long.arguments["prompt_embeds"], torch.cat(parts, dim=1))
    assert long.arguments["negative_prompt_embeds"].shape == long.arguments["prompt_embeds"].shape
    unbroken = scripts(recipe(family, prompt=first + second))
    assert unbroken.arguments["prompt_embeds"].shape[1] == 2 * 77


def test_what_follows_a_late_comma_moves_on_to_the_next_chunk() -> None:
    from studio.engine.chunks import filled
    from studio.prompts.schedule import Segment
    from tests.tiny.parts import clip_tokenizer

    def lengths(text: str, **counts: int) -> list[int]:
        names = [Segment(name, 1, "embedding") for name in counts]
        return [len(tokens) for tokens in filled(((Segment(text), *names),), clip_tokenizer(), counts)]

    assert lengths("x " * 80) == [75, 5]
    assert lengths("x " * 60 + "," + " x" * 30) == [61, 30]  # 14 tokens behind the comma
    assert lengths("x " * 40 + "," + " x" * 50) == [75, 16]  # too far back
    assert lengths("x " * 75 + "," + " x" * 3) == [75, 4]
    assert lengths("x " * 75) == [75]
    assert lengths("") == [0]
    assert lengths("x " * 74, calm=4) == [74, 4]  # an embedding is not cut


def heard(backend: LocalBackend, home: Settings, recipe: Recipe) -> list[Any]:
    """The words that the UNet is asked with at each step, those with the prompt."""
    asked = []
    manager = backend._engine()
    with manager.borrow_pipeline(Catalogue(home)[str(recipe.model)]) as pipe:
        unet = pipe.unet

    def listen(_: Any, args: Any, kwargs: Any) -> None:
        asked.append(kwargs["encoder_hidden_states"].chunk(2)[1])

    forward = unet.forward
    handle = unet.register_forward_hook(lambda _, __, kwargs, ___: listen(_, __, kwargs), with_kwargs=True)
    try:
        pixels(backend, recipe)
    finally:
        handle.remove()
    assert unet.forward == forward
    assert not unet._forward_pre_hooks
    assert not unet._forward_hooks
    return asked


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("scheduler", ["Euler", "Heun"])
def test_words_change_at_their_step(
    backend: LocalBackend,
    home: Settings,
    scripts: Callable[..., Any],
    recipe: Callable[..., Recipe],
    family: str,
    scheduler: str,
) -> None:
    cat, dog = (scripts(recipe(family, prompt=f"a {word}")).arguments["prompt_embeds"] for word in ("cat", "dog"))
    values = {"scheduler": scheduler, "steps": 4}
    changed = heard(backend, home, recipe(family, prompt="a [cat:dog:1]", **values))
    is_cat = [bool((words - cat).abs().max() < 1e-5) for words in changed]
    is_dog = [bool((words - dog).abs().max() < 1e-5) for words in changed]
    first = 2 if scheduler == "Heun" else 1
    assert is_cat == [True] * first + [False] * (len(changed) - first)
    assert is_dog == [not one for one in is_cat]
    turns = heard(backend, home, recipe(family, prompt="a [cat|dog]", scheduler="Euler", steps=4))
    assert [bool((words - cat).abs().max() < 1e-5) for words in turns] == [True, False, True, False]


def test_words_that_never_change_are_the_words_themselves(backend: LocalBackend, recipe: Callable[..., Recipe]) -> None:
    made = [pixels(backend, recipe("sd15", prompt=text)) for text in ("a dog", "a [cat:dog:0]", "a [dog:cat:9]")]
    assert np.abs(made[0] - made[1]).max() <= 1
    assert np.abs(made[0] - made[2]).max() <= 1


@pytest.mark.parametrize("family", FAMILIES)
def test_and_mixes_by_weight(backend: LocalBackend, recipe: Callable[..., Recipe], family: str) -> None:
    whole, halves, both, half = (
        pixels(backend, recipe(family, prompt=text))
        for text in ("a cat", "a cat:0.5 AND a cat:0.5", "a cat AND a dog", "a cat:0.5")
    )
    assert np.abs(whole - halves).max() <= 1
    assert (whole != both).any()
    weaker = pixels(
        backend, recipe(family, prompt="a cat", guidance_scale=float(recipe(family).guidance_scale or 0) / 2)
    )
    assert np.abs(half - weaker).max() <= 1  # without + w * (with - without) * guidance


def test_a_batch_of_pictures_hears_the_same(backend: LocalBackend, recipe: Callable[..., Recipe]) -> None:
    one = recipe("sd15", prompt="a [cat:dog:1] AND a (tree:1.2)")
    pair = [one, one.changed(seed=8)]
    together = [np.asarray(made.image, np.int16) for made in backend.generate(pair, lambda _: None)]
    alone = [pixels(backend, single) for single in pair]
    assert max(np.abs(a - b).max() for a, b in zip(together, alone, strict=True)) <= 1


def test_a_second_pass_has_edits_behind_it(backend: LocalBackend, recipe: Callable[..., Recipe]) -> None:
    second = {"hires_scale": 2, "hires_upscaler": "latent", "hires_strength": 0.9, "hires_steps": 3}
    early = pixels(backend, recipe("sd15", prompt="a [cat:dog:2]", **second))
    assert early.shape == (128, 128, 3)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_embedding_is_what_diffusers_makes_of_it(
    home: Settings, scripts: Callable[..., Any], recipe: Callable[..., Recipe], family: str
) -> None:
    import torch
    from diffusers import DiffusionPipeline
    from safetensors.torch import load_file

    vectors = load_file(home.home / "embeddings" / f"calm-{family}.safetensors")
    pipe = DiffusionPipeline.from_pretrained(home.home / "models" / f"tiny-{family}")
    for name, (tokenizer, encoder) in {
        "clip_g": ("tokenizer_2", "text_encoder_2"),
        "clip_l": ("tokenizer", "text_encoder"),
        "emb_params": ("tokenizer", "text_encoder"),
    }.items():
        if name in vectors:
            parts = {"tokenizer": getattr(pipe, tokenizer), "text_encoder": getattr(pipe, encoder)}
            pipe.load_textual_inversion({"calm": vectors[name]}, token="calm", **parts)
    wanted = recipe(family, prompt=f"a red house, calm-{family}", negative_prompt=f"(embedding:calm-{family}:1)")
    theirs, *_ = pipe.encode_prompt(
        "a red house, calm", device="cpu", num_images_per_prompt=1, do_classifier_free_guidance=True
    )
    torch.testing.assert_close(scripts(wanted).arguments["prompt_embeds"], theirs, rtol=1e-5, atol=1e-5)
    plain = scripts(recipe(family, prompt="a red house, x")).arguments["prompt_embeds"]
    assert (plain != scripts(wanted).arguments["prompt_embeds"]).any()


def test_a_control_follows_the_words_of_its_step(
    backend: LocalBackend, home: Settings, recipe: Callable[..., Recipe]
) -> None:
    from PIL import Image

    from studio.inputs import InputStore

    map_ = InputStore.of(home).add(Image.linear_gradient("L").convert("RGB").resize((64, 64))).id
    for mode in ("balanced", "control"):
        unit = {"kind": "canny", "map": map_, "model": "tiny-canny", "mode": mode}
        changing = pixels(backend, recipe("sd15", prompt="a [cat:dog:0]", controls=[unit]))
        assert np.abs(changing - pixels(backend, recipe("sd15", prompt="a dog", controls=[unit]))).max() <= 1


def test_encoders_without_weights_say_what_they_ignore(backend: LocalBackend, recipe: Callable[..., Recipe]) -> None:
    (made,) = backend.generate([recipe("flux", prompt="a (red:1.3) house")], lambda _: None)
    assert "takes no weights" in made.facts["notes"]
    assert (np.asarray(made.image) == pixels(backend, recipe("flux", prompt="a red house"))).all()
    with pytest.raises(InvalidRecipe, match="tokens longer"):
        pixels(backend, recipe("flux", prompt="a " * 600))


def test_prompts_of_unlike_lengths_are_as_long_as_the_longer_one(
    scripts: Callable[..., Any], recipe: Callable[..., Recipe]
) -> None:
    """17 against 16 chunks were 272, the least length that both divide."""
    import torch

    conditioning = scripts(recipe("sd15", prompt="a BREAK " * 16 + "b", negative_prompt="c BREAK " * 15 + "d"))
    words, against = conditioning.arguments["prompt_embeds"], conditioning.arguments["negative_prompt_embeds"]
    assert words.shape[1] == against.shape[1] == 17 * 77
    nothing = scripts(recipe("sd15", prompt="(a:1.1)", negative_prompt="")).arguments["negative_prompt_embeds"]
    assert torch.equal(against[:, 16 * 77 :], nothing[:, :77])


def test_prompts_of_which_one_is_a_multiple_are_repeated_as_before(
    scripts: Callable[..., Any], recipe: Callable[..., Recipe]
) -> None:
    import torch

    conditioning = scripts(recipe("sd15", prompt="a BREAK b BREAK c BREAK d", negative_prompt="e BREAK f"))
    against = conditioning.arguments["negative_prompt_embeds"]
    assert against.shape[1] == 4 * 77
    assert torch.equal(against[:, : 2 * 77], against[:, 2 * 77 :])


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("prompt", " AND ".join(["a BREAK " * 4 + "a"] * 16)),
        ("prompt", "BREAK " * 64 + "a"),
        ("prompt", "embedding:calm-sd15 BREAK " * 70),
        ("negative_prompt", "BREAK " * 64 + "a"),
        ("prompt", "[" + "|".join(f"{n}" for n in range(257)) + "]"),
    ],
    ids=["parts", "chunks", "embeddings", "of the negative prompt", "in turn"],
)
def test_a_prompt_that_would_be_read_for_hours_is_refused(
    backend: LocalBackend, recipe: Callable[..., Recipe], field: str, text: str
) -> None:
    with pytest.raises(InvalidRecipe, match="the limits are 64 and 256") as caught:
        pixels(backend, recipe("sd15", steps=300, **{field: text}))
    assert caught.value.field == field


# The layer that A1111 and Forge read, counted from the last, for what is asked.
SKIPS = [("sd15", 1, 1), ("sd15", 2, 2), ("lcm", 2, 2), ("sdxl", 1, 2), ("sdxl", 2, 2), ("sdxl", 3, 3)]


@pytest.mark.parametrize(("family", "asked", "layer"), SKIPS)
def test_clip_skip_counts_as_in_a1111(
    backend: LocalBackend, home: Settings, scripts: Callable[..., Any], recipe: Callable[..., Recipe],
    family: str, asked: int, layer: int,
) -> None:  # fmt: skip
    """The layers of Stable Diffusion 1.5 are normed, whichever is read; those of XL are not."""
    import torch

    wanted, sides = recipe(family, clip_skip=asked), []
    with backend._engine().borrow(Catalogue(home)[str(wanted.model)]) as lease, torch.no_grad():
        for end in ("", "_2") if family == "sdxl" else ("",):
            tokenizer, encoder = (getattr(lease.pipe, f"{part}{end}") for part in ("tokenizer", "text_encoder"))
            ids = tokenizer(tiny.PROMPT, padding="max_length", max_length=77, return_tensors="pt").input_ids
            said = encoder(ids, output_hidden_states=True).hidden_states[-layer]
            sides.append(said if family == "sdxl" else encoder.final_layer_norm(said))
    for prompt in (tiny.PROMPT, f"({tiny.PROMPT}:1)"):
        made = scripts(wanted.changed(prompt=prompt)).arguments["prompt_embeds"]
        torch.testing.assert_close(made, torch.cat(sides, dim=-1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("family", "asked", "most"), [("sd15", 3, 2), ("sdxl", 4, 2)])
def test_more_layers_than_there_are_are_refused(
    backend: LocalBackend, recipe: Callable[..., Recipe], family: str, asked: int, most: int
) -> None:
    with pytest.raises(InvalidRecipe, match=f"Give at most {most}") as caught:
        pixels(backend, recipe(family, clip_skip=asked))
    assert caught.value.field == "clip_skip"


def test_flux_has_no_clip_skip(home: Settings) -> None:
    from studio.resolve.applicability import check_able

    model = Catalogue(home)["tiny-flux"]
    with pytest.raises(InvalidRecipe, match="takes no clip skip"):
        check_able(Recipe(prompt="a", clip_skip=2), model.default("abilities"), model.name)
