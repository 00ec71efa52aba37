"""Tiny networks that keep the contracts of the real ones, and what they must answer in numpy."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from dataprep.vocabulary import Entry

Floats = npt.NDArray[np.float32]

GRID = 4
SIDE = 64
NUMBERS = {"general": 0, "character": 4, "rating": 9}
PERMUTED = {"NHWC": [0, 3, 1, 2], "NCHW": [0, 1, 2, 3]}
PLAIN = {"output": "probabilities"}
TAGS: tuple[Entry, ...] = (
    Entry("general", "rating", 1),
    Entry("sensitive", "rating", 1),
    Entry("1girl", "general", 1),
    Entry("long_hair", "general", 1),
    Entry("red_eyes", "general", 1),
    Entry("^_^", "general", 1),
    Entry("blue_sky", "general", 1),
    Entry("white_background", "general", 1),
    Entry("hatsune_miku", "character", 1),
    Entry("zumi_(original)", "character", 1),
)


def weights(tags: int = len(TAGS)) -> tuple[Floats, Floats]:
    """The matrix (48, tags) and the bias (tags,) of the tagger, the same every time."""
    rng = np.random.default_rng(5)
    matrix = rng.normal(0, 1.2, (GRID * GRID * 3, tags)).astype(np.float32)
    return matrix, rng.normal(0, 0.3, tags).astype(np.float32)


def write_tagger(
    folder: Path, *, batch: int | str = "batch", side: int = SIDE, tags: int = len(TAGS)
) -> Path:
    """A WD tagger's folder: the mean colour of 4×4 fields, one linear layer, a sigmoid.

    Its input is (batch, side, side, 3) in 0..255, its output (batch, tags).
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_network(
        folder / "model.onnx", tags, batch=batch, side=side, layout="NHWC", full=255, heads=PLAIN
    )
    with (folder / "selected_tags.csv").open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("tag_id", "name", "category", "count"))
        rows.writerows(
            (place, entry.tag, NUMBERS[entry.category], entry.pictures)
            for place, entry in enumerate(TAGS)
        )
    return folder


def write_network(
    path: Path,
    tags: int,
    *,
    side: int | str,
    layout: str,
    heads: Mapping[str, str],
    batch: int | str = "batch",
    full: float = 1,
    kind: int = TensorProto.FLOAT,
) -> None:
    """The tagger of 4×4 fields in any contract.

    ``heads`` are the outputs by name in their order: each is "probabilities", "logits", "negated"
    (logits of another head, (batch, tags)) or "flat" (the 48 mean colours). ``full`` is what a
    full channel has in the input; a ``side`` in letters leaves it free (its fields are then those
    of a square of 64).
    """
    matrix, bias = weights(tags)
    field = (side if isinstance(side, int) else SIDE) // GRID
    shape: list[int | str] = [batch, side, side, 3] if layout == "NHWC" else [batch, 3, side, side]
    nodes = [
        helper.make_node("Cast", ["input"], ["single"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["single", "full"], ["unit"]),
        helper.make_node("Transpose", ["unit"], ["planes"], perm=PERMUTED[layout]),
        helper.make_node(
            "AveragePool", ["planes"], ["fields"], kernel_shape=[field] * 2, strides=[field] * 2
        ),
        helper.make_node("Flatten", ["fields"], ["colours"]),
        helper.make_node("MatMul", ["colours", "matrix"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["sums"]),
    ]
    operators = {"probabilities": "Sigmoid", "logits": "Identity", "negated": "Neg"}
    for name, what in heads.items():
        if what == "flat":
            nodes.append(helper.make_node("Identity", ["colours"], [name]))
        else:
            nodes.append(helper.make_node(operators[what], ["sums"], [name]))
    widths = {name: GRID * GRID * 3 if what == "flat" else tags for name, what in heads.items()}
    graph = helper.make_graph(
        nodes,
        "tagger",
        [helper.make_tensor_value_info("input", kind, shape)],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, width])
            for name, width in widths.items()
        ],
        [
            numpy_helper.from_array(np.float32(full), "full"),
            numpy_helper.from_array(matrix, "matrix"),
            numpy_helper.from_array(bias, "bias"),
        ],
    )
    _save(graph, path)


def network_logits(planes: Floats, tags: int, full: float = 1) -> Floats:
    """What that network's logits are for one input in planes (3, side, side): shape (tags,)."""
    matrix, bias = weights(tags)
    field = planes.shape[1] // GRID
    fields = planes.astype(np.float64).reshape(3, GRID, field, GRID, field).mean((2, 4)) / full
    return np.asarray(fields.reshape(-1) @ matrix + bias, np.float32)


def tagger_scores(pixels: npt.NDArray[np.uint8]) -> Floats:
    """What a WD tagger must say of prepared RGB pixels (side, side, 3): shape (tags,)."""
    planes = pixels[:, :, ::-1].transpose(2, 0, 1).astype(np.float32)
    return np.asarray(1 / (1 + np.exp(-network_logits(planes, len(TAGS), 255))), np.float32)


def write_matting(
    path: Path, side: int | str = 320, *, batch: int | str = 1, logits: bool = False
) -> Path:
    """U²-Net's contract: (1, 3, side, side) in, several (1, 1, side, side) out, the first counts.

    The foreground is where the picture is bright. With ``logits`` the sigmoid is left to others,
    as BiRefNet does; a ``side`` or ``batch`` in letters is free.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = [batch, 1, side, side]
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("Identity" if logits else "Sigmoid", ["grey"], ["d0"]),
        helper.make_node("Neg", ["grey"], ["d1"]),
        helper.make_node("Identity", ["grey"], ["d2"]),
    ]
    graph = helper.make_graph(
        nodes,
        "matting",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, 3, side, side])],
        [helper.make_tensor_value_info(f"d{n}", TensorProto.FLOAT, shape) for n in range(3)],
    )
    _save(graph, path)
    return path


def write_clothes(path: Path) -> Path:
    """The contract of rembg's u2net_cloth_seg: (1, 3, 768, 768) in, a score per class out.

    Class 1 (upper body) is where the picture is bright, class 0 (none) where it is not.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["bright"], axes=[1], keepdims=1),
        helper.make_node("Neg", ["bright"], ["dark"]),
        helper.make_node("Sub", ["bright", "far"], ["other"]),
        helper.make_node("Concat", ["dark", "bright", "other", "other"], ["classes"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "clothes",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 768, 768])],
        [helper.make_tensor_value_info("classes", TensorProto.FLOAT, [1, 4, 768, 768])],
        [numpy_helper.from_array(np.float32(100), "far")],
    )
    _save(graph, path)
    return path


def _save(graph: onnx.GraphProto, path: Path) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
