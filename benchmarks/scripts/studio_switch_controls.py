"""What is held in memory before ten switches between the starter's ControlNets, and after them."""

import tempfile

from PIL import Image, ImageDraw

from benchmarks.switch_memory import switch_among
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio

with tempfile.TemporaryDirectory() as home, Studio(Settings.load(home=home, device="cpu"), durable=False) as studio:
    lines = Image.new("RGB", (128, 128))
    ImageDraw.Draw(lines).rectangle((40, 40, 88, 100), outline="white")
    chosen = {"map": studio.inputs.add(lines).id}
    recipe = Recipe(prompt="a red house", model="starter", steps=2, seed=1)
    kinds = ("canny", "depth", "pose")
    switch_among(studio, [recipe.replace(controls=[{"kind": kind, **chosen}]) for kind in kinds])
