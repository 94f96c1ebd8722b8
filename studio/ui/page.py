"""The page as Gradio's Blocks, at whose edge foreign errors of what was sent become words."""

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from anyio import CapacityLimiter

from studio.errors import StudioError
from studio.gate.folders import KEY, Folders
from studio.gate.gate import FAULTY
from studio.labels import labelled
from studio.ui.events import BadInput, Name, Number, Words, checked
from studio.ui.fast_gradio import gr
from studio.ui.island import Island
from studio.ui.library_zips import Zips
from studio.ui.owner import identify

# What is done in a thread at once, such as a grid that is written to a file; none waits in one for a job.
THREADS = 200
NOT_VALID = "The studio cannot use what was sent. Reload the page and try again."
BROKEN = "Something unexpected went wrong. Try again; if it happens again, the studio's log says what it was."
SCHEMAS: tuple[tuple[tuple[Any, ...], Any], ...] = (
    ((gr.Textbox,), Words | None),
    ((gr.Slider, gr.Number), Number | None),
    ((gr.Checkbox,), bool | None),
    ((gr.Radio, gr.Dropdown), Name | Number | list[Name | Number] | None),
)


@dataclass(frozen=True)
class Parameter:
    """What programs call a widget, and what it is."""

    name: str
    help: str = ""


class Page(gr.Blocks):  # type: ignore[misc]
    """Blocks that refuse in words what cannot be read, and let an owner alone fetch what was made for him."""

    def create_limiter(self) -> None:
        """Threads for what is done at once; Gradio would make as many as it lets listeners run."""
        self.limiter = CapacityLimiter(THREADS)

    @cached_property
    def zips(self) -> Zips:
        """Which pictures were chosen to be fetched together."""
        return Zips()

    @cached_property
    def parameters(self) -> dict[Any, Parameter]:
        """What programs call the widgets that they may set, and what each is: filled as the page is laid out."""
        return {}

    def get_api_info(self, all_endpoints: bool = False, page: str | None = None) -> Any:
        """What programs, and agents that look, are told of the page's endpoints: each parameter by its own name.

        Gradio names them by a listener's arguments, of which ours have one, all widgets together.
        """
        info: Any = super().get_api_info(all_endpoints, page)
        listeners = {f"/{one.api_name}": one for one in self.fns.values()}
        for path, endpoint in info["named_endpoints"].items():
            taken = [one for one in listeners[path].inputs if not one.skip_api]
            for widget, facts in zip(taken, endpoint["parameters"], strict=True):
                if parameter := self.parameters.get(widget):
                    facts["parameter_name"] = parameter.name
                    facts["python_type"] = {**facts["python_type"], "description": parameter.help}
                if isinstance(widget, Island) and not facts["parameter_has_default"]:
                    facts.update(parameter_has_default=True, parameter_default=None)
        return info

    async def process_api(self, *given: Any, request: Any = None, **more: Any) -> dict[str, Any]:
        """Call a listener; what was sent wrong is marked as such, so that the answer is no fault of the program."""
        folders: Folders | None = _scope(request).get(KEY)
        try:
            answer: dict[str, Any] = await super().process_api(*given, request=request, **more)
        except (gr.Error, StudioError) as fault:
            _scope(request)[FAULTY] = True
            words = _words(fault)
            raise (
                fault if isinstance(fault, BadInput) else BadInput(folders.hidden(words) if folders else words)
            ) from fault
        except Exception as fault:
            # Gradio looks on the disk for whatever an event calls a file.
            if isinstance(fault, OSError) and fault.errno == errno.ENAMETOOLONG:
                _scope(request)[FAULTY] = True
                raise BadInput("This is not a valid file: its name is too long.") from fault
            # Gradio would show what a library says of it; the log has that.
            raise gr.Error(BROKEN, title="The studio is at fault") from fault
        if request is None:
            return answer
        self.app.give(answer["data"], identify(request))
        return {**answer, "data": folders.without(answer["data"])} if folders else answer

    async def preprocess_data(self, *given: Any, **more: Any) -> Any:
        """What the widgets of the page say; BadInput where one of them cannot say that."""
        try:
            values = await super().preprocess_data(*given, **more)
            for widget, value in zip(given[0].inputs, values, strict=True):
                checked(_kind(widget), value)
        except BadInput:
            raise
        except Exception as error:
            raise BadInput(_out_of_bounds(given[0].inputs, given[1]) or _words(error)) from error
        return values


def _out_of_bounds(widgets: Sequence[Any], values: Sequence[Any]) -> str:
    """Which number is too small or too large, and what it may be; empty where none is."""
    for widget, value in zip(widgets, values, strict=False):
        least, most = getattr(widget, "minimum", None), getattr(widget, "maximum", None)
        if not isinstance(value, int | float) or isinstance(value, bool):
            continue
        if least is not None and value < least:
            return f"{widget.label}: {value} is too small. Enter {least} or more."
        if most is not None and value > most:
            return f"{widget.label}: {value} is too large. Enter {most} or less."
    return ""


def _kind(widget: Any) -> Any:
    """What a widget may say; islands have said it themselves."""
    return next((schema for kinds, schema in SCHEMAS if isinstance(widget, kinds)), Any)


def _scope(request: Any) -> dict[str, Any]:
    """The scope of the request, where there is one."""
    bare = getattr(request, "request", None)
    found: dict[str, Any] = {} if bare is None else bare.scope
    return found


def _words(error: Exception) -> str:
    """What is wrong with what was sent; what Gradio says of it is for programmers."""
    return labelled(error) if isinstance(error, StudioError) else NOT_VALID
