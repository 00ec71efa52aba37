"""``dataprep check OUT``: wrong training folders, each caught by its name with what mends it."""

import io
import json
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFilter

from dataprep.check.folders import is_training, suggested
from dataprep.check.settings import Settings
from dataprep.dataset import Dataset
from dataprep.errors import UsageError
from dataprep.jobs import finish
from dataprep.report import Report
from dataprep.stages import check, crop, export, prune
from tests.painted import painted

WORDS = ("hat", "smile", "night", "sea", "book", "tree")


@pytest.fixture(autouse=True)
def _no_tokenizer_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DATAPREP_MODELS", "XDG_DATA_HOME", "HF_HUB_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))


@pytest.fixture(scope="session")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as kohya's trainers want it, made by hand."""
    root = tmp_path_factory.mktemp("right") / "lora"
    concept = root / "img" / "10_zumi"
    concept.mkdir(parents=True)
    for number, word in enumerate(WORDS):
        painted(seed=number).save(concept / f"{number}.png")
        (concept / f"{number}.txt").write_text(f"zumi, {word}\n", encoding="utf-8")
    for name in ("log", "model", "reg"):
        (root / name).mkdir()
    return root


@pytest.fixture
def folder(pattern: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pattern, tmp_path / "lora"))


def run(folder: Path, **given: object) -> Report:
    return finish(check.run(folder, Settings(**given)))


def found(report: Report) -> dict[str, list[str]]:
    return {
        finding["name"]: [hit["file"] for hit in finding["files"]]
        for finding in report.facts["findings"]
    }


def fix_of(report: Report, kind: str) -> str:
    return next(str(f["fix"]) for f in report.facts["findings"] if f["name"] == kind)


def detail_of(report: Report, kind: str) -> str:
    findings = report.facts["findings"]
    return next(str(f["files"][0]["detail"]) for f in findings if f["name"] == kind)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


def concept(folder: Path) -> Path:
    return folder / "img" / "10_zumi"


def truncated(folder: Path) -> None:
    path = concept(folder) / "0.png"
    path.write_bytes(path.read_bytes()[:4000])


def empty_caption(folder: Path) -> None:
    (concept(folder) / "0.txt").write_bytes(b"")


def not_utf8(folder: Path) -> None:
    (concept(folder) / "0.txt").write_bytes("zumi, café".encode("latin-1"))


def no_prefix(folder: Path) -> None:
    concept(folder).rename(folder / "img" / "zumi girl")


def zero_repeats(folder: Path) -> None:
    shutil.copytree(concept(folder), folder / "img" / "0_other")
    for path in (folder / "img" / "0_other").glob("*.png"):
        painted(seed=50 + int(path.stem)).save(path)


def empty_concept(folder: Path) -> None:
    (folder / "img" / "5_nothing").mkdir()


def loose(folder: Path) -> None:
    painted(seed=20).save(folder / "img" / "loose.png")


def nested(folder: Path) -> None:
    (concept(folder) / "more").mkdir()
    painted(seed=20).save(concept(folder) / "more" / "deep.png")


def wrong_case(folder: Path) -> None:
    (concept(folder) / "0.png").rename(concept(folder) / "0.Png")


def gif(folder: Path) -> None:
    painted(seed=20).save(concept(folder) / "move.gif")
    (concept(folder) / "move.txt").write_text("zumi, wind\n")


def collision(folder: Path) -> None:
    painted(seed=20).save(concept(folder) / "0.jpg", quality=95)


def dot_caption(folder: Path) -> None:
    for path in concept(folder).glob("*.txt"):
        path.rename(path.with_suffix(".caption"))


def uncaptioned(folder: Path) -> None:
    (concept(folder) / "0.txt").unlink()


def orphan(folder: Path) -> None:
    (concept(folder) / "gone.txt").write_text("zumi, ghost\n")


def two_lines(folder: Path) -> None:
    (concept(folder) / "0.txt").write_text("zumi, hat\na second line\n")


def marked(folder: Path) -> None:
    (concept(folder) / "0.txt").write_bytes(b"\xef\xbb\xbfzumi, hat\n")


def wordy(folder: Path) -> None:
    many = ", ".join(f"word{chr(97 + n % 26) * 3}" for n in range(60))
    (concept(folder) / "0.txt").write_text(f"zumi, {many}\n")


def trigger_late(folder: Path) -> None:
    (concept(folder) / "0.txt").write_text("hat, zumi\n")


def said_by_all(folder: Path) -> None:
    for path in concept(folder).glob("*.txt"):
        path.write_text(path.read_text().strip() + ", green hair\n")


def turned(folder: Path) -> None:
    image = painted(seed=0)
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(concept(folder) / "0.png", exif=exif)


def transparent(folder: Path) -> None:
    image = painted(seed=0).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save(concept(folder) / "0.png")


def profiled(folder: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    painted(seed=0).save(concept(folder) / "0.png", icc_profile=lab)


def tiny(folder: Path) -> None:
    painted((200, 200), seed=0).save(concept(folder) / "0.png")


def long_strip(folder: Path) -> None:
    painted((2400, 600), seed=0).save(concept(folder) / "0.png")


def blurred(folder: Path) -> None:
    painted(seed=0).filter(ImageFilter.GaussianBlur(8)).save(concept(folder) / "0.png")


def dark(folder: Path) -> None:
    painted(seed=0).point(lambda level: level // 6).save(concept(folder) / "0.png")


def flat(folder: Path) -> None:
    painted(seed=0).point(lambda level: 120 + level // 16).save(concept(folder) / "0.png")


def bands(folder: Path) -> None:
    image = Image.new("RGB", (512, 512), "black")
    image.paste(painted((512, 384), seed=0), (0, 64))
    image.save(concept(folder) / "0.png")


def copied(folder: Path) -> None:
    shutil.copy(concept(folder) / "0.png", concept(folder) / "again.png")
    (concept(folder) / "again.txt").write_text("zumi, hat\n")


WRONG: list[tuple[Callable[[Path], None], dict[str, list[str]], str]] = [
    (truncated, {"unreadable": ["img/10_zumi/0.png"]}, "put a whole copy in its place"),
    (empty_caption, {"empty-caption": ["img/10_zumi/0.png"]}, "write a caption into"),
    (not_utf8, {"not-utf8": ["img/10_zumi/0.png"]}, "save the named captions as UTF-8"),
    (zero_repeats, {"no-prefix": ["img/0_other"]}, "mv {}/img/0_other {}/img/10_other"),
    (empty_concept, {"empty-folder": ["img/5_nothing"]}, "put pictures in"),
    (loose, {"loose-pictures": ["img/loose.png"]}, "move them into a folder named like"),
    (nested, {"nested-pictures": ["img/10_zumi/more"]}, "move them up"),
    (wrong_case, {"unseen-extension": ["img/10_zumi/0.Png"]}, "needs another name"),
    (gif, {"unseen-extension": ["img/10_zumi/move.gif"]}, "save them as .png"),
    (collision, {"stem-collision": ["img/10_zumi/0.png"]}, "rename"),
    (
        dot_caption,
        {"caption-extension": [f"img/10_zumi/{n}.png" for n in range(6)]},
        'rename them to .txt, or set caption_extension = ".caption"',
    ),
    (uncaptioned, {"missing-caption": ["img/10_zumi/0.png"]}, "dataprep tag"),
    (orphan, {"orphan-caption": ["img/10_zumi/gone.txt"]}, "give it its picture's name"),
    (two_lines, {"multi-line-caption": ["img/10_zumi/0.png"]}, "join the lines"),
    (marked, {"byte-order-mark": ["img/10_zumi/0.png"]}, "without BOM"),
    (wordy, {"long-caption": ["img/10_zumi/0.png"]}, "max_token_length = 150"),
    (trigger_late, {"trigger-position": ["img/10_zumi/0.png"]}, "dataprep prune"),
    (said_by_all, {"tag-everywhere": [""]}, "dataprep prune"),
    (turned, {"exif-orientation": ["img/10_zumi/0.png"]}, "dataprep export PROJECT {}"),
    (transparent, {"alpha": ["img/10_zumi/0.png"]}, "dataprep export PROJECT {}"),
    (profiled, {"colour-profile": ["img/10_zumi/0.png"]}, "dataprep export PROJECT {}"),
    (tiny, {"too-small": ["img/10_zumi/0.png"]}, "larger originals"),
    (long_strip, {"extreme-aspect": ["img/10_zumi/0.png"]}, "cut them into several"),
    (blurred, {"blurred": ["img/10_zumi/0.png"]}, "take them out"),
    (dark, {"dark": ["img/10_zumi/0.png"]}, "take them out"),
    (flat, {"flat": ["img/10_zumi/0.png"]}, "take them out"),
    (bands, {"borders": ["img/10_zumi/0.png"]}, "dataprep crop --trim"),
    (copied, {"duplicate": ["img/10_zumi/again.png"]}, "remove all but one"),
]


@pytest.mark.parametrize(("spoil", "expected", "fix"), WRONG, ids=[w[0].__name__ for w in WRONG])
def test_a_wrong_folder_is_caught_with_exactly_the_right_finding(
    folder: Path,
    spoil: Callable[[Path], None],
    expected: dict[str, list[str]],
    fix: str,
) -> None:
    spoil(folder)
    before = snapshot(folder)
    report = run(folder)
    assert report.facts["kind"] == "training"
    assert found(report) == expected
    (kind,) = expected
    assert fix.replace("{}", shlex.quote(str(folder))) in fix_of(report, kind)
    fatal = kind in {"unreadable", "empty-caption", "not-utf8"}
    assert report.exit_code == int(fatal)
    assert [issue.kind for issue in report.issues] == ([kind] if fatal else [])
    assert snapshot(folder) == before, "a training folder is only read"


def test_a_right_folder_made_by_hand_has_no_finding(folder: Path) -> None:
    report = run(folder)
    assert found(report) == {}
    assert report.exit_code == 0
    assert report.lines[0] == "training folder of 6 pictures: nothing to mend"


def test_the_folder_an_export_wrote_has_no_fatal_finding(tmp_path: Path) -> None:
    root, out = tmp_path / "zumi", tmp_path / "out"
    root.mkdir()
    for number, word in enumerate(WORDS):
        painted((700, 600), seed=number).save(root / f"{number}.jpg", quality=95)
        (root / f"{number}.txt").write_text(f"{word}\n", encoding="utf-8")
    with Dataset.open(root) as dataset:
        finish(crop.run(dataset, crop.Settings(size=512, buckets=True)))
        finish(prune.run(dataset, prune.Settings(trigger="zumi")))
        settings = export.Settings(out=out, concept="zumi", repeats=4)
        finish(export.run(dataset, settings))
    report = run(out)
    assert report.facts["kind"] == "training"
    assert found(report) == {}
    assert not report.issues


def test_the_leaf_instead_of_its_parent_is_answered_with_the_right_path(folder: Path) -> None:
    report = run(concept(folder))
    assert found(report) == {"leaf-folder": [""]}
    assert str(folder / "img") in detail_of(report, "leaf-folder")
    assert fix_of(report, "leaf-folder").endswith(shlex.quote(str(folder / "img")))
    assert report.exit_code == 1
    assert found(run(folder / "img")) == {}


def test_a_leaf_in_train_toml_is_mended_there(folder: Path) -> None:
    (folder / "train.toml").write_text('train_data_dir = "img/10_zumi"\n')
    report = run(folder)
    assert found(report) == {"leaf-folder": ["img/10_zumi"]}
    wanted = f"set train_data_dir = {str(folder / 'img')!r} in train.toml"
    assert fix_of(report, "leaf-folder") == wanted


def test_a_relative_leaf_is_known_by_its_real_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(concept(folder))
    assert list(found(run(Path()))) == ["leaf-folder"]


def test_a_folder_without_repeats_gets_the_command_that_renames_it(folder: Path) -> None:
    no_prefix(folder)
    report = run(folder)
    assert found(report) == {"no-concept-folder": ["img"], "no-prefix": ["img/zumi girl"]}
    assert report.exit_code == 1
    subprocess.run(fix_of(report, "no-prefix"), shell=True, check=True)
    assert (folder / "img" / "10_zumi girl").is_dir()
    assert found(run(folder)) == {}


def test_a_folder_around_the_right_one_is_answered_with_the_one_inside(folder: Path) -> None:
    (folder / "img").rename(folder / "pictures")
    report = run(folder, treat_as="training")
    assert found(report) == {"outer-folder": [""]}
    assert fix_of(report, "outer-folder").endswith(shlex.quote(str(folder / "pictures")))
    assert report.facts["pictures"] == 6


def test_pictures_without_any_concept_folder_cannot_be_trained(folder: Path) -> None:
    for path in list(concept(folder).iterdir()):
        path.rename(folder / "img" / path.name)
    concept(folder).rmdir()
    report = run(folder)
    assert found(report) == {"no-concept-folder": ["img"]}
    assert "6 pictures lie here" in detail_of(report, "no-concept-folder")


def test_an_empty_folder_is_no_training_folder(tmp_path: Path) -> None:
    (tmp_path / "img").mkdir()
    assert found(run(tmp_path)) == {"no-concept-folder": ["img"]}


def test_train_toml_decides_size_endings_budget_and_trigger(folder: Path) -> None:
    lines = (
        'train_data_dir = "img"', "resolution = 768", 'caption_extension = ".caption"',
        "max_token_length = 225",
    )  # fmt: skip
    text = "[dataset]\n" + "\n".join(lines) + '\n[concept]\ntrigger_word = "hat"\n'
    (folder / "train.toml").write_text(text)
    dot_caption(folder)
    wordy(folder)
    (concept(folder) / "0.txt").rename(concept(folder) / "0.caption")
    counts = run(folder).facts["counts"]
    assert counts == {"trigger-position": 6, "tag-everywhere": 1, "too-small": 6}
    assert run(folder, size=512, trigger="zumi").facts["counts"] == {}
    assert run(folder, max_token_length="75").facts["counts"]["long-caption"] == 1


def test_a_train_toml_above_counts_for_the_folders_it_names_only(folder: Path) -> None:
    (folder / "train.toml").write_text('train_data_dir = "img"\nresolution = 768\n')
    assert len(found(run(folder / "img"))["too-small"]) == 6
    (folder / "train.toml").write_text('train_data_dir = "other"\nresolution = 768\n')
    assert found(run(folder / "img")) == {}


def test_keep_tokens_says_how_far_back_the_trigger_may_stand(folder: Path) -> None:
    trigger_late(folder)
    (folder / "train.toml").write_text('keep_tokens = 2\ntrigger_word = "zumi"\n')
    assert found(run(folder)) == {}


def test_kohyas_dataset_config_names_its_folders_one_by_one(folder: Path) -> None:
    no_prefix(folder)
    (folder / "dataset.toml").write_text(
        "[general]\nenable_bucket = true\n[[datasets]]\nresolution = [512, 512]\n"
        '[[datasets.subsets]]\nimage_dir = "img/zumi girl"\nnum_repeats = 10\n'
        '[[datasets.subsets]]\nimage_dir = "gone"\n'
    )
    report = run(folder)
    assert found(report) == {"bad-config": ["dataset.toml"]}
    assert "gone" in detail_of(report, "bad-config")
    assert report.facts["pictures"] == 6


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("resolution = ", "train.toml"),
        ('train_data_dir = "images"', "no such folder"),
        ('resolution = "large"', "large"),
        ("resolution = 0", "at least 64"),
        ("keep_tokens = -1", "below 0"),
        ('caption_extension = "txt"', "must be an ending such as .txt"),
    ],
)
def test_a_settings_file_that_cannot_be_used_is_a_finding(
    folder: Path, text: str, reason: str
) -> None:
    (folder / "train.toml").write_text(text)
    report = run(folder)
    assert list(found(report)) == ["bad-config"]
    assert reason in detail_of(report, "bad-config")
    assert report.exit_code == 1


def test_regularization_images_need_no_captions(folder: Path) -> None:
    (folder / "reg" / "1_girl").mkdir()
    painted(seed=30).save(folder / "reg" / "1_girl" / "a.png")
    (folder / "reg" / "girls").mkdir()
    painted(seed=31).save(folder / "reg" / "girls" / "b.png")
    assert found(run(folder)) == {"no-prefix": ["reg/girls"]}


def test_captions_in_both_endings_are_read_from_one(folder: Path) -> None:
    (concept(folder) / "0.caption").write_text("zumi, other\n")
    report = run(folder)
    assert found(report) == {"caption-extension": ["img/10_zumi/0.png"]}
    assert detail_of(report, "caption-extension") == "0.caption is not read, 0.txt is"


def test_only_lists_the_files_of_one_kind_and_decides_the_exit_code(folder: Path) -> None:
    not_utf8(folder)
    (concept(folder) / "1.txt").unlink()
    report = run(folder, only="missing-caption")
    assert [(issue.file, issue.kind) for issue in report.issues] == [
        ("img/10_zumi/1.png", "missing-caption")
    ]
    assert report.exit_code == 0
    assert run(folder, only="not-utf8").exit_code == 1


def test_an_unknown_kind_is_answered_with_the_nearest(folder: Path) -> None:
    with pytest.raises(ValueError, match="did you mean 'blurred'"):
        Settings(only="blured")
    with pytest.raises(UsageError, match="no such folder"):
        run(folder / "gone")


def test_a_job_can_be_closed_at_any_yield(folder: Path) -> None:
    steps = len(list(check.run(folder, Settings())))
    assert steps > 6
    for stop in range(1, steps):
        job = check.run(folder, Settings())
        for _ in range(stop):
            next(job)
        job.close()


def test_what_was_meant_for_a_trainer_is_told_from_a_place_for_originals(tmp_path: Path) -> None:
    meant = ("img/10_zumi", "5_zumi", "0_zumi", "10 zumi", "img/zumi")
    for name in meant:
        root = tmp_path / name.replace("/", "-")
        (root / name).mkdir(parents=True)
        painted((64, 64)).save(root / name / "a.png")
        assert is_training(root), name
    for name in (".", "portraits", "2nd try"):
        root = tmp_path / f"originals {name}"
        (root / name).mkdir(parents=True)
        painted((64, 64)).save(root / name / "a.png")
        assert not is_training(root), name


def test_a_name_that_trainers_read_is_suggested() -> None:
    wanted = {
        "CROP": "10_CROP", "0_zumi": "10_zumi", "10zumi": "10_zumi", "15-zumi": "15_zumi",
        "zumi_20": "20_zumi", "-3_zumi": "3_zumi", "7": "7_concept", "my girl": "10_my girl",
    }  # fmt: skip
    assert {name: suggested(name) for name in wanted} == wanted


def test_an_srgb_profile_is_no_finding(folder: Path) -> None:
    stream = io.BytesIO(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    painted(seed=0).save(concept(folder) / "0.png", icc_profile=stream.getvalue())
    assert found(run(folder)) == {}


@given(st.text(st.characters(exclude_characters="/\\\0", exclude_categories=["Cs"]), min_size=1))
def test_a_suggested_name_is_one_that_trainers_read(name: str) -> None:
    number, separator, concept = suggested(name).partition("_")
    assert int(number) >= 1
    assert separator
    assert concept


PLACES = st.sampled_from(
    ["", "img", "10_a", "img/10_a", "img/a", "reg/1_b", "img/10_a/in", "x/3_c"]
)
PICTURE_FILES = ("a.png", "a.jpg", "a.Jpg", "a.gif", "b.webp", ".hidden.png")
OTHER_FILES = ("a.txt", "a.TXT", "a.caption", "b.txt", "train.toml", "other.toml", "x.npz")
FILES = st.sampled_from([*PICTURE_FILES, *OTHER_FILES])
CONTENTS = st.one_of(
    st.sampled_from(["picture", "zumi, hat", "zumi\n\nhat", 'resolution = "512,512"'])
    | st.sampled_from(['train_data_dir = "img"', '[[datasets.subsets]]\nimage_dir = "img/a"']),
    st.binary(max_size=40),
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.tuples(PLACES, FILES), CONTENTS, max_size=8))
def test_any_folder_is_judged_without_a_crash_and_without_a_trace(
    contents: dict[tuple[str, str], str | bytes],
) -> None:
    stream = io.BytesIO()
    painted((64, 64)).save(stream, "PNG")
    with tempfile.TemporaryDirectory() as place:
        root = Path(place).resolve()
        for (folder, file), content in contents.items():
            path = root / folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            picture = stream.getvalue() if content == "picture" else content
            path.write_bytes(picture if isinstance(picture, bytes) else picture.encode())
        before = snapshot(root)
        report = run(root, treat_as="training")
        assert snapshot(root) == before
        json.dumps(report.to_json())
        for finding in report.facts["findings"]:
            assert all((root / hit["file"]).exists() for hit in finding["files"])
            assert finding["fix"]
            assert finding["why"]
