"""Import: whatever is named comes in once, whole and by a name of its own; sources stay."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dataprep.dataset import Dataset
from dataprep.errors import DataprepError, UsageError
from dataprep.images import find
from dataprep.importing.archive import guessed
from dataprep.importing.gather import expand
from dataprep.importing.naming import ILLEGAL, RESERVED, Names, mended
from dataprep.importing.video import time_label
from dataprep.jobs import finish
from dataprep.report import Report
from dataprep.stages import importing


def bring(target: Path, *sources: Path | str, dry_run: bool = False, **settings: object) -> Report:
    chosen = importing.Settings(sources=tuple(map(str, sources)), **settings)
    return finish(importing.run(target, chosen, dry_run=dry_run))


def picture(path: Path, colour: str | tuple[int, int, int] = "red", **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (32, 24), colour).save(path, **options)
    return path


def contents(root: Path) -> dict[str, bytes]:
    """Everything in a folder but our own state."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".dataprep" not in path.parts
    }


def reasons(report: Report) -> dict[str, str]:
    return {Path(issue.file).name: issue.reason for issue in report.issues}


@pytest.fixture
def album(tmp_path: Path) -> Path:
    root = tmp_path / "album"
    picture(root / "a.jpg")
    picture(root / "sub/B.PNG", "blue")
    picture(root / "sub/夏 [1].webp", "green")
    picture(root / ".thumbnails/a.png")
    (root / "a.txt").write_text("zumi, hat\n")
    (root / "sub/B.caption").write_bytes(b"\xff no utf-8")
    (root / "notes.txt").write_text("not a caption")
    os.utime(root / "a.jpg", ns=(10**18, 10**18))
    return root


def test_pictures_come_with_their_captions_and_times_and_sources_stay(
    album: Path, tmp_path: Path
) -> None:
    before = contents(album)
    target = tmp_path / "project"
    report = bring(target, album)
    assert contents(album) == before
    assert contents(target) == {
        "a.jpg": before["a.jpg"], "a.txt": before["a.txt"],
        "sub/B.PNG": before["sub/B.PNG"], "sub/B.txt": before["sub/B.caption"],
        "sub/夏 [1].webp": before["sub/夏 [1].webp"],
    }  # fmt: skip
    assert (target / "a.jpg").stat().st_mtime_ns == 10**18
    assert (report.done, report.unchanged, report.facts["kinds"]) == (3, 0, {"file": 3})
    with Dataset.open(target) as dataset:
        sources = dataset.store.sources()
        assert [p.name for p in dataset.usable()] == ["a.jpg", "sub/B.PNG", "sub/夏 [1].webp"]
    assert sources["sub/B.PNG"].source == str(album / "sub/B.PNG")
    assert report.facts["map"]["a.jpg"] == {"source": str(album / "a.jpg"), "part": ""}
    # what is wrong with a caption is said as every stage says it
    assert [issue.kind for issue in report.issues] == ["caption"]


def test_importing_again_changes_nothing(album: Path, tmp_path: Path) -> None:
    target = tmp_path / "project"
    picture(album / "a.png", "pink")
    bring(target, album)
    stats = {path: path.stat() for path in target.rglob("*") if ".dataprep" not in path.parts}
    for again in (album, f"{album}/**/*", album):
        report = bring(target, again)
        assert (report.done, report.unchanged, report.facts["renamed"]) == (0, 4, 0)
    # and neither does it when nothing is remembered: contents are compared
    for path in (target / ".dataprep").glob("state.sqlite*"):
        path.unlink()
    assert (bring(target, album).done, bring(target, album).unchanged) == (0, 4)
    now = {path: path.stat() for path in target.rglob("*") if ".dataprep" not in path.parts}
    assert {p: (s.st_ino, s.st_mtime_ns) for p, s in now.items() if p.is_file()} == {
        p: (s.st_ino, s.st_mtime_ns) for p, s in stats.items() if p.is_file()
    }


def test_a_picture_that_changed_at_its_source_comes_beside_the_old_one(
    album: Path, tmp_path: Path
) -> None:
    target = tmp_path / "project"
    bring(target, album)
    old = (target / "a.jpg").read_bytes()
    picture(album / "a.jpg", "yellow")
    report = bring(target, album)
    assert "comes in as a-2.jpg: there is another a.jpg" in reasons(report)["a.jpg"]
    assert (target / "a.jpg").read_bytes() == old
    assert (target / "a-2.jpg").read_bytes() == (album / "a.jpg").read_bytes()
    assert (target / "a-2.txt").read_text() == "zumi, hat\n"


def test_names_that_collide_are_resolved_and_said(tmp_path: Path) -> None:
    target = tmp_path / "project"
    for folder, colour in (("one", "red"), ("two", "blue")):
        picture(tmp_path / folder / "a.png", colour)
    picture(tmp_path / "one/a.jpg")
    picture(tmp_path / "two/A.WebP")
    (tmp_path / "one/a.txt").write_text("both\n")
    report = bring(target, tmp_path / "one", tmp_path / "two")
    assert find(target) == ["A-3.WebP", "a-2.png", "a-4.png", "a.jpg"]
    assert (target / "a-2.txt").read_text() == (target / "a.txt").read_text() == "both\n"
    said = [issue.reason for issue in report.issues]
    assert "comes in as a-2.png: a.jpg has the same caption file" in said
    assert report.facts["renamed"] == 3
    assert report.exit_code == 0


def test_a_caption_that_is_there_is_never_overwritten(album: Path, tmp_path: Path) -> None:
    target = tmp_path / "project"
    target.mkdir()
    (target / "a.txt").write_text("mine\n")
    report = bring(target, album)
    assert (target / "a.txt").read_text() == "mine\n"
    assert "keeps the caption that was there" in reasons(report)["a.jpg"]


def test_unreadable_pictures_stay_where_they_are_with_a_reason(album: Path, tmp_path: Path) -> None:
    whole = (album / "a.jpg").read_bytes()
    (album / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (album / "text.png").write_text("hello")
    report = bring(tmp_path / "project", album, max_megapixels=1)
    assert report.exit_code == 1
    assert "truncated" in reasons(report)["cut.jpg"]
    assert "not an image" in reasons(report)["text.png"]
    assert len(find(tmp_path / "project")) == 3


def test_a_picture_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    Image.new("1", (2000, 1000)).save(tmp_path / "large.png")
    target = tmp_path / "project"
    report = bring(target, tmp_path / "large.png", max_megapixels=1)
    assert "larger than 1 megapixels" in reasons(report)["large.png"]
    (target / "dataprep.toml").write_text("[scan]\nmax_megapixels = 1\n")
    assert bring(target, tmp_path / "large.png").exit_code == 1
    assert bring(target, tmp_path / "large.png", max_megapixels=2).done == 1


def test_a_project_inside_its_source_is_left_out_and_no_source_of_itself(album: Path) -> None:
    target = album / "project"
    for done in (3, 0):
        assert bring(target, album).done == done
    assert set(contents(target)) == {
        "a.jpg", "a.txt", "sub/B.PNG", "sub/B.txt", "sub/夏 [1].webp",
    }  # fmt: skip
    for inside in (target, target / "sub"):
        with pytest.raises(UsageError, match="lies in the project itself"):
            bring(target, inside)
    assert bring(target, target / "a.jpg", f"{target}/*.jpg").done == 0


def test_folders_may_be_left_out(album: Path, tmp_path: Path) -> None:
    picture(album / "other/B.png", "white")
    bring(tmp_path / "project", album, flat=True)
    assert find(tmp_path / "project") == ["B-2.PNG", "B.png", "a.jpg", "夏 [1].webp"]


def test_patterns_lists_and_single_files(album: Path, tmp_path: Path) -> None:
    listing = tmp_path / "list.txt"
    listing.write_text("# pictures\n\nalbum/sub/*.webp\nalbum/a.jpg\n", encoding="utf-8-sig")
    bring(tmp_path / "one", f"@{listing}")
    assert find(tmp_path / "one") == ["a.jpg", "夏 [1].webp"]
    assert (tmp_path / "one/a.txt").exists()
    bring(tmp_path / "two", f"{album}/**/*.*", album / "sub/夏 [1].webp")
    assert find(tmp_path / "two") == ["a.jpg", "sub/B.PNG", "sub/夏 [1].webp"]
    bring(tmp_path / "three", f"{album}/s*")
    assert find(tmp_path / "three") == ["sub/B.PNG", "sub/夏 [1].webp"]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("nowhere", "no such file"),
        ("*.xyz", "matches this pattern"),
        ("@nowhere.txt", "cannot be read"),
    ],
)
def test_a_source_that_is_not_there_is_a_usage_error_before_anything_is_made(
    tmp_path: Path, word: str, said: str
) -> None:
    sign, path = word[: word.startswith("@")], tmp_path / word.removeprefix("@")
    with pytest.raises(UsageError, match=said):
        bring(tmp_path / "project", f"{sign}{path}")
    assert not (tmp_path / "project").exists()


def test_a_comma_in_a_path_does_not_split_it(tmp_path: Path) -> None:
    source = picture(tmp_path / "red, green/a.png")
    command = [sys.executable, "-m", "dataprep", "import", str(source.parent), "p", "--json"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(result.stdout)["done"] == 1


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    (tmp_path / "song.mp3").write_bytes(b"ID3")
    report = bring(tmp_path / "project", tmp_path / "song.mp3")
    assert report.exit_code == 1
    assert "by its ending" in reasons(report)["song.mp3"]
    # also one that is a picture: without its ending the project would not see it
    picture(tmp_path / "a.png").rename(tmp_path / "a")
    assert "by its ending" in reasons(bring(tmp_path / "project", tmp_path / "a"))["a"]


def test_what_a_shell_makes_of_a_star_brings_captions_with_their_pictures(
    album: Path, tmp_path: Path
) -> None:
    (album / "sub/B.caption").write_text("zumi\n")
    report = bring(tmp_path / "project", *album.glob("[!.]*"), *album.glob("sub/*"))
    assert (report.exit_code, report.done) == (0, 3)
    assert (tmp_path / "project/a.txt").exists()
    assert (tmp_path / "project/B.txt").exists()


def test_archives_and_videos_in_a_folder_are_named_but_not_opened(tmp_path: Path) -> None:
    picture(tmp_path / "album/a.png")
    packed(tmp_path / "album/more.zip", {"b.png": "red"})
    report = bring(tmp_path / "one", tmp_path / "album")
    assert "name more.zip to import it" in reasons(report)["album"]
    assert report.exit_code == 0
    report = bring(tmp_path / "two", tmp_path / "album", tmp_path / "album/more.zip")
    assert (report.facts["kinds"], report.issues) == ({"file": 1, "archive": 1}, ())


def packed(path: Path, pictures: dict[str, str], extra: dict[str, bytes] | None = None) -> Path:
    image = path.with_name("packed.png")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, colour in pictures.items():
            archive.write(picture(image, colour), name)
            image.unlink()
        for name, data in (extra or {}).items():
            archive.writestr(name, data)
    return path


def test_archives_are_unpacked_with_folders_captions_and_times(tmp_path: Path) -> None:
    path = packed(
        tmp_path / "a.zip",
        {"in/a.png": "red", "./b\\c.png": "blue", "__MACOSX/in/._a.png": "red", ".d.png": "pink"},
        {"in/a.txt": b"zumi\n", "notes.md": b"x"},
    )
    target = tmp_path / "project"
    report = bring(target, path)
    assert set(contents(target)) == {"in/a.png", "in/a.txt", "b/c.png", "d.png"}
    assert report.facts["map"]["in/a.png"] == {"source": str(path), "part": "in/a.png"}
    assert report.facts["kinds"] == {"archive": 3}
    inode = (target / "in/a.png").stat().st_ino
    again = bring(target, path)
    assert (again.done, again.unchanged) == (0, 3)
    assert (target / "in/a.png").stat().st_ino == inode
    assert not list((target / ".dataprep").glob("import/*"))


def test_nothing_gets_out_of_an_archive(tmp_path: Path) -> None:
    evil = ["../up.png", "a/../../up.png", "/root.png", "C:/drive.png", "..\\back.png"]
    path = packed(tmp_path / "a.zip", {"good.png": "red"}, dict.fromkeys(evil, b"x"))
    link = zipfile.ZipInfo("link.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    target = tmp_path / "deep/project"
    report = bring(target, path)
    said = [issue.reason for issue in report.issues]
    assert said.count("its name leads out of the archive") == len(evil)
    assert said.count("is a link, not a picture") == 1
    assert set(contents(tmp_path)) == {"a.zip", "deep/project/good.png"}


def test_encrypted_members_are_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"good.png": "red", "secret.png": "blue"})
    data = bytearray(path.read_bytes())
    # the flag of the second member, in its own header and in the directory
    second = data.index(b"PK\x03\x04", 4)
    data[second + 6] |= 1
    data[data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4) + 8] |= 1
    path.write_bytes(data)
    report = bring(tmp_path / "project", path)
    assert [issue.reason for issue in report.issues] == [
        "is encrypted; unpack the archive yourself"
    ]
    assert (report.done, report.exit_code) == (1, 1)


def test_bombs_are_refused_with_one_line_each(tmp_path: Path) -> None:
    path = packed(
        tmp_path / "a.zip", {"good.png": "red"}, {"bomb.bmp": b"\0" * 3_000_000, "b.png": b"x" * 99}
    )
    report = bring(tmp_path / "one", path)
    assert "times its size, as bombs do" in reasons(report)["a.zip: bomb.bmp"]
    assert report.done == 1
    for limit, said in (({"max_entries": 2}, "holds 3 files"), ({"max_unpacked": 0.002}, "0.0 GB")):
        report = bring(tmp_path / "two", path, **limit)
        assert said in reasons(report)["a.zip"]
        assert (report.done, len(report.issues)) == (0, 1)
    report = bring(tmp_path / "three", path, max_ratio=0)
    assert "as bombs do" not in str(reasons(report))


def test_a_member_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.png": "red"})
    data = bytearray(path.read_bytes())
    for header, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = data.index(header) + place
        data[start : start + 4] = (10).to_bytes(4, "little")
    path.write_bytes(data)
    report = bring(tmp_path / "project", path)
    assert "cannot be unpacked" in reasons(report)["a.zip: a.png"]
    assert find(tmp_path / "project") == []


@pytest.mark.parametrize(
    ("name", "alphabet"),
    [("夏の海.png", "cp932"), ("ソラ表.png", "cp932"), ("春天的花.png", "gbk"),
     ("図書.png", "utf-8"), ("Ärger.png", "cp437"), ("größte é.png", "cp437"),
     ("照片001.png", "gbk")],
)  # fmt: skip
def test_names_that_do_not_say_their_alphabet_are_read_all_the_same(
    tmp_path: Path, name: str, alphabet: str
) -> None:
    raw = name.encode(alphabet)
    assert guessed([raw]) == alphabet
    placeholder = "x" * (len(raw) - 4) + ".png"
    path = packed(tmp_path / "a.zip", {placeholder: "red"})
    path.write_bytes(path.read_bytes().replace(placeholder.encode(), raw))
    bring(tmp_path / "project", path)
    assert find(tmp_path / "project") == [name]


def test_a_damaged_archive_is_one_line_and_never_a_crash(tmp_path: Path) -> None:
    whole = packed(tmp_path / "whole.zip", {"a.png": "red", "b.png": "blue"}).read_bytes()
    generator = random.Random(5)
    path = tmp_path / "a.zip"
    for number in range(60):
        data = bytearray(whole)
        for _ in range(generator.choice((1, 3, 9))):
            data[generator.randrange(len(data))] = generator.randrange(256)
        path.write_bytes(data[: generator.randrange(len(data))] if number % 5 == 0 else data)
        report = bring(tmp_path / "project", path, dry_run=True)
        assert report.done + len(report.issues) >= 1 or number % 5
        assert all("\n" not in issue.reason for issue in report.issues)


def moving(path: Path, levels: list[int]) -> Path:
    drawn = [Image.new("RGB", (32, 24), (level, 255 - level, 0)) for level in levels]
    drawn[0].save(path, save_all=True, append_images=drawn[1:], lossless=True)
    return path


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_frames_of_an_animation_come_as_pictures_when_asked_for(
    tmp_path: Path, suffix: str
) -> None:
    path = moving(tmp_path / f"a.{suffix}", [0, 20, 40, 60, 80, 100, 120, 140])
    bring(tmp_path / "one", path)
    assert find(tmp_path / "one") == [path.name]
    for done in (3, 0):
        report = bring(tmp_path / "two", path, frames=3)
        assert report.done == done
    assert find(tmp_path / "two") == ["a_00000.png", "a_00003.png", "a_00006.png"]
    with Image.open(tmp_path / "two/a_00003.png") as image:
        assert np.abs(np.subtract(image.convert("RGB").getpixel((5, 5)), (60, 195, 0))).max() <= 4
    # also of a file that came whole before, and of one in an archive
    assert bring(tmp_path / "one", path, frames=3).done == 3
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(path, f"in/a.{suffix}")
    assert bring(tmp_path / "three", tmp_path / "a.zip", frames=3).done == 3
    assert find(tmp_path / "three")[0] == "in/a_00000.png"


def test_frames_that_nearly_repeat_the_one_before_are_left_out(tmp_path: Path) -> None:
    path = moving(tmp_path / "a.webp", [0, 1, 2, 200, 201, 0])
    report = bring(tmp_path / "one", path, frames=1)
    assert (report.done, report.facts["dropped"]) == (3, 3)
    assert any("3 frames left out" in line for line in report.lines)
    assert bring(tmp_path / "two", path, frames=1, similar=0).done == 6


def test_of_an_animation_that_breaks_off_the_frames_before_come_in(tmp_path: Path) -> None:
    path = moving(tmp_path / "a.png", [0, 60, 120, 180, 240])
    data = path.read_bytes()
    # the fourth frame's data are no longer what their checksum says
    place = [place for place in range(len(data)) if data[place : place + 4] == b"fdAT"][2]
    path.write_bytes(data[: place + 12] + b"\0\0\0" + data[place + 15 :])
    report = bring(tmp_path / "project", path, frames=1)
    assert find(tmp_path / "project") == ["a_00000.png", "a_00001.png", "a_00002.png"]
    assert "damaged" in reasons(report)["a.png"]


def test_what_stands_in_the_way_stops_only_the_picture_it_stops(
    album: Path, tmp_path: Path
) -> None:
    target = tmp_path / "project"
    target.mkdir()
    (target / "sub").write_text("a file of this name")
    report = bring(target, album)
    assert contents(target).keys() == {"a.jpg", "a.txt", "sub"}
    assert "cannot become sub/B.PNG" in reasons(report)["B.PNG"]
    assert report.exit_code == 1


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds at 25 frames a second; it changes its colour every three seconds."""
    import cv2

    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (160, 120))
    for number in range(250):
        writer.write(np.full((120, 160, 3), number // 75 * 60 + 20, np.uint8))
    writer.release()
    return path


def test_a_video_gives_a_frame_every_so_often(clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "project"
    report = bring(target, clip, every="2s", similar=0)
    seconds = [0, 2, 4, 6, 8]
    assert find(target) == [f"clip_00h00m{second:02}s000.png" for second in seconds]
    for second in seconds:
        with Image.open(target / f"clip_{time_label(second)}.png") as image:
            level = second * 25 // 75 * 60 + 20
            assert np.abs(np.subtract(image.getpixel((80, 60)), level)).max() <= 6
    assert report.facts["map"]["clip_00h00m02s000.png"]["part"] == "00h00m02s000"
    assert bring(target, clip, every="2s", similar=0).unchanged == 5


def test_frames_of_a_video_that_repeat_are_dropped(clip: Path, tmp_path: Path) -> None:
    report = bring(tmp_path / "project", clip, every="0.5s")
    assert (report.done, report.facts["dropped"]) == (4, 16)
    assert report.facts["kinds"] == {"video": 4}


def test_a_broken_video_is_one_line_and_nothing_is_printed(clip: Path, tmp_path: Path) -> None:
    whole = clip.read_bytes()
    (tmp_path / "text.mkv").write_text("hello")
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    damaged = bytearray(whole)
    damaged[200:3000:7] = b"\xff" * len(damaged[200:3000:7])
    (tmp_path / "hit.mp4").write_bytes(damaged)
    command = [sys.executable, "-m", "dataprep", "import", *sorted(map(str, tmp_path.iterdir()))]
    result = subprocess.run([*command, str(tmp_path / "p")], capture_output=True, text=True)
    lines = [line for line in result.stderr.splitlines() if not line.startswith("import:")]
    assert result.returncode == 1
    assert all(line.startswith("skipped: ") for line in lines), lines
    assert len(lines) in {2, 3}


@pytest.mark.parametrize("every", ["2h", "s", "-1s", ""])
def test_a_time_that_is_none_is_refused(every: str) -> None:
    with pytest.raises(ValueError, match="2s"):
        importing.Settings(sources=("x",), every=every)


def test_a_dry_run_makes_nothing(album: Path, clip: Path, tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"z.png": "red"})
    before = contents(tmp_path)
    report = bring(tmp_path / "project", album, path, clip, dry_run=True)
    assert not (tmp_path / "project").exists()
    assert (report.done, contents(tmp_path)) == (8, before)
    assert "would be brought in" in report.lines[0]


def many(root: Path, count: int = 40) -> Path:
    generator = np.random.default_rng(1)
    root.mkdir()
    for number in range(count):
        pixels = generator.integers(0, 256, (200, 300, 3), np.uint8)
        Image.fromarray(pixels).save(root / f"{number:02}.png", compress_level=0)
        (root / f"{number:02}.txt").write_text("1girl\n")
    return root


def test_closed_at_any_moment_it_leaves_whole_pictures_and_goes_on_when_run_again(
    tmp_path: Path,
) -> None:
    source, target = many(tmp_path / "many", 12), tmp_path / "project"
    packed(tmp_path / "a.zip", {"z.png": "red"})
    settings = importing.Settings(sources=(str(source), str(tmp_path / "a.zip")))
    whole = contents(source)
    for steps in range(1, 30, 3):
        job = importing.run(target, settings)
        for _ in range(steps):
            next(job, None)
        job.close()
        if target.exists():
            kept = contents(target)
            assert {name: data for name, data in kept.items() if name in whole} == {
                name: data for name, data in whole.items() if name in kept
            }
            assert not (target / ".dataprep/import").exists()
    finish(importing.run(target, settings))
    assert set(contents(target)) == {*whole, "z.png"}


def test_killed_it_leaves_no_halves_and_goes_on_when_run_again(tmp_path: Path) -> None:
    source, target = many(tmp_path / "many"), tmp_path / "project"
    command = [sys.executable, "-m", "dataprep", "import", str(source), str(target), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list(target.glob("*.png"))) < 3:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    whole, kept = contents(source), contents(target)
    assert all(whole[name] == data for name, data in kept.items() if name in whole)
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    facts = json.loads(result.stdout)
    assert facts["done"] + facts["unchanged"] == 40
    assert facts["renamed"] == 0
    assert {name: kept for name, kept in contents(target).items() if name in whole} == whole
    assert len(find(target)) == 40


def test_two_imports_into_one_project_do_not_run_together(album: Path, tmp_path: Path) -> None:
    target = tmp_path / "project"
    first = importing.run(target, importing.Settings(sources=(str(album),)))
    while not (target / ".dataprep/import").exists():
        next(first)
    with pytest.raises(DataprepError, match="another import"):
        bring(target, album)
    assert finish(first).done == 3


PARTS = st.text(st.sampled_from('aA.b?*<>:"|\\ \tñ夏\x00-@[CONnul1'), min_size=1, max_size=12)
NAMES = st.lists(PARTS, min_size=1, max_size=3).map("/".join)


@given(NAMES)
def test_mended_names_are_legal_everywhere(name: str) -> None:
    new = mended(name)
    assert mended(new) == new
    for part in new.split("/"):
        assert part
        assert not part.startswith(".")
        assert not part.endswith((" ", "."))
        assert not ILLEGAL.search(part)
        assert part.split(".")[0].casefold() not in RESERVED
        assert len(part.encode()) <= 255


@given(st.lists(st.from_regex(r"([xX]/)?[abAB]{1,2}(-2)?\.(png|PNG|jpg)", fullmatch=True)))
def test_names_never_share_a_caption_and_the_same_picture_keeps_its_own(wanted: list[str]) -> None:
    names, given_out = Names([]), {}
    for number, name in enumerate(wanted):
        new, there = names.choose(name, lambda _: False)
        assert not there
        given_out[new] = number
        assert names.choose(name, new.__eq__) == (new, True)
    stems = [name.rpartition(".")[0].casefold() for name in given_out]
    assert len(set(stems)) == len(wanted)


def test_each_source_is_taken_once(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")

    def paths(*words: str) -> Iterator[str]:
        return (place.path.name for place in expand(words))

    one = str(tmp_path / "a.png")
    assert list(paths(one, f"{tmp_path}/*.png", f"{tmp_path}/../{tmp_path.name}/a.png")) == [
        "a.png"
    ]
