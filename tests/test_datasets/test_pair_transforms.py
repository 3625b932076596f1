import random

import cv2
import numpy as np
import pytest
import rasterio
import torch
from mmcv.transforms import BaseTransform
from PIL import Image
from rasterio.transform import from_origin

from mmrs.datasets import (
    BiTemporal,
    EncodeCaption,
    ExchangeTime,
    FlipPair,
    LoadChangeMask,
    LoadImagePair,
    LoadPseudoMask,
    PackChangeInputs,
)
from mmrs.datasets.transforms.pairs import swap_directions
from mmrs.errors import BadImageError, InputError
from mmrs.registry import TRANSFORMS
from mmrs.structures import Vocabulary
from mmrs.structures.vocabulary import END, START

HEIGHT, WIDTH = 40, 60
RNG = np.random.default_rng(0)
DIRECTIONS = dict(horizontal=1, vertical=0, diagonal=(0, 1))


def seed_numpy(seed):
    np.random.seed(seed)  # noqa: NPY002  (transforms draw from it)


def picture(bands=3, size=(HEIGHT, WIDTH)):
    return RNG.integers(0, 256, (*size, bands), dtype=np.uint8)


def write_pair(folder, image_a, image_b, suffix='.png'):
    """Write two images and return the results that name them."""
    paths = []
    for name, image in (('a', image_a), ('b', image_b)):
        paths.append(str(folder / f'{name}{suffix}'))
        if suffix == '.tif' and (image.shape[2] != 3 or image.dtype != 'u1'):
            with rasterio.open(
                paths[-1],
                'w',
                driver='GTiff',
                height=image.shape[0],
                width=image.shape[1],
                count=image.shape[2],
                dtype=image.dtype,
            ) as raster:
                raster.write(np.moveaxis(image, 2, 0))
        else:
            Image.fromarray(image.squeeze()).save(paths[-1])
    return dict(img_path=paths)


@pytest.fixture
def loaded():
    """Results of a pair whose dates and mask are the same picture."""
    mask = RNG.integers(0, 3, (HEIGHT, WIDTH), dtype=np.uint8)
    image = np.repeat(mask[..., None], 3, axis=2)
    return dict(
        sample_id='a',
        img_path=['A/a.png', 'B/a.png'],
        imgs=[image, image + np.uint8(100)],
        gt_seg_map=mask,
        gt_mask_prob=mask / np.float32(2),
        ori_shape=(HEIGHT, WIDTH),
        img_shape=(HEIGHT, WIDTH),
    )


def assert_together(results):
    """The two dates and both masks still show the same pixels."""
    a, b = results['imgs']
    np.testing.assert_array_equal(a[..., 1], results['gt_seg_map'])
    np.testing.assert_array_equal(b[..., 1], results['gt_seg_map'] + 100)
    np.testing.assert_array_equal(
        results['gt_mask_prob'], results['gt_seg_map'] / np.float32(2)
    )
    assert results['img_shape'] == a.shape[:2]


# Loading


def test_pair_is_rgb(tmp_path):
    a, b = picture(), picture()
    results = LoadImagePair()(write_pair(tmp_path, a, b))
    np.testing.assert_array_equal(results['imgs'][0], a)
    np.testing.assert_array_equal(results['imgs'][1], b)
    assert results['imgs'][0].dtype == np.uint8
    assert results['ori_shape'] == results['img_shape'] == (HEIGHT, WIDTH)
    floats = LoadImagePair(to_float32=True)(results)['imgs'][1]
    assert floats.dtype == np.float32
    np.testing.assert_array_equal(floats, b)


def test_bands(tmp_path):
    a, b = picture(6), picture(6)
    results = write_pair(tmp_path, a, b, '.tif')
    assert LoadImagePair()(results)['imgs'][0].shape == (HEIGHT, WIDTH, 6)
    chosen = LoadImagePair(bands=(5, 2, 0, 0))(results)['imgs'][1]
    np.testing.assert_array_equal(chosen, b[..., [5, 2, 0, 0]])
    with pytest.raises(BadImageError, match=r'LoadImagePair\(bands=\(6,\)\)'):
        LoadImagePair(bands=[6])(results)


def test_one_band_stays_one_unless_asked(tmp_path):
    results = write_pair(tmp_path, picture(1), picture(1))
    assert LoadImagePair()(results)['imgs'][0].shape == (HEIGHT, WIDTH, 1)
    three = LoadImagePair(bands=(0, 0, 0))(results)['imgs'][0]
    assert three.shape == (HEIGHT, WIDTH, 3)


def test_stretch(tmp_path):
    deep = picture(4).astype(np.uint16) * 10
    results = write_pair(tmp_path, deep, deep, '.tif')
    with pytest.raises(BadImageError, match=r'LoadImagePair\(stretch='):
        LoadImagePair()(results)
    image = LoadImagePair(stretch=(0, 2550))(results)['imgs'][0]
    np.testing.assert_array_equal(image, deep // 10)


def test_dates_of_different_size(tmp_path):
    results = write_pair(tmp_path, picture(), picture(size=(30, 60)))
    with pytest.raises(BadImageError) as error:
        LoadImagePair()(results)
    assert 'b.png: is 60 x 30 px, but the earlier date' in str(error.value)
    assert 'a.png is 60 x 40 px' in str(error.value)


def test_dates_of_different_bands(tmp_path):
    results = write_pair(tmp_path, picture(), picture(1))
    with pytest.raises(BadImageError, match=r'has 1 band\(s\), but.* has 3'):
        LoadImagePair()(results)


def test_missing_date(tmp_path):
    results = write_pair(tmp_path, picture(), picture())
    (tmp_path / 'b.png').unlink()
    with pytest.raises(BadImageError, match=r'b\.png: no such image file'):
        LoadImagePair()(results)


def write_geotiff(path, corner=(500000, 4000000), pixel=0.5, epsg=32614):
    image = picture()
    with rasterio.open(
        path,
        'w',
        driver='GTiff',
        height=HEIGHT,
        width=WIDTH,
        count=3,
        dtype='uint8',
        crs=None if epsg is None else f'EPSG:{epsg}',
        transform=from_origin(*corner, pixel, pixel),
    ) as raster:
        raster.write(np.moveaxis(image, 2, 0))
    return str(path)


@pytest.mark.parametrize(
    'other, message',
    [
        (dict(epsg=32615), 'EPSG:32615'),
        (dict(corner=(500000.5, 4000000)), 'corner 500000.5 4000000'),
        (dict(pixel=0.51), 'pixel 0.51 x 0.51'),
        (dict(corner=(500000.04, 4000000)), None),  # a twelfth of a pixel
        (dict(epsg=None), None),  # tells nothing
        (dict(), None),
    ],
)
def test_grids_of_geotiffs(other, message, tmp_path):
    paths = [
        write_geotiff(tmp_path / 'a.tif'),
        write_geotiff(tmp_path / 'b.tif', **other),
    ]
    load = LoadImagePair()
    if message is None:
        load(dict(img_path=paths))
        return
    with pytest.raises(BadImageError) as error:
        load(dict(img_path=paths))
    assert message in str(error.value)
    assert f'rio warp {paths[1]} b_aligned.tif --like {paths[0]}' in str(
        error.value
    )


# Masks


def load_mask(folder, values, **kwargs):
    path = folder / 'label.png'
    Image.fromarray(values).save(path)
    return LoadChangeMask(**kwargs)(
        dict(
            seg_map_path=str(path),
            ori_shape=(HEIGHT, WIDTH),
            img_path=['a.png', 'b.png'],
        )
    )['gt_seg_map']


@pytest.mark.parametrize('bands', [1, 3])
def test_mask_of_levir_mci(bands, tmp_path):
    classes = RNG.integers(0, 3, (HEIGHT, WIDTH))
    values = np.array([0, 128, 255], np.uint8)[classes]
    if bands == 3:
        values = np.repeat(values[..., None], 3, axis=2)
    mask = load_mask(tmp_path, values)
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, classes)


def test_label_map(tmp_path):
    values = RNG.integers(0, 4, (HEIGHT, WIDTH), dtype=np.uint8)
    mask = load_mask(tmp_path, values, label_map={0: 0, 1: 1, 2: 1, 3: 255})
    np.testing.assert_array_equal(mask, np.array([0, 1, 1, 255])[values])


def test_threshold(tmp_path):
    values = RNG.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    mask = load_mask(tmp_path, values, threshold=128)
    np.testing.assert_array_equal(mask, values >= 128)
    assert 'threshold=128' in repr(LoadChangeMask(threshold=128))
    with pytest.raises(InputError, match='label_map or threshold, not both'):
        LoadChangeMask(label_map={0: 0}, threshold=128)


def test_unknown_values_are_named(tmp_path):
    values = np.zeros((HEIGHT, WIDTH), np.uint8)
    values[3, 4], values[5, 6] = 129, 7
    with pytest.raises(BadImageError) as error:
        load_mask(tmp_path, values)
    message = str(error.value)
    assert 'label.png: holds the value(s) 7, 129 that' in message
    assert 'label_map={0: 0, 128: 1, 255: 2}' in message


def test_mask_of_another_size(tmp_path):
    values = np.zeros((HEIGHT, 50), np.uint8)
    with pytest.raises(BadImageError, match='the mask is 50 x 40 px, but its'):
        load_mask(tmp_path, values)


def test_picture_in_place_of_a_mask(tmp_path):
    with pytest.raises(BadImageError, match='3 uint8 bands that differ, not'):
        load_mask(tmp_path, picture())


# Pseudo-labels


@pytest.fixture
def pseudo(tmp_path):
    """Results of a changed pair with both files; p is 0.2, 0.4 or 0.8."""
    prob = np.full((HEIGHT, WIDTH), 51, np.uint8)
    prob[:10] = 102
    prob[10:20] = 204
    Image.fromarray(prob).save(tmp_path / 'prob.png')
    hard = np.where(prob >= 128, 255, 0).astype(np.uint8)
    Image.fromarray(hard).save(tmp_path / 'hard.png')
    return dict(
        img_path=['a.png', 'b.png'],
        ori_shape=(HEIGHT, WIDTH),
        has_change=True,
        captions=['a house is built', 'a road'],
        pseudo_path=str(tmp_path / 'hard.png'),
        pseudo_prob_path=str(tmp_path / 'prob.png'),
    )


def rows(mask):
    """The first values of the three stripes of the fixture."""
    return [mask[row, 0].item() for row in (0, 10, 20)]


def test_hard_pseudo_mask(pseudo):
    results = LoadPseudoMask()(pseudo)
    assert rows(results['gt_seg_map']) == [0, 1, 0]
    assert 'gt_mask_prob' not in results
    del pseudo['pseudo_path']  # the probabilities serve as well
    assert rows(LoadPseudoMask()(pseudo)['gt_seg_map']) == [0, 1, 0]


def test_soft_pseudo_mask_with_a_band_of_doubt(pseudo):
    transform = LoadPseudoMask(kind='soft', ignore_band=(0.3, 0.7))
    results = transform(pseudo)
    assert rows(results['gt_seg_map']) == [255, 1, 0]
    np.testing.assert_allclose(
        rows(results['gt_mask_prob']), [0.4, 0.8, 0.2], rtol=1e-6
    )
    assert results['gt_mask_prob'].dtype == np.float32


def test_unchanged_pair_has_an_empty_mask(pseudo):
    pseudo['has_change'] = False
    results = LoadPseudoMask(kind='soft', ignore_band=(0.3, 0.7))(pseudo)
    assert not results['gt_seg_map'].any()
    assert not results['gt_mask_prob'].any()
    kept = LoadPseudoMask(clean=False)(pseudo)
    assert rows(kept['gt_seg_map']) == [0, 1, 0]


def test_changed_pair_that_the_mask_is_silent_on(pseudo):
    pseudo['captions'] = ['a road is built', 'trees are removed']
    results = LoadPseudoMask(kind='soft')(pseudo)
    assert (results['gt_seg_map'] == 255).all()
    assert rows(LoadPseudoMask(words=None)(pseudo)['gt_seg_map']) == [0, 1, 0]
    assert rows(LoadPseudoMask(words=['road'])(pseudo)['gt_seg_map']) == [
        0,
        1,
        0,
    ]


def test_building_that_the_teacher_missed(pseudo):
    empty = np.zeros((HEIGHT, WIDTH), np.uint8)
    Image.fromarray(empty).save(pseudo['pseudo_path'])
    assert (LoadPseudoMask()(pseudo)['gt_seg_map'] == 255).all()
    assert not LoadPseudoMask(clean=False)(pseudo)['gt_seg_map'].any()


def test_unfit_pseudo_labels(pseudo):
    with pytest.raises(InputError, match="must be 'hard' or 'soft'"):
        LoadPseudoMask(kind='firm')
    pseudo['pseudo_path'] = pseudo.pop('pseudo_prob_path')
    with pytest.raises(BadImageError, match='other values than 0 and 255'):
        LoadPseudoMask()(pseudo)
    with pytest.raises(InputError, match=r"data_prefix=dict\(pseudo_prob='"):
        LoadPseudoMask(kind='soft')(pseudo)
    del pseudo['pseudo_path']
    with pytest.raises(InputError, match=r"data_prefix=dict\(pseudo='"):
        LoadPseudoMask()(pseudo)


def test_cleaning_needs_captions(pseudo):
    del pseudo['has_change']
    with pytest.raises(InputError, match=r'set ann_file.*or clean=False'):
        LoadPseudoMask()(pseudo)


# Both dates alike


@pytest.mark.parametrize('direction', DIRECTIONS)
def test_flip_is_that_of_numpy(direction, loaded):
    expected = np.flip(loaded['gt_seg_map'], DIRECTIONS[direction])
    step = dict(type='RandomFlip', prob=1.0, direction=direction)
    results = BiTemporal([step])(loaded)
    np.testing.assert_array_equal(results['gt_seg_map'], expected)
    assert_together(results)
    assert results['flip_direction'] == direction


GEOMETRIC = [
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='RandomChoiceResize',
        scales=[(60, 40), (120, 80)],
        interpolation='nearest',
        backend='cv2',
    ),
    dict(type='CenterCrop', crop_size=(30, 20)),
]


def test_random_geometry_is_the_same_for_all(loaded):
    sizes, flips = set(), set()
    transform = BiTemporal(GEOMETRIC)
    for seed in range(12):
        seed_numpy(seed)
        results = transform(dict(loaded))
        assert_together(results)
        sizes.add(results['scale'])
        flips.add(results['flip'])
    assert len(sizes) == len(flips) == 2


def test_draws_go_on_after_it(loaded):
    """Two calls draw different numbers, equal seeds the same ones."""
    transform = BiTemporal([dict(type='RandomFlip', prob=0.5)])
    runs = []
    for _ in range(2):
        seed_numpy(1)
        flips = [transform(dict(loaded))['flip'] for _ in range(20)]
        runs.append(flips)
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 2


class AddNoise(BaseTransform):
    """Adds one number of each generator to the image."""

    def transform(self, results):
        of_numpy = np.random.rand()  # noqa: NPY002  (as transforms do)
        numbers = [random.random(), of_numpy, torch.rand(1).item()]
        results['img'] = results['img'] + np.array(numbers)
        return results


@pytest.mark.parametrize('share', [True, False])
def test_independent_draws(share, loaded):
    results = BiTemporal([AddNoise()], share_random=share)(loaded)
    a, b = (image[0, 0] for image in results['imgs'])
    added = [a - loaded['gt_seg_map'][0, 0]]
    added.append(b - 100 - loaded['gt_seg_map'][0, 0])
    assert (np.abs(added[0] - added[1]) < 1e-9).all() == share
    assert results['gt_seg_map'].dtype == np.uint8


def test_transforms_of_mmsegmentation_treat_the_mask(loaded):
    steps = [
        dict(type='mmseg.RandomCrop', crop_size=(24, 24)),
        dict(type='mmseg.RandomRotate', prob=1.0, degree=(90, 90)),
    ]
    results = BiTemporal(steps)(loaded)
    assert 'seg_fields' not in results
    assert results['gt_seg_map'].shape == (24, 24)
    inner = slice(2, -2)  # padded or interpolated pixels are at the border
    for key in ('gt_seg_map', 'gt_mask_prob'):
        results[key] = results[key][inner, inner]
    results['imgs'] = [image[inner, inner] for image in results['imgs']]
    results['img_shape'] = (20, 20)
    assert_together(results)


def test_padding_ignores_the_mask(loaded):
    pad = dict(type='Pad', size=(70, 50))
    results = BiTemporal([pad])(loaded)
    assert results['imgs'][1].shape == (50, 70, 3)
    assert (results['gt_seg_map'][45] == 255).all()
    assert results['gt_mask_prob'].max() == 1


def test_no_mask_is_needed_and_one_band_is_kept(loaded):
    results = dict(
        img_path=loaded['img_path'], imgs=[i[..., :1] for i in loaded['imgs']]
    )
    resize = dict(type='Resize', scale=(30, 20))
    results = PackChangeInputs()(BiTemporal([resize])(results))
    assert results['inputs']['img_a'].shape == (1, 20, 30)


def test_transform_that_forgets_the_mask(loaded):
    resize = dict(type='mmpretrain.ResizeEdge', scale=20)
    with pytest.raises(InputError, match="'ResizeEdge'.* treat gt_seg_map"):
        BiTemporal([resize])(loaded)


def test_transform_that_gives_up(loaded):
    assert BiTemporal([lambda results: None])(loaded) is None


def test_clip_input_is_that_of_pillow(tmp_path, repo_root):
    """Resized to 224 on the shorter side and cropped, as CLIP wants it."""
    from mmengine.config import Config

    name = 'rscama_clip-vit-b-32_1xb64-80e_levir-cc-224x224'
    config = repo_root / f'configs/rscama/{name}.py'
    transform = TRANSFORMS.build(Config.fromfile(config).to_clip)
    a, b = picture(size=(256, 300)), picture(size=(256, 300))
    results = transform(dict(img_path=['a', 'b'], imgs=[a, b]))
    for image, result in zip((a, b), results['imgs']):
        resized = Image.fromarray(image).resize((262, 224), Image.BICUBIC)
        expected = np.asarray(resized)[:, 19 : 19 + 224]
        np.testing.assert_array_equal(result, expected)


# Time and direction


def test_exchange_of_the_dates(loaded):
    a, b = loaded['imgs']
    results = ExchangeTime(prob=1.0)(dict(loaded))
    assert results['imgs'][0] is b
    assert results['imgs'][1] is a
    assert results['img_path'] == ['B/a.png', 'A/a.png']
    assert ExchangeTime(prob=0.0)(dict(loaded))['imgs'][0] is a
    careful = ExchangeTime(prob=1.0, only_unchanged=True)
    assert careful(dict(loaded, has_change=True))['imgs'][0] is a
    assert careful(dict(loaded, has_change=False))['imgs'][0] is b


@pytest.mark.parametrize(
    'axes, expected',
    [
        ([1], 'Right of the top-right house, upper left, is bare'),
        ([0], 'Left of the bottom-left house, lower right, is bare'),
        ([0, 1], 'Right of the bottom-right house, lower left, is bare'),
    ],
)
def test_directions(axes, expected):
    sentence = 'Left of the top-left house, upper right, is bare'
    assert swap_directions(sentence, axes) == expected
    assert swap_directions(expected, axes) == sentence


@pytest.mark.parametrize('direction', DIRECTIONS)
def test_flip_of_a_pair(direction, loaded):
    expected = np.flip(loaded['gt_seg_map'], DIRECTIONS[direction])
    loaded['captions'] = ['a house on the left', 'a road at the top']
    results = FlipPair(prob=1.0, direction=direction)(loaded)
    np.testing.assert_array_equal(results['gt_seg_map'], expected)
    assert_together(results)
    side = 'left' if direction == 'vertical' else 'right'
    end = 'top' if direction == 'horizontal' else 'bottom'
    assert results['captions'] == [
        f'a house on the {side}',
        f'a road at the {end}',
    ]


def test_flip_chooses(loaded):
    flip = FlipPair(prob=0.5, direction=['horizontal', 'vertical'])
    loaded['captions'] = ['top left']
    seed_numpy(0)
    seen = [flip(dict(loaded))['captions'][0] for _ in range(200)]
    shares = {c: seen.count(c) / 200 for c in set(seen)}
    assert shares.keys() == {'top left', 'top right', 'bottom left'}
    assert 0.4 < shares['top left'] < 0.6
    assert 0.15 < shares['top right'] < 0.35
    plain = FlipPair(prob=1.0, swap_words=False)(loaded)
    assert plain['captions'] == ['top left']


def test_unfit_flips(loaded):
    with pytest.raises(InputError, match="'sideways' is none of horizontal"):
        FlipPair(prob=0.5, direction='sideways')
    loaded['gt_ids'] = np.array([2, 3])
    with pytest.raises(InputError, match='must come before EncodeCaption'):
        FlipPair(prob=0.5)(loaded)


# Words

CAPTIONS = ['a house', 'two roads', 'trees']
VOCABULARY = Vocabulary.build(
    [*CAPTIONS, 'the scene is the same as before'], min_count=1
)


def encode(captions=CAPTIONS, has_change=True, index=None, **kwargs) -> str:
    results = dict(
        sample_id='a',
        captions=captions,
        has_change=has_change,
        vocabulary=VOCABULARY,
    )
    if index is not None:
        results['caption_index'] = index
    ids = EncodeCaption(**kwargs)(results)['gt_ids']
    assert ids.dtype == np.int64
    assert ids[0] == START
    assert ids[-1] == END
    return VOCABULARY.decode(ids.tolist())


def test_random_caption():
    seed_numpy(0)
    seen = [encode() for _ in range(60)]
    assert set(seen) == set(CAPTIONS)
    seed_numpy(0)
    assert [encode() for _ in range(60)] == seen


def test_chosen_caption():
    assert encode(pick='first') == 'a house'
    assert encode(index=1) == 'two roads'
    assert encode(['a boat'], pick='first') == 'a <UNK>'


def test_unchanged_pairs_train_on_one_sentence():
    sentence = 'the scene is the same as before'
    assert {encode(has_change=False) for _ in range(9)} == {sentence}
    assert encode(has_change=False, index=2) == sentence
    assert encode(has_change=False, pick='first', no_change=None) == 'a house'


def test_long_captions_lose_their_end():
    assert encode(['a house two roads'], max_length=4) == 'a house'
    assert encode(['a house'], max_length=4) == 'a house'


def test_unfit_captions():
    with pytest.raises(InputError, match="must be 'random' or 'first'"):
        EncodeCaption(pick='last')
    with pytest.raises(InputError, match='a has no captions to train on'):
        encode([])


# Packing


def test_what_the_model_receives(loaded):
    loaded |= dict(
        captions=CAPTIONS,
        has_change=True,
        vocabulary=VOCABULARY,
        gt_ids=np.array([2, 4, 3]),
    )
    image = loaded['imgs'][1]
    packed = PackChangeInputs()(loaded)
    assert packed['inputs']['img_a'].dtype == torch.uint8
    assert packed['inputs']['img_b'].shape == (3, HEIGHT, WIDTH)
    np.testing.assert_array_equal(
        packed['inputs']['img_b'].permute(1, 2, 0), image
    )
    sample = packed['data_samples']
    assert sample.gt_mask.dtype == sample.gt_ids.dtype == torch.int64
    assert sample.gt_mask_prob.dtype == torch.float32
    assert sample.sample_id == 'a'
    assert sample.captions == CAPTIONS
    assert sample.img_path == ['A/a.png', 'B/a.png']
    assert set(sample.metainfo_keys()) == {
        'sample_id',
        'img_path',
        'ori_shape',
        'img_shape',
        'captions',
        'has_change',
    }


@pytest.mark.parametrize(
    'name',
    ['LoadImagePair', 'LoadChangeMask', 'LoadPseudoMask', 'EncodeCaption'],
)
def test_transforms_print_their_settings(name):
    assert repr(TRANSFORMS.build(dict(type=name))).startswith(f'{name}(')


def test_images_of_the_config_survive_opencv(loaded):
    """Flipped views become arrays that OpenCV and PyTorch accept."""
    results = FlipPair(prob=1.0)(loaded)
    assert results['imgs'][0].flags.c_contiguous
    assert cv2.resize(results['imgs'][0], (8, 8)).shape == (8, 8, 3)
