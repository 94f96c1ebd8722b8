"""The order of the house: what may import what. A module that is not listed, or that looks upwards, fails here."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

STUDIO = Path(__file__).resolve().parent.parent / "studio"

# Each name may import itself and the names above it.
LAYERS = (
    "suggestions",
    "errors",
    "news",
    "parsing",
    "parsing_yaml",
    "schedulers",
    "recipe",
    "shorthand",
    "events",
    "racing",
    "labels",
    "registry",
    "hf_space",
    "settings",
    "logs",
    "gate",
    "large_imports",
    "atomic_files",
    "hub",
    "hub_cache",
    "transfer",
    "safe_fetch",
    "storage",
    "accounts",
    "families",
    "speedups",
    "prompts",
    "presets",
    "hosted",
    "catalogue",
    "openpose",
    "pixels",
    "room",
    "unused",
    "inputs",
    "rights",
    "filmstrip",
    "civitai",
    "safety",
    "controls",
    "metrics",
    "placing",
    "resolve",
    "downloads",
    "metadata",
    "image_features",
    "library",
    "backends.base",  # the contract stands below those who fulfil it
    "engine",
    "backends",
    "backends.zerogpu",
    "backends.choosing",
    "jobs",
    "scorer",
    "measuring",
    "candidates",
    "repeat",
    "warming",
    "studio",
    "live",
    "handover",
    "fonts",
    "lettering",
    "sheets",
    "export",
    "grids",
    "compare",
    "doctor",
    "replay",
    "eject",
    "verify",
    "deploy",
    "training",
    "api",
    "ui",
    "cli",
    "__main__",
)
# Who may import a heavy library; everybody else goes through them.
HEAVY = {
    "gradio": {"ui", "backends.zerogpu"},
    "spaces": {"backends.zerogpu"},
    "torch": {"controls", "engine", "image_features", "metrics", "safety", "speedups", "training", "verify"},
    "diffusers": {"engine", "speedups", "training", "verify"},
    "transformers": {"controls", "engine", "metrics", "training", "verify"},
    "accelerate": {"engine", "training"},
    "peft": {"engine", "training"},
    "safetensors": {"engine", "metrics", "safety", "training"},
    "spandrel": {"engine", "training"},
    "cv2": {"controls", "engine", "export", "metrics", "training"},
    "openai": {"hosted"},
    "fastapi": {"api"},
    "mcp": {"api"},
}
MODULES = sorted(STUDIO.rglob("*.py"))


def layer_of(path: Path) -> str:
    return layer(path.relative_to(STUDIO).with_suffix("").parts)


def layer(parts: Sequence[str]) -> str:
    """The layer of a dotted name below `studio`: its first part, or its first two where those are listed."""
    two = ".".join(parts[:2])
    return two if two in LAYERS else parts[0]


def imports(path: Path) -> Iterator[str]:
    """The dotted names that `path` imports, anywhere in it; `from a import b` counts as a.b."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def wrong_imports(path: Path, own: str) -> list[str]:
    """What `path`, standing in the layer `own`, may not import."""
    allowed = {"__version__", *LAYERS[: LAYERS.index(own) + 1]}
    wrong = []
    for name in imports(path):
        top, *rest = name.split(".")
        if top in HEAVY and own not in HEAVY[top]:
            wrong.append(name)
        if top == "studio" and rest and layer(rest) not in allowed:
            wrong.append(name)
    return wrong


def test_each_module_is_listed_and_looks_only_downwards():
    wrong = {}
    for path in MODULES:
        own = layer_of(path)
        if own == "__init__":
            assert not list(imports(path)), "the package itself imports nothing"
            continue
        assert own in LAYERS, f"{own} has no place in the order of layers"
        wrong[str(path.relative_to(STUDIO))] = wrong_imports(path, own)
    assert not {path: names for path, names in wrong.items() if names}


def test_a_listed_layer_exists():
    assert set(LAYERS) <= {layer_of(path) for path in MODULES}


def test_the_app_of_a_space_leaves_heavy_libraries_to_the_studio():
    assert wrong_imports(STUDIO.parent / "app.py", "cli") == []


def test_a_wrong_way_import_is_seen(tmp_path: Path):
    module = tmp_path / "recipe.py"
    lines = ("def late():", "import torch", "from studio.jobs import Job", "from studio import ui, nowhere")
    module.write_text("\n    ".join(lines))
    assert wrong_imports(module, "recipe") == ["torch", "studio.jobs.Job", "studio.ui", "studio.nowhere"]


@pytest.mark.parametrize("statement", ["import studio.studio", "from studio.cli import parser; parser()"])
def test_nothing_heavy_is_loaded_before_it_is_needed(statement: str):
    code = f"{statement}; import sys; print(sorted(sys.modules.keys() & {sorted(HEAVY)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
