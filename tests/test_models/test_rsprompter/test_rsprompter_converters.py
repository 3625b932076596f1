import sys

import pytest
import torch
from parity.rsprompter import infer_arch, run_parity
from rsprompter_toys import build

from mmrs.models.rsprompter.converters import convert_released
from mmrs.models.sam import SAM_ARCHS, sam_to_hf, sam_to_mmpretrain

# Our prefix, the same part in segment_anything, in transformers, and the
# authors' prefix (spec of the release's checkpoints).
PARTS = [
    (
        'backbone.image_encoder.',
        'image_encoder.',
        'vision_encoder.',
        'backbone.vision_encoder.',
    ),
    (
        'shared_image_embedding.',
        'prompt_encoder.pe_layer.',
        'shared_image_embedding.',
        'shared_image_embedding.shared_image_embedding.',
    ),
    (
        'roi_head.mask_head.mask_decoder.',
        'mask_decoder.',
        'mask_decoder.',
        'roi_head.mask_head.mask_decoder.mask_decoder.',
    ),
    (
        'panoptic_head.mask_decoder.',
        'mask_decoder.',
        'mask_decoder.',
        'panoptic_head.mask_decoder.mask_decoder.',
    ),
    (
        'panoptic_head.sam_mask_embed.',
        'prompt_encoder.mask_downscaling.',
        'prompt_encoder.mask_embed.',
        'panoptic_head.sam_mask_embed.',
    ),
]


def as_released(state_dict):
    """Our names to the authors'."""
    released = {}
    for key, value in state_dict.items():
        for ours, official, foreign, theirs in PARTS:
            if key.startswith(ours):
                renamed = sam_to_hf({official + key[len(ours) :]: value})
                name = next(iter(renamed))
                key = theirs + name[len(foreign) :]
                break
        released[key] = value
    return released


@pytest.mark.parametrize(
    'name', ['rsprompter-anchor', 'rsprompter-query', 'samseg-maskrcnn']
)
def test_names_convert_whole(name):
    state_dict = build(name).state_dict()
    released = as_released(state_dict)
    assert released.keys() != state_dict.keys()
    assert convert_released(released).keys() == state_dict.keys()


def test_names_of_samdet_convert_whole():
    state_dict = build('samdet').state_dict()
    released = {}
    for key, value in state_dict.items():
        if key.startswith('segmentor.'):
            part = sam_to_hf({key[len('segmentor.') :]: value})
            released.update(
                {f'segmentor.sam_model.{k}': v for k, v in part.items()}
            )
        else:
            released[key] = value
    assert convert_released(released).keys() == state_dict.keys()


def test_names_of_the_lora_variant_convert_whole():
    pytest.importorskip('peft')
    model = build('rsprompter-anchor', **{'backbone.lora': dict(r=2)})
    state_dict = model.state_dict()
    released = {}
    ours = 'backbone.image_encoder.base_model.model.'
    for key, value in state_dict.items():
        if key.startswith(ours):
            part = {'image_encoder.' + key[len(ours) :]: value}
            name = next(iter(sam_to_mmpretrain(part)))
            released['backbone.vision_encoder.base_model.model.' + name] = (
                value
            )
        else:
            released.update(as_released({key: value}))
    assert any('.ln1.' in key for key in released)
    assert convert_released(released).keys() == state_dict.keys()


def test_sizes_are_read_off_the_weights():
    state_dict = build('rsprompter-anchor').state_dict()
    arch = infer_arch(state_dict)
    assert (arch.embed_dim, arch.depth, arch.num_heads) == (32, 2, 2)
    with torch.device('meta'):
        large = build('rsprompter-anchor', **{'backbone.sam_arch': 'vit_l'})
    assert infer_arch(large.state_dict()) == SAM_ARCHS['vit_l']


@pytest.mark.slow
@pytest.mark.parametrize('method', ['rsprompter-anchor', 'rsprompter-query'])
def test_outputs_equal_the_authors(method, shared_golden, monkeypatch):
    monkeypatch.syspath_prepend(shared_golden)
    sys.modules.pop('golden', None)
    import golden

    meta, state_dict, io = golden.load(f'{method.replace("-", "_")}.npz')
    pairs = run_parity(method, meta, state_dict, io)
    assert set(pairs) == set(io) - {'img', 'rois'}
    for name, (ours, theirs) in pairs.items():
        torch.testing.assert_close(
            ours,
            theirs,
            atol=1e-4,
            rtol=1e-3,
            msg=lambda m, n=name: f'{n}: {m}',
        )
