"""The Space's README: what the hub reads from its head, and what people read."""

from collections.abc import Sequence
from importlib.metadata import version

from studio.catalogue.models import Model
from studio.deploy.request import DeployRequest
from studio.hf_space import INFERENCE

TITLE = "Image Studio"
# The hub takes 60 characters.
SHORT = "Make and change images with diffusion models"
PYTHON = "3.12"
TAGS = ("image-studio", "text-to-image", "image-to-image", "inpainting", "controlnet", "lora", "diffusers")
BODY = """\
# Image Studio

A web studio for making images with diffusion models. Its embedded model, Starter, needs no download; it draws small,
simple scenes and knows few words.{more}

Pictures are seen only by the visitor who made them. {kept}

To have one of your own, choose “Duplicate this Space” in its menu.
"""
KEPT = "They are kept in the owner's bucket; each carries the recipe that made it."
LOST = "Nothing is kept: they are gone when the Space restarts, so save what you like."


def card(request: DeployRequest, models: Sequence[Model]) -> str:
    """The README of a Space that offers `models` beside the embedded one."""
    from huggingface_hub import SpaceCardData

    repos = [model.repo for model in models if model.repo]
    head = SpaceCardData(
        title=TITLE,
        emoji="🎨",
        colorFrom="gray",
        colorTo="blue",
        sdk="gradio",
        sdk_version=version("gradio"),
        python_version=PYTHON,
        app_file="app.py",
        short_description=SHORT,
        license="apache-2.0",
        tags=list(TAGS),
        models=repos or None,
        suggested_hardware=request.hardware,
        hf_oauth=True,
        hf_oauth_scopes=[INFERENCE],
        # Weights are fetched while it starts.
        startup_duration_timeout="1h" if repos else None,
        fullWidth=True,
        pinned=False,
    )
    names = " and ".join(filter(None, [", ".join(model.name for model in models[:-1]), *(m.name for m in models[-1:])]))
    more = f" Beside it there is {names}, under a licence of its own." if names else ""
    return f"---\n{head.to_yaml()}\n---\n\n{BODY.format(more=more, kept=KEPT if request.keeps else LOST)}"
