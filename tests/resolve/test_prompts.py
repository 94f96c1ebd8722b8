"""What a recipe's prompts are resolved to: drawn, checked, their LoRAs among the recipe's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from studio.errors import InvalidPrompt, InvalidRecipe
from studio.families.starter import WORDS_WIDTH
from studio.grids.axes import Axis, applied
from studio.metadata.infotext import to_infotext
from studio.recipe import Lora, Recipe
from studio.resolve.prompts import replaced
from studio.settings import Settings
from studio.studio import Studio
from tests.drawer import Drawer
from tests.headers import write_home, write_model, write_safetensors
from tests.people import who

MODEL = "tiny-starter"
LAYER = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
STARTERS, LARGE = (
    {f"{LAYER}.lora_A.weight": (4, width), f"{LAYER}.lora_B.weight": (64, 4)} for width in (WORDS_WIDTH, 2048)
)


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    home = write_home(tmp_path / "home", MODEL)
    write_model(home / "models" / "tiny-lcm", "lcm")
    for name in ("ink", "people"):
        write_safetensors(home / "loras" / f"{name}.safetensors", STARTERS)
    write_safetensors(home / "loras" / "large.safetensors", LARGE)
    write_safetensors(home / "embeddings" / "calm.safetensors", {"calm": (2, WORDS_WIDTH)})
    write_safetensors(home / "embeddings" / "old.safetensors", {"old": (2, 768)})
    (home / "wildcards").mkdir()
    (home / "wildcards" / "beasts.txt").write_text("cat\ndog\nfox\nowl\n")
    with Studio(Settings.load(home=home, model=MODEL), backend=Drawer()) as studio:
        yield studio


def resolved(studio: Studio, **values: Any) -> Recipe:
    (recipe,) = studio.resolve(Recipe.make(**values))
    assert studio.resolve(recipe) == (recipe,)
    return recipe


def test_each_picture_draws_from_its_own_seed_and_a_replay_needs_no_lists(studio: Studio) -> None:
    asked = Recipe(prompt="a {red|blue|green|grey} __beasts__", seed=3, count=16)
    recipes = studio.resolve(asked)
    assert recipes == studio.resolve(asked)
    assert len({recipe.prompt for recipe in recipes}) > 4
    assert not any(mark in recipe.prompt for recipe in recipes for mark in "{_")
    assert studio.resolve(asked.replace(seed=4, count=1))[0].prompt == recipes[1].prompt
    assert all(studio.resolve(recipe) == (recipe,) for recipe in recipes)


def test_mentions_join_the_list_and_their_weights_count(studio: Studio) -> None:
    panel = ({"name": "ink", "weight": 1, "end": 0.5}, {"name": "people", "weight": -2})
    recipe = resolved(studio, prompt="a house <lora:ink:0.6> (<lora:few-step:0.5:0.7>)", loras=panel)
    assert recipe.loras == (
        Lora(name="ink", weight=0.6, end=0.5),
        Lora(name="people", weight=-2),
        Lora(name="few-step", weight=0.7, text_weight=0.5),
    )
    blocks = resolved(studio, prompt="a house <lora:ink:0.6:lbw=1,0,.5,1,0,0,-1,1>").loras[0].blocks
    assert blocks == (1, 0, 0.5, 1, 0, 0, -1, 1)
    assert replaced(Recipe.make(loras=panel), recipe) == [
        "The prompt gives ink the weight 0.6, which is used; the list says 1."
    ]


@pytest.mark.parametrize("name", ["style/pen", "PEN", "pen.safetensors", "Style\\\\Pen"])
@pytest.mark.parametrize("kind", ["lora", "lyco"])
def test_one_lora_is_one_however_it_is_called(studio: Studio, kind: str, name: str) -> None:
    write_safetensors(studio.prompt_assets.loras.folder / "style" / "pen.safetensors", STARTERS)
    prompt = f"a house <{kind}:{name}:0.6>"
    recipe = resolved(studio, prompt=prompt, loras=[{"name": "pen", "weight": 1}])
    assert recipe.loras == (Lora(name="pen", weight=0.6),)
    assert resolved(studio, prompt=f"{prompt} <lora:pen:0.6>").loras == recipe.loras
    assert to_infotext(recipe).splitlines()[0].count("<") == 1
    assert applied(recipe, [(Axis.parse("lora:pen=0.3"), 0)]).prompt == prompt.replace("0.6", "0.3")
    (only,) = studio.resolve(Recipe.make(prompt="a", loras=[{"name": name.replace("\\\\", "\\"), "weight": 0.6}]))
    assert only.loras == recipe.loras


def test_a_lora_that_is_listed_under_two_names_is_refused(studio: Studio) -> None:
    with pytest.raises(InvalidRecipe, match="INK is in the list twice"):
        studio.resolve(Recipe.make(prompt="a", loras=[{"name": "ink"}, {"name": "INK"}]))


@pytest.mark.parametrize(
    ("values", "field", "says"),
    [
        ({"prompt": "a (house"}, "prompt", "column 3"),
        ({"prompt": "a", "negative_prompt": "b)"}, "negative_prompt", "column 2"),
        ({"prompt": "a __beests__"}, "prompt", "beasts"),
        ({"prompt": "a {|}"}, "prompt", "column"),
        ({"prompt": "a <lora:inc>"}, "prompt", "column 3: There is no LoRA 'inc'. Did you mean ink"),
        ({"prompt": "a <lora:large:0.4>"}, "prompt", "column 3: large.safetensors is a LoRA for Stable Diffusion XL"),
        ({"prompt": "a <lora:ink:0.4:lbw=MIDD>"}, "prompt", "lbw=MIDD"),
        (
            {"prompt": "a <lora:ink:1:lbw=1,0>"},
            "prompt",
            "column 3: ink has 2 block weights; tiny-starter takes 8 or 18",
        ),
        ({"prompt": "a <lora:ink:1:lbw=1,11>"}, "prompt", "from -10 to 10"),
        ({"prompt": "a <lora:ink:1:lbw=1:x=1>"}, "prompt", "x=1"),
        ({"prompt": "a", "loras": [{"name": "ink"}, {"name": "people", "blocks": [1]}]}, "loras", "1 block weights"),
        ({"prompt": "a <lora:ink:11>"}, "prompt", "from -10 to 10"),
        ({"prompt": "a <lora:ink:1> <lora:ink:2>"}, "prompt", "two weights"),
        ({"prompt": "a", "negative_prompt": "<lora:ink>"}, "negative_prompt", "negative prompt"),
        ({"prompt": "a", "loras": [{"name": "ink"}, {"name": "large"}]}, "loras", "tiny-starter is Starter"),
        ({"prompt": "a", "loras": [{"name": "ink"}, {"name": "ink"}]}, "loras", "twice"),
        ({"prompt": "a embedding:clam"}, "prompt", "column 3: There is no embedding 'clam'. Did you mean calm"),
        ({"prompt": "a embedding:old"}, "prompt", "an embedding for Stable Diffusion 1.5"),
        ({"prompt": "a [cat:dog:0.5]", "model": "tiny-flux"}, "prompt", "cannot follow words that change"),
        ({"prompt": "a AND b", "model": "tiny-flux"}, "prompt", "cannot follow AND"),
        ({"prompt": "a embedding:calm", "model": "tiny-flux"}, "prompt", "is FLUX.1"),
        ({"prompt": "a AND b", "guidance_scale": 1}, "prompt", "guidance"),
        ({"prompt": "a AND b", "model": "tiny-lcm"}, "prompt", "guidance"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_queued(
    studio: Studio, values: dict[str, Any], field: str, says: str
) -> None:
    with pytest.raises(InvalidRecipe) as caught:
        studio.submit(Recipe.make(**values), who("ann"))
    assert caught.value.field == field
    assert says in str(caught.value)
    assert caught.value.hint
    assert studio.jobs_of(who("ann")) == []
    if field == "loras":
        assert caught.value.part == 1
    elif "column" in says:
        assert isinstance(caught.value, InvalidPrompt)


def test_long_prompts_and_bare_embeddings_are_allowed(studio: Studio) -> None:
    resolved(studio, prompt="a castle at calm, " + "house " * 200, negative_prompt="blur " * 200)


@pytest.mark.parametrize(
    "prompt",
    ["a BREAK " * 65, " AND ".join(["a BREAK " * 5] * 16), "[" + "|".join(f"a{k} BREAK b" for k in range(150)) + "]"],
)
def test_a_prompt_that_would_be_read_for_hours_is_refused_before_it_waits(studio: Studio, prompt: str) -> None:
    with pytest.raises(InvalidRecipe, match="the limits are"):
        studio.resolve(Recipe(prompt=prompt, steps=200))


def test_a_prompt_of_many_parts_and_chunks_is_taken(studio: Studio) -> None:
    assert resolved(studio, prompt="a BREAK " * 60 + "b", steps=4)
