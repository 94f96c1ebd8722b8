"""ComfyUI's graphs: what a link's output gives, samplers by their shape, and nothing that was not found taken for empty."""

import copy
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.errors import Unreadable
from studio.metadata import readers
from studio.metadata.imported import ImportedSettings
from studio.recipe import Recipe

Graph = dict[str, dict[str, Any]]
NO_PICTURE = "the picture that it belongs to is not in the file"


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def graph(**more: Any) -> Graph:
    """The graph that ComfyUI begins with; keys are ids without their n."""
    base = {
        "4": node("CheckpointLoaderSimple", ckpt_name="sd\\m.safetensors"),
        "5": node("EmptyLatentImage", width=640, height=512, batch_size=1),
        "6": node("CLIPTextEncode", text="a fox, woods", clip=["4", 1]),
        "7": node("CLIPTextEncode", text="blurry", clip=["4", 1]),
        "3": node(
            "KSampler",
            model=["4", 0],
            positive=["6", 0],
            negative=["7", 0],
            latent_image=["5", 0],
            seed=99,
            steps=12,
            cfg=5.5,
            sampler_name="dpmpp_2m",
            scheduler="karras",
            denoise=1,
        ),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", images=["8", 0]),
    }
    return base | {name.removeprefix("n"): one for name, one in more.items()}


def changed(sampler: dict[str, Any], **more: Any) -> Graph:
    """The same with other inputs of its sampler."""
    made = graph(**more)
    made["3"]["inputs"] |= sampler
    return made


def read(given: Any) -> ImportedSettings:
    return readers.of_text(json.dumps(given))


WHOLE = {
    "prompt": "a fox, woods",
    "negative_prompt": "blurry",
    "model": "m",
    "width": 640,
    "height": 512,
    "scheduler": "DPM++ 2M Karras",
    "steps": 12,
    "guidance_scale": 5.5,
    "seed": 99,
}


def test_the_usual_graph_is_read_whole():
    found = read(graph())
    assert (found.values, found.left, found.tool) == (WHOLE, (), "ComfyUI")


@pytest.mark.parametrize(
    "kind", ["ControlNetApplyAdvanced", "ControlNetApplySD3", "InpaintModelConditioning", "ACN_AdvancedControlNetApply"]
)
@pytest.mark.parametrize(
    ("outputs", "words"), [((0, 1), ("a fox, woods", "blurry")), ((1, 0), ("blurry", "a fox, woods"))]
)
def test_of_a_node_with_two_outputs_each_is_what_its_link_names(
    kind: str, outputs: tuple[int, int], words: tuple[str, str]
):
    apply = node(kind, strength=0.8, positive=["6", 0], negative=["7", 0], control_net=["31", 0], image=["32", 0])
    twice = node(kind, strength=0.5, positive=["30", 0], negative=["30", 1], control_net=["31", 0], image=["32", 0])
    links = {"positive": ["33", outputs[0]], "negative": ["33", outputs[1]]}
    net = node("ControlNetLoader", control_net_name="canny.safetensors")
    found = read(changed(links, n30=apply, n33=twice, n31=net, n32=node("LoadImage", image="x.png")))
    assert (found.values["prompt"], found.values["negative_prompt"]) == words
    assert f"LoadImage: {NO_PICTURE}" in found.left


def flux(**more: Any) -> Graph:
    made = graph(
        n13=node(
            "SamplerCustomAdvanced",
            noise=["25", 0],
            guider=["22", 0],
            sampler=["16", 0],
            sigmas=["17", 0],
            latent_image=["5", 0],
        ),
        n16=node("KSamplerSelect", sampler_name="euler"),
        n17=node("BasicScheduler", scheduler="simple", steps=20, denoise=1, model=["18", 0]),
        n18=node("ModelSamplingFlux", max_shift=1.15, model=["12", 0]),
        n12=node("UNETLoader", unet_name="flux1-dev.sft"),
        n22=node("BasicGuider", model=["18", 0], conditioning=["26", 0]),
        n25=node("RandomNoise", noise_seed=4242),
        n26=node("FluxGuidance", guidance=3.5, conditioning=["6", 0]),
    )
    made |= {name.removeprefix("n"): one for name, one in more.items()}
    del made["3"]
    made["8"]["inputs"]["samples"] = ["13", 0]
    return made


def test_flux_is_read_through_guider_sigmas_noise_and_sampler():
    found = read(flux())
    assert found.values == {
        "prompt": "a fox, woods",
        "negative_prompt": "",
        "model": "flux1-dev",
        "width": 640,
        "height": 512,
        "scheduler": "Euler",
        "steps": 20,
        "guidance_scale": 3.5,
        "seed": 4242,
    }
    assert found.left == ("ModelSamplingFlux: no recipe says what it does",)


def test_a_guider_with_a_scale_of_its_own_is_read():
    guider = node("CFGGuider", model=["12", 0], positive=["6", 0], negative=["7", 0], cfg=4.5)
    found = read(flux(n22=guider))
    assert (found.values["negative_prompt"], found.values["guidance_scale"]) == ("blurry", 4.5)


@pytest.mark.parametrize(
    ("sampler", "ours"),
    [("SamplerEulerAncestral", "Euler a"), ("SamplerDPMPP_2M_SDE", "DPM++ 2M SDE"), ("SamplerLCM", "LCM")],
)
def test_a_node_that_is_a_sampler_itself_is_known_by_its_kind(sampler: str, ours: str):
    assert read(flux(n16=node(sampler, eta=1.0))).values["scheduler"] == ours


def test_sigmas_that_are_split_and_those_of_karras_are_followed():
    found = read(
        flux(
            n16=node("KSamplerSelect", sampler_name="dpmpp_2m"),
            n17=node("SplitSigmas", sigmas=["40", 0], step=5),
            n40=node("KarrasScheduler", steps=20, sigma_max=14.6),
        )
    )
    assert (found.values["scheduler"], found.values["steps"]) == ("DPM++ 2M Karras", 20)


@pytest.mark.parametrize(
    "sampler",
    [
        node("SamplerCustom", add_noise=True, noise_seed=99, cfg=5.5, sampler=["16", 0], sigmas=["17", 0]),
        node("KSamplerAdvanced", add_noise="enable", noise_seed=99, steps=12, cfg=5.5, sampler_name="euler", scheduler="normal", start_at_step=0, end_at_step=10000, return_with_leftover_noise="disable"),
        node("KSampler (Efficient)", seed=99, steps=12, cfg=5.5, sampler_name="euler", scheduler="normal", denoise=1, preview_method="auto", vae_decode="true"),
        node("BNK_TiledKSampler", seed=99, steps=12, cfg=5.5, sampler_name="euler", scheduler="normal", denoise=1),
        node("SomebodysSampler", seed=99, steps=12, cfg=5.5, sampler_name="euler", scheduler="normal"),
    ],
    ids=lambda one: one["class_type"],
)  # fmt: skip
def test_a_sampler_is_known_by_its_shape(sampler: dict[str, Any]):
    inputs = {"model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}
    made = graph(
        n16=node("KSamplerSelect", sampler_name="euler"),
        n17=node("BasicScheduler", scheduler="normal", steps=12, denoise=1, model=["4", 0]),
    )
    made["3"] = {**sampler, "inputs": sampler["inputs"] | inputs}
    found = read(made)
    assert (found.values, found.left) == (WHOLE | {"scheduler": "Euler"}, ())


def test_a_pipe_is_opened():
    pipe = node("ToBasicPipe", model=["4", 0], clip=["4", 1], vae=["4", 2], positive=["6", 0], negative=["7", 0])
    sampler = node("ImpactKSamplerBasicPipe", basic_pipe=["50", 0], latent_image=["5", 0], seed=99, steps=12, cfg=5.5, sampler_name="dpmpp_2m", scheduler="karras", denoise=1.0)  # fmt: skip
    made = graph(n50=pipe)
    made["3"] = sampler
    assert read(made).values == WHOLE


def test_a_pipe_of_easy_nodes_is_gone_through():
    loader = node(
        "easy fullLoader",
        ckpt_name="m.safetensors",
        vae_name="Baked VAE",
        clip_skip=-1,
        lora_name="None",
        positive="a fox, woods",
        negative="blurry",
        empty_latent_width=640,
        empty_latent_height=512,
        batch_size=1,
    )
    before = node(
        "easy preSampling",
        pipe=["60", 0],
        steps=12,
        cfg=5.5,
        sampler_name="dpmpp_2m",
        scheduler="karras",
        denoise=1,
        seed=99,
    )
    made = graph(n60=loader, n61=before)
    made["3"] = node("easy kSampler", pipe=["61", 0], image_output="Save", link_id=0, save_prefix="ComfyUI")
    found = read(made)
    assert found.values == WHOLE


def test_the_efficient_loader_says_all():
    loader = node("Efficient Loader", ckpt_name="m.safetensors", vae_name="Baked VAE", clip_skip=-2, lora_name="ink.safetensors", lora_model_strength=0.7, lora_clip_strength=0.5, positive="a fox, woods", negative="blurry", empty_latent_width=640, empty_latent_height=512, batch_size=1, lora_stack=["61", 0])  # fmt: skip
    stack = node("LoRA Stacker", input_mode="simple", lora_count=2, lora_name_1="pen", lora_wt_1=0.3, lora_name_2="None", lora_wt_2=1, lora_name_3="no", lora_wt_3=1)  # fmt: skip
    links = {"model": ["60", 0], "positive": ["60", 1], "negative": ["60", 2], "latent_image": ["60", 3]}
    found = read(changed(links, n60=loader, n61=stack))
    told = {name: value for name, value in found.values.items() if name != "loras"}
    assert told == WHOLE
    assert {(lora.name, lora.weights) for lora in found.values["loras"]} == {("ink", (0.5, 0.7)), ("pen", (0.3, 0.3))}


@pytest.mark.parametrize(
    ("loader", "loras"),
    [
        (node("LoraLoaderModelOnly", lora_name="style/ink.v2.safetensors", strength_model=0.6), [("ink.v2", 0.6)]),
        (
            node(
                "Power Lora Loader (rgthree)",
                lora_1={"on": True, "lora": "ink.safetensors", "strength": 0.6},
                lora_2={"on": False, "lora": "off.safetensors", "strength": 1},
                lora_3={"on": True, "lora": "pen.safetensors", "strength": 0.2, "strengthTwo": 0.1},
            ),
            [("pen", 0.2), ("ink", 0.6)][::-1],
        ),
        (node("Lora Loader Stack (rgthree)", lora_01="ink.safetensors", strength_01=0.6, lora_02="None", strength_02=1), [("ink", 0.6)]),
        (node("CR LoRA Stack", switch_1="On", lora_name_1="ink", model_weight_1=0.6, clip_weight_1=0.6, switch_2="Off", lora_name_2="off", model_weight_2=1), [("ink", 0.6)]),
        (node("Lora Loader (LoraManager)", loras={"__value__": [{"name": "ink", "strength": 0.6, "active": True}, {"name": "off", "strength": 1, "active": False}]}), [("ink", 0.6)]),
        (node("LoraLoader|pysssss", lora_name={"content": "ink.safetensors", "image": None}, strength_model=0.6, strength_clip=0.6), [("ink", 0.6)]),
        (node("CR Load LoRA", switch="On", lora_name="ink.safetensors", strength_model=0.6, strength_clip=0.6), [("ink", 0.6)]),
        (node("LoraTagLoader", text="<lora:ink:0.6>, words, <lora:pen:0.2:0.1>"), [("ink", 0.6), ("pen", 0.2)]),
    ],
    ids=lambda one: one["class_type"] if isinstance(one, dict) else "",
)  # fmt: skip
def test_loras_are_read_however_a_node_lists_them(loader: dict[str, Any], loras: list[tuple[str, float]]):
    made = changed({"model": ["20", 0]}, n20={**loader, "inputs": {**loader["inputs"], "model": ["4", 0]}})
    found = read(made)
    assert sorted((lora.name, lora.weight) for lora in found.values["loras"]) == sorted(loras)
    assert (found.values["model"], found.left) == ("m", ())


@pytest.mark.parametrize(
    ("nodes", "prompt"),
    [
        ({"n30": node("StringConcatenate", string_a="a fox", string_b="woods", delimiter=", ")}, "a fox, woods"),
        ({"n30": node("Text Concatenate", delimiter="\\n", text_a="a fox", text_b=["31", 0]), "n31": node("String Literal", string="woods")}, "a fox\nwoods"),
        ({"n30": node("JoinStrings", string2="woods", string1=["31", 0], delimiter=" "), "n31": node("PrimitiveStringMultiline", value="a fox")}, "a fox woods"),
        ({"n30": node("StringFunction|pysssss", action="append", tidy_tags="yes", text_a="a fox", text_b="woods", text_c="")}, "a fox, woods"),
        ({"n30": node("ShowText|pysssss", text=["31", 0]), "n31": node("CR Text", text="a fox")}, "a fox"),
        ({"n30": node("ImpactWildcardProcessor", wildcard_text="a __animal__", populated_text="a fox", mode="populate")}, "a fox"),
        ({"n30": node("CR Text Input Switch", Input=2, text1="a cat", text2="a fox")}, "a fox"),
        ({"n30": node("ImpactSwitch", select=1, input1=["31", 0], input2=["32", 0]), "n31": node("CR Text", text="a fox"), "n32": node("CR Text", text="a cat")}, "a fox"),
        ({"n30": node("Any Switch (rgthree)", any_02=["32", 0], any_01=["31", 0]), "n31": node("CR Text", text="a fox"), "n32": node("CR Text", text="a cat")}, "a fox"),
        ({"n30": node("Switch", switch=False, on_true=["32", 0], on_false=["31", 0]), "n31": node("CR Text", text="a fox"), "n32": node("CR Text", text="a cat")}, "a fox"),
        ({"n30": node("easy positive", positive="a fox")}, "a fox"),
        ({"n30": node("Reroute", x=["31", 0]), "n31": node("CR Text", text="a fox")}, "a fox"),
    ],
    ids=range(12),
)  # fmt: skip
def test_a_text_is_put_together_where_that_is_plain(nodes: dict[str, Any], prompt: str):
    made = graph(**nodes)
    made["6"]["inputs"]["text"] = ["30", 0]
    found = read(made)
    assert (found.values["prompt"], found.left) == (prompt, ())


@pytest.mark.parametrize(
    "maker",
    [
        node("WD14Tagger|pysssss", image=["5", 0]),
        node("SDXLPromptStyler", text_positive="a fox", text_negative="b", style="x"),
        node("StringReplace", string="a cat", find="cat", replace="fox"),
        node("OllamaGenerate", prompt="say a fox"),
        node("StringConcatenate", string_a=["31", 0], string_b="woods"),
    ],
    ids=lambda one: one["class_type"],
)
def test_a_prompt_that_cannot_be_told_is_left_out_and_said(maker: dict[str, Any]):
    made = graph(n30=maker, n31=node("Unknown", x=1, y=2))
    made["6"]["inputs"]["text"] = ["30", 0]
    found = read(made)
    assert "prompt" not in found.values
    assert f"The prompt is made by nodes that are not read: {maker['class_type']}" in found.left


def test_words_behind_one_another_are_breaks_and_those_beside_are_said():
    night = node("CLIPTextEncode", text="at night", clip=["4", 1])
    behind = node("ConditioningConcat", conditioning_to=["6", 0], conditioning_from=["61", 0])
    found = read(changed({"positive": ["60", 0]}, n60=behind, n61=night))
    assert (found.values["prompt"], found.left) == ("a fox, woods BREAK at night", ())
    area = node("ConditioningSetArea", width=64, height=64, conditioning=["61", 0])
    beside = node("ConditioningCombine", conditioning_1=["62", 0], conditioning_2=["6", 0])
    found = read(changed({"positive": ["60", 0]}, n60=beside, n61=night, n62=area))
    assert found.values["prompt"] == "a fox, woods"
    assert found.left == ("Another positive prompt, for a part of the picture: at night",)


def test_texts_for_several_encoders_are_one_where_they_are_the_same():
    made = graph()
    made["6"] = node("CLIPTextEncodeSDXL", text_g="a fox, woods", text_l="a fox, woods", width=1024, height=1024)
    assert (read(made).values, read(made).left) == (WHOLE, ())
    made["6"]["inputs"]["text_l"] = "ink"
    assert read(made).left == ("Another positive prompt: ink",)
    made["6"] = node("CLIPTextEncodeFlux", clip_l="", t5xxl="a fox, woods", guidance=3.5)
    assert (read(made).values["guidance_scale"], read(made).left) == (3.5, ())


def test_no_negative_words_are_an_empty_prompt():
    found = read(changed({"negative": ["40", 0]}, n40=node("ConditioningZeroOut", conditioning=["6", 0])))
    assert found.values["negative_prompt"] == ""


@pytest.mark.parametrize(
    ("between", "size", "expected"),
    [
        ({"n40": node("LatentUpscaleBy", upscale_method="nearest", scale_by=1.5, samples=["3", 0])}, None, (1.5, 0.5, 10, "latent")),
        ({"n40": node("LatentUpscale", upscale_method="nearest", width=1280, height=1024, samples=["3", 0])}, None, (2.0, 0.5, 10, "latent")),
        ({"n40": node("VAEEncode", pixels=["42", 0], vae=["4", 2]), "n42": node("ImageScaleBy", upscale_method="lanczos", scale_by=2, image=["8", 0])}, None, (2.0, 0.5, 10, "lanczos")),
        ({"n40": node("VAEEncode", pixels=["42", 0], vae=["4", 2]), "n42": node("ImageScaleBy", scale_by=0.5, image=["43", 0]), "n43": node("ImageUpscaleWithModel", upscale_model=["44", 0], image=["8", 0]), "n44": node("UpscaleModelLoader", model_name="4x-UltraSharp.pth")}, None, (2.0, 0.5, 10, "4x-UltraSharp")),
        ({"n40": node("VAEEncode", pixels=["42", 0], vae=["4", 2]), "n42": node("ImageScale", upscale_method="lanczos", width=1280, height=1024, image=["43", 0]), "n43": node("ImageUpscaleWithModel", upscale_model=["44", 0], image=["8", 0]), "n44": node("UpscaleModelLoader", model_name="RealESRGAN_x2.pth")}, None, (2.0, 0.5, 10, "RealESRGAN_x2")),
    ],
    ids=range(5),
)  # fmt: skip
def test_a_sampler_over_what_was_enlarged_is_a_second_pass(
    between: dict[str, Any], size: Any, expected: tuple[Any, ...]
):
    second = copy.deepcopy(graph()["3"])
    second["inputs"] |= {"latent_image": ["40", 0], "steps": 10, "denoise": 0.5}
    made = graph(
        n41=second, n45=node("VAEDecode", samples=["41", 0]), n46=node("SaveImage", images=["45", 0]), **between
    )
    found = read(made)
    assert tuple(found.values[f"hires_{name}"] for name in ("scale", "strength", "steps", "upscaler")) == expected
    assert {name: found.values[name] for name in WHOLE} == WHOLE


def test_the_picture_before_a_second_pass_has_none(tmp_path: Path):
    second = copy.deepcopy(graph()["3"])
    second["inputs"] |= {"latent_image": ["40", 0], "steps": 10, "denoise": 0.5, "positive": ["47", 0]}
    made = graph(
        n40=node("LatentUpscaleBy", scale_by=1.5, samples=["3", 0]),
        n41=second,
        n45=node("VAEDecode", samples=["41", 0]),
        n46=node("SaveImage", images=["45", 0]),
        n47=node("CLIPTextEncode", text="fur", clip=["4", 1]),
    )
    for size, scale in (((640, 512), None), ((960, 768), 1.5)):
        info = PngInfo()
        info.add_text("prompt", json.dumps(made))
        Image.new("L", size).save(tmp_path / "a.png", pnginfo=info)
        found = readers.of_file(tmp_path / "a.png")
        assert found.values.get("hires_scale") == scale
        assert "Another positive prompt in the second pass: fur" in found.left


def test_a_second_sampler_over_another_shape_is_said():
    second = copy.deepcopy(graph()["3"])
    second["inputs"] |= {"latent_image": ["40", 0]}
    made = graph(n41=second, n40=node("LatentUpscale", width=1024, height=1024, crop="center", samples=["3", 0]))
    made["8"]["inputs"]["samples"] = ["41", 0]
    found = read(made)
    assert (found.values, found.left) == (WHOLE, ("KSampler: no second pass here is like it",))


def test_a_second_sampler_that_enlarges_nothing_is_said():
    second = copy.deepcopy(graph()["3"])
    second["inputs"] |= {"latent_image": ["3", 0]}
    made = graph(n41=second)
    made["8"]["inputs"]["samples"] = ["41", 0]
    found = read(made)
    assert found.values == WHOLE
    assert found.left == ("KSampler: no second pass here is like it",)


def test_a_picture_to_start_from_is_said():
    encode = node("VAEEncode", pixels=["41", 0], vae=["4", 2])
    found = read(changed({"latent_image": ["40", 0], "denoise": 0.6}, n40=encode, n41=node("LoadImage", image="x.png")))
    assert not found.values.keys() & {"width", "height", "strength"}
    assert f"Denoise 0.6: {NO_PICTURE}" in found.left


def test_sizes_from_other_nodes_are_both_taken_or_said():
    made = graph(n70=node("PrimitiveInt", value=320), n71=node("Seed (rgthree)", seed=256))
    made["5"]["inputs"] |= {"width": ["70", 0], "height": ["71", 0]}
    assert (read(made).values["width"], read(made).values["height"]) == (320, 256)
    made["71"] = node("MathExpression", a=1, b=2)
    found = read(made)
    assert not found.values.keys() & {"width", "height"}
    assert "The size is made by nodes that are not read: MathExpression" in found.left
    made["5"] = node("SDXLEmptyLatentSizePicker+", resolution="832x1216 (0.68)", batch_size=1)
    assert (read(made).values["width"], read(made).values["height"]) == (832, 1216)


def test_the_sampler_of_the_saved_picture_counts_not_one_beside_it():
    other = node("KSampler", model=["4", 0], positive=["7", 0], negative=["6", 0], latent_image=["5", 0], seed=1, steps=1, cfg=1, sampler_name="lcm", scheduler="simple")  # fmt: skip
    made = {"1": other, "2": node("PreviewImage", images=["1", 0])} | graph()
    assert read(made).values == WHOLE


def test_the_layer_of_clip_and_the_vae_that_decodes_are_read():
    made = graph(
        n50=node("CLIPSetLastLayer", stop_at_clip_layer=-2, clip=["4", 1]),
        n51=node("VAELoader", vae_name="kl-f8.ckpt"),
        n52=node("VAELoader", vae_name="other.ckpt"),
    )
    made["6"]["inputs"]["clip"] = ["50", 0]
    made["8"]["inputs"]["vae"] = ["51", 0]
    found = read(made)
    assert (found.values, found.left) == (WHOLE | {"clip_skip": 2, "vae": "kl-f8"}, ())


def test_steps_and_samplers_that_no_node_says_are_said():
    found = read(flux(n16=node("X", a=["5", 0]), n17=node("ManualSigmas", sigmas="1,0")))
    assert not found.values.keys() & {"steps"}
    assert "The number of steps is said by no node that is read" in found.left


def test_noise_removed_in_part_without_a_picture_is_said_as_that():
    assert read(changed({"denoise": 0.8})).left == ("Denoise 0.8: there is no picture to start from",)


def test_what_nothing_leads_to_is_not_told():
    assert read(graph(n90=node("FreeU_V2", model=["4", 0], b1=1.2))).left == ()


WORKFLOW: dict[str, Any] = {
    "nodes": [
        {"id": 4, "type": "CheckpointLoaderSimple", "inputs": [], "outputs": [{"name": "MODEL", "type": "MODEL"}, {"name": "CLIP", "type": "CLIP"}, {"name": "VAE", "type": "VAE"}], "widgets_values": ["m.safetensors"]},
        {"id": 20, "type": "LoraLoader", "mode": 4, "inputs": [{"name": "model", "type": "MODEL", "link": 1}, {"name": "clip", "type": "CLIP", "link": 2}], "outputs": [{"name": "MODEL", "type": "MODEL"}, {"name": "CLIP", "type": "CLIP"}], "widgets_values": ["off.safetensors", 1, 1]},
        {"id": 5, "type": "EmptyLatentImage", "inputs": [], "outputs": [{"type": "LATENT"}], "widgets_values": [640, 512, 1]},
        {"id": 6, "type": "CLIPTextEncode", "inputs": [{"name": "clip", "link": 3}], "outputs": [{"type": "CONDITIONING"}], "widgets_values": ["a fox, woods"]},
        {"id": 7, "type": "CLIPTextEncode", "inputs": [{"name": "clip", "link": 3}], "outputs": [{"type": "CONDITIONING"}], "widgets_values": ["blurry"]},
        {"id": 3, "type": "KSampler", "inputs": [{"name": "model", "link": 4}, {"name": "positive", "link": 5}, {"name": "negative", "link": 6}, {"name": "latent_image", "link": 7}], "outputs": [{"type": "LATENT"}], "widgets_values": [99, "randomize", 12, 5.5, "dpmpp_2m", "karras", 1]},
        {"id": 8, "type": "VAEDecode", "inputs": [{"name": "samples", "link": 8}], "outputs": [{"type": "IMAGE"}]},
        {"id": 9, "type": "SaveImage", "inputs": [{"name": "images", "link": 9}], "widgets_values": ["x"]},
        {"id": 10, "type": "SaveImage", "mode": 2, "inputs": [{"name": "images", "link": 9}], "widgets_values": ["x"]},
    ],
    "links": [[1, 4, 0, 20, 0, "MODEL"], [2, 4, 1, 20, 1, "CLIP"], [3, 20, 1, 6, 0, "CLIP"], [4, 20, 0, 3, 0, "MODEL"], [5, 6, 0, 3, 1, "CONDITIONING"], [6, 7, 0, 3, 2, "CONDITIONING"], [7, 5, 0, 3, 3, "LATENT"], [8, 3, 0, 8, 0, "LATENT"], [9, 8, 0, 9, 0, "IMAGE"]],
}  # fmt: skip


def test_a_workflow_of_the_page_is_read_with_its_bypassed_and_muted_nodes():
    for given in (WORKFLOW, {"workflow": WORKFLOW}, {"workflow": json.dumps(WORKFLOW)}):
        found = read(given)
        assert (found.values, found.left) == (WHOLE, ())
    active = copy.deepcopy(WORKFLOW)
    active["nodes"][1]["mode"] = 0
    assert [lora.name for lora in read(active).values["loras"]] == ["off"]


def test_a_subgraph_is_unfolded_and_named_links_are_followed():
    inner = {
        "id": "abc",
        "inputs": [{"name": "clip", "type": "CLIP"}],
        "outputs": [{"name": "words", "type": "CONDITIONING"}],
        "nodes": [{"id": 1, "type": "CLIPTextEncode", "inputs": [{"name": "clip", "link": 1}, {"name": "text", "widget": {"name": "text"}}], "outputs": [{}], "widgets_values": ["a fox, woods"]}],
        "links": [{"id": 1, "origin_id": -10, "origin_slot": 0, "target_id": 1, "target_slot": 0}, {"id": 2, "origin_id": 1, "origin_slot": 0, "target_id": -20, "target_slot": 0}],
    }  # fmt: skip
    made = copy.deepcopy(WORKFLOW) | {"definitions": {"subgraphs": [inner]}}
    made["nodes"][3] = {"id": 6, "type": "abc", "inputs": [{"name": "clip", "link": 3}], "outputs": [{"name": "words"}]}
    made["nodes"].append({"id": 30, "type": "SetNode", "inputs": [{"name": "*", "link": 20}], "widgets_values": ["m"]})
    made["nodes"].append({"id": 31, "type": "GetNode", "outputs": [{}], "widgets_values": ["m"]})
    made["links"][3] = [4, 31, 0, 3, 0, "MODEL"]
    made["links"].append([20, 4, 0, 30, 0, "MODEL"])
    assert read(made).values == WHOLE


def test_not_a_number_in_the_json_is_nothing():
    text = json.dumps(graph()).replace('"seed": 99', '"seed": 99, "is_changed": [NaN]').replace("5.5", "NaN")
    found = readers.of_text(text)
    assert (found.values["seed"], "guidance_scale" in found.values) == (99, False)


@pytest.mark.parametrize("label", ["prompt:", "Prompt: ", "workflow:"])
def test_webp_and_jpeg_hold_the_graph_behind_a_label(tmp_path: Path, label: str):
    for ending in ("webp", "jpg"):
        block = Image.Exif()
        block[0x010F] = "workflow:{}"
        block[0x0110] = label + json.dumps(WORKFLOW if "work" in label else graph())
        Image.new("RGB", (64, 64)).save(tmp_path / f"a.{ending}", exif=block)
        assert readers.of_file(tmp_path / f"a.{ending}").values == WHOLE


def loops() -> list[Graph]:
    ring = changed({"positive": ["30", 0]}, n30=node("Reroute", x=["31", 0]), n31=node("Reroute", x=["30", 0]))
    words = graph(n30=node("StringConcatenate", string_a=["30", 0], string_b="x"))
    words["6"]["inputs"]["text"] = ["30", 0]
    own = changed(
        {"latent_image": ["3", 0], "model": ["3", 0], "positive": ["3", 0], "seed": ["3", 0], "steps": ["3", 0]}
    )
    pipes = changed({"basic_pipe": ["30", 0], "model": None}, n30=node("Pipe", basic_pipe=["30", 0], model=["30", 0]))
    wide = graph(
        **{
            f"n{k}": node("StringConcatenate", string_a=[str(k + 1), 0], string_b=[str(k + 1), 0])
            for k in range(100, 300)
        }
    )
    wide["6"]["inputs"]["text"] = ["100", 0]
    many = graph(
        **{f"n{k}": node("ConditioningCombine", a=[str(k + 1), 0], b=[str(k + 1), 0]) for k in range(100, 300)}
    )
    many["3"]["inputs"]["positive"] = ["100", 0]
    stack = changed(
        {"model": ["30", 0]},
        n30=node("Stack", lora_stack=["31", 0], model=["30", 0]),
        n31=node("S", lora_stack=["31", 0]),
    )
    return [ring, words, own, pipes, wide, many, stack]


@pytest.mark.parametrize("given", loops(), ids=range(7))
def test_a_graph_that_leads_back_to_itself_ends(given: Graph):
    Recipe.make(**read(given).values)


HOSTILE = [None, [], {}, "x", -1, True, [["a"]], ["3", 0], ["3", 99], ["3", True], [3, 0], {"lora": 3}, 1e308, 10**30]


@pytest.mark.parametrize("base", [graph(), flux()], ids=["usual", "flux"])
def test_inputs_of_any_kind_break_nothing(base: Graph):
    for key, one in base.items():
        for name in [*one["inputs"], "basic_pipe", "lora_1", "lora_name_1", "loras", "width"]:
            for value in HOSTILE:
                made = copy.deepcopy(base)
                made[key]["inputs"][name] = value
                with suppress(Unreadable):
                    Recipe.make(**read(made).values)


@pytest.mark.parametrize("place", range(len(WORKFLOW["nodes"])))
def test_workflows_of_any_kind_break_nothing(place: int):
    for name in ("id", "type", "inputs", "outputs", "widgets_values", "mode"):
        for value in [*HOSTILE, [{}], [{"name": 3, "link": [1]}], [{"widget": {"name": 5}}]]:
            made = copy.deepcopy(WORKFLOW)
            made["nodes"][place][name] = value
            with suppress(Unreadable):
                Recipe.make(**read(made).values)
