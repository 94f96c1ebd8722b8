"""Hashes of weights: right, kept, and computed once."""

import os
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from studio.catalogue import digests as module
from studio.catalogue.digests import Digests
from studio.errors import ModelError
from studio.storage.database import Database


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were read through, each time."""
    seen: list[Path] = []
    once = module._sha256.__wrapped__

    def counted(stamp: module.Stamp, part: module.Part) -> str:
        seen.append(stamp[0])
        return str(once(stamp, part))

    monkeypatch.setattr(module, "_sha256", counted)
    return seen


def test_a_file_is_read_once_also_by_the_next_studio(tmp_path: Path, reads: list[Path]):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"weights" * 1000)
    for _ in range(2):
        database = Database(tmp_path / "studio.sqlite")
        digests = Digests(database)
        assert {digests.of(path) for _ in range(3)} == {sha256(b"weights" * 1000).hexdigest()}
        database.close()
    assert reads == [path]


def test_a_file_that_changes_has_another_hash(tmp_path: Path):
    path, digests = tmp_path / "a.safetensors", Digests(Database(None))
    path.write_bytes(b"one")
    before = digests.of(path)
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert digests.of(path) != before


def test_notes_in_the_header_do_not_change_what_a1111_knows_a_lora_by(tmp_path: Path):
    digests, tensors = Digests(Database(None)), {"up": np.ones((2, 2), np.float32)}
    for name, notes in (("a", {}), ("b", {"note": "mine"})):
        save_file(tensors, tmp_path / f"{name}.safetensors", notes)
    one, other = (tmp_path / f"{name}.safetensors" for name in "ab")
    assert digests.of(one) != digests.of(other)
    assert digests.of(one, "tensors") == digests.of(other, "tensors")


def test_what_the_hub_named_by_its_hash_is_not_read(tmp_path: Path, reads: list[Path]):
    blob = tmp_path / ("c" * 64)
    blob.write_bytes(b"weights")
    (tmp_path / "a.safetensors").symlink_to(blob)
    assert Digests(Database(None)).of(tmp_path / "a.safetensors") == "c" * 64
    assert reads == []


def test_what_was_begun_is_waited_for_and_not_read_again(tmp_path: Path, reads: list[Path]):
    path, digests = tmp_path / "a.safetensors", Digests(Database(None))
    path.write_bytes(b"weights")
    digests.begin([path, tmp_path / "gone"])
    assert digests.of(path) == sha256(b"weights").hexdigest()
    assert reads == [path]


def test_a_file_that_is_gone_is_an_error_of_the_model(tmp_path: Path):
    with pytest.raises(ModelError):
        Digests(Database(None)).of(tmp_path / "gone")
