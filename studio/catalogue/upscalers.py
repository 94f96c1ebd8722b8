"""The upscalers that there are: the .safetensors files of the home's `upscalers` folder and those that come with us."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from studio.catalogue.tensor_files import PICKLES, refuse_pickle
from studio.errors import ModelError
from studio.settings import ASSETS, Settings

# Without weights: a filter on the pixels, and a linear one on the latents, which only a second pass can take.
LANCZOS = "lanczos"
LATENT = "latent"


class Upscalers(Mapping[str, Path]):
    """Each upscaler's weights by its name, the home's over ours; looked up anew each time, as files come and go."""

    def __init__(self, settings: Settings) -> None:
        self._folders = (ASSETS / "upscalers", settings.home / "upscalers")

    def __getitem__(self, name: str) -> Path:
        """The weights of `name`; ModelError with the names that there are, or the reason why a file is refused."""
        files = self._files()
        if name in files:
            return files[name]
        for folder in self._folders:
            for pickle in (path for path in folder.glob("*") if path.suffix.lower() in PICKLES):
                if name in (pickle.stem, pickle.name):
                    refuse_pickle(pickle)
        close = get_close_matches(name, files, n=3, cutoff=0.5)
        known = dict.fromkeys([*close, LANCZOS, *files])
        raise ModelError(
            f"There is no upscaler “{name}”.",
            f"Known are: {', '.join(known)}. Others are put as .safetensors into {self._folders[-1]}.",
        )

    def __contains__(self, name: object) -> bool:
        return name in self._files()

    def __iter__(self) -> Iterator[str]:
        return iter(self._files())

    def __len__(self) -> int:
        return len(self._files())

    def _files(self) -> dict[str, Path]:
        return {path.stem: path for folder in self._folders for path in sorted(folder.glob("*.safetensors"))}
