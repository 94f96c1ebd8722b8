import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from studio.errors import StorageError
from studio.library import Library, Saved
from tests.drawer import picture, resolved


def save(library: Library, seed: int = 1, index: int = 0, side: int = 64) -> Saved:
    recipe = resolved("a house", seed, side)
    return library.save(picture(recipe), recipe, {"device": "pencil"}, seconds=1.5, job="job", index=index)


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """A file that grows beyond `size` bytes fails to be written, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_saved_image_holds_its_recipe_and_nothing_else_is_left(tmp_path: Path):
    library = Library(tmp_path)
    saved = save(library)
    assert library.read(saved.path) == saved.recipe
    assert files(tmp_path) == [saved.path]
    day, name = saved.path.relative_to(tmp_path).parts
    assert len(day) == len("2026-11-21")
    assert name.split("-")[1] == "1"


def test_images_of_one_second_and_seed_do_not_collide(tmp_path: Path):
    library = Library(tmp_path)
    assert len({save(library, seed=7, index=index).path for index in range(20)}) == 20


def test_a_stored_image_of_a_job_is_found(tmp_path: Path):
    library = Library(tmp_path)
    saved = save(library, index=3)
    assert library.find(saved.recipe, "job", 3) == saved
    assert library.find(saved.recipe, "job", 2) is None
    assert library.find(saved.recipe, "another", 3) is None


def test_an_image_of_another_recipe_is_not_found(tmp_path: Path):
    library = Library(tmp_path)
    saved = save(library)
    assert library.find(saved.recipe.replace(prompt="a tree"), "job", 0) is None


def test_a_disk_that_fills_up_is_a_clear_error_and_leaves_no_torn_file(tmp_path: Path):
    library = Library(tmp_path)
    with files_limited_to(4000), pytest.raises(StorageError, match="full") as error:
        save(library)
    assert "Free some space" in error.value.hint
    assert files(tmp_path) == []
    assert save(library).path.exists()


def test_a_disk_without_room_is_known_before(tmp_path: Path):
    Library(tmp_path).ready(10**6)
    with pytest.raises(StorageError, match="nearly full") as error:
        Library(tmp_path).ready(10**18)
    assert error.value.hint
    assert files(tmp_path) == []


def test_a_file_in_place_of_the_folder_is_a_clear_error(tmp_path: Path):
    (tmp_path / "images").write_text("in the way")
    library = Library(tmp_path / "images")
    for call in (library.ready, lambda: save(library)):
        with pytest.raises(StorageError, match="images") as error:
            call()
        assert "another folder" in error.value.hint


def test_a_folder_that_may_not_be_written_is_a_clear_error(tmp_path: Path):
    tmp_path.chmod(0o555)
    code = """
import os, sys
from pathlib import Path
from PIL import Image
from studio.errors import StorageError
from studio.library import Library
from tests.drawer import picture, resolved
Image.init()
if os.geteuid() == 0:
    os.seteuid(65534)
library = Library(Path(sys.argv[1]))
recipe = resolved("a house")
for call in (library.ready, lambda: library.save(picture(recipe), recipe, {}, seconds=1, job="job", index=0)):
    try:
        call()
    except StorageError as error:
        assert "cannot be written" in error.message and "choose another folder" in error.hint, error
    else:
        raise SystemExit("it could be written")
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=Path(__file__).parents[2])


def test_what_a_dead_process_left_is_swept(tmp_path: Path):
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    left = tmp_path / f".143205-1-abcdef.{int(dead.stdout)}.part"
    left.write_bytes(b"half an image")
    Library(tmp_path).sweep()
    assert not left.exists()


def test_what_a_process_of_the_same_number_left_before_is_swept(tmp_path: Path):
    left = tmp_path / f".143205-1-abcdef.{os.getpid()}.part"
    left.write_bytes(b"half an image")
    os.utime(left, (1e9, 1e9))
    Library(tmp_path).sweep()
    assert not left.exists()


def test_what_a_living_process_writes_is_not_swept(tmp_path: Path):
    writing = tmp_path / f".143205-1-abcdef.{os.getpid()}.part"
    writing.write_bytes(b"half an image")
    foreign = tmp_path / ".something.part"
    foreign.write_bytes(b"not ours")
    saved = save(Library(tmp_path))
    Library(tmp_path).sweep()
    assert writing.exists()
    assert foreign.exists()
    assert saved.path.exists()
