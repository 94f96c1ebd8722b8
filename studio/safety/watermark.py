"""The invisible watermark: an id of 8 hex digits in the brightness of a picture, found again after JPEG and a resize.

After the dwtDct family (https://github.com/ShieldMnt/invisible-watermark), which writes bits into cosines of blocks of
pixels. A resize moves the blocks, and JPEG rounds single cosines away; so here each bit is the sign of a sum over many
cosines of the whole picture, the same ones at any size.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import uniform_filter

Plane = NDArray[np.float64]
Places = NDArray[np.intp]
# The lowest and the highest of some cosines.
Band = tuple[int, int]

ID_DIGITS = 8
BITS = 64  # the id, and as many to check it by
# A picture whose sides are so long at least, in pixels, carries its bits in these cosines, counted in half waves from
# edge to edge: above those that hold what one sees, and below those that a smaller copy has no longer.
BANDS = {256: (16, 84), 96: (6, 46)}
# Pictures have the less of a cosine the finer it is: so each counts times its frequency.
WHITE = 1.25
# How far each sum has to be from zero: further than JPEG rounds, and in large pictures further still.
MARGIN, LEAST_MARGIN = 0.007, 3.0
# What is put in is rounded and clipped, so it is put in again.
ROUNDS = 8
# How much less a plain part of the picture is changed than a busy one.
HIDING = (0.3, 2.0)
# The least certain bits are tried both ways; a picture that has no mark passes the check once in 2^32 / 2^8.
UNCERTAIN = 8
LUMA = np.array((0.299, 0.587, 0.114))


@dataclass(frozen=True)
class Found:
    """A watermark that was found: its id, and how many of its bits had to be mended."""

    id: str
    mended: int


def fits(size: tuple[int, int]) -> bool:
    """Whether a picture of this width and height has room for a watermark."""
    return min(size) >= min(BANDS)


def put(image: Image.Image, id_: str) -> Image.Image:
    """The RGB or RGBA picture with the watermark of an id in its brightness; the same bytes each time.

    `id_` are 8 hex digits. A picture that is too small comes back as it is.
    """
    if not fits(image.size):
        return image
    band = next(band for side, band in BANDS.items() if min(image.size) >= side)
    wanted = np.where(_bits(id_), 1.0, -1.0)
    pixels = np.asarray(image.convert("RGB"), np.float64)
    margin = max(LEAST_MARGIN, MARGIN * (image.width * image.height) ** 0.5)
    hiding = _hiding(pixels @ LUMA)
    for _ in range(ROUNDS):
        short = np.maximum(0.0, margin - wanted * _sums(pixels @ LUMA, band))
        if short.max() < margin / 4:
            break
        added = hiding * _pattern(pixels.shape[:2], wanted * short, band)
        pixels = np.clip(np.rint(pixels + added[..., None]), 0, 255)
    marked = Image.fromarray(pixels.astype(np.uint8))
    if image.mode == "RGBA":
        marked.putalpha(image.getchannel("A"))
    marked.info = dict(image.info)
    return marked


def find(image: Image.Image) -> Found | None:
    """The watermark of a picture of any size; None where there is none that can be read."""
    luma = np.asarray(image.convert("RGB"), np.float64) @ LUMA
    found = (_read(_sums(luma, band)) for band in BANDS.values() if min(image.size) > band[1])
    return next(filter(None, found), None)


def _read(sums: Plane) -> Found | None:
    unsure = np.argsort(np.abs(sums))[:UNCERTAIN]
    for flips in sorted(product((False, True), repeat=UNCERTAIN), key=sum):
        bits = sums > 0
        bits[unsure] ^= np.array(flips)
        if id_ := _checked(bits):
            return Found(id_, sum(flips))
    return None


def _bits(id_: str) -> NDArray[np.bool_]:
    number = bytes.fromhex(id_)
    whole = number + crc32(number, crc32(b"image-studio")).to_bytes(4, "big")
    return np.unpackbits(np.frombuffer(whole, np.uint8)).astype(np.bool_)


def _checked(bits: NDArray[np.bool_]) -> str:
    id_ = np.packbits(bits[: BITS // 2]).tobytes().hex()
    return id_ if np.array_equal(_bits(id_), bits) else ""


def _hiding(luma: Plane) -> Plane:
    """How much of a mark each pixel hides: more where there is much to be seen, less where a sky is plain."""
    side = max(3, min(luma.shape) // 24)
    plain = uniform_filter(luma, side)
    busy = uniform_filter(np.abs(luma - plain), side)
    share = np.clip(busy / max(1e-6, float(busy.mean())), *HIDING)
    even: Plane = share / np.sqrt(np.mean(share**2))
    return even


@lru_cache(maxsize=2)
def _carriers(band: Band) -> tuple[Places, Places, Places, Plane]:
    """Rows and columns of the cosines that carry, which bit each is of, and its sign times its weight."""
    low, high = band
    down, across = np.meshgrid(np.arange(high + 1), np.arange(high + 1), indexing="ij")
    far = np.hypot(down, across)
    carries = (far >= low) & (far <= high)
    # Not random to numpy, whose generators may change: the order and the signs are part of the format.
    keys = {(row, column): crc32(f"{row},{column}".encode()) for row, column in np.argwhere(carries).tolist()}
    places = sorted(keys, key=keys.__getitem__)
    down, across = np.array(places).T
    signs = np.array([1.0 if keys[place] & 1 else -1.0 for place in places])
    weights = far[down, across] ** WHITE
    return down, across, np.arange(len(places)) % BITS, signs * weights / np.sqrt(np.mean(weights**2))


@lru_cache(maxsize=8)
def _cosines(length: int, count: int) -> Plane:
    """The first cosines of an orthonormal transform (count, length): a whole transform is not needed."""
    places = (np.arange(length) + 0.5) * np.pi / length
    rows: Plane = np.cos(np.arange(count)[:, None] * places) * (2 / length) ** 0.5
    rows[0] /= 2**0.5
    return rows


def _sums(luma: Plane, band: Band) -> Plane:
    """What the picture says of each bit: the mean of its cosines, each with its sign and weight."""
    down, across, bit, weights = _carriers(band)
    rows, columns = (_cosines(length, band[1] + 1) for length in luma.shape)
    counted = (rows @ luma @ columns.T)[down, across] * weights
    return np.bincount(bit, counted, BITS) / np.bincount(bit, minlength=BITS)


def _pattern(shape: tuple[int, ...], amounts: Plane, band: Band) -> Plane:
    """What has to be added to the brightness so that the sum of each bit changes by its amount."""
    down, across, bit, weights = _carriers(band)
    rows, columns = (_cosines(length, band[1] + 1) for length in shape)
    cosines = np.zeros((len(rows), len(columns)))
    cosines[down, across] = amounts[bit] * weights
    added: Plane = rows.T @ cosines @ columns
    return added
