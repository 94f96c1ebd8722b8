"""The form: what the recipe's fields become on the page, and what comes back."""

from pathlib import Path
from typing import Any

import pytest

from studio.errors import InvalidRecipe
from studio.families import FAMILIES
from studio.recipe import Recipe, Task, setting_specs
from studio.studio import Studio
from studio.ui.fast_gradio import gr
from studio.ui.form import Form

# What all tabs share, and what some have of their own.
SHARED = [name for name, setting in setting_specs().items() if setting.group in ("prompt", "size", "sampling", "seed")]
OWN = {
    "text": ("hires_scale", "hires_model", "hires_upscaler", "hires_strength", "hires_steps"),
    "image": ("strength", "resize"),
    "paint": ("strength", "resize", "mask_blur", "mask_area", "mask_padding"),
    "larger": ("upscaler", "upscale", "strength"),
}
PICTURE = "a" * 64
SIDE = FAMILIES["starter"].native_side


@pytest.fixture
def form(studio: Studio) -> Form:
    form = Form(studio)
    tasks: dict[str, Task] = {"text": "text2img", "image": "img2img", "paint": "inpaint", "larger": "upscale"}
    with gr.Blocks(analytics_enabled=False):
        form.adopt("model", gr.Dropdown(list(studio.catalogue), value="starter"))
        for tab, task in tasks.items():
            form.add_tab(tab, task)
            for name in OWN[tab]:
                form.place(name, tab, **({"value": 2.0} if name == "hires_scale" else {}))
        form.switch("text", ("hires_scale",), label="Hires fix")
        form.switch("image", ("width", "height", "resize"), label="Change the size")
        form.switch("larger", ("strength",), label="Paint over")
        for name in SHARED:
            form.place(name)
    return form


def shown(form: Form, updates: dict[Any, Any]) -> dict[Any, Any]:
    """What the page's widgets hold after these updates."""
    return {widget: updates.get(widget, {}).get("value", widget.value) for widget in form.all.values()}


def switched(form: Form, tab: str, name: str) -> dict[Any, Any]:
    """What the widgets hold after a switch was set."""
    return shown(form, {}) | {form.switches[f"{tab}/{name}-on"].widget: True}


def test_every_field_of_a_recipe_survives_the_form(form: Form) -> None:
    recipe = Recipe(
        prompt="a red house",
        negative_prompt="blur",
        negative_presets=("starter",),
        model="starter",
        width=96,
        height=160,
        scheduler="Euler a",
        steps=7,
        guidance_scale=2.5,
        seed=4294967295,
        count=4,
    )
    assert form.read(shown(form, form.show(recipe, "text")), "text") == recipe


def test_every_setting_has_a_widget_with_the_recipe_s_own_words(form: Form) -> None:
    for key, widget in form.widgets.items():
        assert key == "model" or widget.label == setting_specs()[key.rpartition("/")[2]].label


@pytest.mark.parametrize(
    ("tab", "chosen", "refines"),
    [
        ("text", None, False),
        ("image", None, True),
        ("paint", None, False),
        ("larger", None, True),
        ("text", "sdxl-refiner", True),
    ],
)
def test_a_tab_offers_the_models_that_can_do_its_task_and_what_is_chosen(
    form: Form, tab: str, chosen: str | None, refines: bool
) -> None:
    (told,) = form.offer_models(tab, chosen).values()
    offered = [name for _, name in told["choices"]]
    assert ("sdxl-refiner" in offered) is refines
    assert {"starter", "sd15"} <= set(offered)
    assert "value" not in told


def test_what_is_left_alone_stays_open_in_the_recipe(form: Form) -> None:
    values = shown(form, {}) | {form.widgets["prompt"]: "a boat"}
    assert form.read(values, "text") == Recipe(prompt="a boat", model="starter")


def test_a_field_that_cannot_be_is_named(form: Form) -> None:
    values = shown(form, {}) | {form.widgets["seed"]: "twelve"}
    with pytest.raises(InvalidRecipe) as caught:
        form.read(values, "text")
    assert caught.value.field == "seed"
    assert "4.29497e+09" not in caught.value.hint


def test_another_model_moves_only_what_was_left_alone(form: Form) -> None:
    before = form.standards("starter")
    after = form.standards("sdxl-base")
    values = shown(form, {}) | {form.widgets["steps"]: 33}
    updates = form.suit("sdxl-base", values, before, after)
    assert updates[form.widgets["width"]]["value"] == 1024
    assert form.widgets["steps"] not in updates


def test_what_a_model_cannot_do_is_hidden_and_said(form: Form) -> None:
    values = shown(form, {}) | {form.widgets["model"]: "flux1-schnell"}
    assert {"negative_prompt", "guidance_scale"} <= form.hidden(values, "text")
    assert form.why_not("flux1-schnell", "text").startswith("FLUX.1 schnell takes no guidance scale and no negative")
    assert form.why_not("starter", "text") == ""


def test_hidden_fields_do_not_reach_the_recipe(form: Form) -> None:
    values = shown(form, {}) | {
        form.widgets["model"]: "flux1-schnell",
        form.widgets["negative_prompt"]: "typed before the model was changed",
    }
    assert form.read(values, "text").negative_prompt == ""


def test_a_task_that_the_model_cannot_do_is_said_in_one_line(form: Form, studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir(exist_ok=True)
    (tmp_path / "models" / "filler.toml").write_text('name = "Filler"\nfamily = "sd15_inpaint"\nrepo = "some/body"\n')
    studio.catalogue.refresh()
    assert form.cannot("filler", "text").startswith("Filler cannot make a picture from text alone")
    assert form.cannot("filler", "paint") == form.cannot("filler", "larger") == ""
    assert {form.cannot("starter", tab) for tab in form.tasks} == {""}


def test_each_tab_reads_its_own_fields_and_the_shared_ones(form: Form) -> None:
    values = shown(form, {}) | {
        form.widgets["prompt"]: "a boat",
        form.widgets["image/strength"]: 0.4,
        form.widgets["paint/mask_blur"]: 9,
    }
    image = form.read(values, "image", init_image=PICTURE)
    assert image == Recipe(prompt="a boat", model="starter", init_image=PICTURE, strength=0.4)
    assert form.read(values, "text") == Recipe(prompt="a boat", model="starter")
    paint = form.read(values, "paint", init_image=PICTURE, mask_image=PICTURE)
    assert (paint.mask.blur, paint.strength) == (9, None)


def test_a_switch_that_is_off_leaves_its_fields_open(form: Form) -> None:
    assert form.read(shown(form, {}), "text").hires.scale is None
    assert {"hires_scale", "hires_upscaler", "hires_strength"} <= form.hidden(shown(form, {}), "text")
    assert form.read(switched(form, "text", "hires_scale"), "text").hires.scale == 2.0


@pytest.mark.parametrize(("scale", "upscaler"), [(1.0, "latent"), (1.5, "lanczos")])
def test_what_enlarges_for_a_second_pass_is_shown_as_left_open_until_it_is_resolved(
    form: Form, scale: float, upscaler: str
) -> None:
    values = switched(form, "text", "hires_scale") | {form.widgets["text/hires_scale"]: scale}
    field = form.widgets["text/hires_upscaler"]
    assert dict(field.choices)["Automatic"] == values[field] == ""
    asked = form.read(values, "text")
    assert asked.hires.upscaler is None
    (job,) = form.studio.resolve(asked.replace(prompt="a"))
    assert job.hires.upscaler == upscaler
    assert shown(form, form.show(job, "text"))[field] == upscaler


def test_a_switch_that_is_on_says_even_what_is_standard(form: Form) -> None:
    recipe = form.read(switched(form, "image", "width"), "image", init_image=PICTURE)
    assert (recipe.width, recipe.height, recipe.resize) == (SIDE, SIDE, "crop")
    assert form.read(shown(form, {}), "image", init_image=PICTURE).width is None


def test_enlarging_alone_takes_no_prompt_and_painting_over_does(form: Form) -> None:
    alone = shown(form, {}) | {form.widgets["prompt"]: "a boat", form.widgets["steps"]: 7}
    assert {"prompt", "steps", "seed", "count", "width"} <= form.hidden(alone, "larger")
    recipe = form.read(alone, "larger", init_image=PICTURE)
    assert recipe == Recipe(model="starter", init_image=PICTURE, upscale=2.0)
    painted = alone | {form.switches["larger/strength-on"].widget: True}
    assert form.read(painted, "larger", init_image=PICTURE).prompt == "a boat"
    assert "prompt" not in form.hidden(painted, "larger")


def test_a_choice_decides_which_fields_are_left(form: Form) -> None:
    whole = shown(form, {})
    masked = whole | {form.widgets["paint/mask_area"]: "masked"}
    assert "mask_padding" in form.hidden(whole, "paint")
    assert "mask_padding" not in form.hidden(masked, "paint")
    assert "resize" in form.hidden(masked, "paint")
    assert form.widgets["paint/mask_area"] in form.deciding


def test_a_recipe_sets_the_switches_of_its_tab(form: Form) -> None:
    recipe = Recipe(prompt="a", model="starter", hires_scale=1.5, hires_strength=0.3, hires_steps=9, seed=1)
    values = shown(form, form.show(recipe, "text"))
    assert values[form.switches["text/hires_scale-on"].widget] is True
    assert form.read(values, "text") == recipe
    values = shown(form, form.show(recipe.replace(hires_scale=None, hires_strength=None, hires_steps=None), "text"))
    assert values[form.switches["text/hires_scale-on"].widget] is False


def test_a_scheduler_that_the_new_model_cannot_use_is_replaced(form: Form) -> None:
    standards = form.standards("flux1-schnell")
    values = shown(form, {}) | {form.widgets["scheduler"]: "Euler a"}
    updates = form.suit("flux1-schnell", values, form.standards("starter"), standards)
    assert updates[form.widgets["scheduler"]]["value"] == "Flow Euler"


def test_kept_values_that_cannot_be_any_more_are_dropped(form: Form) -> None:
    kept = {"prompt": "a castle", "scheduler": "Gone", "negative_presets": ["gone"], "model": "gone", "steps": 9}
    recipe = form.read(shown(form, form.restore(kept)), "text")
    assert recipe == Recipe(prompt="a castle", model="starter", steps=9)


def test_a_variation_of_nothing_is_left_open_and_its_seed_hidden(form: Form) -> None:
    values = shown(form, form.show(Recipe(prompt="a", model="starter"), "text"))
    strength, seed = (form.widgets[f"variation_{name}"] for name in ("strength", "seed"))
    assert values[strength] == 0
    assert "variation_seed" in form.hidden(values, "text")
    assert form.read(values | {seed: "5"}, "text").variation.seed is None
    varied = values | {strength: 0.3, seed: "5"}
    assert "variation_seed" not in form.hidden(varied, "text")
    recipe = form.read(varied, "text")
    assert (recipe.variation.strength, recipe.variation.seed) == (0.3, 5)
    assert form.read(shown(form, form.show(recipe, "text")), "text") == recipe
