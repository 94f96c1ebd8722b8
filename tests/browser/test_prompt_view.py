"""What a prompt says, below it, and presets: in a real browser."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewPage
from tests.browser.dropdowns import choose
from tests.browser.stage import drawing

pytestmark = pytest.mark.browser

PASTE = """(entry, text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    entry.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}"""
STYLES = 'name,prompt,negative_prompt\nSnow,"{prompt}, in the snow",rain\nBad,a (b,\n'


def prompt_of(page: Page) -> Locator:
    return page.get_by_label("Prompt", exact=True)


def open_presets(page: Page) -> Locator:
    page.get_by_role("button", name="Presets").click()
    return page.get_by_role("dialog", name="Presets")


def save(dialog: Locator, name: str) -> None:
    dialog.get_by_label("Name", exact=True).fill(name)
    dialog.get_by_role("button", name="Save").click()


def test_what_a_prompt_says_is_seen_whether_it_is_typed_or_comes_from_elsewhere(page: Page) -> None:
    it_stands_below_it_its_fault_in_its_place_and_ctrl_with_an_arrow_weighs_words(page)
    settings_from_elsewhere_change_only_what_they_say(page)


def it_stands_below_it_its_fault_in_its_place_and_ctrl_with_an_arrow_weighs_words(page: Page) -> None:
    prompt, told = prompt_of(page), page.locator("#words-prompt")
    prompt.fill("a red house")
    expect(told.locator(".words-tokens")).to_have_text("3 of 75 tokens")
    expect(told.locator(".words-strip")).to_be_hidden()
    prompt.fill("a quokka, an ocarina, a theodolite and a red house by a zeppelin")
    expect(told.locator(".words-said")).to_have_text("Not known to this model: quokka, ocarina, theodolite, zeppelin")
    assert told.locator(".words-said").evaluate("(line) => line.scrollWidth <= line.clientWidth")
    told.get_by_role("button", name="Words it knows").click()
    page.get_by_role("button", name="castle", exact=True).click()
    page.keyboard.press("Escape")
    expect(prompt).to_have_value(re.compile("zeppelin castle$"))
    prompt.fill("a (red:1.4) [house] BREAK {by|near} the sea")
    expect(told.locator(".stronger")).to_have_text("red×1.4")
    expect(told.locator(".weaker")).to_have_text("house×0.91")
    expect(told.locator(".break")).to_have_attribute("title", re.compile("chunk"))
    expect(told.locator(".variant")).to_have_text("{by|near}")
    expect(told.locator(".words-tokens")).to_have_text(re.compile("about .* of 150 tokens, 2 chunks"))

    prompt.fill("a house by (the sea")
    fault = told.locator(".words-fault")
    expect(fault.locator("mark")).to_have_text("(")
    expect(fault).to_contain_text("Close it with )")
    fault.get_by_role("button").click()
    assert prompt.evaluate("(entry) => [entry.selectionStart, entry.selectionEnd]") == [11, 12]
    page.keyboard.press("End")
    page.keyboard.type(")")
    expect(fault).to_be_hidden()
    expect(told.locator(".stronger")).to_have_text("the sea×1.1")

    prompt.fill("a red house <lora:ink:0.5>")
    prompt.evaluate("(entry) => entry.setSelectionRange(2, 11)")
    for expected in ("(red house:1.1)", "(red house:1.2)"):
        prompt.press("Control+ArrowUp")
        expect(prompt).to_have_value(f"a {expected} <lora:ink:0.5>")
    for _ in range(3):
        prompt.press("Control+ArrowDown")
    expect(prompt).to_have_value("a (red house:0.9) <lora:ink:0.5>")
    prompt.press("Control+z")
    expect(prompt).to_have_value("a red house <lora:ink:0.5>")
    prompt.evaluate("(entry) => entry.setSelectionRange(20, 20)")
    prompt.press("Control+ArrowUp")
    expect(prompt).to_have_value("a red house <lora:ink:0.55>")


def settings_from_elsewhere_change_only_what_they_say(page: Page) -> None:
    prompt, seed = prompt_of(page), page.locator("#field-seed input")
    prompt.fill("my own words")
    note = page.locator(".imported-note")
    nodes = {
        "1": {"class_type": "Tagger", "inputs": {"image": "x.png", "kind": 1}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": ["1", 0]}},
        "3": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 128}},
        "4": {
            "class_type": "KSampler",
            "inputs": {"positive": ["2", 0], "latent_image": ["3", 0], "steps": 7, "sampler_name": "euler", "seed": 5},
        },
    }
    file = {"name": "graph.json", "mimeType": "application/json", "buffer": json.dumps(nodes).encode()}
    page.get_by_label("Picture or text with settings").set_input_files(file)
    expect(note).to_contain_text("The prompt is made by nodes that are not read: Tagger")
    expect(prompt).to_have_value("my own words")
    expect(seed).to_have_value("5")

    prompt.evaluate(PASTE, "a lion (in snow.Negative prompt: blurry, dark")
    expect(note).to_contain_text("1 stray “(” was made a word")
    expect(prompt).to_have_value(r"a lion \(in snow.")
    expect(page.get_by_label("Negative prompt", exact=True)).to_have_value("blurry, dark")
    expect(seed).to_have_value("5")


def test_a_style_is_shown_before_it_is_used_and_a_preset_outlives_a_reload(new_page: NewPage, address: str) -> None:
    page = new_page(address)
    prompt_of(page).fill("a (red) house")
    choose(page.get_by_label("Styles"), "Starter: pixel art")
    page.keyboard.press("Escape")
    expect(page.locator("#field-styles .note")).to_have_text(
        "{prompt}, pixel art · keeps out: pencil sketch, watercolour"
    )
    dialog = open_presets(page)
    save(dialog, "Red pixels")
    expect(dialog.locator(".note")).to_have_text("“Red pixels” is saved.")
    save(dialog, "Red pixels")
    expect(dialog.locator(".note")).to_have_text("There is a saved recipe of this name.")
    dialog.get_by_role("button", name="Replace").click()
    expect(dialog.locator(".note")).to_have_text("“Red pixels” is saved.")

    page = new_page(address, page.context)
    prompt_of(page).fill("a boat")
    page.get_by_label("Seed").fill("7")
    dialog = open_presets(page)
    dialog.get_by_text("Red pixels", exact=True).click()
    for part in ("Model", "Size", "Sampling", "Seed", "LoRAs", "Control"):
        dialog.get_by_label(part, exact=True).uncheck()
    dialog.get_by_role("button", name="Use").click()
    expect(dialog).to_have_count(0)
    expect(prompt_of(page)).to_have_value("a (red) house")
    expect(page.get_by_label("Seed")).to_have_value("7")
    with drawing(page):
        page.get_by_role("button", name="Generate").click()
    expect(page.locator(".cell.done img")).to_have_attribute("alt", "a (red) house, pixel art")

    page.get_by_role("button", name="Use these settings").first.click()
    expect(prompt_of(page)).to_have_value("a (red) house, pixel art")
    expect(page.locator("#field-styles .note")).to_have_text("")


def test_styles_are_imported_chosen_and_deleted(page: Page, tmp_path: Path) -> None:
    (tmp_path / "styles.csv").write_text(STYLES)
    dialog = open_presets(page)
    dialog.get_by_label("File of styles").set_input_files(tmp_path / "styles.csv")
    expect(dialog.locator(".note")).to_have_text("1 style saved.")
    expect(dialog.locator(".fault")).to_contain_text("styles.csv, row 3, 'Bad': ( is never closed.")
    dialog.get_by_role("button", name="Close").click()
    shelf = page.get_by_role("dialog", name="Styles")
    page.get_by_role("button", name="Browse styles").click()
    expect(shelf.get_by_role("listitem").locator("img")).to_have_count(4)
    shelf.get_by_label("Search").fill("the snow")
    expect(shelf.get_by_role("listitem")).to_have_count(1)
    shelf.get_by_role("button", name="Choose Snow").click()
    expect(shelf.get_by_role("button", name="Choose Snow", pressed=True)).to_have_count(1)
    shelf.get_by_role("button", name="Done").click()
    expect(page.locator("#field-styles .note")).to_have_text("{prompt}, in the snow · keeps out: rain")
    page.get_by_role("button", name="Browse styles").click()
    shelf.get_by_role("button", name="Delete Snow").click()
    expect(shelf.get_by_role("status")).to_have_text("Press once more to delete “Snow”.")
    shelf.get_by_role("button", name="Delete Snow").click()
    expect(shelf.get_by_role("listitem")).to_have_count(4)
    shelf.get_by_role("button", name="Done").click()
    expect(page.locator("#field-styles .note")).to_have_text("")
