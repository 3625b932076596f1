from dataclasses import replace

import pytest
import torch
from sam_toys import TOY, TOY_SIZE, official_sam, randomise

from mmrs.errors import InputError
from mmrs.models.sam import SamImageEncoder
from mmrs.models.sam.attention import ATTENTION
from mmrs.models.sam.image_encoder import relative_positions

# Heads as wide as those of ViT-B and of ViT-H.
ARCHS = {
    64: replace(TOY, embed_dim=128),
    80: replace(TOY, embed_dim=160, window_size=4),
}
# PyTorch has no backward pass of FlexAttention on a CPU.
TRAINABLE = [name for name in ATTENTION if name != 'flex']


def pair(arch=TOY, img_size=TOY_SIZE, **kwargs):
    """Ours and segment_anything's encoder with the same weights."""
    theirs = randomise(official_sam(arch, img_size).image_encoder)
    ours = SamImageEncoder(arch, img_size, **kwargs)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


@pytest.mark.parametrize('head_width', ARCHS)
@pytest.mark.parametrize('attn_impl', ATTENTION)
def test_equals_segment_anything(attn_impl, head_width):
    ours, theirs = pair(ARCHS[head_width], attn_impl=attn_impl)
    x = torch.randn(2, 3, TOY_SIZE, TOY_SIZE)
    with torch.no_grad():
        embedding, states = ours(x)
        expected = theirs(x)
        torch.testing.assert_close(ours.encode(x), embedding)
    torch.testing.assert_close(embedding, expected, atol=1e-5, rtol=1e-5)
    assert [s.shape for s in states] == [(2, 8, 8, 2 * head_width)] * 3


@pytest.mark.parametrize('head_width', ARCHS)
@pytest.mark.parametrize('attn_impl', TRAINABLE)
def test_gradients_equal_segment_anythings(attn_impl, head_width):
    ours, theirs = pair(ARCHS[head_width], attn_impl=attn_impl)
    x = torch.randn(2, 3, TOY_SIZE, TOY_SIZE)
    embedding, expected = ours.encode(x), theirs(x)
    direction = torch.randn_like(expected)
    embedding.backward(direction)
    expected.backward(direction)
    for (name, mine), other in zip(
        ours.named_parameters(), theirs.parameters()
    ):
        torch.testing.assert_close(
            mine.grad,
            other.grad,
            atol=1e-5 * other.grad.abs().max().item(),
            rtol=1e-4,
            msg=lambda text, name=name: f'{name}: {text}',
        )


def test_hidden_states_are_the_blocks_outputs():
    ours, theirs = pair()
    seen = []
    for block in theirs.blocks:
        block.register_forward_hook(lambda _, x, y: seen.extend((x[0], y)))
    x = torch.randn(1, 3, TOY_SIZE, TOY_SIZE)
    theirs(x)
    _, states = ours(x)
    for mine, other in zip(states, (seen[0], seen[1], seen[3]), strict=True):
        torch.testing.assert_close(mine, other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('attn_impl', ATTENTION)
@pytest.mark.parametrize('size', [(20, 44), (48, 16)])
def test_any_multiple_of_the_patch_size(size, attn_impl):
    ours, theirs = pair(attn_impl=attn_impl)
    x = torch.randn(2, 3, *size)
    grid = (size[0] // 4, size[1] // 4)
    # Their blocks resize relative positions; absolute ones we give resized.
    theirs.pos_embed.data = torch.nn.functional.interpolate(
        theirs.pos_embed.data.permute(0, 3, 1, 2), grid, mode='bicubic'
    ).permute(0, 2, 3, 1)
    with torch.no_grad():
        out, expected = ours.encode(x), theirs(x)
    assert out.shape == (2, 16, *grid)
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=1e-5)


def test_relative_positions_of_three():
    table = torch.arange(5.0)[:, None]  # entry of distance q - k is q - k + 2
    expected = torch.tensor([[2.0, 1, 0], [3, 2, 1], [4, 3, 2]])
    torch.testing.assert_close(relative_positions(table, 3)[:, 0], expected)


def test_checkpointing_changes_no_gradient():
    x = torch.randn(1, 3, TOY_SIZE, TOY_SIZE)
    grads = []
    for with_cp in (False, True):
        ours, _ = pair(with_cp=with_cp)
        ours(x)[0].square().mean().backward()
        grads.append([p.grad for p in ours.parameters()])
    torch.testing.assert_close(grads[0], grads[1])


def test_autocast_stays_close():
    ours, _ = pair()
    x = torch.randn(1, 3, TOY_SIZE, TOY_SIZE)
    with torch.autocast('cpu', torch.bfloat16):
        rough = ours.encode(x)
    exact = ours.encode(x)
    error = (rough.float() - exact).norm() / exact.norm()
    assert error < 0.02


def test_new_encoder_has_positions_to_train():
    torch.manual_seed(0)
    pos_embed = SamImageEncoder('vit_tiny', 256).pos_embed
    assert pos_embed.std().item() == pytest.approx(0.02, rel=0.1)


def test_wrong_image_size_and_kernel_are_input_errors():
    ours = SamImageEncoder(TOY, TOY_SIZE)
    with pytest.raises(InputError, match='30 x 32 pixels.*patches of 4'):
        ours(torch.zeros(1, 3, 30, 32))
    with pytest.raises(InputError, match="attn_impl='fast' is unknown"):
        SamImageEncoder(TOY, TOY_SIZE, attn_impl='fast')


@pytest.mark.slow
def test_compiled_equals_eager():
    ours, _ = pair()
    x = torch.randn(1, 3, TOY_SIZE, TOY_SIZE)
    with torch.no_grad():
        compiled = torch.compile(ours, fullgraph=True)
        embedding, states = compiled(x)
        expected, expected_states = ours(x)
    torch.testing.assert_close(embedding, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(states, expected_states, atol=1e-5, rtol=1e-5)
