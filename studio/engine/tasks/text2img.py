"""Text to image: from noise alone."""

from collections.abc import Iterator

from PIL.Image import Image

from studio.engine.painter import Painter


def paint(painter: Painter) -> Iterator[tuple[int, Image]]:
    """Yield each image with its number."""
    recipe = painter.recipe
    size = (int(recipe.width or 0), int(recipe.height or 0))
    stage = painter.stage("text2img", size, int(recipe.steps or 0))
    painter.progress.expect([stage])
    for piece, latents in painter.paint(stage, painter.pieces(painter.maps(size))):
        yield piece.image, painter.picture(stage, piece, latents)
