"""The upscalers that there are: the .safetensors files of the home's `upscalers` folder and those that come with us."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from studio.atomic_files import visible
from studio.catalogue.sources import not_here
from studio.catalogue.tensor_files import PICKLES, refuse_pickle
from studio.errors import AmbiguousModel, UnknownModel
from studio.presets.reading import read_toml
from studio.settings import ASSETS, PRESETS, Settings
from studio.shorthand import apart, folded, normalized
from studio.suggestions import near

# Without weights: a filter on the pixels, and a linear one on the latents, which only a second pass can take.
LANCZOS = "lanczos"
LATENT = "latent"


class Published(BaseModel):
    """An upscaler that can be had from the hub: `file` of `repo` comes into the home's `upscalers`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    summary: str
    licence: str
    repo: str
    file: Annotated[str, Field(pattern=r"^[^/]+\.safetensors$")]
    download_bytes: Annotated[int, Field(ge=1)]


def published(*folders: Path) -> dict[str, Published]:
    """Those that the project names, then those of `folders`, such as the home's; InvalidPreset."""
    found = {}
    for path in (path for folder in (PRESETS, *folders) for path in sorted((folder / "upscalers").glob("*.toml"))):
        one = read_toml(path, Published)
        found[Path(one.file).stem] = one
    return found


class Upscalers(Mapping[str, Path]):
    """Each upscaler's weights by its name, the home's over ours; looked up anew each time, as files come and go."""

    def __init__(self, settings: Settings) -> None:
        self._folders = (ASSETS / "upscalers", settings.home / "upscalers")

    def __getitem__(self, name: str) -> Path:
        """The weights of `name`; ModelError with the names that there are, or the reason why a file is refused."""
        files = self._files()
        name = normalized(name).removesuffix(".safetensors")
        same = [known for known in files if folded(known) == folded(name)]
        # Names that differ in the form of their accents alone are one name.
        exact = [known for known in same if normalized(known) == name]
        if len(exact) == 1 or len(same) == 1:
            return files[(exact or same)[0]]
        if same:
            cure = "Write the name exactly as it is, or rename one."
            raise AmbiguousModel(f"“{name}” may be {' or '.join(same)}.", cure)
        for folder in self._folders:
            for pickle in visible(folder, *PICKLES):
                if name in (pickle.stem, pickle.name):
                    refuse_pickle(pickle)
        if name in published():
            raise not_here(f"The upscaler “{name}”", name)
        raise UnknownModel(
            f"There is no upscaler “{name}”.",
            f"{near(name, [LANCZOS, *files])} Others are put as .safetensors into {self._folders[-1]}.",
        )

    def best(self, *, starter: bool = False) -> str:
        """The best that is here: the largest of the home's, ours for pictures of the starter's world, else a filter."""
        files = self._files()
        own = [name for name, path in files.items() if not path.is_relative_to(self._folders[0])]
        if own:
            return max(own, key=lambda name: files[name].stat().st_size)
        return next(iter(files), LANCZOS) if starter else LANCZOS

    def __contains__(self, name: object) -> bool:
        return name in self._files()

    def __iter__(self) -> Iterator[str]:
        return iter(self._files())

    def __len__(self) -> int:
        return len(self._files())

    def _files(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for folder in self._folders:
            here: dict[str, Path] = {}
            for path in visible(folder, ".safetensors"):
                name = normalized(path.stem)
                if path.is_file():
                    here[apart(name) if name in here else name] = path
            found |= here
        return found
