"""ComfyUI's graphs: what a link's output gives, samplers by their shape, models, sizes and second passes."""

from typing import Any

import pytest

from tests.metadata.graphs import NO_PICTURE, WHOLE, changed, flux, graph, node, read


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
