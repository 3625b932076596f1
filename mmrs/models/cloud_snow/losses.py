"""Losses that wrong labels hurt less than they hurt cross-entropy.

The formulae are those of the papers named below, a pixel taken for a sample:
softmax over the classes of a pixel, the mean over the pixels that are not
ignored. mmsegmentation's decode heads take them in ``loss_decode``.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from mmrs.errors import InputError
from mmrs.registry import MODELS
from mmrs.utils.settings import check_choice, check_number

__all__ = [
    'ActivePassiveLoss',
    'BootstrappedCELoss',
    'GCELoss',
    'MAELoss',
    'NCELoss',
    'RCELoss',
    'SCELoss',
    'TrimmedCELoss',
]


def cross_entropy(log_p: Tensor, target: Tensor) -> Tensor:
    """-log p_y of each pixel.

    Args:
        log_p: Log-probabilities (B, classes, H, W).
        target: Classes (B, H, W), int64.

    Returns:
        (B, H, W).
    """
    return -log_p.gather(1, target.unsqueeze(1)).squeeze(1)


def generalized_cross_entropy(
    log_p: Tensor, target: Tensor, q: float
) -> Tensor:
    """(1 - p_y^q) / q: cross-entropy for q -> 0, MAE for q = 1."""
    return (1 - torch.exp(-q * cross_entropy(log_p, target))) / q


def mean_absolute_error(log_p: Tensor, target: Tensor) -> Tensor:
    """1 - p_y, half the L1 distance to the one-hot label."""
    return 1 - torch.exp(-cross_entropy(log_p, target))


def reverse_cross_entropy(
    log_p: Tensor, target: Tensor, floor: float = 1e-4
) -> Tensor:
    """-sum_k p_k log(onehot_k), the zeros of the label taken for `floor`."""
    return -math.log(floor) * mean_absolute_error(log_p, target)


def normalized_cross_entropy(log_p: Tensor, target: Tensor) -> Tensor:
    """Log p_y / sum_k log p_k."""
    return cross_entropy(log_p, target) / -log_p.sum(1)


def bootstrapped_cross_entropy(
    log_p: Tensor, target: Tensor, beta: float
) -> Tensor:
    """Cross-entropy against beta times the label and 1 - beta times p."""
    entropy = -(log_p.exp() * log_p).sum(1)
    return beta * cross_entropy(log_p, target) + (1 - beta) * entropy


class _PixelLoss(nn.Module):
    """A loss of each pixel, and its mean over the pixels not ignored.

    A subclass has :meth:`per_pixel`.

    Args:
        loss_weight: Factor of the loss.
        loss_name: In the log; begins with ``loss_`` to be learnt from.
    """

    def __init__(self, loss_weight: float = 1.0, loss_name: str = '') -> None:
        super().__init__()
        check_number('loss_weight', loss_weight, 0)
        self.loss_weight = loss_weight
        self._loss_name = loss_name or self.default_name

    @property
    def loss_name(self) -> str:
        """Name that mmsegmentation's heads log the loss under."""
        return self._loss_name

    def per_pixel(self, log_p: Tensor, target: Tensor) -> Tensor:
        """Loss (B, H, W) of log-probabilities and classes of valid pixels."""
        raise NotImplementedError

    def forward(
        self,
        pred: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        ignore_index: int = 255,
    ) -> Tensor:
        """Compute the mean.

        As `avg_non_ignore=True` of mmsegmentation does: the sum over the
        valid pixels, divided by their number. Weights do not change the
        divisor, so they should have mean 1.

        Args:
            pred: Class scores (B, classes, H, W).
            label: Classes (B, H, W), int64.
            weight: Of each pixel (B, H, W).
            avg_factor: Divisor in place of the number of valid pixels.
            ignore_index: Label of pixels that are left out.

        Returns:
            A number; 0 where all pixels are ignored.
        """
        valid = label != ignore_index
        # In fp32 also under AMP: the logarithms need it.
        log_p = pred.float().log_softmax(1)
        losses = self.per_pixel(log_p, label.masked_fill(~valid, 0))
        weights = valid.float() if weight is None else weight * valid
        return self.loss_weight * self.reduce(
            losses, weights, valid, avg_factor
        )

    def reduce(
        self,
        losses: Tensor,
        weights: Tensor,
        valid: Tensor,
        avg_factor: float | None,
    ) -> Tensor:
        """Weigh and average losses; all maps are (B, H, W)."""
        if avg_factor is None:
            avg_factor = valid.sum().clamp(min=1)
        return (losses * weights).sum() / avg_factor


@MODELS.register_module()
class GCELoss(_PixelLoss):
    """Generalized cross-entropy (arXiv 1805.07836).

    Args:
        q: Between 0 (cross-entropy) and 1 (mean absolute error).
        loss_weight: As of all losses here: factor of the loss.
        loss_name: Likewise: in the log.
    """

    default_name = 'loss_gce'

    def __init__(self, q: float = 0.7, **kwargs) -> None:
        super().__init__(**kwargs)
        check_number('q', q, 0, 1)
        if q == 0:
            raise InputError(f'q must be above 0 and at most 1, got {q}')
        self.q = q

    def per_pixel(self, log_p: Tensor, target: Tensor) -> Tensor:
        """See the base class."""
        return generalized_cross_entropy(log_p, target, self.q)


@MODELS.register_module()
class MAELoss(_PixelLoss):
    """1 - p_y (arXiv 1712.09482, without its factor 2)."""

    default_name = 'loss_mae'

    def per_pixel(self, log_p: Tensor, target: Tensor) -> Tensor:
        """See the base class."""
        return mean_absolute_error(log_p, target)


@MODELS.register_module()
class RCELoss(_PixelLoss):
    """Reverse cross-entropy (arXiv 1908.06112)."""

    default_name = 'loss_rce'

    def per_pixel(self, log_p: Tensor, target: Tensor) -> Tensor:
        """See the base class."""
        return reverse_cross_entropy(log_p, target)


@MODELS.register_module()
class NCELoss(_PixelLoss):
    """Normalized cross-entropy (arXiv 2006.13554)."""

    default_name = 'loss_nce'

    def per_pixel(self, log_p: Tensor, target: Tensor) -> Tensor:
        """See the base class."""
        return normalized_cross_entropy(log_p, target)


@MODELS.register_module()
class SCELoss(_PixelLoss):
    """Symmetric cross-entropy: alpha CE + beta RCE (arXiv 1908.06112).

    Args:
        alpha: The paper's values are 0.1 for 10 classes, 6 for 100.
        beta: Likewise 1, and 0.1.
        loss_weight: Factor of the loss.
        loss_name: In the log.
    """

    default_name = 'loss_sce'

    def __init__(
        self, alpha: float = 0.1, beta: float = 1.0, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        check_number('alpha', alpha, 0)
        check_number('beta', beta, 0)
        self.alpha = alpha
        self.beta = beta

    def per_pixel(self, log_p: Tensor, target: Tensor) -> Tensor:
        """See the base class."""
        active = cross_entropy(log_p, target)
        passive = reverse_cross_entropy(log_p, target)
        return self.alpha * active + self.beta * passive


@MODELS.register_module()
class ActivePassiveLoss(_PixelLoss):
    """alpha NCE + beta times RCE or MAE (arXiv 2006.13554).

    Args:
        passive: ``'rce'`` or ``'mae'``.
        alpha: The paper's values are 1 for 10 classes, 10 for 100.
        beta: Likewise 1, and 0.1.
        loss_weight: Factor of the loss.
        loss_name: In the log.
    """

    default_name = 'loss_apl'
    passives: dict[str, Callable] = dict(
        rce=reverse_cross_entropy, mae=mean_absolute_error
    )

    def __init__(
        self,
        passive: str = 'rce',
        alpha: float = 1.0,
        beta: float = 1.0,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        check_choice('passive', passive, self.passives)
        check_number('alpha', alpha, 0)
        check_number('beta', beta, 0)
        self.passive = passive
        self.alpha = alpha
        self.beta = beta

    def per_pixel(self, log_p: Tensor, target: Tensor) -> Tensor:
        """See the base class."""
        active = normalized_cross_entropy(log_p, target)
        passive = self.passives[self.passive](log_p, target)
        return self.alpha * active + self.beta * passive


@MODELS.register_module()
class BootstrappedCELoss(_PixelLoss):
    """Soft bootstrapping (arXiv 1412.6596).

    The gradient goes through the predictions in the target, too, which makes
    it cross-entropy with a share of entropy minimisation.

    Args:
        beta: Share of the label in the target.
        loss_weight: Factor of the loss.
        loss_name: In the log.
    """

    default_name = 'loss_bootstrapped_ce'

    def __init__(self, beta: float = 0.95, **kwargs) -> None:
        super().__init__(**kwargs)
        check_number('beta', beta, 0, 1)
        self.beta = beta

    def per_pixel(self, log_p: Tensor, target: Tensor) -> Tensor:
        """See the base class."""
        return bootstrapped_cross_entropy(log_p, target, self.beta)


@MODELS.register_module()
class TrimmedCELoss(_PixelLoss):
    """Cross-entropy without the pixels of each image that it hurts most.

    Args:
        percent: Of the valid pixels of each image, those of the largest loss
            that are left out; rounded down to whole pixels.
        loss_weight: Factor of the loss.
        loss_name: In the log.
    """

    default_name = 'loss_trimmed_ce'

    def __init__(self, percent: float = 10.0, **kwargs) -> None:
        super().__init__(**kwargs)
        check_number('percent', percent, 0, 100)
        if percent == 100:
            raise InputError(f'percent must be in [0, 100), got {percent}')
        self.percent = percent

    def per_pixel(self, log_p: Tensor, target: Tensor) -> Tensor:
        """See the base class."""
        return cross_entropy(log_p, target)

    def reduce(
        self,
        losses: Tensor,
        weights: Tensor,
        valid: Tensor,
        avg_factor: float | None,
    ) -> Tensor:
        """Average over the pixels that are kept."""
        kept = valid.clone()
        for loss, ones, keep in zip(losses.detach(), valid, kept):
            num = int(self.percent / 100 * ones.sum().item())
            worst = loss.masked_fill(~ones, -1).flatten().topk(num).indices
            keep.view(-1)[worst] = False
        return super().reduce(losses, weights * kept, kept, avg_factor)
