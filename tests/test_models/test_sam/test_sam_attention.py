import pytest
import torch

from mmrs.models.sam.attention import ATTENTION

SIZES = [
    # leading sizes, heads, H, W, head width
    ((2,), 2, 5, 7, 64),
    ((1,), 1, 6, 4, 80),
    ((1, 2, 3), 2, 3, 3, 16),
]


def inputs(lead, heads, height, width, dim):
    torch.manual_seed(0)
    shape = (*lead, heads, height, width)
    return [
        torch.randn(*shape, size, requires_grad=True)
        for size in (dim, dim, dim, height, width)
    ]


def by_definition(q, k, v, rel_h, rel_w):
    """Softmax over all keys for one query after another."""
    height, width, dim = q.shape[-3:]
    rows = []
    for y in range(height):
        for x in range(width):
            query = q[..., y, x, :][..., None, None, :]
            score = (query * k).sum(-1) / dim**0.5
            score = score + rel_h[..., y, x, :, None]
            score = score + rel_w[..., y, x, None, :]
            weight = score.flatten(-2).softmax(-1).view(score.shape)
            rows.append((weight[..., None] * v).sum((-3, -2)))
    return torch.stack(rows, dim=-2).flatten(0, -4)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('name', ATTENTION)
def test_every_kernel_follows_the_definition(name, size):
    views = [x.detach() for x in inputs(*size)]
    out, expected = ATTENTION[name](*views), by_definition(*views)
    assert out.shape == expected.shape
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=0)


# PyTorch has no backward pass of FlexAttention on a CPU.
@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('name', ['eager', 'sdpa', 'flash'])
def test_gradients_follow_the_definition(name, size):
    ours, slow = inputs(*size), inputs(*size)
    out, expected = ATTENTION[name](*ours), by_definition(*slow)
    direction = torch.randn_like(out)
    out.backward(direction)
    expected.backward(direction)
    for mine, theirs in zip(ours, slow):
        torch.testing.assert_close(mine.grad, theirs.grad, atol=1e-5, rtol=0)


@pytest.mark.gpu
@pytest.mark.parametrize('name', ATTENTION)
def test_kernels_agree_in_bfloat16_on_cuda(name):
    size = ((2,), 4, 32, 32, 64)
    ours = [x.detach().cuda().bfloat16() for x in inputs(*size)]
    slow = [x.float().requires_grad_() for x in ours]
    ours = [x.requires_grad_() for x in ours]
    out, exact = ATTENTION[name](*ours), ATTENTION['eager'](*slow)
    torch.testing.assert_close(out.float(), exact, atol=3e-2, rtol=0)
    out.sum().backward()
    exact.sum().backward()
    for mine, other in zip(ours, slow):
        error = (mine.grad.float() - other.grad).norm()
        assert error <= 0.05 * other.grad.norm().clamp(min=1)
