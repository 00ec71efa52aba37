"""Which modules a LoRA sits on, and what kohya calls them in a file.

UNet names follow the module path. Text encoder names are built from layer number and role,
never from the path: transformers 5 dropped ``text_model`` from it, and a file named after the
shorter path is silently ignored by the programs that read it.
"""

from __future__ import annotations

from torch import nn

from train.text import body

ATTENTION_BLOCKS = frozenset({"Transformer2DModel"})
CONV_BLOCKS = frozenset({"ResnetBlock2D", "Downsample2D", "Upsample2D"})
TEXT_ROLES = (
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.out_proj",
    "mlp.fc1",
    "mlp.fc2",
)


def unet_targets(unet: nn.Module, convs: bool = False) -> dict[str, nn.Module]:
    """Linear and convolution layers of the attention blocks by kohya name.

    With ``convs`` those of the ResNet blocks and of down- and upsampling as well (LoCon).
    """
    blocks = ATTENTION_BLOCKS | CONV_BLOCKS if convs else ATTENTION_BLOCKS
    return {
        "_".join(["lora_unet", *path.split("."), *child_path.split(".")]): child
        for path, block in unet.named_modules()
        if type(block).__name__ in blocks
        for child_path, child in block.named_modules()
        if isinstance(child, nn.Linear | nn.Conv2d)
    }


def text_encoder_targets(text_encoder: nn.Module) -> dict[str, nn.Module]:
    """The attention and MLP projections of every CLIP layer by kohya name."""
    return {
        f"lora_te_text_model_encoder_layers_{number}_{role.replace('.', '_')}": (
            layer.get_submodule(role)
        )
        for number, layer in enumerate(body(text_encoder).encoder.layers)
        for role in TEXT_ROLES
    }
