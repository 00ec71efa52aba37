"""Taggers: one runner, and a manifest for each family of models."""

from dataprep.taggers.choice import Choice, select
from dataprep.taggers.manifest import Known, Manifest, all_known, known, manifest
from dataprep.taggers.model import Model, read_model
from dataprep.taggers.runner import Tagger, open_tagger

__all__ = [
    "Choice",
    "Known",
    "Manifest",
    "Model",
    "Tagger",
    "all_known",
    "known",
    "manifest",
    "open_tagger",
    "read_model",
    "select",
]
