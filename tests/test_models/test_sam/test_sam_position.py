import torch
from sam_toys import TOY, official_sam

from mmrs.models.sam import RSSamPositionalEmbedding


def test_equals_the_prompt_encoders_dense_positions():
    theirs = official_sam().prompt_encoder
    ours = RSSamPositionalEmbedding(TOY)
    ours.load_state_dict(theirs.pe_layer.state_dict())
    torch.testing.assert_close(ours((8, 8)), theirs.get_dense_pe())


def test_one_cell_is_the_middle_of_the_image():
    # The middle of [0, 1] is the origin: sines are 0 and cosines 1.
    half = TOY.out_chans // 2
    expected = torch.cat([torch.zeros(half), torch.ones(half)])
    out = RSSamPositionalEmbedding(TOY)((1, 1))
    torch.testing.assert_close(out, expected.view(1, -1, 1, 1))


def test_autocast_does_not_round_the_angles():
    ours = RSSamPositionalEmbedding(TOY)
    with torch.autocast('cpu', torch.bfloat16):
        out = ours((8, 6))
    assert out.shape == (1, TOY.out_chans, 8, 6)
    torch.testing.assert_close(out, ours((8, 6)))


def test_frequencies_are_stored_but_not_trained():
    ours = RSSamPositionalEmbedding(TOY)
    assert list(ours.state_dict()) == ['positional_encoding_gaussian_matrix']
    assert not list(ours.parameters())
