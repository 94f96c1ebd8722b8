"""Inpainting: a mask is painted over a picture, or the picture grows at its sides; results can be gone on with."""

import math
from collections.abc import Mapping
from time import time_ns
from typing import Annotated, Any, NotRequired

from PIL import Image, ImageChops
from pydantic import Field
from typing_extensions import TypedDict

from studio.errors import InvalidRecipe, NotFound, StudioError, Unreadable
from studio.gate.identity import Identity
from studio.inputs import MaskReads
from studio.recipe import Recipe, settings
from studio.settling.uses import FEATHER
from studio.ui import editor, web
from studio.ui.fast_gradio import gr
from studio.ui.form import Updates, Values
from studio.ui.growth import Growth
from studio.ui.ids import Id
from studio.ui.island import Island
from studio.ui.listeners import QUICK, Event, Name, Whole
from studio.ui.owner import identify
from studio.ui.rounds import MOST, Rounds
from studio.ui.source import Picture, uploaded
from studio.ui.tabs.base import Desk, Panel, PicturePanel, Tab

# Gradio finds a custom event by its quoted name in these.


class Painted(Event):
    """The editor's layer as a file that was uploaded, and the number of the stroke that it is of."""

    serial: Whole
    layers: Annotated[list[Name], Field(max_length=1)]


class Brought(Event):
    """A file that was uploaded, and what of it changes."""

    path: Name
    reads: MaskReads = "auto"


class Turned(Event):
    """So many rounds on, or back below 0."""

    steps: Annotated[int, Field(ge=-100, le=100)]


class Masks(TypedDict):
    """The mask's id for each picture's."""

    of: NotRequired[dict[Name, Name] | None]


class Turns(TypedDict):
    """The pictures that were painted on, and which is the present one."""

    ids: NotRequired[Annotated[list[Name], Field(max_length=MOST)] | None]
    at: NotRequired[Whole | None]


class Inpainting(Tab):
    """The tab; it makes outpainting too, which is inpainting of what is added."""

    label = "Inpainting"
    order = 30
    task = "inpaint"
    takes_picture = True

    def build(self, desk: Desk) -> Panel:
        return Easel(desk)


class Easel(PicturePanel):
    """A source, the editor beside the stage, and the rounds that were made.

    What is painted goes from the editor to the store whenever the brush rests, and before each Generate; `masks` holds
    its id for each picture.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk.source())
        self.desk = desk
        self.inputs = desk.studio.inputs
        with gr.Column(elem_classes="easel"):
            self._place_editor()
        desk.place("strength")
        with desk.after():
            self._place_settings()
        self.extras = (self.masks, self.rounds, self.inverse, *self.growth.sides.values(), self.source.widget)
        self.kept = {
            "init_image": self.source.widget,
            "masks": self.masks,
            "rounds": self.rounds,
            "inverse": self.inverse,
            **self.growth.sides,
        }
        self._wire()

    def _place_editor(self) -> None:
        with gr.Column(elem_id=f"{Id.FIELD}{self.desk.tab}-mask_image", elem_classes="canvas"):
            self.editor = editor.place(elem_id=Id.MASK_EDITOR)
        with gr.Row(elem_classes="paper"):
            self.masks = _drawn("masks", "mask_panel", Masks, ("paint", "painted", "wipe", "bring", "holes"))
            self.inverse = gr.Checkbox(
                label="Paint what to keep", elem_id="mask-keep", elem_classes="switch", min_width=0
            )
        self.rounds = _drawn("rounds", "edit_history", Turns, ("turn", "proceed"))

    def _place_settings(self) -> None:
        self.blur = self.desk.place("mask_blur", info=settings()["mask_blur"].help)
        self.reach = Island("mask-reach", value="")
        names = ("mask_grow", "mask_fill", "mask_area", "mask_padding")
        self.area = {name: self.desk.place(name, info=settings()[name].help) for name in names}["mask_area"]
        self.growth = Growth(self.desk.tab)
        self.desk.switch("width", "height", "resize", label="Change the size", info="Off: as large as the picture.")
        self.desk.place("resize", info=settings()["resize"].help)

    def read(self, values: Values, who: Identity) -> list[dict[str, Any]]:
        picture, sides = self.source.ids(values)[0], self.growth.read(values)
        mask = _by_picture(values[self.masks]).get(picture)
        if mask is None and sides is None:
            raise _nothing_painted(keep=values[self.inverse])
        if mask is not None and values[self.inverse]:
            kept = self._stored(mask, who)
            mask = self.inputs.add_mask(ImageChops.invert(kept), who).id if kept else mask
        return [{"init_image": picture, "mask_image": mask, "outpaint": sides}]

    def opened(self, recipe: Recipe) -> Recipe:
        return self.desk.opened(recipe)

    def show(self, recipe: Recipe, who: Identity) -> Updates:
        picture = str(recipe.init_image)
        masks = {picture: recipe.mask_image} if recipe.mask_image else {}
        # The editor follows a change of the source, which the same picture with another mask would be none of.
        source = {**super().show(recipe, who)[self.source.widget], "serial": time_ns()}
        return {
            self.source.widget: source,
            **self.growth.show(recipe.outpaint),
            self.masks: _masks(masks),
            self.inverse: False,
        }

    def restore(self, kept: Mapping[str, Any], who: Identity) -> Updates:
        return {
            **super().restore(kept, who),
            **self.growth.restore(kept),
            self.masks: _masks(_by_picture(kept.get("masks"))),
            self.rounds: Rounds.of(kept.get("rounds")).value(shown=False),
            self.inverse: kept.get("inverse") is True,
        }

    def _wire(self) -> None:
        paper = {self.masks, self.rounds}
        # See editor.place.
        aside = {**QUICK, "show_progress_on": self.rounds}
        model = self.desk.form.widgets["model"]
        self.source.widget.change(
            self._load,
            {self.source.widget, *paper, model, self.area},
            [self.editor, self.rounds, self.area],
            **aside,
        )
        self.masks.paint(None, [self.editor], None, js=web.call("mask_panel", "send"), api_visibility="private")
        self.masks.painted(self._keep_painted, paper, [self.masks], **QUICK)
        self.masks.wipe(self._wipe, paper, [self.editor, self.masks], **aside)
        self.masks.bring(self._bring, paper, [self.editor, self.masks], **aside)
        self.masks.holes(self._holes, {self.source.widget, *paper}, [self.editor, self.masks], **aside)
        self.rounds.turn(self._turn, {self.rounds}, [self.source.widget], **QUICK)
        self.rounds.proceed(
            self._proceed,
            {self.rounds, self.masks},
            [self.source.widget, self.masks, *self.growth.sides.values()],
            **QUICK,
        )
        self.growth.wire(self._size, {self.source.widget})
        self.desk.blocks.load(_reach, [self.blur], [self.reach], **QUICK)
        self.blur.change(_reach, [self.blur], [self.reach], **QUICK)

    def _load(self, values: Values, request: gr.Request) -> Updates:
        """Another picture is the source: bring it into the editor, with the mask that was painted over it last."""
        rounds, size, who = Rounds.of(values[self.rounds]), self._size(values), identify(request)
        picture = self._stored(self.source.ids(values)[0], who) if size else None
        if size is None or picture is None:
            return {self.editor: None, self.rounds: rounds.value(shown=False)}
        name = self.source.ids(values)[0]
        mask = self._stored(_by_picture(values[self.masks]).get(name), who)
        family = self.desk.form.model(values[self.desk.form.widgets["model"]]).family_facts()
        paintable = family.min_side <= min(size) and max(size) <= family.max_side
        return {
            self.editor: editor.shown(picture, mask),
            self.rounds: rounds.to(name).value(shown=True, holes=bool(self.source.holes(values, who))),
            # Such a picture cannot be painted as a whole.
            self.area: values[self.area] if paintable else "masked",
        }

    def _keep_painted(self, values: Values, event: Painted, request: gr.Request) -> Updates:
        """Store what is painted on the layers that came; the page learns by `event.serial` up to which stroke."""
        masks, picture = _by_picture(values[self.masks]), Rounds.of(values[self.rounds]).now
        who = identify(request)
        if picture is None or self.source.stored(picture, who) is None:
            return {self.masks: _masks(masks, serial=event.serial)}
        before = self._stored(masks.get(picture), who)
        mask = self._painted(event.layers, picture, before)
        if mask is None:
            masks.pop(picture, None)
        elif mask is not before:
            masks[picture] = self.inputs.add_mask(mask, who).id
        return {self.masks: _masks(masks, serial=event.serial, notes=_full(mask))}

    def _painted(self, paths: list[str], picture: str, before: Image.Image | None) -> Image.Image | None:
        """What is painted on the layer that came, at the picture's size; InvalidRecipe where it is none."""
        size = self.inputs.size(picture)
        layers = [editor.read_layer(self.inputs, uploaded(self.desk.studio, path)) for path in paths]
        with self.inputs.room.of(math.prod(size)):
            return editor.painted(layers, size, before)

    def _wipe(self, values: Values, request: gr.Request) -> Updates:
        masks, picture = _by_picture(values[self.masks]), Rounds.of(values[self.rounds]).now
        masks.pop(picture or "", None)
        return {self.masks: _masks(masks), self.editor: self._paper(picture, identify(request))}

    def _bring(self, values: Values, event: Brought, request: gr.Request) -> Updates:
        """Take a ready-made mask in, instead of what is painted."""
        masks, picture = _by_picture(values[self.masks]), Rounds.of(values[self.rounds]).now
        try:
            if picture is None:
                raise InvalidRecipe("mask_image", "There is no picture that the mask could be for.", "Give it first.")
            who, size = identify(request), self.inputs.size(picture)
            mask = self.inputs.add_mask(uploaded(self.desk.studio, event.path), who, reads=event.reads)
        except StudioError as fault:
            return {self.masks: _masks(masks, faults=[fault.sentence])}
        notes = [*mask.notes, *_full(self._stored(mask.id, who))]
        if (mask.width, mask.height) != size:
            stretched = f"{mask.width} × {mask.height} pixels, stretched to the picture's {size[0]} × {size[1]}."
            notes.append(f"The mask has {stretched}")
        masks[picture] = mask.id
        return {self.masks: _masks(masks, notes=notes), self.editor: self._paper(picture, who, mask.id)}

    def _holes(self, values: Values, request: gr.Request) -> Updates:
        """Take what is transparent in the picture as the mask, instead of what is painted."""
        masks, picture = _by_picture(values[self.masks]), Rounds.of(values[self.rounds]).now
        who = identify(request)
        holes = self.source.holes(values, who)
        if picture is None or not holes:
            return {
                self.masks: _masks(masks, faults=["Nothing in the picture is transparent. Paint over a part of it."])
            }
        masks[picture] = holes
        notes = ["What is transparent in the picture changes.", *_full(self._stored(holes, who))]
        return {self.masks: _masks(masks, notes=notes), self.editor: self._paper(picture, who, holes)}

    def _turn(self, values: Values, event: Turned, request: gr.Request) -> Updates:
        """A round back or on: the picture of that round is the source again."""
        who = identify(request)
        picture = self.source.stored(Rounds.of(values[self.rounds]).by(event.steps).now or "", who)
        return {self.source.widget: self.source.value([picture] if picture else [], who)}

    def _proceed(self, values: Values, request: gr.Request) -> Updates:
        """Go on with the newest result of the present picture."""
        start, who = Rounds.of(values[self.rounds]).now, identify(request)
        jobs = self.desk.studio.jobs_of(who)
        made = [one.path for job in jobs for one in reversed(job.results) if one.recipe.init_image == start]
        try:
            if not made:
                raise InvalidRecipe("init_image", "Nothing was made of this picture so far.", "Press Generate first.")
            picture = Picture.of(self.inputs.add(made[0], who=who), made[0].name)
        except StudioError as fault:
            masks = _by_picture(values[self.masks])
            return {self.masks: _masks(masks, faults=[fault.sentence])}
        return {self.source.widget: self.source.value([picture], who), **self.growth.show(None)}

    def _size(self, values: Values) -> tuple[int, int] | None:
        """Width and height of the source; None where there is none."""
        try:
            return self.inputs.size(self.source.ids(values)[0])
        except (InvalidRecipe, NotFound, Unreadable):
            return None

    def _paper(self, picture: str | None, who: Identity, mask: str | None = None) -> Any:
        """The editor's value for stored pictures; None where the picture is gone."""
        shown = self._stored(picture, who)
        return editor.shown(shown, self._stored(mask, who)) if shown else None

    def _stored(self, name: str | None, who: Identity) -> Image.Image | None:
        """The pixels of an owner's stored picture; None where there is none."""
        try:
            return self.inputs.open(name) if name and self.inputs.holds(who, [name]) else None
        except (NotFound, Unreadable):
            return None


def _nothing_painted(*, keep: bool) -> InvalidRecipe:
    if keep:
        what = "Nothing is painted, so all of the picture would change."
        return InvalidRecipe("mask_image", what, "Paint what to keep; Image to image changes the whole of a picture.")
    return InvalidRecipe(
        "mask_image", "Nothing is painted over.", "Paint over what is to change, or extend the picture at a side."
    )


def _drawn(name: str, module: str, holds: Any, events: tuple[str, ...]) -> Any:
    """A row that a module draws, which keeps a value for the page."""
    return Island(f"mask-{name}", f'<div class="{name}"></div>', module=module, holds=holds, events=events)


def _masks(masks: Mapping[str, str], **told: Any) -> dict[str, Any]:
    """What the page keeps of masks: the id for each picture's, up to which stroke they are stored, and what to say."""
    return {"of": dict(masks), "serial": 0, "notes": [], "faults": [], **told}


def _by_picture(value: Any) -> dict[str, str]:
    """The masks in what the page keeps."""
    told = value.get("of") if isinstance(value, Mapping) else None
    return {str(picture): str(mask) for picture, mask in told.items()} if isinstance(told, Mapping) else {}


def _full(mask: Image.Image | None) -> list[str]:
    """What to say of a mask that leaves nothing."""
    full = mask is not None and mask.getextrema() == (255, 255)
    return ["All of the picture is painted over: nothing of it stays at strength 1."] if full else []


def _reach(blur: float) -> str:
    if not blur:
        return "<p>No blending. Outside the mask every pixel stays as it was.</p>"
    pixels = math.ceil(FEATHER * blur)
    return f"<p>Blends over {pixels} pixels around the mask; beyond them every pixel stays as it was.</p>"


TAB = Inpainting()
