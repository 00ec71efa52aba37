"""Writes a module as one ONNX file that onnxruntime has read back with the same numbers."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

OPSET = 17
TOLERANCE = 1e-3


def write_onnx(module: nn.Module, example: torch.Tensor, output: str, path: Path) -> None:
    """Exports with a free batch size and replaces `path` only when the file agrees."""
    part = path.with_name(f".{path.name}.part")
    module.eval()
    with warnings.catch_warnings():
        # The TorchScript exporter is deprecated but writes one file, weights inside.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (example,),
            str(part),
            input_names=["input"],
            output_names=[output],
            dynamic_axes={"input": {0: "batch"}, output: {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )
    _agree(module, example.repeat(2, 1, 1, 1), part)
    part.replace(path)


@torch.no_grad()
def _agree(module: nn.Module, example: torch.Tensor, path: Path) -> None:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    ours = module(example).numpy()
    theirs = session.run(None, {"input": example.numpy()})[0]
    worst = float(np.abs(ours - theirs).max())
    if worst > TOLERANCE:
        raise RuntimeError(f"{path} differs from its module by {worst}")
