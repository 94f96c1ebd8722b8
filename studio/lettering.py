"""Words drawn in any script: each letter by the first font that has it, in the order and shapes of its script."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from PIL import ImageDraw, ImageFont, features

from studio.fonts import Font, font_of

LINE = 1.35
SPACES = re.compile(r"(\s+)")
RIGHT_TO_LEFT, LEFT_TO_RIGHT = ("R", "AL"), ("L", "EN", "AN")
# What follows a letter and belongs to it: marks, joiners, variants, and the tones of a hand or face.
TONES = range(0x1F3FB, 0x1F400)
# Scripts whose letters change with their neighbours, which takes a library that Pillow may lack.
SHAPED = (range(0x0590, 0x0900), range(0x0900, 0x0E00), range(0x0F00, 0x10A0), range(0x1780, 0x1800))
MIRRORED = str.maketrans("()[]{}<>«»‹›", ")(][}{><»«›‹")
CURE = "The sheet as HTML shows them, or pip install 'image-studio[fonts]' brings fonts of most scripts."


@dataclass(frozen=True)
class Run:
    """Letters of one font and one direction; without a font nothing here has them."""

    words: str
    font: Font | None
    is_back: bool


class Lettering:
    """Letters of a size in pixels."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._own = Font()

    def length(self, words: str) -> float:
        """How wide a line of these words is, in pixels."""
        return sum(self._font(run).getlength(run.words) for run in self._runs(words))

    def draw(self, pen: ImageDraw.ImageDraw, words: str, at: tuple[float, float], ink: str) -> None:
        """Draw a line of words, its top left corner there."""
        left, top = at
        for run in _in_order(self._runs(words), is_back=is_back(words)):
            font, shown = self._font(run), run.words
            turns = run.is_back and font.layout_engine == ImageFont.Layout.RAQM
            if run.is_back and not turns:  # spaces and signs, in the font that has no need of turning
                shown = shown[::-1].translate(MIRRORED)
            pen.text((left, top + self.size), shown, ink, font, "ls", direction="rtl" if turns else None)
            left += font.getlength(shown)

    def write(self, pen: ImageDraw.ImageDraw, words: str, box: tuple[int, int, int, int], ink: str) -> None:
        """Words in a box (left, top, width, height), broken into lines; what finds no room is cut off."""
        left, top, width, height = box
        lines, room = [*self._lines(words, width)], max(int(height / (self.size * LINE)), 1)
        if len(lines) > room:
            lines = [*lines[: room - 1], f"{lines[room - 1]}…"]
        for row, line in enumerate(lines):
            short = line
            while len(short) > 1 and self.length(short) > width:
                short = f"{short[:-2]}…"
            begin = left + width - self.length(short) if is_back(short) else left
            self.draw(pen, short, (begin, top + row * self.size * LINE), ink)

    def lacks(self, words: str) -> set[str]:
        """The letters that no font here has, or that cannot be drawn in their shapes."""
        return {letter for run in self._runs(words) if run.font is None for letter in run.words}

    def _lines(self, words: str, width: int) -> Iterator[str]:
        line = ""
        for space, piece in _pieces(words):
            longer = f"{line}{space}{piece}" if line else piece
            if self.length(longer) <= width:
                line = longer
                continue
            if line:
                yield line
            line = piece
            while self.length(line) > width and len(_letters(line)) > 1:  # no space in it, as in Thai
                line, rest = self._cut(line, width)
                if not rest:
                    break
                yield line
                line = rest
        if line:
            yield line

    def _cut(self, word: str, width: int) -> tuple[str, str]:
        """What of a word fits, a letter at least, and what is left."""
        letters = _letters(word)
        count = next(
            (n for n in range(1, len(letters)) if self.length("".join(letters[: n + 1])) > width), len(letters)
        )
        return "".join(letters[:count]), "".join(letters[count:])

    def _runs(self, words: str) -> list[Run]:
        chosen = (font for word in SPACES.split(words) for font in self._fonts(word))
        found = zip(words, chosen, _directions(words), strict=True)
        groups = groupby(found, lambda one: one[1:])
        return [Run("".join(one[0] for one in some), *key) for key, some in groups]

    def _fonts(self, word: str) -> Iterator[Font | None]:
        """The font of each letter of a word: one that has all of them, else of each the first that has it."""
        if word.isspace():
            yield from [self._own] * len(word)
            return
        own = {letter: self._found(letter) for letter in dict.fromkeys(word) if not _belongs(letter)}
        whole = (font for font in dict.fromkeys(own.values()) if font and all(map(font.has, own)))
        shared, before = next(whole, None), self._own
        for letter in word:
            # Marks keep to the font of the letter before.
            font = shared or own.get(letter, before)
            before = font or self._own
            yield font

    def _found(self, letter: str) -> Font | None:
        return font_of(letter, self.size) if shapes() or not _is_shaped(letter) else None

    def _font(self, run: Run) -> ImageFont.FreeTypeFont:
        found = (run.font or self._own).at(self.size) or self._own.at(self.size)
        if found is None:
            raise RuntimeError("Pillow was built without FreeType")
        return found


def note(words: Iterable[str], size: int) -> str:
    """What is said where letters of these words cannot be drawn: of which scripts they are, and what helps."""
    lettering = Lettering(size)
    missing = set[str]().union(*map(lettering.lacks, words))
    if not missing:
        return ""
    scripts = sorted({_script(letter) for letter in missing})
    return f"{len(missing)} letters have no glyph in the fonts that are here ({', '.join(scripts)}). {CURE}"


def is_back(words: str) -> bool:
    """Whether words are read from the right, by the first letter that says so."""
    strong = (unicodedata.bidirectional(letter) for letter in words)
    return next((one in RIGHT_TO_LEFT for one in strong if one in (*RIGHT_TO_LEFT, "L")), False)


def shapes() -> bool:
    """Whether Pillow has what gives letters the shapes and the order of their script."""
    return bool(features.check("raqm"))


def _directions(words: str) -> list[bool]:
    """For each letter whether it is read from the right; spaces and signs as both their neighbours, else as all."""
    kinds = [unicodedata.bidirectional(letter) for letter in words]
    known = [True if kind in RIGHT_TO_LEFT else False if kind in LEFT_TO_RIGHT else None for kind in kinds]
    base, ahead = is_back(words), list[bool | None]()
    for one in reversed(known):
        ahead.append(one if one is not None else ahead[-1] if ahead else None)
    found: list[bool] = []
    behind: bool | None = None
    for one, after in zip(known, reversed(ahead), strict=True):
        behind = behind if one is None else one
        between = base if behind is None or behind != after else behind
        found.append(between if one is None else one)
    return found


def _in_order(runs: list[Run], *, is_back: bool) -> list[Run]:
    """Runs from left to right: what is read the other way than all stands in turned order."""
    found: list[Run] = []
    for _, some in groupby(runs[::-1] if is_back else runs, lambda run: run.is_back):
        group = [*some]
        found += group if group[0].is_back == is_back else group[::-1]
    return found


def _pieces(words: str) -> Iterator[tuple[str, str]]:
    """What a line may end after, and what stands before it: words, and each sign of scripts without spaces."""
    for word in words.split():
        space, piece = " ", ""
        for letter in _letters(word):
            wide = unicodedata.east_asian_width(letter[0]) in "WF" and letter[0].isalpha()
            if wide and piece:
                yield space, piece
                space, piece = "", ""
            piece += letter
            if wide:
                yield space, piece
                space, piece = "", ""
        if piece:
            yield space, piece


def _letters(word: str) -> list[str]:
    """The letters of a word, each with what belongs to it."""
    found: list[str] = []
    for letter in word:
        if found and (_belongs(letter) or found[-1].endswith("\u200d")):
            found[-1] += letter
        else:
            found.append(letter)
    return found


def _belongs(letter: str) -> bool:
    return unicodedata.category(letter) in ("Mn", "Mc", "Me", "Cf") or ord(letter) in TONES


def _is_shaped(letter: str) -> bool:
    return any(ord(letter) in some for some in SHAPED)


def _script(letter: str) -> str:
    """What script a letter is of, by its name."""
    name = unicodedata.name(letter, "unknown").split("-")[0].split()[0]
    return name if name == "CJK" else name.capitalize()
