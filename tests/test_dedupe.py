"""``dataprep dedupe``: the best of each stays, the others are rejected with a reason."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from dataprep.dataset import Dataset
from dataprep.decisions import View, encode, encode_views
from dataprep.jobs import finish
from dataprep.looks import looks
from dataprep.report import Report
from dataprep.stages import dedupe
from dataprep.stages.scan import refresh
from sample_data.make.concept import FOLDER, PIECES, scene_of
from sample_data.make.painter import paint

A, B = (paint(scene_of(piece), 320, 400).image for piece in (PIECES[0], PIECES[14]))
"""Two different pictures."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "mine"
    root.mkdir()
    A.save(root / "a.png")
    A.resize((160, 200)).save(root / "a_small.jpg", quality=60)
    A.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(root / "a_mirrored.png")
    A.transpose(Image.Transpose.ROTATE_90).save(root / "a_turned.jpg", quality=90)
    B.save(root / "b.png")
    shutil.copy(root / "b.png", root / "b_copy.png")
    (root / "broken.png").write_bytes(b"no picture")
    (root / "a_small.txt").write_text("1girl\n", encoding="utf-8")
    return root


def run(root: Path, dry_run: bool = False, **options: object) -> Report:
    with Dataset.open(root, dry_run=dry_run) as dataset:
        return finish(dedupe.run(dataset, dedupe.Settings(**options)))  # type: ignore[arg-type]


def verdicts(root: Path) -> dict[str, tuple[str, str]]:
    with Dataset.open(root) as dataset:
        rows = dataset.decisions().items()
        return {name: (own.verdict, own.why) for name, own in rows if own.verdict != "undecided"}


def groups(report: Report) -> list[list[str]]:
    return [[g["keep"], *(other["name"] for other in g["others"])] for g in report.facts["groups"]]


def test_the_others_are_rejected_and_told_why(project: Path) -> None:
    report = run(project)
    assert (report.done, report.unchanged, report.exit_code) == (2, 4, 1)
    assert [issue.file for issue in report.issues] == ["broken.png"]
    assert groups(report) == [["a.png", "a_small.jpg"], ["b.png", "b_copy.png"]]
    found = verdicts(project)
    assert found["b_copy.png"] == ("reject", "duplicate of b.png (exact)")
    verdict, why = found["a_small.jpg"]
    assert verdict == "reject"
    assert why.startswith("duplicate of a.png (like it: distance ")
    assert len(found) == 2
    assert report.lines == (
        "keep    a.png  (320×400 PNG)",
        f"reject  a_small.jpg  (160×200 JPEG, {why[why.index('(') + 1 : -1]})",
        "keep    b.png  (320×400 PNG)",
        "reject  b_copy.png  (320×400 PNG, exact)",
        "2 duplicates in 2 groups",
    )


def test_mirrored_and_turned_copies_are_found_when_asked_for(project: Path) -> None:
    assert groups(run(project, dry_run=True, mirrored=True))[0] == [
        "a.png", "a_mirrored.png", "a_small.jpg",
    ]  # fmt: skip
    assert set(groups(run(project, dry_run=True, turned=True))[0]) == {
        "a.png", "a_turned.jpg", "a_small.jpg",
    }  # fmt: skip
    run(project, mirrored=True, turned=True)
    found = verdicts(project)
    assert "(mirrored: distance " in found["a_mirrored.png"][1]
    assert "(turned: distance " in found["a_turned.jpg"][1]


def test_exact_looks_at_no_picture(project: Path) -> None:
    assert groups(run(project, exact=True)) == [["b.png", "b_copy.png"]]
    with Dataset.open(project) as dataset:
        assert dataset.store.looks(1) == {}


def test_nothing_is_deleted_and_one_undo_takes_it_back(project: Path) -> None:
    before = {path.name: path.read_bytes() for path in project.iterdir() if path.is_file()}
    run(project)
    assert {p.name: p.read_bytes() for p in project.iterdir() if p.is_file()} == before
    with Dataset.open(project) as dataset:
        dataset.undo()
    assert verdicts(project) == {}


def test_running_again_changes_nothing(project: Path) -> None:
    run(project, mirrored=True)
    again = run(project, mirrored=True)
    assert (again.done, again.changes) == (0, ())
    assert again.lines == ("no duplicates among 3 pictures",)
    with Dataset.open(project) as dataset:
        assert len(dataset.history()) == 1


def test_a_picture_kept_by_hand_is_the_one_that_stays(project: Path) -> None:
    with Dataset.open(project) as dataset:
        finish(refresh(dataset))
        dataset.edit("mine", [dataset.decision_change("a_small.jpg", "verdict", encode("keep"))])
    report = run(project)
    assert groups(report)[0] == ["a_small.jpg", "a.png"]
    assert report.lines[0] == "keep    a_small.jpg  (160×200 JPEG, kept by hand)"
    assert verdicts(project)["a_small.jpg"] == ("keep", "")
    with Dataset.open(project) as dataset:
        dataset.undo()
        dataset.edit("both", [dataset.decision_change("a.png", "verdict", encode("keep"))])
    assert groups(run(project)) == [["b.png", "b_copy.png"]]


def test_rejected_pictures_take_no_part(project: Path) -> None:
    with Dataset.open(project) as dataset:
        finish(refresh(dataset))
        dataset.edit("no", [dataset.decision_change("a.png", "verdict", encode("reject"))])
    assert groups(run(project)) == [["b.png", "b_copy.png"]]


def test_a_dry_run_shows_the_groups_and_decides_nothing(project: Path) -> None:
    report = run(project, dry_run=True)
    assert report.dry_run
    assert len(report.changes) == 4
    assert verdicts(project) == {}


def test_views_are_compared_with_other_files_only(project: Path) -> None:
    boxes = [View("r1c1", (0, 0, 300, 390)), View("r1c2", (10, 0, 310, 390))]
    with Dataset.open(project) as dataset:
        finish(refresh(dataset))
        names = ("b.png", "b_copy.png")
        dataset.edit("s", [dataset.decision_change(n, "views", encode_views(boxes)) for n in names])
    found = [group for group in groups(run(project)) if group[0].startswith("b")]
    assert ["b@r1c1.png", "b_copy@r1c1.png"] in [group[:2] for group in found]
    for group in found:
        own = {name.partition("@")[0].partition(".")[0] for name in group}
        assert len(own) == len(group), "no two of one file"


def test_of_the_sample_only_the_copy_is_one(tmp_path: Path) -> None:
    """Its pictures show one character in one style; zumi_21_copy was made of zumi_02."""
    root = tmp_path / "zumi"
    shutil.copytree(FOLDER, root)
    loosest = {"distance": 16, "mirrored": True, "turned": True, "variants": True}
    assert groups(run(root, dry_run=True, **loosest)) == [["zumi_02.jpg", "zumi_21_copy.jpg"]]
    assert groups(run(root)) == [["zumi_02.jpg", "zumi_21_copy.jpg"]]


def test_many_groups_are_counted_and_json_has_all(tmp_path: Path) -> None:
    for number in range(dedupe.SHOWN + 2):
        for copy in "ab":
            Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number:03}{copy}.png")
    report = run(tmp_path)
    assert len(report.facts["groups"]) == dedupe.SHOWN + 2
    assert report.lines[-2:] == (
        "… and 2 more groups (--json has all)",
        f"{dedupe.SHOWN + 2} duplicates in {dedupe.SHOWN + 2} groups",
    )


def test_stopped_at_any_point_it_decides_nothing(project: Path) -> None:
    with Dataset.open(project) as dataset:
        finish(refresh(dataset))
        finish(looks(dataset, dataset.usable()))
        steps = len(list(dedupe.run(dataset, dedupe.Settings(turned=True))))
        assert steps >= 2
        dataset.undo()
        for stop in range(1, steps + 1):
            job = dedupe.run(dataset, dedupe.Settings(turned=True))
            for _ in range(stop):
                next(job)
            job.close()
            assert dataset.decisions() == {}


def test_the_command_says_what_it_did(project: Path) -> None:
    command = [sys.executable, "-m", "dataprep", "dedupe", str(project), "--json"]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1
    facts = json.loads(done.stdout)
    assert facts["groups"][1] == {
        "keep": "b.png",
        "others": [{"name": "b_copy.png", "distance": 0, "kind": "exact"}],
    }
