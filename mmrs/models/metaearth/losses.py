"""The loss of MetaEarth: perception-prioritised weights."""

import torch
from torch import Tensor, nn

from mmrs.registry import MODELS

__all__ = ['P2Loss']


@MODELS.register_module()
class P2Loss(nn.Module):
    """Squared error, less at the steps of little noise (P2).

    Choi et al., arXiv 2204.00227, equation 8: the weight of step t is
    ``1 / (k + SNR_t)**gamma``, not normalised. The paper uses it with unknown
    k and gamma; both 1 are ours, with which it is the share of noise,
    ``1 - a_t``. Where the target is not the noise but v, the error of v is
    weighted likewise (ours).

    Args:
        k: Positive; bounds the weights.
        gamma: How much steps of little noise lose; 0 weighs all alike.
    """

    def __init__(self, k: float = 1.0, gamma: float = 1.0) -> None:
        super().__init__()
        self.k = k
        self.gamma = gamma

    def weight(self, alphas_cumprod: Tensor) -> Tensor:
        """Weights of steps whose signal has the share a_t, (B,)."""
        # (1 - a) / (k (1 - a) + a) stays finite at a = 1, unlike the SNR.
        noise = 1 - alphas_cumprod
        return (noise / (self.k * noise + alphas_cumprod)) ** self.gamma

    def forward(
        self, pred: Tensor, target: Tensor, alphas_cumprod: Tensor
    ) -> Tensor:
        """Compare predictions with the truth.

        Args:
            pred: (B, C, H, W).
            target: The same shape.
            alphas_cumprod: a_t of each sample, (B,), 0 to 1.

        Returns:
            The mean over pixels and channels, then over the batch.
        """
        error = (pred.float() - target.float()).square().flatten(1).mean(1)
        return torch.mean(self.weight(alphas_cumprod) * error)
