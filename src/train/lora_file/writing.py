"""Writing the LoRA file: kohya's tensors in one number format, whole, and read back at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors.torch import save as serialize

from dataprep import files
from train.lora_file.checking import check
from train.lora_file.dense import DORA
from train.lora_file.reading import read_safetensors
from train.networks.network import Network
from train.targets import Targets

DTYPES = {"float": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
AS_CONV = ("lora_down.weight", "lora_up.weight", DORA)
"""What takes two more dimensions where files hold a convolution for a Linear."""

Weights = dict[str, torch.Tensor]


def save(
    path: Path,
    network: Network,
    metadata: Mapping[str, str],
    precision: str,
    *,
    alpha: float,
    targets: Targets,
    kohya_shapes: bool = False,
) -> None:
    """Write a network with one ``alpha`` throughout; ``precision``: float, fp16 or bf16.

    SD2's projections are Linear in diffusers and 1×1 convolutions in sd-scripts. diffusers takes
    the first form alone, A1111 and ComfyUI both; ``kohya_shapes`` writes the second, to go on with
    in sd-scripts.

    The file is read back before it takes its name: each module's ΔW, rebuilt from the file alone,
    must be the layer's own as far as the precision goes. Otherwise ``DataprepError`` names the
    module, and what was there before stays. The same weights and metadata give the same bytes.
    """
    weights = network.to_file(alpha)
    if kohya_shapes:
        weights = as_kohya(weights, targets)
    write(
        path,
        weights,
        metadata,
        precision,
        lambda written: check(path, read_safetensors(written)[0], weights, network, targets),
    )


def write(
    path: Path,
    weights: Mapping[str, torch.Tensor],
    metadata: Mapping[str, str],
    precision: str,
    before_naming: Callable[[Path], object] = lambda written: None,
) -> None:
    """Write tensors whole or not at all; ``before_naming`` may look at the file and refuse it."""
    stored = {
        key: value.detach().to("cpu", DTYPES[precision]).contiguous()
        for key, value in weights.items()
    }
    only_kohya = {key: value for key, value in metadata.items() if key.startswith("ss_")}
    hashes = model_hashes(_bytes(stored, only_kohya))
    with files.replacing(path) as temp:
        temp.write_bytes(_bytes(stored, {**metadata, **hashes}))
        before_naming(temp)


def as_kohya(weights: Mapping[str, torch.Tensor], targets: Targets) -> Weights:
    """The tensors in kohya's shapes: 1×1 convolutions where it has them and this base does not."""
    return {
        key: value.reshape(*value.shape[:2], 1, 1) if _is_conv_there(key, value, targets) else value
        for key, value in weights.items()
    }


def _is_conv_there(key: str, value: torch.Tensor, targets: Targets) -> bool:
    name, _, suffix = key.partition(".")
    return suffix in AS_CONV and value.dim() == 2 and targets[name].as_conv


def _bytes(weights: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> bytes:
    """The safetensors form with its metadata in order (the library's changes from run to run)."""
    raw = serialize(dict(weights), dict(metadata))
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    header["__metadata__"] = dict(sorted(metadata.items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + raw[8 + length :]


def model_hashes(raw: bytes) -> dict[str, str]:
    """The two hashes by which A1111 and its kin know a LoRA again, of the file with ss_* alone.

    ``sshs_model_hash`` is the SHA-256 of what follows the header; ``sshs_legacy_hash`` that of
    64 KiB from 1 MiB on, its first eight digits.
    """
    begin = 8 + int.from_bytes(raw[:8], "little")
    return {
        "sshs_model_hash": hashlib.sha256(raw[begin:]).hexdigest(),
        "sshs_legacy_hash": hashlib.sha256(raw[0x100000:0x110000]).hexdigest()[:8],
    }
