"""Which contract the files in a folder keep: as they say themselves, or as their names tell."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from dataprep.errors import DataprepError
from dataprep.taggers.manifest import FAMILIES, Manifest, checked, manifest
from dataprep.taggers.tagfiles import columns

OWN = "tagger.toml"
"""Says what the model beside it expects, in the keys of the manifests: whole, or what differs from
the ``family`` it names. A table such as ``[thresholds]`` replaces the family's as a whole."""
SUFFIX = {"onnx": ".onnx", "torch": ".pt"}


def contract_of(folder: Path) -> Manifest:
    """The contract of the model in a folder, with the names that its files have there.

    Raises ``DataprepError`` when none fits, or several.
    """
    if (folder / OWN).is_file():
        return _placed(_own(folder / OWN), folder)
    found = [
        one for family in FAMILIES for one in _variants(manifest(family)) if _fits(one, folder)
    ]
    # a table with the columns that only one family has is that family's
    marked = {one.tags_file for one in found if one.marks}
    found = [one for one in found if one.marks or one.tags_file not in marked]
    if not found:
        raise _unknown(folder)
    if len(found) > 1:
        names = ", ".join(one.family for one in found)
        raise DataprepError(
            f"{folder}: its files fit several kinds of tagger ({names})",
            f'put a {OWN} beside them that says which: family = "{found[0].family}"',
        )
    return _placed(found[0], folder)


def _variants(family: Manifest) -> Iterator[Manifest]:
    """The family's own file names, and those of its models that have others."""
    named = {(family.model_file, family.tags_file, family.schema)}
    named |= {(row.model_file, row.tags_file, row.schema) for row in family.models.values()}
    for model_file, tags_file, schema in sorted(named):
        yield replace(family, model_file=model_file, tags_file=tags_file, schema=schema)


def _fits(one: Manifest, folder: Path) -> bool:
    if not one.tags_file:
        return (folder / one.model_file).is_file()
    path = folder / one.tags_file
    if not path.is_file() or not _candidates(folder, one):
        return False
    return not one.marks or set(one.marks) <= set(columns(path))


def _candidates(folder: Path, one: Manifest) -> list[Path]:
    """The model file under its usual name, or what else may be it."""
    usual = folder / one.model_file
    return [usual] if usual.is_file() else sorted(folder.glob(f"*{SUFFIX[one.format]}"))


def _placed(one: Manifest, folder: Path) -> Manifest:
    found = _candidates(folder, one)
    if len(found) != 1:
        many = "several of them are" if found else "none is"
        raise DataprepError(
            f"{folder}: {one.model_file} missing ({many} here with {SUFFIX[one.format]})",
            f'name the file in {OWN}: model_file = "…"',
        )
    if one.tags_file and not (folder / one.tags_file).is_file():
        raise DataprepError(f"{folder}: {one.tags_file} missing", "it lists the model's tags")
    return replace(one, model_file=found[0].name)


def _own(path: Path) -> Manifest:
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataprepError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise DataprepError(f"{path}: is not TOML ({error})") from None
    if "models" in table:
        raise DataprepError(f"{path}: models: it is about one model only", "take this table out")
    named = path.parent / str(table.get("model_file", ""))
    if not named.exists():
        raise DataprepError(f"{path}: model_file: no {named.name} beside it")
    family = table.pop("family", None)
    if family is None:
        return checked({"family": "its own", "preprocess": 1, "models": {}} | table, path)
    if family not in FAMILIES:
        raise DataprepError(f"{path}: family: '{family}' is not known", _families())
    base = manifest(family)
    plain = {one.name: getattr(base, one.name) for one in fields(base) if one.name != "models"}
    return checked(plain | table, path)


def _unknown(folder: Path) -> DataprepError:
    """The error that says which file a kind of tagger lacks, or what kinds there are."""
    known = [manifest(family) for family in FAMILIES]
    here = [one for one in known if any((folder / name).is_file() for name in one.files)]
    lacking = [n for one in here for n in one.files if not (folder / n).is_file()]
    missing = " or ".join(dict.fromkeys(lacking))
    said = f"{missing} missing" if missing else "no tagger is recognised by the files here"
    kinds = "; ".join(f"{' and '.join(one.files)} ({one.family})" for one in here or known)
    return DataprepError(
        f"{folder}: {said}",
        f"a tagger's folder holds {kinds}; or put a {OWN} beside the model that says what it "
        "expects",
    )


def _families() -> str:
    return f"known: {', '.join(FAMILIES)}"
