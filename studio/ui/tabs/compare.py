"""Compare: the same prompts by several models, local ones and hosted ones, with what each cost."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any, NotRequired
from urllib.parse import urlencode

from pydantic import Field
from typing_extensions import TypedDict

from studio.compare.making import Compare
from studio.compare.sheets import FORMS
from studio.compare.store import Comparison, Contestant, Line, read_lines
from studio.errors import InvalidRequest, Refused, StudioError
from studio.gate.identity import Identity
from studio.hosted.models import HostedEndpoint, place
from studio.recipe import Recipe, setting_specs
from studio.rights import check_held, check_ids
from studio.suggestions import did_you_mean
from studio.ui import axis_fields, compare_views
from studio.ui.events import LISTENER, Act, Name, Nothing, Whole, Words, served
from studio.ui.form import Updates
from studio.ui.island import Island
from studio.ui.pictures import smaller
from studio.ui.schemas.arena import EncodedFile
from studio.ui.schemas.compare import CompareEstimate, CompareFacts, ComparisonView, SameComparison
from studio.ui.schemas.grids import GridOffer
from studio.ui.source import uploaded
from studio.ui.tabs.base import Panel, Tab, TabContext

# Pixels of a picture that is brought.
BROUGHT = 128
MOST_LISTED = 100
MOST_USD = 100_000

Answer = dict[str, Any]
MOST_COLUMNS = 100
# What the comparison itself says, and what is no single value.
SETTABLE = setting_specs().keys() - {"prompt", "model", "seed", "count", "styles", "negative_presets"}


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


class Fielding(Ending):
    """A model of this machine, and what all columns share."""

    base: NotRequired[dict[Name, Any] | None]


class Bringing(TypedDict):
    """A file that was uploaded."""

    path: Name


class ColumnEvent(TypedDict):
    """A column: a model with its settings, or pictures under a label."""

    name: NotRequired[Name]
    settings: NotRequired[dict[Name, str | int | float] | None]
    label: NotRequired[Name | None]
    pictures: NotRequired[Annotated[list[Name], Field(max_length=1000)] | None]


class CompareEvent(TypedDict):
    """What is to be compared; `id` is what it is added to."""

    id: NotRequired[Name | None]
    prompts: Words
    columns: Annotated[list[ColumnEvent], Field(max_length=MOST_COLUMNS)]
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

    def build(self, context: TabContext) -> Panel:
        return ComparePanel(context)


class ComparePanel(Panel):
    """One person's comparisons. The script says which one it shows and asks how it stands."""

    def __init__(self, context: TabContext) -> None:
        self.studio = context.studio
        self.consent = context.consent
        self.compare = Compare(context.studio)
        acts: Mapping[str, Act] = {
            "facts": self._facts,
            "key": self._key,
            "budget": self._budget,
            "ends": self._ends,
            "fields": self._fields,
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
            acts=served(acts, looks=["facts", "fields", "estimate", "look", "hand"]),
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

    def _facts(self, event: Nothing, who: Identity) -> CompareFacts:
        """What can be compared, what it costs, where keys are missing, and what was compared before."""
        del event
        catalogue, hosted = self.studio.catalogue, self.studio.hosted
        models = sorted(catalogue.values(), key=lambda model: not catalogue.present(model))
        held = self.compare.store.of(who.owner)[:MOST_LISTED]
        return {
            "local": [compare_views.local(one, here=catalogue.present(one)) for one in models],
            "hosted": [compare_views.offered(endpoint) for endpoint in self._offers(held, who)],
            "hosts": {name: place(name) for name in hosted.models.hosts},
            "addresses": who.here,
            "usual": self.studio.settings.model,
            "held": [compare_views.title(one, self.compare, who) for one in held],
            "budget": hosted.budget.own,
            "most": self.studio.settings.day_budget_usd,
            "refuses": self.studio.settings.unknown_prices == "refuse",
        }

    def _offers(self, held: Sequence[Comparison], who: Identity) -> list[HostedEndpoint]:
        """The models that there are files of, and others that were compared before."""
        hosted = self.studio.hosted
        known = {endpoint.name: endpoint for endpoint in hosted.models.endpoints()}
        for column in (column for one in held for column in one.columns if column.kind == "hosted"):
            with suppress(StudioError):
                known.setdefault(column.model, hosted.endpoint(column.model, who))
        return list(known.values())

    def _left(self, who: Identity) -> float | None:
        """What who asks may still spend today, where there is a budget."""
        return self.studio.hosted.budget.left(who)

    def _key(self, event: Keying, who: Identity) -> Answer:
        """Keep a key for as long as the studio runs; it is told to nobody, not even to the page it came from."""
        self.studio.hosted.keys.put(who, event["host"], event["key"])
        return {}

    def _budget(self, event: Budgeting, who: Identity) -> Answer:
        """What may be spent in a day; none ends the page's own budget, not the settings'."""
        usd = event.get("usd")
        if not who.keeps:
            raise Refused("You cannot set the budget here.", "The studio's operator sets it, by STUDIO_DAY_BUDGET_USD.")
        self.studio.hosted.budget.own = usd
        return {"left": self._left(who)}

    def _ends(self, event: Ending, who: Identity) -> Answer:
        """When the service ends a model, by its own word; nothing where it does not say."""
        endpoint = self.studio.hosted.endpoint(event["model"], who)
        key = self.studio.hosted.keys.of(who, endpoint.host_name, endpoint.host)
        if key is None:
            return {}
        with suppress(StudioError):
            day = endpoint.provider.ends(endpoint, key)
            return {"shutdown": day.isoformat() if day else ""}
        return {}

    def _fields(self, event: Fielding, who: Identity) -> dict[str, list[GridOffer]]:
        """What of the form can be set for a column of this model."""
        del who
        base = Recipe.make(**{**dict(event.get("base") or {}), "prompt": "a", "model": event["model"]})
        return {"fields": [one for one in axis_fields.offers(self.studio, base) if one["field"] in SETTABLE]}

    def _bring(self, event: Bringing, who: Identity) -> Answer:
        """Store a picture that was made elsewhere."""
        self.studio.pace.check(who)
        stored = self.studio.inputs.add(uploaded(self.studio, event["path"]), who=who)
        return {"id": stored.id, "shown": smaller(self.studio.inputs.path(stored.id), BROUGHT)}

    def _estimate(self, event: CompareEvent, who: Identity) -> CompareEstimate:
        """What is still to be made would cost, all and each new column a picture, and whose keys there are."""
        lines, new = read_lines(event["prompts"]), self._columns(event, who)
        base: Mapping[str, Any] = event.get("base") or {}
        each = [self.compare.estimate(lines[:1] or [Line("")], [column], base, who=who).usd for column in new]
        columns, made = new, set[tuple[int, int]]()
        if name := event.get("id"):
            whole = self.compare.store.get(name, who.owner)
            known = {line.prompt for line in whole.lines}
            lines = [*whole.lines, *(line for line in lines if line.prompt not in known)]
            columns = [*whole.columns, *(column for column in new if column not in whole.columns)]
            made = {(cell.line, cell.column) for cell in whole.cells if cell.state == "done"}
            base = whole.base
        offers = [self.studio.hosted.endpoint(column.model, who) for column in columns if column.kind == "hosted"]
        hosts = {endpoint.host_name: endpoint.host for endpoint in offers}
        keys = self.studio.hosted.keys.known(who, hosts)
        costs = self.compare.estimate(lines, columns, base, made, who)
        return {
            "usd": costs.usd,
            "unknown": costs.unknown,
            "pictures": costs.pictures,
            "each": each,
            "meant": [self._meant(column, who) for column in new],
            "keys": keys,
            "left": self._left(who),
        }

    def _meant(self, column: Contestant, who: Identity) -> str:
        """Which model of the same host may have been meant, where nothing is known of this one."""
        if column.kind != "hosted" or (own := self.studio.hosted.endpoint(column.model, who)).model.service:
            return ""
        hosted = self.studio.hosted.models.endpoints()
        return did_you_mean(column.model, [one.name for one in hosted if one.host_name == own.host_name]).strip()

    def _begin(self, event: CompareEvent, who: Identity) -> Answer:
        """Make a comparison, or extend one and go on."""
        lines, columns = read_lines(event["prompts"]), self._columns(event, who)
        name = event.get("id") or ""
        self._check_held(event, columns, who)
        local = [column.model for column in columns if column.kind == "local" and column.model in self.studio.catalogue]
        self.consent.check_items(map(self.studio.items.model, local), who)
        if name:
            self.compare.extend(name, who, lines, columns)
        else:
            name = self.compare.create(who, lines, columns, seed=event.get("seed"), base=event.get("base"))
        self.compare.start(name, who)
        return {"id": name}

    def _columns(self, event: CompareEvent, who: Identity) -> list[Contestant]:
        return [self._column(one, who) for one in event["columns"]]

    def _column(self, one: ColumnEvent, who: Identity) -> Contestant:
        if pictures := one.get("pictures"):
            check_ids(self.studio.inputs, pictures, who)
            named = {str(number): picture for number, picture in enumerate(pictures)}
            return Contestant("imported", "imported", (one.get("label") or "Imported")[:80], named)
        settings, name = urlencode(dict(one.get("settings") or {})), one.get("name", "")
        return self.compare.column(f"{name}?{settings}" if settings else name, who)

    def _check_held(self, event: CompareEvent, columns: Sequence[Contestant], who: Identity) -> None:
        """InvalidRecipe where a column, or what all of them share, names a picture that is not the owner's."""
        check_held(self.studio.inputs, self.compare.samples(columns, event.get("base") or {}, who), who)

    def _stop(self, event: One, who: Identity) -> Answer:
        self.compare.stop(event["id"], who)
        return {}

    def _forget(self, event: One, who: Identity) -> CompareFacts:
        self.compare.forget(event["id"], who)
        return self._facts(Nothing(), who)

    def _look(self, event: Looking, who: Identity) -> ComparisonView | SameComparison:
        """How a comparison stands; nothing new where the page has seen that."""
        compare = self.compare
        whole = compare.get(event["id"], who)
        running, coming, looks = compare.running(whole, who), compare.coming(whole, who), compare.looks(whole, who)
        seen = [f"{hash(repr((whole, looks))):x}", running, coming]
        if event.get("seen") == seen:
            return {"same": True}
        answer = compare_views.table(whole, compare, who, looks, running=running)
        return {**answer, "seen": seen, "coming": coming, "left": self._left(who)}

    def _hand(self, event: Handing, who: Identity) -> EncodedFile:
        """The comparison in one of its forms, to be saved by the browser."""
        form = FORMS.get(event["form"])
        if form is None:
            raise InvalidRequest("There is no such form.", f"Choose one of {', '.join(FORMS)}.")
        self.studio.pace.check(who)
        whole = self.compare.store.get(event["id"], who.owner)
        return {"name": f"comparison.{event['form']}", "data": b64encode(form(whole)).decode()}


TAB = CompareTab()
