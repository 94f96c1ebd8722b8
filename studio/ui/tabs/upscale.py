"""Upscale: a picture made larger, and painted over in tiles where that is wanted."""

from studio.recipe import settings
from studio.ui.tabs.base import Desk, Panel, PicturePanel, Tab


class Upscale(Tab):
    """The tab; it needs a prompt only where it paints over."""

    label = "Upscale"
    order = 40
    task = "upscale"
    takes_picture = True

    def build(self, desk: Desk) -> Panel:
        source = desk.source(many=True)
        desk.place("upscaler", info=settings()["upscaler"].help)
        desk.place("upscale", info=settings()["upscale"].help)
        desk.switch("strength", label="Paint over in tiles", info="The model adds detail, guided by the prompt.")
        desk.place("strength", value=0.3)
        return PicturePanel(source)


TAB = Upscale()
