"""The application behind the page: Gradio's own, with the gate around all of it."""

from gradio.routes import App, ORJSONResponse
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from studio.gate.gate import Gate
from studio.studio import Studio
from studio.ui.delivery import Delivery


class PageApp(App):  # type: ignore[misc]
    """Gradio's application for one studio: nothing of it sees a request that the gate has not let in."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(default_response_class=ORJSONResponse, middleware=[Middleware(Delivery)])
        self.studio = studio

    def build_middleware_stack(self) -> ASGIApp:
        """The whole stack, whatever Gradio adds to it, with the gate outermost."""
        return Gate(super().build_middleware_stack(), self.studio.settings)
