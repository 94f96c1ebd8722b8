"""Text to image: all of it is shared but the second pass."""

from studio.recipe import in_group, setting_specs
from studio.ui.tabs.base import Panel, Tab, TabContext


class TextToImage(Tab):
    """The first tab."""

    label = "Text to image"
    order = 10
    task = "text2img"
    about = "Make pictures from words: `prompt`, and any other setting of a recipe by its name."
    # What programs asked for before there were other tabs.
    endpoint = "generate"

    def build(self, context: TabContext) -> Panel:
        with context.after():
            context.switch(
                "hires_scale",
                label="Hires fix",
                info="Enlarge and refine, or refine with another model. More detail, more time.",
            )
            context.place("hires_scale", value=2.0, label="Times larger", info=setting_specs()["hires_scale"].help)
            for name in in_group("hires", without={"hires_scale"}):
                context.place(name, info=setting_specs()[name].help)
        return Panel()


TAB = TextToImage()
