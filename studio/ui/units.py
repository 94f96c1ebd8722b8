"""The panel of control units: one on the page, shared by all tabs that follow maps.

Its value is what `control_panel.js` draws: `units`, the units as a recipe has them with what the page adds to each
(PAGES_OWN), and `seen`, the stored pictures that they name, as they are shown. The script owns the value; it calls what
it needs of the server by name.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from studio import hub, openpose
from studio.catalogue.models import Model
from studio.controls import CONTROLS
from studio.controls.base import Control
from studio.errors import InvalidRecipe
from studio.gate.identity import Identity
from studio.parsing import ParseError, parse_json
from studio.recipe import IMAGE_PROMPT, ControlUnit, Recipe
from studio.resolve.controls import READY, check_followed
from studio.rights import check_held
from studio.studio import Studio
from studio.ui import fields
from studio.ui.events import Act, Name, Nothing, Saying, served
from studio.ui.form import Form, Updates, Values
from studio.ui.hosted_choices import HostedChoice
from studio.ui.ids import Id
from studio.ui.island import Island
from studio.ui.poses import Poses, library
from studio.ui.schemas.controls import Controls, Kind, PoseFacts
from studio.ui.schemas.page import ControlFacts, Fitting
from studio.ui.schemas.pictures import StoredPicture
from studio.ui.source import File, Picture, uploaded

Unit = dict[str, Any]
MOST_UNITS = 100


class Held(TypedDict):
    """What the panel says: units, each of which the recipe checks."""

    units: Annotated[list[Unit], Field(max_length=MOST_UNITS)]


class Making(TypedDict):
    """A unit whose map is wanted, for a model; `token` is what the page calls that.

    What nobody asked for, because a picture is there, downloads nothing.
    """

    token: Name
    unit: Unit
    model: Name
    unasked: NotRequired[bool]


class PoseFile(TypedDict):
    """A pose's file, as the browser read it, and the canvas that it is brought to where it names none."""

    text: str
    width: int
    height: int


class Posed(TypedDict):
    """A pose of the editor, as OpenPose's JSON."""

    pose: dict[str, Any]


# What the page keeps of a unit besides the recipe's: its name there, whether it counts, what its files were called.
PAGES_OWN = frozenset({"key", "on", "names"})
# Kinds whose map can be drawn by hand: lines on black.
DRAWN = ("canny", "lineart", "scribble", READY)
SIDE = 480


class Units:
    """The units of one page."""

    def __init__(self, studio: Studio, form: Form) -> None:
        self.studio = studio
        self.form = form
        self.poses = Poses(studio.inputs)
        # What is said of a map in the making, by the name that the page gave it.
        self._messages: dict[str, str] = {}

    def place(self) -> None:
        """Put the panel at this place of the layout."""
        self.widget = Island(
            f"{Id.FIELD}controls",
            '<section class="units" aria-label="ControlNet"></section>',
            module="control_panel",
            value=_value([], {}),
            holds=Held,
            data=_facts(),
            acts=served(self._acts, looks=["saying", "read_pose", "poses"]),
            label="Control",
        )

    def read(self, values: Values, tab: str) -> dict[str, Any]:
        """The recipe's `controls`: the units that are on and change anything, of those that the tab can follow."""
        units = [_of_panel(unit) for unit in _units(values.get(self.widget)) if unit.get("on", True)]
        if not units or "controls" in self.form.hidden(values, tab):
            return {}
        if self.cannot(self.form.model(values.get(self.form.widgets["model"])), tab):
            units = [unit for unit in units if unit.get("kind") == IMAGE_PROMPT]
        controls = Recipe.make(controls=units).controls
        return {"controls": tuple(unit for unit in controls if unit.is_active)}

    def show(self, recipe: Recipe, who: Identity) -> Updates:
        """What to set the panel to, so that it says the recipe's units; one with a picture has its map made again."""
        units = [unit.model_dump(exclude_none=True) for unit in recipe.without_maps().controls]
        return {self.widget: self.value(units, who)}

    def restore(self, kept: Any, who: Identity) -> Updates:
        """What to set the panel to from what the owner's browser kept of it."""
        units = kept.get("units") if isinstance(kept, Mapping) else None
        return {self.widget: self.value([unit for unit in units or [] if isinstance(unit, dict)], who)}

    def value(self, units: list[Unit], who: Identity) -> dict[str, Any]:
        """The panel's value for these units; pictures that are gone, or not the owner's, are left out."""
        seen: dict[str, Any] = {}
        shown = []
        for unit in units:
            names = unit.get("names") or {}
            found = {side: self._picture(unit.get(side), who, names.get(side, "")) for side in ("image", "map")}
            seen |= {picture["id"]: picture for picture in found.values() if picture}
            shown.append({**unit, **{side: picture and picture["id"] for side, picture in found.items()}})
        return _value(shown, seen)

    def cannot(self, model: Model, tab: str) -> str:
        """One line where the model follows no maps in this tab; empty where it can, or is not asked."""
        task = self.form.tasks[tab]
        stand_in = Recipe.make(**fields.STAND_INS[task], controls=(ControlUnit(kind=READY),))
        try:
            check_followed(stand_in, model)
        except InvalidRecipe as fault:
            return fault.message
        return ""

    def facts(self, model: Model) -> ControlFacts:
        """What the page has to know of this model: which ControlNets fit each kind, and which kinds none does."""
        fitting = {kind: self._fitting(model, kind) for kind in CONTROLS}
        return {
            "fitting": fitting,
            "lacking": _lacking(model, {kind for kind, fit in fitting.items() if not fit}),
            "modes": model.family_facts().weighs_maps,
            "cannot": {tab: self.cannot(model, tab) for tab in self.form.tasks},
        }

    def _fitting(self, model: Model, kind: str) -> list[Fitting]:
        controlnets = self.studio.controlnets
        if isinstance(model, HostedChoice):
            return []
        names = controlnets.fitting(model.family, kind, self.studio.catalogue.location(model))
        return [{"id": name, "name": controlnets[name].name, "place": self._place(name)} for name in names]

    def _place(self, name: str) -> str:
        controlnet = self.studio.controlnets[name]
        if self.studio.controlnets.present(controlnet):
            return ""
        size = controlnet.download_bytes
        return f"{hub.in_words(size)} to download" if size else "not on this disk"

    def _picture(self, name: Any, who: Identity, called: str) -> StoredPicture | None:
        """What is shown of a stored picture, with the pose it was drawn of; None where it is gone."""
        picture = Picture.found(self.studio.inputs, name, who, called) if name else None
        return self._picture_facts(picture, who) if picture else None

    def _picture_facts(self, picture: Picture, who: Identity) -> StoredPicture:
        return {**picture.facts(self.studio, who, SIDE), "pose": self.poses.of(picture.id)}

    @property
    def _acts(self) -> dict[str, Act]:
        """The server functions that the script may call."""
        return {
            "bring": self._bring,
            "preview": self._preview,
            "saying": self._saying,
            "people": self._people,
            "pose": self._pose,
            "read_pose": self._read_pose,
            "poses": self._library,
        }

    def _library(self, event: Nothing) -> PoseFacts:
        del event
        return library()

    def _bring(self, event: File, who: Identity) -> dict[str, Any]:
        """Store an uploaded picture or map."""
        self.studio.pace.check(who)
        stored = self.studio.inputs.add(uploaded(self.studio, event["path"]), "controls", who)
        return {"picture": self._picture_facts(Picture.of(stored, event["name"]), who)}

    def _preview(self, event: Making, who: Identity) -> dict[str, Any]:
        """Make a unit's map as it would be for the model, or say what would have to be downloaded for it."""
        if event.get("unasked") and (wants := self._wanted(event)):
            return {"picture": None, "wants": wants}
        made = self._making(event, who, self.studio.control_map)
        return {"picture": self._picture_facts(Picture.of(made, ""), who), "wants": ""}

    def _wanted(self, event: Making) -> str:
        """One line about the weights that a map has to wait for; empty where they are here."""
        (unit,) = Recipe.make(controls=[_of_panel(event["unit"])]).controls
        needs = self.studio.needs
        missing = needs.missing(needs.of_map(unit, event["model"]))
        names = " and ".join(f"{item.name} ({hub.in_words(item.download_bytes or 0)})" for item in missing)
        return f"“Preview” downloads {names} first." if names else ""

    def _people(self, event: Making, who: Identity) -> dict[str, Any]:
        """Find the people in a unit's picture."""
        found = self._making(event, who, self.studio.people)
        size = self.studio.inputs.size(event["unit"]["image"])
        return {"pose": openpose.to_openpose(found, *size)}

    def _pose(self, event: Posed, who: Identity) -> dict[str, Any]:
        """Draw a pose as a map."""
        self.studio.pace.check(who)
        stored = self.poses.draw(event["pose"], who)
        return {"picture": self._picture_facts(Picture.of(stored, ""), who)}

    def _read_pose(self, event: PoseFile) -> dict[str, Any]:
        """The people of a pose's file in any dialect, as the editor has them, and what of it was left out."""
        try:
            content = parse_json(event["text"], lenient=True)
        except ParseError as error:
            raise InvalidRecipe("controls", f"The file {error.fault}.", "Give a pose in OpenPose's JSON.") from error
        left = openpose.left_out(content)
        content = openpose.on_canvas(content, event["width"], event["height"])
        people = [person for person in openpose.from_openpose(content) if person]
        width, height = openpose.canvas(content)
        return {
            "pose": openpose.to_openpose(people, round(width), round(height)),
            "said": f"Left out: {', '.join(left)}." if left else "",
        }

    def _making(self, event: Making, who: Identity, make: Callable[[ControlUnit, Identity, str, hub.Say], Any]) -> Any:
        recipe = Recipe.make(controls=[_of_panel(event["unit"])])
        check_held(self.studio.inputs, [recipe], who)
        token = f"{who.owner}/{event['token']}"
        try:
            return make(recipe.controls[0], who, event["model"], lambda words: self._messages.update({token: words}))
        finally:
            self._messages.pop(token, None)

    def _saying(self, event: Saying, who: Identity) -> dict[str, Any]:
        """The progress of a map in the making, in words; empty where there is none."""
        return {"said": self._messages.get(f"{who.owner}/{event['token']}", "")}


def _value(units: list[Unit], seen: Mapping[str, Any]) -> dict[str, Any]:
    return {"units": units, "seen": dict(seen)}


def _units(value: Any) -> list[Mapping[str, Any]]:
    """The units in the panel's value; InvalidRecipe where a program gave something else."""
    units = value.get("units") if isinstance(value, Mapping) else value
    if units is None:
        return []
    if not isinstance(units, list) or not all(isinstance(unit, Mapping) for unit in units):
        hint = 'Give {"units": [...]}, each unit with a kind, and with an image or a map.'
        raise InvalidRecipe("controls", "This is not a list of control units.", hint)
    return units


def _of_panel(unit: Mapping[str, Any]) -> Unit:
    """A unit of the page as a recipe has it. Beside an own map the picture is left out, so that the map is not
    taken for one that was made of it.
    """
    fields = {key: value for key, value in unit.items() if key not in PAGES_OWN}
    return {**fields, "image": None} if fields.get("map") else fields


def _lacking(model: Model, kinds: Collection[str]) -> str:
    """One line about the kinds that there is nothing for."""
    words = [CONTROLS[kind].label.lower() for kind in sorted(set(kinds) - {IMAGE_PROMPT})]
    each = " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
    # A ready-made map can be followed by any.
    some = ["no ControlNet"] if READY in kinds else [f"no ControlNet for {each}"] if words else []
    some += ["no IP-Adapter"] if IMAGE_PROMPT in kinds else []
    return f"{model.name} has {', and '.join(some)}." if some else ""


def _facts() -> Controls:
    """What the script has to know of controls and of a unit's fields, whatever the model."""
    return {
        "fields": fields.facts_of(ControlUnit),
        "kinds": {kind: _kind(kind, CONTROLS[kind]) for kind in sorted(CONTROLS, key=_rank)},
    }


def _rank(kind: str) -> tuple[bool, str]:
    """What makes a map comes first."""
    return kind in (READY, IMAGE_PROMPT), kind


def _kind(kind: str, control: Control) -> Kind:
    return {
        "label": control.label,
        "help": control.help,
        "options": list(control.options),
        # Its map is not made anew at each change of an option where a network makes it.
        "slow": bool(control.needs),
        "maps": kind != IMAGE_PROMPT,
        "ready": kind == READY,
        "drawn": kind in DRAWN,
        "posed": kind == "pose",
    }
