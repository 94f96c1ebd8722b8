"""Files of tensors (.safetensors) told by their headers alone: no tensor is loaded, no pickle is opened.

The layout is held to what the reference reader demands, so that a file that is listed can be read.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from stat import S_ISREG
from typing import Any

import numpy as np
import numpy.typing as npt

from studio.errors import DamagedModel, ModelError, UnsafeModel
from studio.parsing import ParseError, parse_json

PICKLES = frozenset({".ckpt", ".bin", ".pt", ".pth", ".pkl"})
# The largest published headers, with all the words of a training set, are a tenth of this.
HEADER_BYTES = 2**25
# A model of 30 billion parameters has 3,000.
MOST_TENSORS = 100_000
BITS = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F16": 16, "BF16": 16, "F32": 32, "F64": 64, "C64": 64, "BOOL": 8}
BITS |= {f"{sign}{bits}": bits for sign in "UI" for bits in (8, 16, 32, 64)}
BITS |= {f"F8_{kind}": 8 for kind in ("E4M3", "E5M2", "E8M0", "E4M3FNUZ", "E5M2FNUZ")}
AGAIN = "The download or copy was interrupted: get the file again."
# What else is saved under a name that ends in .safetensors, by how it begins; and what to do about it.
LOGIN = "The site asks for a login, or the address was that of a page: log in there, and download the file itself."
OTHERS: tuple[tuple[tuple[bytes, ...], str, str], ...] = (
    (
        (b"version https://git-lfs",),
        "is a pointer of Git LFS, not the file itself",
        "Run `git lfs pull` where it was cloned, or download the file from its page.",
    ),
    ((b"<!doctype", b"<html", b"<head", b"<?xml"), "is a web page, not weights", LOGIN),
    ((b"{",), "is a site's answer, not weights", LOGIN),
    ((b"gguf",), "is a GGUF file, which the studio does not read", "Get it as .safetensors."),
    (
        (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
        "is a renamed pickle, which can run any program when it is opened",
        "Get it as .safetensors, or convert it where you trust it.",
    ),
    (
        (b"pk\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf", b"rar!"),
        "is an archive",
        "Unpack it, and put the .safetensors file here.",
    ),
    ((b"\x89png", b"\xff\xd8\xff", b"riff"), "is a picture", "Put it beside the weights, by its own ending."),
)


@dataclass(frozen=True)
class Header:
    """The shape of each tensor by its name, and what else who wrote the file says."""

    shapes: dict[str, tuple[int, ...]]
    metadata: dict[str, str]


def tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Each tensor's shape by its name, from the header of a .safetensors file; ModelError as `header`."""
    return header(path).shapes


def count_numbers(paths: Iterable[Path]) -> int:
    """How many numbers all tensors of these files have together."""
    return sum(prod(shape) for path in paths for shape in tensor_shapes(path).values())


def header(path: Path) -> Header:
    """What a .safetensors file says of itself.

    Raises ModelError where the file is a pickle, missing, of another format, or its tensors do not fill it exactly.
    """
    refuse_pickle(path)
    try:
        seen = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    if not S_ISREG(seen.st_mode):  # a pipe that nobody writes would be waited on for good
        raise DamagedModel(f"{path} is not a file.", "Rename or remove it.")
    return _read(path, seen.st_size, seen.st_ino, seen.st_mtime_ns)


def tensor_values(path: Path, name: str) -> npt.NDArray[np.float32] | None:
    """The numbers of one small tensor, as they lie in the file; None where there is none, or in a rare number format.

    Raises ModelError as `header`.
    """
    header(path)
    values, data_bytes = _header(path)
    entry = values.get(name, {})
    if entry.get("dtype") not in ("F16", "BF16", "F32"):
        return None
    begin, end = entry["data_offsets"]
    with path.open("rb") as file:
        file.seek(path.stat().st_size - data_bytes + begin)
        raw = file.read(end - begin)
    if entry["dtype"] == "BF16":  # the upper half of a number of 32 bits
        return (np.frombuffer(raw, np.uint16).astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(raw, np.float16 if entry["dtype"] == "F16" else np.float32).astype(np.float32)


def refuse_pickle(path: Path) -> None:
    """ModelError for the formats that can carry a program."""
    if path.suffix.lower() in PICKLES:
        raise UnsafeModel(
            f"{path.name} is refused: a {path.suffix} file is a pickle, which can run any program when it is opened.",
            "Get the model as .safetensors, or convert it where you trust it.",
        )


# A grid checks one model for each of its cells, and the header of a large one takes 50 ms to parse.
@lru_cache(maxsize=32)
def _read(path: Path, *stamp: int) -> Header:
    del stamp
    values, data_bytes = _header(path)
    metadata = values.pop("__metadata__", {})
    if len(values) > MOST_TENSORS:
        raise _damaged(path, f"its header lists {len(values)} tensors; the limit is {MOST_TENSORS}")
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise _damaged(path, "its notes (__metadata__) are not texts")
    try:
        spans = sorted(_spans(values))
        shapes = {name: tuple(entry["shape"]) for name, entry in values.items()}
    except (TypeError, KeyError, ValueError) as error:
        raise _damaged(path, "its header is garbled") from error
    _check_layout(path, spans, data_bytes)
    return Header(shapes, metadata)


def _spans(values: Mapping[str, Any]) -> Iterator[tuple[int, int, str, int]]:
    """Where each tensor begins and ends, its name, and how many bytes its shape takes."""
    for name, entry in values.items():
        begin, end = entry["data_offsets"]
        numbers = [begin, end, *entry["shape"]]
        if not all(type(number) is int and 0 <= number < 2**63 for number in numbers):
            raise ValueError(name)
        yield begin, end, name, -(-prod(entry["shape"]) * BITS[entry["dtype"]] // 8)


def _check_layout(path: Path, spans: list[tuple[int, int, str, int]], data_bytes: int) -> None:
    """Each tensor begins where the one before it ends, takes what its shape takes, and the last ends the file."""
    place = 0
    for begin, end, name, size in spans:
        if begin != place:
            raise _damaged(path, f"{name} {'lies over another tensor' if begin < place else 'follows a gap'}")
        if end - begin != size:
            raise _damaged(path, f"{name} has {end - begin} bytes where its shape takes {size}")
        place = end
    if place != data_bytes:
        raise _damaged(path, f"it holds {data_bytes} bytes of weights where its header promises {place}")


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """A .safetensors file's header, and how many bytes of weights follow it."""
    try:
        with path.open("rb") as file:
            total = path.stat().st_size
            first = file.read(8)
            length = int.from_bytes(first, "little")
            if not 2 <= length <= min(HEADER_BYTES, total - 8):
                raise _not_weights(path, first + file.read(400))
            values = parse_json(file.read(length), most_values=12 * MOST_TENSORS)
    except OSError as error:
        raise _unreadable(path, error) from error
    except ParseError as error:
        raise _damaged(path, f"its header {error.fault}") from error
    if not isinstance(values, dict):
        raise _damaged(path, "its header is garbled")
    return values, total - 8 - length


def _not_weights(path: Path, first: bytes) -> ModelError:
    """What a file is that begins otherwise; a pickle of today lies in an archive with others."""
    if not first.strip(b"\0"):
        return _damaged(path, "it is empty" if not first else "it is empty space, which a download was to fill")
    begins = first.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"data.pkl" in first:
        begins = b"\x80\x02"
    # What begins with a length that can be is in the format, and was cut.
    fits = () if first[4:8] == bytes(4) else OTHERS
    for marks, what, cure in fits:
        if begins.startswith(marks):
            return DamagedModel(f"{path.name} {what}.", cure)
    return _damaged(path, "it ends within its header, or is not in the format")


def _unreadable(path: Path, error: OSError) -> ModelError:
    return DamagedModel(
        f"{path} cannot be read: {error.strerror}.", "Put it there, and make sure that you may read it."
    )


def _damaged(path: Path, why: str) -> ModelError:
    return DamagedModel(f"{path} is damaged: {why}.", AGAIN)
