import pytest

from studio.catalogue.models import Catalogue
from studio.errors import InvalidPreset
from studio.families import FAMILIES
from studio.presets.reading import NegativePreset, Presets, SizePreset, StylePreset, read_toml
from studio.settings import Settings


@pytest.fixture
def presets():
    return Presets()


def test_the_projects_presets_are_read(presets):
    assert {"starter", "photograph", "illustration", "anime", "hands-and-faces", "product"} <= set(presets.negatives)
    assert list(presets.sizes) == ["draft", "square", "portrait", "landscape", "wide"]


def test_every_family_with_negative_prompts_has_a_preset(presets):
    for name, family in FAMILIES.items():
        offered = [preset for preset in presets.negatives.values() if preset.suits(name)]
        assert bool(offered) == ("negative_prompt" in family.abilities)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_size_is_within_the_familys_limits(presets, name):
    family = FAMILIES[name]
    for preset in presets.sizes.values():
        for side in preset.size(family):
            assert side % family.multiple == 0
            assert family.min_side <= side <= family.max_side


@pytest.mark.parametrize("name", FAMILIES)
def test_shapes_keep_the_area_and_a_draft_has_less(presets, name):
    family = FAMILIES[name]
    square = family.native_side**2
    for preset in presets.sizes.values():
        width, height = preset.size(family)
        aimed = square * preset.scale**2
        assert abs(width * height - aimed) <= 0.15 * aimed
    assert presets.sizes["square"].size(family) == (family.native_side,) * 2
    assert max(presets.sizes["draft"].size(family)) < family.native_side


def test_a_shape_has_its_aspect(presets):
    width, height = presets.sizes["wide"].size(FAMILIES["sdxl"])
    assert width / height == pytest.approx(16 / 9, rel=0.02)
    width, height = presets.sizes["portrait"].size(FAMILIES["sdxl"])
    assert width < height


def test_a_models_own_side_counts_over_its_familys(presets):
    assert presets.sizes["square"].size(FAMILIES["sdxl"], side=512) == (512, 512)


def test_a_size_beyond_the_limits_shrinks_with_its_aspect():
    huge = SizePreset(id="huge", name="Huge", aspect=(2, 1), scale=4)
    width, height = huge.size(FAMILIES["sdxl"])
    assert (width, height) == (2048, 1024)


def test_a_later_folder_counts_over_an_earlier(tmp_path):
    write(tmp_path / "negative/photograph.toml", 'name = "Mine"\ntext = "blurry"\n')
    mine = Presets(tmp_path)
    assert mine.negatives["photograph"].name == "Mine"
    assert "anime" in mine.negatives


def test_an_unknown_key_is_named_with_its_file_and_line(tmp_path):
    path = write(tmp_path / "negative/n.toml", 'name = "N"\ntext = "blurry"\ntexxt = "x"\n')
    with pytest.raises(InvalidPreset, match=r"n\.toml, line 3: there is no key `texxt`.*purpose.*text"):
        read_toml(path, NegativePreset)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('name = "N"\ntext = 3\n', r"n\.toml, line 2: `text`: it is not text"),
        ('name = "N"\n', r"n\.toml: the key `text` is missing"),
        ('name = "N"\ntext = "x"\nid = "y"\n', r"n\.toml, line 3: `id` is not to be set"),
        ('name = "N"\ntext = "x"\nfamilies = ["sd16"]\n', r"line 3: `families`: 'sd16' is not .*known are flux"),
        ('name = "N\n', r"n\.toml is not valid TOML .*line 1"),
        ('name = "N"\ntext = ""\n', r"line 2: `text`: .*shorter than 1"),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path, text, problem):
    with pytest.raises(InvalidPreset, match=problem):
        read_toml(write(tmp_path / "n.toml", text), NegativePreset)


def test_a_file_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "n.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidPreset, match=r"n\.toml is not UTF-8"):
        read_toml(path, NegativePreset)


@pytest.mark.parametrize("values", ["aspect = [1, 0]", "aspect = [1]"])
def test_a_size_that_cannot_be_is_refused(tmp_path, values):
    path = write(tmp_path / "s.toml", f'name = "S"\n{values}\n')
    with pytest.raises(InvalidPreset, match=r"aspect"):
        read_toml(path, SizePreset)


def test_every_style_takes_the_creators_words_in(presets):
    assert len(presets.styles) >= 12
    for style in presets.styles.values():
        prompt, negative = style.applied("two cats", "blurry")
        assert "two cats" in prompt
        assert prompt != "two cats"
        assert negative.startswith("blurry, ")


def test_a_style_without_a_place_is_added():
    style = StylePreset(id="s", name="S", prompt="oil painting")
    assert style.applied("a cat ", "") == ("a cat, oil painting", "")
    assert style.applied("", "blurry") == ("oil painting", "blurry")


def test_a_comment_does_not_swallow_the_style():
    style = StylePreset(id="s", name="S", prompt="photo of {prompt}, sharp")
    assert style.applied("a cat # mine", "")[0] == "photo of a cat # mine\n, sharp"


def test_every_model_that_comes_with_the_studio_has_a_draft(tmp_path):
    catalogue = Catalogue(Settings.load(home=tmp_path))
    assert not catalogue.faults
    for model in catalogue.values():
        assert 0 < model.default("draft_steps") < model.default("steps")


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
