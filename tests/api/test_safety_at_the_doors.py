"""The safety layer as programs meet it: each language says what was withheld or refused, and none gives it away."""

import time
from base64 import b64decode
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio import sheets
from studio.events import Done
from studio.export import contact_sheet
from studio.gate.identity import PROGRAM
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import pictures
from studio.ui.job_view import view
from studio.ui.tabs import arena
from tests.api.asking import Ask, asking, gated
from tests.ui.painter import Painter

SIZE = {"width": 128, "height": 128, "steps": 2}
BAD = "a naked man"


class Offended(Painter):
    """Paints, and what is asked for in anger is not fit for all."""

    def _picture(self, recipe: Recipe, done: float) -> Image.Image:
        picture = super()._picture(recipe, done)
        return Image.new("RGB", picture.size, "red") if "anger" in recipe.prompt else picture

    def classify(self, image: Image.Image) -> Mapping[str, float]:
        red = image.resize((1, 1)).getpixel((0, 0)) == (255, 0, 0)
        return {"porn": float(red), "hentai": 0.0}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    given = dict.fromkeys(("output_check", "prompt_filter", "watermark"), "strict")
    settings = Settings.load(home=tmp_path_factory.mktemp("strict"), port=0, **given)
    with Studio(settings, backend=Offended()) as studio:
        yield studio


@pytest.fixture(scope="module")
def ask(strict: Studio) -> Ask:
    return asking(gated(strict))


def made(studio: Studio, prompt: str, count: int = 1) -> Any:
    job = studio.submit(Recipe.make(prompt=prompt, count=count, **SIZE), PROGRAM)
    assert isinstance(list(job.follow())[-1], Done)
    return job


def test_openais_clients_are_told_that_it_was_blocked(ask: Ask) -> None:
    given = {"size": "128x128", "num_inference_steps": 2}
    for prompt in ("in anger", BAD):
        answer = ask("POST", "/v1/images/generations", json={"prompt": prompt, **given})
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "moderation_blocked"
    answer = ask("POST", "/v1/images/generations", json={"prompt": "a boat", **given})
    assert answer.json()["data"][0]["safety"] == "passed"


def test_a_stream_has_no_looks_and_ends_in_an_error(ask: Ask) -> None:
    given = {"size": "128x128", "num_inference_steps": 2, "stream": True, "partial_images": 2}
    answer = ask("POST", "/v1/images/generations", json={"prompt": "in anger", **given})
    assert "partial_image" not in answer.text
    assert "moderation_blocked" in answer.text


def test_clients_of_a1111_are_told_in_words(ask: Ask) -> None:
    given = {"prompt": "in anger", **SIZE}
    answer = ask("POST", "/sdapi/v1/txt2img", json=given)
    assert (answer.status_code, answer.json()["code"]) == (422, "withheld")
    assert "not fit for all" in answer.json()["detail"]
    assert ask("POST", "/sdapi/v1/txt2img", json={**given, "prompt": BAD}).json()["code"] == "prompt_refused"
    assert '"safety": ["passed"]' in ask("POST", "/sdapi/v1/txt2img", json={**given, "prompt": "a boat"}).json()["info"]


def test_a_job_keeps_the_recipe_and_says_why_there_is_no_picture(ask: Ask, strict: Studio) -> None:
    job = made(strict, "in anger")
    (image,) = ask("GET", f"/api/jobs/{job.id}").json()["images"]
    assert (image["state"], image["safety"], image["url"]) == ("done", "withheld", None)
    assert image["recipe"]["prompt"] == "in anger"
    assert image["fault"]["code"] == "withheld"
    assert ask("GET", f"/api/jobs/{job.id}/images/0").json()["code"] == "withheld"
    events = ask("GET", f"/api/jobs/{job.id}/events").text
    assert "event: checked" in events
    assert '"verdict": "withheld"' in events.replace('":"', '": "')
    assert '"url": null' in events.replace(":null", ": null")
    refused = ask("POST", "/api/jobs", json={"recipe": {"prompt": BAD}})
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (422, "prompt_refused", "prompt")


def test_the_library_knows_what_was_withheld_and_finds_a_watermark(ask: Ask, strict: Studio) -> None:
    job = made(strict, "a boat")
    mark = ask("GET", f"/api/jobs/{job.id}").json()["images"][0]["watermark"]
    (entry,) = ask("GET", "/api/library", params={"query": f"watermark:={mark} job:={job.id}"}).json()["entries"]
    assert (entry["safety"], entry["watermark"]) == ("passed", mark)
    withheld = made(strict, "in anger")
    (entry,) = ask("GET", "/api/library", params={"query": f"check:withheld job:={withheld.id}"}).json()["entries"]
    assert entry["prompt"] == "in anger"
    assert "known" not in ask("GET", "/api/library", params={"query": "check:nonsense"}).json().get("entries", [])
    assert ask("GET", "/api/library", params={"query": "check:nonsense"}).status_code == 422


def called(studio: Studio, prompt: str) -> dict[str, Any]:
    """What an agent is answered that asks for a picture."""
    ask = asking(gated(studio))  # what is kept between requests ends with their event loop
    call = {"name": "generate_image", "arguments": {"prompt": prompt, **SIZE}}
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    answer = ask("POST", "/mcp", json=asked, headers={"Accept": "application/json, text/event-stream"})
    result: dict[str, Any] = answer.json()["result"]
    return result


def test_an_agent_is_told_in_words(strict: Studio) -> None:
    (words,) = called(strict, "in anger")["content"]
    assert words["type"] == "text"
    assert words["text"].startswith("The picture is withheld.")
    refused = called(strict, BAD)
    assert refused["isError"]
    assert "naked" in refused["content"][0]["text"]


@pytest.mark.parametrize(("strictness", "blurred"), [("off", False), ("on", True)])
def test_a_flagged_picture_is_blurred_in_every_list_until_it_is_opened(
    tmp_path: Path, strictness: str, blurred: bool
) -> None:
    settings = Settings.load(home=tmp_path, port=0, prompt_filter=strictness)
    with Studio(settings, backend=Painter()) as studio:
        job = made(studio, BAD)
        small = studio.index.thumbnail(studio.index.at(job.results[0].path, PROGRAM).id, PROGRAM)  # type: ignore[union-attr]
        shown = pictures.made(studio, job, job.results[0], 768)
        seen, whole = Image.open(small).convert("L"), Image.open(job.results[0].path).convert("L")
        # The picture is a ramp: blurred, its darkest and lightest edges are gone.
        (low, high), (lowest, highest) = seen.getextrema(), whole.getextrema()
        assert (high - low < 0.95 * (highest - lowest)) is blurred
        assert (shown["check"][:1] == ("flagged",)) is blurred
        assert (shown["shown"] != shown["file"]) is blurred, "opened, it is whole"


def is_flat(picture: Image.Image, whole: Image.Image) -> bool:
    """Whether the darkest and lightest edges of a ramp are gone."""
    (low, high), (lowest, highest) = picture.convert("L").getextrema(), whole.convert("L").getextrema()
    return high - low < 0.95 * (highest - lowest)


@pytest.mark.parametrize(("prompt", "blurred"), [(BAD, True), ("a boat", False)])
def test_a_flagged_picture_is_blurred_wherever_several_are_seen_or_handed_on_together(
    tmp_path: Path, prompt: str, blurred: bool
) -> None:
    settings = Settings.load(home=tmp_path, port=0, prompt_filter="on")
    with Studio(settings, backend=Painter()) as studio:
        path = made(studio, prompt).results[0].path
        agent = BytesIO(b64decode(called(studio, prompt)["content"][0]["data"]))
    whole = Image.open(path)
    page, corner = next(contact_sheet._pages([path], "", 4)), contact_sheet.EDGE + contact_sheet.CAPTION
    shown = {
        "a cell of a grid or comparison": sheets.Shown((0, 0, 0), path).open(),
        "a pair of the arena": Image.open(BytesIO(b64decode(arena._bare(path).partition(",")[2]))),
        "a contact sheet": page.crop((60, corner, 325, corner + 265)),
        "the gallery": Image.open(BytesIO(b64decode(pictures.smaller(path, 128).partition(",")[2]))),
        "what an agent sees": Image.open(agent),
    }
    assert {name: is_flat(one, whole) for name, one in shown.items() if one} == dict.fromkeys(shown, blurred)


def test_what_is_seen_of_a_picture_in_the_making_is_blurred_for_pages_and_programs_alike(tmp_path: Path) -> None:
    painter = Painter()
    with Studio(Settings.load(home=tmp_path, port=0, output_check="on"), backend=painter) as studio:
        painter.held.set()
        job = studio.submit(Recipe.make(prompt="a boat", **SIZE), PROGRAM)
        while not (seen := view(studio, PROGRAM)["job"]) or not seen["cells"][0]["shown"]:
            time.sleep(0.02)
        coded = asking(gated(studio))("GET", "/sdapi/v1/progress").json()["current_image"]
        painter.held.clear()
        list(job.follow())
    assert seen["line"].endswith(" · blurred until it is checked")
    whole = painter._picture(job.recipes[0], 0.5)
    for one in (str(seen["cells"][0]["shown"]).partition(",")[2], coded):
        assert is_flat(Image.open(BytesIO(b64decode(one))), whole)
