import copy
import importlib.util
from pathlib import Path

import pytest
import torch
from rsprompter_toys import build, make_batch

from mmrs.models.rsprompter.query import RSMask2FormerHead


class NaiveHead(RSMask2FormerHead):
    """Decodes every query after every stage, as the authors' code does."""

    def decode_matched(self, x, all_masks, matches):
        return [
            self.decode_all(x, masks)[match.images, match.queries]
            for masks, match in zip(all_masks, matches)
        ]

    def decode_all(self, x, masks):
        fine = [
            self.decode(
                x,
                masks.coarse[i],
                masks.prompts[i],
                torch.full((masks.coarse.shape[1],), i),
            )
            for i in range(len(masks.coarse))
        ]
        return torch.stack(fine)


def naive(model):
    model = copy.deepcopy(model)
    model.panoptic_head.__class__ = NaiveHead
    return model


def losses_and_gradients(model, images, samples):
    torch.manual_seed(1)
    losses = model.loss(images, copy.deepcopy(samples))
    total, _ = model.parse_losses(losses)
    total.backward()
    gradients = {
        name: p.grad for name, p in model.named_parameters() if p.requires_grad
    }
    return losses, gradients


def test_matched_queries_alone_give_the_same_losses_and_gradients():
    model = build('rsprompter-query').train()
    reference = naive(model)
    images, samples = make_batch()
    ours, our_grads = losses_and_gradients(model, images, samples)
    theirs, their_grads = losses_and_gradients(reference, images, samples)
    assert ours.keys() == theirs.keys()
    assert len(ours) == 7 * 5
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], rtol=1e-5, atol=1e-5)
    for name, value in our_grads.items():
        if value is None:
            assert their_grads[name] is None, name
        else:
            torch.testing.assert_close(
                value, their_grads[name], rtol=1e-4, atol=1e-5, msg=name
            )


def test_decoder_runs_for_matched_queries_only():
    model = build('rsprompter-query').train()
    decoded = []
    model.panoptic_head.mask_decoder.register_forward_pre_hook(
        lambda module, inputs: decoded.append(len(inputs[4]))
    )
    images, samples = make_batch(objects=(3, 2))
    model.loss(images, samples)
    assert decoded == [7 * (3 + 2)]
    decoded.clear()
    with torch.no_grad():
        model.eval().predict(images, samples)
    assert decoded == [2 * 10]


@pytest.mark.parametrize('objects', [(0, 0), (0, 2)])
def test_images_without_objects_train(objects):
    model = build('rsprompter-query').train()
    images, samples = make_batch(objects)
    losses, gradients = losses_and_gradients(model, images, samples)
    assert all(torch.isfinite(value).all() for value in losses.values())
    assert any(g is not None and g.abs().sum() > 0 for g in gradients.values())


def test_predicts_masks_of_the_original_size():
    model = build('rsprompter-query').eval()
    images, samples = make_batch(objects=(1, 0))
    for sample in samples:
        sample.set_metainfo(
            dict(
                ori_shape=(30, 20),
                img_shape=(64, 43),
                scale_factor=(2.15, 2.13),
            )
        )
    with torch.no_grad():
        results = model.predict(images, samples)
    for result in results:
        assert result.pred_instances.masks.shape == (10, 30, 20)
        assert result.pred_instances.scores.shape == (10,)


def test_load_decoder_false_leaves_the_decoder_at_random(tmp_path):
    whole = build('samdet').segmentor
    path = tmp_path / 'sam.pth'
    torch.save(whole.state_dict(), path)
    key = 'panoptic_head.mask_decoder.sam_checkpoint'
    official = whole.state_dict()['mask_decoder.iou_token.weight']

    loaded = build('rsprompter-query', **{key: str(path)})
    token = loaded.panoptic_head.mask_decoder.iou_token.weight
    torch.testing.assert_close(token.data, official)

    released = build(
        'rsprompter-query',
        **{key: str(path), 'panoptic_head.load_decoder': False},
    )
    token = released.panoptic_head.mask_decoder.iou_token.weight
    assert not torch.equal(token.data, official)
    name = 'prompt_encoder.mask_downscaling.0.weight'
    torch.testing.assert_close(
        released.panoptic_head.sam_mask_embed[0].weight.data,
        whole.state_dict()[name],
    )


def test_benchmark_peer_agrees():
    pytest.importorskip('transformers')
    path = Path(__file__).parents[3] / 'tools' / 'benchmarks' / 'rsprompter.py'
    spec = importlib.util.spec_from_file_location('bench_rsprompter', path)
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    torch.manual_seed(0)
    model = bench.build_model('query', 'vit_tiny', 64)
    peer = bench.as_authors(model, 'vit_tiny', 64)
    images, samples = bench.make_batch(64, 1, 2, 'cpu')
    ours, _ = losses_and_gradients(model.train(), images, samples)
    theirs, _ = losses_and_gradients(peer.train(), images, samples)
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], rtol=1e-4, atol=1e-4)
