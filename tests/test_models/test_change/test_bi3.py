import math

import pytest
import torch
import torch.nn.functional as F

from mmrs.errors import InputError
from mmrs.models.change.bi3 import BI3Layer, LocalEnhancement


def shake(module):
    """Make norms and their statistics other than those of a new module."""
    torch.manual_seed(0)
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.add_(torch.rand_like(tensor) * 0.2)
    return module.double().eval()


def batch_norm(norm, x):
    shape = (1, -1, 1, 1)
    x = x - norm.running_mean.view(shape)
    x = x / (norm.running_var.view(shape) + 1e-5).sqrt()
    return x * norm.weight.view(shape) + norm.bias.view(shape)


def layer_norm(norm, x):
    x = x - x.mean(-1, keepdim=True)
    x = x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    return x * norm.weight + norm.bias


def depthwise(conv, x):
    """Correlate each channel with its kernel, place by place."""
    height, width = conv.weight.shape[2:]
    padded = F.pad(x, (width // 2, width // 2, height // 2, height // 2))
    out = torch.zeros_like(x)
    for row in range(x.shape[2]):
        for col in range(x.shape[3]):
            window = padded[:, :, row : row + height, col : col + width]
            out[:, :, row, col] = (window * conv.weight[:, 0]).sum((2, 3))
    return out + conv.bias.view(1, -1, 1, 1)


def pointwise(conv, x):
    y = torch.einsum('oc,bchw->bohw', conv.weight[:, :, 0, 0], x)
    return y + conv.bias.view(1, -1, 1, 1)


def enhance(part, x):
    around = torch.cat(
        [depthwise(conv, x) for conv in (part.square, part.wide, part.tall)], 1
    )
    z = batch_norm(part.norm, around)
    z = z * 0.5 * (1 + torch.erf(z / math.sqrt(2)))
    return x + pointwise(part.proj, z)


def bi3(layer, q, o):
    q, o = enhance(layer.enhance_own, q), enhance(layer.enhance_other, o)
    s = pointwise(layer.difference[0], q * (o - q))
    s = batch_norm(layer.difference[1], s).clamp(min=0)
    shape = q.shape
    q, s = (x.flatten(2).transpose(1, 2) for x in (q, s))
    heads = []
    size = q.shape[2] // layer.heads
    for h in range(layer.heads):
        cut = slice(h * size, (h + 1) * size)
        query, key, value = (
            (x @ part.weight.T + part.bias)[..., cut]
            for part, x in ((layer.q, q), (layer.k, s), (layer.v, s))
        )
        scores = query @ key.transpose(1, 2) * size**-0.5
        heads.append(scores.softmax(-1) @ value)
    a = torch.cat(heads, -1) @ layer.out.weight.T + layer.out.bias
    y = layer_norm(layer.norm1, a + q)
    first, last = layer.ffn[0], layer.ffn[3]
    hidden = (y @ first.weight.T + first.bias).clamp(min=0)
    y = layer_norm(layer.norm2, y + hidden @ last.weight.T + last.bias)
    return y.transpose(1, 2).reshape(shape)


def test_enhancement_equals_its_definition():
    part = shake(LocalEnhancement(6))
    x = torch.randn(2, 6, 5, 7, dtype=torch.float64)
    torch.testing.assert_close(part(x), enhance(part, x))


@pytest.mark.parametrize('size', [(4, 4), (3, 6)])
def test_layer_equals_its_definition(size):
    layer = shake(BI3Layer(12, heads=3, hidden=20))
    q, o = torch.randn(2, 2, 12, *size, dtype=torch.float64)
    torch.testing.assert_close(layer(q, o), bi3(layer, q, o))


def test_one_pass_moves_the_statistics_as_far_as_two():
    once, twice = LocalEnhancement(4, 1 - 0.9**2), LocalEnhancement(4)
    once.load_state_dict(twice.state_dict())
    x = torch.randn(2, 4, 6, 6)
    once(x)
    twice(x)
    twice(x)
    for name in ('running_mean', 'running_var'):
        torch.testing.assert_close(
            getattr(once.norm, name), getattr(twice.norm, name)
        )
    assert BI3Layer(4, 2, 8).enhance_other.norm.momentum == 1 - 0.9**2
    assert BI3Layer(4, 2, 8).enhance_own.norm.momentum == 0.1


def test_dropout_acts_in_training_alone():
    layer = BI3Layer(8, heads=2, hidden=16, dropout=0.5)
    q, o = torch.randn(2, 2, 8, 4, 4)
    assert not torch.equal(layer(q, o), layer(q, o))
    layer.eval()
    assert torch.equal(layer(q, o), layer(q, o))


def test_heads_must_divide_the_channels():
    with pytest.raises(InputError, match='heads=3 must .* divides the 8'):
        BI3Layer(8, heads=3)
