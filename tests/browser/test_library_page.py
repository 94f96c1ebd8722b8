"""The Library tab: everything is found again, selected, put in order, looked at, deleted and taken back."""

import io
import re
import secrets
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageDraw
from playwright.sync_api import Locator, Page, expect

from studio.gate.identity import COMMAND_LINE, Identity
from studio.recipe import ImageToImageRecipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import library_views, serve
from tests.browser.conftest import NewPage, reload
from tests.browser.touch import AT_REST
from tests.drawer import picture, resolved
from tests.ui.painter import Painter

pytestmark = pytest.mark.browser


PROMPTS = ("a red house by the sea", "two boats in fog", "an orange cat", "a house at night")
COUNT = 40
# A picture of one colour, given as a file by an event of the page.
GIVE = """async ([event, holder, name, colour]) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 40, height: 30 });
    Object.assign(canvas.getContext("2d"), { fillStyle: colour }).fillRect(0, 0, 40, 30);
    const blob = await new Promise((done) => canvas.toBlob(done));
    const data = new DataTransfer();
    data.items.add(new File([blob], name, { type: "image/png" }));
    const Kind = event === "paste" ? ClipboardEvent : DragEvent;
    document.dispatchEvent(new Kind(event, { [holder]: data, bubbles: true, cancelable: true }));
}"""

# One that is dropped onto an element.
DROPPED = """async (target, [name, colour]) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 64 });
    Object.assign(canvas.getContext("2d"), { fillStyle: colour }).fillRect(0, 0, 64, 64);
    const data = new DataTransfer();
    data.items.add(new File([await new Promise((done) => canvas.toBlob(done))], name, { type: "image/png" }));
    target.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """Whoever runs it has forty pictures, made by the command line, the newest of them first seen."""
    settings = Settings.load(home=tmp_path_factory.mktemp("home"), port=0)
    painter = Painter()
    painter.ready.set()
    with Studio(settings, backend=painter) as studio:
        for number in range(COUNT):
            keep(studio, COMMAND_LINE, PROMPTS[number % len(PROMPTS)], number)
        yield studio


def keep(studio: Studio, who: Identity, prompt: str, seed: int) -> None:
    recipe = resolved(prompt, seed=seed, side=64)
    saved = studio.library.save(
        picture(recipe), recipe, {}, seconds=0.5, job=f"job{seed}", index=0, kind="images", who=who
    )
    studio.library.record(saved, who, lambda: None)


@pytest.fixture(scope="module")
def address(studio: Studio) -> Iterator[str]:
    with serve(studio) as address:
        yield address


@pytest.fixture
def library(page: Page) -> Page:
    """The module's page in the Library, where nothing is searched for, selected or said."""
    page.get_by_role("tab", name="Library").click()
    expect(line(page)).not_to_be_empty()
    for place, label in (
        (".library-line", "Clear"),
        (".library-note", "Close"),
        (".library-search", "Clear the search"),
    ):
        left = page.locator(place).get_by_role("button", name=label, exact=True)
        if left.is_visible():
            left.click()
    expect(line(page)).to_have_text(re.compile(r"^\d\d+ pictures$"))
    expect(cells(page).first).to_be_visible()
    return page


def cells(page: Page) -> Locator:
    return page.locator(".library-cell:has(img)")


def line(page: Page) -> Locator:
    return page.locator(".library-line p").first


def search(page: Page, words: str) -> None:
    page.get_by_label("Search the library").fill(words)
    page.keyboard.press("Enter")


def test_pictures_are_found_by_words_chips_and_what_is_beside_them_and_a_fault_is_told_there(page: Page) -> None:
    moved: list[str] = []
    page.on("request", lambda request: moved.append(request.url))
    page.get_by_role("tab", name="Library").click()
    expect(line(page)).to_have_text(f"{COUNT} pictures")
    expect(cells(page).first).to_be_visible()
    page.wait_for_function("[...document.querySelectorAll('.library-cell img')].every((one) => one.complete)")
    assert not [url for url in moved if "studio/pictures/" in url], "no picture moves in full size"
    assert [url for url in moved if "studio/thumbnails/256/" in url]

    search(page, "house -night")
    expect(line(page)).to_have_text("10 pictures")
    entry = page.get_by_label("Search the library")
    entry.fill("house seed:<10 ")
    expect(page.locator(".library-chip")).to_have_text(["seed:<10"])
    expect(line(page)).to_have_text("5 pictures")
    entry.press("Home")
    entry.press("Backspace")
    expect(page.locator(".library-chip")).to_have_count(0)
    expect(entry).to_have_value("house seed:<10")
    search(page, "foo:bar")
    expect(page.locator(".library-search .wrong")).to_contain_text("there is no filter 'foo'")
    page.get_by_role("button", name="Remove foo:bar").click()
    expect(page.locator(".library-search .wrong")).to_be_hidden()
    page.get_by_role("navigation", name="Library").get_by_role("button", name="All pictures").click()
    page.get_by_role("region", name="Models").get_by_role("button", name="Starter").click()
    expect(page.locator(".library-chip")).to_have_text([re.compile("model:=")])
    expect(line(page)).to_have_text(f"{COUNT} pictures")
    search(page, "a-word-that-is-nowhere")
    expect(page.get_by_role("heading", name="No picture matches")).to_be_visible()
    page.get_by_role("button", name="Clear the search").last.click()
    expect(line(page)).to_have_text(f"{COUNT} pictures")


def test_what_is_selected_by_mouse_and_keys_is_tagged_put_on_a_board_packed_deleted_and_taken_back(
    library: Page,
) -> None:
    page = library
    cells(page).nth(1).click(modifiers=["ControlOrMeta"])
    cells(page).nth(3).click(modifiers=["Shift"])
    expect(line(page)).to_have_text("3 selected")
    cells(page).nth(2).click()
    expect(line(page)).to_have_text("2 selected")
    wall = page.get_by_role("listbox", name="Pictures")
    wall.press("Escape")
    expect(line(page)).to_have_text(f"{COUNT} pictures")
    wall.press("Home")
    for _ in range(2):
        wall.press("Shift+ArrowRight")
    expect(line(page)).to_have_text("3 selected")

    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_label("Tags", exact=True).fill("sea, boats")
    page.keyboard.press("Enter")
    expect(page.locator(".library-note")).to_contain_text("Tagged sea, boats.")
    page.get_by_role("button", name="Add to board").click()
    page.get_by_role("menuitem", name="New board").click()
    page.get_by_label("Name", exact=True).fill("Summer")
    page.keyboard.press("Enter")
    expect(page.locator(".library-note")).to_contain_text("3 pictures put on Summer.")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    packed = zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes()))
    assert sum(name.endswith(".png") for name in packed.namelist()) == 3

    wall.press("Delete")
    expect(line(page)).to_have_text(f"{COUNT - 3} pictures")
    expect(page.locator(".library-note")).to_contain_text("3 pictures moved to the bin.")
    page.get_by_role("navigation", name="Library").get_by_role("button", name="Bin").click()
    expect(line(page)).to_have_text("3 pictures")
    page.locator(".library-note").get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="The bin is empty")).to_be_visible()
    page.get_by_role("navigation", name="Library").get_by_role("button", name="All pictures").click()
    page.get_by_role("button", name=re.compile("^Summer")).click()
    expect(line(page)).to_have_text("3 pictures")
    page.get_by_role("button", name="New board").click()
    page.get_by_label("Name", exact=True).fill("Autumn")
    page.keyboard.press("Enter")
    cells(page).first.click(modifiers=["ControlOrMeta"])
    page.get_by_role("button", name="Move to").click()
    page.get_by_role("menuitem", name="Autumn").click()
    expect(page.locator(".library-note")).to_contain_text("1 picture moved to Autumn.")
    expect(line(page)).to_have_text("2 pictures")
    page.locator(".library-note").get_by_role("button", name="Undo").click()
    expect(line(page)).to_have_text("3 pictures")
    search(page, "tag:sea tag:boats")
    expect(line(page)).to_have_text("3 pictures")


def test_the_full_view_goes_through_all_says_what_its_owner_thinks_and_takes_a_deletion_back(library: Page) -> None:
    page = library
    page.get_by_role("listbox", name="Pictures").press("Enter")
    full = page.get_by_role("dialog", name="Full view")
    expect(full.locator(".full-count")).to_have_text(f"1 of {COUNT}")
    page.keyboard.press("End")
    expect(full.locator(".full-count")).to_have_text(f"{COUNT} of {COUNT}")
    page.keyboard.press("ArrowLeft")
    expect(full.locator(".full-count")).to_have_text(f"{COUNT - 1} of {COUNT}")
    details = full.get_by_role("complementary", name="Details")
    expect(details).to_contain_text("two boats in fog")
    page.keyboard.press("s")
    expect(full.get_by_role("button", name="Star", exact=True)).to_have_attribute("aria-pressed", "true")
    details.get_by_label("Note").fill("for the cover")
    # What is drawn anew while somebody types leaves what is typed: this click takes no focus.
    details.get_by_role("button", name="Rate 4 of 5").evaluate("button => button.click()")
    expect(details.get_by_role("button", name="Rate 4 of 5")).to_have_attribute("aria-pressed", "true")
    expect(details.get_by_label("Note")).to_have_value("for the cover")
    details.get_by_label("Add tags").fill("cover")
    details.get_by_label("Add tags").press("Enter")
    expect(details.get_by_role("button", name="Remove cover")).to_be_visible()
    full.focus()
    page.keyboard.press("Delete")
    expect(full.locator(".full-note")).to_contain_text("Moved to the bin.")
    expect(full.locator(".full-count")).to_have_text(f"{COUNT - 1} of {COUNT - 1}")
    full.get_by_role("button", name="Undo").click()
    expect(full.locator(".full-count")).to_have_text(f"{COUNT - 1} of {COUNT}")
    page.keyboard.press("Escape")
    expect(full).to_be_hidden()
    reload(page)
    search(page, "star:yes rating:4 tag:cover cover")
    expect(line(page)).to_have_text("1 picture")


@pytest.mark.usefixtures("looks_in_passing")
def test_two_pictures_are_held_against_each_other_with_their_differences_marked_and_one_is_sent_on(
    library: Page, studio: Studio
) -> None:
    page = library
    search(page, "seed:8..9")
    expect(line(page)).to_have_text("2 pictures")
    page.get_by_role("listbox", name="Pictures").press("ControlOrMeta+a")
    expect(line(page)).to_have_text("2 selected")
    page.get_by_role("button", name="Compare", exact=True).click()
    pair = page.get_by_role("dialog", name="Two pictures")
    expect(pair).to_contain_text("2 differences")
    expect(pair.locator(".apart th")).to_have_text(["Prompt", "Seed"])
    expect(pair.locator("td mark").first).to_have_text("two")
    pair.get_by_label("All settings").check()
    expect(pair.locator(".pair-table")).to_contain_text("Steps")
    page.keyboard.press("Escape")
    cells(page).first.click()
    page.get_by_role("button", name="More like this").click()
    # By meaning only where the package with the word vectors is installed.
    expect(page.get_by_role("menuitem", name="Prompts that mean the same")).to_have_count(
        int(studio.index.knows_meanings)
    )
    kind = "Shows something similar" if studio.index.sees else "Looks alike: colours and layout"
    page.get_by_role("menuitem", name=kind).click()
    expect(page.locator(".library-chip")).to_contain_text("like:")
    expect(line(page)).to_have_text(f"{COUNT} pictures")
    cells(page).first.click(modifiers=["ControlOrMeta"])
    page.get_by_role("button", name="Send to").click()
    page.get_by_role("menuitem", name="Image to image").click()
    expect(page.locator("#field-image_to_image-init_image")).to_contain_text("64 × 64")


def test_dropped_files_come_in_and_axe_finds_nothing_in_either_theme(library: Page, tmp_path: Path) -> None:
    page = library
    Image.new("RGB", (80, 60), "teal").save(tmp_path / "harbour.tif")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    page.get_by_role("button", name="Import", exact=True).click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("menuitem", name="Pictures").click()
    chooser.value.set_files([tmp_path / "harbour.tif", tmp_path / "broken.png"])
    expect(page.locator(".library-note")).to_contain_text("1 imported.")
    expect(page.locator(".library-note")).to_contain_text("broken.png")
    page.locator(".library-note").get_by_role("button", name="Close").click()
    search(page, "harbour kind:imported")
    expect(line(page)).to_have_text("1 picture")
    cells(page).first.click(modifiers=["ControlOrMeta"])
    expect(line(page)).to_have_text("1 selected")
    check(page)
    page.get_by_role("button", name="Light or dark").click()
    page.get_by_role("listbox", name="Pictures").press("Enter")
    expect(page.locator("dialog[open] .full-details dl").first).to_be_visible()
    # No browser shows a TIFF.
    expect(page.locator("dialog[open] .zoom-sheet img")).to_have_js_property("naturalWidth", 80)
    check(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Light or dark").click()


def check(page: Page) -> None:
    """No fault of accessibility in what is shown, colours at rest."""
    page.evaluate(AT_REST)
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


def test_pictures_are_dragged_onto_boards_pasted_dropped_and_come_in_folders_and_a_limit_is_said(
    new_page: NewPage, address: str, studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_views, "MOST_IDS", 30)
    name = f"Dragged {secrets.token_hex(4)}"
    studio.index.marks.add_board(name, COMMAND_LINE)
    page = new_page(address)
    page.get_by_role("tab", name="Library").click()
    wall = page.get_by_role("listbox", name="Pictures")
    expect(line(page)).to_contain_text("pictures")
    wall.press("ControlOrMeta+a")
    expect(line(page)).to_have_text("30 selected, the most at once")
    search(page, "seed:1..3")
    expect(line(page)).to_have_text("3 pictures")
    wall.press("ControlOrMeta+a")
    expect(line(page)).to_have_text("3 selected")
    cells(page).first.drag_to(page.get_by_role("button", name=name, exact=False).first)
    expect(page.locator(".library-note")).to_contain_text(f"3 pictures put on {name}.")
    page.get_by_role("button", name="Do the same").click()
    expect(page.get_by_role("menuitem", name=re.compile("steps for the other 2 pictures"))).to_be_visible()
    page.keyboard.press("Escape")
    wall.press("Escape")
    page.get_by_role("button", name="Clear the search").first.click()

    for event, holder in (("paste", "clipboardData"), ("drop", "dataTransfer")):
        file = f"{event}{secrets.token_hex(4)}"
        page.evaluate(GIVE, [event, holder, f"{file}.png", f"#{secrets.token_hex(3)}"])
        expect(page.locator(".library-note")).to_contain_text("1 imported.")
        page.locator(".library-note").get_by_role("button", name="Close").click()
        search(page, file)
        expect(line(page)).to_have_text("1 picture")
    file = f"folder{secrets.token_hex(4)}"
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    Image.new("RGB", (40, 30), f"#{secrets.token_hex(3)}").save(tmp_path / "deep" / "deeper" / f"{file}.png")
    page.get_by_role("button", name="Import", exact=True).click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("menuitem", name="A folder").click()
    chooser.value.set_files(tmp_path / "deep")
    expect(page.locator(".library-note")).to_contain_text("1 imported.")
    search(page, file)
    expect(line(page)).to_have_text("1 picture")


def test_a_picture_is_exported_and_the_same_is_done_to_pictures_that_are_dropped_and_to_a_folder(
    library: Page, studio: Studio, tmp_path: Path
) -> None:
    page = library
    first, prompt = studio.index.search("seed:1", COMMAND_LINE).entries[0], f"over{secrets.token_hex(4)}"
    base = {**resolved(prompt, seed=78, side=64).model_dump(exclude_none=True), "strength": 0.5}
    recipe = ImageToImageRecipe(**base, init_image=studio.inputs.add(Path(str(first.path))).id)
    saved = studio.library.save(
        picture(recipe), recipe, {}, seconds=0.5, job=f"job{secrets.token_hex(4)}", index=0, who=COMMAND_LINE
    )
    studio.library.record(saved, COMMAND_LINE, lambda: None)
    for number in range(2):
        Image.new("RGB", (64, 64), f"#{secrets.token_hex(3)}").save(tmp_path / f"{secrets.token_hex(4)}-{number}.png")
    search(page, prompt)
    expect(line(page)).to_have_text("1 picture")
    cells(page).first.click(modifiers=["ControlOrMeta"])
    page.get_by_role("button", name="Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Contact sheet, to print").click()
    assert download.value.path().read_bytes().startswith(b"%PDF")
    dialog = page.get_by_role("dialog", name="Do the same to pictures")
    note = page.locator(".library-note")

    def asked() -> None:
        page.get_by_role("button", name="Do the same").click()
        page.get_by_role("menuitem", name="To pictures or a folder of this computer").click()

    asked()
    dialog.evaluate(DROPPED, [f"{secrets.token_hex(4)}.png", f"#{secrets.token_hex(3)}"])
    expect(note).to_contain_text("1 picture in the making")
    asked()
    with page.expect_file_chooser() as chooser:
        dialog.get_by_role("button", name="Choose a folder").click()
    chooser.value.set_files(tmp_path)
    expect(note).to_contain_text("2 pictures in the making")


def test_a_thing_is_saved_without_its_plain_background_and_where_there_is_none_that_is_said(
    library: Page, studio: Studio
) -> None:
    page, full = library, library.get_by_role("dialog", name="Full view")
    sticker = Image.new("RGB", (64, 64), "white")
    ImageDraw.Draw(sticker).ellipse((16, 16, 48, 48), "red")
    for image in (sticker, picture(resolved("noise"))):
        prompt = f"cut{secrets.token_hex(4)}"
        recipe = resolved(prompt, seed=79, side=64)
        saved = studio.library.save(image, recipe, {}, seconds=0.5, job=prompt, index=0, who=COMMAND_LINE)
        studio.library.record(saved, COMMAND_LINE, lambda: None)
        search(page, prompt)
        expect(line(page)).to_have_text("1 picture")
        page.get_by_role("listbox", name="Pictures").press("Enter")
        full.get_by_role("button", name="More", exact=True).click()
        item = page.get_by_role("menuitem", name="Download without its background")
        if image is sticker:
            with page.expect_download() as download:
                item.click()
            with Image.open(download.value.path()) as cut:
                alpha = cut.getchannel("A")
                assert (cut.format, alpha.getpixel((0, 0)), alpha.getpixel((32, 32))) == ("PNG", 0, 255)
        else:
            item.click()
            fault = page.get_by_role("dialog", name="Not saved")
            expect(fault).to_contain_text("no plain background")
            fault.get_by_role("button", name="Close").click()
        page.keyboard.press("Escape")
        expect(full).to_be_hidden()


def test_what_a_picture_came_from_and_what_was_made_of_it_is_a_tree_that_leads_there(
    new_page: NewPage, address: str, studio: Studio
) -> None:
    first = studio.index.search("seed:1", COMMAND_LINE).entries[0]
    base = {**resolved("made of it", seed=77, side=64).model_dump(exclude_none=True), "strength": 0.5}
    recipe = ImageToImageRecipe(**base, init_image=first.digest)
    saved = studio.library.save(
        picture(recipe), recipe, {}, seconds=0.5, job=f"job{secrets.token_hex(4)}", index=0, who=COMMAND_LINE
    )
    studio.library.record(saved, COMMAND_LINE, lambda: None)
    page = new_page(address)
    page.get_by_role("tab", name="Library").click()
    expect(cells(page).first).to_be_visible()
    search(page, '"made of it"')
    expect(page.locator(".library-cell[aria-label^='made of it']").first).to_be_visible()
    page.get_by_role("listbox", name="Pictures").press("Enter")
    details = page.get_by_role("dialog", name="Full view").get_by_role("complementary", name="Details")
    details.get_by_role("button", name=f"Show: {first.prompt}").click()
    expect(details).to_contain_text("Made from it")
    expect(details.get_by_role("button", name="Show: made of it").first).to_be_visible()
