"""Models that lie on this machine. Nothing is fetched here, and "demo" is taken only by name."""

from __future__ import annotations

from pathlib import Path

from dataprep.errors import DataprepError, UsageError
from dataprep.taggers.folder import contract_of
from dataprep.weights.places import DEMO, hub_cache, model_folders, sample_data
from dataprep.weights.sources import (
    FACES,
    FACES_FILE,
    Source,
    faces,
    is_tagger,
    lies_in,
    tagger,
)

SINGLE_FILES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")
"""Endings of base models in one file; the first two are usual."""
FACES_SOURCE = "https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet"


def find_tagger(name_or_dir: str) -> Path:
    """The folder of a tagger: "demo", a known name, a repository of the hub, or a folder.

    Raises ``DataprepError`` saying what is missing, where it was looked for and how to place it.
    """
    if name_or_dir == DEMO:
        return _tagger_in(sample_data() / "models" / "demo-tagger")
    folder = Path(name_or_dir).expanduser()
    if folder.is_dir():
        return _tagger_in(folder.resolve())
    source = tagger(name_or_dir)
    found = lies_in(source, is_tagger)
    if found is None:
        raise missing(source, "tagger")
    return found


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
    in_cache = lies_in(faces(), is_tagger)
    fetched = [in_cache / FACES_FILE] if in_cache is not None else []
    own = [file for folder in folders for file in sorted(folder.glob("*.onnx"))]
    for found in (*own, *beside, *fetched):
        if found.is_file():
            return found
    looked = ", ".join(str(folder) for folder in folders)
    raise DataprepError(
        f"the model that finds faces is not on this machine (looked in {looked})",
        f"take {FACES_FILE} from {FACES_SOURCE} and put it into {folders[0]} "
        f"(`dataprep models {FACES} --fetch` downloads it), or name it with --face-model; without "
        "it, take --mode saliency or --mode foreground",
    )


def find_base(name_or_path: str) -> str:
    """A base model as the trainer takes it: a path when it lies here, else the name as given.

    Raises ``UsageError`` for a file that is none, and for a path where nothing lies.
    """
    if name_or_path == DEMO:
        folder = sample_data() / "models" / "demo-base"
        if not folder.is_dir():
            raise DataprepError(f"{folder}: is missing", "install lora-dataprep again")
        return str(folder)
    path = Path(name_or_path).expanduser()
    is_file_name = path.suffix.lower() in SINGLE_FILES
    if path.is_file() and not is_file_name:
        raise UsageError(
            f"{path}: is no base model",
            "that is a diffusers folder, a .safetensors or .ckpt file, or a name on the Hub",
        )
    if path.exists():
        return str(path.resolve())
    if is_file_name or name_or_path.startswith(("/", ".", "~")):
        raise UsageError(f"{path}: no such file or folder", "give the base model's path or name")
    return name_or_path


def missing(source: Source, kind: str, why: str = "") -> DataprepError:
    """That a model is not on this machine, where it was looked for, and what to do."""
    own = model_folders(source.name)
    looked = ", ".join(str(folder) for folder in (*own, hub_cache()))
    taken = f"take {' and '.join(source.files)} from {source.url or _page(source)}"
    by_hand = f", or {taken} and put {'both' if len(source.files) > 1 else 'it'} into {own[0]}"
    return DataprepError(
        f"{kind} {source.called} is not on this machine (looked in {looked})"
        f"{f', and {why}' if why else ''}",
        f"`dataprep models {source.called} --fetch` downloads it{by_hand if source.files else ''}",
    )


def _page(source: Source) -> str:
    inside = f"/tree/{source.revision}/{source.folder}" if source.folder else ""
    return f"https://huggingface.co/{source.repository}{inside}"


def _tagger_in(folder: Path) -> Path:
    """The folder itself. Raises ``DataprepError`` with what is missing for a tagger in it."""
    contract_of(folder)
    return folder
