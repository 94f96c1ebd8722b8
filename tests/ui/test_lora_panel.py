"""The panel of LoRAs: one with the prompt, what it says as a recipe, its library, and stacks under a name."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from PIL import Image

from studio import hub
from studio.errors import InvalidRecipe
from studio.gate.addresses import EVERYBODY
from studio.gate.identity import Identity
from studio.presets import saving
from studio.prompts.language import Lora as Mention
from studio.prompts.mentions import rewritten
from studio.recipe import Lora, Recipe, Task
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.fast_gradio import gr
from studio.ui.form import Form
from studio.ui.lora_browser import SIDE
from studio.ui.loras import LoraPanel
from tests.headers import write_safetensors
from tests.small_hub import Manners, small_hub, turn_to
from tests.ui.callers import request, request_of
from tests.ui.painter import Painter

TABS: dict[str, Task] = {"text": "text2img", "larger": "upscale"}
TO_K = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"
INK = {"name": "sketch", "weight": 0.5}


@pytest.fixture
def stack(studio: Studio) -> LoraPanel:
    form = Form(studio)
    with gr.Blocks(analytics_enabled=False):
        form.adopt("model", gr.Dropdown(list(studio.catalogue), value="starter"))
        form.adopt("prompt", gr.Textbox())
        for tab, task in TABS.items():
            form.add_tab(tab, task)
        stack = LoraPanel(studio, form)
        stack.place()
    return stack


def foreign(studio: Studio, name: str = "portrait") -> Path:
    """A LoRA of another family in the home."""
    shapes = {f"{TO_K}.lora_A.weight": (4, 2048), f"{TO_K}.lora_B.weight": (640, 4)}
    path = write_safetensors(studio.settings.folder("loras") / f"{name}.safetensors", shapes)
    studio.prompt_assets.loras.refresh()
    return path


def read(stack: LoraPanel, *told: Mapping[str, Any], prompt: str = "", tab: str = "text") -> Any:
    """The LoRAs that a panel with these says."""
    widgets = stack.form.widgets
    values = {stack.widget: {"loras": list(told)}, widgets["model"]: "starter", widgets["prompt"]: prompt}
    return stack.read(values, tab).get("loras", ())


def look(
    stack: LoraPanel, *told: Mapping[str, Any], prompt: str = "", model: str = "starter", styles: tuple[str, ...] = ()
) -> Any:
    answer = stack.widget.look({"prompt": prompt, "styles": styles, "loras": list(told), "model": model}, request())
    assert "fault" not in answer, answer
    return answer


def test_what_is_on_becomes_the_recipe_s_stack_in_its_order(stack: LoraPanel) -> None:
    told = {"key": "l1", "on": True, "said": False, **INK, "text_weight": None, "start": 0, "end": 0.5, "blocks": []}
    other = {"name": "watercolour"}
    assert read(stack, told, other) == (Lora(name="sketch", weight=0.5, end=0.5), Lora(name="watercolour"))
    assert read(stack, {**told, "on": False}) == read(stack) == read(stack, told, tab="larger") == ()


def test_what_only_the_prompt_said_goes_with_its_mention(stack: LoraPanel) -> None:
    told = {**INK, "said": True, "start": 0.2}
    assert read(stack, told, prompt="a cat <lora:sketch:0.5>") == (Lora(name="sketch", weight=0.5, start=0.2),)
    assert read(stack, told, prompt="a cat") == ()
    assert read(stack, told, prompt="a cat <lora:sketch:") == ()


def test_what_is_in_panel_and_prompt_is_put_on_once_and_the_prompt_counts(stack: LoraPanel, studio: Studio) -> None:
    prompt = "a cat <lora:sketch:0.8>"
    (single,) = studio.resolve(Recipe(prompt=prompt, loras=read(stack, INK, prompt=prompt)))
    assert single.loras == (Lora(name="sketch", weight=0.8),)
    told = look(stack, INK, prompt=prompt)
    assert told["said"] == {"sketch": {"weight": 0.8, "text_weight": None, "blocks": []}}
    assert told["notes"]["sketch"].startswith(
        "The prompt gives sketch the weight 0.8, which is used; the list says 0.5"
    )


def test_something_else_than_loras_is_refused(stack: LoraPanel) -> None:
    with pytest.raises(InvalidRecipe, match="not a list of LoRAs"):
        read(stack, "sketch")  # type: ignore[arg-type]
    with pytest.raises(InvalidRecipe) as caught:
        read(stack, INK, {"name": "watercolour", "weight": 11})
    assert (caught.value.field, caught.value.part) == ("loras", 1)


def test_a_misfit_and_an_unknown_name_are_told_before_anything_is_made(stack: LoraPanel, studio: Studio) -> None:
    foreign(studio)
    cards = look(stack, {"name": "portrait"}, INK, prompt="<lora:sketsch:1>")["cards"]
    assert cards["sketch"]["fault"] == ""
    assert cards["sketch"]["words"] == ["sketch"]
    assert cards["portrait"]["fault"].startswith("portrait.safetensors is a LoRA for Stable Diffusion XL; Starter is")
    assert cards["sketsch"]["fault"].startswith("There is no LoRA 'sketsch'. Did you mean sketch?")
    assert look(stack, {"name": "portrait"}, model="sdxl-base")["cards"]["portrait"]["fault"] == ""


def test_a_prompt_that_cannot_be_read_leaves_the_stack_as_it_is(stack: LoraPanel) -> None:
    told = look(stack, INK, prompt="a cat <lora:sketch:")
    assert told["said"] is None
    assert told["cards"]["sketch"]["fault"] == ""


@pytest.mark.parametrize(
    ("prompt", "without", "with_half"),
    [
        ("a cat <lora:ink:0.8> here", "a cat here", "a cat <lora:ink:0.5> here"),
        ("a cat, <lora:ink>", "a cat", "a cat, <lora:ink:0.5>"),
        ("<lora:ink>, a cat", "a cat", "<lora:ink:0.5>, a cat"),
        ("a cat, <lora:ink>, red", "a cat, red", "a cat, <lora:ink:0.5>, red"),
        ("a <lora:ink:1>\n<lora:ink:1> b", "a\nb", "a <lora:ink:0.5>\n<lora:ink:0.5> b"),
        ("a <lora:other:1> # <lora:ink>", "a <lora:other:1> # <lora:ink>", "a <lora:other:1> # <lora:ink>"),
    ],
)
def test_a_mention_is_rewritten_in_its_place_and_taken_out_whole(prompt: str, without: str, with_half: str) -> None:
    assert rewritten(prompt, "ink", None) == without
    assert rewritten(prompt, "ink", Mention("ink", 0.5, 0.5)) == with_half


def test_every_weight_of_a_mention_is_rewritten(stack: LoraPanel) -> None:
    lora = {"name": "my: ink", "weight": 0.5, "text_weight": -1, "blocks": [1, 0.25], "start": 0.5, "said": True}
    answer = stack.widget.reword({"prompt": r"a <lora:my\: ink:1>", "name": "my: ink", "lora": lora})
    assert answer == {"prompt": r"a <lora:my\: ink:-1:0.5:lbw=1,0.25>"}
    said = look(stack, prompt=answer["prompt"])["said"]
    assert said == {"my: ink": {"weight": 0.5, "text_weight": -1.0, "blocks": [1.0, 0.25]}}


def test_the_loras_of_a_picture_come_back_without_doubling(stack: LoraPanel, studio: Studio) -> None:
    asked = Recipe(prompt="a cat <lora:sketch:0.8>", loras=(Lora(name="watercolour", weight=0.3, end=0.5),))
    (made,) = studio.resolve(asked)
    shown = stack.show(made)[stack.widget]["loras"]
    assert [(one["name"], one["said"]) for one in shown] == [("watercolour", False), ("sketch", True)]
    again = studio.resolve(Recipe(prompt=made.prompt, seed=made.seed, loras=read(stack, *shown, prompt=made.prompt)))
    assert again == (made,)


def test_what_the_browser_kept_comes_back(stack: LoraPanel) -> None:
    kept = {"loras": [{"key": "l1", "on": False, **INK}, 7, {"weight": 1}]}
    assert stack.restore(kept)[stack.widget] == {"loras": [{"key": "l1", "on": False, **INK}]}
    assert stack.restore(None)[stack.widget] == {"loras": []}


def test_the_library_tells_what_fits_and_favourites_stay(stack: LoraPanel, studio: Studio, tmp_path: Path) -> None:
    path = foreign(studio, "Portrait of a lady")
    path.with_suffix(".txt").write_text("Use with care.")
    assert stack.widget.favour({"name": "sketch", "liked": True}, request()) == {}
    assert stack.widget.note({"name": "sketch", "text": "Best at 0.6."}, request()) == {}
    told = {one["name"]: one for one in stack.widget.library({"model": "starter"}, request())["loras"]}
    assert (told["sketch"]["noted"], told["sketch"]["used"], told["sketch"]["term"]) == ("Best at 0.6.", 0, "")
    assert (told["sketch"]["fits"], told["sketch"]["liked"], told["sketch"]["rank"]) == (True, True, 4)
    lady = told["Portrait of a lady"]
    assert (lady["fits"], lady["liked"], lady["family"]) == (False, False, "Stable Diffusion XL")
    details = stack.widget.details({"name": "Portrait of a lady"}, request())
    assert (details["notes"], len(details["sha256"]), details["path"]) == ("Use with care.", 64, str(path))


def test_what_comes_with_the_words_is_seen_before_it_is_drawn(stack: LoraPanel, studio: Studio) -> None:
    saving.write(studio.settings.home, "styles", "Inked", {"prompt": "{prompt} <lora:sketch:0.4>"})
    studio.presets.refresh()
    prompt = "a cat {in the rain|<lora:{blueprint|gone}:{0.5|0.8}>} <lora:night-neon>"
    told = look(stack, {"name": "blueprint"}, prompt=prompt, styles=("inked",))
    assert told["ghosts"] == [
        {"name": "sketch", "way": "Comes with a style", "weight": "0.4"},
        {"name": "gone", "way": "May be drawn from the prompt", "weight": "0.8"},
    ]
    assert told["cards"]["gone"]["fault"].startswith("There is no LoRA 'gone'")
    assert told["notes"]["blueprint"] == "May be drawn from the prompt: its weight is then 0.5."
    assert told["said"].keys() == {"night-neon"}
    assert look(stack, prompt="a cat")["ghosts"] == look(stack, prompt="a {cat", styles=("inked",))["ghosts"] == []


def test_a_small_picture_is_a_file_and_a_damaged_one_is_none(stack: LoraPanel, studio: Studio, tmp_path: Path) -> None:
    path = foreign(studio)
    Image.new("RGB", (900, 600), "teal").save(path.with_suffix(".png"))
    names = ["portrait", "few-step", "gone"]
    told = stack.widget.pictures({"names": names})["pictures"]
    assert (told["few-step"], told.keys()) == ("", {"portrait", "few-step"})
    (small,) = (tmp_path / "thumbnails").glob("*.webp")
    assert told["portrait"] == studio.addresses.of(small, EVERYBODY)
    with Image.open(small) as image:
        assert max(image.size) == SIDE
    path.with_suffix(".png").write_bytes(b"no picture")
    assert stack.widget.pictures({"names": ["portrait"]})["pictures"] == {"portrait": ""}


def test_a_path_is_taken_only_where_the_page_is_served_to_this_machine(stack: LoraPanel, tmp_path: Path) -> None:
    shapes = {f"{TO_K}.lora_A.weight": (4, 768), f"{TO_K}.lora_B.weight": (320, 4)}
    source = write_safetensors(tmp_path / "elsewhere" / "ink.safetensors", shapes)
    assert stack.widget.add({"what": str(source), "token": "a"}, request()) == {"name": "ink"}
    assert stack.widget.saying({"token": "a"}, request()) == {"said": ""}
    with Studio(Settings.load(home=tmp_path / "public", host="0.0.0.0"), backend=Painter()) as public:
        form = Form(public)
        with gr.Blocks(analytics_enabled=False):
            other = LoraPanel(public, form)
            other.place()
        admin, stranger = Identity.signed_in("a", "ann", "admin"), Identity("browser", "browser:x")
        answer = other.widget.add({"what": str(source), "token": "a"}, request_of(stranger))
        assert answer["fault"].startswith("Only this studio's operator can add LoRAs.")
        answer = other.widget.add({"what": str(source), "token": "a"}, request_of(admin))
        assert answer["fault"].startswith("This studio is served to other machines")
    assert not (tmp_path / "public" / "loras").exists()


def test_a_download_that_is_cancelled_leaves_nothing(
    stack: LoraPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manners = Manners(begun=Event(), go_on=Event())
    with small_hub({"some/ink": {"ink.safetensors": bytes(4000)}}, manners) as address:
        turn_to(address, tmp_path / "hub", monkeypatch)
        with ThreadPoolExecutor() as others:
            adding = others.submit(stack.widget.add, {"what": "some/ink/ink.safetensors", "token": "t"}, request())
            assert manners.begun.wait(60)
            stack.widget.stop({"token": "t"}, request())
            assert adding.result() == {"stopped": True}
        manners.go_on.set()
    assert not [path for path in (tmp_path / "loras").rglob("*") if path.is_file()]
    assert stack.widget.saying({"token": "t"}, request()) == {"said": ""}


def test_a_file_of_gigabytes_is_offered_with_its_size_before_it_comes(
    stack: LoraPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = {f"{TO_K}.lora_A.weight": (4, 768), f"{TO_K}.lora_B.weight": (320, 4)}
    ink, manners = write_safetensors(tmp_path / "elsewhere" / "ink.safetensors", shapes).read_bytes(), Manners()
    monkeypatch.setattr(hub, "LARGE", 1000)
    with small_hub({"some/ink": {"ink.safetensors": ink}}, manners) as address:
        turn_to(address, tmp_path / "hub", monkeypatch)
        offer = stack.widget.add({"what": "some/ink", "token": "t"}, request())["offer"]
        assert (offer["file"], offer["size"], offer["site"]) == ("ink.safetensors", hub.in_words(len(ink)), "")
        assert manners.heard == []
        taken = {"what": "some/ink", "sha256": offer["sha256"], "token": "t"}
        assert stack.widget.take(taken, request()) == {"name": "ink"}


def test_strangers_on_a_space_add_nothing(stack: LoraPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "ann/studio")
    for act, asked in (("bring", {"path": "x", "name": "x"}), ("add", {"what": "ann/lora", "token": "t"})):
        assert "running Space" in getattr(stack.widget, act)(asked, request())["fault"]


def test_a_stack_is_saved_under_a_name_and_deleted(stack: LoraPanel, tmp_path: Path) -> None:
    loras = [{"key": "l1", "on": True, **INK}, {"name": "watercolour", "blocks": []}]
    saved = stack.widget.save({"name": " Mine ", "loras": loras, "model": "starter"}, request())["stacks"]
    (mine,) = (one for one in saved if one["own"])
    assert (mine["id"], mine["name"]) == ("mine", "Mine")
    assert read(stack, *mine["loras"]) == (Lora(name="sketch", weight=0.5), Lora(name="watercolour"))
    assert "starter-ink-wash" in {one["id"] for one in saved}
    others = stack.widget.stacks({"model": "sdxl-base"}, request())["stacks"]
    assert "starter-ink-wash" not in {one["id"] for one in others}
    assert "no saved preset" in stack.widget.forget({"id": "starter-ink-wash", "model": "starter"}, request())["fault"]
    left = stack.widget.forget({"id": "mine", "model": "starter"}, request())["stacks"]
    assert not any(one["own"] for one in left)
    assert "Give it a name" in stack.widget.save({"name": "…", "loras": loras, "model": "starter"}, request())["fault"]
    empty = stack.widget.save({"name": "None", "loras": [], "model": "starter"}, request())
    assert "No LoRA is in use" in empty["fault"]


def test_each_starter_stack_can_be_put_on(studio: Studio) -> None:
    for preset in studio.presets.stacks.values():
        for family in preset.families:
            (single,) = studio.resolve(Recipe(prompt="a cat", model=family, loras=preset.loras))
            assert single.loras == preset.loras
