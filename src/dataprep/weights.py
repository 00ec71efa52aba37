"""Where models lie on this machine. Nothing is fetched here, and "demo" is taken only by name."""

from __future__ import annotations

import difflib
import os
import sys
from importlib.resources import files
from pathlib import Path

from dataprep.errors import DataprepError, UsageError
from dataprep.taggers.manifest import Manifest, manifest

DEMO = "demo"
"""The name of the small models of the embedded sample."""
MODELS_VARIABLE = "DATAPREP_MODELS"
FACES = "yunet"
"""The folder of the face detector among the models."""
FACES_FILE = "face_detection_yunet_2023mar.onnx"
FACES_SOURCE = "https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet"


def sample_data() -> Path:
    """The embedded sample: inside an installed package, at the repository's root in a checkout."""
    inside = Path(str(files("dataprep"))) / "sample_data"
    beside = Path(__file__).parents[2] / "sample_data"
    for folder in (inside, beside):
        if folder.is_dir():
            return folder
    raise DataprepError(
        f"the embedded sample is missing: neither {inside} nor {beside} is there",
        "install lora-dataprep again, or check the repository out whole",
    )


def find_tagger(name_or_dir: str) -> Path:
    """The folder of a tagger: "demo", a known WD14 name, or the path of a folder.

    Raises ``DataprepError`` saying what is missing, where it was looked for and how to place it.
    """
    family = manifest()
    if name_or_dir == DEMO:
        return _complete(sample_data() / "models" / "demo-tagger", family)
    if name_or_dir in family.models:
        return _known_tagger(name_or_dir, family)
    folder = Path(name_or_dir).expanduser()
    if folder.is_dir():
        return _complete(folder.resolve(), family)
    close = difflib.get_close_matches(name_or_dir, family.models, n=1)
    known = ", ".join(family.models)
    raise UsageError(
        f"tagger '{name_or_dir}' is neither a folder nor a known name",
        f"did you mean '{close[0]}'?" if close else f"known: {known}; or demo",
    )


def find_matting(name_or_path: str) -> Path | None:
    """The file of a matting model, "demo" or a path of an .onnx; None: a name of rembg's own."""
    if name_or_path == DEMO:
        folder = sample_data() / "models" / "demo-matting"
        found = sorted(folder.glob("*.onnx"))
        if not found:
            raise DataprepError(f"{folder}: no .onnx file here", "install lora-dataprep again")
        return found[0]
    path = Path(name_or_path).expanduser()
    if path.suffix.lower() != ".onnx":
        return None
    if not path.is_file():
        raise UsageError(f"{path}: no such file", "give a matting model, or a name rembg knows")
    return path.resolve()


def find_faces_model(path: str = "") -> Path:
    """The file of YuNet: the one given, else the one where models lie.

    Raises ``DataprepError`` saying where it was looked for and how to place it.
    """
    if path:
        given = Path(path).expanduser()
        if not given.is_file():
            raise UsageError(f"{given}: no such file", "give YuNet's .onnx file")
        return given.resolve()
    folders = model_folders(FACES)
    beside = [folder.parent / FACES_FILE for folder in folders]
    for found in [file for folder in folders for file in sorted(folder.glob("*.onnx"))] + beside:
        if found.is_file():
            return found
    looked = ", ".join(str(folder) for folder in folders)
    raise DataprepError(
        f"the model that finds faces is not on this machine (looked in {looked})",
        f"take {FACES_FILE} from {FACES_SOURCE} and put it into {folders[0]}, or name it with "
        "--face-model; without it, take --mode saliency or --mode foreground",
    )


def find_base(name_or_path: str) -> str:
    """A base model as the trainer takes it: a path when it lies here, else the name as given."""
    if name_or_path == DEMO:
        folder = sample_data() / "models" / "demo-base"
        if not folder.is_dir():
            raise DataprepError(f"{folder}: is missing", "install lora-dataprep again")
        return str(folder)
    path = Path(name_or_path).expanduser()
    if path.exists():
        return str(path.resolve())
    if path.suffix == ".safetensors" or name_or_path.startswith(("/", ".", "~")):
        raise UsageError(f"{path}: no such file or folder", "give the base model's path or name")
    return name_or_path


def model_folders(name: str) -> list[Path]:
    """Folders of our own that may hold a model, the user's choice first."""
    chosen = os.environ.get(MODELS_VARIABLE)
    roots = [Path(chosen).expanduser()] if chosen else []
    return [root / name for root in (*roots, _data_home() / "models")]


def _known_tagger(name: str, family: Manifest) -> Path:
    own = model_folders(name)
    hub = hub_snapshot(family.models[name].repository)
    candidates = [*own, *([hub] if hub is not None else [])]
    for folder in candidates:
        if not _missing(folder, family):
            return folder
    looked = ", ".join(str(folder) for folder in (*own, _hub_cache()))
    raise DataprepError(
        f"tagger {name} is not on this machine (looked in {looked})",
        f"take {family.model_file} and {family.tags_file} from "
        f"https://huggingface.co/{family.models[name].repository} and put both into {own[0]}",
    )


def _complete(folder: Path, family: Manifest) -> Path:
    missing = _missing(folder, family)
    if missing:
        raise DataprepError(
            f"{folder}: {' and '.join(missing)} missing",
            f"a tagger's folder holds {family.model_file} and {family.tags_file}",
        )
    return folder


def _missing(folder: Path, family: Manifest) -> list[str]:
    return [name for name in (family.model_file, family.tags_file) if not (folder / name).is_file()]


def _hub_cache() -> Path:
    """Where Hugging Face's own tools keep what they fetched."""
    if "HF_HUB_CACHE" in os.environ:
        return Path(os.environ["HF_HUB_CACHE"]).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("HF_HOME", f"{cache}/huggingface")).expanduser() / "hub"


def hub_snapshot(repository: str) -> Path | None:
    """The main revision of a repository in that cache."""
    folder = _hub_cache() / f"models--{repository.replace('/', '--')}"
    try:
        revision = (folder / "refs" / "main").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return folder / "snapshots" / revision


def _data_home() -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "dataprep"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "dataprep"
    return Path(os.environ.get("XDG_DATA_HOME", "~/.local/share")).expanduser() / "dataprep"
