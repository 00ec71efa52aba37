"""``dataprep check DIR``: a project is judged by what was decided, and every fix is a command."""

import json
import os
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from dataprep import looks, masks, target
from dataprep.buckets import Target
from dataprep.check import KINDS, captions, found
from dataprep.check.settings import Settings
from dataprep.cli import main
from dataprep.cli.arguments import flags_of, parser_for
from dataprep.dataset import Dataset
from dataprep.decisions import Background, Crop, encode, encode_background, encode_crop
from dataprep.errors import UsageError
from dataprep.jobs import finish
from dataprep.journal import PROJECT
from dataprep.report import Report
from dataprep.settings import build
from dataprep.stages import STAGES, check, prune, scan
from dataprep.store import Picture
from dataprep.weights import sample_data
from tests.painted import figure, painted


@pytest.fixture(autouse=True)
def _no_tokenizer_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DATAPREP_MODELS", "XDG_DATA_HOME", "HF_HUB_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "zumi"
    (root / "sub").mkdir(parents=True)
    names = ("a.png", "b.jpg", "c.webp", "sub/d.png", "[e].png")
    for seed, name in enumerate(names):
        painted((640, 560), seed=seed).save(root / name)
        (root / name).with_suffix(".txt").write_text(f"zumi, word {seed}\n", encoding="utf-8")
    return root


def run(root: Path, **given: object) -> Report:
    return finish(check.run(root, Settings(**given)))


def counts(root: Path, **given: object) -> dict[str, int]:
    return dict(run(root, **given).facts["counts"])


def details(report: Report, kind: str) -> dict[str, str]:
    return {
        hit["file"]: hit["detail"]
        for finding in report.facts["findings"]
        if finding["name"] == kind
        for hit in finding["files"]
    }


def decide(root: Path, name: str, key: str, value: str) -> None:
    with Dataset.open(root) as dataset:
        dataset.edit("test", [dataset.decision_change(name, key, value)])


def test_a_clean_project_has_nothing_to_mend(project: Path) -> None:
    report = run(project)
    assert report.facts["kind"] == "project"
    assert report.facts["counts"] == {}
    assert report.lines[0] == "project of 5 pictures: nothing to mend"
    assert report.exit_code == 0


def test_findings_of_all_sorts_are_counted_with_their_fixes(project: Path) -> None:
    (project / "broken.png").write_bytes(b"no picture")
    painted((640, 560), seed=9).filter(ImageFilter.GaussianBlur(9)).save(project / "soft.png")
    painted((200, 300), seed=8).save(project / "small.png")
    painted((2000, 520), seed=7).save(project / "strip.png")
    (project / "copy.png").write_bytes((project / "a.png").read_bytes())
    (project / "a.txt").write_bytes(b"zumi, caf\xe9")
    (project / "b.txt").write_bytes(b"")
    (project / "c.txt").write_text("word 2, zumi\n")
    (project / "old.txt").write_text("zumi\n")
    (project / "small.caption").write_text("zumi\n")
    with Dataset.open(project) as dataset:
        finish(prune.run(dataset, prune.Settings(trigger="zumi")))
    (project / "c.txt").write_text("word 2, zumi\n")
    (project / "b.txt").write_bytes(b"")
    for name in ("soft", "strip", "copy"):
        (project / f"{name}.txt").unlink(missing_ok=True)
    report = run(project)
    assert report.facts["counts"] == {
        "unreadable": 1, "not-utf8": 1, "empty-caption": 1, "caption-extension": 1,
        "missing-caption": 3, "orphan-caption": 1, "trigger-position": 1, "too-small": 1,
        "extreme-aspect": 1, "blurred": 1, "duplicate": 1,
    }  # fmt: skip
    assert list(report.facts["counts"]) == [
        kind for kind in KINDS if kind in report.facts["counts"]
    ]
    assert [issue.file for issue in report.issues] == ["broken.png", "a.png"]
    assert report.exit_code == 1
    assert details(report, "duplicate") == {"copy.png": "the same file as a.png"}
    assert details(report, "trigger-position") == {"c.webp": "'zumi' is tag 2 of 2"}


def test_every_command_among_the_fixes_is_one_that_can_be_typed(project: Path) -> None:
    typed = [
        kind.mends("project", project, "zumi")
        for kind in KINDS.values()
        if kind.fix.startswith("dataprep")
    ]
    assert len(typed) >= 10
    for command in typed:
        _, verb, *arguments = shlex.split(command)
        if verb == "export":
            continue  # PROJECT and NAME are for the person to say
        model, _ = STAGES[verb].load()
        namespace = parser_for(STAGES[verb], model).parse_args(arguments)
        build(model, flags_of(model, namespace), command)


def test_of_the_sample_what_is_wrong_with_it_is_found_and_no_more(tmp_path: Path) -> None:
    root = tmp_path / "sample"
    shutil.copytree(sample_data() / "zumi", root)
    report = run(root)
    assert report.facts["counts"] == {"unreadable": 1, "missing-caption": 23, "blurred": 1}
    assert list(details(report, "unreadable")) == ["zumi_23_truncated.jpg"]
    assert list(details(report, "blurred")) == ["zumi_22_blurred.jpg"]


def test_a_job_can_be_closed_at_any_yield(project: Path) -> None:
    for stop in range(1, 12):
        for path in project.glob(".dataprep/state.sqlite*"):
            path.unlink()
        job = check.run(project, Settings())
        for _ in range(stop):
            next(job)
        job.close()
    assert counts(project) == {}


def test_rejected_pictures_are_left_out_of_everything(project: Path) -> None:
    (project / "broken.png").write_bytes(b"no picture")
    painted((100, 100), seed=8).save(project / "small.png")
    for name in ("broken.png", "small.png"):
        with Dataset.open(project) as dataset:
            finish(scan.run(dataset, scan.Settings()))
        decide(project, name, "verdict", encode("reject"))
    assert counts(project) == {}


def test_what_crop_decided_is_what_pictures_are_judged_for(project: Path) -> None:
    assert counts(project) == {}
    report = run(project, size=1024)
    assert report.facts["counts"] == {"too-small": 5}
    assert details(report, "too-small")["a.png"] == "640×560, enlarged 1.6× to fill 1024×896"
    assert report.facts["findings"][0]["fix"] == f"dataprep crop {project} --size 576 --buckets"
    decide(project, PROJECT, target.KEY, target.encoded(Target((768, 768))))
    assert counts(project) == {"too-small": 5}
    for name in ("a.png", "b.jpg", "c.webp", "sub/d.png", "[e].png"):
        decide(project, name, "crop", encode_crop(Crop((0, 0, 512, 512), 512, 512)))
    assert counts(project) == {}


def test_bands_that_are_cut_off_are_no_finding(project: Path) -> None:
    letterboxed = Image.new("RGB", (640, 640), "black")
    letterboxed.paste(painted((640, 480), seed=9), (0, 80))
    letterboxed.save(project / "film.png")
    (project / "film.txt").write_text("zumi, cinema\n")
    report = run(project)
    assert list(report.facts["counts"]) == ["borders"]
    assert report.facts["findings"][0]["fix"] == f"dataprep crop {project} --trim"
    decide(project, "film.png", "crop", encode_crop(Crop((0, 82, 640, 558), 512, 384)))
    assert counts(project) == {}


def test_drawings_before_an_even_background_are_neither_flat_nor_bordered(project: Path) -> None:
    for colour in ("white", "black", "lightgray"):
        figure((640, 640), colour).save(project / f"{colour}.png")
        (project / f"{colour}.txt").write_text(f"zumi, {colour} background\n")
    assert counts(project) == {}


def test_a_mask_that_found_nothing_is_a_doubt(project: Path) -> None:
    with Dataset.open(project) as dataset:
        finish(scan.run(dataset, scan.Settings()))
        pictures = {picture.name: picture for picture in dataset.pictures()}
        for name, level in (("a.png", 0), ("b.jpg", 255)):
            masks.save(np.full((56, 64), level, np.uint8), dataset.mask_path(pictures[name], "net"))
        half = np.zeros((56, 64), np.uint8)
        half[:28] = 255
        masks.save(half, dataset.mask_path(pictures["c.webp"], "net"))
    for name in ("a.png", "b.jpg", "c.webp", "sub/d.png"):
        decide(project, name, "background", encode_background(Background("net", "white")))
    report = run(project)
    assert details(report, "mask-doubt") == {
        "a.png": "its subject covers 0.0% of the picture",
        "b.jpg": "its subject covers 100.0% of the picture",
    }


def test_found_gives_the_pictures_of_one_kind_and_reads_the_recipes_limits(project: Path) -> None:
    painted((640, 560), seed=9).filter(ImageFilter.GaussianBlur(9)).save(project / "soft.png")
    with Dataset.open(project) as dataset:
        finish(scan.run(dataset, scan.Settings()))
        assert finish(found(dataset, "blurred")) == ["soft.png"]
        assert finish(found(dataset, "missing-caption")) == ["soft.png"]
        assert finish(found(dataset, "orphan-caption")) == []
        (project / "dataprep.toml").write_text("[check]\nblur = 16\n")
        assert finish(found(dataset, "blurred")) == []
        with pytest.raises(UsageError, match="did you mean 'blurred'"):
            finish(found(dataset, "blured"))
    assert "blurred" not in counts(project)
    assert counts(project, blur=4.0)["blurred"] == 1, "a flag wins over the recipe"


def test_a_kind_about_captions_looks_at_no_picture(project: Path) -> None:
    run(project, only="missing-caption")
    with Dataset.open(project) as dataset:
        assert not dataset.store.looks(looks.VERSION)
    run(project, only="blurred")
    with Dataset.open(project) as dataset:
        assert len(dataset.store.looks(looks.VERSION)) == 5


def test_a_second_check_decodes_nothing(project: Path) -> None:
    first = run(project, blur=1)
    with Dataset.open(project) as dataset:
        states: dict[str, Picture] = dataset.store.pictures()
    for name, picture in states.items():
        path = project / name
        path.write_bytes(bytes(picture.size))
        os.utime(path, ns=(picture.mtime_ns, picture.mtime_ns))
    assert run(project, blur=1).facts == first.facts


def test_without_a_tokenizer_the_report_says_so_and_what_to_place(project: Path) -> None:
    report = run(project)
    assert report.facts["tokenizer"] is None
    assert len(report.lines) == 1, "captions as short as these are no question"
    words = ", ".join("abcdefghij")
    (project / "a.txt").write_text(f"zumi, {', '.join([words] * 5)}\n")
    report = run(project)
    assert details(report, "long-caption") == {
        "a.png": "at least 101 tokens, 75 are read: needs max_token_length 150"
    }
    assert "the longest caption has at least 101 tokens (no CLIP tokenizer" in report.lines[-1]
    assert "put vocab.json and merges.txt from https://huggingface.co/" in report.lines[-1]
    (project / "dataprep.toml").write_text('[export]\nbase = "demo"\n')
    report = run(project)
    assert str(report.facts["tokenizer"]).endswith("tokenizer")
    assert "at least" not in report.lines[-1]


def test_counts_come_on_stdout_and_only_what_fails_on_stderr(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "broken.png").write_bytes(b"no picture")
    (project / "a.txt").unlink()
    assert main(["check", str(project)]) == 1
    out, err = capsys.readouterr()
    assert f"→ dataprep verdict {project} reject --found unreadable" in out
    assert "1 missing-caption" in out
    assert "broken.png: not an image" in err
    assert "a.png" not in err
    assert main(["check", str(project), "--only", "missing-caption"]) == 0
    out, err = capsys.readouterr()
    assert "note: a.png" in err
    assert main(["check", str(project), "--json"]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert facts["counts"] == {"unreadable": 1, "missing-caption": 1}
    assert facts["findings"][1]["files"] == [{"file": "a.png", "detail": "no a.txt"}]


def test_a_trigger_word_is_guessed_from_what_captions_begin_with_and_said_to_be() -> None:
    texts = {f"{n}.png": f"zumi, word {n}" for n in range(4)} | {"z.png": "word, zumi, cat"}
    hits = list(captions.tag_hits(texts, "", 0))
    assert [(hit.kind, hit.file) for hit in hits] == [("trigger-position", "z.png")]
    assert "guessed" in hits[0].detail
    taggers = {f"{n}.png": f"1girl, word {n}" for n in range(5)} | {"z.png": "solo, 1girl"}
    assert [hit.kind for hit in captions.tag_hits(taggers, "", 0)] == ["tag-everywhere"]


def test_a_caption_in_sentences_may_have_the_trigger_anywhere() -> None:
    texts = {
        "a.png": "a photo of Zumi, sitting",
        "b.png": "zumi on a bench",
        "c.png": "a zumis bench",
        "d.png": "a dog",
    }
    assert [hit.file for hit in captions.tag_hits(texts, "zumi", 0)] == ["c.png", "d.png"]


TAGS = st.lists(st.sampled_from(["hat", "cat ears", "sea", "zumi_x", "smile"]), unique=True)


@given(st.lists(TAGS, min_size=4, max_size=8))
def test_a_trigger_put_first_everywhere_is_never_a_finding(rows: list[list[str]]) -> None:
    texts = {f"{n}.png": ", ".join(["zumi", *tags]) for n, tags in enumerate(rows)}
    hits = list(captions.tag_hits(texts, "zumi", 0))
    assert not [hit for hit in hits if hit.kind == "trigger-position"]
    everywhere = set.intersection(*map(set, rows))
    assert len(hits) == len(everywhere)
    assert all(f"'{tag}'" in " ".join(hit.detail for hit in hits) for tag in everywhere)
