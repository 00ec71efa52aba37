"""Losses of one shape, one value per picture, and the weights that go with a timestep.

SNR is the signal-to-noise ratio ᾱ/(1-ᾱ). Tensors that are compared are (batch, channels, height,
width); everything is computed in float32.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dataprep.errors import UsageError
from train.config import TrainConfig

Loss = Callable[[Tensor, Tensor, Tensor | None, Tensor | None], Tensor]
"""(prediction, target, c, mask) → (batch,); c is (batch, 1, 1, 1)."""
MAX_SNR = 1000.0
"""sd-scripts' cap where a weight would go without bound near timestep 0."""
VELOCITY = "v_prediction"


def l2(
    prediction: Tensor, target: Tensor, c: Tensor | None = None, mask: Tensor | None = None
) -> Tensor:
    """Mean squared error, (batch,)."""
    return _mean(_difference(prediction, target).square(), mask)


def l1(
    prediction: Tensor, target: Tensor, c: Tensor | None = None, mask: Tensor | None = None
) -> Tensor:
    """Mean absolute error, (batch,)."""
    return _mean(_difference(prediction, target).abs(), mask)


def huber(
    prediction: Tensor, target: Tensor, c: Tensor | None, mask: Tensor | None = None
) -> Tensor:
    """Pseudo-Huber, 2c(√(d² + c²) - c), (batch,): d² where d is small, 2c|d| where it is large.

    Scaled as in arXiv 2403.16728 and sd-scripts.
    """
    assert c is not None
    return _mean(2 * c * _rounded(_difference(prediction, target), c), mask)


def smooth_l1(
    prediction: Tensor, target: Tensor, c: Tensor | None, mask: Tensor | None = None
) -> Tensor:
    """2(√(d² + c²) - c), (batch,): d²/c where d is small, 2|d| where it is large (sd-scripts)."""
    assert c is not None
    return _mean(2 * _rounded(_difference(prediction, target), c), mask)


LOSSES: dict[str, Loss] = {"l2": l2, "l1": l1, "huber": huber, "smooth_l1": smooth_l1}


def _difference(prediction: Tensor, target: Tensor) -> Tensor:
    return prediction.float() - target.float()


def _rounded(difference: Tensor, c: Tensor) -> Tensor:
    """√(d² + c²) - c, written so that a d far below c is not lost in rounding."""
    square = difference.square()
    return square / ((square + c.square()).sqrt() + c)


def _mean(values: Tensor, mask: Tensor | None) -> Tensor:
    return (values if mask is None else values * mask).flatten(1).mean(1)


# Where huber and smooth_l1 go over from square to straight: (config, ᾱ, t/T) → c, (batch,)


def constant_c(config: TrainConfig, alphas: Tensor, progress: Tensor) -> Tensor:
    """huber_c × huber_scale throughout."""
    return torch.full_like(alphas, config.huber_c * config.huber_scale)


def exponential_c(config: TrainConfig, alphas: Tensor, progress: Tensor) -> Tensor:
    """huber_c^(t/T) × huber_scale: from huber_scale at t = 0 down to huber_c of it (2403.16728)."""
    return config.huber_c**progress * config.huber_scale


def snr_c(config: TrainConfig, alphas: Tensor, progress: Tensor) -> Tensor:
    """(1 - c)/(1 + σ)² + c with σ = √((1-ᾱ)/ᾱ): 1 without noise, huber_c in pure noise."""
    sigma = ((1 - alphas) / alphas).sqrt()
    return (1 - config.huber_c) / (1 + sigma).square() + config.huber_c


HUBER_SCHEDULES: dict[str, Callable[[TrainConfig, Tensor, Tensor], Tensor]] = {
    "constant": constant_c,
    "exponential": exponential_c,
    "snr": snr_c,
}


# Weights of a timestep, each (batch,)


def snr_of(alphas: Tensor) -> Tensor:
    """ᾱ/(1-ᾱ)."""
    return alphas / (1 - alphas)


def min_snr_weight(alphas: Tensor, gamma: float, prediction_type: str = "epsilon") -> Tensor:
    """min(SNR, γ)/SNR, for v-prediction min(SNR, γ)/(SNR + 1) (arXiv 2303.09556)."""
    snr = snr_of(alphas)
    capped = snr.clamp(max=gamma)
    if prediction_type == VELOCITY:
        return capped / (snr + 1)
    # at zero terminal SNR the quotient is 0/0; its limit is 1
    return torch.where(snr > 0, capped / snr.clamp(min=1e-12), 1.0)


def debiased_weight(alphas: Tensor, prediction_type: str = "epsilon") -> Tensor:
    """1/√SNR (arXiv 2310.08442), for v-prediction 1/(SNR + 1); SNR at most 1000 (sd-scripts)."""
    snr = snr_of(alphas).clamp(max=MAX_SNR)
    return 1 / (snr + 1) if prediction_type == VELOCITY else snr.rsqrt()


def noise_like_weight(alphas: Tensor) -> Tensor:
    """SNR/(SNR + 1), SNR at most 1000: an error in v as the error in the noise it stands for."""
    snr = snr_of(alphas).clamp(max=MAX_SNR)
    return snr / (snr + 1)


def weight(config: TrainConfig, alphas: Tensor, prediction_type: str) -> Tensor:
    """The product of the weights that a config asks for, (batch,), in sd-scripts' order."""
    total = torch.ones_like(alphas)
    if config.min_snr_gamma is not None:
        total = total * min_snr_weight(alphas, config.min_snr_gamma, prediction_type)
    if config.scale_v_pred_loss_like_noise_pred:
        total = total * noise_like_weight(alphas)
    if config.v_pred_like_loss:
        total = total * (1 + config.v_pred_like_loss / noise_like_weight(alphas))
    if config.debiased_estimation_loss:
        total = total * debiased_weight(alphas, prediction_type)
    return total


def check(config: TrainConfig, prediction_type: str, zero_terminal_snr: bool = False) -> None:
    """Refuse settings that contradict the base model. Raises ``UsageError``."""
    velocity = prediction_type == VELOCITY
    if config.scale_v_pred_loss_like_noise_pred and not velocity:
        raise UsageError(
            "scale_v_pred_loss_like_noise_pred is for v-prediction; this base predicts noise",
            "leave it out, or set v_parameterization if the base was told wrongly",
        )
    if config.v_pred_like_loss and velocity:
        raise UsageError(
            "v_pred_like_loss is for models that predict noise; this base predicts velocity",
            "leave it out",
        )
    if zero_terminal_snr and not velocity:
        raise UsageError(
            "zero_terminal_snr needs v-prediction: in pure noise there is no noise to tell apart",
            "set v_parameterization = true, or zero_terminal_snr = false",
        )


def per_picture(
    config: TrainConfig,
    prediction: Tensor,
    target: Tensor,
    alphas_cumprod: Tensor,
    timesteps: Tensor,
    prediction_type: str,
    mask: Tensor | None = None,
    snr_alphas: Tensor | None = None,
) -> Tensor:
    """How far each answer is from what was asked, weighted; (batch,) float32.

    ``alphas_cumprod`` is ᾱ by timestep, (timesteps,). ``mask`` (batch, 1, height, width), 0..1,
    multiplies the loss of each pixel. ``snr_alphas`` is the table that weights are taken from
    instead: sd-scripts takes those before the zero-terminal-SNR rescaling.
    """
    alphas = alphas_cumprod[timesteps].float()
    progress = timesteps / len(alphas_cumprod)
    c = HUBER_SCHEDULES[config.huber_schedule](config, alphas, progress).view(-1, 1, 1, 1)
    if mask is not None:
        mask = fit_mask(mask, target, normalize=config.normalize_masked_area_loss)
    losses = LOSSES[config.loss_type](prediction, target, c, mask)
    weighing = alphas if snr_alphas is None else snr_alphas[timesteps].float()
    return losses * weight(config, weighing, prediction_type)


def fit_mask(mask: Tensor, like: Tensor, *, normalize: bool) -> Tensor:
    """The mask at the size of ``like``, averaged over areas; (batch, 1, height, width) float32.

    ``normalize`` divides each picture's by its mean, so that what is left counts as a whole
    picture does; a mask without light stays at 0.
    """
    mask = mask.float()
    if mask.shape[2:] != like.shape[2:]:
        mask = torch.nn.functional.interpolate(mask, size=like.shape[2:], mode="area")
    if not normalize:
        return mask
    light = mask.mean((1, 2, 3), keepdim=True)
    return torch.where(light > 0, mask / light, 0.0)


def reduce(losses: Tensor, weights: Tensor, full: int, *, kohya: bool) -> Tensor:
    """The loss of a batch, 0-d: Σ wᵢ·lᵢ / ``full``, where ``full`` is the size of a whole batch.

    So a picture in a batch that is not full counts as much as any other. ``kohya`` takes the mean
    over the pictures there are.
    """
    weighted = losses * weights
    return weighted.mean() if kohya else weighted.sum() / full
