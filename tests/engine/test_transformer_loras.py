"""LoRAs for FLUX and SD 3.5 under every name that tools give them: the same change, whatever it is called."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.catalogue.lora_names import DENOISER
from studio.catalogue.loras import Loras
from studio.catalogue.models import Catalogue, Model
from studio.engine import lora
from studio.engine.layer_names import component_of, places_by_name
from studio.errors import ModelError
from studio.families import flux
from studio.settings import Settings
from tests import tiny

Tensors = dict[str, torch.Tensor]
RANK = 2


class Pipe:
    """What of a pipeline a LoRA is read for."""

    def __init__(self, folder: Path, kind: str) -> None:
        import diffusers
        from transformers import CLIPTextModel, T5EncoderModel

        self.transformer = getattr(diffusers, kind).from_pretrained(folder / "transformer")
        self.text_encoder = CLIPTextModel.from_pretrained(folder / "text_encoder")
        self.text_encoder_2 = T5EncoderModel.from_pretrained(folder / "text_encoder_2") if "Flux" in kind else None


@pytest.fixture(scope="module")
def pipes(tiny_model: Callable[[str], Path]) -> Mapping[str, Pipe]:
    kinds = {"flux": "FluxTransformer2DModel", "sd3": "SD3Transformer2DModel"}
    return {family: Pipe(tiny_model(family), kind) for family, kind in kinds.items()}


@pytest.fixture
def read(pipes: Mapping[str, Pipe], tiny_model: Callable[[str], Path], tmp_path: Path) -> Callable[..., Any]:
    """The weights that a file changes by layer, each as one ΔW."""
    settings = Settings(home=tmp_path)
    (tmp_path / "models").mkdir()
    for family in pipes:
        (tmp_path / "models" / f"tiny-{family}").symlink_to(tiny_model(family))
    (tmp_path / "loras").mkdir()

    def deltas(family: str, tensors: Tensors) -> dict[str, torch.Tensor]:
        path = tmp_path / "loras" / "one.safetensors"
        save_file({name: value.clone().contiguous() for name, value in tensors.items()}, path)
        file = Loras(settings)["one"]
        assert file.why_not() is None
        model: Model = Catalogue(settings)[f"tiny-{family}"]
        adapter = lora.load(file, model, pipes[family], torch.float32)
        assert adapter.tensors == len(tensors)
        return {
            f"{component} {name}": sum(one.scale * one.weight(_weight(pipes[family], component, name)) for one in made)
            for component, layers in adapter.changes.items()
            for name, made in layers.items()
        }

    return deltas


def _weight(pipe: Pipe, component: str, name: str) -> torch.Size:
    return component_of(pipe, component).get_submodule(name).weight.shape


def plain(folder: Path) -> Tensors:
    """A LoRA as PEFT names it, in which q, k and v have one `down`, as where they were one layer."""
    tiny.lora(folder, folder.parent / "lora.safetensors")
    tensors = load_file(folder.parent / "lora.safetensors")
    for key in list(tensors):
        if shared := re.fullmatch(r"(.*\.)(to_k|to_v|add_k_proj|add_v_proj)\.lora_A\.weight", key):
            tensors[key] = tensors[f"{shared[1]}{shared[2].replace('k', 'q').replace('to_v', 'to_q')}.lora_A.weight"]
    return tensors


def joined(tensors: Tensors, single_mlp: int) -> Tensors:
    """The same in FLUX's first layout, ups side by side; a single block has no change of its feed-forward here."""
    made: Tensors = {}
    for name in {key.rpartition(".lora_")[0].removeprefix("transformer.") for key in tensors}:
        down, up = (tensors[f"transformer.{name}.lora_{end}.weight"] for end in "AB")
        called = next(found.expand(to) for by, to in flux.FIRST_NAMES if (found := re.fullmatch(by, name)))
        if re.search(r"\.to_[qkv]$", name):
            stem = name[:-1]
            ups = [tensors[f"transformer.{stem}{each}.lora_B.weight"] for each in "qkv"]
            if "single" in name:
                ups.append(torch.zeros(single_mlp, RANK))
            up = torch.cat(ups)
            down = tensors[f"transformer.{stem}q.lora_A.weight"]
        made |= {f"{called}.lora_A.weight": down, f"{called}.lora_B.weight": up}
    return made


def renamed(tensors: Tensors, name: Callable[[str], str]) -> Tensors:
    return {name(key.removesuffix(".lora_A.weight").removesuffix(".lora_B.weight")) + _end(key): value
            for key, value in tensors.items()}  # fmt: skip


def _end(key: str) -> str:
    return ".lora_down.weight" if key.endswith("lora_A.weight") else ".lora_up.weight"


def same(ours: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> None:
    """Equal where they change anything."""
    for name in {*ours, *wanted}:
        torch.testing.assert_close(
            ours.get(name, torch.zeros_like(wanted.get(name, ours.get(name)))),
            wanted.get(name, torch.zeros_like(ours.get(name, wanted.get(name)))),
        )


FLUX_NAMES: dict[str, Callable[[Tensors], Tensors]] = {
    "PEFT": dict,
    "ComfyUI": lambda t: {f"diffusion_model.{key}": value for key, value in joined(t, 128).items()},
    "ComfyUI, no prefix": lambda t: {f"base_model.model.{key}": value for key, value in joined(t, 128).items()},
    "kohya": lambda t: renamed(joined(t, 128), lambda name: f"lora_unet_{name.replace('.', '_')}"),
    "OneTrainer": lambda t: renamed(t, lambda name: f"lora_{name.replace('.', '_')}"),
    "SimpleTuner": lambda t: renamed(t, lambda name: name.replace("transformer.", "lycoris_", 1).replace(".", "_")),
}


@pytest.mark.parametrize("tool", FLUX_NAMES)
def test_a_lora_for_flux_is_the_same_under_the_names_of_every_tool(
    read: Callable[..., Any], tiny_model: Callable[[str], Path], tool: str
) -> None:
    tensors = plain(tiny_model("flux"))
    same(read("flux", FLUX_NAMES[tool](tensors)), read("flux", tensors))


@pytest.mark.parametrize("tool", ["PEFT", "ComfyUI", "kohya", "OneTrainer", "SimpleTuner"])
def test_alphas_count_under_every_name(read: Callable[..., Any], tiny_model: Callable[[str], Path], tool: str) -> None:
    tensors = plain(tiny_model("flux"))
    named = FLUX_NAMES[tool](tensors)
    stems = {re.sub(r"\.lora_\w+\.weight$", "", key) for key in named}
    quarter = read("flux", named | {f"{stem}.alpha": torch.tensor(RANK / 4) for stem in stems})
    same(quarter, {name: delta / 4 for name, delta in read("flux", tensors).items()})


def test_what_xlabs_calls_its_processors_are_the_attentions(
    read: Callable[..., Any], tiny_model: Callable[[str], Path]
) -> None:
    tensors = plain(tiny_model("flux"))
    block = "transformer.transformer_blocks.0.attn"
    kept = {key: value for key, value in tensors.items() if ".attn." in key}
    made = {}
    for first, second, q, k, v, out in (
        ("qkv_lora1", "proj_lora1", "to_q", "to_k", "to_v", "to_out.0"),
        ("qkv_lora2", "proj_lora2", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"),
    ):
        stem = "double_blocks.0.processor"
        names = [f"{block}.{name}" for name in (q, k, v)]
        if f"{names[0]}.lora_A.weight" not in tensors:  # the words' own are not among those that a tiny LoRA changes
            continue
        made[f"{stem}.{first}.down.weight"] = tensors[f"{names[0]}.lora_A.weight"]
        made[f"{stem}.{first}.up.weight"] = torch.cat([tensors[f"{name}.lora_B.weight"] for name in names])
        for end, way in (("A", "down"), ("B", "up")):
            made[f"{stem}.{second}.{way}.weight"] = tensors[f"{block}.{out}.lora_{end}.weight"]
    single = "transformer.single_transformer_blocks.0.attn"
    ups = [tensors[f"{single}.to_{each}.lora_B.weight"] for each in "qkv"]
    made["single_blocks.0.processor.qkv_lora.down.weight"] = tensors[f"{single}.to_q.lora_A.weight"]
    made["single_blocks.0.processor.qkv_lora.up.weight"] = torch.cat(ups)
    same(read("flux", made), read("flux", kept))


def test_the_first_names_of_all_layers_of_flux_are_those_that_diffusers_reads() -> None:
    """At full size, where every layer of the first layout has a LoRA."""
    from accelerate import init_empty_weights
    from diffusers import FluxTransformer2DModel
    from diffusers.loaders.lora_conversion_utils import _convert_kohya_flux_lora_to_diffusers

    with init_empty_weights():
        network = FluxTransformer2DModel(guidance_embeds=True)
    known = {name: places for name, places in places_by_name(network).items() if _is_first(name)}
    kohya: Tensors = {}
    for name, places in known.items():
        outputs = sum(int(network.get_submodule(place.layer).out_features) for place in places)
        inputs = int(network.get_submodule(places[0].layer).in_features)
        kohya[f"lora_unet_{name}.lora_down.weight"] = torch.ones(1, inputs)
        kohya[f"lora_unet_{name}.lora_up.weight"] = torch.arange(outputs, dtype=torch.float32)[:, None]
    theirs = _convert_kohya_flux_lora_to_diffusers(dict(kohya))
    theirs = {key.removeprefix("transformer."): value for key, value in theirs.items()}
    for name, places in known.items():
        for place in places:
            up = kohya[f"lora_unet_{name}.lora_up.weight"]
            ours = up[slice(*place.rows)] if place.rows else up
            ours = torch.cat(ours.chunk(2)[::-1]) if place.swapped else ours
            assert torch.equal(theirs.pop(f"{place.layer}.lora_B.weight"), ours), name
            theirs.pop(f"{place.layer}.lora_A.weight")
    assert not theirs


def _is_first(name: str) -> bool:
    """Whether it is of the first layout; the attention of a single block is XLabs' own cut of one of its layers."""
    begins = ("double_blocks", "single_blocks", "img_in", "txt_in", "time_in", "vector_in", "guidance_in", "final_")
    return name.startswith(begins) and not re.fullmatch(r"single_blocks_\d+_qkv", name)


def test_the_first_names_of_sd3_are_its_layers(pipes: Mapping[str, Pipe]) -> None:
    """Each tensor that diffusers makes of the first layout is the rows that the place says."""
    from diffusers.loaders.single_file_utils import convert_sd3_transformer_checkpoint_to_diffusers

    network = pipes["sd3"].transformer
    first: Tensors = {"pos_embed": torch.zeros(1)}
    for name, places in places_by_name(network).items():
        called = _dotted(name)
        if called is None:
            continue
        outputs = sum(len(network.get_submodule(place.layer).weight) for place in places)
        for end in ("weight", "bias"):
            first[f"{called}.{end}"] = torch.arange(outputs, dtype=torch.float32)
    first["context_embedder.weight"] = torch.zeros(network.config.caption_projection_dim, 4)
    first["context_embedder.bias"] = torch.zeros(network.config.caption_projection_dim)
    theirs = convert_sd3_transformer_checkpoint_to_diffusers(dict(first))
    for name, places in places_by_name(network).items():
        if (called := _dotted(name)) is None:
            continue
        for place in places:
            ours = first[f"{called}.weight"]
            ours = ours[slice(*place.rows)] if place.rows else ours
            ours = torch.cat(ours.chunk(2)[::-1]) if place.swapped else ours
            assert torch.equal(theirs[f"{place.layer}.weight"], ours), name


SD3_FIRST = (
    (r"joint_blocks_(\d+)_(x|context)_block_attn_(qkv|proj)", r"joint_blocks.\1.\2_block.attn.\3"),
    (r"joint_blocks_(\d+)_(x|context)_block_mlp_(fc[12])", r"joint_blocks.\1.\2_block.mlp.\3"),
    (r"joint_blocks_(\d+)_(x|context)_block_adaLN_modulation_1", r"joint_blocks.\1.\2_block.adaLN_modulation.1"),
    (r"([ty])_embedder_mlp_([02])", r"\1_embedder.mlp.\2"),
    (r"x_embedder_proj", "x_embedder.proj"),
    (r"final_layer_linear", "final_layer.linear"),
    (r"final_layer_adaLN_modulation_1", "final_layer.adaLN_modulation.1"),
)


def _dotted(name: str) -> str | None:
    return next((found.expand(to) for by, to in SD3_FIRST if (found := re.fullmatch(by, name))), None)


def test_readers_go_by_the_names_of_comfyui_and_kohya(read: Callable[..., Any], pipes: Mapping[str, Pipe]) -> None:
    reader, t5 = "text_model.encoder.layers.0.mlp.fc1", "encoder.block.0.layer.0.SelfAttention.q"
    shapes = {reader: pipes["flux"].text_encoder.get_submodule("encoder.layers.0.mlp.fc1").weight.shape}
    shapes[t5] = pipes["flux"].text_encoder_2.get_submodule(t5).weight.shape

    def tensors(clip: str, other: str) -> Tensors:
        made = {}
        for stem, (outputs, inputs) in ((clip, shapes[reader]), (other, shapes[t5])):
            generator = torch.Generator().manual_seed(outputs)
            made[f"{stem}.lora_down.weight"] = torch.randn(RANK, inputs, generator=generator)
            made[f"{stem}.lora_up.weight"] = torch.randn(outputs, RANK, generator=generator)
        return made | {"diffusion_model.img_in.lora_A.weight": torch.zeros(RANK, 64),
                       "diffusion_model.img_in.lora_B.weight": torch.zeros(32, RANK)}  # fmt: skip

    comfy = tensors(f"text_encoders.clip_l.transformer.{reader}", f"text_encoders.t5xxl.transformer.{t5}")
    kohya = tensors(f"lora_te1_{reader.replace('.', '_')}", f"lora_te2_{t5.replace('.', '_')}")
    made = read("flux", comfy)
    assert {name.split()[0] for name in made} == {DENOISER, "text_encoder", "t5"}
    assert sum(bool(delta.any()) for delta in made.values()) == 2
    same({name.replace("t5 ", "text_encoder_2 "): delta for name, delta in made.items()}, read("flux", kohya))


def test_one_layer_of_a_file_given_twice_is_refused(
    read: Callable[..., Any], tiny_model: Callable[[str], Path]
) -> None:
    tensors = plain(tiny_model("flux"))
    twice = FLUX_NAMES["SimpleTuner"](tensors)
    with pytest.raises(ModelError, match="only in part"):
        read("flux", tensors | twice)
