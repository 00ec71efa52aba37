"""Taggers of the WD14 v3 contract with random weights: a ViT-B/16 and a tiny one."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE, PATCH, WIDTH, HEADS, DEPTH, TAGS = 448, 16, 768, 12, 12, 10_861
FIELDS = 8
OFFSET = 5.0


class Graph:
    """Collects nodes and weights; each method gives back the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._rng = np.random.default_rng(11)
        self._count = 0

    def name(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def node(self, kind: str, *inputs: str, **attributes: object) -> str:
        out = self.name()
        self.nodes.append(helper.make_node(kind, list(inputs), [out], **attributes))
        return out

    def const(self, value: np.ndarray) -> str:
        name = self.name()
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def normal(self, *shape: int, scale: float = 0.02) -> str:
        return self.const(self._rng.normal(0, scale, shape).astype(np.float32))

    def linear(self, x: str, inside: int, outside: int, scale: float = 0.02) -> str:
        product = self.node("MatMul", x, self.normal(inside, outside, scale=scale))
        return self.node("Add", product, self.normal(outside))

    def norm(self, x: str) -> str:
        ones, zeros = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
        return self.node("LayerNormalization", x, self.const(ones), self.const(zeros), axis=-1)

    def shaped(self, x: str, *shape: int) -> str:
        return self.node("Reshape", x, self.const(np.array(shape, np.int64)))


def write_vit(folder: Path) -> Path:
    """A folder with model.onnx (95 M parameters) and selected_tags.csv."""
    graph = Graph()
    tokens = (SIDE // PATCH) ** 2
    unit = graph.node("Div", "input", graph.const(np.float32(127.5)))
    planes = graph.node("Transpose", unit, perm=[0, 3, 1, 2])
    kernel = graph.normal(WIDTH, 3, PATCH, PATCH)
    patches = graph.node("Conv", planes, kernel, kernel_shape=[PATCH] * 2, strides=[PATCH] * 2)
    x = graph.node("Transpose", graph.shaped(patches, 0, WIDTH, tokens), perm=[0, 2, 1])
    x = graph.node("Add", x, graph.normal(1, tokens, WIDTH))
    for _ in range(DEPTH):
        x = graph.node("Add", x, attention(graph, graph.norm(x)))
        x = graph.node("Add", x, mlp(graph, graph.norm(x)))
    pooled = graph.node("ReduceMean", graph.norm(x), axes=[1], keepdims=0)
    save(graph, graph.linear(pooled, WIDTH, TAGS, 0.05), folder)
    return folder


def write_tiny(folder: Path) -> Path:
    """The same contract with next to nothing to compute: means of fields and one layer."""
    graph = Graph()
    field = SIDE // FIELDS
    unit = graph.node("Div", "input", graph.const(np.float32(127.5)))
    planes = graph.node("Transpose", unit, perm=[0, 3, 1, 2])
    means = graph.node("AveragePool", planes, kernel_shape=[field] * 2, strides=[field] * 2)
    flat = graph.shaped(means, 0, 3 * FIELDS * FIELDS)
    save(graph, graph.linear(flat, 3 * FIELDS * FIELDS, TAGS, 0.1), folder)
    return folder


def save(graph: Graph, logits: str, folder: Path) -> None:
    """Write the network, which ends in a sigmoid, and its table of tags."""
    folder.mkdir(parents=True, exist_ok=True)
    # a few tags a picture, as with trained weights, and not half of ten thousand
    shifted = graph.node("Sub", logits, graph.const(np.float32(OFFSET)))
    scores = helper.make_node("Sigmoid", [shifted], ["output"])
    made = helper.make_graph(
        [*graph.nodes, scores],
        "tagger",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", TAGS])],
        graph.weights,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "model.onnx")
    write_tags(folder, TAGS)


def attention(graph: Graph, x: str) -> str:
    """Self-attention of one block."""

    def head(perm: list[int]) -> str:
        split = graph.shaped(graph.linear(x, WIDTH, WIDTH), 0, -1, HEADS, WIDTH // HEADS)
        return graph.node("Transpose", split, perm=perm)

    query, key, value = head([0, 2, 1, 3]), head([0, 2, 3, 1]), head([0, 2, 1, 3])
    scale = graph.const(np.float32((WIDTH // HEADS) ** -0.5))
    weight = graph.node(
        "Softmax", graph.node("Mul", graph.node("MatMul", query, key), scale), axis=-1
    )
    mixed = graph.node("Transpose", graph.node("MatMul", weight, value), perm=[0, 2, 1, 3])
    return graph.linear(graph.shaped(mixed, 0, -1, WIDTH), WIDTH, WIDTH)


def mlp(graph: Graph, x: str) -> str:
    """The other half of a block, with an exact GELU as exporters write it."""
    inner = graph.linear(x, WIDTH, 4 * WIDTH)
    erf = graph.node("Erf", graph.node("Div", inner, graph.const(np.float32(2**0.5))))
    one = graph.node("Add", erf, graph.const(np.float32(1)))
    half = graph.node("Mul", graph.node("Mul", inner, one), graph.const(np.float32(0.5)))
    return graph.linear(half, 4 * WIDTH, WIDTH)


def write_tags(folder: Path, count: int) -> None:
    """A table of made-up tags, ratings first as in the real ones."""
    with (folder / "selected_tags.csv").open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("tag_id", "name", "category", "count"))
        kinds = [9] * 4 + [0] * (count - 4 - count // 4) + [4] * (count // 4)
        rows.writerows((place, f"tag_{place}", kind, 100) for place, kind in enumerate(kinds))
