"""MetaEarth from a config or a folder to a file."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmrs.apis import MetaEarthInferencer
from mmrs.errors import InputError
from mmrs.registry import MODELS

MODEL = dict(
    type='MetaEarth',
    preset='metaearth_tiny',
    unet=dict(
        block_out_channels=(16, 16),
        down_block_types=('DownBlock2D', 'AttnDownBlock2D'),
        up_block_types=('AttnUpBlock2D', 'UpBlock2D'),
        sample_size=32,
    ),
    lr_encoder=dict(num_feat=4),
)
FEW = dict(stages=1, num_inference_steps=2, show_progress=False)


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A config, and a checkpoint whose output is not zero."""
    torch.manual_seed(0)
    cfg = Config(
        dict(
            default_scope='mmrs',
            model=MODEL,
        )
    )
    folder = tmp_path_factory.mktemp('trained')
    cfg.dump(folder / 'config.py')
    model = MODELS.build(cfg.model)
    with torch.no_grad():
        for weight in model.unet.parameters():
            weight.add_(torch.randn_like(weight) / 20)
    torch.save(dict(state_dict=model.state_dict()), folder / 'best.pth')
    return folder


@pytest.fixture
def image(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / 'coarse.png'
    Image.fromarray(rng.integers(0, 255, (10, 12, 3), np.uint8)).save(path)
    return path


def test_config_and_folder_give_the_same(trained, image, tmp_path):
    inferencer = MetaEarthInferencer(
        trained / 'config.py', trained / 'best.pth', 'cpu'
    )
    told = inferencer(image, tmp_path / 'a.png', gsd=64, **FEW)
    assert told['width'] == 48 and told['gsd'] == 16
    inferencer.pipeline.save_pretrained(tmp_path / 'folder')
    again = MetaEarthInferencer(tmp_path / 'folder', device='cpu')
    again(image, tmp_path / 'b.png', gsd=64, **FEW)
    a, b = (np.asarray(Image.open(tmp_path / f'{n}.png')) for n in 'ab')
    assert np.array_equal(a, b)
    assert a.std() > 5


def test_solvers_and_precision(trained, image, tmp_path):
    def generate(name, **settings):
        inferencer = MetaEarthInferencer(
            trained / 'config.py', trained / 'best.pth', 'cpu', **settings
        )
        options = FEW | dict(num_inference_steps=6)
        inferencer(image, tmp_path / name, gsd=64, **options)
        return np.asarray(Image.open(tmp_path / name)).astype(float)

    base = generate('a.png')
    half = generate('b.png', dtype='bf16')
    assert 0 < np.abs(half - base).mean() < 8
    fast = generate('c.png', solver='dpm')
    assert 0 < np.abs(fast - base).mean()
    assert Image.open(tmp_path / 'b.png').text['DTYPE'] == 'bfloat16'
    told = Image.open(tmp_path / 'c.png').text['SCHEDULER']
    assert told == 'DPMSolverMultistepScheduler'


def test_wrong_models(trained, tmp_path):
    with pytest.raises(InputError, match='has no model_index.json'):
        MetaEarthInferencer(tmp_path, device='cpu')
    with pytest.raises(InputError, match='weights of its own; leave best.pth'):
        MetaEarthInferencer(tmp_path, 'best.pth', 'cpu')
    with pytest.raises(InputError, match='solver is .euler.; take ddim'):
        MetaEarthInferencer(
            trained / 'config.py',
            trained / 'best.pth',
            'cpu',
            solver='euler',
        )
    other = Config(dict(model=dict(type='BaseDataPreprocessor')))
    with pytest.raises(InputError, match='the config is of a BaseData'):
        MetaEarthInferencer(other, device='cpu')
