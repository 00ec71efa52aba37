"""Losses and their weights against numbers worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dataprep.errors import UsageError
from train import loss
from train.config import TrainConfig

torch.set_num_threads(1)

ALPHAS = torch.tensor([0.99, 0.8, 0.5, 0.2, 0.01, 0.0])
"""A table of six timesteps; the last is pure noise."""
SNR = [99.0, 4.0, 1.0, 0.25, 0.01 / 0.99, 0.0]


def config(**values: Any) -> TrainConfig:
    return TrainConfig(
        pretrained_model_name_or_path="base",
        train_data_dir=Path("img"),
        output_dir=Path("model"),
        max_train_steps=10,
        **values,
    )


def picture(*values: float) -> torch.Tensor:
    """Pictures of one channel and 1×2 pixels."""
    return torch.tensor(values).view(-1, 1, 1, 2)


def judged(settings: TrainConfig, timestep: int = 2, **more: Any) -> float:
    """The loss of one picture whose two pixels are off by 3 and by 1."""
    return float(
        loss.per_picture(
            settings,
            picture(3.0, 0.0),
            picture(0.0, 1.0),
            ALPHAS,
            torch.tensor([timestep]),
            more.pop("prediction_type", "epsilon"),
            **more,
        )
    )


def test_distances_by_hand() -> None:
    assert judged(config()) == pytest.approx((9 + 1) / 2)
    assert judged(config(loss_type="l1")) == pytest.approx((3 + 1) / 2)
    # c = 2: √(9 + 4) - 2 and √(1 + 4) - 2
    values = {"huber_schedule": "constant", "huber_c": 2.0}
    rounded = (math.sqrt(13) - 2 + math.sqrt(5) - 2) / 2
    assert judged(config(loss_type="huber", **values)) == pytest.approx(2 * 2 * rounded)
    assert judged(config(loss_type="smooth_l1", **values)) == pytest.approx(2 * rounded)


@pytest.mark.parametrize("name", list(loss.LOSSES))
def test_each_picture_has_its_own(name: str) -> None:
    c = torch.full((3, 1, 1, 1), 0.1)
    a, b = torch.randn(3, 4, 5, 6), torch.randn(3, 4, 5, 6)
    whole = loss.LOSSES[name](a, b, c, None)
    assert whole.shape == (3,)
    assert whole.dtype == torch.float32
    torch.testing.assert_close(whole[1:2], loss.LOSSES[name](a[1:2], b[1:2], c[1:2], None))
    halves = loss.LOSSES[name](a.bfloat16(), b.bfloat16(), c, None)
    assert halves.dtype == torch.float32


def test_huber_is_square_when_near_and_straight_when_far() -> None:
    c = torch.full((1, 1, 1, 1), 0.1)
    near, far, zero = picture(1e-5, 1e-5), picture(1e3, 1e3), picture(0.0, 0.0)
    # exact where √(d² + c²) - c would be lost in rounding
    assert float(loss.huber(near, zero, c)) == pytest.approx(1e-10, rel=1e-4)
    assert float(loss.huber(far, zero, c)) == pytest.approx(2 * 0.1 * 1e3, rel=1e-3)
    assert float(loss.smooth_l1(near, zero, c)) == pytest.approx(1e-10 / 0.1, rel=1e-4)
    assert float(loss.smooth_l1(far, zero, c)) == pytest.approx(2e3, rel=1e-3)


def c_of(schedule: str, timestep: int, **values: Any) -> float:
    settings = config(huber_schedule=schedule, huber_c=0.1, **values)
    alphas, progress = ALPHAS[timestep : timestep + 1], torch.tensor([timestep / len(ALPHAS)])
    return float(loss.HUBER_SCHEDULES[schedule](settings, alphas, progress))


def test_where_huber_goes_over() -> None:
    assert c_of("constant", 3) == pytest.approx(0.1)
    assert c_of("constant", 3, huber_scale=2.0) == pytest.approx(0.2)
    assert c_of("exponential", 0, huber_scale=2.0) == pytest.approx(2.0)
    assert c_of("exponential", 3) == pytest.approx(0.1**0.5)
    # σ = √((1 - 0.8) / 0.8) = 0.5: 0.9 / 1.5² + 0.1
    assert c_of("snr", 1) == pytest.approx(0.9 / 2.25 + 0.1)
    assert c_of("snr", 2) == pytest.approx(0.9 / 4 + 0.1)
    assert c_of("snr", 5) == pytest.approx(0.1)


def test_the_schedule_reaches_the_loss() -> None:
    settings = config(loss_type="smooth_l1", huber_schedule="snr", huber_c=0.1)
    c = 0.9 / 2.25 + 0.1
    rounded = (math.sqrt(9 + c * c) - c + math.sqrt(1 + c * c) - c) / 2
    assert judged(settings, timestep=1) == pytest.approx(2 * rounded)


def test_min_snr_weights() -> None:
    expected = torch.tensor([5 / 99, 1.0, 1.0, 1.0, 1.0, 1.0])
    torch.testing.assert_close(loss.min_snr_weight(ALPHAS, 5), expected)
    velocity = torch.tensor([min(snr, 5) / (snr + 1) for snr in SNR])
    torch.testing.assert_close(loss.min_snr_weight(ALPHAS, 5, "v_prediction"), velocity)


def test_debiased_weights() -> None:
    expected = torch.tensor([1 / math.sqrt(snr) for snr in SNR[:-1]])
    torch.testing.assert_close(loss.debiased_weight(ALPHAS[:-1]), expected)
    velocity = torch.tensor([1 / (snr + 1) for snr in SNR])
    torch.testing.assert_close(loss.debiased_weight(ALPHAS, "v_prediction"), velocity)
    # sd-scripts' cap: an SNR of 9999 counts as 1000
    almost_clean = torch.tensor([0.9999])
    assert float(loss.debiased_weight(almost_clean)) == pytest.approx(1 / math.sqrt(1000))


def test_weights_of_velocity_and_noise_are_each_others() -> None:
    expected = torch.tensor([snr / (snr + 1) for snr in SNR])
    torch.testing.assert_close(loss.noise_like_weight(ALPHAS), expected)
    like_noise = config(scale_v_pred_loss_like_noise_pred=True)
    assert judged(like_noise, 1, prediction_type="v_prediction") == pytest.approx(5 * 4 / 5)
    # l + l / (SNR / (SNR + 1)) × w
    assert judged(config(v_pred_like_loss=0.5), 1) == pytest.approx(5 + 5 * 5 / 4 * 0.5)


def test_weights_are_multiplied() -> None:
    both = config(min_snr_gamma=2, debiased_estimation_loss=True)
    assert judged(both, 1) == pytest.approx(5 * (2 / 4) * (1 / 2))


def test_weights_can_come_from_another_table() -> None:
    # sd-scripts weighs by the table before the zero-terminal-SNR rescaling
    before = torch.tensor([0.99, 0.9, 0.6, 0.3, 0.05, 0.004])
    settings = config(min_snr_gamma=1, loss_type="smooth_l1", huber_schedule="snr")
    ours = judged(settings, 1)
    theirs = judged(settings, 1, snr_alphas=before)
    # SNR 4 and 9; where the loss goes over is of the same table
    assert theirs / ours == pytest.approx((1 / 9) / (1 / 4))


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_pure_noise_gives_a_number(kind: str) -> None:
    for values in ({}, {"min_snr_gamma": 5}, {"loss_type": "huber"}):
        assert math.isfinite(judged(config(**values), 5, prediction_type=kind))
    if kind == "v_prediction":
        for key in ("debiased_estimation_loss", "scale_v_pred_loss_like_noise_pred"):
            assert math.isfinite(judged(config(**{key: True}), 5, prediction_type=kind))


def test_a_mask_takes_away() -> None:
    right = picture(0.0, 1.0)
    assert judged(config(), mask=right) == pytest.approx(1 / 2)
    assert judged(config(normalize_masked_area_loss=True), mask=right) == pytest.approx(1)
    half = picture(0.5, 0.5)
    assert judged(config(), mask=half) == pytest.approx(5 / 2)
    assert judged(config(normalize_masked_area_loss=True), mask=half) == pytest.approx(5)


def test_a_mask_without_light_is_no_loss() -> None:
    dark = picture(0.0, 0.0)
    assert judged(config(normalize_masked_area_loss=True), mask=dark) == 0
    assert judged(config(), mask=dark) == 0


def test_a_dark_mask_beside_a_light_one() -> None:
    masks = torch.stack([torch.zeros(1, 2, 2), torch.tensor([[[0.0, 1.0], [0.0, 0.0]]])])
    fitted = loss.fit_mask(masks, torch.zeros(2, 4, 2, 2), normalize=True)
    assert fitted[0].sum() == 0
    assert fitted[1].mean() == 1


def test_a_larger_mask_is_averaged_over_areas() -> None:
    mask = torch.zeros(1, 1, 4, 4)
    mask[..., 0, 0] = 1
    fitted = loss.fit_mask(mask, torch.zeros(1, 4, 2, 2), normalize=False)
    assert fitted.flatten().tolist() == [0.25, 0, 0, 0]


def test_every_picture_counts_the_same_however_it_is_batched() -> None:
    losses, weights = torch.tensor([1.0, 2.0, 6.0]), torch.tensor([1.0, 0.5, 1.0])
    whole = loss.reduce(losses, weights, 3, kohya=False)
    assert float(whole) == pytest.approx((1 + 1 + 6) / 3)
    parts = [loss.reduce(losses[a:b], weights[a:b], 2, kohya=False) for a, b in ((0, 2), (2, 3))]
    assert float(sum(parts)) * 2 == pytest.approx(float(whole) * 3)
    # sd-scripts: the one in the batch of its own counts twice
    assert float(loss.reduce(losses[2:], weights[2:], 2, kohya=True)) == 6


@given(
    st.sampled_from(list(loss.LOSSES)),
    st.sampled_from(list(loss.HUBER_SCHEDULES)),
    st.integers(0, 5),
    st.floats(-100, 100),
    st.floats(0.001, 10),
)
def test_no_loss_is_negative_or_no_number(
    kind: str, schedule: str, timestep: int, off: float, c: float
) -> None:
    settings = config(loss_type=kind, huber_schedule=schedule, huber_c=c)
    value = loss.per_picture(
        settings,
        picture(off, 0.0),
        picture(0.0, 0.0),
        ALPHAS,
        torch.tensor([timestep]),
        "v_prediction",
    )
    assert torch.isfinite(value).all()
    assert float(value) >= 0


@pytest.mark.parametrize(
    ("values", "kind", "zero", "sentence"),
    [
        ({"scale_v_pred_loss_like_noise_pred": True}, "epsilon", False, "is for v-prediction"),
        ({"v_pred_like_loss": 0.5}, "v_prediction", False, "for models that predict noise"),
        ({}, "epsilon", True, "needs v-prediction"),
    ],
)
def test_contradictions_are_refused(
    values: dict[str, Any], kind: str, zero: bool, sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        loss.check(config(**values), kind, zero)


def test_the_rest_is_allowed() -> None:
    loss.check(config(min_snr_gamma=5), "epsilon")
    loss.check(config(scale_v_pred_loss_like_noise_pred=True), "v_prediction", True)
