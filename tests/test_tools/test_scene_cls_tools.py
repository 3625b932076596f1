import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmrs.datasets import SceneClsDataset
from mmrs.errors import InputError

SPLIT = 'tools/dataset_converters/split_scene_cls.py'
MEAN_STD = 'tools/dataset_converters/mean_std.py'
INFER = 'tools/infer.py'


def write_image(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)


@pytest.fixture
def data(tmp_path) -> Path:
    """Two classes of ten and five images, no two alike."""
    rng = np.random.default_rng(0)
    for name, count in (('river', 10), ('Beach', 5)):
        for i in range(count):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            write_image(tmp_path / f'data/{name}/{name}_{i}.png', pixels)
    return tmp_path / 'data'


def read_lists(folder: Path) -> dict[str, list[str]]:
    return {
        path.stem: path.read_text().split('\n')
        for path in folder.glob('*.txt')
    }


def test_shares_of_each_class(main_of, data, capsys):
    main_of(SPLIT, data, '--split', 'train=0.6', 'val=0.2', 'test=0.2')
    lists = read_lists(data / 'datainfo')
    assert lists.pop('cls_names') == ['Beach', 'river']
    counts = {
        part: [sum(line.startswith(c) for line in lines) for c in 'Br']
        for part, lines in lists.items()
    }
    assert counts == dict(train=[3, 6], val=[1, 2], test=[1, 2])
    everything = [line for lines in lists.values() for line in lines]
    assert len(set(everything)) == len(everything) == 15
    assert 'train.txt: 9 lines' in capsys.readouterr().out
    for part, lines in lists.items():  # the data set reads them
        dataset = SceneClsDataset(
            data_root=str(data), ann_file=f'datainfo/{part}.txt'
        )
        assert len(dataset) == len(lines)
        assert dataset.metainfo['classes'] == ('Beach', 'river')


def test_counts_leave_the_rest_out(main_of, data, tmp_path):
    out = tmp_path / 'lists'
    main_of(SPLIT, data, '--split', 'few=2', 'one=1', '--out-dir', out)
    lists = read_lists(out)
    assert len(lists['few']) == 4
    assert len(lists['one']) == 2
    assert not set(lists['few']) & set(lists['one'])


def test_seeds_draw_alike_and_apart(main_of, data, tmp_path):
    drawn = []
    for run, seed in enumerate((0, 0, 1)):
        out = tmp_path / f'run_{run}'
        split = ('--split', 'train=0.5', 'val=0.5')
        main_of(SPLIT, data, *split, '--seed', seed, '--out-dir', out)
        drawn.append(read_lists(out))
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize('seed', range(5))
def test_copies_stay_together_and_are_told(main_of, data, capsys, seed):
    for i in range(5, 10):  # half of the rivers twice, one as a beach
        copy = data / f'river/copy_{i}.png'
        copy.write_bytes((data / f'river/river_{i}.png').read_bytes())
    beach = (data / 'Beach/Beach_0.png').read_bytes()
    (data / 'river/copy_of_beach.png').write_bytes(beach)
    main_of(SPLIT, data, '--split', 'a=0.5', 'b=0.5', '--seed', seed)
    lists = read_lists(data / 'datainfo')
    for lines in (lists['a'], lists['b']):
        for i in range(5, 10):
            assert (f'river/river_{i}.png' in lines) == (
                f'river/copy_{i}.png' in lines
            )
        assert ('Beach/Beach_0.png' in lines) == (
            'river/copy_of_beach.png' in lines
        )
    said = capsys.readouterr().out
    assert said.count('warning: ') == 6
    assert (
        'river/copy_of_beach.png is the same image as Beach/Beach_0.png, in '
        'another class'
    ) in said


def test_lists_that_exist_are_not_overwritten(main_of, data):
    (data / 'datainfo').mkdir()
    (data / 'datainfo/train.txt').write_text('released')
    with pytest.raises(InputError, match='train.txt exists'):
        main_of(SPLIT, data, '--split', 'train=0.5', 'val=0.5')
    assert (data / 'datainfo/train.txt').read_text() == 'released'


@pytest.mark.parametrize(
    'words, message',
    [
        (['train'], 'train: write PART=SIZE'),
        (['train=half'], 'train=half: write PART=SIZE'),
        (['a=0.5', 'a=0.5'], 'named twice'),
        (['a=0.5', 'b=10'], 'give shares .* for all parts, or numbers'),
        (['a=0.5', 'b=0.6'], 'add up to more than 1'),
        (['a=5', 'b=0'], 'a part is empty'),
        (['a=5', 'b=5'], 'class Beach has 5 different images, but .* for 10'),
    ],
)
def test_splits_that_cannot_be(main_of, data, words, message):
    with pytest.raises(InputError, match=message):
        main_of(SPLIT, data, '--split', *words)
    assert not (data / 'datainfo').exists()


def test_split_of_nothing(main_of, tmp_path):
    with pytest.raises(InputError, match='nowhere: no such folder'):
        main_of(SPLIT, tmp_path / 'nowhere', '--split', 'a=0.5')
    with pytest.raises(InputError, match='none of its folders holds images'):
        main_of(SPLIT, tmp_path, '--split', 'a=0.5')


def test_real_copies_of_uc_merced(main_of, shared_data, tmp_path, capsys):
    """Two images of airplanes are byte-identical there."""
    root = shared_data / 'uc_merced/images'
    main_of(SPLIT, root, '--split', 'a=0.7', 'b=0.3', '--out-dir', tmp_path)
    assert 'airplane02.jpg is the same image as' in capsys.readouterr().out
    lists = read_lists(tmp_path)
    airplanes = {f'airplane/airplane0{i}.jpg' for i in (1, 2)}
    assert len(airplanes & set(lists['a'])) in (0, 2)
    assert len(lists['a']) + len(lists['b']) == 1680


@pytest.mark.parametrize('workers', [1, 2])
def test_mean_and_deviation_are_averaged_over_images(
    main_of, data, tmp_path, capsys, workers
):
    names = ['river/river_0.png', 'Beach/Beach_3.png']
    listed = tmp_path / 'train.txt'
    listed.write_text('\r\n'.join(names).replace('.png', '.tif'))
    out = tmp_path / 'new/meanstd.txt'
    main_of(
        MEAN_STD,
        *(data, '--list', listed, '--out', out, '--workers', workers),
    )
    images = [cv2.imread(str(data / name))[..., ::-1] for name in names]
    mean = np.mean([image.mean(axis=(0, 1)) for image in images], axis=0)
    std = np.mean([image.std(axis=(0, 1)) for image in images], axis=0)
    values = [', '.join(f'{v:.8f}' for v in vs) for vs in (mean, std)]
    assert out.read_text() == f'mean: [{values[0]}], std: [{values[1]}]'
    assert out.read_text() in capsys.readouterr().out


def test_statistics_of_a_folder(main_of, data, capsys):
    main_of(MEAN_STD, data)
    assert '15 images\nmean: [' in capsys.readouterr().out


def test_statistics_skip_nothing(main_of, data, tmp_path):
    (data / 'river/river_1.png').write_text('no image')
    write_image(data / 'river/deep.png', np.zeros((4, 4, 3), np.uint16))
    out = tmp_path / 'meanstd.txt'
    with pytest.raises(InputError) as error:
        main_of(MEAN_STD, data, '--out', out)
    message = str(error.value)
    assert '2 of the 16 images cannot be used' in message
    assert 'river_1.png: not a readable image' in message
    assert 'deep.png: holds uint16 values' in message
    assert not out.exists()
    (data / 'river/river_1.png').unlink()
    # --stretch says what deep.png lacks
    main_of(MEAN_STD, data, '--out', out, '--stretch', 0, 255)
    assert out.exists()


def test_statistics_of_missing_images(main_of, data, tmp_path):
    with pytest.raises(InputError, match='nowhere: no such folder'):
        main_of(MEAN_STD, tmp_path / 'nowhere')
    listed = tmp_path / 'train.txt'
    with pytest.raises(InputError, match='train.txt: no such list'):
        main_of(MEAN_STD, data, '--list', listed)
    listed.write_text('river/river_0.png\nriver/river_99.png\n')
    with pytest.raises(InputError, match='1 of its 2 images .*river_99.png'):
        main_of(MEAN_STD, data, '--list', listed)
    listed.write_text('')
    with pytest.raises(InputError, match='train.txt: names no images'):
        main_of(MEAN_STD, data, '--list', listed)


CONFIG = """
default_scope = 'mmrs'
model = dict(
    type='ImageClassifier',
    _scope_='mmpretrain',
    data_preprocessor=dict(type='ClsDataPreprocessor', num_classes=2),
    backbone=dict(
        type='ResNet', depth=18, stem_channels=8, base_channels=8),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=2, in_channels=64))
test_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='SceneClsDataset',
        metainfo=dict(classes=('Beach', 'river')),
        pipeline=[
            dict(type='LoadRSImage'),
            dict(type='mmpretrain.PackInputs')]))
test_evaluator = dict(type='SceneClsMetric')
test_cfg = dict()
visualizer = dict(type='SceneClsVisualizer')
draw_hook = dict(type='DrawPredictionsHook')
inferencer = dict(type='SceneClassificationInferencer')
"""


@pytest.fixture
def model(tmp_path) -> tuple[Path, Path]:
    """A config and its checkpoint."""
    import torch
    from mmengine.config import Config
    from mmengine.registry import init_default_scope

    from mmrs.registry import MODELS

    config = tmp_path / 'config.py'
    config.write_text(CONFIG)
    cfg = Config.fromfile(config)
    init_default_scope('mmrs')
    weights = MODELS.build(cfg.model).state_dict()
    torch.save(dict(state_dict=weights), tmp_path / 'weights.pth')
    return config, tmp_path / 'weights.pth'


def test_infer_finds_the_inferencer_of_the_config(
    main_of, data, model, tmp_path, capsys
):
    out = tmp_path / 'out'
    options = ('--top-k', 1, '--no-draw', '--device', 'cpu')
    main_of(INFER, data, *model, '--out-dir', out, *options)
    assert '15 images done, 0 skipped' in capsys.readouterr().out
    written = out / 'predictions/river/river_0.json'
    assert len(json.loads(written.read_text())['classes']) == 1
    assert not (out / 'pictures').exists()


@pytest.mark.parametrize(
    'option, kind',
    [
        (('--score-thr', 0.5), 'SceneClassificationInferencer'),
        (('--top-k', 3), 'InstanceSegInferencer'),
        (('--draw',), 'InstanceSegInferencer'),
        (('--activation',), 'InstanceSegInferencer'),
    ],
)
def test_infer_refuses_the_settings_of_another_task(
    main_of, data, model, option, kind
):
    choice = ('--cfg-options', f'inferencer.type={kind}')
    with pytest.raises(
        InputError, match=f'{option[0]} is no setting of {kind}'
    ):
        main_of(INFER, data, *model, *option, *choice)


def test_infer_with_an_unknown_inferencer(main_of, data, model):
    choice = ('--cfg-options', 'inferencer.type=SceneInferencer')
    with pytest.raises(
        InputError, match='not in the registry INFERENCERS.*InstanceSegInf'
    ):
        main_of(INFER, data, *model, *choice)


def test_tested_images_are_drawn(main_of, data, model, tmp_path):
    main_of(
        'tools/test.py',
        *model,
        *('--work-dir', tmp_path / 'work', '--show-dir', tmp_path / 'drawn'),
        *('--cfg-options', f'test_dataloader.dataset.data_root={data}'),
    )
    drawn = sorted((tmp_path / 'drawn').rglob('*.png'))
    assert len(drawn) == 15
    assert drawn[0] == tmp_path / 'drawn/Beach/Beach_0.png'
    picture = cv2.imread(str(drawn[0]))
    pixels = cv2.imread(str(data / 'Beach/Beach_0.png'))
    center = picture[12 + 24 : 12 + 384 : 48, 12 + 24 : 12 + 384 : 48]
    np.testing.assert_allclose(center, pixels, atol=40)
    (log,) = (tmp_path / 'work').rglob('*.log')
    assert 'single-label/f1-score' in log.read_text()


def test_training_images_are_browsed(main_of, data, tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(f'{CONFIG}train_dataloader = test_dataloader\n')
    main_of(
        'tools/analysis_tools/browse_dataset.py',
        *(config, '--num', 3, '--out-dir', tmp_path / 'browsed'),
        *('--cfg-options', f'train_dataloader.dataset.data_root={data}'),
    )
    names = sorted(p.name for p in (tmp_path / 'browsed').iterdir())
    assert names == [f'000{i}_Beach_{i}.png' for i in range(3)]


def test_operations_of_a_classifier(main_of, model, capsys):
    main_of('tools/analysis_tools/get_flops.py', model[0], '--shape', 32, 32)
    said = capsys.readouterr().out
    assert 'ImageClassifier.backbone: 0.00 G' in said
    assert 'for an image of 32 x 32' in said
