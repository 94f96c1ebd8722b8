"""ControlNet: text to image with its control units in front, and the map of the one in hand as large as the picture."""

from time import time_ns

from studio.gate.identity import Identity
from studio.recipe import Recipe
from studio.ui.fast_gradio import gr
from studio.ui.form import Updates
from studio.ui.ids import Id
from studio.ui.island import Island
from studio.ui.source import Picture
from studio.ui.tabs.base import Panel, Tab, TabContext
from studio.ui.units import SIDE


class ControlNet(Tab):
    """The tab; its units are those of every tab."""

    label = "ControlNet"
    order = 35
    task = "text2img"
    about = "Make pictures from words that keep the edges, depth or pose of another, by `controls`."
    takes_picture = True

    def build(self, context: TabContext) -> Panel:
        return ControlNetPanel(context)

    def says(self, recipe: Recipe) -> bool:
        return super().says(recipe) and bool(recipe.controls) and recipe.hires.scale is None


class ControlNetPanel(Panel):
    """Where the units stand in this tab, and the map beside the gallery; `slot` hands pictures on to the units."""

    def __init__(self, context: TabContext) -> None:
        self.studio = context.studio
        self.slot = Island(Id.CONTROL_SLOT, '<div class="slot"></div>', module="control_slot")
        with gr.Column(elem_classes="editor-pane"):
            Island("control-map", '<div class="map-place"></div>', module="map_preview")
        self.extras = (self.slot,)

    def take(self, picture: Picture, who: Identity) -> Updates:
        return {self.slot: {"picture": picture.facts(self.studio, who, SIDE), "serial": time_ns()}}


TAB = ControlNet()
