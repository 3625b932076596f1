import pytest
import torch
from sam_toys import TOY, TOY_SIZE, official_sam, randomise
from segment_anything import sam_model_registry

from mmrs.models.sam import (
    get_arch,
    hf_to_sam,
    mmpretrain_to_sam,
    sam_to_hf,
    sam_to_mmpretrain,
)


def transformers_sam(arch, img_size):
    """transformers' `SamModel` of these sizes."""
    from transformers import SamConfig, SamModel

    return SamModel(
        SamConfig(
            vision_config=dict(
                hidden_size=arch.embed_dim,
                output_channels=arch.out_chans,
                num_hidden_layers=arch.depth,
                num_attention_heads=arch.num_heads,
                image_size=img_size,
                patch_size=arch.patch_size,
                window_size=arch.window_size,
                global_attn_indexes=list(arch.global_attn_indexes),
                mlp_dim=4 * arch.embed_dim,
                num_pos_feats=arch.out_chans // 2,
            ),
            prompt_encoder_config=dict(
                hidden_size=arch.out_chans,
                image_size=img_size,
                patch_size=arch.patch_size,
                mask_input_channels=arch.mask_in_chans,
            ),
            mask_decoder_config=dict(
                hidden_size=arch.out_chans,
                mlp_dim=arch.decoder_mlp_dim,
                num_attention_heads=arch.decoder_heads,
                iou_head_hidden_dim=arch.iou_head_hidden_dim,
            ),
        )
    )


def shapes(state_dict):
    return {name: tensor.shape for name, tensor in state_dict.items()}


@pytest.mark.parametrize(
    ('name', 'count'), [('vit_b', 315), ('vit_l', 483), ('vit_h', 595)]
)
def test_names_of_transformers_are_a_bijection(name, count):
    with torch.device('meta'):
        official = sam_model_registry[name]().state_dict()
        theirs = transformers_sam(get_arch(name), 1024).state_dict()
    assert len(theirs) == count == len(official) + 1
    assert shapes(sam_to_hf(official)) == shapes(theirs)
    assert shapes(hf_to_sam(theirs)) == shapes(official)


def test_converted_weights_give_transformers_the_same_masks():
    official = randomise(official_sam()).eval()
    theirs = transformers_sam(TOY, TOY_SIZE).eval()
    theirs.load_state_dict(sam_to_hf(official.state_dict()))
    # transformers' blocks normalise with another epsilon.
    for layer in theirs.mask_decoder.transformer.layers:
        for i in range(1, 5):
            getattr(layer, f'layer_norm{i}').eps = 1e-5
    image = torch.randn(1, 3, TOY_SIZE, TOY_SIZE)
    boxes = torch.tensor([[3.0, 4.0, 20.0, 30.0]])
    with torch.no_grad():
        out = theirs(
            pixel_values=image,
            input_boxes=boxes[None],
            multimask_output=False,
        )
        sparse, dense = official.prompt_encoder(None, boxes, None)
        masks, iou = official.mask_decoder(
            official.image_encoder(image),
            official.prompt_encoder.get_dense_pe(),
            sparse,
            dense,
            False,
        )
    torch.testing.assert_close(out.pred_masks[0], masks, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(out.iou_scores[0], iou, atol=1e-5, rtol=1e-4)


def test_converted_weights_give_mmpretrain_the_same_embedding():
    from mmpretrain.models import ViTSAM

    official = official_sam()
    randomise(official.image_encoder)
    theirs = ViTSAM(
        arch=dict(
            embed_dims=TOY.embed_dim,
            num_layers=TOY.depth,
            num_heads=TOY.num_heads,
            feedforward_channels=4 * TOY.embed_dim,
            global_attn_indexes=list(TOY.global_attn_indexes),
        ),
        img_size=TOY_SIZE,
        patch_size=TOY.patch_size,
        out_channels=TOY.out_chans,
        window_size=TOY.window_size,
    )
    theirs.eval()
    encoder = {
        name: tensor
        for name, tensor in official.state_dict().items()
        if name.startswith('image_encoder.')
    }
    converted = sam_to_mmpretrain(encoder)
    theirs.load_state_dict(converted)
    assert shapes(mmpretrain_to_sam(converted)) == shapes(encoder)
    image = torch.randn(1, 3, TOY_SIZE, TOY_SIZE)
    with torch.no_grad():
        torch.testing.assert_close(
            theirs(image)[0],
            official.image_encoder(image),
            atol=1e-5,
            rtol=1e-4,
        )
