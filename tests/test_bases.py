"""Which models are offered as bases, and reading headers without a tensor library."""

from __future__ import annotations

import json
import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprep.errors import DataprepError
from dataprep.weights.bases import FIRST_LAYER, bases
from dataprep.weights.header import read_header

SDXL_TEXT = "conditioner.embedders.1.model.ln_final.bias"


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("DATAPREP_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def single(path: Path, *names: str, channels: int = 4) -> Path:
    """A file of empty tensors, but for the first layer."""
    path.parent.mkdir(exist_ok=True)
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    first = empty | {"shape": [0, channels, 3, 3]}
    text = json.dumps({name: first if name == FIRST_LAYER else empty for name in names}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    return path


def folder(path: Path, **unet: object) -> Path:
    (path / "unet").mkdir(parents=True)
    (path / "unet" / "config.json").write_text(json.dumps(unet))
    (path / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"x")
    return path


def test_files_and_folders_of_all_families_are_offered(models: Path) -> None:
    here = single(models / "noob.safetensors", FIRST_LAYER, SDXL_TEXT)
    below = single(models / "anime" / "old.safetensors", FIRST_LAYER, "cond_stage_model.model.x")
    whole = folder(models / "sdxl", in_channels=4, cross_attention_dim=2048)
    found = {base.name: base.value for base in bases()}
    assert found == {
        "noob.safetensors": str(here),
        "old.safetensors": str(below),
        "sdxl": str(whole),
        "demo": "demo",
    }


def test_what_cannot_be_trained_is_not_offered(models: Path) -> None:
    single(models / "refiner.safetensors", FIRST_LAYER, "conditioner.embedders.0.model.x")
    single(models / "inpaint.safetensors", FIRST_LAYER, SDXL_TEXT, channels=9)
    single(models / "lora.safetensors", "lora_unet_a.lora_down.weight")
    single(models / "tagger" / "model.safetensors", "head.weight")
    (models / "page.safetensors").write_text("<html>not found</html>")
    folder(models / "inpaint", in_channels=9)
    (folder(models / "odd") / "unet" / "config.json").write_text("[")
    assert [base.name for base in bases()] == ["demo"]


def test_a_header_is_names_shapes_and_metadata(tmp_path: Path) -> None:
    entry = {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}
    text = json.dumps({"__metadata__": {"modelspec.title": "a"}, "x": entry}).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(12))
    header = read_header(path)
    assert header.shapes == {"x": (2, 3)}
    assert header.metadata == {"modelspec.title": "a"}
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataprepError, match=r"cut short \(\d+ bytes of \d+\)"):
        read_header(path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "shape", "data_offsets", "__metadata__"]), inner)
    ),
    max_leaves=8,
)


@given(st.binary(max_size=200) | json_values.map(lambda it: json.dumps(it).encode()), st.booleans())
def test_no_bytes_break_the_reader(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, counted: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    path.write_bytes(struct.pack("<Q", len(content)) + content if counted else content)
    with suppress(DataprepError):
        shapes = read_header(path).shapes
        assert all(isinstance(shape, tuple) for shape in shapes.values())
