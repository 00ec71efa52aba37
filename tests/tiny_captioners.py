"""Captioners of the real classes, so small that a caption takes milliseconds; weights random.

Each function writes a folder as ``save_pretrained`` does, so the real loading code reads it. The
vocabulary is a handful of words, so that a random model comes upon its end-of-text token at times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from dataprep.captioners.loading import pictures_only

# in steps of milliseconds threads wait for each other; and one gives equal sums everywhere
torch.set_num_threads(1)

TEXT = (
    "a the of in on with and girl cat hat hair red blue green yellow white black small large "
    "sitting standing looking smiling holding wearing outdoors background solo zumi describe "
    "caption tags none picture user assistant : , ."
)
WORDS = tuple(TEXT.split())
SIDE = 32
"""Side in pixels of what the vision towers see."""
PATCH = 8
PATCHES = (SIDE // PATCH) ** 2
SPREAD = 0.35
"""Standard deviation of the weights: large enough that a picture changes the words."""

LLAVA_TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }} : {% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image> {% else %}{{ c['text'] }} {% endif %}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}assistant : {% endif %}"
)
JOY_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{{ m['role'] }} : "
    "{% if m['role'] == 'user' %}<image> {% endif %}{{ m['content'] | trim }} {% endfor %}"
    "{% if add_generation_prompt %}assistant : {% endif %}"
)
"""As JoyCaption's: plain text as content, the picture put there by the template, and a BOS."""
QWEN_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }} {% if m['content'] is string %}"
    "{{ m['content'] }}{% else %}{% for c in m['content'] %}{% if c['type'] == 'image' %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ c['text'] }}{% endif %}{% endfor %}"
    "{% endif %}<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant "
    "{% endif %}"
)


def tokenizer(
    special: Iterable[str] = (), *, frame: str = "", **names: Any
) -> PreTrainedTokenizerFast:
    """Whole words; ``frame`` is the template around a text, such as ``<s> $A </s>``."""
    added = ["<pad>", "<s>", "</s>", "<unk>", *special]
    vocabulary = {word: place for place, word in enumerate([*added, *WORDS])}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    if frame:
        pairs = [(token, vocabulary[token]) for token in frame.split() if token != "$A"]
        core.post_processor = processors.TemplateProcessing(single=frame, special_tokens=pairs)
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        additional_special_tokens=list(special),
        model_max_length=512,
        **names,
    )


def blip(folder: Path) -> Path:
    """BLIP as ``Salesforce/blip-image-captioning-base`` is made."""
    from transformers import BlipConfig, BlipForConditionalGeneration, BlipProcessor
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    words = tokenizer(frame="<s> $A </s>")
    config = BlipConfig(
        text_config={
            **_small(words),
            "encoder_hidden_size": 32,
            "max_position_embeddings": 128,
            "sep_token_id": words.eos_token_id,
            "is_decoder": True,
        },
        vision_config=_vision(),
        projection_dim=32,
    )
    images = BlipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    return _write(folder, BlipForConditionalGeneration, config, BlipProcessor(images, words))


def blip2(folder: Path) -> Path:
    """BLIP-2 with an OPT behind it, as ``Salesforce/blip2-opt-2.7b`` is made."""
    from transformers import Blip2Config, Blip2ForConditionalGeneration, Blip2Processor
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    words = tokenizer(["<image>"], frame="<s> $A")
    image = words.convert_tokens_to_ids("<image>")
    language = {
        "model_type": "opt",
        **_small(words),
        "word_embed_proj_dim": 32,
        "ffn_dim": 64,
        "max_position_embeddings": 256,
    }
    config = Blip2Config(
        vision_config=_vision(),
        qformer_config={**_small(words), "encoder_hidden_size": 32, "cross_attention_frequency": 1},
        text_config=language,
        num_query_tokens=4,
        image_token_index=image,
    )
    images = BlipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    processor = Blip2Processor(images, words, num_query_tokens=4)
    return _write(folder, Blip2ForConditionalGeneration, config, processor)


def florence(folder: Path) -> Path:
    """Florence-2 as ``florence-community/Florence-2-base`` is made."""
    from transformers import Florence2Config, Florence2ForConditionalGeneration, Florence2Processor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    words = tokenizer(
        ["<image>"], frame="<s> $A </s>", extra_special_tokens={"image_token": "<image>"}
    )
    config = Florence2Config(
        text_config={
            "model_type": "bart",
            **_small(words),
            "d_model": 32,
            "encoder_layers": 2,
            "decoder_layers": 2,
            "encoder_attention_heads": 2,
            "decoder_attention_heads": 2,
            "encoder_ffn_dim": 64,
            "decoder_ffn_dim": 64,
            "max_position_embeddings": 2048,
            "decoder_start_token_id": words.eos_token_id,
            "forced_bos_token_id": words.bos_token_id,
            "is_encoder_decoder": True,
        },
        vision_config={
            "embed_dim": [8, 16],
            "depths": [1, 1],
            "num_heads": [2, 2],
            "num_groups": [2, 2],
            "patch_size": [7, 3],
            "patch_stride": [4, 2],
            "patch_padding": [3, 1],
            "patch_prenorm": [False, True],
            "window_size": 4,
            "projection_dim": 32,
        },
        image_token_id=words.convert_tokens_to_ids("<image>"),
    )
    images = CLIPImageProcessorPil(size={"height": SIDE, "width": SIDE}, do_center_crop=False)
    images.image_seq_length = 1 + (SIDE // 8) ** 2
    processor = Florence2Processor(images, words, post_processor_config={"pure_text": {}})
    # layers that normalise behind themselves let little of the picture through
    return _write(folder, Florence2ForConditionalGeneration, config, processor, spread=1.2)


def qwen(folder: Path) -> Path:
    """Qwen2.5-VL as ``Qwen/Qwen2.5-VL-3B-Instruct`` is made, but for its videos."""
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
    )
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    special = ["<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"]
    special += ["<|image_pad|>", "<|video_pad|>"]
    words = tokenizer(special)
    ids = dict(zip(special, words.convert_tokens_to_ids(special), strict=True))
    language = {
        **_small(words),
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "rope_parameters": {
            "rope_type": "default",
            "mrope_section": [2, 3, 3],
            "rope_theta": 10000.0,
        },
    }
    config = Qwen2_5_VLConfig(
        text_config=language,
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "patch_size": PATCH,
            "spatial_merge_size": 2,
            "out_hidden_size": 32,
            "window_size": 32,
            "fullatt_block_indexes": [1],
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    images = Qwen2VLImageProcessorPil(
        patch_size=PATCH, merge_size=2, size={"shortest_edge": 256, "longest_edge": 65536}
    )
    kind = pictures_only(Qwen2_5_VLProcessor)
    processor = kind(images, words, chat_template=QWEN_TEMPLATE)
    return _write(folder, Qwen2_5_VLForConditionalGeneration, config, processor)


def llava(folder: Path, template: str = LLAVA_TEMPLATE) -> Path:
    """LLaVA as ``llava-hf/llava-1.5-7b-hf`` is made."""
    from transformers import LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    words = tokenizer(["<image>"], frame="<s> $A")
    config = LlavaConfig(
        text_config={
            "model_type": "llama",
            **_small(words),
            "num_key_value_heads": 2,
            "max_position_embeddings": 512,
        },
        vision_config={"model_type": "clip_vision_model", **_vision()},
        image_token_index=words.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
        image_seq_length=PATCHES,
    )
    images = CLIPImageProcessorPil(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    )
    processor = LlavaProcessor(
        images,
        words,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        chat_template=template,
        num_additional_image_tokens=1,
    )
    return _write(folder, LlavaForConditionalGeneration, config, processor)


def joy(folder: Path) -> Path:
    """As ``fancyfeast/llama-joycaption-beta-one-hf-llava`` is made."""
    return llava(folder, JOY_TEMPLATE)


MAKERS: dict[str, Callable[[Path], Path]] = {
    "blip": blip,
    "blip2": blip2,
    "florence": florence,
    "qwen": qwen,
    "llava": llava,
    "joy": joy,
}


def shared(factory: pytest.TempPathFactory, name: str) -> Path:
    """One of them, made once for all tests of a session. Copy it before changing it."""
    folder = factory.getbasetemp() / "tiny_captioners" / name
    return folder if (folder / "config.json").exists() else MAKERS[name](folder)


def _small(words: PreTrainedTokenizerFast) -> dict[str, Any]:
    return {
        "vocab_size": len(words),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "initializer_range": SPREAD,
        "init_std": SPREAD,
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id,
    }


def _vision() -> dict[str, Any]:
    return {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": SIDE,
        "patch_size": PATCH,
        "initializer_range": SPREAD,
    }


def _write(folder: Path, kind: Any, config: Any, processor: Any, spread: float = SPREAD) -> Path:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = kind(config)
        with torch.no_grad():
            # the classes' own initialisation is so small that every picture reads alike
            for parameter in model.parameters():
                if parameter.ndim > 1:
                    parameter.normal_(0.0, spread)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
