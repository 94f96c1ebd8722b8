"""LoRA: the library of LoRAs as a page, with the stack beside it, and grids that try its weights."""

from studio.ui.events import served
from studio.ui.island import Island
from studio.ui.lora_browser import LOOKS, LoraBrowser
from studio.ui.tabs.base import Panel, Tab, TabContext


class LoraTab(Tab):
    """The tab; its stack is that of the panel beside the prompt, and what it tries is made as grids."""

    label = "LoRA"
    order = 37

    def build(self, context: TabContext) -> Panel:
        Island(
            "lora-page",
            '<section class="lora-page" aria-label="LoRA library"></section>',
            module="lora_tab",
            acts=served(LoraBrowser(context.studio, context.form).acts, looks=LOOKS),
        )
        return Panel()


TAB = LoraTab()
