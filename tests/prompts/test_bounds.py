"""What a prompt may cost."""

import pytest

from studio.errors import InvalidPrompt
from studio.prompts.parser import MOST_PARTS, parse


def test_a_prompt_has_so_many_parts_and_no_more():
    assert len(parse(" AND ".join(["a"] * MOST_PARTS)).parts) == MOST_PARTS
    with pytest.raises(InvalidPrompt, match=f"more than {MOST_PARTS} parts"):
        parse(" AND ".join(["a"] * 800))
