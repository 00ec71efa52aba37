"""Where models are looked for on this machine, what is known of them, and ``dataprep models``."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.cli import main
from dataprep.errors import DataprepError, UsageError
from dataprep.jobs import finish
from dataprep.stages import models
from dataprep.taggers.manifest import FAMILIES, all_known, manifest
from dataprep.weights import find_base, find_faces_model, find_matting, find_tagger, hub_snapshot
from dataprep.weights import sources as known
from dataprep.weights.catalogue import by_hand, named, rows
from dataprep.weights.places import hub_cache, is_offline, model_folders
from dataprep.weights.watch import Patience, Stopped, Watch, watched
from tests.tiny_hub import TinyHub

VARIABLES = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
VARIABLES += ("HF_HOME", "HF_ENDPOINT", "DATAPREP_MODELS", "U2NET_HOME", "REMBG_HOME")
WEIGHTS = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def put(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x")
    return folder


def in_cache(repository: str, *names: str, commit: str = "abc", ref: str = "main") -> Path:
    folder = hub_cache() / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs" / ref).write_text(commit)
    return put(folder / "snapshots" / commit, *names)


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("HF_HUB_CACHE", "{0}/hub", "{0}/hub"),
        ("HUGGINGFACE_HUB_CACHE", "{0}/old", "{0}/old"),
        ("HF_HOME", "{0}/home", "{0}/home/hub"),
        ("HF_HOME", "$PLACE/home", "{0}/home/hub"),
        ("XDG_CACHE_HOME", "{0}/xdg", "{0}/xdg/huggingface/hub"),
    ],
)
def test_the_hubs_cache_follows_its_variables(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, value: str, expected: str
) -> None:
    monkeypatch.setenv("PLACE", str(tmp_path))
    monkeypatch.setenv(variable, value.format(tmp_path))
    assert hub_cache() == Path(expected.format(tmp_path))


def test_a_snapshot_is_found_by_branch_and_by_commit() -> None:
    folder = in_cache("a/b", "x")
    assert hub_snapshot("a/b") == hub_snapshot("a/b", "abc") == folder
    assert hub_snapshot("a/b", "v2") is None
    assert hub_snapshot("a/c") is None


@pytest.mark.parametrize(("said", "expected"), [("1", True), ("true", True), ("0", False)])
def test_offline_is_asked_for_or_set(
    monkeypatch: pytest.MonkeyPatch, said: str, *, expected: bool
) -> None:
    assert not is_offline()
    assert is_offline(asked=True)
    monkeypatch.setenv("HF_HUB_OFFLINE", said)
    assert is_offline() is expected


@pytest.mark.parametrize("name", all_known())
def test_every_known_tagger_is_found_once_its_files_are_placed(name: str) -> None:
    source = known.tagger(name)
    with pytest.raises(DataprepError, match="is not on this machine") as error:
        find_tagger(name)
    assert f"dataprep models {name} --fetch" in error.value.hint
    own = put(model_folders(name)[-1], *source.files)
    assert find_tagger(name) == own
    (own / source.files[0]).unlink()
    with pytest.raises(DataprepError, match="is not on this machine"):
        find_tagger(name)
    if source.repository:
        cached = put(in_cache(source.repository) / source.folder, *source.files)
        assert find_tagger(name) == cached


def test_the_users_folder_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = "wd-vit-tagger-v3"
    cached = in_cache(f"SmilingWolf/{name}", "model.onnx", "selected_tags.csv")
    assert find_tagger(name) == cached
    ours = put(tmp_path / "data/dataprep/models" / name, "model.onnx", "selected_tags.csv")
    assert find_tagger(name) == ours
    monkeypatch.setenv("DATAPREP_MODELS", str(tmp_path / "mine"))
    assert find_tagger(name) == ours
    mine = put(tmp_path / "mine" / name, "model.onnx", "selected_tags.csv")
    assert find_tagger(name) == mine


def test_a_repository_with_a_revision_is_another_model() -> None:
    name = "SmilingWolf/wd-vit-tagger-v3"
    in_cache(name, "model.onnx", "selected_tags.csv")
    pinned = in_cache(name, "model.onnx", "selected_tags.csv", commit="def", ref="v2.0")
    assert find_tagger(f"{name}@v2.0") == pinned
    with pytest.raises(DataprepError, match=f"tagger {name}@v3 is not on this machine"):
        find_tagger(f"{name}@v3")
    own = put(model_folders("wd-vit-tagger-v3@v3")[0], "model.onnx", "selected_tags.csv")
    assert find_tagger(f"{name}@v3") == own


@pytest.mark.parametrize("family", FAMILIES)
def test_a_folder_that_lacks_a_file_is_told_which(family: str, tmp_path: Path) -> None:
    needed = manifest(family).files
    folder = put(tmp_path / "tagger", *needed)
    assert find_tagger(str(folder)) == folder
    if len(needed) > 1:
        (folder / needed[1]).unlink()
        with pytest.raises(DataprepError, match="missing"):
            find_tagger(str(folder))


@pytest.mark.parametrize("wrong", ["wd-vit-tager-v3", "./nowhere", "../a/b", "a//b", "a/b@"])
def test_what_is_no_name_is_a_usage_error(wrong: str) -> None:
    with pytest.raises(UsageError, match="neither a folder nor a known name"):
        find_tagger(wrong)
    with pytest.raises(UsageError, match="neither a folder nor a known name"):
        known.captioner(wrong)


def test_captioners_are_known_by_name_and_by_repository() -> None:
    for name, source in known.captioners().items():
        assert known.captioner(name) == known.captioner(source.repository) == source
    other = known.captioner("someone/else@refs/pr/3")
    assert (other.repository, other.revision) == ("someone/else", "refs/pr/3")
    assert other.name == "else@refs-pr-3"


def test_a_captioner_is_whole_with_its_settings_and_every_shard(tmp_path: Path) -> None:
    assert not known.is_captioner(tmp_path)
    put(tmp_path, "config.json", "pytorch_model.bin")
    assert not known.is_captioner(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": WEIGHTS}))
    put(tmp_path, WEIGHTS["a"])
    assert not known.is_captioner(tmp_path)
    put(tmp_path, WEIGHTS["b"])
    assert known.is_captioner(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text("[1]")
    assert not known.is_captioner(tmp_path)
    put(tmp_path, "model.safetensors")
    assert known.is_captioner(tmp_path)


BESIDE = ["pytorch_model.bin", "modeling.py", "weights.pt", "model.ckpt", "vocab.txt", "x.pkl"]
SAFE = ["config.json", "model.safetensors", "model.safetensors.index.json", *WEIGHTS.values()]
NAMES = st.sampled_from([*SAFE, *BESIDE])


@given(st.sets(NAMES))
def test_never_code_and_never_pickles_are_chosen(names: set[str]) -> None:
    chosen = known.captioner_files(names)
    assert chosen <= names
    assert all(name.endswith((".json", ".txt", ".safetensors")) for name in chosen)
    if chosen:
        assert "config.json" in chosen
        assert any(name.endswith(".safetensors") for name in chosen)
    if "model.safetensors" in chosen:
        assert not chosen & set(WEIGHTS.values())


def test_the_face_detector_is_found_in_the_hubs_cache_too() -> None:
    with pytest.raises(DataprepError, match="dataprep models yunet --fetch"):
        find_faces_model()
    cached = in_cache(known.FACES_REPOSITORY, known.FACES_FILE)
    assert find_faces_model() == cached / known.FACES_FILE
    own = put(model_folders(known.FACES)[0].parent, known.FACES_FILE)
    assert find_faces_model() == own / known.FACES_FILE


def test_the_sample_is_always_here() -> None:
    assert find_tagger("demo").is_dir()
    assert find_matting("demo") is not None
    assert Path(find_base("demo")).is_dir()


def test_patience_ends_after_losses_in_a_row_and_news_restores_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dataprep.weights.watch.PAUSES", (0.0, 0.0))
    patience = Patience(Watch(), "a file", "do this")
    for _ in range(5):
        patience.lose("cut")
        patience.refill()
    patience.lose("cut")
    patience.lose("cut")
    with pytest.raises(DataprepError, match="a file cannot be fetched: cut") as error:
        patience.lose("cut")
    assert error.value.hint == "do this"


def test_a_closed_job_stops_its_thread() -> None:
    ended = threading.Event()

    def work(watch: Watch) -> None:
        try:
            watch.pause(60)
        except Stopped:
            ended.set()
            raise

    job = watched(work)
    next(job)
    job.close()
    assert ended.is_set()


def test_an_error_of_the_thread_is_the_jobs() -> None:
    def work(watch: Watch) -> None:
        raise DataprepError("no")

    with pytest.raises(DataprepError, match="no"):
        finish(watched(work))


def test_all_kinds_are_listed_and_only_the_sample_is_here() -> None:
    report = finish(models.run(Path("all"), models.Settings()))
    listed = report.facts["models"]
    assert {row["kind"] for row in listed} == {
        "tagger",
        "matting",
        "faces",
        "captioner",
        "base",
        "tokenizer",
    }
    assert {row["name"] for row in listed if row["here"]} == {"demo"}
    assert {row["place"] for row in listed if row["here"]} == {"sample"}
    assert len(report.lines) == len(listed) + 1


def test_places_have_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    in_cache("fancyfeast/joytag", *known.tagger("joytag").files)
    put(model_folders("wd-vit-tagger-v3")[0], "model.onnx", "selected_tags.csv")
    monkeypatch.setenv("DATAPREP_MODELS", str(tmp_path / "mine"))
    put(tmp_path / "mine" / "wd-swinv2-tagger-v3", "model.onnx", "selected_tags.csv")
    put(tmp_path / "data/rembg/models/u2net", "u2net.onnx")
    places = {row.name: row.place for row in rows() if row.place not in ("", "sample")}
    assert places == {
        "joytag": "HF cache",
        "wd-vit-tagger-v3": "our folder",
        "wd-swinv2-tagger-v3": "DATAPREP_MODELS",
        "u2net": "rembg's folder",
    }


def test_by_hand_names_exact_addresses_and_the_folder_that_is_searched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://hf-mirror.com/")
    (row,) = named("cl_tagger_1_02")
    lines = by_hand(row)
    files = known.tagger("cl_tagger_1_02").files
    for name in files:
        address = "https://hf-mirror.com/cella110n/cl_tagger/resolve/main/cl_tagger_1_02"
        assert f"  {address}/{name}" in lines
    put(Path(lines[-1].strip()), *files)
    assert find_tagger("cl_tagger_1_02") == Path(lines[-1].strip())
    assert by_hand(named("u2net")[0])[0].startswith("save u2net's .onnx file from https://github")
    captioner = by_hand(named("blip-base")[0])
    assert captioner[1].strip().startswith("https://hf-mirror.com/Salesforce/blip")
    assert ".bin" not in captioner[1]
    (unknown,) = named("someone/mine@v2")
    assert (unknown.name, unknown.kind) == ("someone/mine@v2", "model")
    with pytest.raises(UsageError, match="'joytog' is not known") as error:
        named("joytog")
    assert "joytag" in error.value.hint


def test_the_command_fetches_what_is_not_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_TOKEN", "hf_very_secret")
    yunet = {known.FACES_FILE: b"n" * 5000}
    with TinyHub({known.FACES_REPOSITORY: yunet, "someone/mine": {}}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        assert main(["models", "yunet", "--offline", "--fetch"]) == 1
        assert hub.asked == []
        assert main(["models", "yunet", "--fetch", "--json"]) == 0
        assert main(["models", "someone/mine", "--fetch"]) == 1
        assert main(["models", "--fetch"]) == 2
        asked = len(hub.asked)
        assert main(["models", "yunet", "--fetch"]) == 0
        assert len(hub.asked) == asked
    said = capsys.readouterr()
    report = json.loads(next(line for line in said.out.splitlines() if line.startswith("{")))
    (row,) = report["models"]
    assert (row["here"], row["place"]) == (True, "HF cache")
    assert find_faces_model().read_bytes() == yunet[known.FACES_FILE]
    assert "someone/mine is no model" in said.err
    assert "hf_very_secret" not in said.out + said.err
