import pytest
import torch

from mmrs.models.layers import RMSNorm


def test_norm_by_hand():
    norm = RMSNorm(2, eps=0.5)
    norm.weight.data[:] = torch.tensor([2.0, -1.0])
    # mean(x^2) = 12.5; with eps 13.
    expected = torch.tensor([[[3 * 2, -4.0], [0, 0]]])
    expected[0, 0] /= 13**0.5
    x = torch.tensor([[[3.0, 4.0], [0, 0]]])
    torch.testing.assert_close(norm(x), expected)


def test_norm_equals_that_of_pytorch():
    torch.manual_seed(0)
    norm, theirs = RMSNorm(12), torch.nn.RMSNorm(12, eps=1e-5)
    theirs.weight.data.uniform_(0.5, 1.5)
    norm.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 5, 12, requires_grad=True)
    torch.testing.assert_close(norm(x), theirs(x))
    ours = torch.autograd.grad(norm(x).cos().sum(), [x, norm.weight])
    expected = torch.autograd.grad(theirs(x).cos().sum(), [x, theirs.weight])
    torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize(
    'dtype', [torch.float16, torch.bfloat16, torch.float64]
)
def test_computed_in_float32_at_least(dtype):
    torch.manual_seed(0)
    # Squares of these are beyond float16.
    x = (300 * torch.randn(3, 64, dtype=torch.float64)).to(dtype)
    norm = RMSNorm(64).to(dtype)
    y = norm(x)
    assert y.dtype == dtype
    expected = RMSNorm(64).double()(x.double())
    torch.testing.assert_close(y, expected.to(dtype), rtol=1e-7, atol=1e-7)
