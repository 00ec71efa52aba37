"""A network with YuNet's contract that takes red squares for large faces and blue for small ones.

(1, 3, 640, 640) BGR in 0..255 in; for the strides 8, 16 and 32 a class, an objectness, a box and
five points per cell out, from which OpenCV's ``FaceDetectorYN`` makes faces.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

SIDE = 640
CELLS = 3
"""A face is this many cells of its stride wide and high."""
COLOURS = {8: (1, -1, -1), 16: (0, 0, 0), 32: (-1, -1, 1)}
"""Of which colour, in BGR, a stride finds faces."""
WIDTHS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}


def write_yunet(path: Path) -> Path:
    """Write it; a face's score is how much of its cell has the colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nodes = [node for stride in COLOURS for node in _nodes(stride)]
    constants = [constant for stride in COLOURS for constant in _constants(stride)]
    outputs = [
        helper.make_tensor_value_info(
            f"{part}_{stride}", TensorProto.FLOAT, [1, (SIDE // stride) ** 2, width]
        )
        for part, width in WIDTHS.items()
        for stride in COLOURS
    ]
    seen = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    graph = helper.make_graph(nodes, "yunet", [seen], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def _nodes(stride: int) -> list[NodeProto]:
    """How much of each cell has the stride's colour; boxes and points are always the same."""
    pooled = {"kernel_shape": [stride] * 2, "strides": [stride] * 2}
    score = f"cls_{stride}"
    return [
        helper.make_node("Conv", ["input", f"colour_{stride}"], [f"has_{stride}"]),
        helper.make_node("Relu", [f"has_{stride}"], [f"only_{stride}"]),
        helper.make_node("AveragePool", [f"only_{stride}"], [f"mean_{stride}"], **pooled),
        helper.make_node("Reshape", [f"mean_{stride}", f"cells_{stride}"], [score]),
        helper.make_node("Identity", [score], [f"obj_{stride}"]),
        # added to nothing, for an output must come from the input
        helper.make_node("Sub", [score, score], [f"nothing_{stride}"]),
        helper.make_node("Add", [f"nothing_{stride}", f"box_{stride}"], [f"bbox_{stride}"]),
        helper.make_node("Add", [f"nothing_{stride}", f"points_{stride}"], [f"kps_{stride}"]),
    ]


def _constants(stride: int) -> list[TensorProto]:
    cells = (SIDE // stride) ** 2
    colour = np.array(COLOURS[stride], np.float32).reshape(1, 3, 1, 1) / 255
    box = np.array([0.5, 0.5, math.log(CELLS), math.log(CELLS)], np.float32)
    return [
        numpy_helper.from_array(colour, f"colour_{stride}"),
        numpy_helper.from_array(np.array([1, cells, 1]), f"cells_{stride}"),
        numpy_helper.from_array(np.tile(box, (1, cells, 1)), f"box_{stride}"),
        numpy_helper.from_array(np.zeros((1, cells, 10), np.float32), f"points_{stride}"),
    ]
