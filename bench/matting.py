"""Speed of masks beside the bare network's. ``python -m bench.matting [PICTURES]``

The networks have random weights and the cost of u2netp and u2net at 320×320. The ways take turns,
so that a busy machine is busy for all of them; medians of five rounds.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from bench.machine import heading
from bench.tag import print_table
from dataprep.dataset import Dataset
from dataprep.jobs import finish
from dataprep.matting.source import rembg
from dataprep.stages import background, scan

SIZE = (2000, 1500)
NETWORKS = {"like u2netp": (100, 26), "like u2net": (144, 36)}
"""Channels and layers."""


def make_pictures(folder: Path, count: int) -> None:
    """JPEGs as hard to decode as photographs, each with something bright in its middle."""
    rng = np.random.default_rng(3)
    width, height = SIZE[0] // 12, SIZE[1] // 12
    for number in range(count):
        coarse = rng.integers(0, 140, (height, width, 3), np.uint8)
        coarse[height // 4 : -height // 8, width // 3 : -width // 3] += 110
        smooth = Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC)
        smooth.save(folder / f"{number:04}.jpg", quality=92)


def write_network(path: Path, channels: int, layers: int) -> Path:
    """U²-Net's contract around a stack of 3×3 convolutions, most of them at 80×80.

    What they say is as good as nothing beside the brightness: masks look like masks, which is
    most of what their PNGs cost.
    """
    rng = np.random.default_rng(1)
    nodes, weights = [], []
    last, incoming = "input", 3
    for layer in range(layers):
        scale = (2 / (9 * incoming)) ** 0.5
        kernel = rng.normal(0, scale, (channels, incoming, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"w{layer}"))
        stride = 2 if layer in (0, 3) else 1
        names = [last, f"w{layer}"], [f"c{layer}"]
        nodes.append(helper.make_node("Conv", *names, pads=[1] * 4, strides=[stride] * 2))
        nodes.append(helper.make_node("Relu", [f"c{layer}"], [f"r{layer}"]))
        last, incoming = f"r{layer}", channels
    head = np.full((1, channels, 1, 1), 1e-6, np.float32)
    values = {"head": head, "scales": np.array([1, 1, 4, 4], np.float32), "steep": np.float32(9)}
    weights += [numpy_helper.from_array(value, name) for name, value in values.items()]
    window = {"kernel_shape": [9, 9], "pads": [4] * 4}
    nodes += [
        helper.make_node("Conv", [last, "head"], ["small"]),
        helper.make_node("Resize", ["small", "", "scales"], ["opinion"], mode="linear"),
        helper.make_node("ReduceMean", ["input"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("AveragePool", ["grey"], ["smooth"], **window),
        helper.make_node("Add", ["smooth", "opinion"], ["sum"]),
        helper.make_node("Mul", ["sum", "steep"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["mask"]),
    ]
    graph = helper.make_graph(
        nodes,
        "matting",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 320, 320])],
        [helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1, 1, 320, 320])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path


def stage(folder: Path, model: Path) -> None:
    """The stage from the first to the last picture, with its masks, store and journal."""
    with Dataset.open(folder) as dataset:
        finish(background.run(dataset, background.Settings(model=str(model), redo=True)))


def rembg_loop(folder: Path, session: Any) -> None:
    """The named alternative: decode, rembg's own predict, save the mask, one after the other."""
    out = folder / ".dataprep" / "plain"
    out.mkdir(exist_ok=True)
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as image:
            session.predict(image)[0].save(out / f"{path.stem}.png")


def network_only(model: Path, count: int) -> Callable[[], None]:
    """The limit: the network alone on pixels that are ready, with onnxruntime's own options."""
    import onnxruntime as ort

    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    pixels = {"input": np.random.default_rng(2).normal(size=(1, 3, 320, 320)).astype(np.float32)}

    def run() -> None:
        for _ in range(count):
            session.run(None, pixels)

    return run


def decode_only(folder: Path) -> None:
    """The other limit: one core decoding, nothing else."""
    for path in folder.glob("*.jpg"):
        with Image.open(path) as image:
            image.load()


def main() -> None:
    """Print masks per second and CPU milliseconds of every way, for each network."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    print(heading("onnxruntime", "rembg", "pillow", "numpy", "opencv-python-headless"))
    with tempfile.TemporaryDirectory() as temp:
        folder, home = Path(temp) / "pictures", Path(temp) / "rembg"
        folder.mkdir()
        make_pictures(folder, count)
        with Dataset.open(folder) as dataset:
            finish(scan.run(dataset, scan.Settings()))
        for name, (channels, layers) in NETWORKS.items():
            print(f"{name}: {layers} layers of {channels} channels, {count} JPEGs of {SIZE}")
            model = write_network(home / "u2netp.onnx", channels, layers)
            measure(folder, home, model, count)


def measure(folder: Path, home: Path, model: Path, count: int) -> None:
    """One table."""
    os.environ["U2NET_HOME"] = str(home)
    session = rembg("rembg").new_session("u2netp")
    ways: dict[str, Callable[[], None]] = {
        "dataprep background": lambda: stage(folder, model),
        "rembg's predict + PNG": lambda: rembg_loop(folder, session),
        "network alone (limit)": network_only(model, count),
        "decode alone, 1 core (limit)": lambda: decode_only(folder),
    }
    walls = print_table(ways, count)
    rounds = zip(walls["network alone (limit)"], walls["dataprep background"], strict=True)
    share = statistics.median(limit / ours for limit, ours in rounds)
    print(f"dataprep background reaches {share:.0%} of the network alone (median of the rounds)")


if __name__ == "__main__":
    main()
