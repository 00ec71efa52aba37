"""``dataprep export --shards``: the shards of a folder brought up to date."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from dataprep import files, layout
from dataprep.dataset import Dataset
from dataprep.errors import UsageError
from dataprep.exporting.manifest import Manifest
from dataprep.exporting.plan import Plan
from dataprep.exporting.settings import Settings
from dataprep.exporting.shards import Packed, Packer, Shard, packed, shards_of
from dataprep.exporting.writer import not_ours
from dataprep.jobs import Job, Progress
from dataprep.originals import Originals
from dataprep.report import Issue, Report

ENDING = ".tar"


def check(out: Path, manifest: Manifest, shards: int) -> None:
    """Raise ``UsageError`` where shards would take the place of a training folder, or it theirs."""
    if shards and (out / layout.TRAIN_FILE).exists():
        raise UsageError(f"{out}: is a training folder", "give the shards a folder of their own")
    if not shards and any(name.endswith(ENDING) for name in manifest.names()):
        raise UsageError(f"{out}: holds shards", "give the training folder a place of its own")


def write(
    dataset: Dataset, settings: Settings, manifest: Manifest, plan: Plan, issues: list[Issue]
) -> Job[Report]:
    """Write what is new or has changed, and take out shards that are no longer wanted."""
    form, out = settings.form, settings.out
    shards = shards_of(plan.items, settings.shards)
    fresh = [shard for shard in shards if not _is_current(manifest, shard, shard.source(form))]
    if not dataset.dry_run:
        out.mkdir(parents=True, exist_ok=True)
        files.sweep(out)
        packer = Packer(Originals(dataset.root, dataset.max_pixels), out.resolve(), form)
        issues += yield from _pack(settings, packer, manifest, fresh)
        issues += _remove(manifest, {shard.name for shard in shards})
        files.sync(out)
        manifest.save()
    written = sum(len(shard.samples) for shard in fresh)
    verb = "would be written" if dataset.dry_run else "written"
    line = f"{len(plan.items)} pictures in {len(shards)} shards in {out} ({len(fresh)} {verb})"
    return Report(
        "export",
        done=0 if dataset.dry_run else written,
        unchanged=len(plan.items) - written,
        issues=(*issues, *plan.remarks),
        facts={"shards": {shard.name: len(shard.samples) for shard in shards}},
        lines=(line,),
        dry_run=dataset.dry_run,
    )


def _is_current(manifest: Manifest, shard: Shard, source: str) -> bool:
    entry = manifest.look(shard.name)[1]
    return entry is not None and entry.source == source


def _pack(
    settings: Settings, packer: Packer, manifest: Manifest, fresh: list[Shard]
) -> Job[list[Issue]]:
    issues: list[Issue] = []
    done, note = 0, settings.out.name
    yield Progress(done, len(fresh), note)
    try:
        with closing(packed(settings, packer, fresh)) as results:
            for one in results if fresh else ():
                if one is not None:
                    done, note = done + 1, one[0].name
                    issues += _take(manifest, *one, one[0].source(packer.form))
                yield Progress(done, len(fresh), note)
    finally:
        files.sweep(packer.out)
    # a cluster brings them as they are done
    return sorted(issues, key=lambda issue: issue.file)


def _take(manifest: Manifest, shard: Shard, one: Packed, source: str) -> list[Issue]:
    """Give a shard its name, unless somebody else's file has it."""
    if manifest.look(shard.name)[0] == "foreign":
        return [Issue(shard.name, "kept", not_ours(manifest, shard.name).message)]
    # one that lacks a picture is tried again by the next export
    manifest.take(shard.name, "" if one.problems else source, one.made, one.digest)
    return [Issue(name, "unreadable", reason) for name, reason in one.problems]


def _remove(manifest: Manifest, wanted: set[str]) -> list[Issue]:
    issues = []
    for name in [name for name in manifest.names() if name not in wanted]:
        if manifest.look(name)[0] == "ours":
            manifest.remove(name)
        elif manifest.look(name)[0] == "foreign":
            reason = "is no longer exported, but was changed, and is kept"
            issues.append(Issue(name, "kept", reason, fatal=False))
        manifest.forget(name)
    return issues
