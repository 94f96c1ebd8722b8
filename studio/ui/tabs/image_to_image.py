"""Image to image: pictures painted over, as far as the strength lets them change."""

from studio.recipe import Recipe, settings
from studio.ui.source import Source
from studio.ui.tabs.base import Desk, Panel, PicturePanel, Tab


class ImageToImage(Tab):
    """The tab; several pictures make one job, a recipe for each."""

    label = "Image to image"
    order = 20
    task = "img2img"
    takes_picture = True

    def build(self, desk: Desk) -> Panel:
        source = desk.source(many=True)
        desk.place("strength")
        desk.place("image_guidance_scale", info=settings()["image_guidance_scale"].help)
        desk.switch("width", "height", "resize", label="Change the size", info="Off: as large as the picture.")
        desk.place("resize", info=settings()["resize"].help)
        return Over(source, desk)


class Over(PicturePanel):
    """The pictures to paint over."""

    def __init__(self, source: Source, desk: Desk) -> None:
        super().__init__(source)
        self.desk = desk

    def opened(self, recipe: Recipe) -> Recipe:
        return self.desk.opened(recipe)


TAB = ImageToImage()
