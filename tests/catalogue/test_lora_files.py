"""The catalogues of LoRAs and embeddings: told by headers alone, nothing doubtful let in."""

import json
import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

import pytest

from studio.catalogue.embeddings import Embeddings
from studio.catalogue.loras import Loras
from studio.catalogue.models import Catalogue
from studio.cli import main
from studio.errors import ModelError
from studio.families import FAMILIES
from studio.settings import Settings
from tests.headers import Shapes, write_safetensors

ATTENTION = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"
ORIGINAL = "input_blocks_4_1_transformer_blocks_0_attn2_to_k"


READS_TEXT = {"input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 768)}


def signature(family: str) -> Shapes:
    return {name: shape or (2, 3) for name, shape in FAMILIES[family].signature.keys.items()}


def peft(width: int = 768, rank: int = 4) -> Shapes:
    return {f"unet.{ATTENTION}.lora_A.weight": (rank, width), f"unet.{ATTENTION}.lora_B.weight": (320, rank)}


def kohya(width: int = 768, layer: str = ATTENTION.replace(".", "_"), rank: int = 8) -> Shapes:
    name = f"lora_unet_{layer}"
    return {f"{name}.lora_down.weight": (rank, width), f"{name}.lora_up.weight": (320, rank), f"{name}.alpha": ()}


FLAT = ATTENTION.replace(".", "_")
CONV = {"lora_unet_conv_in.lora_down.weight": (4, 4, 3, 3), "lora_unet_conv_in.lora_up.weight": (320, 4, 1, 1)}
HADA = {f"lora_unet_{ATTENTION.replace('.', '_')}.hada_w{n}_{e}": (4, 768) for n in (1, 2) for e in "ab"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "loras").mkdir()
    return tmp_path


def loras(home: Path) -> Loras:
    return Loras(Settings(home=home))


def write(home: Path, name: str, shapes: Shapes, metadata: Mapping[str, str] | None = None) -> Path:
    return write_safetensors(home / "loras" / f"{name}.safetensors", shapes, metadata)


@pytest.mark.parametrize(
    ("shapes", "metadata", "family", "form"),
    [
        (peft(), {}, "sd15", "PEFT"),
        (peft(1024), {}, "sd21", "PEFT"),
        (peft(2048), {"ss_base_model_version": "sd_v1"}, "sdxl", "PEFT"),
        (kohya(2048, ORIGINAL), {}, "sdxl", "kohya"),
        (kohya() | CONV, {}, "sd15", "LoCon"),
        (CONV, {"ss_base_model_version": "sd_v1"}, "sd15", "LoCon"),
        (CONV, {"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"}, "sdxl", "LoCon"),
        (CONV, {}, None, "LoCon"),
        (HADA, {}, "sd15", "LoHa"),
        (
            {f"unet.{ATTENTION.replace('to_k', 'processor.to_k')}_lora.down.weight": (4, 768)},
            {},
            "sd15",
            "diffusers",
        ),
        ({"transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight": (4, 64)}, {}, "flux", "PEFT"),
        ({"lora_unet_double_blocks_0_img_mlp_0.lora_down.weight": (4, 64)}, {}, "flux", "kohya"),
        ({"diffusion_model.double_blocks.0.img_mlp.0.lora_A.weight": (4, 64)}, {}, "flux", "PEFT"),
        ({"double_blocks.0.processor.qkv_lora1.down.weight": (4, 64)}, {}, "flux", "XLabs"),
        ({"lora_transformer_single_transformer_blocks_0_proj_mlp.lora_down.weight": (4, 64)}, {}, "flux", "kohya"),
        ({"lora_unet_joint_blocks_0_x_block_attn_qkv.lora_down.weight": (4, 64)}, {}, "sd3", "kohya"),
        ({"lycoris_down_blocks_0_resnets_0_conv1.lokr_w1": (4, 4)}, {"ss_base_model_version": "sd_v1"}, "sd15", "LoKr"),
        (kohya() | {f"lora_unet_{FLAT}.dora_scale": (320, 1)}, {}, "sd15", "DoRA"),
        ({f"oft_unet_{FLAT}.oft_blocks": (4, 80, 80)}, {"ss_base_model_version": "sd_v1"}, "sd15", "OFT"),
        (kohya() | {f"lora_unet_{FLAT}.diff_b": (320,)}, {}, "sd15", "kohya"),
        ({"lora_unet_down_blocks_0_resnets_0_norm1.w_norm": (320,)}, {}, None, "full"),
    ],
)
def test_family_and_format_are_told_by_the_header(
    home: Path, shapes: Shapes, metadata: Mapping[str, str], family: str | None, form: str
) -> None:
    write(home, "one", shapes, metadata)
    one = loras(home)["one"]
    assert (one.family, one.format) == (family, form)
    assert one.torn or one.why_not() is None


def test_a_header_says_rank_alpha_and_trigger_words(home: Path) -> None:
    tags = {"10_ink": {"ink drawing": 9, "house": 2}, "5_more": {"house": 9}}
    write(home, "tags", kohya(), {"ss_network_alpha": "4.0", "ss_tag_frequency": json.dumps(tags)})
    write(home, "said", kohya(), {"modelspec.trigger_phrase": "in ink, wet", "ss_tag_frequency": json.dumps(tags)})
    write(home, "odd", kohya(), {"ss_tag_frequency": "[", "ss_network_alpha": "dynamic"})
    known = loras(home)
    assert (known["tags"].rank, known["tags"].alpha) == (8, 4.0)
    assert known["tags"].trigger_words == ("house", "ink drawing")
    assert known["said"].trigger_words == ("in ink", "wet")
    assert (known["odd"].trigger_words, known["odd"].alpha) == ((), None)


def test_sub_folders_notes_and_pictures_belong_to_a_name(home: Path) -> None:
    path = write(home, "styles/pixel-art.kohya", kohya())
    path.with_name("pixel-art.kohya.txt").write_text("From the fair.\n")
    path.with_name("pixel-art.kohya.webp").write_bytes(b"picture")
    one = loras(home)["pixel-art.kohya"]
    assert one.notes == "From the fair."
    assert one.thumbnail == path.with_name("pixel-art.kohya.webp")


def test_what_is_damaged_doubled_or_a_pickle_has_a_fault_and_takes_nothing_down(home: Path) -> None:
    write(home, "good", kohya())
    first, _ = write(home, "a/ink", kohya()), write(home, "b/ink", kohya())
    cut = write(home, "cut", kohya())
    cut.write_bytes(cut.read_bytes()[:-1])
    (home / "loras" / "old.pt").write_bytes(b"pickle")
    write(home, "model", {"weight": (2, 3)})
    known = loras(home)
    assert [name for name in known if name != "few-step" and "/starter/" not in str(known[name].path)] == [
        "a/ink",
        "b/ink",
        "good",
    ]
    for name, says in {"cut": "damaged", "old": "refused", "model": "not a LoRA: none of its tensors"}.items():
        with pytest.raises(ModelError, match=says):
            known[name]
    with pytest.raises(ModelError, match=r"2 files are the LoRA 'ink': a/ink and b/ink") as caught:
        known["ink"]
    assert "a/ink" in caught.value.hint
    assert known["a/ink"].path == first


NAMES = (
    "hair color",
    "v1.5",
    "my__style__v2",
    "c#minor",
    "x (old) [1]",
    "a{b}c",
    "it's, really & truly",
    "Café",
    "🦊 fox",
    " blanks at its ends ",
    "a:b",
    "a|b",
    "<angled>",
    "back\\slash",
    "UPPER",
    "deep/in/folders",
)


@pytest.mark.parametrize("name", NAMES)
def test_any_name_that_a_file_can_have_calls_it(home: Path, name: str) -> None:
    path = write(home, unicodedata.normalize("NFD", name), kohya())
    known = loras(home)
    assert known.faults == {}
    for asked in (name, unicodedata.normalize("NFD", name), f"{name}.safetensors", name.swapcase(), name.strip()):
        assert known[asked].path == path


def test_a_name_that_is_no_text_can_be_shown(home: Path) -> None:
    write(home, "x", kohya()).rename(os.fsdecode(os.fsencode(home / "loras") + b"/caf\xe9.safetensors"))
    assert [name for name in loras(home) if name.startswith("caf")] == ["caf\ufffd"]


def test_names_that_differ_in_case_alone_are_told_apart_or_asked_for(home: Path) -> None:
    small, large = write(home, "ink-wash", kohya()), write(home, "Ink-Wash", kohya())
    known = loras(home)
    assert (known["ink-wash"].path, known["Ink-Wash"].path) == (small, large)
    with pytest.raises(ModelError, match="'INK-WASH' may be Ink-Wash or ink-wash"):
        known["INK-WASH"]


def test_a_file_is_called_with_its_folder_too(home: Path) -> None:
    path = write(home, "style/brush", kohya())
    known = loras(home)
    assert list(known).count("brush") == 1
    assert known["style/brush"].path == known["Style\\Brush.safetensors"].path == path
    root = write(home, "brush", kohya())
    known.refresh()
    assert (known["brush"].path, known["style/brush"].path) == (root, path)
    assert known["style/brush"].name == "style/brush"


def test_a_pickle_beside_its_safetensors_is_none_of_the_lora(home: Path) -> None:
    path = write(home, "both", kohya())
    path.with_suffix(".pt").write_bytes(b"pickle")
    assert loras(home)["both"].path == path


def test_linked_folders_are_seen_and_circles_end(home: Path, tmp_path: Path) -> None:
    elsewhere = write(tmp_path / "elsewhere", "far", kohya()).parent
    write(home, "near", kohya())
    (home / "loras" / "linked").symlink_to(elsewhere)
    (elsewhere / "circle").symlink_to(home / "loras")
    assert {"near", "far"} <= set(loras(home))


@pytest.mark.parametrize(
    ("shapes", "says"),
    [
        ({f"lora_unet_{FLAT}.on_input": (), f"lora_unet_{FLAT}.weight": (320,)}, "cannot be used: it is of IA3"),
        ({f"lora_unet_{FLAT}.{n}.weight": (4, 4) for n in ("a1", "a2", "b1", "b2")}, "cannot be used: it is a GLoRA"),
        ({f"unet.{ATTENTION}.oft_R.weight": (4, 10)}, "cannot be used: it is an OFT in PEFT"),
        (kohya() | {"bundle_emb.ink.string_to_param.*": (2, 99)}, "not an embedding that the studio knows"),
        (kohya() | {"bundle_emb.ink.t5": (2, 4096)}, "1 of its 4 tensors"),
        (kohya() | {"lora_unet_blocks_0_ffn_0.alpha": ()}, "1 of its 4 tensors are of no known format, or for a model"),
        (kohya() | {f"lora_unet_{FLAT}.lora_up.bias": (320,)}, "1 of its 4 tensors"),
        ({f"lora_unet_{FLAT}.lora_down.weight": (4, 768)}, f"is not whole: {FLAT} lacks its up"),
        ({name: shape for name, shape in HADA.items() if not name.endswith("w2_b")}, "lacks its hada_w2_b"),
        ({f"lora_unet_{FLAT}.lokr_w1": (4, 4)}, "lacks its lokr_w2"),
        (kohya() | {f"lora_unet_{FLAT}.lora_up.weight": (320, 4)}, "are of unlike rank"),
        (kohya() | {"lora_unet_conv_in.alpha": ()}, "conv_in has alpha and nothing else"),
        (signature("sdxl"), r"is a whole model of Stable Diffusion XL\. Move it into models"),
        ({"model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3)}, "the denoiser of a model, without"),
        ({"decoder.conv_in.weight": (512, 4, 3, 3)}, r"is a VAE\. Move it into vaes"),
        ({"emb_params": (2, 768)}, r"is an embedding\. Move it into embeddings"),
        ({"input_hint_block.0.weight": (16, 3, 3, 3), **READS_TEXT}, r"is a ControlNet\. Move it into controlnets"),
    ],
)
def test_what_cannot_be_put_on_is_named_as_what_it_is_when_it_is_listed(home: Path, shapes: Shapes, says: str) -> None:
    write(home, "one", shapes)
    known = loras(home)
    fault = known.faults.get("one") or known["one"].why_not()
    assert re.search(says, str(fault)), fault
    assert "one" not in known.fitting("sd15")


def test_embeddings_that_a_lora_brings_along_are_told(home: Path) -> None:
    single = {"bundle_emb.wet.ink.string_to_param.*": (2, 768), "bundle_emb.dry.emb_params": (768,)}
    write(home, "one", kohya() | single)
    pair = {"bundle_emb.ink.clip_g": (3, 1280), "bundle_emb.ink.clip_l": (3, 768)}
    write(home, "two", kohya(2048, ORIGINAL) | pair)
    known = loras(home)
    brought = [(one.name, one.family, one.vectors) for name in ("one", "two") for one in known[name].brings]
    assert brought == [("wet.ink", "sd15", 2), ("dry", "sd15", 1), ("ink", "sdxl", 3)]
    assert known["two"].brings[0].tensors == ("bundle_emb.ink.clip_l", "bundle_emb.ink.clip_g")
    assert known["one"].why_not() is None


def test_what_lies_in_another_folder_is_told_where_it_belongs(home: Path) -> None:
    write_safetensors(home / "models" / "ink.safetensors", kohya())
    write_safetensors(home / "embeddings" / "ink.safetensors", kohya())
    for known in (Catalogue(Settings(home=home)), Embeddings(Settings(home=home))):
        with pytest.raises(ModelError, match=r"it is a LoRA\. Move it into loras"):
            known["ink"]


def test_only_what_fits_the_family_is_offered(home: Path) -> None:
    for name, shapes in {"old": peft(), "large": peft(2048), "open": CONV}.items():
        write(home, name, shapes)
    known = loras(home)
    for family, fits in {"sd15": {"old", "open"}, "lcm": {"old", "open"}, "sdxl": {"large", "open"}}.items():
        assert set(known.fitting(family)) == fits


def test_a_file_put_there_later_is_found_by_name(home: Path) -> None:
    known = loras(home)
    with pytest.raises(ModelError, match="There is no LoRA 'watr-ink'"):
        known["watr-ink"]
    write(home, "water-ink", kohya())
    assert known["water-ink"].family == "sd15"
    with pytest.raises(ModelError, match="Did you mean water-ink"):
        known["watr-ink"]


def test_loras_are_listed(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write(home, "ink", kohya(), {"modelspec.trigger_phrase": "in ink"})
    assert main(["loras", "--json", "--home", str(home)]) == 0
    entries = {entry["name"]: entry for entry in json.loads(capfd.readouterr().out)["loras"]}
    assert {"name": "ink", "family": "sd15", "path": str(path)}.items() <= entries["ink"].items()
    assert len(entries["ink"]["sha256"]) == 64
    assert entries["few-step"]["family"] == "starter"
    assert main(["loras", "--home", str(home)]) == 0
    assert "in ink" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("shapes", "family", "vectors"),
    [
        ({"emb_params": (3, 768)}, "sd15", 3),
        ({"<word>": (768,)}, "sd15", 1),
        ({"emb_params": (2, 1024)}, "sd21", 2),
        ({"clip_g": (2, 1280), "clip_l": (2, 768)}, "sdxl", 2),
    ],
)
def test_an_embedding_is_told_by_its_vectors(home: Path, shapes: Shapes, family: str, vectors: int) -> None:
    write_safetensors(home / "embeddings" / "calm.safetensors", shapes)
    one = Embeddings(Settings(home=home))["calm"]
    assert (one.family, one.vectors) == (family, vectors)


@pytest.mark.parametrize(
    "shapes",
    [{}, {"a": (2, 768), "b": (2, 768)}, {"clip_g": (2, 1280), "clip_l": (3, 768)}, {"a": (2, 99)}, {"a": ()}],
)
def test_what_is_no_embedding_is_refused(home: Path, shapes: Shapes) -> None:
    write_safetensors(home / "embeddings" / "calm.safetensors", shapes)
    with pytest.raises(ModelError, match="not an embedding"):
        Embeddings(Settings(home=home))["calm"]


def test_an_embedding_longer_than_an_encoder_reads_is_refused_with_its_number(home: Path) -> None:
    write_safetensors(home / "embeddings" / "long.safetensors", {"emb_params": (80, 768)})
    write_safetensors(home / "embeddings" / "most.safetensors", {"emb_params": (75, 768)})
    known = Embeddings(Settings(home=home))
    assert known["most"].vectors == 75
    with pytest.raises(ModelError, match=r"long\.safetensors has 80 vectors; a text encoder reads 75 at once"):
        known["long"]
