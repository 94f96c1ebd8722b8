import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.errors import InvalidRequest
from studio.library.filters import FILTERS
from studio.library.query import Query, Term

EXAMPLE = (
    "lora:ink red house -night size:>512 seed:42 model:starter date:2026-11 score:>6 star:yes tag:cat "
    'board:"my board" kind:inpaint'
)
CHIP = st.tuples(st.text(min_size=1, max_size=20), st.sampled_from(["words", "tag", "board", "lora"]), st.booleans())


def read(text: str) -> Query | None:
    """The query of a text; None where it is refused in words."""
    try:
        return Query.parse(text)
    except InvalidRequest:
        return None


def test_words_and_filters_are_read_into_typed_terms():
    assert Query.parse('red -"dark night" size:>=512 -tag:="my cat" board:two').terms == (
        Term("red"),
        Term("dark night", op="=", excluded=True),
        Term("512", "size", ">="),
        Term("my cat", "tag", "=", excluded=True),
        Term("two", "board"),
    )


def test_a_search_is_written_as_it_was_read():
    assert str(Query.parse(EXAMPLE)) == EXAMPLE
    assert Query.parse(str(Query.parse(EXAMPLE))) == Query.parse(EXAMPLE)


@given(st.text(max_size=60))
def test_whatever_can_be_read_is_read_again_from_what_is_written(text: str):
    query = read(text)
    assert query is None or Query.parse(str(query)) == query


@given(st.lists(CHIP))
def test_any_chip_is_read_again_from_what_it_writes(chips: list[tuple[str, str, bool]]):
    terms = []
    for value, field, excluded in chips:
        try:
            terms.append(Term(value, field, "=", excluded))
        except InvalidRequest:
            continue
    query = Query(tuple(terms[:20]))
    assert Query.parse(str(query)) == query


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("lorra:ink", "lorra:ink"),
        ("size:big", "size:big"),
        ("size:>512x768", "size:>512x768"),
        ("date:2026-13", "date:2026-13"),
        ("date:soon", "date:soon"),
        ("star:maybe", "star:maybe"),
        ("kind:painting", "kind:painting"),
        ('a "red house', '"red house'),
        ("red -", "-"),
        ("tag:", "tag:"),
        ("tag:>cat", "tag:>cat"),
        ("seed:>1..3", "seed:>1..3"),
        ('board:"my"board', 'board:"my"board'),
    ],
)
def test_a_fault_names_the_word_and_the_cure(text: str, named: str):
    with pytest.raises(InvalidRequest) as error:
        Query.parse(text)
    assert f"“{named}”" in error.value.message
    assert error.value.hint
    assert error.value.field == "search"


def test_a_misspelt_filter_is_told_what_was_meant():
    with pytest.raises(InvalidRequest, match="Did you mean lora:"):
        Query.parse("lorra:ink")


def test_a_search_beyond_bounds_is_refused_in_words():
    with pytest.raises(InvalidRequest, match="characters"):
        Query.parse("a" * 3000)
    with pytest.raises(InvalidRequest, match="the limit is"):
        Query.parse("a " * 100)


def test_each_filter_says_what_it_is_by_and_its_example_can_be_read():
    for name, one in FILTERS.items():
        assert one.help
        for example in one.example.replace(", ", " or ").split(" or "):
            (term,) = Query.parse(example).terms
            assert term.field == name


def test_a_query_takes_chips_in_and_out():
    query = Query.parse("red tag:cat").plus(Term("cat", "tag"), Term("yes", "star"))
    assert str(query) == "red tag:cat star:yes"
    assert str(query.without(Term("red"))) == "tag:cat star:yes"
    assert query.of("tag") == (Term("cat", "tag"),)
