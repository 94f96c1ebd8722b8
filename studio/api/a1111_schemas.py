"""What a request in A1111's language may say. What is in it and not here is left out, and the answer says so."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
Whole = Annotated[int, BeforeValidator(lambda value: 0 if value is None else value)]
Number = Annotated[float, BeforeValidator(lambda value: 0 if value is None else value)]
Flag = Annotated[bool, BeforeValidator(lambda value: False if value is None else value)]
Table = Annotated[dict[str, Any], BeforeValidator(lambda value: {} if value is None else value)]
Names = Annotated[list[str], BeforeValidator(lambda value: [] if value is None else value)]
Pictures = Annotated[list[str], BeforeValidator(lambda value: [] if value is None else value)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="allow")


class Generation(_Request):
    """What both ways of making a picture take."""

    prompt: Text = ""
    negative_prompt: Text = ""
    styles: Names = []
    seed: int | None = -1
    subseed: int | None = -1
    subseed_strength: Number = 0
    seed_resize_from_h: Whole = 0
    seed_resize_from_w: Whole = 0
    sampler_name: Text = ""
    sampler_index: Text = ""
    scheduler: Text = ""
    batch_size: Annotated[int, Field(ge=1)] = 1
    n_iter: Annotated[int, Field(ge=1)] = 1
    steps: int | None = None
    cfg_scale: float | None = None
    width: int | None = None
    height: int | None = None
    restore_faces: Flag = False
    tiling: Flag = False
    do_not_save_samples: Flag = False
    do_not_save_grid: Flag = False
    eta: float | None = None
    s_min_uncond: Number = 0
    s_churn: Number = 0
    s_tmax: float | None = None
    s_tmin: Number = 0
    s_noise: float | None = None
    denoising_strength: float | None = None
    override_settings: Table = {}
    override_settings_restore_afterwards: Flag = True
    refiner_checkpoint: Text = ""
    refiner_switch_at: float | None = None
    disable_extra_networks: Flag = False
    comments: Table = {}
    script_name: Text = ""
    script_args: list[Any] | None = None
    send_images: Flag = True
    save_images: Flag = False
    alwayson_scripts: Table = {}
    force_task_id: Text = ""
    infotext: Text = ""


class TextToImage(Generation):
    """A picture from text, which may be painted over larger."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"examples": [{"prompt": "a lighthouse at dusk", "steps": 20, "width": 256, "height": 256}]},
    )

    enable_hr: Flag = False
    firstphase_width: Whole = 0
    firstphase_height: Whole = 0
    hr_scale: Number = 2
    hr_upscaler: Text = ""
    hr_second_pass_steps: Whole = 0
    hr_resize_x: Whole = 0
    hr_resize_y: Whole = 0
    hr_checkpoint_name: Text = ""
    hr_sampler_name: Text = ""
    hr_scheduler: Text = ""
    hr_prompt: Text = ""
    hr_negative_prompt: Text = ""


class ImageToImage(Generation):
    """A picture painted over, all of it or where its mask is white."""

    init_images: Pictures = []
    resize_mode: Whole = 0
    image_cfg_scale: float | None = None
    mask: Text = ""
    mask_blur: int | None = None
    mask_blur_x: int | None = None
    mask_blur_y: int | None = None
    mask_round: Flag = True
    inpainting_fill: Whole = 0
    inpaint_full_res: Flag = True
    inpaint_full_res_padding: Whole = 0
    inpainting_mask_invert: Whole = 0
    initial_noise_multiplier: float | None = None
    latent_mask: Text = ""
    include_init_images: Flag = False


class Extras(_Request):
    """How pictures are enlarged."""

    resize_mode: Literal[0, 1] = 0
    show_extras_results: Flag = True
    gfpgan_visibility: Number = 0
    codeformer_visibility: Number = 0
    codeformer_weight: Number = 0
    upscaling_resize: Number = 2
    upscaling_resize_w: Whole = 512
    upscaling_resize_h: Whole = 512
    upscaling_crop: Flag = True
    upscaler_1: Text = "None"
    upscaler_2: Text = "None"
    extras_upscaler_2_visibility: Number = 0
    upscale_first: Flag = False


class ExtrasSingle(Extras):
    """One picture to be enlarged."""

    image: Text = ""


class NamedPicture(BaseModel):
    """A picture under its name."""

    data: str
    name: Text = ""


class ExtrasBatch(Extras):
    """Several pictures to be enlarged."""

    imageList: Annotated[list[NamedPicture], Field(max_length=64)] = []  # noqa: N815 - their spelling


class OnePicture(_Request):
    """A picture, to be looked at."""

    image: Text = ""


class Detect(_Request):
    """Pictures, to make maps of."""

    controlnet_module: Text = "none"
    controlnet_input_images: Annotated[Pictures, Field(max_length=16)] = []
    controlnet_images: Annotated[Pictures, Field(max_length=16)] = []
    controlnet_processor_res: Whole = 512
    controlnet_threshold_a: Number = 64
    controlnet_threshold_b: Number = 64


class Unit(_Request):
    """One unit of ControlNet, as alwayson_scripts has it."""

    enabled: Flag = True
    image: Any = None
    input_image: Any = None
    mask: Any = None
    mask_image: Any = None
    module: Text = "none"
    model: Text = "None"
    weight: Annotated[float, BeforeValidator(lambda value: 1.0 if value is None else value)] = 1.0
    resize_mode: str | int | None = 1
    control_mode: str | int | None = 0
    guidance_start: Number = 0
    guidance_end: Annotated[float, BeforeValidator(lambda value: 1.0 if value is None else value)] = 1.0
    threshold_a: Number = -1
    threshold_b: Number = -1
    processor_res: Whole = 512
    low_vram: Flag = False
    lowvram: Flag = False
    pixel_perfect: Flag = False
    hr_option: Any = "Both"
    save_detected_map: Flag = False
