"""Images of n bands: normalised, padded; weights inflated to n bands."""

import pytest
import torch
from cloud_toys import build, make_batch, segformer

from mmrs.engine.fitting import fit_weights, inflate
from mmrs.errors import InputError
from mmrs.models.cloud_snow import MultiBandDataPreprocessor

MEAN, STD = (1.0, 2.0, 3.0, 4.0), (1.0, 2.0, 4.0, 8.0)


def test_bands_are_normalised_in_their_order():
    images, samples = make_batch(count=2)
    preprocess = MultiBandDataPreprocessor(MEAN, STD)
    batch = preprocess(dict(inputs=list(images), data_samples=samples), True)
    mean = torch.tensor(MEAN).view(4, 1, 1)
    std = torch.tensor(STD).view(4, 1, 1)
    assert torch.allclose(batch['inputs'], (images - mean) / std)


@pytest.mark.parametrize('bands', [1, 3, 13])
def test_any_number_of_bands_and_dtype(bands):
    images = torch.randint(0, 9999, (2, bands, 8, 8)).to(torch.uint16)
    preprocess = MultiBandDataPreprocessor([5.0] * bands, [2.0] * bands)
    batch = preprocess(dict(inputs=list(images)))
    assert torch.allclose(batch['inputs'], (images.float() - 5) / 2)


def test_labels_and_true_labels_are_padded_alike():
    images, samples = make_batch(count=2, size=20, truth=True)
    preprocess = MultiBandDataPreprocessor(MEAN, STD, size_divisor=16)
    batch = preprocess(dict(inputs=list(images), data_samples=samples), True)
    assert batch['inputs'].shape == (2, 4, 32, 32)
    assert (batch['inputs'][:, :, 20:] == 0).all()
    for sample in batch['data_samples']:
        for maps in (sample.gt_sem_seg, sample.gt_true_seg_map):
            assert maps.data.shape == (1, 32, 32)
            assert (maps.data[:, 20:] == 255).all()
            assert (maps.data[:, :, 20:] == 255).all()


def test_images_of_two_sizes_are_padded_to_the_larger():
    (small, a), (large, b) = make_batch(1, size=20), make_batch(1, size=24)
    data = dict(inputs=[small[0], large[0]], data_samples=[*a, *b])
    batch = MultiBandDataPreprocessor(MEAN, STD)(data, True)
    assert batch['inputs'].shape == (2, 4, 24, 24)


def test_testing_pads_only_if_told():
    images, samples = make_batch(count=1, size=20)
    data = dict(inputs=list(images), data_samples=samples)
    assert MultiBandDataPreprocessor(MEAN, STD, size_divisor=16)(data)[
        'inputs'
    ].shape == (1, 4, 20, 20)
    preprocess = MultiBandDataPreprocessor(
        MEAN, STD, test_cfg=dict(size_divisor=16)
    )
    assert preprocess(data)['inputs'].shape == (1, 4, 32, 32)


def test_wrong_number_of_bands_names_the_file():
    images, samples = make_batch(count=2)
    samples[1].set_metainfo(dict(img_path='scene.tif'))
    data = dict(inputs=[images[0], images[1, :3]], data_samples=samples)
    with pytest.raises(InputError, match=r'scene.tif: has 3 band\(s\), but'):
        MultiBandDataPreprocessor(MEAN, STD)(data, True)
    with pytest.raises(InputError, match='mean has 4 values and std 1'):
        MultiBandDataPreprocessor(MEAN, [1.0])


FIRST = 'backbone.layers.0.0.projection.weight'


def test_weights_of_a_segmentor_fit_one_of_other_bands_and_classes():
    weights = build(segformer(bands=3, classes=5)).state_dict()
    model = build(segformer(bands=6, classes=3))
    fitted = fit_weights(weights, model)
    assert torch.equal(fitted[FIRST], inflate(weights[FIRST], 6))
    assert not any('conv_seg' in name for name in fitted)
    missing, unexpected = model.load_state_dict(fitted, strict=False)
    assert sorted(missing) == [
        'decode_head.conv_seg.bias',
        'decode_head.conv_seg.weight',
    ]
    assert not unexpected


def test_weights_of_a_backbone_find_their_place_in_a_wrapped_segmentor():
    weights = build(segformer(bands=3)).backbone.state_dict()
    model = build(dict(type='NoisyLabelSegmentor', segmentor=segformer()))
    fitted = fit_weights(weights, model)
    name = 'segmentor.' + FIRST
    assert torch.equal(
        fitted[name], inflate(weights['layers.0.0.projection.weight'], 4)
    )
    assert not model.load_state_dict(fitted, strict=False).unexpected_keys


def test_another_architecture_is_refused():
    weights = build(segformer()).state_dict()
    weights['decode_head.fusion_conv.conv.weight'] = torch.zeros(2, 2, 1, 1)
    with pytest.raises(InputError, match='fusion_conv.*another architecture'):
        fit_weights(weights, build(segformer()))


@pytest.mark.parametrize(
    ('backbone', 'name'),
    [
        (
            dict(
                type='mmseg.UNet',
                base_channels=4,
                upsample_cfg=dict(type='mmseg.InterpConv'),
            ),
            'encoder.0.0.convs.0.conv.weight',
        ),
        (
            dict(type='mmseg.FastSCNN'),
            'learning_to_downsample.conv.conv.weight',
        ),
    ],
)
def test_first_convolutions_of_the_other_networks(backbone, name):
    old = build(dict(backbone, in_channels=3))
    new = build(dict(backbone, in_channels=4))
    fitted = fit_weights(old.state_dict(), new)
    assert torch.equal(fitted[name], inflate(old.state_dict()[name], 4))
    new.load_state_dict(fitted)
