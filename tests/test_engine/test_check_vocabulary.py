from types import SimpleNamespace

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmrs.engine import CheckVocabularyHook
from mmrs.errors import InputError
from mmrs.structures import ChangeDataSample


class Words(Dataset):
    """Six words, or a data set without any."""

    def __init__(self, num_words=6):
        self.metainfo = {}
        if num_words:
            self.metainfo['vocabulary'] = tuple('abcdef'[:num_words])

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return dict(inputs=torch.zeros(1))


class Captioner(BaseModel):
    def __init__(self, num_words=6):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        if num_words:
            self.caption_head = torch.nn.Module()
            self.caption_head.num_words = num_words

    def forward(self, inputs, mode='tensor'):
        if mode == 'predict':
            return [ChangeDataSample()]
        return dict(loss=self.weight.sum())


class Nothing(Evaluator):
    """An evaluator that has nothing to say."""

    def __init__(self):
        super().__init__([])

    def process(self, data_samples, data_batch=None):
        pass

    def evaluate(self, size):
        return {}


def make_runner(folder, model, train=6, val=6) -> Runner:
    def loader(num_words):
        return dict(
            dataset=Words(num_words),
            sampler=dict(type='DefaultSampler', shuffle=False),
            batch_size=2,
        )

    return Runner(
        model,
        str(folder),
        train_dataloader=loader(train),
        train_cfg=dict(by_epoch=True, max_epochs=1),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.0)),
        val_dataloader=loader(val),
        val_cfg=dict(),
        val_evaluator=Nothing(),
        test_dataloader=loader(val),
        test_cfg=dict(),
        test_evaluator=Nothing(),
        default_hooks=dict(checkpoint=None, logger=None),
        custom_hooks=[dict(type='CheckVocabularyHook')],
        experiment_name=str(folder),
        default_scope='mmrs',
    )


def test_run_of_equal_numbers(tmp_path):
    runner = make_runner(tmp_path, Captioner())
    runner.train()
    assert runner.epoch == 1


@pytest.mark.parametrize(
    'words, method, loader',
    [
        (dict(train=5), 'train', 'train_dataloader'),
        (dict(val=5), 'train', 'val_dataloader'),
        (dict(val=5), 'val', 'val_dataloader'),
        (dict(val=5), 'test', 'test_dataloader'),
    ],
)
def test_other_numbers_stop_the_run(words, method, loader, tmp_path):
    runner = make_runner(tmp_path, Captioner(), **words)
    with pytest.raises(InputError) as error:
        getattr(runner, method)()
    message = str(error.value)
    assert 'model.caption_head.num_words is 6' in message
    assert f'the vocabulary of {loader}.dataset has 5 words' in message
    assert 'set model.caption_head.num_words=5' in message


@pytest.mark.parametrize('num_words, train', [(0, 5), (6, 0)])
def test_nothing_to_compare(num_words, train, tmp_path):
    runner = make_runner(tmp_path, Captioner(num_words), train, val=train)
    runner.train()
    assert runner.epoch == runner.max_epochs


class Wrapped(MMDistributedDataParallel):
    """A wrapper without a process group."""

    def __init__(self, module):
        torch.nn.Module.__init__(self)
        self.module = module


def test_wrapped_model():
    runner = SimpleNamespace(
        model=Wrapped(Captioner()),
        train_dataloader=SimpleNamespace(dataset=Words(5)),
    )
    with pytest.raises(InputError, match='has 5 words'):
        CheckVocabularyHook().before_train(runner)
