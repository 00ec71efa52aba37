"""The device the base runs on, its number format, and running out of memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from dataprep.errors import DataprepError

DTYPES = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def pick_device(wanted: str) -> torch.device:
    """The device of that name; ``auto`` takes a GPU when there is one."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if wanted == "cuda" and not torch.cuda.is_available():
        raise DataprepError(
            "device cuda was asked for, but torch sees no GPU",
            f'torch {torch.__version__}; device = "auto" takes the CPU when there is none',
        )
    return torch.device(wanted)


def pick_dtype(mixed_precision: str, device: torch.device) -> torch.dtype:
    """The number format of the forward pass."""
    if mixed_precision == "fp16" and device.type == "cpu":
        raise DataprepError("mixed_precision fp16 needs a GPU", "on a CPU use no or bf16")
    return DTYPES[mixed_precision]


@contextmanager
def explained_memory() -> Iterator[None]:
    """Turn running out of GPU memory into an error that says what to lower."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise DataprepError(
            f"the GPU is out of memory ({str(error).splitlines()[0]})",
            'lower train_batch_size or resolution, or use mixed_precision = "bf16"',
        ) from None


def autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    """The context in which a forward pass mixes float32 LoRA weights with the base's."""
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
