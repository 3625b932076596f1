"""Focal loss (Lin et al., 2017), sigmoid and softmax form.

N samples and C classes; ``target`` is ``(N,)`` int64; ``weight`` holds a
factor per class ``(C,)``, or nothing ``(0,)``.
"""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, one_hot


def sigmoid_focal_loss_forward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    output: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Stand in for ``sigmoid_focal_loss_forward``: fill ``output``.

    Args:
        input: ``(N, C)`` logits.
        target: Class of each sample; C is the background.
        weight: Factor of the samples of each class; the background's is 1.
        output: ``(N, C)`` losses; written to.
        gamma: Focusing power.
        alpha: Balance: the factor of the positive entries, ``1 - alpha``
            that of the negative ones.
    """
    sign, factor = _signs_and_factors(input, target, weight, alpha)
    z = sign * input
    output.copy_(-factor * torch.sigmoid(-z) ** gamma * logsigmoid(z))


def sigmoid_focal_loss_backward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    grad_input: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Stand in for ``sigmoid_focal_loss_backward``.

    Adds to ``grad_input`` ``(N, C)`` the derivative of the sum of the losses
    by the logits.
    """
    sign, factor = _signs_and_factors(input, target, weight, alpha)
    z = sign * input
    right, wrong = torch.sigmoid(z), torch.sigmoid(-z)
    slope = wrong - gamma * right * logsigmoid(z)
    grad_input += -sign * factor * wrong**gamma * slope


def softmax_focal_loss_forward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    output: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Stand in for ``softmax_focal_loss_forward``: fill ``output``.

    Args:
        input: ``(N, C)`` probabilities, the softmax of the logits.
        target: Class of each sample; a negative one is ignored.
        weight: Factor of the samples of each class.
        output: ``(N,)`` losses; written to.
        gamma: Focusing power.
        alpha: Factor of all losses.
    """
    p, factor = _probability_and_factor(input, target, weight, alpha)
    output.copy_(-factor * (1 - p) ** gamma * _positive(p).log())


def softmax_focal_loss_backward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    buff: Tensor,
    grad_input: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Stand in for ``softmax_focal_loss_backward``.

    Adds to ``grad_input`` ``(N, C)`` the derivative of the sum of the losses
    by the logits. ``buff`` ``(N,)`` is set to the factor that
    all classes of a sample share.
    """
    p, factor = _probability_and_factor(input, target, weight, alpha)
    focus = gamma * _positive(1 - p) ** (gamma - 1) * p * _positive(p).log()
    buff.copy_(factor * (focus - (1 - p) ** gamma))
    hit = one_hot(target.clamp(min=0), input.shape[1])
    grad_input += buff[:, None] * (hit - input)


def _signs_and_factors(
    input: Tensor, target: Tensor, weight: Tensor, alpha: float
) -> tuple[Tensor, Tensor]:
    """``(N, C)`` each: +1 for a sample's class, else -1; and its factor."""
    classes = input.shape[1]
    positive = one_hot(target, classes + 1)[:, :classes].to(input.dtype)
    factor = alpha * positive + (1 - alpha) * (1 - positive)
    if weight.numel():
        with_background = torch.cat([weight, weight.new_ones(1)])
        factor = factor * with_background[target, None]
    return 2 * positive - 1, factor


def _probability_and_factor(
    input: Tensor, target: Tensor, weight: Tensor, alpha: float
) -> tuple[Tensor, Tensor]:
    """``(N,)`` each: the probability of a sample's class; its factor."""
    label = target.clamp(min=0)
    factor = alpha * (target >= 0).to(input.dtype)
    if weight.numel():
        factor = factor * weight[label]
    return input.gather(1, label[:, None])[:, 0], factor


def _positive(p: Tensor) -> Tensor:
    """Keep logarithms and negative powers of 0 finite."""
    return p.clamp(min=torch.finfo(p.dtype).tiny)
