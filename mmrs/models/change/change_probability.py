"""How probable a model thinks change is, averaged over views of a pair."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .change_interpreter import ChangeInterpreter

__all__ = ['VIEWS', 'change_probability']


class View(NamedTuple):
    """A way to look at an image (..., H, W), and the way back."""

    look: Callable[[Tensor], Tensor]
    back: Callable[[Tensor], Tensor]


def _flip(axis: int) -> View:
    return View(lambda x: x.flip(axis), lambda x: x.flip(axis))


VIEWS = {
    'identity': View(lambda x: x, lambda x: x),
    'hflip': _flip(-1),
    'vflip': _flip(-2),
    'rot90': View(
        lambda x: x.rot90(1, (-2, -1)), lambda x: x.rot90(-1, (-2, -1))
    ),
}


@torch.no_grad()
def change_probability(
    model: ChangeInterpreter,
    image_a: Tensor,
    image_b: Tensor,
    views: Sequence[str] = tuple(VIEWS),
    both_orders: bool = True,
) -> Tensor:
    """Average the probability of change over views of one pair.

    With both orders of the dates, exchanging them changes nothing.

    Args:
        model: Draws masks, in evaluation mode; its first class is
            'unchanged'.
        image_a: (bands, H, W), as the model's data preprocessor takes them.
        image_b: Likewise.
        views: Names of `VIEWS`.
        both_orders: Take each view with the dates exchanged, too.

    Returns:
        One minus the probability of the first class, (H, W), float32, on the
        CPU.
    """
    pair = torch.stack([image_a, image_b])
    by_shape = defaultdict(list)  # views of one shape make one batch
    for name in views:
        seen = VIEWS[name].look(pair)
        by_shape[seen.shape].append((name, seen))
    found = {}
    for group in by_shape.values():
        names, pairs = zip(*group)
        first, second = torch.stack(pairs, dim=1)
        if both_orders:
            first, second = (
                torch.cat([first, second]),
                torch.cat([second, first]),
            )
        probability = _run(model, first, second)
        # Two summands give the same sum in either order.
        probability = probability.unflatten(0, (-1, len(names))).mean(0)
        for name, one in zip(names, probability):
            found[name] = VIEWS[name].back(one)
    return torch.stack([found[name] for name in views]).mean(0)


def _run(model: ChangeInterpreter, a: Tensor, b: Tensor) -> Tensor:
    """Probabilities of change (B, H, W) of pairs (B, bands, H, W)."""
    data = dict(inputs=dict(img_a=list(a), img_b=list(b)))
    inputs = model.data_preprocessor(data, False)['inputs']
    logits = model.encode(inputs)['mask_logits'].float()
    if logits.shape[2:] != a.shape[2:]:
        logits = F.interpolate(logits, a.shape[2:], mode='bilinear')
    return 1 - logits.softmax(1)[:, 0].cpu()
