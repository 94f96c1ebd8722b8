"""How the page's listeners are registered, all with the same options; and how what they are sent is checked.

Ours is the only queue: Gradio must not make anyone wait. What a listener is sent is checked by its own annotations, so
that none can be registered without saying what it takes.
"""

import inspect
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Annotated, Any, get_type_hints

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, create_model
from typing_extensions import TypedDict

from studio.errors import StudioError
from studio.gate.identity import check_creates
from studio.labels import labelled
from studio.parsing import fault_words
from studio.ui.fast_gradio import gr
from studio.ui.owner import identify

LISTENER: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden"}
# One that follows a job, as long as that takes.
FOLLOWER: dict[str, Any] = {**LISTENER, "trigger_mode": "multiple"}
# One that sets nothing but a view, which is plain data: Gradio would take it to a thread and look for files in it.
WATCHER: dict[str, Any] = {**FOLLOWER, "postprocess": False}
# One that answers at once.
QUICK: dict[str, Any] = {**LISTENER, "queue": False, "api_visibility": "private"}

Name = Annotated[str, StringConstraints(max_length=1000)]
Words = Annotated[str, StringConstraints(max_length=200_000)]
Number = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
Whole = Annotated[int, Field(ge=-(2**53), le=2**53)]
Answer = Mapping[str, Any]


class Nothing(TypedDict):
    """The event of a call without arguments."""


class Saying(TypedDict):
    """The token that the page gave to something in the making."""

    token: Name


Act = Callable[..., Answer]


class BadInput(gr.Error):  # type: ignore[misc]
    """What was sent is not valid: answered to the sender, and not in the log."""

    def __init__(self, words: str) -> None:
        super().__init__(words, print_exception=False, title="This is not valid")


class Event(gr.EventData):  # type: ignore[misc]
    """What a widget's event tells; a class below this says by its annotations which values, and what they may be."""

    def __init__(self, target: Any, payload: Any) -> None:
        kind: Any = type(self)
        given = checked(_model(kind), {} if payload is None else payload).model_dump()
        super().__init__(target, given)
        for name, value in given.items():
            setattr(self, name, value)


def checked(schema: Any, payload: Any) -> Any:
    """Validate a payload by its schema; BadInput in words where it is not valid."""
    try:
        return _adapter(schema).validate_python(payload)
    except ValidationError as error:
        raise BadInput(in_words(error)) from error


def in_words(error: ValidationError) -> str:
    """The first fault of what was sent, with its place."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part)[:80] for part in first["loc"])
    return f"{place or 'What was sent'}: {fault_words(first)}."


def served(acts: Mapping[str, Act], *, looks: Collection[str] = ()) -> list[Callable[..., Any]]:
    """What a script of the page may call by these names; each tells a fault as {"fault": words}.

    An act takes `event`, whose annotation is its schema, and where it has a second argument, who asks. Those named in
    `looks` change and compute nothing: they are for viewers, too, and all others for creators.
    """
    assert set(looks) <= acts.keys()  # noqa: S101 - a misspelt name would close an act to viewers
    return [_answering(name, act, for_viewers=name in looks) for name, act in acts.items()]


def _answering(name: str, act: Act, *, for_viewers: bool) -> Callable[..., Any]:
    first, *more = inspect.signature(act).parameters
    schema = get_type_hints(act, include_extras=True)[first]

    def answer(payload: Any, request: gr.Request | None = None) -> Answer:
        try:
            if not for_viewers:
                check_creates(identify(request))
            event = checked(schema, payload)
            return act(event, identify(request)) if more else act(event)
        except StudioError as error:
            return {"fault": labelled(error)}

    answer.__name__ = name
    vars(answer)["is_served"] = True
    return answer


@cache
def _adapter(schema: Any) -> TypeAdapter[Any]:
    return TypeAdapter(schema)


@cache
def _model(kind: Any) -> Any:
    """The schema of an event by the annotations of its class; what has a value there may be left out."""
    hints = get_type_hints(kind, include_extras=True)
    fields: dict[str, Any] = {name: (hint, getattr(kind, name, ...)) for name, hint in hints.items()}
    return create_model(kind.__name__, __config__=ConfigDict(extra="ignore"), **fields)
