"""The Library tab and the full view, without a browser: whose pictures are told, served and changed."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from studio import unused
from studio.gate.identity import COMMAND_LINE, Identity, owner_by
from studio.metadata.infotext import to_infotext
from studio.recipe import Recipe, setting_specs
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from studio.ui.job_view import view
from studio.ui.library_views import facts, page, small
from studio.ui.picture_details import details
from studio.ui.pictures import telling_name
from tests.drawer import picture, resolved
from tests.people import who
from tests.ui.painter import Painter

SECRETS = {name: f"a-secret-that-the-browser-of-{name}-keeps" for name in ("me", "somebody")}
ME, SOMEBODY = (who(owner_by(secret)) for secret in SECRETS.values())
ALL: Any = {"query": "", "order": "newest", "start": 0, "count": 50}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with Studio(Settings.load(home=tmp_path_factory.mktemp("home"), port=0), backend=Painter()) as studio:
        yield studio


@pytest.fixture(scope="module")
def address(studio: Studio) -> Iterator[str]:
    with serve(studio) as address:
        yield address


def browser_of(address: str, name: str) -> httpx.Client:
    return httpx.Client(base_url=address, headers={"Authorization": f"Bearer {SECRETS[name]}"})


def ask(browser: httpx.Client, act: str, **asked: Any) -> dict[str, Any]:
    """What the Library's element asks the server."""
    config = browser.get("/config").json()
    (element,) = (one["id"] for one in config["components"] if one["props"].get("elem_id") == "library")
    given = {"component_id": element, "fn_name": act, "data": asked, "session_hash": str(id(browser))}
    answer: dict[str, Any] = browser.post("/gradio_api/component_server", json=given).json()
    return answer


def kept(studio: Studio, owner: Identity, recipe: Recipe | None = None, job: str = "j") -> Path:
    made = recipe or resolved("a house by the sea", seed=77, side=16)
    saved = studio.library.save(
        picture(made),
        made,
        {"device": "a pencil"},
        seconds=0.5,
        job=f"{owner.owner}{job}",
        index=0,
        kind="images",
        who=owner,
    )
    studio.library.record(saved, owner, lambda: None)
    return saved.path


def test_nobody_but_its_owner_sees_packs_or_changes_a_picture_whoever_knows_its_id_and_addresses(
    studio: Studio, address: str
) -> None:
    path = kept(studio, ME)
    entry = studio.index.at(path, ME)
    assert entry
    with browser_of(address, "me") as mine, browser_of(address, "somebody") as theirs:
        (found,) = ask(mine, "search", **ALL)["pictures"]
        assert ask(theirs, "search", **ALL)["pictures"] == []
        assert str(studio.settings.home) not in json.dumps(found)
        packed = ask(mine, "zip", ids=[entry.id], form="files", title="")["address"]
        for place, start in ((found["shown"], b"RIFF"), (small(entry, 512), b"RIFF"), (found["file"], b"\x89PNG")):
            assert mine.get(place).content.startswith(start)
            assert theirs.get(place).status_code == 404
            assert httpx.get(f"{address}{place}").status_code == 404
        assert theirs.get(packed).status_code == httpx.get(f"{address}{packed}").status_code == 404
        names = zipfile.ZipFile(io.BytesIO(mine.get(packed).content)).namelist()
        assert path.name in names
        for form, start in (("pdf", b"%PDF"), ("html", b"<!doctype html>"), ("training", b"PK")):
            sheet = ask(mine, "zip", ids=[entry.id], form=form, title="Mine / theirs")
            assert sheet["name"].partition(" ")[2].startswith("Mine _ theirs.")
            assert theirs.get(sheet["address"]).status_code == 404
            answer = mine.get(sheet["address"])
            assert answer.content.lower().startswith(start.lower())
            assert answer.headers["content-disposition"] == "attachment" or form == "files"
        assert mine.get(found["shown"].replace("/256/", "/9999/")).status_code == 404
        for act, more in (
            ("star", {"on": True}),
            ("rate", {"rating": 5}),
            ("tag", {"add": ["x"], "remove": []}),
            ("note", {"text": "x"}),
            ("bin", {}),
            ("purge", {}),
            ("zip", {"form": "files", "title": ""}),
        ):
            assert "no such picture" in ask(theirs, act, ids=[entry.id], **more)["fault"]
        assert "no such picture" in ask(theirs, "tree", id=entry.id)["fault"]
        assert ask(theirs, "ids", **ALL) == {"ids": []}
        told = ask(theirs, "facts")
        assert (told["all"], told["tags"], told["boards"]) == (0, [], [])
        taken = [ask(one, "facts") for one in (mine, theirs)]
        assert taken[0]["used"] != taken[1]["used"], "each is told what their own pictures take"
        assert taken[0]["free"]
    assert studio.index.entry(entry.id, ME).star is False


def test_whoever_keeps_the_studio_is_told_what_was_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Studio(Settings(home=tmp_path), backend=Painter(), durable=False) as studio:
        studio.inputs.add(Image.new("RGB", (8, 8)), who=COMMAND_LINE)
        monkeypatch.setattr(unused, "BROUGHT_SECONDS", -1.0)
        studio.inputs.sweep()
        assert facts(studio, COMMAND_LINE)["cleared"].startswith("1 cleared so far of unused inputs")
        assert facts(studio, who("ann", here=False))["cleared"] == ""


def test_what_is_in_the_bin_is_seen_in_no_room_and_comes_back(studio: Studio) -> None:
    job = studio.submit(Recipe(prompt="two boats", count=2, width=64, height=64), ME)
    for _ in job.follow():
        pass
    shown = view(studio, ME)["job"]
    assert shown
    first, second = (cell for cell in shown["cells"] if cell["done"])
    studio.index.marks.bin([first["id"]], ME)
    shown = view(studio, ME)["job"]
    assert shown
    assert [cell["key"] for cell in shown["cells"] if cell["done"]] == [second["key"]]
    studio.index.marks.restore([first["id"]], ME)
    shown = view(studio, ME)["job"]
    assert shown
    assert [cell["done"] for cell in shown["cells"]] == [True, True]


def test_every_setting_of_a_picture_is_told_by_its_label_and_the_whole_can_be_copied(studio: Studio) -> None:
    recipe = resolved("a house", seed=5).changed(clip_skip=2, negative_prompt="fog")
    path = kept(studio, ME, recipe, job="settings")
    told = details(studio, {"stored": studio.addresses.token(path, ME)}, ME)
    lines = {line["label"]: line["value"] for group in told["groups"] for line in group["lines"]}
    specs = setting_specs()
    for name in recipe.given():
        if name not in ("prompt", "negative_prompt", "model"):
            assert lines[specs[name].label] == f"{recipe.get(name):g}" if name != "scheduler" else "Euler"
    assert lines["Model"] == "Starter"
    assert lines["Device"] == "a pencil"
    assert told["infotext"] == to_infotext(recipe, (64, 64))
    assert Recipe.from_json(told["recipe"]) == recipe
    found = page(studio, {**ALL, "query": "negative:fog"}, ME)
    assert [one["negative"] for one in found["pictures"]] == ["fog"]


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("A red house, by the sea! <lora:ink:0.8>", "A-red-house-by-the-sea"),
        ("../../etc/passwd\0", "etc-passwd"),
        ("赤い家 と 海", "赤い家-と-海"),
        ("word " * 40, "-".join(["word"] * 12)),
        ("x" * 300, ""),
        ("", ""),
    ],
)
def test_a_file_is_called_by_its_day_the_first_words_and_its_seed(tmp_path: Path, prompt: str, words: str) -> None:
    path = tmp_path / "a.png"
    path.touch()
    day, *rest = telling_name(path, prompt, 42).removesuffix(" 42.png").split(" ", 1)
    assert len(day) == len("2026-11-29")
    assert rest == ([words] if words else [])
