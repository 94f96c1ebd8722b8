"""The one digest of a picture's pixels: what stored inputs are named by, and what tells pictures that are the same."""

from hashlib import sha256

from PIL.Image import Image

# Rows that are hashed at a time, so that no second copy of a large picture is made.
BAND = 256


def digest(picture: Image) -> str:
    """SHA-256 of mode, size and pixels, as 64 hexadecimal digits, whatever file the picture comes from."""
    width, height = picture.size
    found = sha256(f"{picture.mode} {width}x{height} ".encode())
    for top in range(0, height, BAND):
        found.update(picture.crop((0, top, width, min(top + BAND, height))).tobytes())
    return found.hexdigest()
