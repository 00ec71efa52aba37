"""The tagger against its makers' recipe written out plainly, and files that break the contract."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dataprep.errors import DataprepError, UsageError
from dataprep.taggers import Choice, Tagger, manifest, open_tagger, read_model, select
from dataprep.taggers.pixels import prepare
from dataprep.weights import find_base, find_matting, find_tagger
from tests.tiny_onnx import SIDE, TAGS, tagger_scores, write_tagger

WD14 = manifest()


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
    assert ours.shape == (112, 112, 3)
    assert ours.flags["C_CONTIGUOUS"]
    np.testing.assert_array_equal(ours, reference(image, 112))


@pytest.mark.parametrize("size", [(448, 448), (448, 300), (2000, 1500), (1500, 2000)])
def test_pixels_at_the_real_size(size: tuple[int, int]) -> None:
    np.testing.assert_array_equal(prepare(noise(*size), 448, WD14), reference(noise(*size), 448))


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
    with pytest.raises(DataprepError, match=r"selected_tags.csv missing"):
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
    assert "cannot be read" in _message(folder)


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ("", "holds no tags"),
        ("tag_id,name,category,count\n", "holds no tags"),
        ("tag_id,name,count\n1,a,2\n", "has no column 'category'"),
        ("tag_id,name,category,count\n1,a,x,2\n", "is not a tagger's table"),
        ("tag_id,name,category,count\n1,a,7,2\n", "unknown category 7"),
        (b"tag_id,name,category,count\n1,\xff,0,2\n", "is not a tagger's table"),
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
    """A session whose memory takes so many pictures, with a real one behind it."""

    def __init__(self, session: object, most: int) -> None:
        self.behind, self.most, self.sizes = session, most, list[int]()

    def __getattr__(self, name: str) -> object:
        return getattr(self.behind, name)

    def run(self, names: list[str], feed: dict[str, npt.NDArray[np.float32]]) -> object:
        from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

        size = len(next(iter(feed.values())))
        if size > self.most:
            raise RuntimeException("Failed to allocate memory\nand more")
        self.sizes.append(size)
        return self.behind.run(names, feed)  # type: ignore[attr-defined]


def test_a_batch_too_large_for_the_memory_is_halved(tmp_path: Path) -> None:
    tagger = open_tagger(write_tagger(tmp_path))
    batch = [tagger.prepare(noise(40, 10 + n)) for n in range(9)]
    expected = tagger.predict(batch)
    small = Small(tagger._session, 3)
    tagger._session, tagger.at_once = small, 100
    np.testing.assert_allclose(tagger.predict(batch), expected, atol=1e-6)
    assert (small.sizes, tagger.at_once) == ([2, 2, 2, 2, 1], 2)
    small.most = 0
    with pytest.raises(DataprepError, match=r"failed: Failed to allocate memory$"):
        tagger.predict(batch)


def test_a_network_that_gives_another_number_of_scores(tmp_path: Path) -> None:
    model = read_model(write_tagger(tmp_path))
    tagger: Tagger = open_tagger(model)
    tagger.tags = TAGS[:-1]
    with pytest.raises(DataprepError, match=r"shape \(1, 10\) where its table has 9 tags"):
        tagger.predict([tagger.prepare(noise(8, 8))])


SCORES = np.array([0.9, 0.1, 0.99, 0.35, 0.349, 0.5, 0.2, 0.36, 0.85, 0.84], np.float32)


def test_the_choice_keeps_the_models_order_and_leaves_ratings_out() -> None:
    chosen = select(SCORES, TAGS, 0.35, 0.85)
    assert chosen == ["1girl", "long hair", "^_^", "white background", "hatsune miku"]
    assert select(SCORES, TAGS, 0.35, 0.84)[-1] == "zumi (original)"
    assert select(SCORES, TAGS, 1, 1) == []


def test_undesired_tags_are_compared_whole_in_either_spelling() -> None:
    chosen = select(SCORES, TAGS, 0.35, 0.85, ("Long_Hair", "white background", "girl"))
    assert chosen == ["1girl", "^_^", "hatsune miku"]


def test_a_choice_from_remembered_scores_is_the_same() -> None:
    choice = Choice(TAGS, 0.35, 0.85)
    ids = np.flatnonzero(SCORES > 0.05).astype(np.uint32)[::-1]
    assert choice.tags(ids, SCORES[ids].astype(np.float16)) == select(SCORES, TAGS, 0.35, 0.85)


def test_the_manifest_is_whole() -> None:
    assert (WD14.family, WD14.layout, WD14.colour, WD14.resample) == (
        "wd14",
        "NHWC",
        "BGR",
        "bicubic",
    )
    assert WD14.categories == {"0": "general", "4": "character", "9": "rating"}
    assert all(row.repository.split("/")[1] == name for name, row in WD14.models.items())
