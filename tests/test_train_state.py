"""States: going on is as if nothing had been, and a kill leaves the old one or the new one."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from dataprep.errors import DataprepError, UsageError
from train import keeping, optim, state
from train.config import TrainConfig
from train.data.item import Item
from train.noise import generator
from train.state import At

torch.set_num_threads(1)


def config(**values: Any) -> TrainConfig:
    places = {"train_data_dir": Path("img"), "output_dir": Path("model")}
    base = {"pretrained_model_name_or_path": "demo", "max_train_epochs": 10}
    return TrainConfig(**{**base, **places, **values})


def item(name: str, caption: str = "zumi, red", **values: Any) -> Item:
    return Item(name, Path(name), caption, **{"repeats": 2, "bucket": (64, 96), **values})


ITEMS = [item("2_zumi/a.png"), item("2_zumi/b.png", "zumi, blue"), item("reg/c.png", is_reg=True)]


class Run:
    """A small network that learns from draws of its seed and step, as the trainer's does."""

    def __init__(self) -> None:
        self.network = nn.ModuleDict({"one": nn.Linear(6, 4), "two": nn.Linear(4, 3, bias=False)})
        with torch.no_grad():
            for number, parameter in enumerate(self.network.parameters()):
                parameter.copy_(torch.randn(parameter.shape, generator=generator(1, number)))
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=0.01)
        self.losses: list[float] = []

    def step(self) -> None:
        x = torch.randn(5, 6, generator=generator(1, "x", len(self.losses)))
        loss = self.network["two"](self.network["one"](x)).square().mean()
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.losses.append(loss.item())

    def save(self, folder: Path, settings: TrainConfig | None = None) -> None:
        state.save(
            folder,
            network=self.network.state_dict(),
            optimizer=optim.state(self.optimizer),
            at=At(len(self.losses), 1, len(self.losses), tuple(self.losses)),
            scaler={"scale": 65536.0, "_growth_tracker": 3},
            config=settings or config(),
            items=ITEMS,
        )

    def go_on(self, kept: state.State) -> None:
        self.network.load_state_dict(kept.network)
        optim.restore(self.optimizer, *kept.optimizer)
        self.losses = list(kept.at.losses)


def test_going_on_is_as_if_nothing_had_been(tmp_path: Path) -> None:
    straight = Run()
    for _ in range(6):
        straight.step()
    first = Run()
    for _ in range(3):
        first.step()
    first.save(tmp_path / "zumi-state")
    # what goes on learning does not change what was written
    first.step()
    kept = state.load(tmp_path / "zumi-state")
    # nor does what becomes of the file change what was read
    for name in (state.NETWORK, state.OPTIMIZER):
        os.truncate(tmp_path / "zumi-state" / name, 0)
    second = Run()
    second.go_on(kept)
    for _ in range(3):
        second.step()
    assert second.losses == straight.losses
    for name, value in straight.network.state_dict().items():
        assert torch.equal(second.network.state_dict()[name], value)


def test_all_of_it_comes_back(tmp_path: Path) -> None:
    # tensors as optimizers have them: scalars, bytes, half floats, views of one buffer, no contents
    buffer = torch.arange(12, dtype=torch.float32)
    tensors = {
        "step": torch.tensor(3.0),
        "quantized": torch.arange(4, dtype=torch.uint8),
        "half": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
        "view": buffer[2:6],
        "turned": buffer.view(3, 4).t(),
        "none": torch.empty(0),
    }
    plain = {"d": 1e-6, "lr_max": -1, "inf": float("inf"), "names": ["a", "b"], "k": None}
    at = At(step=7, epoch=2, batch=3, losses=(0.1, 1 / 3, 1e-17))
    state.save(
        tmp_path / "zumi-state",
        network={"alpha": torch.tensor(4.0)},
        optimizer=(tensors, plain),
        at=at,
        scaler={},
        config=config(resolution=64, min_bucket_reso=32),
        items=ITEMS,
    )
    kept = state.load(tmp_path / "zumi-state")
    assert kept.at == at
    assert kept.optimizer[1] == plain
    assert kept.scaler == {}
    for name, value in tensors.items():
        assert kept.optimizer[0][name].dtype == value.dtype
        assert torch.equal(kept.optimizer[0][name], value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["zumi-state"]
    assert state.check(kept, config(resolution=64, min_bucket_reso=32), ITEMS) == []


def test_what_differs_is_said(tmp_path: Path) -> None:
    Run().save(tmp_path / "zumi-state")
    kept = state.load(tmp_path / "zumi-state")
    now = config(
        unet_lr=2e-4,
        min_snr_gamma=5.0,
        max_train_epochs=20,
        output_name="other",
        save_every_n_steps=5,
        logging_dir="log",
        resume=kept.folder,
        optimizer_type="adamw",
    )
    items = [
        item("2_zumi/a.png", "zumi, green", repeats=3, bucket=(96, 64)),
        item("reg/c.png", mask=Path("mask.png")),
        *(item(f"2_zumi/new{number}.png") for number in range(5)),
    ]
    assert set(state.check(kept, now, items)) == {
        "unet_lr was 0.0001, is now 0.0002",
        "min_snr_gamma was left out, is now 5.0",
        "max_train_epochs was 10, is now 20",
        "pictures new: 2_zumi/new0.png, 2_zumi/new1.png, 2_zumi/new2.png and 2 more",
        "pictures gone: 2_zumi/b.png",
        "pictures used more or less often: 2_zumi/a.png",
        "pictures cut to another size: 2_zumi/a.png",
        "pictures regularization images only before or only now: reg/c.png",
        "pictures masked only before or only now: reg/c.png",
        "pictures captioned otherwise: 2_zumi/a.png",
    }


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"network_dim": 8}, "made with network_dim = 16, the config has 8"),
        ({"network_alpha": 8}, "made with network_alpha = 16.0, the config has 8.0"),
        ({"network_type": "loha"}, "made with network_type = 'lora', the config has 'loha'"),
        ({"conv_dim": 4}, "made with conv_dim = left out, the config has 4"),
        ({"optimizer_type": "Lion"}, "made with optimizer_type = 'AdamW', the config has 'Lion'"),
    ],
)
def test_another_network_or_optimizer_is_refused(
    tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    Run().save(tmp_path / "zumi-state")
    kept = state.load(tmp_path / "zumi-state")
    with pytest.raises(UsageError) as caught:
        state.check(kept, config(**changed), ITEMS)
    assert said in str(caught.value)


def test_tensors_of_another_network_are_refused(tmp_path: Path) -> None:
    run = Run()
    run.save(tmp_path / "zumi-state")
    kept = state.load(tmp_path / "zumi-state")
    state.fit(kept, run.network.state_dict())
    wider = nn.ModuleDict({"one": nn.Linear(6, 5), "two": nn.Linear(4, 3, bias=False)})
    with pytest.raises(UsageError, match=r"one\.bias was \(4,\), is now \(5,\)"):
        state.fit(kept, wider.state_dict())
    with pytest.raises(UsageError, match=r"two\.weight was \(3, 4\), is now not there"):
        state.fit(kept, run.network["one"].state_dict(prefix="one."))


@pytest.mark.parametrize("name", [state.NETWORK, state.OPTIMIZER, state.REST])
def test_a_file_that_is_cut_short_or_gone_is_named(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "zumi-state"
    run = Run()
    run.step()
    run.save(folder)
    whole = (folder / name).read_bytes()
    for length in (0, 5, len(whole) // 2, len(whole) - 1):
        (folder / name).write_bytes(whole[:length])
        with pytest.raises(UsageError, match=f"{name}: .*not whole") as caught:
            state.load(folder)
        assert "without resume" in caught.value.hint
    (folder / name).unlink()
    with pytest.raises(UsageError, match=name):
        state.load(folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "not a state of this version"),
        ('{"format": 99}', "not a state of this version"),
        ('{"format": 1}', "not a whole state"),
        ('{"format": 1, "at": {"losses": [], "unheard": 1}}', "not a whole state"),
    ],
)
def test_what_is_no_state_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / state.REST).write_text(text)
    with pytest.raises(UsageError, match=said):
        state.load(tmp_path)


def test_other_folders_are_no_states(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a state"):
        state.load(tmp_path / "nowhere")
    # accelerate's folder, which sd-scripts writes
    (tmp_path / "optimizer.bin").write_bytes(b"\x80\x02")
    with pytest.raises(UsageError, match="pickled") as caught:
        state.load(tmp_path)
    assert "network_weights" in caught.value.hint


def test_a_half_written_state_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "zumi-state"
    run = Run()
    run.save(folder)
    half = keeping.temp_folder(folder)
    half.mkdir()
    (half / state.NETWORK).write_bytes(b"half")
    assert state.load(folder).at.step == 0
    # the next one of this name is not disturbed by it
    run.step()
    run.save(folder)
    assert state.load(folder).at.step == 1
    assert [path.name for path in tmp_path.iterdir()] == ["zumi-state"]


@pytest.mark.skipif(os.name == "nt", reason="limits the size of files")
@pytest.mark.parametrize("room", [64, 1000])
def test_a_full_disk_is_named_and_the_old_state_stays(tmp_path: Path, room: int) -> None:
    import resource

    folder = tmp_path / "zumi-state"
    run = Run()
    run.save(folder)
    run.step()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(DataprepError, match="the state cannot be written") as caught:
            run.save(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(folder) in caught.value.message
    assert state.load(folder).at.step == 0
    assert [path.name for path in tmp_path.iterdir()] == ["zumi-state"]


@pytest.mark.skipif(os.name == "nt", reason="kills with SIGKILL after a fork")
def test_a_kill_at_any_moment_leaves_a_whole_state(tmp_path: Path) -> None:
    folder = tmp_path / "zumi-state"
    _save_numbered(folder, 0)
    last = 0
    for moment in range(8):
        child = multiprocessing.get_context("fork").Process(target=_save_for_ever, args=(folder,))
        child.start()
        time.sleep(0.05 + 0.007 * moment)
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        kept = state.load(folder)
        number = kept.at.step
        assert torch.equal(kept.network["one"], torch.full((3000,), float(number)))
        assert torch.equal(kept.optimizer[0]["two"], torch.full((3000,), float(number)))
        last = max(last, number)
        keeping.sweep(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["zumi-state"]
    # the children did replace it
    assert last > 0


def _save_for_ever(folder: Path) -> None:
    number = state.load(folder).at.step
    while True:
        number += 1
        _save_numbered(folder, number)


def _save_numbered(folder: Path, number: int) -> None:
    state.save(
        folder,
        network={"one": torch.full((3000,), float(number))},
        optimizer=({"two": torch.full((3000,), float(number))}, {}),
        at=At(number, 1, 0),
        scaler={},
        config=config(),
        items=ITEMS,
    )


def test_the_rest_is_text_that_a_person_can_read(tmp_path: Path) -> None:
    Run().save(tmp_path / "zumi-state")
    said = json.loads((tmp_path / "zumi-state" / "state.json").read_text(encoding="utf-8"))
    assert said["config"]["unet_lr"] == 1e-4
    assert said["pictures"]["reg/c.png"][:4] == [2, 64, 96, True]
    assert said["versions"]["torch"] == torch.__version__
