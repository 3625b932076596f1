"""The curriculum in whole trainings: in step, in the log, resumed exactly."""

import json

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.runner import Runner
from mmengine.structures import PixelData
from torch.utils.data import Dataset

from mmrs.errors import InputError


class Scenes(Dataset):
    """12 images of noise, the last 4 noisy; labels tell the sign."""

    metainfo = dict(classes=('dark', 'bright'))

    def __len__(self):
        return 12

    def get_data_info(self, index):
        return dict(
            sample_id=f'scene_{index}',
            subset='noisy' if index >= 8 else 'clean',
            difficulty=index / 12,
        )

    def __getitem__(self, index):
        from mmseg.structures import SegDataSample

        generator = torch.Generator().manual_seed(index)
        image = torch.randn(2, 8, 8, generator=generator)
        labels = (image.sum(0, keepdim=True) > 0).long()
        if index >= 8:
            labels[:, :4] = 1 - labels[:, :4]
        sample = SegDataSample(gt_sem_seg=PixelData(data=labels))
        sample.set_metainfo(
            self.get_data_info(index)
            | dict(img_shape=(8, 8), ori_shape=(8, 8), pad_shape=(8, 8))
        )
        return dict(inputs=image, data_samples=sample)


def segmentor():
    head = dict(
        type='mmseg.FCNHead',
        in_channels=4,
        in_index=-1,
        channels=4,
        num_convs=1,
        dropout_ratio=0.0,
        concat_input=False,
        num_classes=2,
        norm_cfg=dict(type='BN'),
        loss_decode=dict(type='mmseg.CrossEntropyLoss', avg_non_ignore=True),
    )
    return dict(
        type='mmseg.EncoderDecoder',
        backbone=dict(
            type='mmseg.UNet',
            in_channels=2,
            base_channels=4,
            num_stages=2,
            strides=(1, 1),
            enc_num_convs=(1, 1),
            dec_num_convs=(1,),
            downsamples=(True,),
            enc_dilations=(1, 1),
            dec_dilations=(1,),
            norm_cfg=dict(type='BN'),
            upsample_cfg=dict(type='mmseg.InterpConv'),
        ),
        decode_head=head,
        test_cfg=ConfigDict(mode='whole'),
    )


def wrapped(**options):
    # A teacher that is sure at once.
    return dict(
        dict(
            type='NoisyLabelSegmentor',
            segmentor=segmentor(),
            threshold=0.5,
            data_preprocessor=dict(
                type='MultiBandDataPreprocessor', mean=[0, 0], std=[1, 1]
            ),
        ),
        **options,
    )


def make_runner(
    tmp_path, name='run', model=None, epochs=None, iters=None, **more
) -> Runner:
    hook = more.pop('hook', {})
    loop = dict(by_epoch=True, max_epochs=epochs) if epochs else {}
    if iters:
        loop = dict(type='IterBasedTrainLoop', max_iters=iters)
    sampler = more.pop('sampler', dict(type='CurriculumSampler'))
    work_dir = tmp_path / name
    return Runner(
        model or wrapped(),
        str(work_dir),
        train_dataloader=dict(
            dataset=Scenes(), sampler=sampler, batch_size=4, num_workers=0
        ),
        train_cfg=loop,
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1),
            checkpoint=dict(
                type='CheckpointHook',
                by_epoch=bool(epochs),
                interval=more.pop('interval', 1),
            ),
        ),
        custom_hooks=[dict(type='CurriculumHook', **hook)],
        log_processor=dict(by_epoch=bool(epochs), window_size=1),
        randomness=dict(seed=2),
        experiment_name=str(work_dir).replace('/', '_'),
        default_scope='mmrs',
        **more,
    )


def read_log(tmp_path, name='run') -> list[dict]:
    file = max((tmp_path / name).glob('*/vis_data/scalars.json'))
    return [json.loads(line) for line in file.read_text().splitlines()]


def weights_of(path):
    return torch.load(path, weights_only=False)['state_dict']


def test_log_tells_stage_share_and_ramp(tmp_path):
    make_runner(tmp_path, iters=24).train()
    log = read_log(tmp_path)
    assert [line['curriculum_stage'] for line in log] == (
        [1] * 6 + [2] * 12 + [3] * 6
    )
    assert all(line['noisy_fraction'] == 0 for line in log[:6])
    assert any(line['noisy_fraction'] > 0 for line in log[6:18])
    assert log[12]['curriculum_ramp'] == pytest.approx(0.5)
    assert log[23]['curriculum_ramp'] == log[23]['curriculum_share'] == 1
    assert all('trusted_ratio' not in line for line in log[:6])
    assert min(line.get('trusted_ratio', 1) for line in log) < 1


@pytest.mark.parametrize('loop', [dict(iters=24), dict(epochs=8)])
def test_resumed_training_repeats_an_unbroken_one(tmp_path, loop):
    """Broken off in the middle of the second stage."""
    unit = 'iter' if 'iters' in loop else 'epoch'
    count = 11 if unit == 'iter' else 3
    make_runner(tmp_path, 'whole', **loop).train()
    whole = tmp_path / 'whole'
    make_runner(
        tmp_path,
        'rest',
        **loop,
        resume=True,
        load_from=str(whole / f'{unit}_{count}.pth'),
    ).train()
    last = f'{unit}_{loop[unit + "s"]}.pth'
    expected = weights_of(whole / last)
    resumed = weights_of(tmp_path / 'rest' / last)
    assert expected['teacher.steps'] == 24
    assert expected.keys() == resumed.keys()
    for name, value in expected.items():
        assert torch.equal(value, resumed[name]), name


def rescoring(**options):
    loader = dict(
        dataset=Scenes(),
        sampler=dict(type='DefaultSampler', shuffle=False),
        batch_size=4,
        num_workers=0,
    )
    return dict(rescore_interval=2, rescore_dataloader=loader, **options)


def test_new_scores_rank_images_and_survive_resuming(tmp_path):
    runner = make_runner(tmp_path, 'whole', epochs=8, hook=rescoring())
    before = runner.train_dataloader.sampler.difficulty.copy()
    runner.train()
    after = runner.train_dataloader.sampler.difficulty
    assert sorted(after) == pytest.approx([i / 11 for i in range(12)])
    assert not (before == after).all()
    # Half of the noisy images' labels are wrong, which costs most.
    assert after[8:].mean() > after[:8].mean()
    resumed = make_runner(
        tmp_path,
        'rest',
        epochs=8,
        hook=rescoring(),
        resume=True,
        load_from=str(tmp_path / 'whole' / 'epoch_3.pth'),
    )
    resumed.train()
    expected = weights_of(tmp_path / 'whole' / 'epoch_8.pth')
    found = weights_of(tmp_path / 'rest' / 'epoch_8.pth')
    assert all(torch.equal(v, found[k]) for k, v in expected.items())


def test_pacing_alone_needs_no_teacher(tmp_path):
    model = dict(segmentor(), data_preprocessor=wrapped()['data_preprocessor'])
    make_runner(tmp_path, model=model, iters=8).train()
    log = read_log(tmp_path)
    assert log[-1]['curriculum_share'] == 1
    assert 'curriculum_ramp' not in log[-1]


def test_distrust_alone_needs_no_curriculum_sampler(tmp_path):
    sampler = dict(type='InfiniteSampler', shuffle=True)
    make_runner(tmp_path, sampler=sampler, iters=8).train()
    log = read_log(tmp_path)
    assert log[-1]['curriculum_ramp'] == 1
    assert 'curriculum_share' not in log[-1]


def test_mistakes_are_named(tmp_path):
    plain = dict(segmentor(), data_preprocessor=wrapped()['data_preprocessor'])
    sampler = dict(type='InfiniteSampler')
    runner = make_runner(tmp_path, model=plain, sampler=sampler, iters=2)
    with pytest.raises(InputError, match='neither a CurriculumSampler'):
        runner.train()
    runner = make_runner(tmp_path, 'b', iters=2, hook=rescoring())
    with pytest.raises(InputError, match='rescore_interval counts epochs'):
        runner.train()
    with pytest.raises(InputError, match='needs rescore_dataloader'):
        make_runner(tmp_path, 'c', iters=2, hook=dict(rescore_interval=1))
