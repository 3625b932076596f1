"""Generation in pieces: the same bits, however they are asked for."""

import copy
import json

import numpy as np
import pytest
import torch
from diffusers import (
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    UNet2DModel,
)
from sampling_toys import picture, pipeline, scheduler

from mmrs.errors import InputError
from mmrs.models.metaearth.pipeline import MetaEarthPipeline
from mmrs.models.metaearth.sampling import (
    ArrayImage,
    Denoiser,
    SamplingSettings,
)

FEW = dict(num_inference_steps=3, tile=32)


@pytest.fixture(scope='module')
def pipe():
    return pipeline()


def generate(pipe, image, resolution=64.0, **settings):
    found = pipe(image, resolution, output_type='np', **(FEW | settings))
    return (found.images[0] * 255).round().astype(np.uint8)


def predicting(pipe, kind):
    solver = type(pipe.scheduler).from_config(
        pipe.scheduler.config,
        prediction_type=kind,
        rescale_betas_zero_snr=kind == 'v_prediction',
    )
    return MetaEarthPipeline(pipe.unet, pipe.lr_encoder, solver)


def test_window_is_plain_ddim(pipe):
    """One window, against the formula."""
    lr = picture(8, 8)
    settings = SamplingSettings(**FEW, seed=4)
    denoiser = Denoiser(
        pipe.unet, pipe.lr_encoder, scheduler(), 64.0, 1, settings
    )
    found = denoiser.windows(lr[None], [(-8, 24)])[0]

    betas = torch.linspace(0.0015**0.5, 0.0155**0.5, 1000) ** 2
    alphas = torch.cat([(1 - betas).cumprod(0), torch.ones(1)])
    x = denoiser.noise([(-8, 24)])
    y = torch.from_numpy(lr).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.no_grad():
        features = pipe.lr_encoder(y)
        for t in (666, 333, 0):
            eps = pipe.unet(
                torch.cat([x, features], 1),
                torch.tensor(t),
                class_labels=torch.tensor([64.0]),
            ).sample
            now, before = alphas[t], alphas[t - 333 if t else 1000]
            x0 = (x - (1 - now).sqrt() * eps) / now.sqrt()
            x = before.sqrt() * x0.clamp(-1, 1) + (1 - before).sqrt() * eps
    plain = ((x[0].clamp(-1, 1) + 1) * 127.5).round().permute(1, 2, 0).numpy()
    assert np.abs(found - plain).max() <= 1


@pytest.mark.parametrize('merge', ['crop', 'feather'])
@pytest.mark.parametrize('overlap', [0.5, 0.25])
def test_any_window_is_a_crop_of_the_whole(pipe, merge, overlap):
    image, settings = picture(21, 34), dict(FEW, merge=merge, overlap=overlap)
    whole = generate(pipe, image, merge=merge, overlap=overlap)
    rng = np.random.default_rng(0)
    for number in range(25):
        top, left = rng.integers(0, 84), rng.integers(0, 136)
        height = rng.integers(1, 85 - top)
        width = rng.integers(1, 137 - left)
        lazy = pipe.lazy_cascade(
            image, 256, 1, tile_batch=1 + number % 9, **settings
        )[-1]
        part = whole[top : top + height, left : left + width]
        assert np.array_equal(lazy.read(top, left, height, width), part)


def attentive_unet(levels: int = 2) -> UNet2DModel:
    torch.manual_seed(1)
    return UNet2DModel(
        sample_size=32,
        in_channels=7,
        out_channels=3,
        block_out_channels=(16,) * levels,
        layers_per_block=1,
        down_block_types=('DownBlock2D',) * (levels - 1)
        + ('AttnDownBlock2D',),
        up_block_types=('AttnUpBlock2D',) + ('UpBlock2D',) * (levels - 1),
        norm_num_groups=8,
        attention_head_dim=8,
        class_embed_type='timestep',
    ).eval()


def test_hundred_windows_of_a_unet_with_attention(pipe):
    real = MetaEarthPipeline(attentive_unet(), pipe.lr_encoder, scheduler())
    image, settings = picture(24, 24), dict(num_inference_steps=2)
    whole = np.asarray(real(image, 64.0, **settings).images[0])
    rng = np.random.default_rng(2)
    for batch in (1, 2, 3, 5, 7, 8, 9, 11, 16, 36):
        lazy = real.lazy_cascade(image, 256, 1, tile_batch=batch, **settings)
        for _ in range(10):
            top, left = rng.integers(0, 76, 2)
            part = whole[top : top + 20, left : left + 20]
            assert np.array_equal(lazy[0].read(top, left, 20, 20), part)


def test_windows_of_a_cascade_in_any_order(pipe):
    image = picture(9, 12)
    settings = dict(FEW, seed=3)
    stages = pipe.cascade(image, 256, 2, 'np', **settings).images
    whole = (stages[-1][0] * 255).round().astype(np.uint8)
    assert whole.shape == (144, 192, 3)
    lazy = pipe.lazy_cascade(image, 256, 2, tile_batch=3, **settings)[-1]
    rng = np.random.default_rng(1)
    for _ in range(40):
        top, left = rng.integers(0, 124), rng.integers(0, 172)
        part = whole[top : top + 20, left : left + 20]
        assert np.array_equal(lazy.read(top, left, 20, 20), part)


def test_threads_change_nothing(pipe):
    image, threads = picture(16, 16), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = generate(pipe, image)
        torch.set_num_threads(3)
        three = generate(pipe, image)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)
    assert np.array_equal(one, three)


def test_rows_are_those_of_the_whole_and_computed_once(pipe, monkeypatch):
    image, seen = picture(20, 13), []
    plain = Denoiser.windows

    def counting(self, lr, places):
        seen.extend((self.resolution, *place) for place in places)
        return plain(self, lr, places)

    monkeypatch.setattr(Denoiser, 'windows', counting)
    for merge in ('crop', 'feather'):
        settings = dict(FEW, merge=merge)
        stages = pipe.cascade(image, 256, 2, 'np', **settings).images
        seen.clear()
        tops, strips = zip(*pipe.iter_rows(image, 256, 2, **settings))
        assert [*tops] == [*range(0, 320, 16)]
        assert np.array_equal(
            np.concatenate(strips), (stages[-1][0] * 255).round()
        )
        assert len(seen) == len(set(seen)) == 20 * 13 + 5 * 4


def test_little_is_remembered(pipe):
    def held(height):
        stages = pipe.lazy_cascade(picture(height, 8), 256, 2, **FEW)
        most = 0
        for top in range(0, stages[-1].height, 16):
            stages[-1].read(top, 0, 16, stages[-1].width)
            windows = [w for s in stages for w in s._known.values()]
            most = max(most, sum(w.nbytes for w in windows))
        return most

    assert held(32) == held(12)


def test_room_is_made_before_windows_are_computed(pipe, monkeypatch):
    image = pipe.lazy_cascade(picture(32, 8), 256, 1, **FEW)[-1]
    plain, held = Denoiser.windows, []

    def counting(self, lr, places):
        held.append(len(image._known) + len(places))
        return plain(self, lr, places)

    monkeypatch.setattr(Denoiser, 'windows', counting)
    for top in range(0, image.height, 16):
        image.read(top, 0, 16, image.width)
    assert max(held) == len(image._known)


# Of faded windows, two rows and three columns meet the cell.
@pytest.mark.parametrize('merge, windows', [('crop', 1), ('feather', 6)])
def test_cells_without_wanted_pixels_are_not_computed(pipe, merge, windows):
    image = picture(16, 16)
    whole = generate(pipe, image, merge=merge)
    lazy = pipe.lazy_cascade(image, 256, 1, **FEW, merge=merge)[-1]
    wanted = np.zeros((64, 64), bool)
    wanted[5, 40] = True
    part = lazy.read(0, 0, 64, 64, wanted)
    assert np.array_equal(part[:16, 32:48], whole[:16, 32:48])
    assert part.sum() == part[:16, 32:48].sum()
    assert len(lazy._known) == windows


@pytest.mark.parametrize('size', [(1, 1), (2, 5), (7, 3)])
def test_image_smaller_than_a_window(pipe, size):
    assert generate(pipe, picture(*size)).shape == (
        size[0] * 4,
        size[1] * 4,
        3,
    )


def test_origin_moves_the_noise_with_the_image(pipe):
    """What is far from the border is the same in a part of the image."""
    image = picture(40, 40)
    whole = generate(pipe, image)
    part = generate(pipe, image[8:, 12:], origin=(8, 12))
    assert np.array_equal(part[16:, 16:], whole[48:, 64:])
    still = generate(pipe, image[8:, 12:])
    assert not np.array_equal(still[16:, 16:], whole[48:, 64:])


@pytest.mark.parametrize('noise', ['world', 'independent'])
def test_stochastic_windows_are_crops_too(pipe, noise):
    image = picture(16, 24)
    settings = dict(FEW, eta=1.0, noise=noise)
    whole = generate(pipe, image, **settings)
    lazy = pipe.lazy_cascade(image, 256, 1, **settings)[-1]
    assert np.array_equal(lazy.read(30, 40, 20, 20), whole[30:50, 40:60])
    assert not np.array_equal(whole, generate(pipe, image, noise=noise))


@pytest.mark.parametrize('kind', ['dpmsolver++', 'sde-dpmsolver++'])
def test_multistep_windows_are_crops_too(pipe, kind):
    config = dict(pipe.scheduler.config, algorithm_type=kind)
    fast = MetaEarthPipeline(
        pipe.unet,
        pipe.lr_encoder,
        DPMSolverMultistepScheduler.from_config(config),
    )
    image = picture(16, 24)
    settings = dict(FEW, num_inference_steps=6)
    whole = generate(fast, image, **settings)
    lazy = fast.lazy_cascade(image, 256, 1, tile_batch=2, **settings)[-1]
    assert np.array_equal(lazy.read(30, 40, 20, 20), whole[30:50, 40:60])


def test_joint_rules_against_a_plain_loop(pipe):
    """MultiDiffusion and Mixture of Diffusers, written plainly."""
    lr = picture(12, 8)
    for merge in ('multidiffusion', 'mixture'):
        found = generate(pipe, lr, merge=merge, seed=2, tile_batch=3)
        assert np.abs(found - plain_joint(pipe, lr, merge)).max() <= 1


def plain_joint(pipe, lr, merge):
    settings = SamplingSettings(**FEW, seed=2)
    denoiser = Denoiser(
        pipe.unet, pipe.lr_encoder, scheduler(), 64.0, 1, settings
    )
    padded = np.pad(lr, ((2, 6), (2, 6), (0, 0)), mode='reflect')
    places = [(y, x) for y in range(0, 48, 16) for x in range(0, 32, 16)]
    side = np.ones(32)
    if merge == 'mixture':
        side = np.exp(-(((np.arange(32) + 0.5) / 32 - 0.5) ** 2) / 0.02)
    weight = torch.from_numpy(np.outer(side, side)).float()
    x = torch.zeros(3, 64, 48)
    for y, c in places:
        x[:, y : y + 32, c : c + 32] = denoiser.noise([(y - 8, c - 8)])[0]
    solver = denoiser.start()
    for t in solver.timesteps:
        total, norm = torch.zeros_like(x), torch.zeros(64, 48)
        for y, c in places:
            at = np.s_[y : y + 32, c : c + 32]
            now = padded[y // 4 : y // 4 + 8, c // 4 : c // 4 + 8]
            part = x[:, *at][None]
            with torch.no_grad():
                found = denoiser.predict(part, denoiser.encode(now[None]), t)
            if merge == 'multidiffusion':
                found = denoiser.step(solver, found, t, part, None)
            total[:, *at] += weight * found[0]
            norm[at] += weight
        mean = total / norm
        if merge == 'mixture':
            mean = denoiser.step(solver, mean[None], t, x[None], None)[0]
        x = mean
    levels = ((x.clamp(-1, 1) + 1) * 127.5).round().permute(1, 2, 0)
    return levels[8:56, 8:40].numpy()


def test_noise_rules_order_the_differences_where_windows_overlap(pipe):
    """Neighbours agree only where a place has the same noise in both."""
    found = {}
    for rule in ('world', 'shared_periodic', 'shared_block', 'independent'):
        settings = SamplingSettings(noise=rule, num_inference_steps=5, tile=32)
        denoiser = Denoiser(
            pipe.unet, pipe.lr_encoder, scheduler(), 64.0, 1, settings
        )
        image = picture(8, 12)
        lr = np.stack([image[:, :8], image[:, 4:]])
        a, b = denoiser.windows(lr, [(-8, -8), (-8, 8)]).astype(float)
        found[rule] = np.abs(a[:, 16:] - b[:, :16]).mean()
    agree = max(found['world'], found['shared_periodic'])
    assert agree * 5 < min(found['shared_block'], found['independent'])


@pytest.mark.parametrize('predicts', ['epsilon', 'v_prediction'])
@pytest.mark.parametrize('solver', ['ddim', 'dpm'])
def test_consistent_images_agree_with_their_condition(predicts, solver):
    pipe = predicting(pipeline(), predicts).with_solver(solver)
    image = picture(16, 16)

    def error(**settings):
        found = generate(pipe, image, **settings).astype(float)
        coarse = found.reshape(16, 4, 16, 4, 3).mean((1, 3))
        return np.abs(coarse - image).mean()

    assert error(consistency=1.0) < 0.2 * error()


def test_resolution_and_seed_matter(pipe):
    image = picture(8, 8)
    base = generate(pipe, image)
    assert not np.array_equal(base, generate(pipe, image, resolution=4.0))
    assert not np.array_equal(base, generate(pipe, image, seed=1))


def test_kinds_of_images(pipe):
    from PIL import Image

    image = picture(8, 8)
    base = generate(pipe, image)
    tensor = torch.from_numpy(image).permute(2, 0, 1)
    for other in (Image.fromarray(image), tensor, ArrayImage(image)):
        assert np.array_equal(generate(pipe, other), base)
    shown = pipe(image, 64.0, **FEW).images[0]
    assert np.array_equal(np.asarray(shown), base)
    found = pipe(image, 64.0, output_type='pt', **FEW).images
    assert found.shape == (1, 3, 32, 32)
    with pytest.raises(InputError, match='image is float64'):
        pipe(image.astype(float), 64.0, **FEW)


def test_saved_and_loaded(pipe, tmp_path):
    pipe.save_pretrained(tmp_path)
    again = MetaEarthPipeline.from_pretrained(tmp_path)
    assert again.weights_hash() == pipe.weights_hash()
    image = picture(8, 8)
    assert np.array_equal(generate(again, image), generate(pipe, image))
    assert again.settings().tile == 32  # of the U-Net


def test_program_in_a_folder_is_not_run(pipe, tmp_path):
    folder = tmp_path / 'earth'
    pipe.save_pretrained(folder)
    index = json.loads((folder / 'model_index.json').read_text())
    index['_class_name'] = ['program', 'MetaEarthPipeline']
    (folder / 'model_index.json').write_text(json.dumps(index))
    (folder / 'program.py').write_text(
        f'open({str(tmp_path / "ran")!r}, "w").close()\n'
        'from mmrs.models.metaearth.pipeline import MetaEarthPipeline\n'
    )
    with pytest.raises(InputError, match='holds the program program.py'):
        MetaEarthPipeline.from_pretrained(folder)
    assert not (tmp_path / 'ran').exists()


def test_hash_tells_weights_apart(pipe):
    other = copy.deepcopy(pipe.unet)
    other.last.bias.data[0] += 1
    changed = MetaEarthPipeline(other, pipe.lr_encoder, pipe.scheduler)
    assert changed.weights_hash() != pipe.weights_hash()


def test_bfloat16_is_near(pipe):
    half = MetaEarthPipeline(
        copy.deepcopy(pipe.unet).bfloat16(),
        copy.deepcopy(pipe.lr_encoder).bfloat16(),
        scheduler(),
    )
    image = picture(8, 8)
    near = generate(half, image).astype(float) - generate(pipe, image)
    assert np.abs(near).mean() < 6


@pytest.mark.parametrize(
    'solver, settings, message',
    [
        (DDPMScheduler, {}, 'DDPMScheduler draws its noise in order'),
        (EulerAncestralDiscreteScheduler, {}, 'draws its noise in order'),
        (DPMSolverMultistepScheduler, dict(eta=1.0), 'has none; take DDIM'),
        (
            'sde-dpmsolver++',
            dict(noise='shared_block'),
            "noise='shared_block' is one block",
        ),
    ],
)
def test_solvers_that_do_not_fit(pipe, solver, settings, message):
    if isinstance(solver, str):
        made = DPMSolverMultistepScheduler(algorithm_type=solver)
    else:
        made = solver.from_config(pipe.scheduler.config)
    other = MetaEarthPipeline(pipe.unet, pipe.lr_encoder, made)
    with pytest.raises(InputError, match=message):
        other(picture(8, 8), 64.0, **(FEW | settings))


def test_wrong_calls(pipe):
    with pytest.raises(InputError, match='step_count: no setting'):
        pipe(picture(8, 8), 64.0, step_count=3)
    with pytest.raises(InputError, match='stages is 0'):
        pipe.lazy_cascade(picture(8, 8), 256, 0)
    with pytest.raises(InputError, match='output_type'):
        pipe(picture(8, 8), 64.0, output_type='jpg', **FEW)
    deep = MetaEarthPipeline(attentive_unet(4), pipe.lr_encoder, scheduler())
    with pytest.raises(InputError, match='4 levels needs a multiple of 8'):
        deep(picture(8, 8), 64.0, tile=20, overlap=0.4)
    with pytest.raises(InputError, match='consistency is 1'):
        predicting(pipe, 'sample')(picture(8, 8), 64.0, consistency=1.0, **FEW)


def test_large_images_are_not_merged_at_each_step(pipe):
    class Large:
        height = width = 3000

        def read(self, *part):
            raise AssertionError('not needed')

    made = pipe.lazy_cascade(Large(), 256, 1, **FEW, merge='mixture')[-1]
    with pytest.raises(InputError, match='137 Mpx are more than 64'):
        made.read(0, 0, 1, 1)
