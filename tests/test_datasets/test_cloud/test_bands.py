import random

import numpy as np
import pytest
from mmcv.transforms import Compose

from mmrs.datasets import (
    BandJitter,
    LoadBands,
    LoadCloudMask,
    PerPatchZScore,
    RandomRot90,
    RandomScaleCrop,
)
from mmrs.datasets.transforms.mask_codes import landsat8_bqa
from mmrs.errors import BadImageError, InputError
from mmrs.geo.tiles import tile_windows

BANDS = ('blue', 'green', 'red', 'nir')


@pytest.fixture
def stored():
    rng = np.random.default_rng(0)
    return rng.integers(100, 900, (12, 16, 4), dtype=np.uint16)


@pytest.fixture
def info(tmp_path, write_tiff, stored):
    return dict(
        img_path=write_tiff(tmp_path / 'a.tif', stored), file_bands=BANDS
    )


def test_bands_are_picked_by_name_and_scaled(info, stored):
    load = LoadBands(('nir', 'blue'), scale=1 / 1000, offset=-0.1)
    results = load(info)
    expected = stored[..., [3, 0]].astype(np.float32) / 1000 - 0.1
    np.testing.assert_allclose(results['img'], expected, atol=1e-6)
    assert results['img'].dtype == np.float32
    assert results['bands'] == ('nir', 'blue')
    assert results['img_shape'] == results['ori_shape'] == (12, 16)
    assert 'valid' not in results


def test_scale_by_name_and_the_data_sets_own(info, stored):
    info.update(bands=('red', 'green'), scale=dict(red=2, green=3, nir=9))
    image = LoadBands()(info)['img']
    np.testing.assert_array_equal(image[..., 0], stored[..., 2] * 2.0)
    np.testing.assert_array_equal(image[..., 1], stored[..., 1] * 3.0)


def test_files_of_one_band_each(tmp_path, write_tiff, stored):
    paths = [
        write_tiff(tmp_path / f'{band}.TIF', stored[..., i])
        for i, band in enumerate(BANDS)
    ]
    results = LoadBands()(dict(img_path=paths, file_bands=BANDS))
    np.testing.assert_array_equal(results['img'], stored)
    write_tiff(tmp_path / 'nir.TIF', stored[:6, :, 3])
    with pytest.raises(BadImageError, match=r'nir\.TIF: is 16 x 6 px'):
        LoadBands()(dict(img_path=paths, file_bands=BANDS))


def test_a_window_is_what_the_whole_image_has_there(info, stored):
    info['window'] = (2, 5, 6, 7)
    np.testing.assert_array_equal(
        LoadBands()(info)['img'], stored[2:8, 5:12].astype(np.float32)
    )
    info['window'] = (8, 0, 6, 7)
    with pytest.raises(BadImageError, match='is outside'):
        LoadBands()(info)


@pytest.mark.parametrize(
    ('asked', 'message'),
    [
        (dict(bands=('swir16',)), "has no band 'swir16', but blue, green"),
        (dict(bands=(4,)), 'has no band 4'),
        (dict(value_range=(0, 1)), 'about 5.*set scale'),
        (dict(value_range=(0, 1), scale=1e-9), 'e-07 at most, but 0 to 1'),
        (dict(scale=(1, 2)), 'is of 2 values, but 4 bands'),
    ],
)
def test_wrong_requests_are_told(info, asked, message):
    with pytest.raises(InputError, match=message):
        LoadBands(**asked)(info)


def test_wrong_count_of_bands(info):
    info['file_bands'] = BANDS[:3]
    with pytest.raises(BadImageError, match=r'has 4 band\(s\), but 3'):
        LoadBands()(info)


def test_a_fitting_scale_passes_the_check_of_the_range(info):
    image = LoadBands(scale=1 / 1023, value_range=(0, 1))(info)['img']
    assert 0 < image.min() and image.max() < 1


def test_pixels_without_data(tmp_path, write_tiff, stored):
    stored[:3] = 0
    stored[5, 5, 0] = 0  # one dark band is still data
    info = dict(img_path=write_tiff(tmp_path / 'b.tif', stored))
    results = LoadBands(nodata=0, offset=7)(info)
    assert results['seg_fields'] == ['valid']
    expected = np.ones((12, 16))
    expected[:3] = 0
    np.testing.assert_array_equal(results['valid'], expected)
    assert (results['img'][:3] == 0).all()  # whatever the offset
    assert results['img'][5, 5, 0] == 7


def test_nan_is_no_data(tmp_path):
    image = np.ones((4, 5, 2), np.float32)
    image[1, 2, 1] = np.nan
    path = tmp_path / 'scene.npz'
    np.savez(path, img=image, msk=np.ones((4, 5, 1), np.uint8))
    results = LoadBands()(dict(img_path=str(path)))
    assert results['valid'].sum() == 19 and np.isfinite(results['img']).all()
    results['seg_map_path'] = str(path)
    labels = LoadCloudMask({1: 2})(results)['gt_seg_map']
    assert labels[1, 2] == 255 and (labels == 2).sum() == 19


def test_images_without_data(tmp_path, write_tiff):
    path = write_tiff(tmp_path / 'blank.tif', np.zeros((8, 8, 4), np.uint16))
    with pytest.raises(BadImageError, match=r'blank\.tif: has no pixel'):
        LoadBands(nodata=0)(dict(img_path=path))
    load = LoadBands(nodata=0, allow_blank=True, value_range=(0, 1))
    results = load(dict(img_path=path))
    assert not results['img'].any() and not results['valid'].any()


def test_unreadable_files(tmp_path):
    path = tmp_path / 'torn.tif'
    path.write_bytes(b'II*\x00 nothing')
    with pytest.raises(BadImageError, match=r'torn\.tif: unreadable raster'):
        LoadBands()(dict(img_path=str(path)))
    with pytest.raises(BadImageError, match='no such image'):
        LoadBands()(dict(img_path=str(tmp_path / 'none.tif')))


@pytest.fixture
def mask_info(tmp_path, write_tiff, info):
    values = np.zeros((12, 16), np.uint8)
    values[2:4], values[5:8] = 128, 255
    path = write_tiff(tmp_path / 'mask.tif', values)
    return LoadBands()(info) | dict(seg_map_path=path), values


def test_values_become_classes(mask_info):
    info, values = mask_info
    results = LoadCloudMask({0: 0, 128: 1, 255: 2})(info)
    labels = results['gt_seg_map']
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels == 1, values == 128)
    np.testing.assert_array_equal(labels == 2, values == 255)
    assert results['seg_fields'] == ['gt_seg_map']


def test_unknown_values_are_told_with_the_known(mask_info):
    info, _ = mask_info
    with pytest.raises(BadImageError, match=r'value\(s\) 128, 255, but.*0, 1'):
        LoadCloudMask({0: 0, 1: 1})(info)


def test_mask_of_another_size(mask_info, tmp_path, write_tiff):
    info, values = mask_info
    write_tiff(tmp_path / 'mask.tif', values[:, :9])
    with pytest.raises(BadImageError, match='mask is 9 x 12 px, but its'):
        LoadCloudMask({0: 0, 128: 1, 255: 2})(info)


def test_a_picture_is_no_mask(mask_info, stored, tmp_path, write_tiff):
    info, _ = mask_info
    write_tiff(tmp_path / 'mask.tif', stored)
    with pytest.raises(BadImageError, match='not a mask'):
        LoadCloudMask({0: 0})(info)


def test_images_without_a_mask_pass():
    assert LoadCloudMask({0: 0})(dict(seg_map_path=None)) == dict(
        seg_map_path=None
    )


def test_quality_words_of_landsat():
    def word(cloud=1, cirrus=1, snow=0, fill=0):
        return cloud << 14 | cirrus << 12 | snow << 10 | fill

    words = np.array(
        [
            [word(), word(cloud=3), word(cirrus=3), word(snow=3)],
            [word(cloud=2), word(3, 3), word(3, 1, 3), word(3, 1, 0, 1)],
        ],
        np.uint16,
    )
    expected = [[0, 1, 2, 3], [0, 1, 3, 4]]
    np.testing.assert_array_equal(landsat8_bqa(words), expected)


@pytest.mark.parametrize('shape', [(5, 9), (16, 16), (23, 17)])
def test_tiles_cover_the_image(shape):
    covered = np.zeros(shape, int)
    for row, col, height, width in tile_windows(shape, 8, 6):
        assert (height, width) == (min(8, shape[0]), min(8, shape[1]))
        part = covered[row : row + height, col : col + width]
        assert part.shape == (height, width)
        part += 1
    assert covered.min() == 1


def test_tiles_without_overlap_are_disjoint():
    assert tile_windows((16, 8), 8, 8) == [(0, 0, 8, 8), (8, 0, 8, 8)]


@pytest.mark.parametrize('bands', [1, 4, 13])
def test_z_score_leaves_invalid_pixels_out(bands):
    rng = np.random.default_rng(1)
    image = rng.normal(5, 3, (9, 7, bands)).astype(np.float32)
    valid = np.ones((9, 7), np.uint8)
    valid[:2], valid[2] = 0, 255  # no data, and padding
    image[:3] = 1e6
    found = PerPatchZScore()(dict(img=image, valid=valid))['img']
    assert found.dtype == np.float32 and not found[:3].any()
    np.testing.assert_allclose(found[3:].mean(axis=(0, 1)), 0, atol=1e-6)
    np.testing.assert_allclose(found[3:].std(axis=(0, 1)), 1, rtol=1e-5)


def test_jitter_is_a_gain_and_an_offset_a_band():
    random.seed(0)
    rng = np.random.default_rng(1)
    image = rng.uniform(0.2, 1, (9, 7, 6)).astype(np.float32)
    jitter = BandJitter(gain=0.2, offset=0.1, common=0, prob=1)
    found = jitter(dict(img=image.copy()))['img']
    gains = []
    for band in range(6):
        gain, shift = np.polyfit(
            image[..., band].ravel(), found[..., band].ravel(), 1
        )
        gains.append(gain)
        assert abs(gain - 1) <= 0.2 and abs(shift) <= 0.1 * image.mean() * 1.2
    assert np.ptp(gains) > 0.05
    same = BandJitter(gain=0.2, offset=0, common=1, prob=1)
    ratio = same(dict(img=image.copy()))['img'] / image
    np.testing.assert_allclose(ratio, ratio[0, 0, 0], rtol=1e-5)


def test_turns_take_the_masks_along():
    random.seed(3)
    image = np.arange(24.0).reshape(4, 6, 1)
    for _ in range(8):
        results = RandomRot90(prob=1)(
            dict(
                img=image,
                gt_seg_map=image[..., 0],
                seg_fields=['gt_seg_map'],
            )
        )
        np.testing.assert_array_equal(
            results['img'][..., 0], results['gt_seg_map']
        )
        assert results['img_shape'] == results['gt_seg_map'].shape


def coordinates(height, width):
    """An image that tells where its pixels were, and a mask of the same."""
    rows, columns = np.mgrid[:height, :width]
    image = np.stack([rows, columns], 2).astype(np.float32)
    mask = ((rows // 8 + columns // 8) % 3).astype(np.uint8)
    return dict(img=image, gt_seg_map=mask, seg_fields=['gt_seg_map'])


@pytest.mark.parametrize('ratio', [0.5, 1, 2])
def test_crops_are_scaled(ratio):
    random.seed(0)
    crop = RandomScaleCrop(32, (ratio, ratio))
    corners = set()
    for _ in range(10):
        results = crop(coordinates(90, 120))
        image, mask = results['img'], results['gt_seg_map']
        assert image.shape == (32, 32, 2) and mask.shape == (32, 32)
        steps = np.diff(image[1:-1, 1:-1], axis=0)[..., 0]
        np.testing.assert_allclose(steps, 1 / ratio, atol=1e-4)
        rows, columns = np.moveaxis(image[8::16, 8::16], 2, 0)
        assert (mask[8::16, 8::16] < 3).all()
        if ratio == 1:
            expected = (rows // 8 + columns // 8) % 3
            np.testing.assert_array_equal(mask[8::16, 8::16], expected)
        corners.add(tuple(image[0, 0]))
    assert len(corners) > 5


def test_small_images_are_taken_whole():
    results = RandomScaleCrop(64, (2, 2))(coordinates(20, 100))
    assert results['img'].shape == (40, 64, 2)  # 20 x 32 px, twice as large
    assert results['gt_seg_map'].shape == results['img_shape'] == (40, 64)


def test_crops_of_one_class_are_drawn_again():
    random.seed(0)
    label = np.zeros((64, 64), np.uint8)
    label[:, :8] = 1
    crop = RandomScaleCrop(16, (1, 1), cat_max_ratio=0.9)

    def share(crop):
        found = [
            crop(
                dict(
                    img=label[..., None].astype(np.float32),
                    gt_seg_map=label,
                    seg_fields=['gt_seg_map'],
                )
            )['gt_seg_map'].any()
            for _ in range(60)
        ]
        return np.mean(found)

    assert share(crop) > 0.7 > 0.4 > share(RandomScaleCrop(16, (1, 1)))


@pytest.mark.parametrize('bands', [1, 3, 4, 6, 13])
def test_a_training_pipeline_keeps_image_and_masks_together(bands):
    """The first band is the label itself, so both must move alike."""
    steps = [
        dict(
            type='RandomResize',
            scale=(48, 48),
            ratio_range=(0.5, 2.0),
            keep_ratio=True,
            resize_type='mmseg.Resize',
            interpolation='nearest',
        ),
        dict(type='mmseg.RandomCrop', crop_size=(32, 32)),
        dict(type='mmseg.RandomFlip', prob=0.5),
        dict(type='mmseg.RandomFlip', prob=0.5, direction='vertical'),
        dict(type='mmrs.RandomRot90'),
    ]
    pipeline = Compose(steps)
    np.random.seed(0)  # noqa: NPY002
    label = np.kron(np.arange(16).reshape(4, 4) % 3, np.ones((12, 12)))
    label = label.astype(np.uint8)
    for _ in range(5):
        results = pipeline(
            dict(
                img=np.repeat(label[..., None], bands, 2).astype(np.float32),
                img_shape=label.shape,
                gt_seg_map=label,
                gt_true_seg_map=label,
                seg_fields=['gt_seg_map', 'gt_true_seg_map'],
            )
        )
        image = results['img'].reshape(*results['gt_seg_map'].shape, bands)
        np.testing.assert_array_equal(image[..., -1], results['gt_seg_map'])
        np.testing.assert_array_equal(
            results['gt_true_seg_map'], results['gt_seg_map']
        )
