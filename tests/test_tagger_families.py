"""Every family of taggers against its makers' recipe, and what memory and bad scores do to it."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto
from PIL import Image

from dataprep.errors import DataprepError
from dataprep.taggers import manifest, open_tagger, read_model
from dataprep.taggers.manifest import FAMILIES, all_known
from dataprep.taggers.pixels import feed
from dataprep.taggers.runner import sigmoid
from dataprep.vocabulary import Entry
from tests.tiny_onnx import network_logits, write_network
from tests.tiny_taggers import (
    CASES,
    GENERAL,
    PICTURES,
    RAW,
    cl_input,
    cl_tags_in_two_tables,
    edged,
    planes,
    wd_input,
    write_case,
)


def test_every_family_in_onnx_has_its_case() -> None:
    assert set(CASES) == {name for name in FAMILIES if manifest(name).format == "onnx"}


@pytest.mark.parametrize("family", CASES)
def test_a_family_keeps_its_makers_recipe(tmp_path: Path, family: str) -> None:
    case = CASES[family]
    entries = write_case(tmp_path / case.folder, case)
    model = read_model(tmp_path / case.folder)
    assert (model.family.family, model.name, list(model.tags)) == (family, case.folder, entries)
    tagger = open_tagger(model, threads=1)
    assert (tagger.device, tagger.at_once) == ("cpu", 1)
    prepared = [tagger.prepare(picture) for picture in PICTURES]
    assert {(one.dtype.name, one.shape) for one in prepared} == {
        ("uint8", (tagger.size,) * 2 + (3,))
    }
    expected = []
    for picture, pixels in zip(PICTURES, prepared, strict=True):
        seen = case.seen(picture)
        fed = feed(pixels[None], model.family)[0]
        assert (fed.dtype, fed.flags["C_CONTIGUOUS"]) == (np.float32, True)
        fed = planes(fed) if case.layout == "NHWC" else fed
        np.testing.assert_allclose(fed, seen, atol=1e-6 * np.abs(seen).max())
        logits = network_logits(seen, len(entries), case.full)
        expected.append(1 / (1 + np.exp(-logits.astype(np.float64))))
    scores = tagger.predict(prepared)
    assert scores.dtype == np.float32
    # the network's own means, in single precision, are no better
    np.testing.assert_allclose(scores, np.stack(expected), atol=1e-3)
    # several pictures at once say the same as one by one
    tagger.at_once = 100
    np.testing.assert_allclose(tagger.predict(np.stack(prepared)), scores, atol=1e-6)
    assert tagger.at_once == 100


def test_cl_tagger_lists_its_tags_in_two_ways(tmp_path: Path) -> None:
    case = CASES["cl_tagger"]
    write_case(tmp_path / "one", case)
    one = read_model(tmp_path / "one")
    cl_tags_in_two_tables(tmp_path / "one")
    assert read_model(tmp_path / "one").tags == one.tags


def test_the_same_file_in_half_precision(tmp_path: Path) -> None:
    case = CASES["cl_tagger"]
    entries = case.write_tags(tmp_path)
    write_network(
        tmp_path / "model_optimized.onnx",
        len(entries),
        side=448,
        layout="NCHW",
        heads=RAW,
        kind=TensorProto.FLOAT16,
    )
    tagger = open_tagger(tmp_path, threads=1)
    scores = tagger.predict([tagger.prepare(PICTURES[0])])[0]
    logits = network_logits(cl_input(PICTURES[0]), len(entries))
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-logits)), atol=2e-3)


def test_what_a_published_model_is_called_tells_its_thresholds(tmp_path: Path) -> None:
    write_case(tmp_path / "wd-swinv2-tagger-v3", CASES["wd14"])
    assert read_model(tmp_path / "wd-swinv2-tagger-v3").thresholds == {
        "general": 0.2653,
        "character": 0.85,
    }
    write_case(tmp_path / "mine", CASES["wd14"])
    assert read_model(tmp_path / "mine").thresholds == {"general": 0.35, "character": 0.85}


def test_every_published_model_names_files_by_which_it_is_recognised(tmp_path: Path) -> None:
    for name, row in all_known().items():
        if row.schema == "checkpoint":
            continue
        write_case(tmp_path / name, CASES[row.family])
        assert all((tmp_path / name / file).is_file() for file in row.files)
        assert read_model(tmp_path / name).family == manifest(row.family)
        assert row.repository or row.url


def test_probabilities_get_no_second_sigmoid(tmp_path: Path) -> None:
    """A sigmoid over probabilities puts every score at 0.5 or above (qinglong)."""
    write_case(tmp_path / "wd", CASES["wd14"])
    tagger = open_tagger(tmp_path / "wd", threads=1)
    prepared = tagger.prepare(PICTURES[0])
    assert tagger.predict([prepared]).min() < 0.3
    (tmp_path / "wd" / "tagger.toml").write_text('family = "wd14"\nactivation = "sigmoid"\n')
    wrong = open_tagger(tmp_path / "wd", threads=1)
    with pytest.raises(DataprepError, match="these are probabilities already"):
        wrong.predict([prepared])


def test_logits_are_not_taken_for_probabilities(tmp_path: Path) -> None:
    case = CASES["wd14"]
    entries = write_case(tmp_path / "wd", case)
    path = tmp_path / "wd" / "model.onnx"
    write_network(path, len(entries), side=448, layout="NHWC", heads=RAW, full=255)
    tagger = open_tagger(tmp_path / "wd", threads=1)
    prepared = tagger.prepare(PICTURES[0])
    with pytest.raises(DataprepError, match=r"gave scores from -.*, not probabilities") as caught:
        tagger.predict([prepared])
    assert 'activation = "sigmoid"' in caught.value.hint
    (tmp_path / "wd" / "tagger.toml").write_text('family = "wd14"\nactivation = "sigmoid"\n')
    scores = open_tagger(tmp_path / "wd", threads=1).predict([prepared])[0]
    logits = network_logits(wd_input(PICTURES[0]), len(entries), 255)
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-logits)), atol=2e-4)


def test_deepdanbooru_is_not_taken_for_a_wd_tagger(tmp_path: Path) -> None:
    """Its first four tags are tags, and its ratings stand at the end (BooruDatasetTagManager)."""
    write_case(tmp_path / "deepdanbooru", CASES["deepdanbooru"])
    tags = read_model(tmp_path / "deepdanbooru").tags
    assert tags[:4] == tuple(Entry(name, "general") for name in GENERAL[:4])
    assert [one.tag for one in tags if one.category == "rating"] == [
        "rating:safe",
        "rating:questionable",
        "rating:explicit",
    ]
    assert {one.category for one in tags[-3:]} == {"rating"}


def test_a_sigmoid_that_no_number_upsets() -> None:
    values = np.array([-1e4, -90, -30, -1, 0, 1, 30, 90, 1e4], np.float32)
    with np.errstate(all="raise", under="ignore"):
        answer = sigmoid(values)
    assert answer.dtype == np.float32
    assert (answer[0], answer[4], answer[-1]) == (0, 0.5, 1)
    exact = 1 / (1 + np.exp(-values.astype(np.float64).clip(-700)))
    np.testing.assert_allclose(answer, exact, rtol=1e-6, atol=1e-38)


# memory


LITTLE = """
import sys
import onnxruntime as ort
from dataprep import inference
from dataprep.taggers import open_tagger
from PIL import Image

arena = {"max_mem": 40 << 20, "arena_extend_strategy": 1, "initial_chunk_size_bytes": 1 << 16}
info = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
ort.create_and_register_allocator(info, ort.OrtArenaCfg(arena | {"max_dead_bytes_per_chunk": -1}))
usual = inference.session_options
def options(threads=0):
    made = usual(threads)
    made.add_session_config_entry("session.use_env_allocators", "1")
    return made
inference.session_options = options
tagger = open_tagger(__import__("pathlib").Path(sys.argv[1]), "cpu", 1)
tagger.at_once = 64
prepared = [tagger.prepare(Image.new("RGB", (64, 64), (n, 9, 200))) for n in range(32)]
scores = tagger.predict(prepared)
one = [tagger.predict([pixels])[0] for pixels in prepared]
print(tagger.at_once, scores.shape, max(abs(scores - one).max(axis=1)))
"""


def test_memory_that_runs_out_in_earnest(tmp_path: Path) -> None:
    """An arena of 40 MiB: onnxruntime's own error, whose words tell it from other failures."""
    write_case(tmp_path / "wd", CASES["wd14"])
    command = [sys.executable, "-c", LITTLE, str(tmp_path / "wd")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    many, rest = result.stdout.split(" ", 1)
    assert 1 <= int(many) < 32
    assert rest.startswith("(32, 21) ")
    assert float(rest.split()[-1]) < 1e-6


def said(folder: Path) -> str:
    with pytest.raises(DataprepError) as caught:
        open_tagger(folder)
    return str(caught.value)


# A1111's checkpoint


def test_a1111s_deepdanbooru(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from tests.tiny_deepbooru import RATINGS, TAGS, write_deepbooru

    reference = write_deepbooru(tmp_path / "deepbooru")
    model = read_model(tmp_path / "deepbooru")
    assert (model.family.family, model.name) == ("deepdanbooru-torch", "deepbooru")
    assert model.tags == (
        *(Entry(tag, "general") for tag in TAGS),
        *(Entry(tag, "rating") for tag in RATINGS),
    )
    tagger = open_tagger(model, "cpu", 1)
    seen = np.stack([edged(picture, Image.Resampling.LANCZOS) for picture in PICTURES[:3]])
    with torch.inference_mode():
        expected = reference(torch.from_numpy(seen)).numpy()
    scores = tagger.predict([tagger.prepare(picture) for picture in PICTURES[:3]])
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert np.ptp(expected) > 0.05


def test_checkpoints_that_are_none(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "model-resnet_custom_v3.pt"
    path.write_bytes(b"")
    assert "is not a checkpoint of plain tensors" in said(tmp_path)
    torch.save({"tags": ["a"]}, path)
    assert "is not DeepDanbooru's checkpoint (no n_Conv_0.weight)" in said(tmp_path)
    path.write_bytes(path.read_bytes()[:300])
    assert "is not a checkpoint of plain tensors" in said(tmp_path)


class Harm:
    """What a hostile pickle does when it is read without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_a_checkpoint_runs_no_code(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"tags": Harm(tmp_path / "harmed")}, tmp_path / "model-resnet_custom_v3.pt")
    assert "is not a checkpoint of plain tensors" in said(tmp_path)
    (tmp_path / "model-resnet_custom_v3.pt").write_bytes(
        pickle.dumps(Harm(tmp_path / "harmed"), protocol=2)
    )
    assert "is not a checkpoint of plain tensors" in said(tmp_path)
    assert not (tmp_path / "harmed").exists()


def test_without_torch_the_checkpoint_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model-resnet_custom_v3.pt").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert 'pip install "lora-dataprep[train]"' in said(tmp_path)
