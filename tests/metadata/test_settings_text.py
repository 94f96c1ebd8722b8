"""A1111's text by what its settings look like, wherever they stand and whoever wrote them."""

from contextlib import suppress

import pytest

from studio.errors import Unreadable
from studio.metadata import readers
from studio.recipe import Recipe

S = "Steps: 22, Sampler: Euler a, CFG scale: 6.5, Seed: 777, Size: 512x640"
VALUES = {
    "steps": 22,
    "guidance_scale": 6.5,
    "seed": 777,
    "scheduler": "Euler a",
    "width": 512,
    "height": 640,
}


@pytest.mark.parametrize(
    ("text", "prompt", "negative", "left"),
    [
        (f"a lion\nNegative prompt: blurry\n{S}", "a lion", "blurry", ()),
        (f"a lion\r\nNegative prompt: blurry\r\n{S}\r\n", "a lion", "blurry", ()),
        (f"a lion\nat night\nNegative prompt: blurry,\ndark\n{S}", "a lion\nat night", "blurry,\ndark", ()),
        (f"a lion Negative prompt: blurry\n{S}", "a lion", "blurry", ()),
        (f"a lion in snow.Negative prompt: blurry, dark.{S}", "a lion in snow.", "blurry, dark.", ()),
        (f"a lion in snow, {S}", "a lion in snow,", "", ()),
        (f"a lion in snow {S}", "a lion in snow", "", ()),
        (f"Negative prompt: blurry\n{S}", "", "blurry", ()),
        (f"a lion\nnegative Prompt: blurry\n{S}", "a lion", "blurry", ()),
        (f"a lion\n{S}\n\n\n", "a lion", "", ()),
        (f"parameters\n\na lion\nNegative prompt: blurry\n{S}", "a lion", "blurry", ()),
        (f"Parameters                      : a lion.Negative prompt: blurry.{S}", "a lion.", "blurry.", ()),
        (f"User Comment : a lion {S}", "a lion", "", ()),
        (f"Positive prompt: a lion\nNegative prompt: blurry\n{S}", "a lion", "blurry", ()),
        (f"Prompt: a lion\n{S}", "a lion", "", ()),
        (f"Steps: 5 of stone\n{S}", "Steps: 5 of stone", "", ()),
        (f"Subject: a lion, Mood: calm, Style: ink\n{S}", "Subject: a lion, Mood: calm, Style: ink", "", ()),
        (
            f"a lion\nNegative prompt: blurry\n{S}\nTemplate: a {{lion|tiger}}, x\nNegative Template: blurry",
            "a lion",
            "blurry",
            ("Template a {lion|tiger}, x", "Negative Template blurry"),
        ),
        (f"a lion\n{S}\nsaved by a tool", "a lion", "", ("Text among the settings saved by a tool",)),
        (
            "a lion\nNegative prompt: blurry\nSteps: 22\nSampler: Euler a\nCFG scale: 6.5\nSeed: 777\nSize: 512x640",
            "a lion",
            "blurry",
            (),
        ),
        (
            f'a lion\n{S}, ADetailer prompt: "face, \\"one\\"\\nSteps: 3, Seed: 4", ADetailer model: face.pt',
            "a lion",
            "",
            ('ADetailer prompt face, "one" Steps: 3, Seed: 4', "ADetailer model face.pt"),
        ),
        (
            f'a lion\n{S}, ADetailer prompt: "face,\nSteps: 3, Seed: 4"',
            "a lion",
            "",
            ("ADetailer prompt face, Steps: 3, Seed: 4",),
        ),
        (
            f'a lion\n{S}, ControlNet 0: "Module: canny, Model: x [1], Weight: 1"',
            "a lion",
            "",
            ("ControlNet 0 Module: canny, Model: x [1], Weight: 1: the picture that it belongs to is not in the file",),
        ),
    ],
)
def test_the_settings_are_found_wherever_they_stand(text: str, prompt: str, negative: str, left: tuple[str, ...]):
    found = readers.of_text(text)
    assert found.values == {"prompt": prompt, "negative_prompt": negative, **VALUES}
    assert found.left == left


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a lion in snow\nNegative prompt: blurry", {"prompt": "a lion in snow", "negative_prompt": "blurry"}),
        ("a lion. Negative prompt: blurry", {"prompt": "a lion.", "negative_prompt": "blurry"}),
        ("Negative prompt: blurry", {"negative_prompt": "blurry"}),
        ("a castle by the sea", {"prompt": "a castle by the sea"}),
        ("a: b, c: d, e: f", {"prompt": "a: b, c: d, e: f"}),
    ],
)
def test_prompts_without_settings_are_taken_over(text: str, values: dict[str, str]):
    found = readers.of_text(text)
    assert (found.values, found.left, found.partial) == (values, (), True)


@pytest.mark.parametrize(
    ("settings", "values", "left"),
    [
        ("Denoising strength: 0.4, Hires resize: 1024x1280, Hires steps: 2", (2.0, 0.4, 2, None), ()),
        ("Denoising strength: 0.4, Hires resize: 1024x0", (2.0, 0.4, None, None), ()),
        ("Denoising strength: 0.4, Hires resize: 0x1280, Hires steps: 0", (2.0, 0.4, None, None), ()),
        ("Denoising strength: 0.4, Hires resize: 768x960, Hires upscaler: Latent", (1.5, 0.4, None, "latent"), ()),
        ("Denoising strength: 0.4, Hires upscale: 1.5, Hires upscaler: Lanczos", (1.5, 0.4, None, "lanczos"), ()),
        ("Denoising strength: 0.4, Hires upscale: 2, Hires upscaler: None", (2, 0.4, None, "lanczos"), ()),
        ("HiRes scale: 2, HiRes strength: 0.3, HiRes upscaler: 4x-UltraSharp", (2, 0.3, None, "4x-UltraSharp"), ()),
        (
            "Denoising strength: 0.4, Hires resize: 1024x1024, Hires steps: 2, Hires upscaler: Latent",
            None,
            (
                "Hires resize 1024x1024: it is not of the shape of 512x640, so the second pass is left out",
                "Hires steps 2: the second pass is left out",
                "Hires upscaler Latent: the second pass is left out",
                "Denoising strength 0.4: the second pass is left out",
            ),
        ),
        (
            "Denoising strength: 0.4, Hires upscale: 2, Hires upscaler: Latent (nearest)",
            (2, 0.4, None, "latent"),
            ("Upscaler Latent (nearest): latent is the nearest one here",),
        ),
    ],
)
def test_a_second_pass_is_whole_or_left_out(settings: str, values: tuple[object, ...] | None, left: tuple[str, ...]):
    found = readers.of_text(f"a lion\n{S}, {settings}")
    names = ("hires_scale", "hires_strength", "hires_steps", "hires_upscaler")
    told = tuple(found.values.get(name) for name in names)
    assert told == (values or (None,) * 4)
    assert found.left == left


def test_an_old_text_names_the_first_size_apart(tmp_path):
    found = readers.of_text(
        "x\nSteps: 9, Sampler: Euler, Size: 1024x1024, Denoising strength: 0.7, First pass size: 512x512"
    )
    told = {name: found.values[name] for name in ("width", "height", "hires_scale", "hires_strength")}
    assert told == {"width": 512, "height": 512, "hires_scale": 2, "hires_strength": 0.7}


@pytest.mark.parametrize(
    ("sampler", "ours", "why"),
    [
        ("sample_dpmpp_2m", "DPM++ 2M", ""),
        ("k_euler_ancestral", "Euler a", ""),
        ("euler_a", "Euler a", ""),
        ("Euler Ancestral", "Euler a", ""),
        ("dpmpp_2m_sde_k", "DPM++ 2M SDE Karras", ""),
        ("dpmpp_2m_karras", "DPM++ 2M Karras", ""),
        ("DPM++ 2M Karras", "DPM++ 2M Karras", ""),
        ("UNIPC", "UniPC", ""),
        ("uni_pc_bh2", "UniPC", ""),
        ("kdpm_2", "DPM2", ""),
        ("dpm++2m", "DPM++ 2M", ""),
        ("pndm", "PLMS", ""),
        ("EulerAncestralDiscreteScheduler", "Euler a", ""),
        ("Euler Karras", "Euler", "Schedule type karras: Euler has no such one here"),
        ("DPM++ 2M SDE, Schedule type: Automatic", "DPM++ 2M SDE", "exponential"),
        ("Euler, Scheduler: simple", "Euler", ""),
        ("Euler A Trailing", "Euler a", "trailing"),
        ("dpmpp_sde", "dpmpp_sde", ""),
        ("Restart", "Restart", ""),
        ("DPM2 a", "DPM2 a", ""),
        ("DPM++ 2S a", "DPM++ 2S a", ""),
        ("DPM++ 3M SDE", "DPM++ 3M SDE", ""),
        ("heunpp2", "heunpp2", ""),
        ("Lake", "Lake", ""),
    ],
)
def test_samplers_of_other_tools_are_known_by_their_names(sampler: str, ours: str, why: str):
    found = readers.of_text(f"x\nSteps: 5, Sampler: {sampler}, Seed: 1")
    assert found.values["scheduler"] == ours
    assert [why in line for line in found.left] == [True] * bool(why)


def test_forge_guides_flux_by_its_distilled_scale_and_cpp_by_guidance():
    for text in ("CFG scale: 1, Distilled CFG Scale: 3.5", "CFG scale: 1.000000, Guidance: 3.500000"):
        assert readers.of_text(f"x\nSteps: 5, Sampler: Euler, {text}").values["guidance_scale"] == 3.5


@pytest.mark.parametrize(
    ("said", "model", "hashes"),
    [
        ("Model: sd/m_v1.safetensors [31e35c80fc], Model hash: ab", "m_v1", {"m_v1": "31e35c80fc"}),
        ("Model: m_v1.5, Model hash: 31e35c80fc", "m_v1.5", {"m_v1.5": "31e35c80fc"}),
        ("Model: x [y]", "x [y]", {}),
    ],
)
def test_a_model_is_named_without_folder_ending_and_hash(said: str, model: str, hashes: dict[str, str]):
    found = readers.of_text(f"x\n{S}, {said}")
    assert found.values["model"] == model
    assert found.hashes.items() >= hashes.items()


def test_a_hash_without_a_name_is_said():
    left = readers.of_text(f"x\n{S}, Model hash: 45dee52b").left
    assert left == ("Model hash 45dee52b: the model has no name in the file",)


def test_the_description_of_draw_things_is_read():
    found = readers.of_text(
        "a fox\n-blurry, dark\nSteps: 12, Sampler: DPM++ 2M Karras, Guidance Scale: 4.0, Seed: 5, Size: 512x640, "
        "Model: m_f16.ckpt, Strength: 1.0, Seed Mode: Scale Alike"
    )
    told = {name: found.values[name] for name in ("prompt", "negative_prompt", "guidance_scale", "model")}
    assert told == {"prompt": "a fox", "negative_prompt": "blurry, dark", "guidance_scale": 4, "model": "m_f16"}
    assert found.tool == "Draw Things"


@pytest.mark.parametrize(("said", "told"), [("31337", 1), ("0", 0)])
def test_a_seed_of_its_own_for_the_noise_of_each_step_is_said_to_make_another_picture(said: str, told: int):
    left = readers.of_text(f"x\n{S}, ENSD: {said}").left
    assert [line.startswith("ENSD 31337: the noise that the sampler adds at each step follows") for line in left] == [
        True
    ] * told


def test_any_seed_is_left_open():
    found = readers.of_text("x\nSteps: 5, Sampler: Euler, Seed: -1, Variation seed: -1, Variation seed strength: 0.2")
    assert found.values.keys() >= {"variation_strength"}
    assert not found.values.keys() & {"seed", "variation_seed"}
    assert found.left == ()


def test_civitais_resources_give_model_and_loras():
    resources = (
        '[{"type":"checkpoint","modelVersionId":128078,"modelName":"SDXL [base], one","modelVersionName":"v1.0, VAE"},'
        '{"type":"lora","weight":0.8,"modelVersionId":1,"modelName":"Ink"},{"type":"embed","modelName":"e"}]'
    )
    text = f"a\nNegative prompt: b\n{S}, Clip skip: 2, Created Date: 2024-10-01T10:00:00.000Z, Civitai resources: "
    found = readers.of_text(f"{text}{resources}, Civitai metadata: {{}}")
    assert found.values["model"] == "SDXL [base], one"
    assert [(lora.name, lora.weight) for lora in found.values["loras"]] == [("Ink", 0.8)]
    assert (found.values["clip_skip"], found.left, found.tool) == (2, (), "Civitai")


def test_fooocus_writes_loras_beside_the_prompt_in_a1111s_scheme():
    text = (
        "a fox, epic\nNegative prompt: bad\nSteps: 30, Sampler: DPM++ 2M SDE Karras, Seed: 5, Size: 1152x896, "
        'CFG scale: 4, Sharpness: 2, ADM Guidance: "(1.5, 0.8, 0.3)", Model: juggernaut, '
        "Model hash: aeb7e9e689, Performance: Speed, "
        "Scheduler: karras, VAE: Default (model), Raw prompt: a fox, Raw negative prompt: bad, "
        'Lora hashes: "offset: 4852686128, ink: 12", Lora weights: "offset: 0.1, ink: 0.5", Version: Fooocus v2.5.5'
    )
    found = readers.of_text(text)
    assert [(lora.name, lora.weight) for lora in found.values["loras"]] == [("offset", 0.1), ("ink", 0.5)]
    assert found.hashes == {"juggernaut": "aeb7e9e689", "offset": "4852686128", "ink": "12"}
    assert (found.tool, found.version, found.values["scheduler"]) == (
        "Fooocus",
        "Fooocus v2.5.5",
        "DPM++ 2M SDE Karras",
    )
    assert found.left == ("Sharpness 2", "ADM Guidance (1.5, 0.8, 0.3)")


def test_sd_nexts_schedule_is_read():
    found = readers.of_text(
        "a\nSteps: 5, Sampler: DPM++ 2M, Sampler sigma: karras, Seed: 1, App: SD.Next, Version: 9dae1b2"
    )
    assert (found.tool, found.values["scheduler"], found.left) == ("SD.Next", "DPM++ 2M Karras", ())


@pytest.mark.parametrize(
    ("version", "tool"),
    [
        ("v1.10.1", "A1111"),
        ("f2.0.1v1.10.1-previous-224-g900196889", "Forge"),
        ("Image Studio 0.1.0", "Image Studio"),
        ("ComfyUI", "ComfyUI"),
        ("stable-diffusion.cpp", "stable-diffusion.cpp"),
        ("8a1f9ad, App: SD.Next", "SD.Next"),
    ],
)
def test_the_tool_is_named(version: str, tool: str):
    assert readers.of_text(f"x\n{S}, Version: {version}").tool == tool


def test_braces_and_wildcards_of_a_drawn_prompt_are_words():
    found = readers.of_text(f"a {{lion|tiger}} __x__ #1 \\(x\\) \\o/ <lora:ink:0.5>\n{S}")
    assert found.values["prompt"] == r"a \{lion|tiger\} \__x\__ \#1 \(x\) \\o/ <lora:ink:0.5>"


@pytest.mark.parametrize(
    ("prompt", "mended", "said"),
    [
        ("a [unbalanced", r"a \[unbalanced", "1 stray “[” was made a word, as nothing opens or closes it"),
        ("((a][:b:c [d:3]", r"\(\(a\]\[:b:c [d:3]", "2 stray “(”, 1 stray “]”, 1 stray “[” were made a word"),
        ("low quality:1.4), tech", r"low quality:1.4\), tech", "1 stray “)” was made a word"),
        ("a (house:1,3)", r"a (house\:1,3)", "“:” was made a word"),
        ("a <hypernet:x:1> b", "a  b", "<hypernet:x:1> was taken out"),
    ],
)
def test_stray_brackets_of_an_imported_prompt_are_mended_and_said(prompt: str, mended: str, said: str):
    found = readers.of_text(f"{prompt}\nNegative prompt: {prompt}\n{S}")
    assert (found.values["prompt"], found.values["negative_prompt"]) == (mended, mended)
    assert found.left[0].startswith(f"Prompt: {said}")
    assert found.left[1].startswith(f"Negative prompt: {said}")


def test_half_a_character_is_none():
    found = readers.of_text(f'a \ud83d lion\n{S}, VAE: "\\ud83d, x", Hires prompt: "\\udc00, y"')
    assert found.values["prompt"] == "a ��� lion".replace("���", "\ufffd" * 3)
    assert "\ufffd" in found.values["vae"]
    assert all(line.encode() for line in found.left)


def test_what_cannot_be_says_between_what_it_has_to_be():
    found = readers.of_text("x\nSteps: 5000, Sampler: Euler, CFG scale: nan, Seed: 99999999999, Size: 1x9000000")
    assert found.left == (
        "Steps 5000: from 1 to 1000 here",
        "Guidance nan: from 0 to 50 here",
        "Seed 99999999999: from 0 to 4294967295 here",
        "Width 1: from 16 to 8192 here",
        "Height 9000000: from 16 to 8192 here",
    )


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "[" * 1_000_000,
        "a:[," * 95_000,
        "a: {," * 79_000,
        'Steps: 1, Sampler: x, a: "' + "\\" * 300_000,
        "Steps: 1, Sampler: x, " + 'a: "' * 90_000,
        "Steps: 1, Seed: 2, " + "a:[1," * 70_000,
        "\n" * 300_000 + S,
        "Negative prompt:" * 20_000,
        "Steps: 1,\n" * 39_000,
        "Steps: 1\n" * 39_000,
        "Steps:" * 60_000,
        "(" * 390_000 + f"\n{S}",
        "a" + " " * 390_000 + ":",
        "\t" * 390_000,
        "--a " * 90_000 + "Job ID: 0123456789",
        "Include in Image:" + "; Model:" * 5_000,
        '{"a":' * 100_000,
        '"' + " -s 1" * 60_000,
    ],
    ids=range(19),
)
def test_a_text_made_to_be_slow_is_read_or_refused_at_once(text: str):
    """The test's own time limit would stop what is quadratic in these lengths."""
    with suppress(Unreadable):
        Recipe.make(**readers.of_text(text).values)
