import sys

import pytest
import torch
from sam_toys import TOY, TOY_SIZE, official_sam, randomise

from mmrs.errors import InputError
from mmrs.models.sam import RSSamVisionEncoder, SamImageEncoder, add_lora
from mmrs.registry import MODELS

LORA = dict(r=16, alpha=32, dropout=0.05)


def images():
    torch.manual_seed(2)
    return torch.randn(1, 3, TOY_SIZE, TOY_SIZE)


def test_frozen_holds_through_train():
    backbone = RSSamVisionEncoder(TOY, TOY_SIZE)
    model = torch.nn.Sequential(backbone).train()
    assert not any(p.requires_grad for p in model.parameters())
    assert not any(m.training for m in backbone.image_encoder.modules())
    embedding, states = backbone(images())
    assert not embedding.requires_grad
    assert not any(state.requires_grad for state in states)


def test_unfrozen_trains():
    backbone = RSSamVisionEncoder(TOY, TOY_SIZE, freeze_encoder=False).train()
    backbone(images())[0].square().mean().backward()
    assert all(p.grad is not None for p in backbone.parameters())


def test_weights_are_loaded_and_init_weights_keeps_them(tmp_path):
    official = randomise(official_sam())
    path = tmp_path / 'sam.pth'
    torch.save(official.state_dict(), path)
    backbone = MODELS.build(
        dict(
            type='RSSamVisionEncoder',
            sam_arch=TOY,
            img_size=TOY_SIZE,
            sam_checkpoint=str(path),
        )
    )
    backbone.init_weights()
    x = images()
    torch.testing.assert_close(
        backbone(x)[0], official.image_encoder(x), atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize(
    ('arch', 'count'),
    [('vit_b', 589_824), ('vit_l', 1_572_864), ('vit_h', 2_621_440)],
)
def test_lora_sizes(arch, count):
    with torch.device('meta'):
        encoder = add_lora(SamImageEncoder(arch), **LORA)
    trained = [p for p in encoder.parameters() if p.requires_grad]
    assert sum(p.numel() for p in trained) == count


def test_lora_starts_as_the_encoder_and_trains_its_adapters_only():
    plain = RSSamVisionEncoder(TOY, TOY_SIZE)
    tuned = RSSamVisionEncoder(TOY, TOY_SIZE, lora=LORA)
    base = tuned.image_encoder.get_base_model()
    names = {
        name.replace('.base_layer', ''): p
        for name, p in base.named_parameters()
        if 'lora_' not in name
    }
    weights = plain.image_encoder.state_dict()
    assert names.keys() == weights.keys()
    for name, parameter in names.items():
        parameter.data.copy_(weights[name])
    x = images()
    torch.testing.assert_close(tuned.eval()(x), plain(x))

    tuned.train()(x)[0].square().mean().backward()
    trained = {n for n, p in tuned.named_parameters() if p.grad is not None}
    assert trained == {
        f'image_encoder.base_model.model.blocks.{i}.attn.qkv.lora_{part}'
        '.default.weight'
        for i in range(TOY.depth)
        for part in 'AB'
    }


def test_lora_adapters_act_on_window_padding_as_official_attention_does():
    # 8 tokens in windows of 3: one row and column are padding. With LoRA the
    # projection of a padding token must still be the bias alone.
    tuned = RSSamVisionEncoder(TOY, TOY_SIZE, lora=LORA).eval()
    for name, parameter in tuned.named_parameters():
        if 'lora_B' in name:
            torch.nn.init.normal_(parameter, std=0.1)
    x = images()
    out = tuned(x)[0]
    merged = tuned.image_encoder.merge_and_unload()
    official = official_sam().image_encoder
    official.load_state_dict(merged.state_dict())
    torch.testing.assert_close(out, official(x), atol=1e-5, rtol=1e-4)


def test_lora_without_peft_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'peft', None)
    with pytest.raises(InputError, match=r'pip install "mmrs\[lora\]"'):
        RSSamVisionEncoder(TOY, TOY_SIZE, lora=LORA)
