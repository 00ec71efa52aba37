"""Regularization pictures, subsets, merged buckets and the steps they make, counted by hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import tiny_base
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dataprep.buckets import Bucket, Target, lost, make_buckets
from dataprep.errors import UsageError
from train import data
from train.config import Subset, TrainConfig
from train.data import Item, Placed, Use, merged, uses_of_reg
from train.plan import plan


def config(root: Path, **values: Any) -> TrainConfig:
    return tiny_base.config(Path("base"), root, **values)


def paint(folder: Path, sizes: list[tuple[int, int]], caption: str = "zumi") -> None:
    folder.mkdir(parents=True)
    for number, size in enumerate(sizes):
        Image.new("RGB", size, (number * 9, 99, 9)).save(folder / f"{number:02}.png")
        if caption:
            (folder / f"{number:02}.txt").write_text(caption)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    paint(tmp_path / "img" / "3_thing", [(64, 64)] * 3 + [(96, 64)] * 2)
    return tmp_path


def names_of(settings: TrainConfig, number: int) -> Counter[str]:
    items = data.scan(settings).items
    return Counter(use.item.name for b in data.epoch(settings, items, number) for use in b)


# regularization pictures


def test_regularization_pictures_double_the_steps(root: Path) -> None:
    paint(root / "reg" / "1_person", [(64, 64)] * 4)
    alone = plan(config(root, train_batch_size=2))
    # 9 uses of 64×64 and 6 of 80×48, in twos
    assert (alone.steps_per_epoch, alone.train_uses, alone.reg_uses) == (5 + 3, 15, 0)
    both = plan(config(root, train_batch_size=2, reg_data_dir=root / "reg"))
    # 9 + 15 uses of 64×64
    assert (both.steps_per_epoch, both.train_uses, both.reg_uses) == (12 + 3, 15, 15)
    assert (both.images, both.reg_images) == (5, 4)
    assert both.folders == {
        "3_thing": {"repeats": 3, "images": 5, "is_reg": False},
        "reg/1_person": {"repeats": 1, "images": 4, "is_reg": True},
    }
    assert both.batch_sizes == {2: 15}
    assert both.to_json()["reg_uses"] == 15


def test_regularization_pictures_take_turns_from_epoch_to_epoch(root: Path) -> None:
    paint(root / "reg" / "1_person", [(64, 64)] * 20)
    settings = config(root, reg_data_dir=root / "reg")
    items = data.scan(settings).items
    lengths, used = set(), Counter[str]()
    for number in range(1, 5):
        batches = data.epoch(settings, items, number)
        lengths.add(len(batches))
        regs = Counter(use.item.name for b in batches for use in b if use.item.is_reg)
        assert regs.total() == 15
        assert set(regs.values()) == {1}, "more pictures than are needed: none twice"
        used += regs
    assert len(lengths) == 1
    # 4 epochs of 15 are 3 rounds of 20
    assert len(used) == 20
    assert set(used.values()) == {3}
    other = data.epoch(settings.model_copy(update={"seed": 1}), items, 1)
    assert {use.item.name for b in other for use in b if use.item.is_reg} != {
        use.item.name for b in data.epoch(settings, items, 1) for use in b if use.item.is_reg
    }


def test_every_bucket_of_regularization_pictures_has_its_share(root: Path) -> None:
    paint(root / "reg" / "2_person", [(64, 64)] * 2 + [(96, 64)] * 1)
    settings = config(root, reg_data_dir=root / "reg")
    found = names_of(settings, 1)
    regs = {name: count for name, count in found.items() if name.startswith("reg/")}
    # 15 uses among 4 and 2 repeats: 10 and 5
    assert regs == {"reg/2_person/00.png": 5, "reg/2_person/01.png": 5, "reg/2_person/02.png": 5}


def test_each_use_of_a_regularization_picture_is_a_use_of_its_own(root: Path) -> None:
    paint(root / "reg" / "1_person", [(64, 64)] * 2)
    settings = config(root, reg_data_dir=root / "reg")
    uses = [
        (use.item.name, use.repeat)
        for batch in data.epoch(settings, data.scan(settings).items, 1)
        for use in batch
    ]
    assert len(uses) == len(set(uses)) == 30


def test_kohya_takes_them_in_order_and_leaves_the_same_ones_out(root: Path) -> None:
    paint(root / "reg" / "4_person", [(64, 64)] * 6)
    settings = config(root, reg_data_dir=root / "reg", compat="kohya")
    # 15 uses: four each until there are enough, which is one too many
    wanted = {f"reg/4_person/0{number}.png": 4 for number in range(4)}
    for number in (1, 2):
        found = names_of(settings, number)
        assert {n: count for n, count in found.items() if n.startswith("reg/")} == wanted
    regs = [item for item in data.scan(settings).items if item.is_reg]
    # all of them twice, then one more for the first two of the second round
    counts = Counter(use.item.name for use in uses_of_reg(settings, regs, 26, 1))
    assert sorted(counts.values(), reverse=True) == [5, 5, 4, 4, 4, 4]


def test_their_loss_is_weighted(root: Path) -> None:
    paint(root / "reg" / "1_person", [(64, 64)])
    settings = config(root, reg_data_dir=root / "reg", prior_loss_weight=0.25)
    weights = {
        item.is_reg: data.weight_of(settings, Use(item, 0)) for item in data.scan(settings).items
    }
    assert weights == {False: 1.0, True: 0.25}


def test_a_folder_of_regularization_pictures_that_is_none(root: Path) -> None:
    (root / "reg").mkdir()
    with pytest.raises(UsageError, match=r"reg_data_dir .*no folder named like 10_name"):
        data.scan(config(root, reg_data_dir=root / "reg"))
    with pytest.raises(UsageError, match=r"reg_data_dir .*: no such folder"):
        data.scan(config(root, reg_data_dir=root / "gone"))


# steps


def test_gradients_are_not_accumulated_across_epochs(root: Path) -> None:
    settings = config(root, train_batch_size=2, gradient_accumulation_steps=3, max_train_epochs=4)
    found = plan(settings)
    assert (found.batches_per_epoch, found.steps_per_epoch, found.steps) == (8, 3, 12)
    by_steps = plan(settings.model_copy(update={"max_train_epochs": None, "max_train_steps": 10}))
    assert (by_steps.epochs, by_steps.steps) == (4, 10)


# subsets


def test_a_subset_has_settings_of_its_own(root: Path) -> None:
    paint(root / "more" / "close", [(64, 64)], "zumi, close")
    paint(root / "more" / "bare", [(64, 64)], "")
    settings = config(
        root,
        keep_tokens=1,
        caption_prefix="all, ",
        flip_aug=True,
        subsets=(
            Subset(
                image_dir=root / "more" / "close",
                num_repeats=5,
                resolution=128,
                keep_tokens=0,
                shuffle_caption=False,
                caption_prefix="",
                flip_aug=False,
                random_crop=True,
            ),
            Subset(image_dir=root / "more" / "bare", class_tokens="person", is_reg=True),
        ),
    )
    items = {item.name: item for item in data.scan(settings).items}
    assert list(items)[5:] == ["close/00.png", "reg/bare/00.png"]
    plain, close, bare = (items[n] for n in ("3_thing/00.png", "close/00.png", "reg/bare/00.png"))
    assert (plain.rules.keep_tokens, plain.rules.caption_prefix) == (1, "all, ")
    assert (close.rules.keep_tokens, close.rules.caption_prefix) == (0, "")
    assert (plain.rules.shuffle_caption, close.rules.shuffle_caption) == (True, False)
    assert (plain.augment.flip, close.augment.flip, close.augment.is_live) == (True, False, True)
    assert (plain.bucket, close.bucket, close.repeats) == ((64, 64), (128, 128), 5)
    assert (bare.caption, bare.is_reg, bare.repeats) == ("person", True, 1)
    assert bare.rules == plain.rules


def test_subsets_alone_are_enough_and_their_names_never_collide(tmp_path: Path) -> None:
    for place in ("a", "b", "c"):
        paint(tmp_path / place / "face", [(64, 64)] * 2)
    subsets = tuple(Subset(image_dir=tmp_path / place / "face") for place in ("a", "b", "c"))
    settings = config(tmp_path, train_data_dir=None, subsets=subsets)
    dataset = data.scan(settings)
    assert list(dataset.folders) == ["face", "face-2", "face-3"]
    assert len({item.name for item in dataset.items}) == 6
    assert plan(settings).folders["face-2"] == {"repeats": 1, "images": 2, "is_reg": False}


def test_a_subset_that_cannot_be(root: Path) -> None:
    gone = config(root, subsets=(Subset(image_dir=root / "gone"),))
    with pytest.raises(UsageError, match=r"\[\[subsets\]\] 1: image_dir .*gone: no such folder"):
        data.scan(gone)
    odd = Subset(image_dir=root / "img" / "3_thing", resolution=(100, 100))
    with pytest.raises(UsageError, match="100×100: without buckets, resolution must be a multiple"):
        data.scan(config(root, subsets=(odd,), enable_bucket=False))
    small = Subset(image_dir=root / "img" / "3_thing", resolution=8)
    with pytest.raises(UsageError, match="bucket_reso_steps"):
        data.scan(config(root, subsets=(small,)))
    only = Subset(image_dir=root / "img" / "3_thing", is_reg=True)
    with pytest.raises(UsageError, match="no picture that can be used"):
        data.scan(config(root, train_data_dir=None, subsets=(only,)))


def test_wildcards_need_the_whole_caption(root: Path) -> None:
    folder = root / "img" / "3_thing"
    (folder / "00.txt").write_text("zumi, {a|b}\nzumi, two\n")
    (folder / "01.txt").write_text("")
    settings = config(root, enable_wildcard=True)
    dataset = data.scan(settings)
    assert dataset.items[0].caption == "zumi, {a|b}\nzumi, two"
    assert (dataset.items[1].caption, dataset.issues) == ("", ())
    assert data.scan(config(root)).items[0].caption == "zumi, {a|b}"


def test_the_size_of_a_picture_is_known(root: Path) -> None:
    assert [item.size for item in data.scan(config(root)).items] == [(64, 64)] * 3 + [(96, 64)] * 2


# the choice of buckets


def test_compat_kohya_chooses_as_sd_scripts(tmp_path: Path) -> None:
    paint(tmp_path / "img" / "1_a", [(565, 500), (500, 565)])
    values: dict[str, Any] = {"resolution": 512, "bucket_reso_steps": 64}

    def chosen(**more: Any) -> list[Bucket]:
        return [item.bucket for item in data.scan(config(tmp_path, **values, **more)).items]

    # of the same picture and its transpose the raw ratio treats one otherwise
    assert chosen() == [(512, 512), (512, 512)]
    assert chosen(compat="kohya") == [(512, 512), (448, 576)]
    assert chosen(compat="kohya", bucket_no_upscale=True) == [(512, 448), (448, 512)]


SIZES = st.tuples(st.integers(200, 900), st.integers(200, 900))
TARGETS = st.sampled_from(
    [
        Target((512, 512), buckets=True),
        Target((768, 768), buckets=True, min_size=320),
        Target((512, 512), buckets=True, no_upscale=True),
        Target((512, 512), buckets=True, rule="kohya"),
    ]
)


def placed(size: tuple[int, int], uses: int, target: Target) -> Placed:
    return Placed(size, target.choose(*size, target.sizes()), uses, target)


def batches_of(pictures: list[Placed], buckets: list[Bucket], batch: int) -> int:
    uses: Counter[Bucket] = Counter()
    for picture, bucket in zip(pictures, buckets, strict=True):
        uses[bucket] += picture.uses
    return sum(-(-count // batch) for count in uses.values())


@given(
    st.lists(st.builds(placed, SIZES, st.integers(1, 6), TARGETS), max_size=25),
    st.integers(1, 6),
    st.floats(0.0, 0.4),
)
def test_merging_keeps_its_budget_and_saves_batches(
    pictures: list[Placed], batch: int, budget: float
) -> None:
    before = [picture.bucket for picture in pictures]
    after = merged(pictures, batch, budget)
    assert merged(pictures, batch, budget) == after
    for picture, bucket in zip(pictures, after, strict=True):
        own = lost(*picture.size, picture.bucket)
        assert bucket == picture.bucket or lost(*picture.size, bucket) - own <= budget
        if picture.target.no_upscale and bucket != picture.bucket:
            assert bucket[0] <= picture.size[0]
            assert bucket[1] <= picture.size[1]
    fewer = batches_of(pictures, before, batch) - batches_of(pictures, after, batch)
    assert fewer >= (1 if after != before else 0)
    assert set(after) <= set(before)


def test_merging_by_hand() -> None:
    target = Target((512, 512), buckets=True)
    assert {(512, 512), (448, 576), (320, 704)} <= set(make_buckets((512, 512)))
    square, tall, thin = ((512, 512), 3), ((448, 576), 1), ((320, 704), 1)
    pictures = [placed(size, uses, target) for size, uses in (square, tall, thin)]
    # 448×576 in 512×512 loses 1 - 448/576 = 22 %; 320×704 in either more than half
    assert merged(pictures, 4, 0.22) == [(512, 512), (448, 576), (320, 704)]
    assert merged(pictures, 4, 0.23) == [(512, 512), (512, 512), (320, 704)]
    # full buckets move nowhere, and nothing moves that saves no batch
    assert merged(pictures, 3, 0.23) == [(512, 512), (448, 576), (320, 704)]


def test_merging_is_asked_for(tmp_path: Path) -> None:
    paint(tmp_path / "img" / "1_a", [(64, 64)] * 3 + [(72, 60)])
    apart = config(tmp_path, train_batch_size=4, bucket_reso_steps=8)
    assert plan(apart).steps_per_epoch == 2
    together = apart.model_copy(update={"bucket_merge_crop": 0.2})
    assert plan(together).steps_per_epoch == 1


def test_items_can_be_told_apart(root: Path) -> None:
    items: list[Item] = list(data.scan(config(root)).items)
    assert len(set(items)) == 5
