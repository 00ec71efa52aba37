"""Tokenizers of a base. A base in one file has none: CLIP's is looked for elsewhere.

All three families have the vocabulary of CLIP ViT-L/14; they differ in what they fill short
captions with: SD1 and SDXL's first with the end mark, SD2 and SDXL's second with id 0, "!".
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dataprep.errors import DataprepError
from dataprep.tokens import MERGES, OWN, REPOSITORY, VOCABULARY, WHOLE, how_to_place
from dataprep.weights import hub_snapshot, is_offline, model_folders
from train.families import Family
from train.models.base import Source
from train.models.where import explained, is_file

LENGTH = 77
END, FIRST = "<|endoftext|>", "!"
PADDING: dict[Family, tuple[str, ...]] = {"sd1": (END,), "sd2": (FIRST,), "sdxl": (END, FIRST)}
PARTS = ("tokenizer", "tokenizer_2")
ON_THE_HUB = (
    (REPOSITORY, ""),
    ("stable-diffusion-v1-5/stable-diffusion-v1-5", "tokenizer"),
    ("stabilityai/stable-diffusion-xl-base-1.0", "tokenizer"),
    ("stabilityai/stable-diffusion-2-1", "tokenizer"),
    ("laion/CLIP-ViT-bigG-14-laion2B-39B-b160k", ""),
)
"""Models whose tokenizer is CLIP's, and where it lies in them."""


def read_tokenizers(source: Source, family: Family) -> list[Any]:
    """A tokenizer for each text encoder. Raises ``DataprepError`` where there is none."""
    from transformers import CLIPTokenizer

    if source.tokenizer is None and not is_file(source.name):
        with explained(source.name):
            return [
                CLIPTokenizer.from_pretrained(
                    source.name, subfolder=part, local_files_only=is_offline()
                )
                for part in PARTS[: len(PADDING[family])]
            ]
    name = _of_clip(source)
    with explained(name):
        return [
            CLIPTokenizer.from_pretrained(name, pad_token=padding, model_max_length=LENGTH)
            for padding in PADDING[family]
        ]


def _of_clip(source: Source) -> str:
    """The folder with CLIP's vocabulary, or the name on the Hub it can be had from."""
    if source.tokenizer is not None:
        if not _holds(source.tokenizer):
            raise DataprepError(
                f"tokenizer: {source.tokenizer} holds no {VOCABULARY} and {MERGES}",
                f"take both from https://huggingface.co/{REPOSITORY}",
            )
        return str(source.tokenizer)
    found = next((folder for folder in _places(source) if _holds(folder)), None)
    if found is None and is_offline():
        raise _nowhere(source)
    return str(found) if found else _fetched(source)


def _places(source: Source) -> Iterator[Path]:
    if source.config_dir is not None:
        yield source.config_dir / PARTS[0]
    yield from model_folders(OWN)
    for repository, part in ON_THE_HUB:
        if (snapshot := hub_snapshot(repository)) is not None:
            yield snapshot / part


def _holds(folder: Path) -> bool:
    slow = all((folder / name).is_file() for name in (VOCABULARY, MERGES))
    return slow or (folder / WHOLE).is_file()


def _fetched(source: Source) -> str:
    """The folder of the two files, fetched from the Hub."""
    from huggingface_hub import hf_hub_download

    try:
        paths = [Path(hf_hub_download(REPOSITORY, name)) for name in (VOCABULARY, MERGES)]
    except OSError:
        raise _nowhere(source) from None
    return str(paths[0].parent)


def _nowhere(source: Source) -> DataprepError:
    return DataprepError(
        f"{source.name}: a base in one file has no tokenizer, and CLIP's is not on this machine",
        f"{how_to_place()}; or into any folder, and name that with the tokenizer setting",
    )
