"""Foreground masks by rembg's networks or an ONNX file, at the speed of the bare network."""

from dataprep.matting.contracts import Contract
from dataprep.matting.finding import Finding, find
from dataprep.matting.network import Matter, open_matter
from dataprep.matting.source import Source, missing_weights, read_matting

__all__ = [
    "Contract",
    "Finding",
    "Matter",
    "Source",
    "find",
    "missing_weights",
    "open_matter",
    "read_matting",
]
