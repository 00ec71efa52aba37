"""Taggers in the ONNX form: one runner, and a manifest for each family of models."""

from dataprep.taggers.choice import Choice, select
from dataprep.taggers.manifest import Manifest, manifest
from dataprep.taggers.model import Model, read_model
from dataprep.taggers.runner import Tagger, open_tagger

__all__ = [
    "Choice",
    "Manifest",
    "Model",
    "Tagger",
    "manifest",
    "open_tagger",
    "read_model",
    "select",
]
