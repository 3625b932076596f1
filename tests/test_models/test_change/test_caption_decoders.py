import math

import pytest
import torch
import torch.nn.functional as F
from caption_toys import KINDS, build, lively, visual_tokens

from mmrs.errors import InputError
from mmrs.models.change.decoders.base import sinusoidal_positions
from mmrs.models.change.decoders.caches import (
    WordCache,
    attend_images_and_words,
    attend_words,
    rows_of_images,
)
from mmrs.structures.vocabulary import END, NULL, START

# Mamba's steps are in float32 whatever the weights are.
ALMOST = dict(rtol=1e-4, atol=1e-5)
each_kind = pytest.mark.parametrize('kind', KINDS)


def sentences(count, length=9, seed=1):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(4, 11, (count, length), generator=generator)
    ids[:, 0] = START
    return ids


@each_kind
@pytest.mark.parametrize('num_layers', [1, 2, 3])
@torch.no_grad()
def test_stepping_gives_the_scores_of_whole_sentences(kind, num_layers):
    decoder = lively(kind, num_layers=num_layers).double()
    tokens, ids = visual_tokens(4).double(), sentences(4)
    ids[1, 3] = ids[2, 2] = ids[2, 3] = ids[3, 8] = NULL
    scores = decoder(ids, tokens)
    assert scores.shape == (4, 9, 11)
    state = decoder.start(tokens)
    for position in range(9):
        now, state = decoder.step(ids[:, position], state)
        torch.testing.assert_close(now, scores[:, position], **ALMOST)


@each_kind
@pytest.mark.parametrize('seed', range(3))
@torch.no_grad()
def test_rows_are_reordered_dropped_and_multiplied(kind, seed):
    decoder = lively(kind, seed, num_layers=2).double()
    tokens = visual_tokens(4).double()
    images, rows = [0, 1, 2, 3], [[START]] * 4
    state = decoder.start(tokens)
    # (images that go on, rows of each)
    schedule = [(4, 3), (3, 3), (3, 2), (2, 4), (2, 1), (1, 2), (1, 2)]
    for kept, width in schedule:
        ids = torch.tensor([row[-1] for row in rows])
        now, state = decoder.step(ids, state)
        of_rows = tokens[images].repeat_interleave(
            len(rows) // len(images), dim=0
        )
        expected = decoder(torch.tensor(rows), of_rows)[:, -1]
        torch.testing.assert_close(now, expected, **ALMOST)

        beams = len(rows) // len(images)
        lines = torch.randperm(len(images))[:kept].sort().values
        index = torch.randint(beams, (kept, width)) + lines[:, None] * beams
        state = decoder.reorder(state, index)
        words = torch.randint(4, 11, (kept * width,)).tolist()
        if len(rows[0]) == 3:
            words[0] = NULL
        rows = [
            [*rows[i], word]
            for i, word in zip(index.flatten().tolist(), words)
        ]
        images = [images[i] for i in lines.tolist()]


@each_kind
@torch.no_grad()
def test_later_words_change_no_earlier_score(kind):
    decoder = lively(kind, num_layers=2)
    tokens, ids = visual_tokens(1), sentences(1)
    before = decoder(ids, tokens)
    for position in range(1, 9):
        for word in (NULL, END, 4 + (ids[0, position] - 3) % 7):
            other = ids.clone()
            other[0, position] = word
            after = decoder(other, tokens)
            same = after[:, :position], before[:, :position]
            torch.testing.assert_close(*same, rtol=1e-5, atol=1e-6)
            assert not torch.allclose(after[:, position], before[:, position])


@each_kind
@torch.no_grad()
def test_padding_changes_no_score_before_it(kind):
    decoder = lively(kind, num_layers=2)
    tokens, ids = visual_tokens(2), sentences(2, 5)
    padded = F.pad(ids, (0, 4), value=NULL)
    torch.testing.assert_close(
        decoder(padded, tokens)[:, :5], decoder(ids, tokens)
    )


@each_kind
@torch.no_grad()
def test_every_visual_token_counts_and_rows_are_independent(kind):
    decoder = lively(kind)
    tokens, ids = visual_tokens(3), sentences(3)
    scores = decoder(ids, tokens)
    for place in range(6):
        other = tokens.clone()
        other[1, place] = torch.randn(16)
        moved = (decoder(ids, other) - scores).abs().amax((1, 2))
        assert moved[1] > 1e-4
        assert moved[0] < 1e-5 > moved[2]


def plain_attention(own, x, source, visible):
    """One head and one word after another; x is (T, D)."""
    dims = x.shape[1]
    weight, bias = own.in_proj_weight, own.in_proj_bias
    q, k, v = (
        part @ weight[i * dims : (i + 1) * dims].T
        + bias[i * dims : (i + 1) * dims]
        for i, part in enumerate((x, source, source))
    )
    size = dims // own.heads
    out = torch.zeros_like(q)
    for h in range(own.heads):
        cut = slice(h * size, (h + 1) * size)
        for t in range(len(x)):
            seen = [s for s in range(len(source)) if visible(t, s)]
            weights = (k[seen, cut] @ q[t, cut] / math.sqrt(size)).softmax(0)
            out[t, cut] = weights @ v[seen, cut]
    return out @ own.out_proj.weight.T + own.out_proj.bias


def plain_transformer(decoder, ids, tokens):
    """The scores (T, V) of one sentence."""
    hidden_words = (NULL, END)
    x = decoder.vocab_embedding.weight[ids]
    x = x + sinusoidal_positions(len(ids), x.shape[1])
    for layer in decoder.layers:
        s = layer.norm1(
            x
            + plain_attention(
                layer.self_attn,
                x,
                x,
                lambda t, s: s <= t and ids[s] not in hidden_words,
            )
        )
        c = layer.norm2(
            s
            + plain_attention(
                layer.multihead_attn, s, tokens, lambda t, s: True
            )
        )
        x = x + layer.norm3(c + layer.linear2(layer.linear1(c).relu()))
    return decoder.wdc(x)


@torch.no_grad()
def test_transformer_equals_its_definition():
    decoder = lively('transformer', num_layers=2, hidden=24)
    tokens, ids = visual_tokens(3), sentences(3)
    ids[1, 6:] = torch.tensor([END, NULL, NULL])
    ids[2, 4] = NULL
    for row, scores in enumerate(decoder(ids, tokens)):
        expected = plain_transformer(decoder, ids[row], tokens[row])
        torch.testing.assert_close(scores, expected, **ALMOST)
    assert len(decoder.layers[0].linear1.weight) == 24
    assert len(build('transformer').layers[0].linear1.weight) == 4 * 16


def through_peers(decoder, peers, ids, tokens):
    """Run stacked language models of transformers on tokens and words."""
    words = decoder.vocab_embedding(ids)
    words = words + sinusoidal_positions(ids.shape[1], words.shape[2])
    x = torch.cat([tokens, words], dim=1)
    for peer in peers:
        x = peer(inputs_embeds=x).last_hidden_state
    return decoder.wdc(x[:, tokens.shape[1] :])


@torch.no_grad()
def test_gpt_equals_that_of_transformers():
    transformers = pytest.importorskip('transformers')
    decoder = lively('gpt', num_layers=2)
    config = transformers.GPT2Config(
        vocab_size=5, n_positions=64, n_embd=16, n_layer=1, n_head=4
    )
    peers = []
    for model in decoder.models:
        peer = transformers.GPT2Model(config).eval()
        block = peer.h[0]
        pairs = [
            (peer.wpe, model.wpe),
            (peer.ln_f, model.ln_f),
            (block.ln_1, model.ln_1),
            (block.ln_2, model.ln_2),
            (block.attn.c_attn, model.c_attn),
            (block.attn.c_proj, model.c_proj),
            (block.mlp.c_fc, model.mlp[0]),
            (block.mlp.c_proj, model.mlp[2]),
        ]
        for theirs, ours in pairs:
            for name, value in ours.state_dict().items():
                is_matrix = isinstance(ours, torch.nn.Linear)
                value = value.T if is_matrix and value.ndim == 2 else value
                getattr(theirs, name).copy_(value)
        peers.append(peer)
    tokens, ids = visual_tokens(2), sentences(2)
    torch.testing.assert_close(
        decoder(ids, tokens),
        through_peers(decoder, peers, ids, tokens),
        **ALMOST,
    )


@torch.no_grad()
def test_mamba_equals_that_of_transformers():
    transformers = pytest.importorskip('transformers')
    decoder = lively('mamba', num_layers=2)
    config = transformers.MambaConfig(
        vocab_size=5, hidden_size=16, state_size=4, num_hidden_layers=1
    )
    peers = []
    for model in decoder.models:
        peer = transformers.MambaModel(config).eval()
        peer.layers[0].norm.load_state_dict(model.norm.state_dict())
        peer.layers[0].mixer.load_state_dict(model.mixer.state_dict())
        peer.norm_f.load_state_dict(model.norm_f.state_dict())
        peers.append(peer)
    tokens, ids = visual_tokens(2), sentences(2)
    torch.testing.assert_close(
        decoder(ids, tokens),
        through_peers(decoder, peers, ids, tokens),
        **ALMOST,
    )


@each_kind
def test_gradients_reach_all_weights_and_the_tokens(kind):
    decoder = lively(kind, num_layers=2).train()
    tokens = visual_tokens(4).requires_grad_()
    scores = decoder(sentences(4), tokens)
    F.cross_entropy(scores.flatten(0, 1), torch.randint(11, (36,))).backward()
    for name, parameter in decoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
    assert tokens.grad.any()


@each_kind
def test_dropout_acts_in_training_alone(kind):
    decoder, tokens, ids = lively(kind), visual_tokens(2), sentences(2)
    assert torch.equal(decoder(ids, tokens), decoder(ids, tokens))
    decoder.train()
    assert not torch.equal(decoder(ids, tokens), decoder(ids, tokens))
    still = build(kind, dropout=0.0).train()
    assert torch.equal(still(ids, tokens), still(ids, tokens))


@each_kind
def test_words_and_scores_start_as_in_the_release(kind):
    torch.manual_seed(0)
    decoder = build(kind, num_words=200)
    for weight in (decoder.vocab_embedding.weight, decoder.wdc.weight):
        assert 0.099 < weight.abs().max() <= 0.1
        assert weight.std().item() == pytest.approx(0.1 / 3**0.5, rel=0.05)
    assert not decoder.wdc.bias.any()
    assert not any('position' in name for name in decoder.state_dict())


def test_gpt_starts_as_gpt2():
    torch.manual_seed(0)
    (model,) = build('gpt', embed_dims=64).models
    for part in (model.wpe, model.c_attn, model.mlp[0]):
        assert part.weight.std().item() == pytest.approx(0.02, rel=0.05)
    for part in (model.c_proj, model.mlp[2]):
        expected = 0.02 / math.sqrt(2)
        assert part.weight.std().item() == pytest.approx(expected, rel=0.05)
    for part in (model.c_attn, model.c_proj, model.mlp[0], model.mlp[2]):
        assert not part.bias.any()


def test_mamba_starts_with_small_steps():
    torch.manual_seed(0)
    (model,) = build('mamba', embed_dims=128).models
    steps = F.softplus(model.mixer.dt_proj.bias)
    assert 1e-3 * 0.999 <= steps.min() < 2e-3
    assert 5e-2 < steps.max() <= 0.1 * 1.001
    assert model.mixer.conv1d.kernel_size == (4,)
    rates = model.mixer.A_log.exp()
    torch.testing.assert_close(
        rates, torch.tensor([1.0, 2, 3, 4]).expand(256, 4)
    )


def test_positions_are_sines_and_cosines():
    table = sinusoidal_positions(5, 6)
    assert table.shape == (5, 6)
    for position in range(5):
        for pair in range(3):
            angle = position / 10000 ** (2 * pair / 6)
            expected = [math.sin(angle), math.cos(angle)]
            ours = table[position, 2 * pair : 2 * pair + 2].tolist()
            assert ours == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ('kind', 'sizes', 'message'),
    [
        ('mamba', dict(embed_dims=15), 'must be even, got 15'),
        ('mamba', dict(num_layers=0), 'num_layers must be .* at least 1'),
        ('mamba', dict(max_length=0), 'max_length must be .* at least 1'),
        ('gpt', dict(num_positions=0), 'num_positions must be'),
        ('transformer', dict(dropout=-0.1), 'dropout must be .* from 0 to 1'),
        ('transformer', dict(heads=5), 'heads=5 must .* divides the 16'),
        ('gpt', dict(heads=3), 'heads=3 must .* divides the 16'),
    ],
)
def test_sizes_that_do_not_fit_are_refused(kind, sizes, message):
    with pytest.raises(InputError, match=message):
        build(kind, **sizes)


def plain_attend(query, keys, values, heads):
    """From one word (D,) to others (T, D)."""
    size = len(query) // heads
    out = []
    for h in range(heads):
        cut = slice(h * size, (h + 1) * size)
        weights = (keys[:, cut] @ query[cut] / math.sqrt(size)).softmax(0)
        out.append(weights @ values[:, cut])
    return torch.cat(out)


def test_attention_to_words():
    torch.manual_seed(0)
    query, keys, values = torch.randn(5, 8), *torch.randn(2, 4, 5, 8)
    ours = attend_words(query, keys, values, 2)
    visible = torch.rand(4, 5) < 0.6
    visible[0] = True
    masked = attend_words(query, keys, values, 2, visible)
    for row in range(5):
        seen = visible[:, row]
        expected = plain_attend(query[row], keys[:, row], values[:, row], 2)
        torch.testing.assert_close(ours[row], expected)
        expected = plain_attend(
            query[row], keys[seen, row], values[seen, row], 2
        )
        torch.testing.assert_close(masked[row], expected)


@pytest.mark.parametrize('beams', [1, 3])
def test_attention_to_images_and_words(beams):
    torch.manual_seed(0)
    rows = 2 * beams
    images = tuple(torch.randn(2, 2, 2, 5, 4))  # (B, heads, N, d)
    words = tuple(torch.randn(2, 3, rows, 8))
    query = torch.randn(rows, 8)
    ours = attend_images_and_words(query, images, words)
    for row in range(rows):
        keys, values = (
            torch.cat([image[row // beams].transpose(0, 1).flatten(1), word])
            for image, word in zip(images, (w[:, row] for w in words))
        )
        expected = plain_attend(query[row], keys, values, 2)
        torch.testing.assert_close(ours[row], expected)


def test_words_are_remembered_row_by_row():
    torch.manual_seed(0)
    cache = WordCache(2, 6, 3, torch.zeros(3, 4))
    memory = [[[], []] for _ in range(2)]  # by layer: keys, values by word
    orders = [[0, 1, 2], [2, 0, 0, 1, 2], [4, 3], [1, 1, 0], [0, 1, 2], [2]]
    for length, order in enumerate(orders, 1):
        rows = 3 if length == 1 else len(orders[length - 2])
        for layer in range(2):
            new = torch.randn(2, rows, 4)
            stored = cache.append(layer, *new)
            for ours, words, word in zip(stored, memory[layer], new):
                words.append(word)
                assert torch.equal(ours, torch.stack(words))
        cache.advance()
        assert cache.length == length
        cache.reorder(torch.tensor(order))
        memory = [
            [[word[order] for word in words] for words in layer]
            for layer in memory
        ]


def test_lines_of_rows_tell_their_images():
    index = torch.tensor([[1, 0, 1], [8, 6, 6]])
    assert rows_of_images(index, 3).tolist() == [0, 2]
