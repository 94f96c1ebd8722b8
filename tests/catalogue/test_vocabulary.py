import pytest

from studio.catalogue.vocabulary import Vocabulary, read_tokenizer
from studio.errors import ModelError
from tests.headers import write_json

KNOWN = Vocabulary(
    words=("a", "red", "house", "on", "the", "left", "T-shirt"),
    groups={"styles": ("pencil sketch",), "places": ("beach",)},
)


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [
        ("a red house on the left", ()),
        ("A RED House!", ()),
        ("", ()),
        ("a dragon, a red Dragon and a knight", ("dragon", "and", "knight")),
        ("a red house; pencil sketch (beach)", ()),
        ("(red:1.2) house", ()),
        ("3 houses", ("3", "houses")),
        ("red-house, t-shirt, red-dragon", ("dragon",)),
        ("the house’s roof", ("house's", "roof")),
        ("un château", ("un", "château")),
        ("... !!! --- ___", ()),
    ],
)
def test_unknown_words_are_named_in_order_and_once(prompt, unknown):
    assert KNOWN.unknown(prompt) == unknown


def test_a_damaged_vocabulary_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"vocabulary\.json is damaged"):
        Vocabulary.read(write_json(tmp_path / "vocabulary.json", {"words": 3}))


def test_plain_files_and_tokenizer_json_count_as_clip_does(tmp_path):
    clip = small_clip()
    clip.save_pretrained(tmp_path / "new")
    clip.backend_tokenizer.model.save(str(tmp_path))
    for text in ("The  Cat's 12 houses, naïve…", "the the", "", "don't <|endoftext|> 'RE"):
        expected = len(clip(text, add_special_tokens=False).input_ids)
        for folder in (tmp_path, tmp_path / "new"):
            tokenizer = read_tokenizer(folder)
            assert tokenizer is not None
            assert len(tokenizer.encode(text, add_special_tokens=False).ids) == expected


def test_long_texts_are_counted_whole(tmp_path):
    clip = small_clip()
    clip("the", padding="max_length", truncation=True)
    clip.backend_tokenizer.enable_truncation(5)
    clip.save_pretrained(tmp_path)
    tokenizer = read_tokenizer(tmp_path)
    assert tokenizer is not None
    assert len(tokenizer.encode("the " * 100, add_special_tokens=False).ids) == 100


def test_a_folder_without_tokenizer_has_none(tmp_path):
    assert read_tokenizer(tmp_path) is None


def small_clip():
    """A CLIP tokenizer that knows every byte, and "the" as one token."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    letters = sorted(ByteLevel.alphabet())
    marks = ["<|startoftext|>", "<|endoftext|>"]
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), "th", "the</w>", *marks]
    return CLIPTokenizer(
        vocab={piece: number for number, piece in enumerate(pieces)},
        merges=[("t", "h"), ("th", "e</w>")],
        model_max_length=77,
    )
