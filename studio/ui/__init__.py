"""The page: a recipe's form on the left, pictures on the right, in Gradio."""

from studio.ui.server import launch, serve
from studio.ui.shell import page

__all__ = ["launch", "page", "serve"]
