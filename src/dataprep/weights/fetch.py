"""Models by name: found on this machine, else fetched, as a job that shows its progress."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from dataprep.errors import DataprepError
from dataprep.jobs import Job
from dataprep.weights import hub
from dataprep.weights.download import Piece, into_cache, into_folder, set_reference
from dataprep.weights.find import find_tagger, missing
from dataprep.weights.places import DEMO, hub_snapshot, is_offline, model_folders
from dataprep.weights.sources import (
    Source,
    captioner,
    captioner_files,
    is_captioner,
    is_tagger,
    lies_in,
    tagger,
    tagger_files,
)
from dataprep.weights.watch import Watch, watched
from dataprep.weights.web import Web


@dataclass(frozen=True, slots=True)
class Kind:
    """What makes a folder a model of some kind."""

    whole: Callable[[Path], bool]
    """Whether a folder has all of it."""
    choose: Callable[[Collection[str]], set[str]]
    """Of the names in a folder, those that are needed; none: it is no such model."""
    needs: str


TAGGER = Kind(is_tagger, tagger_files, "the files of any family of taggers that is known here")
CAPTIONER = Kind(
    is_captioner,
    captioner_files,
    "config.json and weights as safetensors; pickles can run code and are not taken",
)
KINDS = {
    "tagger": TAGGER,
    "captioner": CAPTIONER,
    "model": Kind(
        lambda folder: is_tagger(folder) or is_captioner(folder),
        lambda names: tagger_files(names) or captioner_files(names),
        "the files of a tagger or of a captioner",
    ),
}
"""By what they are called; a model whose files are known by name is of any kind."""


def fetch_tagger(name_or_dir: str, *, offline: bool) -> Job[Path]:
    """The folder of a tagger, which is fetched when it is not here.

    A known name, a repository of the hub (owner/name, owner/name/folder, with @revision), or a
    folder. Progress counts bytes. Raises ``DataprepError``.
    """
    if name_or_dir == DEMO or Path(name_or_dir).expanduser().is_dir():
        return find_tagger(name_or_dir)
    return (yield from fetch(tagger(name_or_dir), "tagger", offline=offline))


def find_captioner(name_or_dir: str, *, offline: bool) -> Job[Path]:
    """The folder of a captioner as transformers loads it, which is fetched when it is not here.

    A known name, a repository of the hub (owner/name, with @revision), or a folder, which is
    returned as it is. Fetched are settings, vocabularies and weights as safetensors; never
    pickles, never code. Progress counts bytes. Raises ``DataprepError``.
    """
    folder = Path(name_or_dir).expanduser()
    if folder.is_dir():
        return folder.resolve()
    return (yield from fetch(captioner(name_or_dir), "captioner", offline=offline))


def fetch(source: Source, kind: str, *, offline: bool = False) -> Job[Path]:
    """The folder of a model of some kind, which is fetched when it is not here."""
    found = lies_in(source, KINDS.get(kind, TAGGER).whole)
    if found is not None:
        return found
    if is_offline(offline):
        raise missing(source, kind, "nothing is fetched while offline")
    return (yield from watched(lambda watch: _fetched(source, kind, watch)))


def _fetched(source: Source, kind: str, watch: Watch) -> Path:
    with Web(watch) as web:
        if source.url:
            return _from_elsewhere(web, source)
        watch.note = f"asking for {source.repository}"
        return _from_hub(web, source, _wanted(web, source, kind))


def _wanted(web: Web, source: Source, kind: str) -> list[hub.Remote]:
    """The files to fetch: those that are known, else those of the listing that the kind needs."""
    prefix = f"{source.folder}/" if source.folder else ""
    if source.files:
        return [hub.look_at(web, source, prefix + name) for name in source.files]
    listed = {remote.path: remote for remote in hub.listing(web, source)}
    here = [path.removeprefix(prefix) for path in listed if path.startswith(prefix)]
    sort = KINDS[kind]
    chosen = sort.choose([name for name in here if not {"/", "\\"} & set(name)])
    if not chosen:
        raise DataprepError(
            f"{source.repository} is no {kind}{f' in {source.folder}' if prefix else ''}: it lacks "
            f"{sort.needs}",
            f"{hub.page(source)}/tree/{source.revision} shows what it holds",
        )
    return [listed[prefix + name] for name in sorted(chosen)]


def _from_hub(web: Web, source: Source, wanted: list[hub.Remote]) -> Path:
    sizes = [remote.size for remote in wanted]
    web.watch.total = sum(size or 0 for size in sizes) if None not in sizes else None
    # small files first: what is wrong with a repository shows before gigabytes are fetched
    for remote in sorted(wanted, key=lambda remote: remote.size or 0):
        piece = Piece(
            hub.file_url(source, remote.path, remote.commit),
            f"{remote.path} of {source.repository}",
            remote.size,
            remote.etag,
            hub.hint(source),
        )
        into_cache(web, source.repository, remote.commit, remote.path, piece)
    set_reference(source.repository, source.revision, wanted[0].commit)
    web.watch.note = source.repository
    snapshot = hub_snapshot(source.repository, source.revision)
    assert snapshot is not None
    return snapshot / source.folder


def _from_elsewhere(web: Web, source: Source) -> Path:
    folder = model_folders(source.name)[0]
    name = source.files[0]
    into_folder(web, Piece(source.url, name, hint=hub.hint(source)), folder / name)
    return folder
