"""What lies beside a LoRA about its publication: NAME.civitai.info, as several tools write it, or A1111's NAME.json."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.parsing import ParseError, load_json

CIVITAI, A1111 = ".civitai.info", ".json"
MOST_BYTES = 2**20
# What may be sold with it, by what Civitai calls that.
SOLD = {
    "Image": "pictures made with it may be sold",
    "Rent": "it may be offered as a service",
    "RentCivit": "it may be offered as a service on Civitai",
    "Sell": "it may be sold itself",
}


@dataclass(frozen=True)
class Sidecar:
    """What is told of a file: its words, what it was published as, for which model, its licence, its page."""

    words: tuple[str, ...] = ()
    title: str = ""
    base: str = ""
    licence: str = ""
    page: str = ""

    @classmethod
    def beside(cls, path: Path) -> "Sidecar":
        """What lies beside a file; nothing where that cannot be read, as it is only a help."""
        for ending in (CIVITAI, A1111):
            try:
                written = load_json(place(path, ending), most_bytes=MOST_BYTES, lenient=True)
            except ParseError:
                continue
            if isinstance(written, Mapping):
                return cls.of(written)
        return cls()

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> "Sidecar":
        """What a table of either form tells; what is of another type counts as not said."""
        model = written.get("model")
        names = (model.get("name") if isinstance(model, Mapping) else "", written.get("name"))
        return cls(
            words=tuple(dict.fromkeys(_words(written))),
            title=", ".join(name for name in names if isinstance(name, str) and name),
            base=next((one for key in ("baseModel", "sd version") if isinstance(one := written.get(key), str)), ""),
            licence=_licence(written),
            page=_page(written),
        )


def place(path: Path, ending: str = CIVITAI) -> Path:
    """Where the table of a file lies, or will."""
    return path.with_name(path.name.removesuffix(path.suffix) + ending)


def _words(written: Mapping[str, Any]) -> Iterator[str]:
    """Each may be several with commas between them."""
    given = written.get("trainedWords") or [written.get("activation text")]
    for words in given if isinstance(given, list) else ():
        if isinstance(words, str):
            yield from filter(None, (word.strip() for word in words.split(",")))


def _licence(written: Mapping[str, Any]) -> str:
    """The terms in a sentence; empty where none are told."""
    if "allowCommercialUse" not in written:
        return ""
    uses = written["allowCommercialUse"]
    allowed = uses if isinstance(uses, list) else [uses]
    sold = [words for name, words in SOLD.items() if name in allowed]
    terms = [] if written.get("allowNoCredit", True) else ["name its maker"]
    terms += sold or ["no commercial use"]
    terms += [] if written.get("allowDerivatives", True) else ["no merges"]
    terms += [] if written.get("allowDifferentLicense", True) else ["what is made of it has the same terms"]
    return f"{'; '.join(terms).capitalize()}."


def _page(written: Mapping[str, Any]) -> str:
    """An address of the web, and no other."""
    page = written.get("page")
    return page if isinstance(page, str) and page.startswith(("https://", "http://")) else ""
