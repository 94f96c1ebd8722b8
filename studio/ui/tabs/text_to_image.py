"""Text to image: all of it is shared but the second pass."""

from studio.recipe import settings
from studio.ui.tabs.base import Desk, Panel, Tab


class TextToImage(Tab):
    """The first tab."""

    label = "Text to image"
    order = 10
    task = "text2img"
    # What programs asked for before there were other tabs.
    endpoint = "generate"

    def build(self, desk: Desk) -> Panel:
        with desk.after():
            desk.switch(
                "hires_scale",
                label="Second pass",
                info="Paint it over, larger or by a refiner: more detail, more time.",
            )
            desk.place("hires_scale", value=2.0, label="Times larger", info=settings()["hires_scale"].help)
            for name in ("hires_model", "hires_upscaler", "hires_strength"):
                desk.place(name, info=settings()[name].help)
            info = "Before its strength; automatic: as many as the first, or as the second model is best at."
            desk.place("hires_steps", info=info, placeholder="Automatic", max_lines=1)
        return Panel()


TAB = TextToImage()
