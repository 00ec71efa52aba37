"""What a file or folder of weights is, and why some cannot be trained. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dataprep.errors import DataprepError
from train.families import Family

UNET = "model.diffusion_model."
FIRST_LAYER = f"{UNET}input_blocks.0.0.weight"
LATENT_CHANNELS = 4
TEXT_MARKS: dict[str, Family] = {
    "conditioner.embedders.1.": "sdxl",
    "cond_stage_model.model.": "sd2",
    "cond_stage_model.transformer.": "sd1",
}
"""How the names of text encoders begin in the original format, by family."""
OTHERS = (
    (r"lora_(up|down|A|B)\b|\.hada_w|\.lokr_w|\.oft_", "a LoRA", "a LoRA goes into base_weights"),
    (rf"^({UNET})?joint_blocks\.", "Stable Diffusion 3", ""),
    (rf"^({UNET})?double_blocks\.", "Flux", ""),
    (r"^conditioner\.embedders\.0\.model\.", "the refiner of SDXL", "train on its base model"),
    (r"^(control_model|input_hint_block)\.|^controlnet_cond_", "a ControlNet", ""),
    (r"^edm_(mean|std)$|^edm_vpred\.", "a model with EDM's noise (Playground 2.5, CosXL)", ""),
    (r"^(emb_params|clip_g|string_to_param)", "a textual inversion", ""),
)
"""Names that tell what cannot be trained on, what it is, and what to do."""
NO_UNET = (
    (r"^(first_stage_model\.|vae\.)?(en|de)coder\.conv_in\.", "a VAE alone", "it goes into vae"),
    (r"^(down|mid)_blocks?\.", "one part of a diffusers folder", "name the folder"),
    (r"text_model\.encoder\.|^encoder\.layers\.", "a text encoder alone", ""),
    (r"", "of no known kind", ""),
)
"""The same of files without a UNet; the last fits all."""
CHANNELS = {9: "an inpainting model", 8: "an InstructPix2Pix model", 7: "an upscaler"}
CHANNELS |= {5: "a depth-to-image model"}
"""What UNets with another number of input channels are."""
TRAINABLE = "Stable Diffusion 1, 2 and XL base models can be trained"


def family_of_file(name: str, shapes: Mapping[str, tuple[int, ...]]) -> Family:
    """The family of a base in one file, by the names and shapes in it.

    Raises ``DataprepError`` that says what the file is instead.
    """
    names = "\n".join(shapes)
    _refuse(name, names, OTHERS)
    if FIRST_LAYER not in shapes:
        _refuse(name, names, NO_UNET)
    check_channels(name, shapes[FIRST_LAYER][1])
    for mark, family in TEXT_MARKS.items():
        if any(key.startswith(mark) for key in shapes):
            return family
    raise DataprepError(f"{name}: a UNet without text encoder", "name the whole model's file")


def family_of_folder(name: str, unet: Mapping[str, Any], scheduler: Mapping[str, Any]) -> Family:
    """The family of a diffusers folder, by the configs of UNet and scheduler. Raises as above."""
    check_channels(name, unet.get("in_channels", LATENT_CHANNELS))
    if str(scheduler.get("_class_name", "")).startswith("EDM"):
        raise not_trainable(name, "a model with EDM's noise (Playground 2.5)")
    width = unet.get("cross_attention_dim")
    if unet.get("addition_embed_type") == "text_time":
        if width == 1280:
            raise not_trainable(name, "the refiner of SDXL", "train on its base model")
        return "sdxl"
    if unet.get("addition_embed_type") or unet.get("class_embed_type"):
        raise not_trainable(name, "a model that is asked with more than a caption")
    return "sd2" if width == 1024 or unet.get("use_linear_projection") else "sd1"


def check_channels(name: str, channels: int) -> None:
    """Refuse a UNet that takes more than latents."""
    if channels != LATENT_CHANNELS:
        kind = CHANNELS.get(channels, f"a model with {channels} input channels")
        raise not_trainable(name, kind)


def _refuse(name: str, names: str, kinds: tuple[tuple[str, str, str], ...]) -> None:
    for pattern, kind, advice in kinds:
        if re.search(pattern, names, re.MULTILINE):
            raise not_trainable(name, kind, advice)


def not_trainable(name: str, kind: str, advice: str = "") -> DataprepError:
    """That a model is of a kind that cannot be trained."""
    return DataprepError(
        f"{name}: {kind}, not a base model that can be trained", advice or TRAINABLE
    )
