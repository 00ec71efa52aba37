"""Folders of this machine in which models lie. Nothing here touches the network."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from dataprep.errors import DataprepError
from dataprep.homes import data_home

DEMO = "demo"
"""The name of the small models of the embedded sample."""
MODELS_VARIABLE = "DATAPREP_MODELS"
TRUE = {"1", "ON", "YES", "TRUE"}
"""What switches a variable of Hugging Face's on."""


def sample_data() -> Path:
    """The embedded sample: inside an installed package, at the repository's root in a checkout."""
    inside = Path(str(files("dataprep"))) / "sample_data"
    beside = Path(__file__).parents[3] / "sample_data"
    for folder in (inside, beside):
        if folder.is_dir():
            return folder
    raise DataprepError(
        f"the embedded sample is missing: neither {inside} nor {beside} is there",
        "install lora-dataprep again, or check the repository out whole",
    )


def model_folders(name: str) -> list[Path]:
    """Folders of our own that may hold a model, the user's choice first."""
    return [root / name for root in model_roots()]


def model_roots() -> list[Path]:
    """Folders of our own in which every model has a folder of its name."""
    chosen = os.environ.get(MODELS_VARIABLE)
    roots = [Path(chosen).expanduser()] if chosen else []
    return [*roots, data_home() / "models"]


def hub_cache() -> Path:
    """Where Hugging Face's own tools keep what they fetched.

    Their variables count as they stand now; huggingface_hub reads them at its import only.
    """
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if chosen := os.environ.get(variable):
            return _expanded(chosen)
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return _expanded(os.environ.get("HF_HOME") or f"{cache}/huggingface") / "hub"


def hub_folder(repository: str) -> Path:
    """The folder of one repository in that cache."""
    return hub_cache() / f"models--{repository.replace('/', '--')}"


def hub_snapshot(repository: str, revision: str = "main") -> Path | None:
    """What that cache holds of a revision: a branch, a tag or a commit. It may be incomplete."""
    folder = hub_folder(repository)
    if (commit := folder / "snapshots" / revision).is_dir():
        return commit
    try:
        named = (folder / "refs" / revision).read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return folder / "snapshots" / named


def is_offline(asked: bool = False) -> bool:
    """Whether the network must not be touched: asked for here, or for all of Hugging Face's."""
    said = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return asked or said.upper() in TRUE


def _expanded(path: str) -> Path:
    return Path(os.path.expandvars(path)).expanduser()
