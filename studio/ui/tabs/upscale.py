"""Upscale: a picture made larger, and painted over in tiles where that is wanted."""

from studio.recipe import in_group, setting_specs
from studio.ui.fast_gradio import gr
from studio.ui.tabs.base import Panel, PicturePanel, Tab, TabContext

# How many times larger, for one click.
TIMES = (2, 4)


class Upscale(Tab):
    """The tab; it needs a prompt only where it paints over."""

    label = "Upscale"
    order = 40
    task = "upscale"
    about = "Enlarge a picture, the file `init_image`, with new details."
    takes_picture = True
    verb = "Upscale"

    def build(self, context: TabContext) -> Panel:
        source = context.source(many=True)
        with gr.Row(elem_classes="times"):
            buttons = {gr.Button(f"{times}×", size="sm", min_width=0): times for times in TIMES}
        fields = {name: context.place(name, info=setting_specs()[name].help) for name in in_group("upscale")}
        for button, times in buttons.items():
            button.click(None, None, [fields["upscale"]], js=f"() => {times}", api_visibility="private")
        context.switch("strength", label="Paint over in tiles", info="The model adds detail, guided by the prompt.")
        context.place("strength", value=0.3)
        return UpscalePanel(source)


class UpscalePanel(PicturePanel):
    """The pictures to enlarge, which are painted over as each was made."""

    adopts = True


TAB = Upscale()
