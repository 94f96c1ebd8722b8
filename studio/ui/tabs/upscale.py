"""Upscale: a picture made larger, and painted over in tiles where that is wanted."""

from studio.recipe import in_group, setting_specs
from studio.ui.tabs.base import Panel, PicturePanel, Tab, TabContext


class Upscale(Tab):
    """The tab; it needs a prompt only where it paints over."""

    label = "Upscale"
    order = 40
    task = "upscale"
    about = "Enlarge a picture, the file `init_image`, with its details made anew."
    takes_picture = True

    def build(self, context: TabContext) -> Panel:
        source = context.source(many=True)
        for name in in_group("upscale"):
            context.place(name, info=setting_specs()[name].help)
        context.switch("strength", label="Paint over in tiles", info="The model adds detail, guided by the prompt.")
        context.place("strength", value=0.3)
        return PicturePanel(source)


TAB = Upscale()
