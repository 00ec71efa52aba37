"""``dataprep verdict``: what a person says of pictures, by name or by what is wrong with them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from dataprep.cli import main
from dataprep.dataset import Dataset
from dataprep.errors import UsageError
from dataprep.jobs import finish
from dataprep.report import Report
from dataprep.settings import build
from dataprep.stages import verdict
from dataprep.stages.scan import refresh


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "mine"
    (root / "sub").mkdir(parents=True)
    coarse = np.random.default_rng(2).integers(0, 256, (16, 16, 3), np.uint8)
    sharp = Image.fromarray(coarse).resize((600, 600), Image.Resampling.NEAREST)
    for name in ("a.png", "b1.png", "b2 [x].png", "sub/b3.png"):
        sharp.save(root / name)
    sharp.filter(ImageFilter.GaussianBlur(18)).save(root / "soft.png")
    (root / "broken.png").write_bytes(b"no picture")
    return root


def run(root: Path, dry_run: bool = False, **values: object) -> Report:
    with Dataset.open(root, dry_run=dry_run) as dataset:
        return finish(verdict.run(dataset, build(verdict.Settings, values, "dataprep verdict")))


def verdicts(root: Path) -> dict[str, tuple[str, str]]:
    with Dataset.open(root) as dataset:
        return {name: (own.verdict, own.why) for name, own in dataset.decisions().items()}


def test_names_and_patterns_choose_pictures(project: Path) -> None:
    report = run(project, verdict="reject", names=("a.png", "b*.png"), why="of a friend")
    assert report.done == 5
    assert verdicts(project) == {
        name: ("reject", "of a friend")
        for name in ("a.png", "b1.png", "b2 [x].png", "broken.png", "sub/b3.png")
    }
    assert report.issues == (), "what was rejected need not be spoken of"
    assert report.lines[0] == "reject     a.png"
    assert report.lines[-1] == "reject: 5 of 5 chosen pictures"
    with Dataset.open(project) as dataset:
        assert [picture.name for picture in dataset.usable()] == ["soft.png"]


def test_what_check_finds_chooses_pictures(project: Path) -> None:
    assert run(project, verdict="reject", found="blurred").facts["names"] == ["soft.png"]
    assert run(project, verdict="reject", found="unreadable").done == 1
    assert verdicts(project) == {
        "soft.png": ("reject", "blurred"),
        "broken.png": ("reject", "unreadable"),
    }


def test_a_finding_can_be_looked_for_among_some_pictures_only(project: Path) -> None:
    report = run(project, verdict="reject", found="blurred", names=("b*.png",))
    assert (report.done, report.changes) == (0, ())
    assert report.lines == ("nothing to do: no such picture is blurred",)


def test_undecided_takes_verdict_and_reason_back(project: Path) -> None:
    run(project, verdict="keep", names=("a.png",), why="the best")
    assert verdicts(project) == {"a.png": ("keep", "the best")}
    report = run(project, verdict="undecided", names=("*",))
    assert (report.done, report.unchanged) == (1, 5)
    assert report.lines[-1] == "undecided: 1 of 6 chosen pictures; 5 were so already"
    assert verdicts(project) == {}


def test_another_verdict_forgets_the_reason_of_the_first(project: Path) -> None:
    run(project, verdict="reject", names=("a.png",), why="dark")
    run(project, verdict="keep", names=("a.png",))
    assert verdicts(project) == {"a.png": ("keep", "")}


def test_it_is_one_edit_and_undo_takes_it_back(project: Path) -> None:
    run(project, verdict="reject", names=("b*",))
    run(project, verdict="reject", names=("b*",))
    with Dataset.open(project) as dataset:
        assert [edit.name for edit in dataset.history()] == ["reject 4 pictures"]
        dataset.undo()
    assert verdicts(project) == {}


def test_a_dry_run_decides_nothing(project: Path) -> None:
    report = run(project, dry_run=True, verdict="keep", names=("a.png",))
    assert [(change.name, change.key, change.after) for change in report.changes] == [
        ("a.png", "verdict", '"keep"')
    ]
    assert verdicts(project) == {}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"verdict": "keep"}, "give --names"),
        ({"verdict": "keep", "names": ("nix.png",)}, "no picture is called 'nix.png'"),
        ({"verdict": "keep", "found": "blured"}, "did you mean 'blurred'"),
        ({"verdict": "perhaps", "names": ("a.png",)}, "must be 'keep', 'reject' or 'undecided'"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    project: Path, values: dict[str, object], sentence: str
) -> None:
    with pytest.raises(UsageError) as caught:
        run(project, **values)
    assert sentence in str(caught.value)
    assert verdicts(project) == {}


def test_the_command_takes_the_verdict_without_a_flag(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verdict", str(project), "reject", "--names", "b2 [x].png, soft.png"]) == 1
    shown = capsys.readouterr()
    assert "reject: 2 of 2 chosen pictures" in shown.out
    assert "skipped: broken.png" in shown.err
    assert set(verdicts(project)) == {"b2 [x].png", "soft.png"}


def test_it_can_be_stopped_before_it_decides(project: Path) -> None:
    with Dataset.open(project) as dataset:
        finish(refresh(dataset))
        job = verdict.run(dataset, verdict.Settings(verdict="reject", names=("*",)))
        assert next(job).note
        job.close()
        assert dataset.decisions() == {}
