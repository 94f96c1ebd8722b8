"""A picture may be named by its address on the web, in every language; one of a private place is not gone to."""

from collections.abc import Iterator
from typing import Any

import pytest

from studio.gate.identity import PROGRAM
from studio.studio import Studio
from tests.api.asking import Ask, asking, gated
from tests.picture_site import Site, picture_site

PRIVATE = "http://169.254.169.254/latest/meta-data"
SMALL = {"prompt": "a red boat", "steps": 1}


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with picture_site(monkeypatch) as site:
        yield site


@pytest.fixture
def ask(studio: Studio) -> Ask:
    def once(method: str, path: str, **given: Any) -> Any:
        return asking(gated(studio))(method, path, **given)

    return once


def edited(ask: Ask, address: str) -> Any:
    form = {"image": address, "prompt": "a red boat", "num_inference_steps": "1"}
    return ask("POST", "/v1/images/edits", data=form, files={"nothing": b""})


def painted_over(ask: Ask, address: str) -> Any:
    return ask("POST", "/sdapi/v1/img2img", json={"init_images": [address], **SMALL})


def controlled(ask: Ask, address: str) -> Any:
    return ask("POST", "/controlnet/detect", json={"controlnet_module": "none", "controlnet_input_images": [address]})


def told(ask: Ask, address: str) -> Any:
    return ask("POST", "/sdapi/v1/png-info", json={"image": address})


def brought(ask: Ask, address: str) -> Any:
    return ask("POST", "/api/inputs", data={"file": address}, files={"nothing": b""})


def by_an_agent(ask: Ask, address: str) -> Any:
    """What is kept between requests ends with their event loop, so that each has an application of its own."""
    call = {"name": "edit_image", "arguments": {"image": address, "prompt": "a red boat"}}
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    return ask("POST", "/mcp", json=asked, headers={"Accept": "application/json, text/event-stream"})


WAYS = (edited, painted_over, controlled, told, brought, by_an_agent)


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_a_picture_is_fetched_from_a_public_place_and_from_no_other(ask: Ask, site: Site, way: Any) -> None:
    fetched = way(ask, site.address())
    assert fetched.status_code in (200, 201), fetched.text
    assert 'isError":true' not in fetched.text, fetched.text
    assert len(site.hosts) == 1
    refused = way(ask, PRIVATE)
    assert "not a public address" in refused.text
    assert refused.status_code in (200 if way is by_an_agent else 422, 400)
    assert "Send the picture itself." in refused.text


def test_what_is_fetched_is_read_as_any_other_file(ask: Ask, studio: Studio, site: Site) -> None:
    from tests.picture_site import sending

    site.answers["/page"] = sending(b"<html>no picture</html>", **{"Content-Type": "image/png"})
    refused = brought(ask, site.address("/page"))
    assert (refused.status_code, refused.json()["message"]) == (422, "The file is not a picture.")
    stored = brought(ask, site.address()).json()["id"]
    assert studio.inputs.holds(PROGRAM, [stored])
