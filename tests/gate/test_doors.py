"""The table of what is served, in the documentation, is what the gate goes by: written by `make doors`."""

import re
from pathlib import Path

from studio.gate.doors import DOORS, door, table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security.md"
PLACE = re.compile(r"(?<=<!-- made by `make doors` -->\n).*?(?=<!-- end -->)", re.DOTALL)


def test_the_table_in_the_documentation_is_what_the_gate_goes_by() -> None:
    assert PLACE.findall(PAGE.read_text("utf-8")) == [table()], "out of date: make doors"


def test_nothing_that_changes_something_is_open_to_a_link() -> None:
    assert not [one for one in DOORS for method in one.methods - {"GET", "HEAD"} if one.opens_to_links(method)]


def test_each_address_has_one_door() -> None:
    for path in ("/", "/gradio_api/queue/join", "/gradio_api/call/generate", "/gradio_api/call/generate/abc"):
        assert sum(one.fits(path) for one in DOORS) == 1
    assert door("/gradio_api/run-history/connect") is None


if __name__ == "__main__":
    PAGE.write_text(PLACE.sub(lambda _: table(), PAGE.read_text("utf-8")), "utf-8")
