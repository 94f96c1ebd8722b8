"""How the page travels: its document compressed, with what it begins with; Gradio's scripts kept for good."""

from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Their names hold a hash of what is in them.
HASHED = "/assets/"
FOR_GOOD = "public, max-age=31536000, immutable"
HEAD_ENDS = b"</head>"
# Half a megabyte becomes a fifth in 10 ms; the utmost takes four times as long for a little less.
LEVEL = 4


@dataclass(frozen=True)
class Beginning:
    """What comes with the page's document, before any script of Gradio's runs.

    `link` is its `Link` header: what a browser is to fetch together with it. `head` is HTML: Gradio would add it when
    it has drawn half of the page.
    """

    link: str = ""
    head: str = ""


class Compression:
    """Stands within Gradio's own compression, which leaves out what has no file's name and says nothing of caching."""

    def __init__(self, app: ASGIApp, beginning: Beginning) -> None:
        self._app = app
        self._link = beginning.link
        self._head = beginning.head.encode()
        self._compressed = GZipMiddleware(self._document, compresslevel=LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path == "/":
            await self._compressed(scope, receive, _with(send, "Link", self._link))
        else:
            await self._app(scope, receive, _with(send, "Cache-Control", FOR_GOOD) if path.startswith(HASHED) else send)

    async def _document(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The page, with our lines at the end of its head."""
        begun: list[Message] = []

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                begun.append(message)
                return
            for start in begun:
                message["body"] = message["body"].replace(HEAD_ENDS, self._head + HEAD_ENDS, 1)
                MutableHeaders(scope=start)["Content-Length"] = str(len(message["body"]))
                await send(start)
            begun.clear()
            await send(message)

        await self._app(scope, receive, headed)


def _with(send: Send, name: str, value: str) -> Send:
    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            MutableHeaders(scope=message)[name] = value
        await send(message)

    return marked
