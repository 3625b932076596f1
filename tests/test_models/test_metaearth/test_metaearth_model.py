import pytest
import torch
from torch.nn import functional as F

from mmrs.errors import InputError
from mmrs.evaluation.metrics.fid import enlarge
from mmrs.models.metaearth import MetaEarth
from mmrs.structures import GenDataSample
from mmrs.synthetic.layouts.metaearth import Block
from mmrs.synthetic.world import World

SMALL = dict(
    preset='metaearth_tiny',
    unet=dict(
        block_out_channels=(16, 16, 16),
        norm_num_groups=4,
        attn_norm_num_groups=4,
    ),
    lr_encoder=dict(num_feat=4, num_grow_ch=2),
    test_cfg=dict(num_inference_steps=2),
)


def model(**kwargs) -> MetaEarth:
    torch.manual_seed(0)
    return MetaEarth(**SMALL | kwargs)


def tiles(count: int, side: int = 16):
    """Conditions and samples of smooth tiles."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(count, 3, 4, 4, generator=generator)
    real = F.interpolate(coarse, size=side, mode='bilinear')
    lr = F.avg_pool2d(real, 4)
    samples = [
        GenDataSample(
            metainfo=dict(
                sample_id=f'tile {i}',
                sample_idx=i,
                resolution=(4.0, 64.0)[i % 2],
            ),
            gt_img=(255 * real[i]).byte(),
        )
        for i in range(count)
    ]
    return list((255 * lr).byte()), samples


def test_loss_of_an_untrained_network_is_that_of_no_prediction():
    network, (inputs, samples) = model(), tiles(64)
    losses = network(inputs, samples, mode='loss')
    assert set(losses) == {'loss', 'mse'}
    assert losses['mse'].item() == pytest.approx(1, abs=0.05)
    # The mean of 1 - a_t over all steps.
    expected = (1 - network.alphas_cumprod).mean().item()
    assert losses['loss'].item() == pytest.approx(expected, abs=0.15)
    losses['loss'].backward()
    assert network.unet.conv_out.weight.grad.abs().sum() > 0


def test_velocity_is_what_v_prediction_trains_on():
    network = model(
        scheduler=dict(
            prediction_type='v_prediction',
            rescale_betas_zero_snr=True,
            timestep_spacing='trailing',
        )
    )
    inputs, samples = tiles(4)
    assert network.alphas_cumprod[-1] < 1e-7
    torch.manual_seed(3)
    mse = network(inputs, samples, mode='loss')['mse'].item()
    torch.manual_seed(3)
    real = torch.stack([s.gt_img for s in samples]) / 127.5 - 1
    noise = torch.randn_like(real)
    steps = torch.randint(1000, (4,))
    alphas = network.alphas_cumprod[steps].view(-1, 1, 1, 1)
    v = alphas.sqrt() * noise - (1 - alphas).sqrt() * real
    assert mse == pytest.approx(v.square().mean().item(), rel=1e-5)


def test_generated_tiles_do_not_depend_on_the_batch():
    network, (inputs, samples) = model().eval(), tiles(3)
    together = network(inputs, samples, mode='predict')
    images = [sample.pred_img.clone() for sample in together]
    assert images[0].shape == (3, 16, 16)
    assert images[0].dtype == torch.uint8
    assert torch.equal(together[1].lr_img, inputs[1])
    for i in (2, 0, 1):
        (alone,) = network(inputs[i : i + 1], samples[i : i + 1], 'predict')
        assert torch.equal(alone.pred_img, images[i])
    assert not torch.equal(images[0], images[2])


def test_pipeline_shares_the_networks():
    network = model()
    pipeline = network.to_pipeline()
    assert pipeline.unet is network.unet
    assert pipeline.lr_encoder is network.lr_encoder
    assert pipeline.scheduler.config.beta_end == 0.0155


def test_tensor_mode_gives_predictions():
    inputs, samples = tiles(2)
    assert model()(inputs, samples).shape == (2, 3, 16, 16)


def test_tiles_must_fit():
    inputs, samples = tiles(2)
    del samples[1].gt_img
    with pytest.raises(InputError, match='tile 1: has no gt_img'):
        model()(inputs, samples, mode='loss')
    inputs, samples = tiles(2)
    inputs[1] = inputs[1][:, :2]
    with pytest.raises(InputError, match='tile 1: is .*CropTile'):
        model()(inputs, samples, mode='loss')


def test_checkpointing_gives_the_same_gradients():
    gradients = []
    for checkpointing in (False, True):
        network = model(gradient_checkpointing=checkpointing).train()
        torch.nn.init.ones_(network.unet.conv_out.weight)
        inputs, samples = tiles(1)
        torch.manual_seed(2)
        network(inputs, samples, mode='loss')['loss'].backward()
        gradients.append(network.unet.conv_in.weight.grad)
    torch.testing.assert_close(*gradients)


@pytest.mark.slow
@pytest.mark.trains
def test_tiny_network_learns_four_tiles_by_heart(training_seed, clears):
    """Its images must beat conditions enlarged by cubic splines."""
    torch.manual_seed(training_seed)
    network = MetaEarth(
        'metaearth_tiny',
        unet=dict(block_out_channels=(32, 32, 32)),
        scheduler=dict(prediction_type='v_prediction'),
        test_cfg=dict(solver='dpm', num_inference_steps=8),
    )
    inputs, samples = rendered_tiles()
    losses = train(network, inputs, samples, steps=600)
    first, later = sum(losses[:10]) / 10, sum(losses[270:300]) / 30
    clears('loss after 300 steps / at first', later / first, below=1 / 5)

    found = network.eval()(inputs, samples, mode='predict')
    real = torch.stack([sample.gt_img for sample in found]).float()
    made = torch.stack([sample.pred_img for sample in found]).float()
    cubic = enlarge(torch.stack(inputs), 'bicubic').float()
    error, of_cubic = ((x - real).square().mean() for x in (made, cubic))
    clears('squared error / of splines', (error / of_cubic).item(), below=1)


def rendered_tiles(side: int = 16):
    """Four tiles of the synthetic world and their means of 4 x 4 pixels."""
    block = Block(World(0), 0, side, 4.0, 'train')
    inputs, samples = [], []
    for i, number in enumerate((80, 4, 0, 1)):  # coarse, middle, fine, fine
        resolution, pixels, _ = block.image(number)
        real = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
        inputs.append(F.avg_pool2d(real.float(), 4).round().byte())
        place = dict(resolution=resolution, sample_idx=i)
        samples.append(GenDataSample(metainfo=place, gt_img=real))
    return inputs, samples


def train(network, inputs, samples, steps: int) -> list[float]:
    """Train with a warm-up of 20 steps, and a decay in the last quarter."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, fused=True)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda i: min((i + 1) / 20, 1, 4 * (1 - i / steps))
    )
    losses = []
    for _ in range(steps):
        loss = network(inputs, samples, mode='loss')['loss']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
        losses.append(loss.item())
    return losses
