"""Reads what is to be drawn in a prompt: variants, wildcards and variables; the rest stays as it is written."""

import re
from collections.abc import Callable
from dataclasses import replace

from studio.prompts.language import MAX_DEPTH
from studio.prompts.source import NUMBER, WILDCARD, Source, close_it, escape_it
from studio.prompts.template import ONE, Amount, Assign, Choice, Option, Piece, Template, Use, Wildcard
from studio.shorthand import normalized

VARIABLE = r"[^\W\d][\w\-]*"
TOKEN = re.compile(
    r"""
      (?P<escape>   \\. | \\\Z )
    | (?P<tag>      <(?:lora|lyco):(?:\\.|[^<>\\\n])*> )
    | (?P<comment>  \#[^\n]* )
    | (?P<wildcard> """
    + WILDCARD
    # With variables in its name or behind it.
    + r""" | (?<!\w)__(?=\S)(?:\$\{[^{}\n]*\}|(?!__)[^\n\\{}|<>(])+(?:\((?:[^(){}\n]|\{[^{}\n]*\})*\))?__(?!\w) )
    | (?P<variable> \$\{\s*(?P<name>"""
    + VARIABLE
    + r""")\s*(?P<how>\??=\s*!?|:|(?=\})) )
    | (?P<sign>     [{}|\[\]] )
    | (?P<words>    (?:[^\\\#{}|\[\]_<$]|\$(?!\{))+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)
# What of a LoRA's name would mean something else in a prompt.
MEANING = re.compile(r"(\\.)|(_(?=_)|[#{}])")
# What dynamic prompts write before the words of a variant, or before the name of a list, to say how it is drawn.
SAMPLERS = {"@": "in turn", "!": "as all combinations"}
AMOUNT = re.compile(r"\s*(?:([0-9]{1,3})(-?)([0-9]{0,3})|-([0-9]{1,3}))\$\$(?:(\s*\|\s*|[^${}|]*)\$\$)?")
WEIGHT = re.compile(r"\s*([+\-0-9.,]+)::")
# The variables that a call gives its list.
GIVEN = re.compile(r"(?P<name>.+?)\s*\((?P<given>[^()=]+=[^()]*)\)", re.DOTALL)
EACH = re.compile(rf"\s*(?P<name>{VARIABLE})\s*=\s*(?P<value>(?:\{{[^{{}}]*\}}|[^,{{}}])*)(?:,|\Z)")


def read_template(source: Source, is_lora: Callable[[str], bool]) -> Template:
    """Read what is to be drawn; all else stays as it is, and so do the mentions of what `is_lora`.

    InvalidPrompt names the place of a fault.
    """
    return tuple(_Reader(source, is_lora, comments=True).nodes())


def read_entry(source: Source, is_lora: Callable[[str], bool]) -> Template:
    """Read a line of a list: without its comment and the space at its ends."""
    return _stripped(_Reader(source, is_lora, comments=False).nodes())


def read_weight(source: Source, position: int) -> tuple[float, int]:
    """The weight before an option, 1 where none is said, and where its words begin."""
    match = WEIGHT.match(source.text, position)
    if match is None:
        return 1.0, position
    if not NUMBER.fullmatch(match[1]) or match[1].startswith(("-", "+")):
        source.fail(match.start(1), f"“{match[1]:.20}” is not a weight.", "Write it like {0.5::a|b}.")
    return source.number(match[1], match.start(1)), match.end()


class _Open:
    """A brace that is open: its finished options, and the one that is being read; or the value of a variable."""

    def __init__(self, position: int, variable: re.Match[str] | None = None) -> None:
        self.position = position
        self.variable = variable
        self.amount: Amount | None = None
        self.options: list[Option] = []
        self.begin(position)

    def begin(self, position: int, weight: float = 1.0) -> None:
        self.start = position
        self.weight = weight
        self.squares = 0
        self.nodes: list[Piece] = []


class _Reader:
    """Reads the text of a source up to `end`."""

    def __init__(
        self, source: Source, is_lora: Callable[[str], bool], *, comments: bool, end: int | None = None
    ) -> None:
        self.source = source
        self.is_lora = is_lora
        self.comments = comments
        self.end = len(source.text) if end is None else end
        self.open = [_Open(0)]

    def nodes(self, position: int = 0) -> list[Piece]:
        while token := TOKEN.match(self.source.text, position, self.end):
            position = token.end()
            match token.lastgroup:
                case "sign":
                    position = self.sign(token[0], token.start())
                case "tag":
                    position = self.tag(token[0], token.start())
                case "wildcard":
                    self.open[-1].nodes.append(self.wildcard(token[0], token.start()))
                case "variable":
                    self.push(_Open(token.start(), token))
                case "comment" if not self.comments or len(self.open) > 1:
                    pass  # it would take along what is drawn behind it
                case _ if token[0] != "\\":  # at the very end it escapes nothing
                    self.open[-1].nodes.append(token[0])
        if len(self.open) > 1:
            self.source.fail(self.open[-1].position, "{ is never closed.", close_it("{", "}"))
        return self.open[0].nodes

    def within(self, start: int, end: int) -> Template:
        """What stands there, read by itself."""
        return _stripped(_Reader(self.source, self.is_lora, comments=False, end=end).nodes(start))

    def push(self, brace: _Open) -> None:
        if len(self.open) > MAX_DEPTH:
            self.source.fail(brace.position, f"Braces are nested deeper than {MAX_DEPTH}.", "Use a wildcard file.")
        self.open.append(brace)

    def tag(self, tag: str, position: int) -> int:
        """A LoRA that there is stays, whatever its name holds; in any other mention something may be drawn."""
        name = re.sub(r"\\(.)", r"\1", re.split(r"(?<!\\):", tag[:-1])[1])
        if not self.is_lora(name):
            self.open[-1].nodes.append(tag[0])
            return position + 1
        self.open[-1].nodes.append(MEANING.sub(lambda found: found[1] or f"\\{found[2]}", tag))
        return position + len(tag)

    def wildcard(self, call: str, position: int) -> Wildcard:
        whole = call[2:-2]
        if whole[0] in SAMPLERS:
            self.check_sampler(whole[0], position)
        start = position + 2 + whole.startswith("~")
        whole = whole.removeprefix("~")
        behind = GIVEN.fullmatch(whole)
        name = behind["name"] if behind else whole
        return Wildcard(
            _unescaped(name),
            position,
            parts=self.within(start, start + len(name)) if "${" in name else (),
            given=self.given(start + behind.start("given"), start + behind.end("given")) if behind else (),
            call=_unescaped(whole),
        )

    def given(self, start: int, end: int) -> tuple[Assign, ...]:
        """The variables that a call gives its list, from `x=a, y=b`."""
        found = []
        while start < end:
            each = EACH.match(self.source.text, start, end)
            if not each:
                self.source.fail(start, "This sets no variable.", "Write __name(season=winter)__.")
            value = self.within(each.start("value"), each.end("value"))
            found.append(Assign(normalized(each["name"]), value, start))
            start = each.end()
        return tuple(found)

    def check_sampler(self, sign: str, position: int) -> None:
        fault = f"{sign} would draw {SAMPLERS[sign]}, which there is not: each picture draws from its seed."
        self.source.fail(position, fault, f"Leave {sign} out, or make a grid over the words.")

    def sign(self, sign: str, position: int) -> int:
        """Read a brace, bracket or bar; where to read on."""
        here = self.open[-1]
        if sign == "{":
            before = self.source.text[max(0, position - 2) : position]
            if before.endswith("$") and before not in ("$$", "\\$"):
                cure = r"Write ${name=words} and then ${name}, or \$ for the character itself."
                self.source.fail(position - 1, "A variable's name is missing here.", cure)
            self.push(_Open(position))
            return self.begin_option(position + 1)
        if sign == "}":
            if len(self.open) == 1:
                self.source.fail(position, "There is nothing for } to close.", escape_it("}"))
            self.open.pop()
            if here.variable:
                return self.close_variable(here, here.variable, position + 1)
            self.open[-1].nodes.append(self.choice(here))
        elif sign == "|" and len(self.open) > 1 and not here.squares and not here.variable:
            self.end_option(here)
            return self.begin_option(position + 1)
        else:
            # The bars of [a|b] are that one's own.
            here.squares = max(0, here.squares + {"[": 1, "]": -1}.get(sign, 0))
            here.nodes.append(sign)
        return position + 1

    def close_variable(self, here: _Open, head: re.Match[str], end: int) -> int:
        """Take a variable that is used or set; where to read on: what is set leaves no blanks behind."""
        name, how, value = normalized(head["name"]), head["how"], _stripped(here.nodes)
        nodes = self.open[-1].nodes
        if "=" not in how:
            nodes.append(Use(name, value if how else None, here.position))
            return end
        keeps = how.startswith("?")
        if not keeps and any(isinstance(node, Assign) and node.name == name for node in nodes):
            cure = f"Give the second one another name: it has one value in all of a text, or write ${{{name}?=...}}."
            self.source.fail(here.position, f"The variable {name} is set twice.", cure)
        apart = here.position == 0 or self.source.text[here.position - 1].isspace() or not nodes
        nodes.append(Assign(name, value, here.position, once=how.endswith("!"), keeps=keeps))
        return self.blanks(end) if apart else end

    def blanks(self, position: int) -> int:
        """Where the blanks end that begin there."""
        behind = self.source.text[position : self.end]
        return position + len(behind) - len(behind.lstrip())

    def begin_option(self, position: int) -> int:
        """Read amount and weight before an option; where its words begin."""
        here = self.open[-1]
        if match := AMOUNT.match(self.source.text, position):
            if here.amount is not None:
                self.source.fail(position, "These braces already say how many.", "Say it once: {2$$a|b|c}.")
            here.amount = self.amount(match)
        start = match.end() if match else position
        here_sign = self.source.text[start : start + 1]
        if here_sign in SAMPLERS and not here.options:
            self.check_sampler(here_sign, start)
        start += here_sign == "~" and not here.options
        weight, end = read_weight(self.source, start)
        here.begin(position, weight)
        return end

    def amount(self, match: re.Match[str]) -> Amount:
        low, dash, high, up_to, separator = match.groups()
        least, most = (1, int(up_to)) if up_to else (int(low), int(high or low))
        if most < least:
            self.source.fail(match.start(), f"From {least} to {most} is not a range.", "Say the smaller number first.")
        return Amount(least, None if dash and not high else most, ", " if separator is None else separator)

    def end_option(self, here: _Open) -> None:
        nodes = _stripped(here.nodes)
        here.options.append(Option(nodes, here.weight))

    def choice(self, here: _Open) -> Choice | Wildcard:
        self.end_option(here)
        amount = here.amount or ONE
        if not any(option.nodes for option in here.options):
            cure = r"Write words between the bars, {red|blue}, or \{ for the character itself."
            self.source.fail(here.start, "Every option in these braces is empty.", cure)
        first = next(iter(here.options[0].nodes), "")
        if len(here.options) == len(here.options[0].nodes) == 1 and isinstance(first, Wildcard) and first.amount == ONE:
            return replace(first, amount=amount)
        return Choice(tuple(here.options), here.position, amount)


def _stripped(nodes: list[Piece]) -> Template:
    """Without the space at both ends; an escaped one stays."""
    kept = list(nodes)
    while kept and isinstance(kept[0], str) and not kept[0].lstrip():
        kept.pop(0)
    while kept and isinstance(kept[-1], str) and not kept[-1].rstrip():
        kept.pop()
    if kept and isinstance(kept[0], str):
        kept[0] = kept[0].lstrip()
    if kept and isinstance(kept[-1], str) and not kept[-1].startswith("\\"):
        kept[-1] = kept[-1].rstrip()
    return tuple(kept)


def _unescaped(name: str) -> str:
    return re.sub(r"\\(.)", r"\1", name)
