"""Downloads, against a local server that answers like the hub, its CDN and a proxy."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataprep.errors import DataprepError, UsageError
from dataprep.jobs import Job, Progress, finish
from dataprep.weights import fetch_tagger, find_captioner, find_tagger
from tests import tiny_hub
from tests.tiny_hub import COMMIT, TinyHub

TAGGER = "SmilingWolf/wd-vit-tagger-v3"
NAME = "wd-vit-tagger-v3"
MODEL = random.Random(7).randbytes(300_000)
TAGS = b"tag_id,name,category,count\n0,general,9,10\n"
CAPTIONER = "someone/captioner"
PICKLE = b"\x80\x04" + bytes(2000)
SHARDED = {
    "config.json": b"{}",
    "tokenizer.json": b'{"a": 1}',
    "model.safetensors.index.json": b'{"weight_map": {"a": "model-00001-of-00002.safetensors", '
    b'"b": "model-00002-of-00002.safetensors"}}',
    "model-00001-of-00002.safetensors": MODEL[:5000],
    "model-00002-of-00002.safetensors": MODEL[5000:9000],
    "pytorch_model.bin": PICKLE,
    "modeling_evil.py": b"raise SystemExit",
    "onnx/model.onnx": b"x" * 3000,
}
VARIABLES = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
VARIABLES += ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "DATAPREP_MODELS")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TinyHub]:
    for name in (*VARIABLES, *PROXIES, *(name.upper() for name in PROXIES)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr("dataprep.weights.watch.PAUSES", (0.01, 0.01, 0.01))
    files = {"model.onnx": MODEL, "selected_tags.csv": TAGS, "README.md": b"about"}
    with TinyHub({TAGGER: files, CAPTIONER: SHARDED}) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"{server.url}/")
        yield server


def tag(name: str = NAME, *, offline: bool = False) -> Path:
    return finish(fetch_tagger(name, offline=offline))


def parts(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "hf").rglob("*.incomplete"))


def final_names(tmp_path: Path) -> list[str]:
    blobs = (tmp_path / "hf").rglob("blobs/*")
    return [path.name for path in blobs if path.suffix != ".incomplete"]


def test_a_tagger_is_fetched_whole_with_its_progress_in_bytes(hub: TinyHub, tmp_path: Path) -> None:
    seen: list[Progress] = []
    folder = finish(fetch_tagger(NAME, offline=False), seen.append)
    assert (folder / "model.onnx").read_bytes() == MODEL
    assert (folder / "selected_tags.csv").read_bytes() == TAGS
    assert not (folder / "README.md").exists()
    assert seen[-1].done == seen[-1].total == len(MODEL) + len(TAGS)
    assert [one.done for one in seen] == sorted(one.done for one in seen)
    assert find_tagger(NAME) == find_tagger(TAGGER) == folder
    assert parts(tmp_path) == []


def test_what_is_here_is_not_asked_for_again(hub: TinyHub) -> None:
    folder = tag()
    hub.asked.clear()
    assert tag() == tag(TAGGER) == folder
    assert hub.asked == []


def test_the_cache_is_laid_out_as_huggingface_hub_expects_it(hub: TinyHub, tmp_path: Path) -> None:
    from huggingface_hub import try_to_load_from_cache

    folder = tag()
    found = try_to_load_from_cache(TAGGER, "model.onnx", cache_dir=tmp_path / "hf" / "hub")
    assert found == str(folder / "model.onnx")
    assert folder.name == COMMIT


def test_a_cut_connection_is_taken_up_where_it_ended(hub: TinyHub) -> None:
    hub.cut_after = [100_000, 50_000]
    assert (tag() / "model.onnx").read_bytes() == MODEL
    bodies = hub.bodies("model.onnx")
    assert [one.headers.get("Range") for one in bodies] == [None, "bytes=100000-", "bytes=150000-"]
    assert sum(one.sent for one in bodies) == len(MODEL)


def test_another_run_resumes_what_one_left(hub: TinyHub, tmp_path: Path) -> None:
    hub.cut_after = [40_000, 0, 0, 0]
    with pytest.raises(DataprepError, match=r"^model\.onnx of .* cannot be fetched") as error:
        tag()
    assert "what has arrived is kept" in error.value.hint
    assert "HF_ENDPOINT" not in error.value.hint  # a mirror is in force already
    assert f"dataprep models {NAME}" in error.value.hint
    assert [part.stat().st_size for part in parts(tmp_path)] == [40_000]
    hub.asked.clear()
    assert (tag() / "model.onnx").read_bytes() == MODEL
    (body,) = hub.bodies("model.onnx")
    assert body.headers["Range"] == "bytes=40000-"
    assert body.sent == len(MODEL) - 40_000


def test_a_server_without_ranges_begins_anew(hub: TinyHub) -> None:
    hub.ranges = False
    hub.cut_after = [100_000]
    assert (tag() / "model.onnx").read_bytes() == MODEL


def test_a_busy_server_is_asked_again(hub: TinyHub) -> None:
    hub.busy = 3
    assert (tag() / "model.onnx").read_bytes() == MODEL


def test_a_server_that_stays_busy_is_given_up(hub: TinyHub) -> None:
    hub.busy = 99
    with pytest.raises(DataprepError, match=r"cannot be fetched: the server answered 503"):
        tag()


def test_wrong_bytes_never_take_the_final_name(hub: TinyHub, tmp_path: Path) -> None:
    hub.corrupt = 9
    with pytest.raises(DataprepError, match="checksum is wrong"):
        tag()
    assert parts(tmp_path) == []
    assert len(final_names(tmp_path)) == 1  # the list of tags, which was right
    hub.corrupt = 0
    assert (tag() / "model.onnx").read_bytes() == MODEL


def test_a_spoilt_part_is_thrown_away_and_fetched_anew(hub: TinyHub, tmp_path: Path) -> None:
    hub.cut_after = [40_000, 0, 0, 0]
    with pytest.raises(DataprepError, match="cannot be fetched"):
        tag()
    (part,) = parts(tmp_path)
    part.write_bytes(bytes(40_000))
    assert (tag() / "model.onnx").read_bytes() == MODEL


def test_a_small_file_is_checked_as_well(hub: TinyHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny_hub, "_etag", lambda data: "0" * 40)
    with pytest.raises(DataprepError, match=r"selected_tags\.csv .*checksum is wrong"):
        tag()


def test_a_mirror_may_name_small_files_by_their_bare_sha1(
    hub: TinyHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = tiny_hub._etag

    def bare(data: bytes) -> str:
        return right(data) if len(data) >= tiny_hub.LARGE else hashlib.sha1(data).hexdigest()

    monkeypatch.setattr(tiny_hub, "_etag", bare)
    assert (tag() / "selected_tags.csv").read_bytes() == TAGS


@pytest.mark.parametrize("announced", [len(MODEL) - 1000, len(MODEL) + 1000])
def test_a_wrong_size_is_noticed(hub: TinyHub, tmp_path: Path, announced: int) -> None:
    hub.announced["model.onnx"] = announced
    with pytest.raises(DataprepError, match="size or checksum is wrong"):
        tag()
    assert len(final_names(tmp_path)) == 1


def test_offline_takes_what_is_here_and_asks_nobody(
    hub: TinyHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataprepError, match="nothing is fetched while offline") as error:
        tag(offline=True)
    assert "model.onnx and selected_tags.csv" in error.value.hint
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DataprepError, match="nothing is fetched while offline"):
        tag()
    assert hub.asked == []
    monkeypatch.delenv("HF_HUB_OFFLINE")
    folder = tag()
    hub.asked.clear()
    assert tag(offline=True) == folder
    assert hub.asked == []


def test_a_closed_job_ends_soon_and_keeps_its_part(hub: TinyHub, tmp_path: Path) -> None:
    hub.hold_at = 80_000
    job: Job[Path] = fetch_tagger(NAME, offline=False)
    while next(job).done < 80_000:
        pass
    job.close()  # the server is still silent
    (part,) = parts(tmp_path)
    kept = part.stat().st_size
    assert kept >= 80_000 - 4096
    hub.hold_at = None
    hub.go_on.set()
    hub.asked.clear()
    assert (tag() / "model.onnx").read_bytes() == MODEL
    assert hub.bodies("model.onnx")[0].headers["Range"] == f"bytes={kept}-"


def test_a_proxy_set_after_the_start_is_used(hub: TinyHub, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub  # noqa: F401

    with TinyHub() as proxy:
        proxy.repositories = hub.repositories
        monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert (tag() / "model.onnx").read_bytes() == MODEL
        assert {one.host for one in proxy.asked} == {"hub.invalid", f"localhost:{proxy.port}"}
    assert hub.asked == []


def test_a_proxy_that_makes_no_sense_is_named(
    hub: TinyHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "ftp://nowhere")
    with pytest.raises(DataprepError, match="the proxy of this machine cannot be used"):
        tag()


def test_an_endpoint_that_is_no_address_is_named(
    hub: TinyHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "hf-mirror.com")
    with pytest.raises(UsageError, match=r"HF_ENDPOINT is 'hf-mirror.com'"):
        tag()


def test_something_else_that_answers_is_named(hub: TinyHub) -> None:
    hub.answers = False
    with pytest.raises(DataprepError, match="does not answer as the Hugging Face Hub does"):
        tag()
    with pytest.raises(DataprepError, match="does not answer as the Hugging Face Hub does"):
        tag("someone/tagger")


def test_nobody_there(hub: TinyHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DataprepError, match=r"model\.onnx of .* cannot be fetched: .*refused"):
        tag()


def test_terms_are_explained(hub: TinyHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.gated.add(TAGGER)
    with pytest.raises(DataprepError, match="accepted its terms") as error:
        tag()
    assert f"https://huggingface.co/{TAGGER}" in error.value.hint
    assert "HF_TOKEN" in error.value.hint
    monkeypatch.setenv("HF_TOKEN", "good")
    assert (tag() / "model.onnx").read_bytes() == MODEL


def test_a_token_goes_to_the_hub_alone_and_is_never_shown(
    hub: TinyHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_TOKEN", "good")
    seen: list[Progress] = []
    hub.cut_after = [1000]
    finish(fetch_tagger(NAME, offline=False), seen.append)
    asked = [one for one in hub.asked if not one.path.startswith("/cdn/")]
    assert {one.headers.get("Authorization") for one in asked} == {"Bearer good"}
    assert {one.headers.get("Authorization") for one in hub.bodies()} == {None}
    assert "good" not in "".join(repr(one) for one in seen)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(b"Bearer" in path.read_bytes() for path in written)


def test_a_refused_token_is_named_but_not_shown(
    hub: TinyHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "wrong")
    with pytest.raises(DataprepError, match="refused your token") as error:
        tag()
    assert "wrong" not in str(error.value)


def test_what_is_not_at_the_hub_is_named(hub: TinyHub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        DataprepError, match="shows no repository SmilingWolf/wd-vit-tagger-v4"
    ) as e:
        tag("SmilingWolf/wd-vit-tagger-v4")
    assert f"did you mean '{TAGGER}'?" in e.value.hint
    with pytest.raises(DataprepError, match=f"{TAGGER} has no revision 'v9'"):
        tag(f"{TAGGER}@v9")
    del hub.repositories[TAGGER]["model.onnx"]
    with pytest.raises(DataprepError, match=r"has no file model\.onnx"):
        tag()
    with pytest.raises(UsageError, match="neither a folder nor a known name") as error:
        tag("wd-vit-tagger-v33")
    assert NAME in error.value.hint


def test_an_unknown_repository_is_taken_by_its_files(hub: TinyHub) -> None:
    hub.repositories["someone/mine"] = {**hub.repositories[TAGGER], "model.pt": PICKLE}
    hub.page = 2
    folder = tag(f"someone/mine@{COMMIT}")
    assert {path.name for path in folder.iterdir()} == {"model.onnx", "selected_tags.csv"}
    assert find_tagger(f"someone/mine@{COMMIT}") == folder
    with pytest.raises(DataprepError, match="is not on this machine"):
        find_tagger("someone/mine")
    hub.repositories["someone/other"] = {"sub/model.onnx": MODEL, "sub/selected_tags.csv": TAGS}
    with pytest.raises(DataprepError, match="someone/other is no tagger"):
        tag("someone/other")
    assert (tag("someone/other/sub") / "model.onnx").read_bytes() == MODEL


def test_a_captioner_comes_with_all_its_parts_and_without_code(hub: TinyHub) -> None:
    folder = finish(find_captioner(CAPTIONER, offline=False))
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "tokenizer.json",
        "model.safetensors.index.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    }
    hub.asked.clear()
    assert finish(find_captioner(CAPTIONER, offline=True)) == folder
    assert finish(find_captioner(str(folder), offline=True)) == folder.resolve()
    assert hub.asked == []


def test_a_captioner_whose_shard_is_missing_is_completed(hub: TinyHub) -> None:
    folder = finish(find_captioner(CAPTIONER, offline=False))
    (folder / "model-00002-of-00002.safetensors").resolve().unlink()
    with pytest.raises(DataprepError, match="offline"):
        finish(find_captioner(CAPTIONER, offline=True))
    hub.asked.clear()
    assert finish(find_captioner(CAPTIONER, offline=False)) == folder
    assert [one.path.rsplit("/", 1)[-1] for one in hub.bodies()] == [
        "model-00002-of-00002.safetensors"
    ]


def test_pickles_are_never_fetched(hub: TinyHub) -> None:
    hub.repositories["someone/old"] = {"config.json": b"{}", "pytorch_model.bin": PICKLE}
    with pytest.raises(DataprepError, match="pickles can run code and are not taken"):
        finish(find_captioner("someone/old", offline=False))


def process() -> subprocess.Popen[str]:
    code = (
        "from dataprep.jobs import finish; from dataprep.weights import fetch_tagger; "
        f"print(finish(fetch_tagger('{NAME}', offline=False)))"
    )
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def test_a_killed_process_leaves_a_part_and_no_final_name(hub: TinyHub, tmp_path: Path) -> None:
    hub.hold_at = 200_000
    with process() as run:
        while not (parts(tmp_path) and parts(tmp_path)[0].stat().st_size >= 190_000):
            time.sleep(0.01)
        run.kill()
    assert len(final_names(tmp_path)) == 1
    with pytest.raises(DataprepError, match="is not on this machine"):
        find_tagger(NAME)
    hub.hold_at = None
    hub.go_on.set()
    hub.asked.clear()
    assert (tag() / "model.onnx").read_bytes() == MODEL
    assert hub.bodies("model.onnx")[0].sent <= len(MODEL) - 190_000


def test_two_processes_fetch_a_model_once(hub: TinyHub) -> None:
    hub.hold_at = 200_000
    runs = [process() for _ in range(2)]
    while not any(one.sent >= 200_000 for one in hub.bodies("model.onnx")):
        time.sleep(0.01)
    hub.hold_at = None
    hub.go_on.set()  # the held connection ends; its process resumes
    said = {run.communicate(timeout=60)[0] for run in runs}
    assert len(said) == 1
    assert [run.returncode for run in runs] == [0, 0]
    assert sum(one.sent for one in hub.bodies("model.onnx")) == len(MODEL)


def test_a_full_disk_is_said_before_anything_is_fetched(
    hub: TinyHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    with pytest.raises(DataprepError, match=r"^no room for model\.onnx") as error:
        tag()
    assert "HF_HOME" in error.value.hint
    assert hub.bodies("model.onnx") == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_fills_up_is_said(hub: TinyHub, tmp_path: Path) -> None:
    hub.cut_after = [0, 0, 0, 0]
    with pytest.raises(DataprepError, match="cannot be fetched"):
        tag()
    (part,) = parts(tmp_path)
    part.unlink()
    part.symlink_to("/dev/full")
    with pytest.raises(DataprepError, match=r"^no room for model\.onnx"):
        tag()


def test_a_cache_that_may_not_be_written_is_said(
    hub: TinyHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "file"))
    with pytest.raises(DataprepError, match=r"cannot be kept in .*Not a directory"):
        tag()


def test_a_model_that_lies_elsewhere_is_fetched_by_its_address(
    hub: TinyHub, tmp_path: Path
) -> None:
    from dataprep.weights.fetch import fetch
    from dataprep.weights.sources import Source

    url = f"{hub.cdn}/{TAGGER}/model.onnx"
    hub.cut_after = [10_000]
    source = Source("elsewhere", url=url, files=("model.onnx",))
    folder = finish(fetch(source, "tagger"))
    assert folder == tmp_path / "data" / "dataprep" / "models" / "elsewhere"
    assert (folder / "model.onnx").read_bytes() == MODEL
