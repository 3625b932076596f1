import torch
from sam_toys import TOY, official_sam, randomise

from mmrs.models.sam import build_mask_embed, build_no_mask_embed


def test_mask_embed_equals_segment_anythings():
    theirs = randomise(official_sam().prompt_encoder)
    ours = build_mask_embed(TOY)
    ours.load_state_dict(theirs.mask_downscaling.state_dict())
    masks = torch.randn(2, 1, 32, 32)
    _, dense = theirs(None, None, masks)
    torch.testing.assert_close(ours(masks), dense)
    assert ours(torch.randn(3, 1, 20, 28)).shape == (3, 16, 5, 7)


def test_no_mask_embed_is_one_row():
    assert build_no_mask_embed(TOY).weight.shape == (1, TOY.out_chans)


def test_both_load_from_a_whole_sam(tmp_path):
    theirs = randomise(official_sam())
    path = tmp_path / 'sam.pth'
    torch.save(theirs.state_dict(), path)
    prompt_encoder = theirs.prompt_encoder
    for ours, part in (
        (build_mask_embed(TOY, path), prompt_encoder.mask_downscaling),
        (build_no_mask_embed(TOY, path), prompt_encoder.no_mask_embed),
    ):
        torch.testing.assert_close(ours.state_dict(), part.state_dict())
