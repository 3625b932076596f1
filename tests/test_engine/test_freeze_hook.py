import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from mmrs.engine import FreezeHook
from mmrs.errors import InputError


class TwoHeads(BaseModel):
    """A body and two heads, all with statistics and dropout."""

    def __init__(self):
        super().__init__()

        def part():
            return nn.Sequential(
                nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5)
            )

        self.body = part()
        self.heads = nn.ModuleDict(dict(a=part(), b=part()))
        self.modes = []

    def forward(self, x, mode):
        self.modes.append({n: m.training for n, m in self.named_modules()})
        x = self.body(x)
        loss = self.heads['a'](x).square().mean()
        return dict(loss=loss + self.heads['b'](x).square().mean())


def train(trainable, eval_others=True, epochs=2):
    torch.manual_seed(0)
    model = TwoHeads()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.5)
    runner = Runner(
        model,
        work_dir='.',
        train_dataloader=DataLoader(
            torch.randn(8, 3), batch_size=4, collate_fn=_batch
        ),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=optimizer),
        default_hooks=dict(checkpoint=None, logger=None),
        custom_hooks=[FreezeHook(trainable, eval_others)],
        experiment_name=f'freeze_{id(model)}',
    )
    runner.train()
    after = model.state_dict()
    changed = {k for k in before if not torch.equal(before[k], after[k])}
    return model, changed


def _batch(points):
    return dict(x=torch.stack(points))


@pytest.fixture(autouse=True)
def in_tmp(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_only_the_named_parts_change():
    model, changed = train(['heads.a'])
    assert changed
    assert all(name.startswith('heads.a.') for name in changed)
    for modes in model.modes:
        assert modes['heads'] and modes['heads.a.2']
        assert not modes['body.1'] and not modes['body.2']
        assert not modes['heads.b'] and not modes['heads.b.1']


def test_others_may_stay_in_training_mode():
    model, changed = train(['body'], eval_others=False)
    statistics = {k for k in model.state_dict() if 'running' in k}
    assert statistics < changed
    parameters = {k for k, _ in model.named_parameters()} & changed
    assert parameters == {k for k in parameters if k.startswith('body.')}
    assert all(modes['heads.b.1'] for modes in model.modes)


def test_single_parameters_can_be_named():
    _, changed = train(['body.0.bias', 'heads.b'])
    assert 'body.0.bias' in changed
    assert 'body.0.weight' not in changed
    assert 'body.1.running_mean' not in changed


@pytest.mark.parametrize('name', ['head', 'body.0.weigh', 'nothing'])
def test_names_of_nothing_are_refused(name):
    with pytest.raises(InputError, match=f'{name}.*parts are body, heads'):
        train(['body', name])


def test_distributed_training_must_expect_unused_parameters(monkeypatch):
    from mmrs.engine.hooks import freeze

    monkeypatch.setattr(freeze, 'is_model_wrapper', lambda model: True)
    hook = FreezeHook(['body'])

    class Runners:
        model = nn.Module()

    Runners.model.module = TwoHeads()
    Runners.model.find_unused_parameters = False
    with pytest.raises(InputError, match='find_unused_parameters = True'):
        hook.before_train(Runners)
    Runners.model.find_unused_parameters = True
    hook.before_train(Runners)
    assert not Runners.model.module.heads['a'][0].weight.requires_grad
