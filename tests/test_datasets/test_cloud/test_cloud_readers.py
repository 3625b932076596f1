"""Each reader on a tiny copy of the layout of its data set."""

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope

from mmrs.datasets import (
    Cloud38Dataset,
    CloudSEN12Dataset,
    CSMaskDataset,
    GF1WHUDataset,
    GF12MSWHUDataset,
    HRCWHUDataset,
    L8BiomeDataset,
    LandsatBQADataset,
    SPARCSDataset,
)
from mmrs.errors import InputError

PIPELINE = [dict(type='LoadBands'), dict(type='LoadCloudMask')]


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope('mmrs'):
        yield


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def ids(data):
    return [data.get_data_info(i)['sample_id'] for i in range(len(data))]


def build(reader, root, split='train', **kwargs):
    return reader(str(root), split, pipeline=PIPELINE, **kwargs)


# 38-Cloud and 95-Cloud


@pytest.fixture
def cloud38(tmp_path, write_tiff, rng):
    """Four training scenes of three patches, the last of which is blank."""

    def write(root, pattern, scene, labelled=True):
        for number in range(1, 4):
            name = f'patch_{number}_1_by_{number}_{scene}.TIF'
            blank = number == 3
            for i, band in enumerate(('red', 'green', 'blue', 'nir')):
                image = np.full((24, 24), 5000 + i, np.uint16)
                image[: 20 if blank else 2] = 0
                folder = root / pattern.format(band)
                write_tiff(folder / f'{band}_{name}', image)
            if labelled:
                label = np.zeros((24, 24), np.uint8)
                label[10:15] = 255
                write_tiff(root / pattern.format('gt') / f'gt_{name}', label)

    for i in range(4):
        write(tmp_path / '38-Cloud_training', 'train_{}', f'LC08_L1TP_{i}_T1')
    write(tmp_path / '38-Cloud_test', 'test_{}', 'LC08_L1TP_9_T1', False)
    write(
        tmp_path / '95-Cloud',
        'train_{}_additional_to38cloud',
        'LC08_L1TP_7_T1',
    )
    return tmp_path


def test_patches_of_38_cloud(cloud38):
    data = build(Cloud38Dataset, cloud38, 'trainval')
    assert len(data) == 8  # without the blank ones
    sample = data[0]
    assert sample['sample_id'] == 'patch_1_1_by_1_LC08_L1TP_0_T1'
    levels = [5000 / 65535, 5001 / 65535, 5002 / 65535, 5003 / 65535]
    np.testing.assert_allclose(sample['img'][5, 5], levels, rtol=1e-6)
    labels = sample['gt_seg_map']
    assert (labels[:2] == 255).all()  # the black margin
    assert (labels[10:15] == 1).all() and (labels[2:10] == 0).all()
    assert data.metainfo['classes'] == ('background', 'cloud')


def test_only_the_bands_asked_for_are_read(cloud38):
    for path in (cloud38 / '38-Cloud_training' / 'train_nir').iterdir():
        path.unlink()
    data = build(Cloud38Dataset, cloud38, 'trainval', bands=('blue', 'red'))
    np.testing.assert_allclose(
        data[0]['img'][9, 9] * 65535, [5002, 5000], rtol=1e-6
    )
    with pytest.raises(InputError, match='train_nir: 12 of the 12 patches'):
        build(Cloud38Dataset, cloud38, 'trainval')


def test_the_list_of_nonempty_patches_is_used(cloud38):
    name = 'patch_2_1_by_2_LC08_L1TP_1_T1'
    path = cloud38 / 'training_patches_38-cloud_nonempty.csv'
    path.write_text(f'name\n{name}\n')
    assert ids(build(Cloud38Dataset, cloud38, 'trainval')) == [name]
    data = build(Cloud38Dataset, cloud38, 'trainval', drop_blank=False)
    assert len(data) == 12
    path.write_text(f'patch\n{name}\n')
    with pytest.raises(InputError, match="no column 'name'"):
        build(Cloud38Dataset, cloud38, 'trainval')


def test_quality_files_may_name_blank_and_test_patches(cloud38):
    (cloud38 / 'quality.csv').write_text(
        'image,subset\npatch_3_1_by_3_LC08_L1TP_1_T1,noisy\n'
        'patch_1_1_by_1_LC08_L1TP_9_T1,noisy\n'
    )
    assert len(build(Cloud38Dataset, cloud38, 'trainval')) == 8


def test_whole_scenes_are_held_out(cloud38):
    train = ids(build(Cloud38Dataset, cloud38, 'train', val_share=0.25))
    val = ids(build(Cloud38Dataset, cloud38, 'val', val_share=0.25))
    assert (len(train), len(val)) == (6, 2)
    assert not {n[-4:] for n in train} & {n[-4:] for n in val}


def test_95_cloud_adds_scenes(cloud38):
    data = build(
        Cloud38Dataset,
        cloud38,
        'trainval',
        additional=str(cloud38 / '95-Cloud'),
    )
    assert len(data) == 10
    assert 'patch_1_1_by_1_LC08_L1TP_7_T1' in ids(data)


def test_test_patches_have_no_masks_and_may_be_blank(cloud38):
    test = Cloud38Dataset(
        str(cloud38),
        'test',
        pipeline=[
            dict(type='LoadBands', allow_blank=True),
            dict(type='LoadCloudMask'),
        ],
        test_mode=True,
    )
    assert len(test) == 3 and 'gt_seg_map' not in test[2]
    with pytest.raises(InputError, match='3 of the 3 images.*have no mask'):
        build(Cloud38Dataset, cloud38, 'test')


# CloudSEN12


@pytest.fixture
def cloudsen12(tmp_path):
    numbers = [1, 2, 3, 4, 5, 6, 7, 8, '8A', 9, 10, 11, 12]
    folder = tmp_path / 'train'
    folder.mkdir()
    for i, number in enumerate(numbers):
        for level in ('L1C', 'L2A'):
            if (level, number) == ('L2A', 10):
                continue
            maps = np.zeros((2, 512, 512), np.int16)
            maps[:, 1:510, 1:510] = 1000 + 100 * i
            maps[1] += 1
            maps.tofile(folder / f'{level}_B{number}.dat')
    labels = np.zeros((2, 512, 512), np.int8)
    labels[:, 100:200], labels[:, 200:300], labels[:, 300:400] = 1, 2, 3
    labels[1, 400:] = 99
    labels.tofile(folder / 'LABEL_manual_hq.dat')
    return tmp_path


def test_frames_of_cloudsen12(cloudsen12):
    data = build(CloudSEN12Dataset, cloudsen12)
    first, second = data[0], data[1]
    assert first['img'].shape == (512, 512, 13)
    assert first['sample_id'] == 'train_00000'
    np.testing.assert_allclose(first['img'][9, 9, [0, 8]], [0.1, 0.18])
    labels = first['gt_seg_map']
    assert (labels[0] == 255).all()  # padding
    inside = labels[1:510, 5]
    np.testing.assert_array_equal(
        inside[[50, 150, 250, 350, 450]], [0, 1, 2, 3, 0]
    )
    assert (second['gt_seg_map'][400:] == 255).all()
    assert data.metainfo['classes'] == ('clear', 'thick', 'thin', 'shadow')


def test_level_2a_has_no_cirrus(cloudsen12):
    bands = ('nir08', 'swir22')
    data = build(CloudSEN12Dataset, cloudsen12, level='L2A', bands=bands)
    np.testing.assert_allclose(data[0]['img'][9, 9], [0.18, 0.22])
    assert len(build(CloudSEN12Dataset, cloudsen12, level='L2A').bands) == 12
    with pytest.raises(InputError, match="there is no 'cirrus'"):
        build(CloudSEN12Dataset, cloudsen12, level='L2A', bands=('cirrus',))


def test_thin_and_thick_clouds_in_one(cloudsen12):
    data = build(CloudSEN12Dataset, cloudsen12, view='2', bands=('red',))
    labels = data[0]['gt_seg_map'][:, 5]
    np.testing.assert_array_equal(labels[[150, 250, 350]], [1, 1, 0])


def test_torn_memory_maps(cloudsen12):
    path = cloudsen12 / 'train' / 'L1C_B4.dat'
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(InputError, match=r'L1C_B4\.dat: is of .* multiple'):
        build(CloudSEN12Dataset, cloudsen12)
    path.write_bytes(path.read_bytes()[: 512 * 512 * 2])
    with pytest.raises(InputError, match='has 1 frames, but .* has 2'):
        build(CloudSEN12Dataset, cloudsen12)


# Landsat 8


@pytest.fixture
def biome(tmp_path, write_tiff):
    """Two biomes of five scenes, 40 x 60 px, the left third is fill."""
    for biome in ('barren', 'water'):
        for i in range(5):
            scene = f'LC8{biome[0]}{i}'
            folder = tmp_path / biome / scene
            image = np.full((40, 60, 11), 15000, np.uint16)
            mask = np.full((40, 60), 128, np.uint8)
            mask[:10], mask[10:20], mask[20:30] = 64, 192, 255
            image[:, :20], mask[:, :20] = 0, 0
            words = np.where(mask == 255, 0xD000, 0x5000).astype(np.uint16)
            words[:, :20] = 1
            write_tiff(folder / f'{scene}.TIF', image)
            write_tiff(folder / f'{scene}_fixedmask.TIF', mask)
            write_tiff(folder / f'{scene}_BQA.TIF', words)
    return tmp_path


def test_tiles_of_l8_biome(biome):
    parts = {
        split: ids(build(L8BiomeDataset, biome, split, tile=20))
        for split in ('train', 'val', 'test')
    }
    # Of six tiles a scene, the two of fill are left out.
    assert [len(names) for names in parts.values()] == [24, 8, 8]
    scenes = [{n.split('_')[0] for n in names} for names in parts.values()]
    assert [len(s) for s in scenes] == [6, 2, 2]
    assert len(set.union(*scenes)) == 10
    assert {name[3] for name in scenes[0]} == {'b', 'w'}


def test_units_and_classes_of_l8_biome(biome):
    data = build(L8BiomeDataset, biome, tile=0, bands=('red', 'lwir11'))
    sample = data[0]
    np.testing.assert_allclose(
        sample['img'][5, 30],
        [15000 * 2e-5 - 0.1, 15000 * 3.342e-4 + 0.1],
        rtol=1e-6,
    )
    labels = sample['gt_seg_map']
    assert (labels[:, :20] == 255).all()
    np.testing.assert_array_equal(labels[[5, 15, 25, 35], 30], [3, 2, 1, 0])


def test_quality_band_of_l8_biome_as_labels(biome):
    data = build(L8BiomeDataset, biome, tile=0, view='2', labels='bqa')
    labels = data[0]['gt_seg_map']
    np.testing.assert_array_equal(labels[[5, 15, 25, 35], 30], [0, 0, 1, 0])
    assert (labels[:, :20] == 255).all()


@pytest.fixture
def sparcs(tmp_path, write_tiff):
    for i in range(10):
        image = np.full((16, 16, 10), 9000 + i, np.uint16)
        mask = np.repeat(np.arange(16, dtype=np.uint8) % 7, 16)
        write_tiff(tmp_path / f'S{i}_data.tif', image)
        write_tiff(tmp_path / f'S{i}_labels.tif', mask.reshape(16, 16))
    return tmp_path


def test_folds_of_sparcs(sparcs):
    tests = [
        ids(build(SPARCSDataset, sparcs, 'test', fold=i)) for i in range(5)
    ]
    assert sorted(sum(tests, [])) == [f'S{i}' for i in range(10)]
    train = ids(build(SPARCSDataset, sparcs, 'train', fold=2, val_share=0.25))
    val = ids(build(SPARCSDataset, sparcs, 'val', fold=2, val_share=0.25))
    assert (len(train), len(val)) == (6, 2)
    assert not (set(train) | set(val)) & set(tests[2])
    with pytest.raises(InputError, match='must be 0 to 4'):
        build(SPARCSDataset, sparcs, fold=5)


def test_classes_of_sparcs(sparcs):
    labels = build(SPARCSDataset, sparcs)[0]['gt_seg_map'][:, 0]
    np.testing.assert_array_equal(labels[:7], [0, 0, 0, 2, 0, 1, 0])


def test_a_scene_with_its_quality_band(tmp_path, write_tiff):
    codes = [f'B{i}' for i in range(1, 12) if i != 8]
    image = np.full((40, 60, 10), 12000, np.uint16)
    write_tiff(tmp_path / 'l8_bands.tif', image, codes)
    words = np.full((40, 60), 0x5000, np.uint16)
    words[:20], words[20:, :30] = 0x7000, 0x5C00  # cirrus, snow
    write_tiff(tmp_path / 'l8_bqa.tif', words)
    data = build(LandsatBQADataset, tmp_path, 'trainval', tile=20)
    assert len(data) == 6
    by_id = {data[i]['sample_id']: data[i] for i in range(6)}
    assert (by_id['l8_0_40']['gt_seg_map'] == 1).all()
    assert (by_id['l8_20_0']['gt_seg_map'] == 2).all()
    np.testing.assert_allclose(
        by_id['l8_0_0']['img'][0, 0, 3], 0.14, rtol=1e-6
    )
    write_tiff(tmp_path / 'l8_bands.tif', image, codes[::-1])
    data = build(LandsatBQADataset, tmp_path, 'trainval', tile=20)
    assert data[0]['bands'][0] == 'coastal'


# Wuhan University


def test_repacked_hrc_whu(tmp_path, rng):
    for part, count in (('train', 5), ('test', 2)):
        for i in range(count):
            image = rng.integers(0, 256, (12, 20, 3), dtype=np.uint8)
            label = np.eye(12, 20, dtype=np.uint8)
            for folder, pixels in (
                ('img_dir', image[..., ::-1]),
                ('ann_dir', label),
            ):
                path = tmp_path / folder / part / f'barren_{i}.png'
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), pixels)
    sample = build(HRCWHUDataset, tmp_path, 'test')[1]
    np.testing.assert_array_equal(sample['img'], image)  # red first
    np.testing.assert_array_equal(sample['gt_seg_map'], label)
    assert len(build(HRCWHUDataset, tmp_path, 'train', val_share=0.4)) == 3
    (tmp_path / 'ann_dir/test/barren_1.png').unlink()
    with pytest.raises(InputError, match=r'1 of the 2 images.*barren_1\.png'):
        build(HRCWHUDataset, tmp_path, 'test')


def test_published_hrc_whu(tmp_path, write_tiff, rng):
    names = [f'{c}_{i}' for c in ('barren', 'snow') for i in range(5)]
    for name in names:
        image = rng.integers(0, 256, (12, 20, 3), dtype=np.uint8)
        mask = np.eye(12, 20, dtype=np.uint8) * 255
        write_tiff(tmp_path / 'Images' / f'{name}.tif', image)
        write_tiff(
            tmp_path / 'Images' / f'{name}_ReferenceMask.tif',
            np.repeat(mask[..., None], 3, 2),
        )
    test = build(HRCWHUDataset, tmp_path, 'test')
    assert [name.split('_')[0] for name in ids(test)] == ['barren', 'snow']
    np.testing.assert_array_equal(test[0]['gt_seg_map'], mask // 255)
    (tmp_path / 'test.txt').write_text('snow_3.tif\nbarren_0\n')
    listed = ids(build(HRCWHUDataset, tmp_path, 'test'))
    assert listed == ['barren_0', 'snow_3']


def test_gf12ms_whu(tmp_path, write_tiff):
    for sensor in ('GF1', 'GF2'):
        for part in ('Train', 'Test'):
            folder = tmp_path / f'{sensor}MS-WHU' / f'{part}Block250'
            for i in range(3):
                image = np.full((25, 25, 4), 500, np.uint16)
                write_tiff(folder / f'block{i}.tiff', image)
                mask = np.eye(25, dtype=np.uint8)
                write_tiff(folder / f'block{i}_Mask.tif', mask)
    data = build(GF12MSWHUDataset, tmp_path, 'trainval')
    assert ids(data)[2:4] == ['GF1_block2', 'GF2_block0']
    np.testing.assert_array_equal(data[0]['gt_seg_map'], mask)
    assert len(build(GF12MSWHUDataset, tmp_path, 'test', sensors=['GF2'])) == 3
    (folder / 'block1_Mask.tif').unlink()
    with pytest.raises(InputError, match='TestBlock250: 1 of the 3.*block1'):
        build(GF12MSWHUDataset, tmp_path, 'test')


def test_gf1_whu(tmp_path, write_tiff):
    for i in range(10):
        image = np.full((30, 30, 4), 400, np.uint16)
        mask = np.ones((30, 30), np.uint8)
        mask[10:20], mask[20:25] = 128, 255
        image[:, :3], mask[:, :3] = 0, 0
        write_tiff(tmp_path / f'S{i}.tiff', image)
        write_tiff(tmp_path / f'S{i}_ReferenceMask.tif', mask)
    parts = [
        len(build(GF1WHUDataset, tmp_path, split, tile=0))
        for split in ('train', 'val', 'test')
    ]
    assert parts == [7, 1, 2]
    sample = build(GF1WHUDataset, tmp_path, view='4', tile=15)[0]
    assert sample['img'].shape == (15, 15, 4)
    np.testing.assert_array_equal(
        sample['gt_seg_map'][[0, 12, 12], [5, 5, 0]], [0, 3, 255]
    )
    mask[0, 0] = 64
    for i in range(10):
        write_tiff(tmp_path / f'S{i}_ReferenceMask.tif', mask)
    with pytest.raises(InputError, match=r'S\d_.*value\(s\) 64'):
        build(GF1WHUDataset, tmp_path, tile=0)


# ukis-csmask


@pytest.fixture
def csmask(tmp_path, rng):
    for name in ('landsat5', 'sentinel2'):
        mask = np.repeat(np.arange(5, dtype=np.uint8), 8)
        np.savez(
            tmp_path / f'{name}.npz',
            img=rng.uniform(0, 1, (40, 32, 6)).astype(np.float32),
            msk=np.tile(mask[:, None, None], (1, 32, 1)),
        )
    return tmp_path


def test_scenes_of_csmask(csmask):
    data = build(
        CSMaskDataset, csmask, scenes=['sentinel2'], tile=16, view='csmask'
    )
    assert len(data) == 6  # rows from 0, 16 and 24
    last = data[5]
    assert last['sample_id'] == 'sentinel2_24_16'
    with np.load(csmask / 'sentinel2.npz') as stored:
        np.testing.assert_array_equal(last['img'], stored['img'][24:, 16:])
    np.testing.assert_array_equal(last['gt_seg_map'][[0, 8], 0], [0, 1])
    three = build(CSMaskDataset, csmask, tile=0)
    assert ids(three) == ['landsat5', 'sentinel2']
    np.testing.assert_array_equal(
        three[0]['gt_seg_map'][::8, 0], [0, 0, 2, 0, 1]
    )


def test_missing_scenes_of_csmask(csmask):
    with pytest.raises(
        InputError, match='no scene landsat9.npz, but landsat5'
    ):
        build(CSMaskDataset, csmask, scenes=['landsat9'])


def test_no_pixel_of_a_scene_counts_twice_in_a_test(tmp_path, write_tiff):
    image = np.full((50, 70, 10), 12000, np.uint16)
    write_tiff(tmp_path / 'l8_bands.tif', image)
    write_tiff(tmp_path / 'l8_bqa.tif', np.full((50, 70), 0x5000, np.uint16))
    for settings in (dict(tile=32), dict(tile=32, stride=20)):
        data = build(
            LandsatBQADataset, tmp_path, 'test', test_mode=True, **settings
        )
        counted = np.zeros((50, 70), int)
        for sample in data:
            row, col, height, width = sample['window']
            counted[row : row + height, col : col + width] += (
                sample['gt_seg_map'] != 255
            )
        assert (counted == 1).all()
    data = build(
        LandsatBQADataset,
        tmp_path,
        'trainval',
        tile=32,
        may_lack=['cloud', 'snow'],
    )
    assert all((sample['gt_seg_map'] != 255).all() for sample in data)
