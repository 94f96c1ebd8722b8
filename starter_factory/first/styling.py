"""The looks that a finished drawing can take."""

import cv2
import numpy as np

from starter_factory.first.canvas import Image


def restyle(image: Image, style: str, rng: np.random.Generator) -> Image:
    """The drawing in one of the styles; "illustration" is the drawing itself."""
    match style:
        case "pencil sketch":
            return _pencil(image)
        case "watercolour":
            return _watercolour(image, rng)
        case "pixel art":
            return _pixel_art(image)
        case _:
            return image


def _pencil(image: Image) -> Image:
    """Dark outlines on cream paper under a thin wash of the colours."""
    scale = min(image.shape[:2]) / 128
    # One pixel more than a line is wide.
    kernel = np.ones((1 + max(1, round(scale)),) * 2, np.uint8)
    outline = cv2.morphologyEx(image, cv2.MORPH_GRADIENT, kernel).max(axis=2, keepdims=True)
    paper = np.array((246, 242, 232), np.float32)
    wash = paper * 0.72 + image.astype(np.float32) * 0.28
    return np.asarray(wash * (1 - 0.85 * np.clip(outline / 110.0, 0, 1)), np.uint8)


def _watercolour(image: Image, rng: np.random.Generator) -> Image:
    """Pale, wavering shapes with a wet rim, fading into the paper at the picture's edge."""
    height, width = image.shape[:2]
    side = min(height, width)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32) / side
    phase = rng.uniform(0, 2 * np.pi, 4)
    sway_x = 0.008 * np.sin(20 * rows + phase[0]) * np.sin(9 * columns + phase[1])
    sway_y = 0.008 * np.sin(18 * columns + phase[2]) * np.sin(10 * rows + phase[3])
    bent = cv2.remap(
        image,
        ((columns + sway_x) * side).astype(np.float32),
        ((rows + sway_y) * side).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    soft = cv2.GaussianBlur(bent, (0, 0), 0.007 * side).astype(np.float32)
    pale = 255 - (255 - soft) * 0.68
    edge = np.minimum.reduce([rows, columns, height / side - rows, width / side - columns])
    fade = np.clip((edge - 0.02 + 0.012 * np.sin(24 * (rows + columns) + phase[0])) / 0.05, 0, 1)[..., None]
    return np.asarray(pale * fade + 252 * (1 - fade), np.uint8)


def _pixel_art(image: Image) -> Image:
    """32 blocks along the shorter side, in few levels of each colour."""
    height, width = image.shape[:2]
    block = max(2, min(height, width) // 32)
    small = cv2.resize(image, (width // block, height // block), interpolation=cv2.INTER_AREA).astype(np.float32)
    levels = np.clip(np.round(small / 36) * 36, 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(levels, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
