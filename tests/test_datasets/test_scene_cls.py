from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmrs.datasets import (
    AIDDataset,
    NWPURESISC45Dataset,
    SceneClsDataset,
    UCMercedDataset,
)
from mmrs.errors import BadImageError, InputError
from mmrs.registry import DATASETS

CLASSES = ('Port', 'Beach', 'BareLand')
PIPELINE = [dict(type='mmrs.LoadRSImage')]


def build(root, kind=SceneClsDataset, **kwargs) -> SceneClsDataset:
    return kind(**(dict(data_root=str(root), pipeline=PIPELINE) | kwargs))


@pytest.fixture
def write(tmp_path):
    """Return a function that writes `count` images of each class."""

    def write(count=2, classes=CLASSES, extension='.jpg') -> list[str]:
        rng = np.random.default_rng(0)
        names = [
            f'{name}/{name.lower()}_{i:03d}{extension}'
            for name in classes
            for i in range(count)
        ]
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            pixels = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
            assert cv2.imwrite(str(path), pixels)
        return names

    return write


def write_list(path: Path, lines: list[str], end='\n') -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(end.join(lines).encode())


def test_folders_alone_are_a_data_set(tmp_path, write):
    write()
    (tmp_path / 'datainfo').mkdir()  # holds no images: no class
    (tmp_path / 'Port/readme.txt').write_text('no image')
    dataset = build(tmp_path)
    assert dataset.metainfo == dict(classes=('BareLand', 'Beach', 'Port'))
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    assert [info['gt_label'] for info in infos] == [0, 0, 1, 1, 2, 2]
    assert infos[5]['img_path'] == str(tmp_path / 'Port/port_001.jpg')
    assert dataset.get_cat_ids(5) == [2]
    pixels = cv2.imread(infos[5]['img_path'])
    np.testing.assert_array_equal(dataset[5]['img'], pixels)


@pytest.mark.parametrize('end', ['\n', '\r\n'])
@pytest.mark.parametrize('closed', [False, True])
def test_list_gives_images_and_folders_give_labels(
    end, closed, tmp_path, write
):
    names = write()[::-2]
    lines = [*names, ''] if closed else names
    write_list(tmp_path / 'datainfo/train.txt', lines, end)
    dataset = build(
        tmp_path,
        ann_file='datainfo/train.txt',
        metainfo=dict(classes=CLASSES),
    )
    paths = [dataset.get_data_info(i)['img_path'] for i in range(3)]
    assert paths == [str(tmp_path / name) for name in names]
    assert [dataset.get_cat_ids(i) for i in range(3)] == [[2], [1], [0]]


@pytest.mark.parametrize('place', ['datainfo', '.'])
def test_file_of_class_names_gives_their_order(place, tmp_path, write):
    write_list(tmp_path / 'datainfo/val.txt', write())
    write_list(tmp_path / place / 'cls_names.txt', CLASSES, '\r\n')
    dataset = build(tmp_path, ann_file='datainfo/val.txt')
    assert dataset.metainfo['classes'] == CLASSES
    path = str(tmp_path / place / 'cls_names.txt')
    named = build(tmp_path, metainfo=dict(classes=path))
    assert named.metainfo['classes'] == CLASSES


def test_class_folders_may_be_further_down(tmp_path, write):
    write_list(tmp_path / 'train.txt', write())
    (tmp_path / 'Images').mkdir()
    for name in CLASSES:
        (tmp_path / name).rename(tmp_path / 'Images' / name)
    dataset = build(
        tmp_path,
        ann_file='train.txt',
        data_prefix=dict(img_path='Images/'),
    )
    assert len(dataset) == 6
    assert dataset[0]['img'].shape == (24, 32, 3)


@pytest.mark.parametrize('extension', ['.jpg', '.JPEG', '.png', '.TIFF'])
def test_list_of_another_format_than_the_files(extension, tmp_path, write):
    names = write(extension=extension)
    listed = [str(Path(name).with_suffix('.tif')) for name in names]
    write_list(tmp_path / 'train.txt', listed)
    dataset = build(tmp_path, ann_file='train.txt')
    paths = [dataset.get_data_info(i)['img_path'] for i in range(6)]
    assert paths == [str(tmp_path / name) for name in names]


def test_the_listed_format_comes_first(tmp_path, write):
    write(extension='.jpg')
    names = write(extension='.png')
    write_list(tmp_path / 'train.txt', names)
    dataset = build(tmp_path, ann_file='train.txt')
    assert dataset.get_data_info(0)['img_path'].endswith('.png')


def test_missing_data_says_how_to_get_it(tmp_path, write):
    with pytest.raises(InputError) as error:
        build(tmp_path / 'UC', UCMercedDataset)
    message = str(error.value)
    assert f'{tmp_path}/UC: no such folder; put the class folders' in message
    assert 'split_scene_cls.py data/UC --split train=0.7 val=0.3' in message
    write()
    with pytest.raises(InputError, match='a.txt: no such list of images; put'):
        build(tmp_path, AIDDataset, ann_file='a.txt')


def test_missing_class_file(tmp_path, write):
    write()
    with pytest.raises(InputError, match='names.txt: no such file of class'):
        build(tmp_path, metainfo=dict(classes='names.txt'))


@pytest.mark.parametrize('content', ['', '\r\n\n'])
def test_empty_list(content, tmp_path, write):
    write()
    (tmp_path / 'train.txt').write_text(content)
    with pytest.raises(InputError, match=r'train\.txt: holds no images'):
        build(tmp_path, ann_file='train.txt')


def test_folder_without_images(tmp_path):
    with pytest.raises(InputError, match='holds no images; set data_root'):
        build(tmp_path)


def test_unknown_folder_names_the_nearest_class(tmp_path, write):
    write_list(tmp_path / 'train.txt', write(classes=('Port', 'Baerland')))
    with pytest.raises(InputError) as error:
        build(tmp_path, ann_file='train.txt', metainfo=dict(classes=CLASSES))
    message = str(error.value)
    assert 'the folder Baerland is none of the 3 classes' in message
    assert 'did you mean BareLand?' in message
    with pytest.raises(InputError, match='folder Baerland'):  # with no list
        build(tmp_path, metainfo=dict(classes=CLASSES))


def test_list_of_bare_file_names(tmp_path, write):
    write()
    write_list(tmp_path / 'train.txt', ['port_000.jpg'])
    with pytest.raises(InputError, match="'port_000.jpg' names no class"):
        build(tmp_path, ann_file='train.txt')


def test_missing_images_are_counted_and_named(tmp_path, write):
    names = write(count=3)
    write_list(tmp_path / 'train.txt', names)
    for name in names[1:8]:
        (tmp_path / name).unlink()
    with pytest.raises(InputError) as error:
        build(tmp_path, ann_file='train.txt', metainfo=dict(classes=CLASSES))
    message = str(error.value)
    assert '7 of its 9 images are not in' in message
    assert f'{", ".join(names[1:6])}, ...' in message


def test_class_without_images_is_warned_about(tmp_path, write):
    write_list(tmp_path / 'train.txt', write()[:2])
    log = tmp_path / 'run.log'
    MMLogger.get_instance(str(tmp_path), log_file=str(log))
    build(tmp_path, ann_file='train.txt', metainfo=dict(classes=CLASSES))
    (line,) = log.read_text().splitlines()
    assert 'WARNING' in line
    assert 'no image of 2 of the 3 classes: Beach, BareLand' in line


def test_bad_image_in_test_mode_is_an_error(tmp_path, write):
    path = tmp_path / write()[4]
    path.write_bytes(path.read_bytes()[:-200])
    dataset = build(tmp_path, metainfo=dict(classes=CLASSES), test_mode=True)
    with pytest.raises(BadImageError, match=r'bareland_000\.jpg.*truncated'):
        [dataset[i] for i in range(6)]


@pytest.mark.parametrize('num_bad', [1, 2])
def test_training_skips_up_to_one_percent(num_bad, tmp_path, write):
    names = write(count=50, classes=('Port', 'Beach'))
    for name in names[:num_bad]:
        (tmp_path / name).write_text('no image')
    dataset = build(tmp_path)
    loader = DataLoader(dataset, batch_size=4, collate_fn=list)
    if num_bad == 1:
        assert sum(len(batch) for batch in loader) == 100
        return
    with pytest.raises(InputError) as error:
        list(loader)
    message = str(error.value)
    assert f'2 of the 100 images of {tmp_path} cannot be used' in message
    assert all(name in message for name in names[:2])


@pytest.mark.parametrize(
    'name, kind, count, ends',
    [
        ('uc_merced', UCMercedDataset, 21, ('harbor', 'denseresidential')),
        ('aid', AIDDataset, 30, ('Port', 'Beach')),
        ('nwpu_resisc45', NWPURESISC45Dataset, 45, ('river', 'roundabout')),
    ],
)
def test_base_configs_read_the_published_layouts(
    name, kind, count, ends, tmp_path, write, repo_root
):
    classes = kind.METAINFO['classes']
    assert len(set(classes)) == count  # in the order of the released lists
    assert (classes[0], classes[-1]) == ends
    names = write(classes=classes)
    write_list(tmp_path / 'datainfo/train.txt', names[::2])
    write_list(tmp_path / 'datainfo/val.txt', names[1::2])
    cfg = Config.fromfile(repo_root / f'configs/_base_/datasets/{name}_cls.py')
    assert cfg.data_preprocessor.num_classes == count
    init_default_scope('mmrs')
    for split in ('train', 'val', 'test'):
        settings = cfg[f'{split}_dataloader'].dataset
        settings.data_root = str(tmp_path)
        dataset = DATASETS.build(settings)
        assert type(dataset) is kind
        assert len(dataset) == count
        for index in (0, count - 1):
            item = dataset[index]
            assert item['inputs'].shape == (3, 224, 224)
            assert item['data_samples'].gt_label.tolist() == [index]
    cfg.train_dataloader.num_workers = 0
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    assert next(iter(loader))['inputs'].shape == (16, 3, 224, 224)


def test_training_pipeline_is_the_released_one(repo_root):
    """The crop keeps 0.4 of the area at least; pads are the BGR means."""
    pads = dict(
        uc_merced=[115, 125, 124],
        aid=[94, 104, 101],
        nwpu_resisc45=[88, 97, 94],
    )
    for name, pad in pads.items():
        cfg = Config.fromfile(
            repo_root / f'configs/_base_/datasets/{name}_cls.py'
        )
        crop, augment = cfg.train_pipeline[1], cfg.train_pipeline[4]
        assert crop.crop_ratio_range == (0.4, 1.0)
        assert augment.hparams == dict(pad_val=pad, interpolation='bicubic')


def test_real_uc_merced(shared_data):
    """The real images load under their published class names."""
    dataset = build(
        shared_data / 'uc_merced/images', UCMercedDataset, test_mode=True
    )
    assert len(dataset) == 21 * 80
    for index in range(0, len(dataset), 80):
        item = dataset[index]
        folder = Path(item['img_path']).parent.name
        assert dataset.metainfo['classes'][item['gt_label']] == folder
        assert min(item['img'].shape[:2]) > 200
