"""Who made a picture that says nothing of how: services sign their pictures, or tag them, without their settings."""

import re

from studio.metadata.file_texts import FileTexts

# What stands in a C2PA manifest, and who writes that.
SIGNED = {
    rb"OpenAI|ChatGPT|DALL.?E|gpt-image|Sora": "OpenAI (ChatGPT, DALL-E), which signs pictures and writes no settings",
    rb"Firefly": "Adobe Firefly, which signs its pictures and writes no settings",
    rb"Google|Gemini|Imagen": "Google (Gemini, Imagen), which signs its pictures and writes no settings",
    rb"Bing|Microsoft|Designer": "Microsoft (Bing, Designer), which signs its pictures and writes no settings",
    rb"Black Forest Labs|bfl\.ai": "Black Forest Labs, which signs its pictures and writes no settings",
    rb"Stability|stability\.ai": "Stability AI, which signs its pictures and writes no settings",
}
# What says so in its Software tag, or in XMP's CreatorTool.
TAGGED = {
    r"draw things": "Draw Things; this file holds no settings of it that can be read",
    r"invokeai": "InvokeAI; this file holds no settings of it that can be read",
    r"novelai": "NovelAI; this file holds no settings of it that can be read",
    r"fooocus": "Fooocus; this file holds no settings of it that can be read",
    r"midjourney": "Midjourney; this file holds no prompt",
    r"canva": "Canva, which writes no settings",
    r"leonardo": "Leonardo, which writes no settings",
    r"ideogram": "Ideogram, which writes no settings",
}
# A manifest is searched no further.
MOST_BYTES = 200_000
# What a tool is known by that wrote the text, which then is damaged or of another kind.
WROTE = {
    "prompt": "ComfyUI, of which nothing could be read: its graph has no sampler that is known",
    "workflow": "ComfyUI, of which nothing could be read: its graph has no sampler that is known",
    "invokeai_graph": "InvokeAI, which wrote its graph alone",
    "invokeai_workflow": "InvokeAI, which wrote its workflow alone",
    "sd-metadata": "InvokeAI, whose settings cannot be read",
    "Dream": "InvokeAI, whose settings cannot be read",
}


def maker_of(texts: FileTexts) -> str:
    """Who made it, as the end of a sentence; empty where nothing says so."""
    for place, maker in WROTE.items():
        if place in texts.texts and (place in texts.objects or place not in ("prompt", "workflow")):
            return maker
    for words, maker in TAGGED.items():
        if re.search(words, texts.software, re.IGNORECASE):
            return maker
    manifest = texts.signed[:MOST_BYTES]
    unknown = "a tool that signs its pictures (Content Credentials), and writes no settings that are known" * bool(
        manifest
    )
    return next((maker for words, maker in SIGNED.items() if re.search(words, manifest)), unknown)
