"""Which upscaler is the best of those that are here."""

from pathlib import Path

from studio.catalogue.upscalers import LANCZOS, Upscalers
from studio.settings import Settings


def test_the_largest_of_ones_own_is_the_best_and_ours_is_for_the_starters_world(tmp_path: Path) -> None:
    upscalers = Upscalers(Settings(home=tmp_path))
    assert (upscalers.best(), upscalers.best(starter=True)) == (LANCZOS, "starter-4x")
    folder = tmp_path / "upscalers"
    folder.mkdir()
    for name, size in (("small", 10), ("large", 1000)):
        (folder / f"{name}.safetensors").write_bytes(b"0" * size)
    assert upscalers.best() == upscalers.best(starter=True) == "large"
