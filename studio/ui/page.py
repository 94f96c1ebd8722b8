"""The page as Gradio's Blocks, at whose edge foreign errors of what was sent become words."""

import errno
from functools import cached_property
from typing import Any

from anyio import CapacityLimiter

from studio.errors import StudioError
from studio.gate.gate import FAULTY
from studio.labels import labelled
from studio.ui.events import BadInput, Name, Number, Words, checked
from studio.ui.fast_gradio import gr
from studio.ui.library_zips import Zips
from studio.ui.owner import identify

# What is done in a thread at once, such as a grid that is written to a file; none waits in one for a job.
THREADS = 200
SCHEMAS: tuple[tuple[tuple[Any, ...], Any], ...] = (
    ((gr.Textbox,), Words | None),
    ((gr.Slider, gr.Number), Number | None),
    ((gr.Checkbox,), bool | None),
    ((gr.Radio, gr.Dropdown), Name | Number | list[Name | Number] | None),
)


class Page(gr.Blocks):  # type: ignore[misc]
    """Blocks that refuse in words what cannot be read, and let an owner alone fetch what was made for him."""

    def create_limiter(self) -> None:
        """Threads for what is done at once; Gradio would make as many as it lets listeners run."""
        self.limiter = CapacityLimiter(THREADS)

    @cached_property
    def zips(self) -> Zips:
        """Which pictures were chosen to be fetched together."""
        return Zips()

    async def process_api(self, *given: Any, request: Any = None, **more: Any) -> dict[str, Any]:
        """Call a listener; what was sent wrong is marked as such, so that the answer is no fault of the program."""
        try:
            answer: dict[str, Any] = await super().process_api(*given, request=request, **more)
        except (gr.Error, StudioError) as fault:
            _scope(request)[FAULTY] = True
            raise fault if isinstance(fault, BadInput) else BadInput(_words(fault)) from fault
        except OSError as fault:
            if fault.errno != errno.ENAMETOOLONG:
                raise
            # Gradio looks on the disk for whatever an event calls a file.
            _scope(request)[FAULTY] = True
            raise BadInput("This is not a valid file: its name is too long.") from fault
        if request is not None:
            self.app.give(answer["data"], identify(request))
        return answer

    async def preprocess_data(self, *given: Any, **more: Any) -> Any:
        """What the widgets of the page say; BadInput where one of them cannot say that."""
        try:
            values = await super().preprocess_data(*given, **more)
            for widget, value in zip(given[0].inputs, values, strict=True):
                checked(_kind(widget), value)
        except BadInput:
            raise
        except Exception as error:
            raise BadInput(_words(error)) from error
        return values


def _kind(widget: Any) -> Any:
    """What a widget may say; islands have said it themselves."""
    return next((schema for kinds, schema in SCHEMAS if isinstance(widget, kinds)), Any)


def _scope(request: Any) -> dict[str, Any]:
    """The scope of the request, where there is one."""
    bare = getattr(request, "request", None)
    found: dict[str, Any] = {} if bare is None else bare.scope
    return found


def _words(error: Exception) -> str:
    if isinstance(error, StudioError):
        return labelled(error)
    cause = error.__cause__ or error
    message = str(cause.message if isinstance(cause, gr.Error) else cause)
    return f"This is not valid: {message[:200]}"
