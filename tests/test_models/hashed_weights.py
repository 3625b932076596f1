"""Weights and inputs that are made from their names, in any size.

The authors' networks were run with them; a test compares its own outputs.
"""

import math
import zlib

import numpy as np
import torch

ALMOST = dict(rtol=0, atol=2e-4)


def spread(name, shape):
    """Numbers from -1 to 1, a hash of the name and of their places."""
    x = np.arange(math.prod(shape), dtype=np.uint32)
    with np.errstate(over='ignore'):
        x = x * np.uint32(2654435761) + np.uint32(zlib.crc32(name.encode()))
        x ^= x >> np.uint32(16)
        x *= np.uint32(2246822519)
        x ^= x >> np.uint32(13)
        x *= np.uint32(3266489917)
        x ^= x >> np.uint32(16)
    return x.reshape(shape) / 2.0**31 - 1


def weight(name, shape):
    value = spread(name, shape)
    if len(shape) > 1:
        value = value * math.sqrt(3 * shape[0] / value.size)
    elif shape and name.endswith(('.weight', '.running_var')):
        value = 1 + 0.2 * value
    else:
        value = 0.1 * value
    return torch.as_tensor(value, dtype=torch.float32)


def weights(shapes):
    return {name: weight(name, shape) for name, shape in shapes.items()}


def check(tensor, mean, std, first, last):
    """Compare with a mean, a deviation, and the numbers at both ends."""
    flat = tensor.flatten()
    ours = [flat.mean(), flat.std(), *flat[:3], *flat[-2:]]
    expected = torch.tensor([mean, std, *first, *last])
    torch.testing.assert_close(torch.stack(ours), expected, **ALMOST)
