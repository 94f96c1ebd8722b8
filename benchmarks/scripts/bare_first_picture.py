"""From nothing to a picture on disk by diffusers alone: import, load, draw, save."""

import sys

import torch
from diffusers import StableDiffusionPipeline

folder, prompt, steps, guidance, out = sys.argv[1:]
pipeline = StableDiffusionPipeline.from_pretrained(folder)
pipeline.set_progress_bar_config(disable=True)
generator = torch.Generator().manual_seed(7)
image = pipeline(prompt, num_inference_steps=int(steps), guidance_scale=float(guidance), generator=generator).images[0]
image.save(out)
print(out, flush=True)
