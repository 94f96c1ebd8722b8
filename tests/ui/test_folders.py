"""Whatever goes wrong, no visitor is told where the folders of the server are, nor what a library says of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from studio.errors import DamagedModel
from studio.gate.folders import Folders
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import serve
from tests.ui.painter import Painter
from tests.ui.test_wire import client_of, generate


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(home=tmp_path / "home", port=0)


def test_of_a_path_only_what_is_in_the_data_folder_is_told(settings: Settings) -> None:
    folders = Folders(settings)
    home = settings.home
    assert folders.hidden(f"{home}/models/ink.toml is damaged.") == "models/ink.toml is damaged."
    assert folders.hidden(f"The disk of {home} is full.") == "The disk of the data folder is full."
    assert folders.hidden(f"Nothing is in {home}.") == "Nothing is in the data folder."
    assert folders.hidden(f"{Path.home()}/weights/a.safetensors is cut.") == "weights/a.safetensors is cut."
    assert folders.hidden("a house by http://home/") == "a house by http://home/"
    told = folders.error(DamagedModel(f"{home}/a.toml is damaged.", f"Look into {home}."))
    assert (told.sentence, type(told)) == ("a.toml is damaged. Look into the data folder.", DamagedModel)
    file = {"path": f"{home}/cache/a.png", "meta": {"_type": "gradio.FileData"}}
    assert folders.without([{"fault": f"{home}/a.png is cut."}, file]) == [{"fault": "a.png is cut."}, file]


class Breaks(Painter):
    """A backend that fails as disks and libraries do."""

    home = Path()

    def generate(self, recipes: Any, *given: Any, **more: Any) -> Any:
        del given, more
        if "disk" in recipes[0].prompt:
            raise DamagedModel(f"{self.home}/models/ink is damaged.", f"Copy it into {self.home} again.")
        raise KeyError(f"unet.down_blocks.0 of {self.home}")


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    backend = Breaks()
    backend.home = settings.home
    backend.ready.set()
    with Studio(settings, backend=backend) as studio, serve(studio) as address:
        yield address


def test_neither_page_nor_programs_tell_them_nor_what_a_library_says(settings: Settings, address: str) -> None:
    page = client_of(address)
    for prompt in ("a disk", "a surprise"):
        views = str(generate(page, Prompt=prompt))
        with httpx2.Client(base_url=address, timeout=60) as client:
            asked = client.post("/v1/images/generations", json={"prompt": prompt, "model": "starter"})
            told = views + asked.text + client.get("/api/jobs").text
        assert asked.status_code >= 400
        assert "models/ink is damaged. Copy it into the data folder again." in told or prompt != "a disk"
        assert [words for words in (str(settings.home), "down_blocks") if words in told] == []
