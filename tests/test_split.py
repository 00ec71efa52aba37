"""``dataprep split``: parts of a picture as pictures of their own."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from dataprep import target as targets
from dataprep import views
from dataprep.buckets import Target
from dataprep.dataset import Dataset
from dataprep.decisions import Background, Box, encode, encode_background
from dataprep.jobs import finish
from dataprep.journal import PROJECT
from dataprep.report import Report
from dataprep.stages import crop, export, scan, split
from dataprep.stages.scan import refresh
from dataprep.weights import FACES
from tests.tiny_yunet import write_yunet

MODEL = "hand"
FIGURE = (400, 100, 700, 1300)
"""A standing figure in a picture of 1000 × 1500."""
BLUE = (0, 0, 255)
"""What the small network of the tests takes for a small face."""


def write_figure(root: Path, name: str, size: tuple[int, int] = (1000, 1500)) -> None:
    image = Image.new("RGB", size, (40, 90, 200))
    ImageDraw.Draw(image).rectangle((400, 100, 699, 1299), fill="white")
    image.save(root / name)


def decide_mask(root: Path, name: str, box: Box) -> None:
    """A background decision whose mask is there, as the background stage leaves it."""
    with Dataset.open(root) as dataset:
        finish(refresh(dataset))
        picture = next(p for p in dataset.pictures() if p.name == name)
        mask = Image.new("L", (picture.width, picture.height))
        left, top, right, bottom = box
        ImageDraw.Draw(mask).rectangle((left, top, right - 1, bottom - 1), fill=255)
        mask.save(dataset.mask_path(picture, MODEL))
        text = encode_background(Background(MODEL, "#ffffff"))
        dataset.edit("mask", [dataset.decision_change(name, "background", text)])


@pytest.fixture(autouse=True)
def _no_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATAPREP_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "mine"
    root.mkdir()
    write_figure(root, "a.png")
    Image.effect_noise((1600, 1200), 60).convert("RGB").save(root / "wide.jpg")
    Image.new("RGB", (500, 400), "green").save(root / "small.png")
    (root / "a.txt").write_text("1girl, standing\n", encoding="utf-8")
    (root / "broken.png").write_bytes(b"no picture")
    return root


def run(root: Path, dry_run: bool = False, **options: object) -> Report:
    with Dataset.open(root, dry_run=dry_run) as dataset:
        return finish(split.run(dataset, split.Settings(**options)))  # type: ignore[arg-type]


def names(root: Path) -> list[str]:
    with Dataset.open(root) as dataset:
        return [picture.name for picture in dataset.usable()]


def boxes(report: Report, name: str) -> dict[str, tuple[int, ...]]:
    return {label: tuple(box) for label, *box in report.facts["views"].get(name, [])}


sides = st.integers(64, 6000)


@given(
    st.tuples(sides, sides),
    st.sampled_from([(512, 512), (512, 768), (1024, 1024)]),
    st.floats(1, 4),
    st.floats(0, 0.5),
)
def test_tiles_cover_a_picture_and_are_of_one_size(
    full: tuple[int, int], size: tuple[int, int], shrink: float, overlap: float
) -> None:
    made = views.tiles(full, size, shrink, overlap)
    if not made:
        return
    widths = {view.box[2] - view.box[0] for view in made}
    heights = {view.box[3] - view.box[1] for view in made}
    assert len(widths) == len(heights) == 1
    width, height = widths.pop(), heights.pop()
    assert size[0] <= width <= min(full[0], size[0] * shrink + 1)
    assert size[1] <= height <= min(full[1], size[1] * shrink + 1)
    assert abs(width / height - size[0] / size[1]) < 0.01
    columns = sorted({(view.box[0], view.box[2]) for view in made})
    rows = sorted({(view.box[1], view.box[3]) for view in made})
    assert len(made) == len(columns) * len(rows) == len({view.label for view in made})
    assert_covered(columns, full[0], overlap * width)
    assert_covered(rows, full[1], overlap * height)


def assert_covered(spans: list[tuple[int, int]], length: int, shared: float) -> None:
    assert (spans[0][0], spans[-1][1]) == (0, length)
    for (_, end), (start, _) in pairwise(spans):
        assert end - start >= shared - 1.5, "rounding moves each edge by half a pixel at most"


def test_tiles_are_as_few_as_can_be() -> None:
    assert views.tiles((1000, 1000), (512, 512), 2, 0.15) == ()
    labels = [view.label for view in views.tiles((2000, 1000), (512, 512), 2, 0.15)]
    assert labels == ["r1c1", "r1c2", "r1c3"]
    assert len(views.tiles((2000, 1000), (512, 512), 1, 0.15)) == 5 * 3
    assert views.tiles((511, 4000), (512, 512), 2, 0.15) == (), "one would have to be enlarged"


def test_a_figure_has_a_head_and_an_upper_body() -> None:
    parts = views.figure_parts(FIGURE, (1000, 1500), 560)
    assert parts == {"head": (400, 100, 700, 400), "upper": (400, 100, 700, 796)}
    leaning = views.figure_parts((0, 0, 600, 900), (900, 1000), 520)
    assert leaning == {"head": (150, 0, 600, 450)}


def test_a_portrait_and_somebody_lying_have_none() -> None:
    assert views.figure_parts((0, 200, 900, 1000), (1000, 1000), 450) == {}
    assert views.figure_parts((0, 300, 900, 700), (1000, 1000), 450) == {}


@given(st.tuples(sides, sides), st.data())
def test_a_fitted_view_lies_inside_holds_its_part_and_is_not_enlarged(
    full: tuple[int, int], data: st.DataObject
) -> None:
    left, top = data.draw(st.integers(0, full[0] - 2)), data.draw(st.integers(0, full[1] - 2))
    part = (
        left, top,
        data.draw(st.integers(left + 1, full[0])), data.draw(st.integers(top + 1, full[1])),
    )  # fmt: skip
    target = data.draw(st.sampled_from([Target((512, 512)), Target((512, 512), buckets=True)]))
    box = views.fitted(part, full, target)
    if box is None:
        return
    assert views.holds(box, part)
    assert views.holds((0, 0, *full), box)
    width, height = box[2] - box[0], box[3] - box[1]
    size = target.choose(width, height, target.sizes())
    assert width >= size[0]
    assert height >= size[1]


def test_large_pictures_become_tiles_with_the_captions_of_the_whole(project: Path) -> None:
    report = run(project)
    assert (report.done, report.unchanged, report.exit_code) == (2, 1, 1)
    assert [issue.file for issue in report.issues] == ["broken.png"]
    assert set(boxes(report, "a.png")) == {"r1c1", "r2c1"}
    assert boxes(report, "small.png") == {}
    assert "a@r1c1.png" in names(project)
    assert {"a.png", "small.png", "wide@r1c2.jpg"} <= set(names(project))
    assert (project / "a@r1c1.txt").read_bytes() == b"1girl, standing\n"
    assert not (project / "wide@r1c1.txt").exists()
    assert (
        report.lines[-1] == "2 of 3 pictures split into 6 views; the whole ones are trained on too"
    )


def test_running_again_changes_nothing(project: Path) -> None:
    run(project)
    again = run(project)
    assert (again.done, again.changes) == (0, ())


def test_the_size_that_crop_decided_is_the_size_of_views(project: Path) -> None:
    with Dataset.open(project) as dataset:
        text = targets.encoded(Target((768, 768)))
        dataset.edit("size", [dataset.decision_change(PROJECT, targets.KEY, text)])
    assert run(project, dry_run=True).facts["views"] == {}
    assert "a.png" in run(project, dry_run=True, larger_than=2).facts["views"]
    assert run(project, dry_run=True, size=512).facts["views"]


def test_other_settings_replace_the_views_and_what_was_decided_about_them(project: Path) -> None:
    first = boxes(run(project), "a.png")
    with Dataset.open(project) as dataset:
        finish(crop.run(dataset, crop.Settings(size=512)))
        assert dataset.decisions()["a@r1c1.png"].crop is not None
    second = boxes(run(project, shrink=1), "a.png")
    assert len(second) > len(first)
    with Dataset.open(project) as dataset:
        assert "a@r1c1.png" not in dataset.decisions()
        assert dataset.decisions()["a.png"].crop is not None


def test_none_takes_views_and_their_untouched_captions_back(project: Path) -> None:
    run(project)
    (project / "a@r2c1.txt").write_text("1girl, shoes\n", encoding="utf-8")
    report = run(project, mode="none")
    assert names(project) == ["a.png", "small.png", "wide.jpg"]
    assert not (project / "a@r1c1.txt").exists()
    assert (project / "a@r2c1.txt").read_text(encoding="utf-8") == "1girl, shoes\n"
    assert [(issue.file, issue.kind) for issue in report.issues if not issue.fatal] == [
        ("a@r2c1.png", "orphan-caption")
    ]


def test_one_undo_takes_views_and_captions_back(project: Path) -> None:
    names(project)
    before = sorted(path.name for path in project.iterdir())
    run(project, keep_whole=False)
    with Dataset.open(project) as dataset:
        dataset.undo()
    assert sorted(path.name for path in project.iterdir()) == before
    assert names(project) == ["a.png", "small.png", "wide.jpg"]


def test_the_whole_picture_can_be_left_out_and_comes_back(project: Path) -> None:
    run(project, keep_whole=False)
    assert "a.png" not in names(project)
    assert "small.png" in names(project)
    run(project, keep_whole=False)
    with Dataset.open(project) as dataset:
        assert dataset.decisions()["a.png"].why == "split"
        assert dataset.decisions()["a.png"].views
    run(project, mode="none")
    assert names(project) == ["a.png", "small.png", "wide.jpg"]


def test_what_a_person_said_of_the_whole_picture_stands(project: Path) -> None:
    with Dataset.open(project) as dataset:
        finish(refresh(dataset))
        said = {"a.png": "keep", "wide.jpg": "reject"}
        dataset.edit(
            "m", [dataset.decision_change(n, "verdict", encode(v)) for n, v in said.items()]
        )
    report = run(project, keep_whole=False)
    assert set(report.facts["views"]) == {"a.png"}
    assert "a.png" in names(project)


def test_only_the_named_pictures_are_split(project: Path) -> None:
    run(project, only=("wide*",))
    run(project, only=("a.png",), mode="none")
    assert {name.partition("@")[0] for name in names(project) if "@" in name} == {"wide"}


def test_a_view_does_not_take_the_name_of_a_file(project: Path) -> None:
    write_figure(project, "a@r1c1.png")
    report = run(project, only=("a.png",))
    assert set(boxes(report, "a.png")) == {"r2c1"}
    assert [issue.file for issue in report.issues if issue.kind == "name"] == ["a@r1c1.png"]


def test_a_figure_is_split_by_its_mask(project: Path) -> None:
    decide_mask(project, "a.png", FIGURE)
    report = run(project, mode="head-body", size=256, only=("a.png",))
    found = boxes(report, "a.png")
    assert set(found) == {"head", "upper"}
    assert views.holds(found["head"], (400, 100, 700, 400))  # type: ignore[arg-type]
    assert views.holds(found["upper"], (400, 100, 700, 796))  # type: ignore[arg-type]
    assert (project / "a@head.txt").is_file()
    left_out = run(project, mode="head-body", size=256, only=("a.png",), keep_whole=False)
    assert set(boxes(left_out, "a.png")) == {"head", "upper", "body"}


def test_a_head_that_is_too_small_is_no_view_and_it_is_said(project: Path) -> None:
    decide_mask(project, "a.png", (450, 700, 550, 1000))
    report = run(project, mode="head-body", size=512, only=("a.png",))
    assert report.facts["views"] == {}
    assert [(i.file, i.kind, i.reason) for i in report.issues if not i.fatal] == [
        ("a.png", "small", "neither its head nor its upper body fills 512 px")
    ]


def test_views_stay_where_the_mask_cannot_be_read_now(project: Path) -> None:
    decide_mask(project, "a.png", FIGURE)
    run(project, mode="head-body", size=256, only=("a.png",))
    for mask in (project / ".dataprep" / "masks").glob("*.png"):
        mask.write_bytes(b"no mask")
    report = run(project, mode="head-body", size=256, only=("a.png",))
    assert [issue.kind for issue in report.issues if issue.file == "a.png"] == ["unreadable"]
    assert {"a@head.png", "a@upper.png"} <= set(names(project))


def test_without_a_mask_and_a_face_model_it_says_what_to_do(project: Path) -> None:
    run(project)
    report = run(project, mode="head-body")
    assert {issue.kind for issue in report.issues if not issue.fatal} == {"no-mask"}
    assert "run `dataprep background` first" in report.issues[-1].reason
    assert names(project) == ["a.png", "small.png", "wide.jpg"], "the tiles are gone"


def test_a_figure_is_split_by_its_face_where_there_is_no_mask(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_yunet(tmp_path / "models" / FACES / "yunet.onnx")
    image = Image.new("RGB", (1500, 1500), "black")
    image.paste(BLUE, (600, 200, 660, 260))
    image.save(project / "face.png")
    report = run(project, mode="head-body", size=64)
    found = boxes(report, "face.png")
    assert {"head", "upper"} <= set(found)
    assert views.holds(found["head"], (610, 210, 650, 250))  # type: ignore[arg-type]
    assert views.holds(found["upper"], found["head"])  # type: ignore[arg-type]
    assert {issue.kind for issue in report.issues if issue.file == "small.png"} == {"no-face"}


def test_views_are_cropped_and_exported_like_pictures(project: Path, tmp_path: Path) -> None:
    decide_mask(project, "a.png", FIGURE)
    run(project, mode="head-body", size=256, only=("a.png",))
    with Dataset.open(project) as dataset:
        finish(crop.run(dataset, crop.Settings(size=256)))
        settings = export.Settings(out=tmp_path / "out", concept="x", repeats=3)
        finish(export.run(dataset, settings))
    folder = tmp_path / "out" / "img" / "3_x"
    assert {path.name for path in folder.glob("a*")} == {
        f"{stem}.{ending}" for stem in ("a", "a@head", "a@upper") for ending in ("png", "txt")
    }
    with Image.open(folder / "a@head.png") as head:
        assert head.size == (256, 256)
        assert head.convert("RGB").getpixel((128, 128)) == (255, 255, 255)


def test_a_dry_run_writes_nothing(project: Path) -> None:
    report = run(project, dry_run=True)
    assert report.changes
    assert names(project) == ["a.png", "small.png", "wide.jpg"]
    assert not list(project.glob("*@*"))


def test_stopped_at_any_point_it_decides_nothing(project: Path) -> None:
    decide_mask(project, "a.png", FIGURE)
    with Dataset.open(project) as dataset:
        settings = split.Settings(mode="head-body", size=256)
        for stop in range(1, 5):
            job = split.run(dataset, settings)
            for _ in range(stop):
                next(job)
            job.close()
            assert not dataset.decisions()["a.png"].views


def test_views_stand_before_the_background_of_the_whole(tmp_path: Path) -> None:
    root = tmp_path / "p"
    root.mkdir()
    Image.new("RGB", (1200, 600), (200, 30, 30)).save(root / "a.png")
    with Dataset.open(root) as dataset:
        finish(refresh(dataset))
        (picture,) = dataset.pictures()
        mask = Image.new("L", (1200, 600))
        mask.paste(255, (600, 0, 1200, 600))
        mask.save(dataset.mask_path(picture, "painted"))
        text = encode_background(Background("painted", "#0000ff"))
        dataset.edit("b", [dataset.decision_change("a.png", "background", text)])
        settings = split.Settings(size=256, larger_than=2)
        finish(split.run(dataset, settings))
        views = [picture for picture in dataset.usable() if picture.box]
        decided = dataset.decisions()
        seen = {view.name: dataset.render(view, decided[view.name]) for view in views}
    blue, red = (0, 0, 255), (200, 30, 30)
    assert seen["a@r1c1.png"].getpixel((5, 5)) == blue
    last = seen[max(seen)]
    assert last.getpixel((last.width - 5, 5)) == red
    with Dataset.open(root) as dataset:
        dataset.undo()
        assert all(not picture.box for picture in dataset.usable())
        assert set(dataset.decisions()) == {"a.png"}


def test_a_scan_counts_files_and_says_how_many_views_they_have(tmp_path: Path) -> None:
    Image.new("RGB", (1200, 600)).save(tmp_path / "a.png")
    with Dataset.open(tmp_path) as dataset:
        finish(split.run(dataset, split.Settings(size=256, larger_than=2)))
        report = finish(scan.run(dataset, scan.Settings()))
    assert (report.done, report.unchanged) == (0, 1)
    assert report.facts["pictures"] == 1
    assert report.lines[0].endswith(f"and {report.facts['views']} views of them")
    assert report.facts["views"] >= 2
