"""What stands for a picture until it may be seen: a card for one that is withheld, a blur for one that was flagged."""

import io
import textwrap

from PIL import Image, ImageDraw, ImageFilter, ImageFont

PAPER, INK = (236, 236, 232), (60, 60, 64)
# Letters of fewer pixels cannot be read.
SMALLEST = 6.0


def card(size: tuple[int, int], words: str) -> Image.Image:
    """A picture of this size with these words on it, as large as they go."""
    made = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(made)
    points = max(size) / 8
    while True:
        points = max(SMALLEST, points * 0.9)
        font = ImageFont.load_default(points)
        text = textwrap.fill(words, max(9, int(size[0] / (0.6 * points))))
        left, top, right, bottom = draw.multiline_textbbox((size[0] / 2, size[1] / 2), text, font, "mm", align="center")
        if points == SMALLEST or (right - left <= 0.9 * size[0] and bottom - top <= 0.9 * size[1]):
            break
    draw.multiline_text((size[0] / 2, size[1] / 2), text, INK, font, "mm", align="center")
    return made


def blurred(image: Image.Image) -> Image.Image:
    """The picture so that its colours alone can be told."""
    return image.filter(ImageFilter.GaussianBlur(max(image.size) / 12))


def blurred_jpeg(jpeg: bytes) -> bytes:
    """The same of a look at a picture in the making; empty where it cannot be read."""
    buffer = io.BytesIO()
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
            blurred(image.convert("RGB")).save(buffer, "JPEG", quality=80)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return b""
    return buffer.getvalue()
