"""Inpainting: a mask is painted over a picture, or the picture grows at its sides; results can be gone on with."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import time_ns
from typing import Annotated, Any, NotRequired

from PIL import Image, ImageChops
from pydantic import Field
from typing_extensions import TypedDict

from studio.errors import InvalidRecipe, NotFound, StudioError, Unreadable
from studio.gate.identity import Identity
from studio.inputs import MaskReads
from studio.recipe import Recipe, in_group, setting_specs
from studio.resolve.applicability import FEATHER
from studio.ui import editor
from studio.ui.edit_history import MOST, EditHistory
from studio.ui.events import QUICK, Event, Name, Whole
from studio.ui.fast_gradio import gr
from studio.ui.form import Updates, Values
from studio.ui.ids import Id
from studio.ui.island import Island
from studio.ui.job_view import finished
from studio.ui.outpaint_panel import OutpaintPanel
from studio.ui.owner import identify
from studio.ui.painted_masks import Masks, PaintedMasks, full
from studio.ui.pictures import smaller
from studio.ui.schemas.masks import MaskNews, Round
from studio.ui.source import SIDE, Given, Picture, cached, uploaded
from studio.ui.tabs.base import Panel, PicturePanel, Tab, TabContext

# How large the copies of earlier pictures are.
ROUND_SIDE = 96


class Painted(Event):
    """The editor's layers as files that were uploaded, and the number of the stroke that they are of.

    `colours` is empty where nothing is painted in colour.
    """

    serial: Whole
    layer: Name
    colours: Name = ""


class Brought(Event):
    """A file that was uploaded, and what of it changes."""

    path: Name
    reads: MaskReads = "auto"


class Turned(Event):
    """So many edits forward, or back below 0."""

    steps: Annotated[int, Field(ge=-100, le=100)]


class Taken(Event):
    """A result that is gone on with; the newest one of the present picture where it is not said."""

    job: Name = ""
    image: Whole = 0


class Turns(TypedDict):
    """The pictures that were painted on, and which is the present one."""

    ids: NotRequired[Annotated[list[Name], Field(max_length=MOST)] | None]
    at: NotRequired[Whole | None]


class Inpainting(Tab):
    """The tab; it makes outpainting too, which is inpainting of what is added."""

    label = "Inpainting"
    order = 30
    task = "inpaint"
    about = "Repaint what is white in a mask, the file `masks`, in a picture, the file `init_image`."
    takes_picture = True

    def build(self, context: TabContext) -> Panel:
        return InpaintPanel(context)


class InpaintPanel(PicturePanel):
    """A source, the editor in place of the gallery, and the history of edits.

    What is painted goes from the editor to the store whenever the brush rests, and before each Generate; `masks` holds
    the ids for each picture.
    """

    def __init__(self, context: TabContext) -> None:
        super().__init__(context.source())
        self.context = context
        self.inputs = context.studio.inputs
        with gr.Column(elem_classes="editor-pane"):
            self._place_editor()
        context.place("strength")
        with context.after():
            self._place_settings()
        self.extras = (self.masks, self.history, self.inverse, *self.outpaint_panel.sides.values(), self.source.widget)
        self.kept = {
            "init_image": self.source.widget,
            "masks": self.masks,
            "rounds": self.history,
            "inverse": self.inverse,
            **self.outpaint_panel.sides,
        }
        self._wire()

    def _place_editor(self) -> None:
        with gr.Column(elem_id=f"{Id.FIELD}{self.context.tab}-mask_image", elem_classes="canvas"):
            self.masks = _drawn("masks", "mask_panel", Masks | Given, ("painted", "bring", "holes"))
        with gr.Row(elem_classes="paper"):
            self.inverse = gr.Checkbox(
                label="Paint what to keep", elem_id="mask-keep", elem_classes="switch", min_width=0
            )
            self.history = _drawn("rounds", "edit_history", Turns, ("turn", "proceed"))

    def _place_settings(self) -> None:
        self.blur = self.context.place("mask_blur", info=setting_specs()["mask_blur"].help)
        self.reach = Island("mask-reach", value="")
        names = in_group("mask", without={"mask_image", "mask_sketch", "mask_blur", "outpaint"})
        self.area = {name: self.context.place(name, info=setting_specs()[name].help) for name in names}["mask_area"]
        self.outpaint_panel = OutpaintPanel(self.context.tab)
        self.context.switch("width", "height", "resize", label="Change the size", info="Off: as large as the picture.")
        self.context.place("resize", info=setting_specs()["resize"].help)

    def read(self, values: Values, who: Identity) -> list[dict[str, Any]]:
        picture, sides = self.source.ids(values, who)[0], self.outpaint_panel.read(values)
        painted = PaintedMasks.read(values[self.masks])
        mask = self._mask_of(values, picture, who)
        if mask is None and sides is None:
            raise _nothing_painted(keep=values[self.inverse])
        sketch = painted.sketches.get(picture) if mask else None
        if mask is not None and values[self.inverse]:
            kept = self._stored(mask, who)
            mask = self.inputs.add_mask(ImageChops.invert(kept), who).id if kept else mask
        return [{"init_image": picture, "mask_image": mask, "mask_sketch": sketch, "outpaint": sides}]

    def _mask_of(self, values: Values, picture: str, who: Identity) -> str | None:
        """The stored mask of a picture, or of the file that a program gave."""
        given = values[self.masks] or {}
        if "path" in given:
            return self.inputs.add_mask(cached(self.context.studio, given["path"]), who, reads="brightness").id
        return PaintedMasks.read(given).of.get(picture)

    def opened(self, recipe: Recipe) -> Recipe:
        return self.context.opened(recipe)

    def show(self, recipe: Recipe, who: Identity) -> Updates:
        painted = PaintedMasks()
        painted.put(str(recipe.init_image), recipe.mask.image, recipe.mask.sketch)
        # The editor follows a change of the source, which the same picture with another mask would be none of.
        source = {**super().show(recipe, who)[self.source.widget], "serial": time_ns()}
        return {
            self.source.widget: source,
            **self.outpaint_panel.show(recipe.outpaint),
            self.masks: painted.news(),
            self.inverse: False,
        }

    def restore(self, kept: Mapping[str, Any], who: Identity) -> Updates:
        return {
            **super().restore(kept, who),
            **self.outpaint_panel.restore(kept),
            self.masks: PaintedMasks.read(kept.get("masks")).news(),
            self.history: EditHistory.of(kept.get("rounds")).value(),
            self.inverse: kept.get("inverse") is True,
        }

    def _wire(self) -> None:
        paper = {self.masks, self.history}
        model = self.context.form.widgets["model"]
        self.source.widget.change(
            self._load,
            {self.source.widget, *paper, model, self.area},
            [self.masks, self.history, self.area],
            **QUICK,
        )
        self.masks.painted(self._keep_painted, paper, [self.masks], **QUICK)
        self.masks.bring(self._bring, paper, [self.masks], **QUICK)
        self.masks.holes(self._holes, {self.source.widget, *paper}, [self.masks], **QUICK)
        self.history.turn(self._turn, {self.history}, [self.source.widget], **QUICK)
        self.history.proceed(
            self._proceed,
            {self.history, self.masks},
            [self.source.widget, self.masks, *self.outpaint_panel.sides.values()],
            **QUICK,
        )
        self.outpaint_panel.wire(self._size, {self.source.widget})
        self.context.blocks.load(_reach, [self.blur], [self.reach], **QUICK)
        self.blur.change(_reach, [self.blur], [self.reach], **QUICK)

    def _load(self, values: Values, request: gr.Request) -> Updates:
        """Another picture is the source: bring it into the editor, with what was painted over it last."""
        history, who = EditHistory.of(values[self.history]), identify(request)
        painted, size = PaintedMasks.read(values[self.masks]), self._size(values)
        picture = self.source.stored(self.source.ids(values, who)[0], who) if size else None
        if size is None or picture is None:
            return {self.masks: painted.news(), self.history: history.value()}
        history = history.to(picture.id)
        family = self.context.form.model(values[self.context.form.widgets["model"]]).family_facts()
        paintable = family.min_side <= min(size) and max(size) <= family.max_side
        return {
            self.masks: self._news(painted, picture.id, who),
            self.history: history.value(
                picture.facts(self.context.studio, who, SIDE),
                self._rounds(history, who),
                holes=bool(self.source.holes(values, who)),
            ),
            # Such a picture cannot be painted as a whole.
            self.area: values[self.area] if paintable else "masked",
        }

    def _rounds(self, history: EditHistory, who: Identity) -> list[Round]:
        """A small copy of each picture that was painted on; empty where it is gone."""
        held = self.inputs.holds(who, history.ids)
        return [{"id": one, "shown": self._thumbnail(one) if one in held else ""} for one in history.ids]

    def _thumbnail(self, name: str) -> str:
        try:
            return smaller(self.inputs.path(name), ROUND_SIDE)
        except (NotFound, Unreadable, OSError):
            return ""

    def _news(self, painted: PaintedMasks, picture: str | None, who: Identity, notes: Sequence[str] = ()) -> MaskNews:
        """What the page is told of what is painted, which the editor is to show."""
        names = painted.of.get(picture or "", ""), painted.sketches.get(picture or "", "")
        mask, sketch = (self._address(name, who) for name in names)
        return painted.news(shown=(mask, sketch), notes=notes)

    def _address(self, name: str, who: Identity) -> str:
        try:
            held = name and self.inputs.holds(who, [name])
            return self.context.studio.addresses.of(self.inputs.path(name), who) if held else ""
        except NotFound:
            return ""

    def _keep_painted(self, values: Values, event: Painted, request: gr.Request) -> Updates:
        """Store what is painted on the layers that came; the page learns by `event.serial` up to which stroke."""
        painted, picture = PaintedMasks.read(values[self.masks]), EditHistory.of(values[self.history]).now
        who = identify(request)
        if picture is None or self.source.stored(picture, who) is None:
            return {self.masks: painted.news(serial=event.serial)}
        layer, colours = (self._layer(path) for path in (event.layer, event.colours))
        with self.inputs.room.of(math.prod(self.inputs.size(picture))):
            mask = editor.painted(layer, self.inputs.size(picture)) if layer else None
            sketch = editor.sketched(self.inputs.open(picture), colours) if colours else None
        painted.put(
            picture,
            self.inputs.add_mask(mask, who).id if mask else None,
            self.inputs.add(sketch, "mask_sketch", who).id if sketch else None,
        )
        return {self.masks: painted.news(serial=event.serial, notes=full(mask))}

    def _layer(self, path: str) -> Image.Image | None:
        return editor.read_layer(self.inputs, uploaded(self.context.studio, path)) if path else None

    def _bring(self, values: Values, event: Brought, request: gr.Request) -> Updates:
        """Take a ready-made mask in, instead of what is painted."""
        painted, picture = PaintedMasks.read(values[self.masks]), EditHistory.of(values[self.history]).now
        try:
            if picture is None:
                raise InvalidRecipe("mask_image", "There is no picture for the mask.", "Give it first.")
            who, size = identify(request), self.inputs.size(picture)
            self.context.studio.pace.check(who)
            mask = self.inputs.add_mask(uploaded(self.context.studio, event.path), who, reads=event.reads)
        except StudioError as fault:
            return {self.masks: {**self._news(painted, picture, identify(request)), "faults": [fault.sentence]}}
        notes = [*mask.notes, *full(self._stored(mask.id, who))]
        if (mask.width, mask.height) != size:
            stretched = f"{mask.width} × {mask.height} pixels, stretched to the picture's {size[0]} × {size[1]}."
            notes.append(f"The mask has {stretched}")
        painted.put(picture, mask.id)
        return {self.masks: self._news(painted, picture, who, notes)}

    def _holes(self, values: Values, request: gr.Request) -> Updates:
        """Take what is transparent in the picture as the mask, instead of what is painted."""
        painted, picture = PaintedMasks.read(values[self.masks]), EditHistory.of(values[self.history]).now
        who = identify(request)
        holes = self.source.holes(values, who)
        if picture is None or not holes:
            fault = "Nothing in the picture is transparent. Paint over a part of it."
            return {self.masks: {**self._news(painted, picture, who), "faults": [fault]}}
        painted.put(picture, holes)
        notes = ["What is transparent in the picture changes.", *full(self._stored(holes, who))]
        return {self.masks: self._news(painted, picture, who, notes)}

    def _turn(self, values: Values, event: Turned, request: gr.Request) -> Updates:
        """A round back or on: the picture of that round is the source again."""
        who = identify(request)
        picture = self.source.stored(EditHistory.of(values[self.history]).by(event.steps).now or "", who)
        return {self.source.widget: self.source.value([picture] if picture else [], who)}

    def _proceed(self, values: Values, event: Taken, request: gr.Request) -> Updates:
        """Go on with this result, or with the newest one of the present picture."""
        start, who = EditHistory.of(values[self.history]).now, identify(request)
        try:
            made = finished(self.context.studio, who, event.job, event.image).path if event.job else None
            path = made or self._newest(start, who)
            picture = Picture.of(self.inputs.add(path, who=who), path.name)
        except StudioError as fault:
            painted = PaintedMasks.read(values[self.masks])
            return {self.masks: {**self._news(painted, start, who), "faults": [fault.sentence]}}
        return {self.source.widget: self.source.value([picture], who), **self.outpaint_panel.show(None)}

    def _newest(self, start: str | None, who: Identity) -> Path:
        """The newest result of this picture; InvalidRecipe where there is none."""
        jobs = self.context.studio.jobs_of(who)
        made = [one.path for job in jobs for one in reversed(job.results) if one.recipe.init_image == start]
        if not made:
            raise InvalidRecipe("init_image", "Nothing has been made from this picture yet.", "Press Generate first.")
        return made[0]

    def _size(self, values: Values) -> tuple[int, int] | None:
        """Width and height of the source; None where there is none."""
        try:
            return self.inputs.size(self.source.first(values))
        except (InvalidRecipe, NotFound, Unreadable):
            return None

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
        "mask_image", "Nothing is painted over.", "Paint over what should change, or extend the picture at a side."
    )


def _drawn(name: str, module: str, holds: Any, events: tuple[str, ...]) -> Any:
    """A row that a module draws, which keeps a value for the page."""
    return Island(f"mask-{name}", f'<div class="{name}"></div>', module=module, holds=holds, events=events)


def _reach(blur: float) -> str:
    if not blur:
        return "<p>No blending. Outside the mask every pixel stays as it was.</p>"
    pixels = math.ceil(FEATHER * blur)
    return f"<p>Blends over {pixels} pixels around the mask; beyond them every pixel stays as it was.</p>"


TAB = Inpainting()
