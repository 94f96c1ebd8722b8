"""The Admin tab: what an admin is told and does there, and that nobody else is answered."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from studio.accounts.store import identity_of
from studio.gate.identity import Identity
from studio.recipe import Recipe
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.fast_gradio import gr as blocks_of
from studio.ui.island import Island
from studio.ui.workspace import Workspace
from tests.ui.callers import ME, request, request_of
from tests.ui.painter import Painter

PASSWORD = "correct horse battery"
SMALL = Recipe(prompt="something private", width=64, height=64, steps=1)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    settings = Settings.load(home=tmp_path_factory.mktemp("home"), accounts="on", max_steps=60)
    with Studio(settings, backend=Painter()) as studio:
        for name, role in (("ann", "admin"), ("bob", "creator"), ("cid", "creator")):
            studio.accounts.add(name, role, PASSWORD)  # type: ignore[arg-type]
        yield studio


@pytest.fixture(scope="module")
def page(studio: Studio) -> tuple[Workspace, Any]:
    """A page, and its Admin tab's element."""
    with blocks_of.Blocks(analytics_enabled=False) as blocks:
        workspace = Workspace(studio, blocks, blocks_of.Dropdown(list(studio.catalogue), value="starter"))
    (admin,) = (one for one in blocks.blocks.values() if isinstance(one, Island) and one.elem_id == "admin")
    return workspace, admin


def whose(studio: Studio, name: str) -> Identity:
    return identity_of(studio.accounts.get(name))


def ask(studio: Studio, page: tuple[Workspace, Any], act: str, by: str = "ann", **given: Any) -> dict[str, Any]:
    answer: dict[str, Any] = getattr(page[1], act)(given, request_of(whose(studio, by)))
    return answer


def test_an_admin_sees_everybody_s_disk_and_the_line_without_what_is_made(studio: Studio, page: Any) -> None:
    list(studio.submit(SMALL, whose(studio, "bob")).follow())
    painter = studio.backend
    assert isinstance(painter, Painter)
    painter.held.set()
    try:
        job = studio.submit(SMALL.replace(count=2), whose(studio, "bob"))
        facts = ask(studio, page, "look")
    finally:
        painter.held.clear()
    list(job.follow())
    rows = {one["name"]: (one["role"], one["pictures"]) for one in facts["accounts"]}
    assert rows == {"ann": ("admin", 0), "bob": ("creator", 1), "cid": ("creator", 0)}
    assert [(one["whose"], one["pictures"]) for one in facts["line"]] == [("bob", 2)]
    assert "private" not in str(facts)
    assert {one["variable"]: one["value"] for one in facts["limits"]}["STUDIO_MAX_STEPS"] == "60"
    assert facts["others"] is None


def test_roles_tokens_and_invitations_are_looked_after(studio: Studio, page: Any) -> None:
    secret = studio.accounts.new_token(studio.accounts.get("bob"), "a laptop")
    facts = ask(studio, page, "look")
    assert secret not in str(facts)
    (token,) = facts["accounts"][1]["tokens"]
    assert ask(studio, page, "revoke", name="bob", id=token["id"])["accounts"][1]["tokens"] == []
    assert ask(studio, page, "role", name="cid", role="viewer")["accounts"][2]["role"] == "viewer"
    assert "only admin" in ask(studio, page, "role", name="ann", role="viewer")["fault"]
    invited = ask(studio, page, "invite", role="creator")
    assert invited["link"].startswith("/account/join/")
    (open_one,) = invited["invitations"]
    assert "link" not in ask(studio, page, "look")
    assert ask(studio, page, "withdraw", id=open_one["id"])["invitations"] == []
    left = ask(studio, page, "remove", name="cid")["accounts"]
    assert [one["name"] for one in left] == ["ann", "bob"]


def test_nobody_else_is_answered_nor_shown_the_tab(studio: Studio, page: Any) -> None:
    workspace, admin = page
    handle = workspace.handles["admin"]
    assert handle.visible is False
    for name, seen in (("ann", True), ("bob", False)):
        kept = workspace.studio
        updates = workspace._restore_with(kept)({kept: None}, request_of(whose(studio, name)))
        assert updates[handle].visible is seen
    for act, given in (("look", {}), ("invite", {"role": "admin"}), ("role", {"name": "bob", "role": "admin"})):
        assert "for an admin" in ask(studio, page, act, "bob", **given)["fault"]
        assert "for an admin" in getattr(admin, act)(given, request(ME.owner))["fault"]
    assert studio.accounts.get("bob").role == "creator"


def test_a_studio_of_ones_own_has_no_such_tab(tmp_path: Path) -> None:
    with (
        Studio(Settings.load(home=tmp_path), backend=Painter(), durable=False) as alone,
        gr.Blocks(analytics_enabled=False) as blocks,
    ):
        assert "admin" not in Workspace(alone, blocks, gr.Dropdown(["starter"], value="starter")).handles
