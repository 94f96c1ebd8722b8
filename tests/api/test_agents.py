"""MCP, spoken by the client of its own package, as an agent does."""

import logging
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from io import BytesIO
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from PIL import Image

from studio.api.agents import tools
from studio.gate.identity import PROGRAM, owner_by
from studio.studio import Studio
from tests.loops import run
from tests.people import who

KEY = "a-secret-that-one-agent-keeps"
SMALL = {"width": 64, "height": 64, "steps": 2}


def asked(address: str, act: Callable[[Any], Awaitable[Any]], key: str = "") -> Any:
    """What an agent is answered, that may keep a secret."""

    async def ask() -> Any:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60) as http,
            Client(streamable_http_client(f"{address}/mcp", http_client=http)) as client,
        ):
            return await act(client)

    return run(ask())


def test_the_programs_log_is_left_as_it_was(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    level = root.level
    tools(studio)
    assert (root.handlers, root.level) == ([], level)


def test_the_verbs_are_there_each_with_what_it_does_and_takes(address: str) -> None:
    found = {tool.name: tool for tool in asked(address, lambda client: client.list_tools()).tools}
    assert {"generate_image", "edit_image", "list_models", "search_pictures", "list_jobs", "cancel_job"} == set(found)
    for tool in found.values():
        assert tool.description
        assert all(one.get("description") or one.get("default") is not None for one in _properties(tool).values())
    assert "context" not in _properties(found["generate_image"])


def _properties(tool: Any) -> dict[str, Any]:
    found: dict[str, Any] = tool.input_schema.get("properties", {})
    return found


def test_an_agent_makes_a_picture_and_is_shown_it(address: str, studio: Studio) -> None:
    given = {"prompt": "a boat", "seed": 7, **SMALL}
    answer = asked(address, lambda client: client.call_tool("generate_image", given), KEY)
    picture, words = answer.content
    assert Image.open(BytesIO(b64decode(picture.data))).size == (64, 64)
    assert "Seed 7, 64x64" in words.text
    assert studio.jobs_of(who(owner_by(KEY)))[0].recipes[0].steps == 2
    url = words.text.rpartition(" ")[2]
    assert httpx.get(url, headers={"Authorization": f"Bearer {KEY}"}).status_code == 200
    assert httpx.get(url).status_code == 404


def test_an_agent_changes_a_picture(address: str, studio: Studio) -> None:
    buffer = BytesIO()
    Image.new("RGB", (64, 64), (200, 30, 30)).save(buffer, "PNG")
    given = {"image": b64encode(buffer.getvalue()).decode(), "prompt": "a boat", "strength": 0.5}
    answer = asked(address, lambda client: client.call_tool("edit_image", given))
    assert not answer.is_error
    assert studio.jobs_of(PROGRAM)[0].recipes[0].task == "img2img"


def test_an_agent_finds_what_its_owner_made_and_nothing_else(address: str) -> None:
    made = {"prompt": "an unmistakable heron", **SMALL}
    asked(address, lambda client: client.call_tool("generate_image", made), KEY)
    search = {"query": "heron"}
    found = asked(address, lambda client: client.call_tool("search_pictures", search), KEY)
    assert [one["prompt"] for one in found.structured_content["result"]] == ["an unmistakable heron"]
    other = asked(address, lambda client: client.call_tool("search_pictures", search), "a-secret-that-another-keeps")
    assert other.structured_content["result"] == []


@pytest.mark.parametrize(
    ("tool", "given", "words"),
    [
        ("generate_image", {"prompt": "a boat", "width": 65}, "65"),
        ("generate_image", {"prompt": "without paint", **SMALL}, "The paint ran out"),
        ("generate_image", {"prompt": "a boat", "model": "nothing"}, "nothing"),
        ("edit_image", {"image": "http://127.0.0.1/a.png", "prompt": "a"}, "not a public address"),
        ("cancel_job", {"job": "abc"}, "There is no such job"),
    ],
)
def test_an_agent_is_told_in_words_what_cannot_be(address: str, tool: str, given: Any, words: str) -> None:
    answer = asked(address, lambda client: client.call_tool(tool, given))
    assert answer.is_error
    assert words in answer.content[0].text
