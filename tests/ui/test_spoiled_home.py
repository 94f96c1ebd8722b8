from pathlib import Path

from studio.settings import Settings
from studio.studio import Studio
from studio.ui.shell import alerts, page
from tests.drawer import Drawer
from tests.people import who
from tests.test_left_out import FOLDERS, GARBAGE, spoil


def test_the_page_is_built_over_any_files(tmp_path: Path):
    for name, ending in FOLDERS.items():
        spoil(tmp_path / name, ending)
    for name in ("studio.sqlite", "jobs.sqlite", "candidates.sqlite", "spending.sqlite"):
        (tmp_path / name).write_text(GARBAGE)
    (tmp_path / "favourites.json").write_text("[" * 10_000)
    with Studio(Settings.load(home=tmp_path), backend=Drawer()) as studio:
        config = str(page(studio).get_config_file())
        assert "Text to image" in config
        assert "The database was damaged" in "".join(alerts(studio))
        assert studio.candidates.of(who("ann")) == []
