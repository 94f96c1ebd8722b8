"""The page's scripts: how they are found and served, and what holds of each."""

import json
import re
from collections.abc import Iterator
from copy import copy

import httpx
import pytest

from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve, theme, web
from studio.ui.events import Nothing, served
from studio.ui.ids import Id
from studio.ui.island import Island
from studio.ui.shell import page
from tests.ui.painter import Painter

MODULES = sorted(str(path.relative_to(web.FOLDER).with_suffix("")) for path in web.FOLDER.rglob("*.js"))
OWN = [name for name in MODULES if name != "loader" and not name.startswith("vendor/")]
LATER = re.compile(r'import\("\./([\w/.-]+)\.js"\)')
CALLED = re.compile(r'studio\("(\w+)"')


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with Studio(Settings.load(home=tmp_path_factory.mktemp("home"), port=0), backend=Painter()) as studio:
        yield studio


@pytest.fixture(scope="module")
def address(studio: Studio) -> Iterator[str]:
    with serve(studio) as address:
        yield address


def text(name: str) -> str:
    return (web.FOLDER / f"{name}.js").read_text("utf-8")


def used(name: str) -> set[str]:
    """What a module fetches at once or later."""
    return {*web.imports(name), *LATER.findall(text(name))}


def asked_by_the_page(studio: Studio) -> set[str]:
    """The modules that elements and listeners of the page name, where people sign in too."""
    whole = copy(studio)
    whole.settings = studio.settings.model_copy(update={"accounts": "on"})
    blocks = page(whole)
    islands = {one.module for one in blocks.blocks.values() if isinstance(one, Island) and one.module}
    listeners = {name for one in blocks.fns.values() for name in CALLED.findall(str(one.js))}
    return islands | listeners


# Where a picture is opened, or is one that somebody brought.
OPENS = {"full_view", "map_drawing"}


@pytest.mark.parametrize("name", OWN)
def test_no_list_shows_a_picture_whole_that_the_safety_layer_flagged(name: str) -> None:
    shown = re.findall(r"src=\$\{([^}]*\.file[^}]*)\}", text(name))
    assert not shown or name in OPENS, "sharpAddress of picture.js says which address it has among others"


def test_a_module_is_kept_by_browsers_for_good_and_another_version_of_it_is_none(address: str) -> None:
    own = f"{address}studio/web/{web.version()}"
    served = httpx.get(f"{own}/gallery.js")
    assert served.headers["content-type"].startswith("text/javascript")
    assert "immutable" in served.headers["cache-control"]
    for wrong in (f"{address}studio/web/0/gallery.js", f"{own}/nothing.js", f"{own}/%2e%2e/web.py", f"{own}/loader"):
        assert httpx.get(wrong).status_code == 404


def test_the_page_announces_the_modules_that_it_begins_with_and_no_others(address: str) -> None:
    announced = re.findall(
        rf"<studio/web/{web.version()}/(\w+)\.js>; rel=modulepreload", httpx.get(address).headers["link"]
    )
    assert {"gallery", "form", "lora_panel", "dom"} <= set(announced)
    assert not {"arena_tab", "grid_tab", "pose_editor", "lora_browser"} & set(announced)


def test_the_way_to_the_modules_stands_in_the_document_before_any_script_of_gradio_s_runs(address: str) -> None:
    document = httpx.get(address)
    head, _, body = document.text.partition("</head>")
    assert head.endswith(theme.head(first="text_to_image"))
    assert "window.studio = " not in body
    assert httpx.head(address).headers["link"] == document.headers["link"]


def test_every_module_is_asked_for_by_the_page_or_by_another(studio: Studio) -> None:
    found: set[str] = set()
    layer = asked_by_the_page(studio)
    while layer:
        found |= layer
        layer = {other for name in layer for other in used(name)} - found
    assert found & {*OWN} == {*OWN}


def test_every_imported_module_is_there_and_none_imports_itself_in_a_circle() -> None:
    def follow(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join([*way, name])
        for other in web.imports(name):
            assert web.has(other), f"{name} imports {other}"
            follow(other, (*way, name))

    for name in OWN:
        follow(name, ())


def test_each_style_sheet_lies_beside_the_script_that_draws_it_and_is_on_the_page(address: str) -> None:
    sheets = sorted(web.FOLDER.glob("*.css"))
    assert sheets
    assert {path.stem for path in sheets} <= {*OWN}
    shown = httpx.get(address).text
    for path in (theme.PAGE, *sheets):
        first = path.read_text("utf-8").splitlines()[0]
        assert json.dumps(first)[1:-1] in shown, path.name


@pytest.mark.parametrize("name", OWN)
def test_a_module_makes_no_global(name: str) -> None:
    assert not re.search(r"\b(?:window|globalThis|self)(?:\.\w+|\[[^\]]+\]) = ", text(name))


def test_the_scripts_know_elements_by_the_ids_of_the_server() -> None:
    said = dict(re.findall(r'^    (\w+): "([^"]+)",$', text("ids"), re.MULTILINE))
    assert said == {re.sub(r"_(\w)", lambda found: found[1].upper(), one.name.lower()): one.value for one in Id}
    written = "|".join(re.escape(one.value) for one in Id if one.value.endswith("-") or one is Id.STAGE)
    for name in {*OWN} - {"ids"}:
        assert not re.search(rf"#(?:{written})", text(name)), name


def test_the_vendored_library_comes_with_its_licence() -> None:
    licence = (web.FOLDER / "vendor" / "lit-html.LICENSE.txt").read_text("utf-8")
    assert licence.startswith("BSD 3-Clause License")
    vendored = [name for name in MODULES if name.startswith("vendor/")]
    assert vendored
    assert all("SPDX-License-Identifier: BSD-3-Clause" in text(name) for name in vendored)


def test_an_island_of_a_module_that_is_not_there_cannot_be_made() -> None:
    with pytest.raises(FileNotFoundError, match="no_such_module"):
        Island("somewhere", module="no_such_module")


def test_gradio_copies_nothing_of_what_an_islands_functions_belong_to() -> None:
    copied: list[object] = []

    class Owner:
        def look(self, asked: Nothing) -> dict[str, object]:
            return dict(asked)

        def __deepcopy__(self, memo: object) -> "Owner":
            copied.append(memo)
            return self

    Island("somewhere", module="gallery", events=("stop",), acts=served({"look": Owner().look}))
    assert not copied
