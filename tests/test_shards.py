"""WebDataset shards: what export packs, import reads, and nothing gets out of a tar."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dataprep.dataset import Dataset
from dataprep.errors import UsageError
from dataprep.jobs import finish
from dataprep.report import Report
from dataprep.settings import build
from dataprep.stages import background, export, importing
from tests.tiny_onnx import write_matting

NAMES = ("a.png", "b.c.png", "b_c.jpg", "sub/夏.webp", "zz.png")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "zumi"
    for place, name in enumerate(NAMES):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (70 + place, 60), (40 * place, 90, 120)).save(path)
        path.with_suffix(".txt").write_text(f"zumi, {place}\n", encoding="utf-8")
    return root


def run(root: Path, out: Path, dry_run: bool = False, **values: Any) -> Report:
    given = {"out": out, "concept": "zumi", "repeats": 4, "shards": 2, **values}
    with Dataset.open(root, dry_run=dry_run) as dataset:
        return finish(export.run(dataset, build(export.Settings, given, "test")))


def bring(target: Path, *sources: Path, **values: Any) -> Report:
    given = {"sources": tuple(map(str, sources)), **values}
    return finish(importing.run(target, build(importing.Settings, given, "test")))


def test_samples_stand_together_in_order_and_carry_what_a_trainer_needs(
    project: Path, tmp_path: Path
) -> None:
    with Dataset.open(project) as dataset:
        model = write_matting(tmp_path / "tiny.onnx")
        finish(background.run(dataset, background.Settings(model=str(model))))
    report = run(project, tmp_path / "out", masks="folder")
    assert report.facts["shards"] == {f"shard-00000{n}.tar": 1 + (n < 2) for n in range(3)}
    with tarfile.open(tmp_path / "out" / "shard-000000.tar") as tar:
        assert tar.getnames() == [
            f"4_zumi/{key}{end}"
            for key in ("a", "b_c")
            for end in (".png", ".txt", ".mask.png", ".json")
        ]
        assert {member.mtime for member in tar} == {0}
        caption, facts = tar.extractfile("4_zumi/a.txt"), tar.extractfile("4_zumi/a.json")
        assert caption is not None
        assert facts is not None
        assert caption.read() == b"zumi, 0\n"
        assert json.load(facts) == {
            "name": "a.png", "concept": "zumi", "repeats": 4, "regular": False,
            "width": 70, "height": 60,
        }  # fmt: skip
    with tarfile.open(tmp_path / "out" / "shard-000001.tar") as tar:
        # a key ends at the first dot, so two names may want the same one
        assert tar.getnames()[0] == "4_zumi/b_c-2.png"


def test_equal_pictures_give_equal_bytes_and_only_changed_shards_are_written(
    project: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        run(project, tmp_path / name)
    shards = {p.name: p.read_bytes() for p in (tmp_path / "one").glob("*.tar")}
    assert shards == {p.name: p.read_bytes() for p in (tmp_path / "two").glob("*.tar")}
    assert run(project, tmp_path / "one").done == 0
    (project / "zz.txt").write_text("zumi, other\n")
    assert run(project, tmp_path / "one", dry_run=True).done == 0
    assert run(project, tmp_path / "one").done == 1
    for name in ("zz.png", "zz.txt"):
        (project / name).unlink()
    run(project, tmp_path / "one")
    assert len(list((tmp_path / "one").iterdir())) == 2 + 1


def test_shards_and_training_folders_do_not_take_each_others_place(
    project: Path, tmp_path: Path
) -> None:
    run(project, tmp_path / "shards")
    run(project, tmp_path / "folder", shards=0)
    with pytest.raises(UsageError, match="holds shards"):
        run(project, tmp_path / "shards", shards=0)
    with pytest.raises(UsageError, match="is a training folder"):
        run(project, tmp_path / "folder")


def test_what_export_packs_import_unpacks(project: Path, tmp_path: Path) -> None:
    run(project, tmp_path / "out")
    report = bring(tmp_path / "new", *sorted((tmp_path / "out").glob("*.tar")))
    assert (report.done, report.exit_code) == (len(NAMES), 0)
    captions = {p.stem: p.read_text("utf-8") for p in (tmp_path / "new").rglob("*.txt")}
    assert captions == {
        "a": "zumi, 0\n", "b_c": "zumi, 1\n", "b_c-2": "zumi, 2\n",
        "sub_夏": "zumi, 3\n", "zz": "zumi, 4\n",
    }  # fmt: skip
    assert bring(tmp_path / "new", *sorted((tmp_path / "out").glob("*.tar"))).done == 0


def png() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (9, 9), "red").save(stream, "PNG")
    return stream.getvalue()


def packed(path: Path, members: dict[str, bytes], **facts: Any) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for key, value in facts.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(data))
    return path


def test_nothing_gets_out_of_a_tar(tmp_path: Path) -> None:
    evil = ("../up.png", "/abs.png", "a/../../b.png", "C:/x.png", "..\\back.png")
    path = packed(tmp_path / "a.tar", {"good.png": png(), **dict.fromkeys(evil, png())})
    with tarfile.open(path, "a") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"link{kind.decode()}.png")
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
        info = tarfile.TarInfo("good.txt")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    report = bring(tmp_path / "deep" / "project", path)
    assert sorted(issue.kind for issue in report.issues) == ["refused"] * (len(evil) + 3)
    found = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.suffix}
    assert found - {"deep/project/.dataprep/state.sqlite"} <= {
        "a.tar", "deep/project/good.png", "deep/project/.dataprep/import.lock",
    }  # fmt: skip


def test_tars_that_are_too_much_or_damaged_are_one_line(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.tar", {f"{n}.png": png() for n in range(5)}, mtime=10**11)
    for limit, said in (({"max_entries": 3}, "more than 3 files"), ({"max_unpacked": 1e-7}, "GB")):
        report = bring(tmp_path / "one", path, **limit)
        assert [issue.kind for issue in report.issues] == ["bomb"]
        assert said in report.issues[0].reason
    assert bring(tmp_path / "two", path).done == 5
    whole = path.read_bytes()
    for cut in (0, 100, 600, 1500, 2200):
        path.write_bytes(whole[:cut])
        bring(tmp_path / "three", path)
    path.write_bytes(b"no tar at all" * 99)
    assert bring(tmp_path / "four", path).exit_code == 1
