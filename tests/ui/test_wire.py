"""The page's server, without a browser: Gradio's own client drives it over HTTP."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.client import Job
from gradio_client.exceptions import AppError
from PIL import Image

from studio.errors import InvalidRequest, InvalidSetting, Refused
from studio.gate.identity import Identity, owner_by
from studio.inputs import InputStore
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve, server
from studio.ui.events import BadInput
from studio.ui.requests import MOST_NAMED, _check_named_files
from studio.ui.source import cached, uploaded
from tests.people import who
from tests.picture_site import NAME, picture_site
from tests.ui.painter import Painter

SECRETS = {name: f"a-secret-that-the-browser-of-{name}-keeps" for name in ("me", "somebody")}
ME, SOMEBODY = (who(owner_by(secret)) for secret in SECRETS.values())


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    settings = Settings.load(home=tmp_path_factory.mktemp("home"), port=0)
    with Studio(settings, backend=Painter(inputs=InputStore.of(settings))) as studio:
        yield studio


@pytest.fixture(scope="module")
def address(studio: Studio) -> Iterator[str]:
    with serve(studio) as address:
        yield address


@cache
def client_of(address: str, name: str = "me") -> Client:
    """A program that keeps a secret; one for all tests, as it reads all that the page offers."""
    return program(address, {"Authorization": f"Bearer {SECRETS[name]}"})


def program(address: str, headers: dict[str, str]) -> Client:
    return Client(address, verbose=False, headers=headers)


@pytest.fixture
def client(address: str) -> Client:
    return client_of(address)


@pytest.fixture
def browser(address: str) -> Iterator[httpx.Client]:
    """What brings my secret with each request."""
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {SECRETS['me']}"}) as browser:
        yield browser


def generate(client: Client, **given: Any) -> list[dict[str, Any]]:
    """The views that one call of the form's endpoint gives, first to last."""
    return call(client, "/generate", **{"Prompt": "", "Negative prompt": "", "Seed": "", **given})


def call(client: Client, name: str, **given: Any) -> list[dict[str, Any]]:
    """The views that one call of an endpoint gives; parameters are named by their labels."""
    job = submit(client, name, **given)
    job.result()
    return list(job.outputs())


def submit(client: Client, name: str, **given: Any) -> Job:
    """One call of an endpoint that goes on; parameters are named by their labels."""
    endpoint = client.view_api(print_info=False, return_format="dict")["named_endpoints"][name]
    named = {parameter["label"]: parameter["parameter_name"] for parameter in endpoint["parameters"]}
    return client.submit(api_name=name, **{named[label]: value for label, value in given.items()})


def test_the_page_travels_compressed_and_gradio_s_scripts_are_kept_by_the_browser(address: str) -> None:
    page = httpx.get(address)
    assert page.headers["content-encoding"] == "gzip"
    script = re.search(r"assets/index-\w+\.js", page.text)
    assert script
    assert "immutable" in httpx.get(address + script[0]).headers["cache-control"]
    assert "cache-control" not in httpx.get(address + "assets/nothing.js").headers


def test_a_generate_over_the_wire_ends_with_the_file_in_the_library(
    client: Client, studio: Studio, browser: httpx.Client
) -> None:
    views = generate(client, Prompt="a boat")
    (cell,) = views[-1]["job"]["cells"]
    assert views[-1]["job"]["state"] == "done"
    served = browser.get(cell["file"])
    assert served.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert served.content == studio.jobs_of(ME)[0].results[0].path.read_bytes()


def test_a_choice_that_there_is_not_is_refused_in_the_studios_words(client: Client) -> None:
    (view,) = generate(client, Prompt="a boat", Scheduler="Flow Euler")
    assert (view["fault"]["field"], view["fault"]["label"]) == ("scheduler", "Scheduler")
    assert "Known are" in view["fault"]["hint"] or "Choose one of" in view["fault"]["hint"]


def test_the_views_of_a_job_show_its_steps_and_previews(client: Client, studio: Studio) -> None:
    painter = studio.backend
    assert isinstance(painter, Painter)
    painter.held.set()
    job = submit(client, "/generate", Prompt="a boat", Steps=5, **{"Negative prompt": "", "Seed": ""})
    for seen in job:
        if any((cell["shown"] or "").startswith("data:image/jpeg") for cell in seen["job"]["cells"]):
            painter.held.clear()
    assert not painter.held.is_set()
    serials = [view["serial"] for view in job.outputs()]
    assert serials == sorted(serials)


def test_another_owner_sees_nothing(client: Client, studio: Studio, address: str) -> None:
    generate(client, Prompt="a boat")
    seen = generate(client_of(address, "somebody"), Prompt="")[-1]
    assert seen["job"] is None
    assert seen["earlier"] == []
    assert studio.jobs_of(SOMEBODY) == []


def test_a_caller_without_a_secret_does_not_share_a_name_with_others(address: str) -> None:
    generate(program(address, {}), Prompt="a boat")
    assert generate(program(address, {}), Prompt="")[-1]["job"] is None


def test_a_picture_is_for_its_owner_alone_whoever_knows_its_address(
    client: Client, browser: httpx.Client, address: str, studio: Studio
) -> None:
    (cell,) = generate(client, Prompt="a boat")[-1]["job"]["cells"]
    assert str(studio.settings.home) not in str(cell)
    theirs = {"Authorization": f"Bearer {SECRETS['somebody']}"}
    for headers in ({}, theirs):
        assert httpx.get(f"{address}{cell['file']}", headers=headers).status_code == 404
    assert browser.get(f"{cell['file'].rpartition('/')[0]}/another.png").status_code == 404
    name = studio.jobs_of(ME)[0].results[0].path.relative_to(studio.library.folder)
    places = (f"gradio_api/file={studio.library.folder}", "studio/pictures", "studio/pictures/x/images")
    for guess in (f"{place}/{name}" for place in places):
        assert browser.get(guess).status_code == 404


def test_an_id_of_a_picture_is_no_right_to_start_from_it(client: Client, studio: Studio, address: str) -> None:
    mine = {"pictures": [picture(studio)]}
    other = client_of(address, "somebody")
    (seen,) = call(other, "/image_to_image", Prompt="a boat", Picture=mine)
    assert seen["fault"]["field"] == "init_image"
    assert "not here" in seen["fault"]["message"]
    canny = {"units": [{"kind": "canny", "image": mine["pictures"][0]["id"]}]}
    (seen,) = generate(other, Prompt="a boat", Control=canny)
    assert seen["fault"]["field"] == "controls"


def test_a_fault_names_its_field_before_anything_is_queued(client: Client, studio: Studio) -> None:
    before = len(studio.jobs_of(ME))
    (seen,) = generate(client, Prompt="a boat", Width=101)
    assert seen["fault"]["field"] == "width"
    assert "96 or 104" in seen["fault"]["hint"]
    assert len(studio.jobs_of(ME)) == before


def test_a_job_that_fails_tells_it_in_words(client: Client) -> None:
    seen = generate(client, Prompt="a boat without paint")[-1]
    assert seen["job"]["state"] == "failed"
    assert seen["job"]["fault"] == {
        "code": "out_of_memory",
        "label": "",
        "field": None,
        "part": None,
        "message": "The paint ran out.",
        "hint": "Try a smaller picture.",
    }


def picture(studio: Studio, colour: str = "navy", side: int = 96) -> dict[str, Any]:
    """A stored picture, as a well of the page holds it."""
    return {"id": studio.inputs.add(Image.new("RGB", (side, side), colour), who=ME).id}


def test_several_pictures_make_one_job_with_a_recipe_each(client: Client, studio: Studio) -> None:
    two = {"pictures": [picture(studio, "navy"), picture(studio, "olive", 128)]}
    seen = call(client, "/image_to_image", Prompt="a boat", Picture=two, Strength=0.5)[-1]
    job = studio.jobs_of(ME)[0]
    assert [recipe.init_image for recipe in job.recipes] == [one["id"] for one in two["pictures"]]
    assert [(cell["width"], cell["task"]) for cell in seen["job"]["cells"]] == [(96, "img2img"), (128, "img2img")]


def test_more_images_than_a_job_may_have_are_refused_together(client: Client, studio: Studio) -> None:
    many = {"pictures": [picture(studio, f"#{k:02}0000") for k in range(studio.settings.max_images // 2 + 1)]}
    (seen,) = call(client, "/image_to_image", Prompt="a boat", Picture=many, Images=2)
    assert seen["fault"]["field"] == "count"


def test_without_a_picture_its_field_is_at_fault(client: Client) -> None:
    (seen,) = call(client, "/image_to_image", Prompt="a boat")
    assert seen["fault"]["field"] == "init_image"


def test_enlarging_needs_no_prompt_and_shows_what_it_began_with(
    client: Client, browser: httpx.Client, studio: Studio
) -> None:
    views = call(client, "/upscale", Picture={"pictures": [picture(studio)]}, Enlarge=3)
    (cell,) = views[-1]["job"]["cells"]
    assert (cell["width"], cell["seed"]) == (288, None)
    assert browser.get(cell["before"]).status_code == 200


def test_a_control_unit_reaches_the_recipe_and_a_fault_its_place(client: Client, studio: Studio) -> None:
    canny = {"kind": "canny", "image": picture(studio)["id"], "weight": 0.8}
    seen = generate(client, Prompt="a boat", Control={"units": [canny]})[-1]
    assert seen["job"]["state"] == "done"
    (unit,) = studio.jobs_of(ME)[0].recipes[0].controls
    assert (unit.image, unit.weight, unit.model) == (canny["image"], 0.8, "starter-canny")
    (seen,) = generate(client, Prompt="a boat", Control={"units": [canny, {"kind": "tile", "image": unit.image}]})
    assert (seen["fault"]["field"], seen["fault"]["part"]) == ("controls", 1)


def test_a_page_cannot_bring_a_file_that_was_not_uploaded(studio: Studio, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "private.png")
    for path in (str(tmp_path / "private.png"), "", "\0", "../../studio.sqlite"):
        with pytest.raises(BadInput, match="not uploaded"):
            uploaded(studio, path)


def test_only_pictures_and_the_theme_are_served(address: str, studio: Studio) -> None:
    database = studio.settings.home / "studio.sqlite"
    assert database.exists()
    assert httpx.get(f"{address}gradio_api/file={database}").status_code == 404
    assert httpx.get(f"{address}studio/theme/../../../studio.sqlite").status_code == 404
    assert httpx.get(f"{address}studio/theme/fonts/Inter.woff2").status_code == 200


def test_gradio_keeps_no_history_and_reports_nothing(address: str) -> None:
    config = httpx.get(f"{address}config").json()
    assert not config.get("run_history")
    assert not config.get("analytics_enabled")
    assert config["footer_links"] == []
    assert httpx.get(f"{address}monitoring").status_code == 404


def test_a_taken_port_is_told_with_its_cure(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = Settings.load(home=tmp_path, port=taken.getsockname()[1])
        with (
            Studio(settings, backend=Painter()) as studio,
            pytest.raises(InvalidSetting, match="--port"),
            serve(studio),
        ):
            pass


def test_a_machine_too_busy_to_answer_itself_in_seconds_serves_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gradio.networking.url_ok", lambda _: False)
    with Studio(Settings.load(home=tmp_path, port=0), backend=Painter()) as studio, serve(studio) as address:
        assert httpx.get(f"{address}config").status_code == 200


def test_a_page_for_other_machines_has_to_be_meant(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path, port=0, host="0.0.0.0")
    with Studio(settings, backend=Painter()) as studio, pytest.raises(InvalidSetting, match="--public"), serve(studio):
        pass


def test_a_page_for_other_machines_says_where_they_reach_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = {"eth0": [SimpleNamespace(family=socket.AF_INET, address="192.0.2.7")]}
    monkeypatch.setattr("psutil.net_if_addrs", lambda: net)
    settings = Settings.load(home=tmp_path, port=0, host="0.0.0.0", public=True, accounts="off")
    with Studio(settings, backend=Painter()) as studio, serve(studio) as address:
        told = " ".join(server._greeting(address, studio))
        assert httpx.get(f"{address}config").status_code == 200
    assert f"http://192.0.2.7:{address.rsplit(':', 1)[1]}" in told
    assert "no login" in told
    assert "localhost" not in told


def test_the_page_stands_before_torch_is_there_and_gradio_makes_nothing_that_nobody_reads() -> None:
    code = (
        "import sys, tempfile\n"
        "from studio.ui.fast_gradio import gr\n"
        "from gradio import component_meta\n"
        "assert component_meta.create_or_modify_pyi.__name__ == '<lambda>'\n"
        "from gradio.utils import safe_deepcopy\n"
        "value, kept = object(), {'one': [{}]}\n"
        "assert safe_deepcopy({'value': [value]})['value'][0] is value\n"
        "safe_deepcopy(kept)['one'][0]['two'] = 2\n"
        "assert kept == {'one': [{}]}\n"
        "assert gr.Blocks().queue().app is None and gr.HTML.EVENTS\n"
        "from studio.settings import Settings\n"
        "from studio.studio import Studio\n"
        "from studio.ui import page\n"
        "page(Studio(Settings.load(home=tempfile.mkdtemp())))\n"
        "assert not {'torch', 'diffusers', 'transformers', 'mcp'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_page_is_made_for_the_address_that_it_is_asked_at(address: str) -> None:
    """What it is made of is shared between those who ask."""
    for place in (address, address.replace("127.0.0.1", "localhost"), address):
        assert httpx.get(f"{place}config").json()["root"] == place.rstrip("/")


def test_an_event_that_calls_a_long_text_a_file_is_refused_in_words(address: str) -> None:
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {SECRETS['me']}"}) as browser:
        listeners = browser.get("config").json()["dependencies"]
        stop = next(one for one in listeners if any(target[1] == "stop" for target in one["targets"]))
        file = {"path": "a" * 5000, "meta": {"_type": "gradio.FileData"}}
        said = {"data": [], "fn_index": stop["id"], "session_hash": "long", "event_data": {"job": file}}
        answer = browser.post("gradio_api/run/predict", json=said)
    assert answer.status_code < 500
    assert "its name is too long" in answer.text


def test_programs_are_told_each_endpoint_in_words_and_each_parameter_by_its_name(address: str) -> None:
    info = httpx.get(f"{address}gradio_api/info").json()
    assert not info["unnamed_endpoints"]
    for path, endpoint in info["named_endpoints"].items():
        names = [parameter["parameter_name"] for parameter in endpoint["parameters"]]
        assert re.fullmatch(r"/[a-z][a-z0-9_]{2,20}", path), path
        assert endpoint["description"], path
        assert len(set(names)) == len(names), names
        assert {"prompt", "steps", "seed", "model"} <= set(names), names
        assert not [name for name in names if name.startswith("param_") or not name.isidentifier()], names
        told = {one["parameter_name"]: one["python_type"]["description"] for one in endpoint["parameters"]}
        assert told["steps"], path


def test_a_program_gives_files_where_a_picture_is_wanted(
    client: Client, studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another test may have served another studio since, and Gradio takes uploads from one folder alone.
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(studio.settings.home / "cache"))
    picture, mask = tmp_path / "picture.png", tmp_path / "mask.png"
    Image.new("RGB", (64, 64), "navy").save(picture)
    half = Image.new("L", (64, 64))
    half.paste(255, (0, 0, 32, 64))
    half.save(mask)
    words = {"prompt": "a boat", "negative_prompt": "", "seed": "1"}
    client.predict(init_image=handle_file(picture), api_name="/image_to_image", **words)
    changed = studio.jobs_of(ME)[0].recipes[0]
    assert studio.inputs.size(str(changed.init_image)) == (64, 64)
    files = {"init_image": handle_file(picture), "masks": handle_file(mask)}
    client.predict(**files, api_name="/inpainting", **words)
    assert studio.inputs.open(str(studio.jobs_of(ME)[0].recipes[0].mask.image)).getpixel((5, 5)) == 255
    for elsewhere in (
        "/etc/hostname",
        str(picture),
        str(studio.settings.home / "cache" / ".." / "studio.sqlite"),
        "\0",
    ):
        with pytest.raises(BadInput, match="not uploaded"):
            cached(studio, elsewhere)


def test_a_program_names_a_picture_by_its_address_and_none_of_a_private_place(
    client: Client, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(studio.settings.home / "cache"))
    words = {"prompt": "a boat", "negative_prompt": "", "seed": "1", "api_name": "/image_to_image"}
    with picture_site(monkeypatch) as site:
        client.predict(init_image=handle_file(site.address()), **words)
        assert studio.inputs.size(str(studio.jobs_of(ME)[0].recipes[0].init_image)) == (64, 64)
        assert site.hosts == [NAME], "the studio went there, once"
        for private in ("http://169.254.169.254/latest", "http://[::1]/a.png"):
            with pytest.raises(AppError, match="not a public address"):
                client.predict(init_image=handle_file(private), **words)


def test_a_viewer_names_no_files_by_their_address_and_nobody_many() -> None:
    viewer = Identity.signed_in("1", "vi", "viewer")
    file = {"path": "https://pictures.example/a.png", "meta": {"_type": "gradio.FileData", "more": 1}}
    with pytest.raises(Refused):
        _check_named_files({"data": [[{"a": file}]]}, viewer)
    _check_named_files({"data": [{**file, "path": "/tmp/a.png"}]}, viewer)
    _check_named_files({"data": [file] * MOST_NAMED}, ME)
    with pytest.raises(InvalidRequest, match="by their address"):
        _check_named_files({"data": [file] * (MOST_NAMED + 1)}, ME)
