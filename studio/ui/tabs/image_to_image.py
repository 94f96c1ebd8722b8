"""Image to image: pictures painted over, as far as the strength lets them change."""

from studio.recipe import Recipe, setting_specs
from studio.ui.source import Source
from studio.ui.tabs.base import Panel, PicturePanel, Tab, TabContext


class ImageToImage(Tab):
    """The tab; several pictures make one job, a recipe for each."""

    label = "Image to image"
    order = 20
    task = "img2img"
    about = "Change a picture, the file `init_image`, by words; `strength` says how far."
    takes_picture = True

    def build(self, context: TabContext) -> Panel:
        source = context.source(many=True)
        context.place("strength")
        context.place("image_guidance_scale", info=setting_specs()["image_guidance_scale"].help)
        context.switch("width", "height", "resize", label="Change the size", info="Off: as large as the picture.")
        context.place("resize", info=setting_specs()["resize"].help)
        return Img2ImgPanel(source, context)


class Img2ImgPanel(PicturePanel):
    """The pictures to paint over."""

    def __init__(self, source: Source, context: TabContext) -> None:
        super().__init__(source)
        self.context = context

    def opened(self, recipe: Recipe) -> Recipe:
        return self.context.opened(recipe)


TAB = ImageToImage()
