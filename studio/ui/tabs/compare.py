"""Compare: the same prompts by several models, local ones and hosted ones, with what each cost."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Annotated, Any, NotRequired
from urllib.parse import urlencode

from pydantic import Field
from typing_extensions import TypedDict

from studio.compare.calls import GIVEN
from studio.compare.making import Compare
from studio.compare.sheets import FORMS
from studio.compare.store import Column, Comparison, Line, read_lines
from studio.errors import InvalidRequest, Refused, StudioError
from studio.gate.identity import Identity
from studio.hosted.models import Offer, place
from studio.recipe import Recipe
from studio.ui import compare_views
from studio.ui.form import Updates
from studio.ui.island import Island
from studio.ui.listeners import LISTENER, Name, Nothing, Whole, Words, served
from studio.ui.pictures import smaller
from studio.ui.rights import check_held, check_ids
from studio.ui.source import uploaded
from studio.ui.tabs.base import Desk, Panel, Tab

# Pixels of a picture that is brought.
BROUGHT = 128
MOST_LISTED = 100
MOST_USD = 100_000
# Partial images of a hosted picture while it is made.
LOOKS = 1

Told = dict[str, Any]
MOST_COLUMNS = 100


class Keying(TypedDict):
    """A key for a host."""

    host: Name
    key: Name


class Budgeting(TypedDict):
    """What may be spent in a day, in US dollars."""

    usd: NotRequired[Annotated[float, Field(ge=0, le=MOST_USD, allow_inf_nan=False)] | None]


class Ending(TypedDict):
    """A hosted model."""

    model: Name


class Bringing(TypedDict):
    """A file that was uploaded."""

    path: Name


class Asked(TypedDict):
    """A column: a model with its settings, or pictures under a label."""

    name: NotRequired[Name]
    settings: NotRequired[dict[Name, str | int | float] | None]
    label: NotRequired[Name | None]
    pictures: NotRequired[Annotated[list[Name], Field(max_length=1000)] | None]


class Asking(TypedDict):
    """What is to be compared; `id` is what it is added to."""

    id: NotRequired[Name | None]
    prompts: Words
    columns: Annotated[list[Asked], Field(max_length=MOST_COLUMNS)]
    seed: NotRequired[Whole | None]
    base: NotRequired[dict[Name, Any] | None]


class One(TypedDict):
    """A comparison."""

    id: Name


class Looking(One):
    """A comparison, and what of it was seen."""

    seen: NotRequired[Any]


class Handing(One):
    """A comparison in one of its forms."""

    form: Name


class CompareTab(Tab):
    """The tab; it makes nothing by the shared form."""

    label = "Compare"
    order = 70
    offers = "Compare"

    def build(self, desk: Desk) -> Panel:
        return Table(desk)


class Table(Panel):
    """One person's comparisons. The script says which one it shows and asks how it stands."""

    def __init__(self, desk: Desk) -> None:
        self.studio = desk.studio
        self.compare = Compare(desk.studio, looks=LOOKS)
        acts: Mapping[str, Callable[..., Told]] = {
            "facts": self._facts,
            "key": self._key,
            "budget": self._budget,
            "ends": self._ends,
            "bring": self._bring,
            "estimate": self._estimate,
            "begin": self._begin,
            "stop": self._stop,
            "forget": self._forget,
            "look": self._look,
            "hand": self._hand,
        }
        self.widget = Island(
            "versus",
            '<section class="versus" aria-label="Compare"></section>',
            module="compare_tab",
            events=("arrive",),
            acts=served(acts),
        )
        self.extras = (self.widget,)
        self.widget.arrive(self._arrive, None, [self.widget], api_visibility="private", **LISTENER)

    def begin(self, recipes: list[Recipe], who: Identity) -> Updates:
        """A draft of what the form says: its prompts, its model with the settings that were changed."""
        del who
        draft = {
            "prompts": list(dict.fromkeys(" ".join(recipe.prompt.split()) for recipe in recipes)),
            "seed": recipes[0].seed,
            **compare_views.parted(recipes[0]),
        }
        return {self.widget: {"arrived": True, "draft": draft}}

    def _arrive(self) -> Updates:
        """The page can ask from now on."""
        return {self.widget: {"arrived": True}}

    def _facts(self, asked: Nothing, who: Identity) -> Told:
        """What can be compared, what it costs, where keys are missing, and what was compared before."""
        del asked
        catalogue, hosted = self.studio.catalogue, self.compare.hosted
        models = sorted(catalogue.values(), key=lambda model: not catalogue.present(model))
        held = self.compare.store.of(who.owner)[:MOST_LISTED]
        return {
            "local": [compare_views.local(one, here=catalogue.present(one)) for one in models],
            "hosted": [compare_views.offered(offer) for offer in self._offers(held, who)],
            "hosts": {name: place(name) for name in hosted.models.hosts},
            "addresses": who.here,
            "usual": self.studio.settings.model,
            "held": [compare_views.title(one, self.compare) for one in held],
            "budget": hosted.purse.own,
            "most": self.studio.settings.day_budget_usd,
            "refuses": self.studio.settings.unknown_prices == "refuse",
        }

    def _offers(self, held: Sequence[Comparison], who: Identity) -> list[Offer]:
        """The models that there are files of, and others that were compared before."""
        hosted = self.compare.hosted
        known = {offer.name: offer for offer in hosted.models.offers()}
        for column in (column for one in held for column in one.columns if column.kind == "hosted"):
            with suppress(StudioError):
                known.setdefault(column.model, hosted.offer(column.model, who))
        return list(known.values())

    def _money(self) -> Told:
        """What may still be spent today, where there is a budget."""
        return {"left": self.compare.hosted.purse.left()}

    def _key(self, asked: Keying, who: Identity) -> Told:
        """Keep a key for as long as the studio runs; it is told to nobody, not even to the page it came from."""
        self.compare.hosted.keys.put(who, asked["host"], asked["key"])
        return {}

    def _budget(self, asked: Budgeting, who: Identity) -> Told:
        """What may be spent in a day; none ends the page's own budget, not the settings'."""
        usd = asked.get("usd")
        if not who.here:
            raise Refused("This page sets no budget.", "Whoever runs the studio does, by STUDIO_DAY_BUDGET_USD.")
        self.compare.hosted.purse.own = usd
        return self._money()

    def _ends(self, asked: Ending, who: Identity) -> Told:
        """When the service ends a model, by its own word; nothing where it does not say."""
        offer = self.compare.hosted.offer(asked["model"], who)
        key = self.compare.hosted.keys.of(who, offer.host_name, offer.host)
        if key is None:
            return {}
        with suppress(StudioError):
            day = offer.provider.ends(offer, key)
            return {"shutdown": day.isoformat() if day else ""}
        return {}

    def _bring(self, asked: Bringing, who: Identity) -> Told:
        """Store a picture that was made elsewhere."""
        stored = self.studio.inputs.add(uploaded(self.studio, asked["path"]), who=who)
        return {"id": stored.id, "shown": smaller(self.studio.inputs.path(stored.id), BROUGHT)}

    def _estimate(self, asked: Asking, who: Identity) -> Told:
        """What is still to be made would cost, all and each new column a picture, and whose keys there are."""
        lines, new = read_lines(asked["prompts"]), self._columns(asked, who)
        base: Mapping[str, Any] = asked.get("base") or {}
        each = [self.compare.estimate(lines[:1] or [Line("")], [column], base).usd for column in new]
        columns, made = new, set[tuple[int, int]]()
        if name := asked.get("id"):
            whole = self.compare.store.get(name, who.owner)
            known = {line.prompt for line in whole.lines}
            lines = [*whole.lines, *(line for line in lines if line.prompt not in known)]
            columns = [*whole.columns, *(column for column in new if column not in whole.columns)]
            made = {(cell.line, cell.column) for cell in whole.cells if cell.state == "done"}
            base = whole.base
        offers = [self.compare.hosted.offer(column.model, who) for column in columns if column.kind == "hosted"]
        hosts = {offer.host_name: offer.host for offer in offers}
        keys = self.compare.hosted.keys.known(who, hosts)
        costs = self.compare.estimate(lines, columns, base, made)
        return {**asdict(costs), "each": each, "keys": keys, **self._money()}

    def _begin(self, asked: Asking, who: Identity) -> Told:
        """Make a comparison, or extend one and go on."""
        owner, lines, columns = who.owner, read_lines(asked["prompts"]), self._columns(asked, who)
        name = asked.get("id") or ""
        self._check_held(asked, who)
        if name:
            self.compare.extend(name, owner, lines, columns)
        else:
            name = self.compare.create(owner, lines, columns, seed=asked.get("seed"), base=asked.get("base"))
        self.compare.start(name, who)
        return {"id": name}

    def _columns(self, asked: Asking, who: Identity) -> list[Column]:
        return [self._column(one, who) for one in asked["columns"]]

    def _column(self, one: Asked, who: Identity) -> Column:
        if pictures := one.get("pictures"):
            check_ids(self.studio.inputs, pictures, who)
            named = {str(number): picture for number, picture in enumerate(pictures)}
            return Column("imported", "imported", (one.get("label") or "Imported")[:80], named)
        settings, name = urlencode(dict(one.get("settings") or {})), one.get("name", "")
        return self.compare.column(f"{name}?{settings}" if settings else name, who)

    def _check_held(self, asked: Asking, who: Identity) -> None:
        """InvalidRecipe where what all columns share names a picture that is not the owner's."""
        base = {name: value for name, value in (asked.get("base") or {}).items() if name in GIVEN}
        check_held(self.studio.inputs, [Recipe.make(**base)] if base else [], who)

    def _stop(self, asked: One, who: Identity) -> Told:
        self.compare.stop(asked["id"], who.owner)
        return {}

    def _forget(self, asked: One, who: Identity) -> Told:
        self.compare.stop(asked["id"], who.owner)
        self.compare.store.forget(asked["id"], who.owner)
        return self._facts(Nothing(), who)

    def _look(self, asked: Looking, who: Identity) -> Told:
        """How a comparison stands; nothing new where the page has seen that."""
        name, owner = asked["id"], who.owner
        whole = self.compare.store.get(name, owner)
        running, coming = self.compare.running(name), self.compare.coming(name)
        seen = [self.compare.version(name), running, coming]
        if asked.get("seen") == seen:
            return {"same": True}
        told = compare_views.table(whole, self.compare, who, running=running)
        return {**told, "seen": seen, "coming": coming, **self._money()}

    def _hand(self, asked: Handing, who: Identity) -> Told:
        """The comparison in one of its forms, to be saved by the browser."""
        form = FORMS.get(asked["form"])
        if form is None:
            raise InvalidRequest("There is no such form.", f"Choose one of {', '.join(FORMS)}.")
        whole = self.compare.store.get(asked["id"], who.owner)
        return {"name": f"comparison.{asked['form']}", "data": b64encode(form(whole)).decode()}


TAB = CompareTab()
