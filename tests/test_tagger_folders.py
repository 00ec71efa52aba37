"""Which tagger a folder holds, what it says of itself, and files that break their contract."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto
from PIL import Image

from dataprep.errors import DataprepError
from dataprep.taggers import manifest, open_tagger, read_model
from dataprep.taggers.tagfiles import read_tags
from dataprep.vocabulary import Entry
from tests.tiny_onnx import network_logits, write_network
from tests.tiny_taggers import CASES, ONE, PICTURES, RAW, THREE, cl_tags, planes, table, write_case


def test_a_folder_may_say_its_own_contract(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "tagger.toml").write_text(
        """
        model_file = "net.onnx"
        tags_file = "words.csv"
        schema = "csv"
        layout = "NCHW"
        colour = "RGB"
        size = 64
        fit = "squash"
        resample = "bilinear"
        scale = 255.0
        activation = "sigmoid"
        output = "logits"
        [columns]
        name = "word"
        category = "kind"
        [categories]
        thing = "general"
        who = "character"
        [thresholds]
        general = 0.4
        """
    )
    (folder / "words.csv").write_text("word,kind\nhat,thing\nmiku,who\n")
    write_network(folder / "net.onnx", 2, side="side", layout="NCHW", heads=THREE)
    model = read_model(folder)
    assert model.tags == (Entry("hat", "general"), Entry("miku", "character"))
    assert model.thresholds == {"general": 0.4}
    tagger = open_tagger(model, threads=1)
    scores = tagger.predict([tagger.prepare(PICTURES[1])])[0]
    square = PICTURES[1].resize((64, 64), Image.Resampling.BILINEAR)
    logits = network_logits(planes(np.asarray(square, np.float32) / 255), 2)
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-logits)), atol=2e-4)


def test_a_contract_that_changes_scores_changes_the_key(tmp_path: Path) -> None:
    write_case(tmp_path / "wd", CASES["wd14"])
    own = tmp_path / "wd" / "tagger.toml"
    plain = read_model(tmp_path / "wd")
    own.write_text('family = "wd14"\n[thresholds]\ngeneral = 0.2\n')
    same = read_model(tmp_path / "wd")
    assert (same.key, dict(same.thresholds)) == (plain.key, {"general": 0.2})
    own.write_text('family = "wd14"\ncolour = "RGB"\n')
    other = read_model(tmp_path / "wd")
    assert other.key != plain.key
    assert other.key.startswith(plain.key)


def said(folder: Path) -> str:
    with pytest.raises(DataprepError) as caught:
        open_tagger(folder)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("family = ", "tagger.toml: is not TOML"),
        ('family = "wd15"', "tagger.toml: family: 'wd15' is not known"),
        ('family = "wd14"\nlayuot = "NCHW"', "tagger.toml: layuot:"),
        ('family = "wd14"\nlayout = "CHW"', "tagger.toml: layout:"),
        ('family = "wd14"\n[thresholds]\ngeneral = 2', "tagger.toml: thresholds.general:"),
        ('family = "wd14"\npad = [255, 256, 0]', "tagger.toml: pad.1:"),
        ('family = "wd14"\nmodels = {}', "tagger.toml: models: "),
        ('colour = "RGB"', "tagger.toml: model_file: "),
        ('family = "wd14"\ntags_file = "other.csv"', "other.csv missing"),
        ('family = "wd14"\nmodel_file = "other.onnx"', "model_file: no other.onnx beside it"),
    ],
)
def test_a_contract_with_a_slip(tmp_path: Path, text: str, what: str) -> None:
    write_case(tmp_path / "wd", CASES["wd14"])
    (tmp_path / "wd" / "tagger.toml").write_text(text)
    assert what in said(tmp_path / "wd")


def test_a_folder_of_no_kind_says_what_there_is(tmp_path: Path) -> None:
    message = said(tmp_path)
    assert "no tagger is recognised" in message
    assert "top_tags.txt (joytag)" in message
    assert "tagger.toml" in message
    (tmp_path / "tags.txt").write_text("1girl\n")
    assert "deepdanbooru.onnx missing" in said(tmp_path)


def test_a_folder_of_several_kinds_is_not_guessed(tmp_path: Path) -> None:
    write_case(tmp_path / "two", CASES["joytag"])
    cl_tags(tmp_path / "two")
    message = said(tmp_path / "two")
    assert "fit several kinds of tagger (cl_tagger, joytag)" in message
    assert 'tagger.toml beside them that says which: family = "cl_tagger"' in message
    (tmp_path / "two" / "tagger.toml").write_text('family = "joytag"')
    assert read_model(tmp_path / "two").family.family == "joytag"


def test_columns_that_mark_a_family_decide_between_tables_of_one_name_only(tmp_path: Path) -> None:
    write_case(tmp_path / "pixai", CASES["pixai"])
    assert read_model(tmp_path / "pixai").family.family == "pixai"
    (tmp_path / "pixai" / "top_tags.txt").write_text("1girl\n")
    assert "fit several kinds of tagger (pixai, joytag)" in said(tmp_path / "pixai")


def test_a_model_of_another_name_is_taken_when_it_is_the_only_one(tmp_path: Path) -> None:
    write_case(tmp_path / "wd", CASES["wd14"])
    (tmp_path / "wd" / "model.onnx").rename(tmp_path / "wd" / "renamed.onnx")
    assert read_model(tmp_path / "wd").path.name == "renamed.onnx"
    (tmp_path / "wd" / "copy.onnx").write_bytes(b"")
    assert "model.onnx missing (several" in said(tmp_path / "wd")


# contracts that are broken


@pytest.mark.parametrize("family", CASES)
def test_another_number_of_tags(tmp_path: Path, family: str) -> None:
    case = CASES[family]
    entries = write_case(tmp_path / "x", case)
    many = len(entries) + 1
    path = tmp_path / "x" / case.model_file
    write_network(path, many, side=case.side, layout=case.layout, heads=case.heads)
    message = said(tmp_path / "x")
    assert f"has {many} outputs" in message
    assert f"{len(entries)} tags" in message


@pytest.mark.parametrize("family", CASES)
def test_another_layout(tmp_path: Path, family: str) -> None:
    case = CASES[family]
    entries = write_case(tmp_path / "x", case)
    other = "NCHW" if case.layout == "NHWC" else "NHWC"
    path = tmp_path / "x" / case.model_file
    write_network(path, len(entries), side=case.side, layout=other, heads=case.heads)
    message = said(tmp_path / "x")
    assert f"is not {case.layout} with a square picture" in message
    assert "tagger.toml" in message


@pytest.mark.parametrize("family", CASES)
def test_a_file_that_is_cut(tmp_path: Path, family: str) -> None:
    case = CASES[family]
    write_case(tmp_path / "x", case)
    path = tmp_path / "x" / case.model_file
    path.write_bytes(path.read_bytes()[:200])
    assert "cannot be loaded" in said(tmp_path / "x")


def test_another_size_and_other_outputs(tmp_path: Path) -> None:
    entries = write_case(tmp_path / "cl", CASES["cl_tagger"])
    path = tmp_path / "cl" / "model.onnx"
    write_network(path, len(entries), side=512, layout="NCHW", heads=RAW)
    assert "is not NCHW with a square picture of 448" in said(tmp_path / "cl")
    write_network(path, len(entries), side=448, layout="NCHW", heads=RAW, kind=TensorProto.UINT8)
    assert "takes input: tensor(uint8), not one picture in floats" in said(tmp_path / "cl")
    entries = write_case(tmp_path / "pixai", CASES["pixai"])
    path = tmp_path / "pixai" / "model.onnx"
    write_network(path, len(entries), side=448, layout="NCHW", heads=ONE)
    assert "has no output 'prediction' (it has output)" in said(tmp_path / "pixai")
    entries = write_case(tmp_path / "wd", CASES["wd14"])
    path = tmp_path / "wd" / "model.onnx"
    write_network(path, len(entries), side="side", layout="NHWC", heads=ONE)
    assert "leaves the size of the picture open" in said(tmp_path / "wd")


NO_MAPPING = '{"dataset_info": {}}'


@pytest.mark.parametrize(
    ("family", "file", "text", "what"),
    [
        ("cl_tagger", "tag_mapping.json", "{", "is not a list of tags (Expecting"),
        ("cl_tagger", "tag_mapping.json", "[]", "it is no object"),
        ("cl_tagger", "tag_mapping.json", "{}", "holds no tags"),
        ("cl_tagger", "tag_mapping.json", '{"0": 1}', "number 0 has no tag and category"),
        ("cl_tagger", "tag_mapping.json", '{"1": {"tag": "a"}}', "number 0 is missing"),
        ("cl_tagger", "tag_mapping.json", '{"idx_to_tag": {"0": "a"}}', "are no objects"),
        (
            "cl_tagger",
            "tag_mapping.json",
            '{"0": {"tag": "a", "category": "Mood"}}',
            "number 0: category 'Mood' is none of Rating",
        ),
        ("camie", "camie-tagger-v2-metadata.json", NO_MAPPING, "no dataset_info.tag_mapping"),
        ("joytag", "top_tags.txt", "\n\n", "holds no tags"),
        ("z3d-e621", "tags-selected.csv", "id,name\n1,a\n", "has no column 'category'"),
        (
            "z3d-e621",
            "tags-selected.csv",
            "id,name,category,post_count\n1,a,6,2\n",
            "line 2: category '6' is none of 0, 1, 3",
        ),
        (
            "pixai",
            "selected_tags.csv",
            "id,tag_id,name,category,count,ips\n1,1,a,0,many,[]\n",
            "line 2: 'many' is not a number of pictures",
        ),
    ],
)
def test_a_list_of_tags_with_a_slip(
    tmp_path: Path, family: str, file: str, text: str, what: str
) -> None:
    write_case(tmp_path / "x", CASES[family])
    (tmp_path / "x" / file).write_text(text)
    message = said(tmp_path / "x")
    assert what in message
    assert file in message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["General", "hat", "0"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["0", "1", "tag", "category", "idx_to_tag", "tag_to_category"]), inner
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_whatever_stands_in_the_json_there_are_tags_or_one_sentence(data: object) -> None:
    with TemporaryDirectory() as name:
        path = Path(name) / "tag_mapping.json"
        path.write_text(json.dumps(data))
        said = ""
        tags: tuple[Entry, ...] = ()
        try:
            tags = read_tags(path, manifest("cl_tagger"))
        except DataprepError as error:
            said = error.message
    assert str(path) in said or {one.category for one in tags} == {"general"}


NAMES = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1))


@settings(max_examples=100, deadline=None)
@given(NAMES.filter(bool))
def test_a_table_may_hold_commas_and_quotes(names: list[str]) -> None:
    with TemporaryDirectory() as name:
        path = Path(name) / "selected_tags.csv"
        table(path, "tag_id,name,category,count", [(n, tag, 0, n) for n, tag in enumerate(names)])
        tags = read_tags(path, manifest("wd14"))
    assert tags == tuple(Entry(tag, "general", n) for n, tag in enumerate(names))
