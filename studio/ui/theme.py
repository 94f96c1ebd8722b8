"""How the page looks: Gradio's theme made neutral, the style sheets and the font, all from this disk."""

from typing import Any

from studio.settings import ASSETS
from studio.ui import web
from studio.ui.fast_gradio import gr

FOLDER = ASSETS / "theme"
FAVICON = FOLDER / "favicon.svg"
FONT = FOLDER / "fonts" / "Inter.woff2"
# What all of the page shares; the rest lies beside the script that draws it.
PAGE = FOLDER / "page.css"
# Relative to the page, which may be served below another path.
FONT_ADDRESS = f"studio/theme/{FONT.relative_to(FOLDER).as_posix()}"
# Pure greys: a tint of the surroundings colours the picture.
GREY = gr.themes.Color(
    c50="#fafafa", c100="#f2f2f2", c200="#e6e6e6", c300="#d2d2d2", c400="#a6a6a6", c500="#7a7a7a",
    c600="#5c5c5c", c700="#404040", c800="#2a2a2a", c900="#1e1e1e", c950="#161616", name="grey",
)  # fmt: skip
BLUE = gr.themes.Color(
    c50="#eef4ff", c100="#dbe7fd", c200="#bdd3fb", c300="#93b8f8", c400="#78a6f5", c500="#4c82e0",
    c600="#2a5fc0", c700="#234f9f", c800="#1f427f", c900="#1c3867", c950="#12233f", name="blue",
)  # fmt: skip


def theme() -> Any:
    """Gradio's plainest theme in our greys; the style sheet does the rest."""
    return gr.themes.Base(
        primary_hue=BLUE,
        secondary_hue=GREY,
        neutral_hue=GREY,
        font=["Inter", "system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
        radius_size=gr.themes.sizes.radius_md,
        text_size=gr.themes.sizes.text_md,
        spacing_size=gr.themes.sizes.spacing_md,
    )


def css() -> str:
    """The style sheets, with the font's address."""
    face = (
        '@font-face { font-family: "Inter"; font-weight: 400 700; font-display: swap; '
        f'src: url("{FONT_ADDRESS}") format("woff2") }}'
    )
    return f"{face}\n{PAGE.read_text(encoding='utf-8')}\n{web.styles()}"


def head(first: str) -> str:
    """The way to the page's own scripts, and what a phone's browser should know; `first` as of `web.loader`."""
    return (
        '<meta name="color-scheme" content="light dark">'
        '<meta name="theme-color" content="#1e1e1e" media="(prefers-color-scheme: dark)">'
        # Before the first words are drawn, which would move where it came after them.
        f'<link rel="preload" href="{FONT_ADDRESS}" as="font" type="font/woff2" crossorigin>'
        f"<script>{web.loader(first)}</script>"
    )
