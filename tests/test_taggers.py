"""The tagger against its makers' recipe written out plainly, and files that break the contract."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dataprep.errors import DataprepError, UsageError
from dataprep.taggers import Tagger, manifest, open_tagger, read_model
from dataprep.taggers.manifest import FAMILIES, all_known
from dataprep.taggers.network import Onnx
from dataprep.taggers.pixels import feed, inside, prepare
from dataprep.weights import find_base, find_matting, find_tagger
from tests.tiny_onnx import SIDE, TAGS, tagger_scores, write_tagger

Fit = Literal["pad", "letterbox", "edge", "squash"]
WD14 = manifest()
FITS: tuple[Fit, ...] = get_args(Fit)


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    rng = np.random.default_rng(width * 10_007 + height)
    return Image.fromarray(rng.integers(0, 256, (height, width, len(mode)), np.uint8), mode)


def reference(image: Image.Image, size: int) -> npt.NDArray[np.uint8]:
    """On white, padded with white to a centred square, bicubic, BGR."""
    canvas = Image.new("RGBA", image.size, (255, 255, 255))
    canvas.alpha_composite(image.convert("RGBA"))
    side = max(image.size)
    square = Image.new("RGB", (side, side), (255, 255, 255))
    offset = ((side - image.width) // 2, (side - image.height) // 2)
    square.paste(canvas.convert("RGB"), offset)
    if side != size:
        square = square.resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(square)[:, :, ::-1]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 700), st.integers(1, 700), st.sampled_from(["RGB", "RGBA"]))
def test_pixels_are_the_references(width: int, height: int, mode: str) -> None:
    image = noise(width, height, mode)
    ours = prepare(image, 112, WD14)
    assert (ours.shape, ours.dtype) == ((112, 112, 3), np.uint8)
    np.testing.assert_array_equal(feed(ours[None], WD14)[0], reference(image, 112))


@pytest.mark.parametrize("size", [(448, 448), (448, 300), (2000, 1500), (1500, 2000)])
def test_pixels_at_the_real_size(size: tuple[int, int]) -> None:
    ours = feed(prepare(noise(*size), 448, WD14)[None], WD14)
    assert (ours.dtype, ours.flags["C_CONTIGUOUS"]) == (np.float32, True)
    np.testing.assert_array_equal(ours[0], reference(noise(*size), 448))


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "CMYK", "RGBA"])
def test_pixels_of_every_mode(mode: str) -> None:
    image = noise(300, 211).convert(mode)
    ours = feed(prepare(image, 112, WD14)[None], WD14)[0]
    assert np.abs(ours - reference(image, 112)).mean() <= 0.5


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 3000), st.integers(1, 3000), st.sampled_from(FITS))
def test_what_a_picture_takes_of_the_square(width: int, height: int, fit: Fit) -> None:
    family = replace(WD14, fit=fit)
    fitted = inside((width, height), 64, family)
    assert max(fitted) == 64
    assert min(fitted) >= 1
    if fit == "squash":
        assert fitted == (64, 64)
    else:
        longest = max(width, height)
        assert abs(fitted[0] - 64 * width / longest) <= 1
        assert abs(fitted[1] - 64 * height / longest) <= 1


@pytest.mark.parametrize("fit", FITS)
def test_however_it_is_fitted_no_colour_is_made_up(fit: Fit) -> None:
    family = replace(WD14, fit=fit, pad=(9, 8, 7))
    for width, height in [(1, 900), (900, 1), (63, 64), (64, 64), (65, 33)]:
        square = prepare(Image.new("RGB", (width, height), (200, 30, 40)), 64, family)
        assert square.shape == (64, 64, 3)
        if fit in ("edge", "squash"):
            assert (square == (200, 30, 40)).all()
        else:
            assert (square[32, 32] == (200, 30, 40)).all() or min(width, height) == 1


@pytest.mark.parametrize("batch", ["batch", 1])
def test_scores_are_the_networks(tmp_path: Path, batch: int | str) -> None:
    tagger = open_tagger(write_tagger(tmp_path / "tiny", batch=batch))
    assert (tagger.size, tagger.device, tagger.tags) == (SIDE, "cpu", TAGS)
    prepared = [tagger.prepare(noise(90, 60)), tagger.prepare(noise(30, 99, "RGBA"))]
    scores = tagger.predict(prepared)
    assert scores.dtype == np.float32
    expected = np.stack([tagger_scores(pixels) for pixels in prepared])
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    np.testing.assert_array_equal(tagger.predict(np.stack(prepared)), scores)
    assert tagger.predict([]).shape == (0, len(TAGS))


def test_the_key_follows_the_file_and_the_preprocessing(tmp_path: Path) -> None:
    one = read_model(write_tagger(tmp_path / "one"))
    name, digest = one.key.split("@")
    assert name == "one"
    assert len(digest.split(".")[0]) == 12
    other = read_model(write_tagger(tmp_path / "other" / "one", side=32))
    assert other.key != one.key


def test_in_the_hub_cache_a_model_is_called_as_its_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "hub" / "models--SmilingWolf--wd-vit-tagger-v3"
    write_tagger(repository / "snapshots" / "abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    folder = find_tagger("wd-vit-tagger-v3")
    assert folder == repository / "snapshots" / "abc"
    assert read_model(folder).name == "wd-vit-tagger-v3"


def test_a_folder_of_models_is_searched_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAPREP_MODELS", str(tmp_path))
    folder = write_tagger(tmp_path / "wd-swinv2-tagger-v3")
    assert find_tagger("wd-swinv2-tagger-v3") == folder


def test_a_known_tagger_that_is_not_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAPREP_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(DataprepError) as caught:
        find_tagger("wd-eva02-large-tagger-v3")
    assert "is not on this machine" in caught.value.message
    assert str(tmp_path / "models" / "wd-eva02-large-tagger-v3") in caught.value.message
    assert str(tmp_path / "hub") in caught.value.message
    assert "https://huggingface.co/SmilingWolf/wd-eva02-large-tagger-v3" in caught.value.hint
    assert "model.onnx and selected_tags.csv" in caught.value.hint


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(UsageError) as caught:
        find_tagger("wd-swin-tagger-v3")
    assert caught.value.message == "tagger 'wd-swin-tagger-v3' is neither a folder nor a known name"
    assert caught.value.hint == "did you mean 'wd-swinv2-tagger-v3'?"


def test_a_folder_without_the_files_says_which(tmp_path: Path) -> None:
    write_tagger(tmp_path)
    (tmp_path / "selected_tags.csv").unlink()
    with pytest.raises(DataprepError, match=r"selected_tags.csv or .* missing"):
        find_tagger(str(tmp_path))


def test_other_models_are_found_or_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        find_matting(str(tmp_path / "none.onnx"))
    assert find_matting("isnet-anime") is None
    with pytest.raises(UsageError, match="no such file"):
        find_base(str(tmp_path / "none.safetensors"))
    assert find_base(str(tmp_path)) == str(tmp_path.resolve())
    assert find_base("owner/model") == "owner/model"


def _message(folder: Path) -> str:
    with pytest.raises(DataprepError) as caught:
        open_tagger(folder)
    return str(caught.value)


def test_broken_models_say_what_is_wrong(tmp_path: Path) -> None:
    assert "has 9 outputs" in _message(write_tagger(tmp_path / "outputs", tags=9))
    folder = write_tagger(tmp_path / "cut")
    whole = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(whole[: len(whole) // 2])
    assert "cannot be loaded" in _message(folder)
    (folder / "model.onnx").write_bytes(b"")
    assert "cannot be loaded" in _message(folder)
    (folder / "model.onnx").unlink()
    assert "model.onnx missing" in _message(folder)


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ("", "it is empty"),
        ("tag_id,name,category,count\n", "holds no tags"),
        ("tag_id,name,count\n1,a,2\n", "has no column 'category'"),
        ("tag_id,name,category,count\n1,a,x,2\n", "line 2: category 'x' is none of 0, 4, 9"),
        ("tag_id,name,category,count\n1,a,0,2\n2,b,7,2\n", "line 3: category '7' is none of"),
        ("tag_id,name,category,count\n1,a,0,2\n1,b\n", "line 3: it has other columns"),
        ("tag_id,name,category,count\n1,,0,2\n", "line 2: it has other columns"),
        ("tag_id,name,category,count\n1,a,0,2,5\n", "line 2: it has other columns"),
        (b"tag_id,name,category,count\n1,\xff,0,2\n", "is not a list of tags (not UTF-8)"),
    ],
)
def test_broken_tables_say_what_is_wrong(tmp_path: Path, table: str | bytes, what: str) -> None:
    data = table if isinstance(table, bytes) else table.encode()
    (write_tagger(tmp_path) / "selected_tags.csv").write_bytes(data)
    assert what in _message(tmp_path)


def test_a_gpu_that_is_asked_for_but_not_there_is_an_error(tmp_path: Path) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    with pytest.raises(DataprepError, match="has no CUDA"):
        open_tagger(write_tagger(tmp_path), "cuda")


class Small:
    """A session that takes so many pictures, with a real one behind it."""

    def __init__(self, session: Any, most: int, said: str) -> None:
        self.behind, self.most, self.said, self.sizes = session, most, said, list[int]()

    def run(self, names: list[str], feed: dict[str, npt.NDArray[np.float32]]) -> object:
        from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

        size = len(next(iter(feed.values())))
        if size > self.most:
            raise RuntimeException(self.said)
        self.sizes.append(size)
        return self.behind.run(names, feed)


NODE = "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code while running Conv node."
ARENA = "onnxruntime/core/framework/bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRaw()"


def small(folder: Path, most: int, said: str) -> tuple[Tagger, Small]:
    tagger = open_tagger(write_tagger(folder))
    network = tagger._network
    assert isinstance(network, Onnx)
    network.session = Small(network.session, most, said)
    tagger.at_once = 100
    return tagger, network.session


@pytest.mark.parametrize(
    "said",
    [
        f"{NODE} {ARENA} Failed to allocate memory for requested buffer of size 1\nand more",
        f"{NODE} {ARENA} Available memory of 7 is smaller than requested bytes of 9",
        f"{NODE} CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc((void**)&p, size);",
        f"{NODE} CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0",
        f"{NODE} std::bad_alloc",
        "Exception during run: bad allocation",
    ],
)
def test_a_batch_too_large_for_the_memory_is_halved(tmp_path: Path, said: str) -> None:
    tagger, session = small(tmp_path, 3, said)
    batch = [tagger.prepare(noise(40, 10 + n)) for n in range(9)]
    expected = np.stack([tagger_scores(pixels) for pixels in batch])
    np.testing.assert_allclose(tagger.predict(batch), expected, atol=1e-5)
    assert (session.sizes, tagger.at_once) == ([2, 2, 2, 2, 1], 2)
    session.most = 0
    with pytest.raises(DataprepError) as caught:
        tagger.predict(batch)
    assert caught.value.message.endswith(said.splitlines()[0])
    assert "not even one picture fits" in caught.value.hint


@pytest.mark.parametrize(
    "said",
    [
        f"{NODE} CUDNN failure 8: CUDNN_STATUS_EXECUTION_FAILED ; GPU=0",
        f"{NODE} CUDA failure 719: unspecified launch failure",
        "Got invalid dimensions for input: input",
    ],
)
def test_another_failure_is_said_and_not_tried_again(tmp_path: Path, said: str) -> None:
    tagger, session = small(tmp_path, 3, said)
    with pytest.raises(DataprepError) as caught:
        tagger.predict([tagger.prepare(noise(40, 10 + n)) for n in range(9)])
    assert caught.value.message.endswith(said)
    assert (session.sizes, tagger.at_once) == ([], 100)


def test_several_threads_may_ask_at_once(tmp_path: Path) -> None:
    tagger = open_tagger(write_tagger(tmp_path), threads=1)
    pictures = [noise(30 + n, 50) for n in range(24)]
    answers: dict[int, npt.NDArray[np.float32]] = {}

    def ask(first: int) -> None:
        for place in range(first, len(pictures), 4):
            answers[place] = tagger.predict(tagger.prepare(pictures[place])[None])[0]

    asking = [threading.Thread(target=ask, args=(first,)) for first in range(4)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    for place, picture in enumerate(pictures):
        expected = tagger_scores(tagger.prepare(picture))
        np.testing.assert_allclose(answers[place], expected, atol=1e-5)


def test_a_network_that_gives_another_number_of_scores(tmp_path: Path) -> None:
    model = read_model(write_tagger(tmp_path))
    tagger: Tagger = open_tagger(model)
    tagger.tags = TAGS[:-1]
    with pytest.raises(DataprepError, match=r"shape \(1, 10\) where its table has 9 tags"):
        tagger.predict([tagger.prepare(noise(8, 8))])


def test_the_manifest_is_whole() -> None:
    assert (WD14.family, WD14.layout, WD14.colour, WD14.resample) == (
        "wd14",
        "NHWC",
        "BGR",
        "bicubic",
    )
    assert WD14.categories == {"0": "general", "4": "character", "9": "rating"}
    assert all(row.repository.split("/")[1] == name for name, row in WD14.models.items())
    assert len(WD14.models) == 10
    assert (WD14.scale, WD14.mean, WD14.std, WD14.activation) == (1, (0, 0, 0), (1, 1, 1), "none")


def test_every_family_says_where_its_models_come_from() -> None:
    assert {row.family for row in all_known().values()} == set(FAMILIES)
    for name, row in all_known().items():
        family = manifest(row.family)
        assert bool(row.repository) != bool(row.url), name
        assert row.files
        assert set(family.thresholds) <= set(family.categories.values())
        assert set(row.thresholds or {}) <= set(family.thresholds)
