import csv
import logging

import numpy as np
import pytest
from mmengine.registry import DefaultScope

from mmrs.datasets import LevirCSDataset
from mmrs.datasets.cloud_base import hold_out
from mmrs.errors import InputError

PIPELINE = [dict(type='LoadBands'), dict(type='LoadCloudMask')]


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope('mmrs'):
        yield


def write_csv(path, rows, columns=('image', 'subset', 'difficulty')):
    with path.open('w', newline='') as file:
        writer = csv.writer(file)
        writer.writerows([columns, *rows])


def ids(data):
    return [data.get_data_info(i)['sample_id'] for i in range(len(data))]


def test_samples_of_levir_cs(levir_cs):
    data = LevirCSDataset(str(levir_cs), 'trainval', pipeline=PIPELINE)
    assert len(data) == 10
    sample = data[3]
    assert sample['sample_id'] == 'GF1_WFV1_E3.0_N45.9_train'
    assert sample['img'].shape == (40, 48, 4)
    assert 0 < sample['img'].min() and sample['img'].max() <= 1
    expected = np.zeros((40, 48))
    expected[:10], expected[20:, :9] = 1, 2
    np.testing.assert_array_equal(sample['gt_seg_map'], expected)
    assert (sample['subset'], sample['difficulty']) == ('clean', 0)
    assert sample['sample_idx'] == 3
    assert data.metainfo['classes'] == ('background', 'cloud', 'snow')
    assert data.metainfo['bands'] == ('blue', 'green', 'red', 'nir')


def test_grey_labels_of_the_test_part_are_the_same_classes(levir_cs):
    test = LevirCSDataset(
        str(levir_cs), 'test', pipeline=PIPELINE, test_mode=True
    )
    labels = test[0]['gt_seg_map']
    assert (labels[:10] == 1).all() and (labels[20:, :9] == 2).all()
    binary = LevirCSDataset(
        str(levir_cs), 'test', view='2', pipeline=PIPELINE, test_mode=True
    )
    np.testing.assert_array_equal(binary[0]['gt_seg_map'], labels == 1)


def test_val_is_a_share_of_train(levir_cs):
    def split(name, **kwargs):
        return set(ids(LevirCSDataset(str(levir_cs), name, **kwargs)))

    train, val = split('train', val_share=0.3), split('val', val_share=0.3)
    assert (len(train), len(val)) == (7, 3)
    assert train | val == split('trainval') and not train & val
    assert split('val', val_share=0.3, val_seed=1) != val
    assert split('train', val_share=0) == split('trainval')


def test_hold_out_deals_every_name_once():
    parts = hold_out([f'{i}' for i in range(11)], dict(a=0.6, b=0.2, c=0.2))
    assert [len(names) for names in parts.values()] == [7, 2, 2]
    assert sorted(sum(parts.values(), [])) == sorted(map(str, range(11)))


def test_list_files_with_foreign_absolute_paths(levir_cs):
    names = ['GF1_WFV1_E1.0_N45.9_train', 'GF1_WFV1_E4.0_N45.9_train']
    root = '/YOUR_DATASET_PATH/train'
    (levir_cs / 'train.txt').write_text(
        '\n'.join(
            f'{root}/mss/{n}_mss.tiff {root}/dem/{n}_dem.tiff '
            f'{root}/label_0_1_2/{n}_roiMap.tif'
            for n in names
        )
    )
    assert ids(LevirCSDataset(str(levir_cs), 'trainval')) == names
    (levir_cs / 'test.txt').write_text(
        'test/mss/GF1_WFV1_E2.0_N45.9_test_mss.tiff '
        'test/dem/GF1_WFV1_E2.0_N45.9_test_dem.tiff'
    )
    test = LevirCSDataset(str(levir_cs), 'test', pipeline=PIPELINE)
    assert len(test) == 1 and 'gt_seg_map' in test[0]
    (levir_cs / 'train.txt').write_text('x/mss/gone_mss.tiff x/dem/g.tiff')
    with pytest.raises(InputError, match='2 file.*gone_mss.tiff.*get LEVIR'):
        LevirCSDataset(str(levir_cs), 'trainval')


def test_the_elevation_is_a_band_where_asked(levir_cs, write_tiff):
    bands = ('nir', 'dem')
    with pytest.raises(InputError, match='10 file.*_dem'):
        LevirCSDataset(str(levir_cs), 'trainval', bands=bands)
    for i in range(10):
        name = f'GF1_WFV1_E{i}.0_N45.9_train'
        heights = np.full((40, 48), 1000 + i, np.int16)
        write_tiff(levir_cs / 'train' / 'dem' / f'{name}_dem.tiff', heights)
    data = LevirCSDataset(
        str(levir_cs), 'trainval', bands=bands, pipeline=PIPELINE
    )
    np.testing.assert_allclose(data[5]['img'][..., 1], 0.1005)
    assert data[5]['img'].shape == (40, 48, 2)


def test_quality_file(levir_cs):
    name = 'GF1_WFV1_E{}.0_N45.9_{}'
    write_csv(
        levir_cs / 'quality.csv',
        [
            (name.format(0, 'train'), 'noisy', 0.75),
            (name.format(1, 'train') + '.tif', 'clean', 0.25),
            (name.format(2, 'test'), 'noisy', 1),
        ],
    )
    data = LevirCSDataset(str(levir_cs), 'trainval')
    found = [data.get_data_info(i) for i in range(3)]
    assert [i['subset'] for i in found] == ['noisy', 'clean', 'clean']
    assert [i['difficulty'] for i in found] == [0.75, 0.25, 0]
    plain = LevirCSDataset(str(levir_cs), 'trainval', quality_file='')
    assert plain.get_data_info(0)['subset'] == 'clean'


def test_quality_file_without_difficulty(levir_cs):
    rows = [('GF1_WFV1_E0.0_N45.9_train', 'noisy')]
    write_csv(levir_cs / 'q.csv', rows, ('image', 'subset'))
    data = LevirCSDataset(str(levir_cs), 'trainval', quality_file='q.csv')
    assert data.get_data_info(0)['difficulty'] == 1


@pytest.mark.parametrize(
    ('row', 'message'),
    [
        (('gone', 'noisy', 1), r'quality\.csv: names 1 image.*gone'),
        (('a', 'dirty', 1), "line 2: subset='dirty'"),
        (('a', 'noisy', 3), "line 2: difficulty='3'"),
        (('a', 'noisy', 'hard'), "difficulty='hard'"),
    ],
)
def test_wrong_quality_files(levir_cs, row, message):
    write_csv(levir_cs / 'quality.csv', [row])
    with pytest.raises(InputError, match=message):
        LevirCSDataset(str(levir_cs), 'train')


def test_quality_file_without_its_columns(levir_cs):
    write_csv(levir_cs / 'quality.csv', [('a', 1)], ('name', 'difficulty'))
    with pytest.raises(InputError, match='no column image, subset'):
        LevirCSDataset(str(levir_cs), 'train')


def test_label_values_are_checked_at_the_start(levir_cs):
    with pytest.raises(InputError, match=r'value\(s\) 2, but label_map.*0, 1'):
        LevirCSDataset(str(levir_cs), 'train', label_map={0: 0, 1: 1})
    with pytest.raises(InputError, match='4 is no class of the view'):
        LevirCSDataset(str(levir_cs), 'train', label_map={0: 4})
    data = LevirCSDataset(
        str(levir_cs),
        'train',
        label_map={0: 0, 1: 1},
        check_labels=0,
        pipeline=PIPELINE,
    )
    with pytest.raises(InputError, match=r'more than 1%.*\n.*mss'):
        data[0]


def test_a_class_that_never_occurs(levir_cs):
    shadowless = dict(view='4', label_map={0: 0, 1: 1, 2: 2, 128: 3})
    with pytest.raises(InputError, match='pixel of shadow; correct'):
        LevirCSDataset(str(levir_cs), 'train', **shadowless)
    LevirCSDataset(str(levir_cs), 'train', may_lack=['shadow'], **shadowless)


def test_a_rare_class_is_looked_for_in_all_files(levir_cs, write_tiff):
    for i in range(10):
        label = np.zeros((40, 48), np.uint8)
        label[:4] = 1
        label[6, 7] = 2 * (i == 4)
        name = f'GF1_WFV1_E{i}.0_N45.9_train_roiMap.tif'
        write_tiff(levir_cs / 'train' / 'label_0_1_2' / name, label)
    LevirCSDataset(str(levir_cs), 'trainval', check_labels=2)
    label[6, 7] = 0
    write_tiff(
        levir_cs / 'train/label_0_1_2/GF1_WFV1_E4.0_N45.9_train_roiMap.tif',
        label,
    )
    with pytest.raises(InputError, match='pixel of snow'):
        LevirCSDataset(str(levir_cs), 'trainval', check_labels=2)


def test_shares_of_the_classes_are_logged(levir_cs, monkeypatch):
    lines = []
    monkeypatch.setattr(
        'mmrs.datasets.cloud_base.print_log',
        lambda text, **_: lines.append(text),
    )
    LevirCSDataset(str(levir_cs), 'trainval')
    snow = 20 * 9 / (40 * 48)
    assert f'cloud 25.0%, snow {snow:.1%}, ignored 0.0%' in lines[-1]


STORED = np.broadcast_to(
    np.array([400, 300, 200, 100], np.uint16), (40, 48, 4)
)


@pytest.mark.parametrize(
    'names', [('nir', 'red', 'green', 'blue'), ('B4', 'B3', 'B2', 'B1')]
)
def test_bands_are_found_by_their_names(names, levir_cs, write_tiff):
    path = levir_cs / 'train/mss/GF1_WFV1_E0.0_N45.9_train_mss.tiff'
    write_tiff(path, STORED, names)
    data = LevirCSDataset(str(levir_cs), 'trainval', pipeline=PIPELINE)
    np.testing.assert_allclose(
        data[0]['img'][0, 0] * 1023, [100, 200, 300, 400], rtol=1e-5
    )


@pytest.mark.parametrize(
    ('names', 'unknown'),
    [
        (('nir', 'one', 'green', 'blue'), 'one'),
        (('B08', 'B04', 'B03', 'B02'), 'B08'),  # no band of Gaofen-1
    ],
)
def test_names_that_are_not_understood(names, unknown, levir_cs, write_tiff):
    path = levir_cs / 'test/mss/GF1_WFV1_E0.0_N45.9_test_mss.tiff'
    write_tiff(path, STORED, names)
    build = dict(split='test', pipeline=PIPELINE, test_mode=True)
    with pytest.raises(InputError, match=f'not understood: {unknown}'):
        LevirCSDataset(str(levir_cs), **build)[0]
    build['file_bands'] = ['nir', 'red', 'green', 'blue']
    found = LevirCSDataset(str(levir_cs), **build)[0]
    np.testing.assert_allclose(
        found['img'][0, 0] * 1023, [400, 300, 200, 100], rtol=1e-5
    )


@pytest.mark.parametrize(
    ('asked', 'message'),
    [
        (dict(split='all'), "split='all' of LevirCSDataset"),
        (dict(bands=['swir16']), "there is no 'swir16', but blue"),
        (dict(view='4'), "view='4' of LevirCSDataset: its labels allow 3, 2"),
    ],
)
def test_wrong_arguments(levir_cs, asked, message):
    with pytest.raises(InputError, match=message):
        LevirCSDataset(str(levir_cs), **asked)


def test_missing_data(levir_cs, tmp_path):
    with pytest.raises(InputError, match=r'train/mss: no such folder; get'):
        LevirCSDataset(str(tmp_path / 'none'))
    (
        levir_cs / 'train/label_0_1_2/GF1_WFV1_E0.0_N45.9_train_roiMap.tif'
    ).unlink()
    with pytest.raises(InputError, match=r'first: GF1_WFV1_E0\.0.*_roiMap'):
        LevirCSDataset(str(levir_cs), 'trainval')


def test_wrong_scale_stops_the_run(levir_cs):
    data = LevirCSDataset(
        str(levir_cs), 'trainval', scale=1, pipeline=PIPELINE
    )
    with pytest.raises(InputError, match='0 to 1 is expected.*1 / 1023'):
        data[0]


def test_one_bad_image_of_many_is_skipped(levir_cs, write_tiff, caplog):
    for i in range(150):
        name = f'more{i:03d}'
        image = np.full((8, 8, 4), 1 + (i != 7) * 300, np.uint16)
        image[0] += 200
        if i == 7:
            image = image[:, :, :3]
        write_tiff(levir_cs / 'train/mss' / f'{name}_mss.tiff', image)
        write_tiff(
            levir_cs / 'train/label_0_1_2' / f'{name}_roiMap.tif',
            np.eye(8, dtype=np.uint8),
        )
    data = LevirCSDataset(str(levir_cs), 'trainval', pipeline=PIPELINE)
    bad = ids(data).index('more007')
    with caplog.at_level(logging.WARNING):
        assert data[bad]['sample_id'] != 'more007'
    test = LevirCSDataset(
        str(levir_cs), 'trainval', pipeline=PIPELINE, test_mode=True
    )
    with pytest.raises(InputError, match=r'more007.*has 3 band\(s\), but 4'):
        test[bad]
