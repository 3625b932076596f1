import pytest
import torch
from sam_toys import TOY, official_sam, randomise
from torch import nn

from mmrs.models.sam import (
    SAM_ARCHS,
    RSSamMaskDecoder,
    RSSamPositionalEmbedding,
)

GRID = (5, 7)


def pair(**kwargs):
    """Ours and segment_anything's decoder with the same weights."""
    theirs = randomise(official_sam().mask_decoder)
    ours = RSSamMaskDecoder(TOY, **kwargs)
    ours.load_state_dict(theirs.state_dict())
    return ours.double(), theirs.double()


def prompts(ids, tokens, images=3, shared=True, arch=TOY):
    """Arguments of our decoder, in double precision."""
    torch.manual_seed(1)
    args = dict(
        image_embeddings=torch.randn(images, arch.out_chans, *GRID),
        image_pe=RSSamPositionalEmbedding(arch)(GRID),
        sparse_prompts=torch.randn(len(ids), tokens, arch.out_chans),
        dense_prompts=torch.randn(
            1 if shared else len(ids), arch.out_chans, *GRID
        ),
    )
    args = {name: tensor.double() for name, tensor in args.items()}
    return args | dict(image_ids=torch.tensor(ids, dtype=torch.long))


def image_by_image(decoder, multimask_output, args):
    """Decode with segment_anything's decoder, put back into our order."""
    ids = args['image_ids']
    dense = args['dense_prompts'].expand(len(ids), -1, -1, -1)
    masks, ious = [None] * len(ids), [None] * len(ids)
    for image in ids.unique():
        rows = (ids == image).nonzero()[:, 0]
        outs = decoder(
            args['image_embeddings'][image, None],
            args['image_pe'],
            args['sparse_prompts'][rows],
            dense[rows],
            multimask_output,
        )
        for row, mask, iou in zip(rows.tolist(), *outs):
            masks[row], ious[row] = mask, iou
    return torch.stack(masks), torch.stack(ious)


@pytest.mark.parametrize('shared', [True, False])
@pytest.mark.parametrize('multimask', [True, False])
@pytest.mark.parametrize('tokens', [1, 2, 5, 9])
@pytest.mark.parametrize('ids', [[2, 0, 2, 2, 0], [0, 0, 0], [1]], ids=str)
def test_equals_segment_anything_image_by_image(
    ids, tokens, multimask, shared
):
    ours, theirs = pair()
    images = 1 if ids == [0, 0, 0] else 3
    args = prompts(ids, tokens, images, shared)
    masks, ious = ours(**args, multimask_output=multimask)
    expected = image_by_image(theirs, multimask, args)
    assert masks.shape == (len(ids), 3 if multimask else 1, 20, 28)
    torch.testing.assert_close((masks, ious), expected, atol=1e-9, rtol=0)


def test_equals_segment_anything_in_float_at_full_width():
    arch = SAM_ARCHS['vit_b']
    theirs = official_sam(arch, 16).mask_decoder
    ours = RSSamMaskDecoder('vit_b')
    ours.load_state_dict(theirs.state_dict())
    args = prompts([1, 0, 1], 5, arch=arch)
    args = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in args.items()
    }
    with torch.no_grad():
        out = ours(**args)
        expected = image_by_image(theirs, False, args)
    torch.testing.assert_close(out, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize('shared', [True, False])
def test_gradients_equal_segment_anythings(shared):
    ours, theirs = pair()
    grads = []
    for decoder, run in ((ours, None), (theirs, image_by_image)):
        args = prompts([2, 0, 2], 3, shared=shared)
        leaves = ('image_embeddings', 'sparse_prompts', 'dense_prompts')
        for name in leaves:
            args[name].requires_grad_()
        if run is None:
            masks, ious = decoder(**args, multimask_output=True)
        else:
            masks, ious = run(decoder, True, args)
        (masks.square().mean() + ious.square().mean()).backward()
        grads.append(
            {name: args[name].grad for name in leaves}
            | {name: p.grad for name, p in decoder.named_parameters()}
        )
    for name, other in grads[1].items():
        # Ours does not run the network of the mask that was not asked for.
        if name.startswith('output_hypernetworks_mlps.0.'):
            assert grads[0][name] is None and not other.any()
            continue
        torch.testing.assert_close(
            grads[0][name],
            other,
            atol=1e-9,
            rtol=1e-6,
            msg=lambda text, name=name: f'{name}: {text}',
        )


@pytest.mark.parametrize('shared', [True, False])
def test_no_prompts_keep_the_graph(shared):
    ours, _ = pair()
    args = prompts([], 5, shared=shared)
    args['image_embeddings'].requires_grad_()
    masks, ious = ours(**args)
    assert masks.shape == (0, 1, 20, 28) and ious.shape == (0, 1)
    (masks.sum() + ious.sum()).backward()
    assert not args['image_embeddings'].grad.any()
    assert not ours.mask_tokens.weight.grad.any()


@pytest.mark.parametrize('shared', [True, False])
def test_chunks_and_checkpoints_change_nothing(shared):
    args = prompts([2, 0, 2, 1, 0], 3, shared=shared)
    results = []
    for kwargs in ({}, dict(chunk_size=2, with_cp=True)):
        ours, _ = pair(**kwargs)
        masks, ious = ours(**args)
        masks.square().mean().backward()
        results.append((masks, ious, ours.mask_tokens.weight.grad))
    torch.testing.assert_close(*results, atol=1e-9, rtol=0)


def test_norm_eps_is_that_of_the_transformer_blocks():
    ours, _ = pair(norm_eps=1e-6)
    eps = {
        name: module.eps
        for name, module in ours.named_modules()
        if isinstance(module, nn.LayerNorm)
    }
    assert eps.pop('transformer.norm_final_attn') == 1e-5
    assert len(eps) == 8 and set(eps.values()) == {1e-6}


def test_image_tokens_are_projected_once_per_image():
    ours, _ = pair()
    rows = []
    layer = ours.transformer.layers[0].cross_attn_token_to_image
    layer.v_proj.register_forward_hook(lambda _, x, y: rows.append(len(y)))
    ours(**prompts([0, 0, 1, 1, 1, 1], 2, images=2))
    assert rows == [2]
