"""Every model that is known by name: whether it is here, and how it comes here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dataprep.errors import DataprepError, UsageError
from dataprep.taggers.manifest import all_known
from dataprep.weights.fetch import KINDS
from dataprep.weights.find import find_base, find_faces_model, find_matting, find_tagger
from dataprep.weights.hub import file_url
from dataprep.weights.places import (
    DEMO,
    MODELS_VARIABLE,
    hub_cache,
    model_folders,
    model_roots,
    sample_data,
)
from dataprep.weights.sources import Source, address, captioners, faces, lies_in, nearest, of_known
from dataprep.weights.web import endpoint

Kind = Literal["tagger", "matting", "faces", "captioner", "base", "tokenizer", "model"]
MEGABYTE = 1e6
RELEASES = "https://github.com/danielgatis/rembg/releases/tag/v0.0.0"


@dataclass(frozen=True, slots=True)
class Row:
    """A model by name."""

    name: str
    kind: Kind
    source: Source | None
    """None: it comes with the sample, or rembg fetches it."""
    path: Path | None
    """Where it lies; None: it is not here."""
    target: Path | None = None
    """Where rembg will put it."""

    @property
    def place(self) -> str:
        """Where it lies, in a few words."""
        return _place(self.path) if self.path is not None else ""

    @property
    def megabytes(self) -> int:
        """What lies here, else about what there is to fetch; 0: not known."""
        if self.path is None:
            return self.source.megabytes if self.source else 0
        only = [self.path / name for name in self.source.files] if self.source else []
        found = [self.path] if self.path.is_file() else only or self.path.rglob("*")
        size = sum(file.stat().st_size for file in found if file.is_file())
        return max(1, round(size / MEGABYTE))

    def to_json(self) -> dict[str, object]:
        """Plain values for ``--json``."""
        source = self.source or Source(self.name)
        return {
            "name": self.name,
            "kind": self.kind,
            "repository": source.repository or None,
            "url": source.url or None,
            "here": self.path is not None,
            "place": self.place or None,
            "path": str(self.path) if self.path is not None else None,
            "megabytes": self.megabytes or None,
        }


def rows() -> list[Row]:
    """All that are known, by kind."""
    from dataprep import tokens

    sources: list[tuple[Kind, Source]] = [("tagger", of_known(row)) for row in all_known().values()]
    sources += [("captioner", source) for source in captioners().values()]
    tokenizer = (tokens.VOCABULARY, tokens.MERGES)
    sources.append(("tokenizer", Source(tokens.OWN, tokens.REPOSITORY, files=tokenizer)))
    return [*_demos(), *(_row(kind, source) for kind, source in sources), _faces(), *_matting()]


def taggers() -> list[Row]:
    """The taggers among them."""
    return [_demo_tagger(), *(_row("tagger", of_known(row)) for row in all_known().values())]


def named(name: str) -> list[Row]:
    """The models of a name, or the one of a repository. Raises ``UsageError``."""
    known = rows()
    found = [row for row in known if row.name == name]
    found = found or [row for row in known if row.source and row.source.repository == name]
    if found:
        return found
    if (source := address(name)) is not None:
        return [_row("model", source)]
    raise UsageError(f"models: '{name}' is not known", nearest(name, [row.name for row in known]))


def by_hand(row: Row) -> list[str]:
    """How to bring a model to a machine without network: exact addresses, exact folder."""
    if row.target is not None:
        return [f"save {row.name}'s .onnx file from {RELEASES}", f"as {row.target}"]
    if row.source is None:
        return []
    return [
        "save",
        *(f"  {line}" for line in _addresses(row.source, row.kind)),
        "into",
        f"  {_own(row)}",
    ]


def _addresses(source: Source, kind: Kind) -> list[str]:
    if source.url:
        return [source.url]
    inside = f"{source.folder}/" if source.folder else ""
    if source.files:
        return [file_url(source, inside + name) for name in source.files]
    page = f"{endpoint()}/{source.repository}/tree/{source.revision}/{inside}".rstrip("/")
    weights = ".safetensors" if kind == "captioner" else ".onnx, .csv and .safetensors"
    return [f"{page}: every .json, .txt, .model, .jinja, {weights} file there"]


def _own(row: Row) -> Path:
    assert row.source is not None
    return model_folders(row.source.name)[0]


def _row(kind: Kind, source: Source) -> Row:
    return Row(source.called, kind, source, lies_in(source, KINDS.get(kind, KINDS["model"]).whole))


def _demo_tagger() -> Row:
    return Row(DEMO, "tagger", None, find_tagger(DEMO))


def _demos() -> list[Row]:
    return [
        _demo_tagger(),
        Row(DEMO, "matting", None, find_matting(DEMO)),
        Row(DEMO, "base", None, Path(find_base(DEMO))),
    ]


def _faces() -> Row:
    try:
        path = find_faces_model()
    except DataprepError:
        path = None
    return Row(faces().name, "faces", faces(), path)


def _matting() -> Iterable[Row]:
    """rembg's own: it fetches and keeps them."""
    from dataprep.matting.contracts import contracts
    from dataprep.matting.source import missing_weights, read_matting, weights

    for name in (name for contract in contracts().values() for name in contract.models):
        source = read_matting(name)
        target = missing_weights(source)
        yield Row(name, "matting", None, None if target else weights(source), target)


def _place(path: Path) -> str:
    chosen, *_ = roots = model_roots()
    if path.is_relative_to(sample_data()):
        return "sample"
    if len(roots) > 1 and path.is_relative_to(chosen):
        return MODELS_VARIABLE
    if path.is_relative_to(roots[-1]):
        return "our folder"
    return "HF cache" if path.is_relative_to(hub_cache()) else "rembg's folder"
