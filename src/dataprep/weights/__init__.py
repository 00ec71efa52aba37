"""Models: where they lie on this machine, and how they come here.

``find_tagger``, ``find_matting``, ``find_faces_model`` and ``find_base`` only look; the jobs
``fetch_tagger`` and ``find_captioner`` download what is missing.
"""

from dataprep.weights.fetch import fetch, fetch_tagger, find_captioner
from dataprep.weights.find import (
    FACES_SOURCE,
    SINGLE_FILES,
    find_base,
    find_faces_model,
    find_matting,
    find_tagger,
)
from dataprep.weights.places import (
    DEMO,
    MODELS_VARIABLE,
    hub_snapshot,
    is_offline,
    model_folders,
    sample_data,
)
from dataprep.weights.sources import FACES, FACES_FILE

__all__ = [
    "DEMO",
    "FACES",
    "FACES_FILE",
    "FACES_SOURCE",
    "MODELS_VARIABLE",
    "SINGLE_FILES",
    "fetch",
    "fetch_tagger",
    "find_base",
    "find_captioner",
    "find_faces_model",
    "find_matting",
    "find_tagger",
    "hub_snapshot",
    "is_offline",
    "model_folders",
    "sample_data",
]
