import math

import pytest
import torch
from caption_toys import visual_tokens

from mmrs.errors import InputError
from mmrs.models.change import CaptionHead
from mmrs.structures import ChangeDataSample
from mmrs.structures.vocabulary import END, START

DECODER = dict(type='TransformerCaptionDecoder', embed_dims=16, heads=4)


def make_head(seed=0, **kwargs):
    torch.manual_seed(seed)
    settings = dict(decoder=DECODER, num_words=11, max_length=9)
    return CaptionHead(**(settings | kwargs)).eval()


def sample(*words):
    result = ChangeDataSample(metainfo=dict(sample_id='pair_7'))
    if words:
        result.gt_ids = torch.tensor(words)
    return result


SENTENCES = ([START, 5, 6, 7, 8, END], [START, END], [START, 9, 1, END])


def losses_by_hand(head, tokens, smoothing=0.0):
    """Sums over the words of all sentences, which are read one by one."""
    total, right, count = 0.0, 0, 0
    for sentence, of_image in zip(SENTENCES, tokens):
        ids = torch.tensor([sentence[:-1]])
        for scores, target in zip(
            head.decoder(ids, of_image[None])[0].tolist(), sentence[1:]
        ):
            norm = math.log(sum(map(math.exp, scores)))
            wrong = sum(norm - score for score in scores) / len(scores)
            total += (1 - smoothing) * (norm - scores[target])
            total += smoothing * wrong
            right += scores.index(max(scores)) == target
            count += 1
    assert count == 5 + 1 + 3
    return total / count, right / count


@pytest.mark.parametrize('smoothing', [0.0, 0.2])
@torch.no_grad()
def test_loss_is_the_mean_over_all_words_but_null(smoothing):
    head = make_head(label_smoothing=smoothing)
    head.decoder.wdc.weight *= 20  # some words are right, others are not
    tokens = visual_tokens(3)
    samples = [sample(*words) for words in SENTENCES]
    head.decoder.wdc.bias[5] += 2
    losses = head.loss(tokens, samples)
    loss, accuracy = losses_by_hand(head, tokens, smoothing)
    assert losses['loss_caption'].item() == pytest.approx(loss, rel=1e-5)
    assert losses['acc_word'].item() == pytest.approx(accuracy)


def test_loss_trains_decoder_and_tokens():
    head = make_head().train()
    tokens = visual_tokens(2).requires_grad_()
    losses = head.loss(tokens, [sample(2, 4, 3), sample(2, 4, 5, 3)])
    losses['loss_caption'].backward()
    assert tokens.grad.any()
    assert all(p.grad.isfinite().all() for p in head.parameters())


@pytest.mark.trains
def test_a_sentence_is_learnt_and_written(training_seed, clears):
    head = make_head(training_seed).train()
    tokens = visual_tokens(2)
    samples = [sample(START, 4, 5, 6, END), sample(START, 9, END)]
    optimizer = torch.optim.Adam(head.parameters(), 0.01)
    for _ in range(40):
        optimizer.zero_grad()
        head.loss(tokens, samples)['loss_caption'].backward()
        optimizer.step()
    head.eval()
    for beams in (1, 3):
        head.beams = beams
        captions = head.predict(tokens)
        assert [caption.ids for caption in captions] == [[4, 5, 6], [9]]
        assert all(caption.is_finished for caption in captions)
        scores = [caption.score for caption in captions]
        assert max(scores) < 0
        clears(f'log-probability, {beams} beams', min(scores), above=-1)


def test_decoder_has_the_sizes_of_the_head():
    head = make_head(num_words=30, max_length=5)
    assert head.decoder.num_words == 30
    assert head.decoder.max_length == 5
    assert head.decoder.wdc.out_features == 30
    head.decoder.wdc.bias.data[END] = -torch.inf
    (caption,) = head.predict(visual_tokens(1))
    assert len(caption.ids) == 5
    longest = [START, 4, 4, 4, END]
    assert head.loss(visual_tokens(1), [sample(*longest)])


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        ((), 'pair_7 has no sentence to learn; add EncodeCaption'),
        ((2, 4, 4, 4, 4, 3), r'pair_7 has 6 words, .*max_length=5'),
        ((2, 11, 3), r'pair_7 has the word number 11, .*num_words=11'),
    ],
)
def test_sentences_that_cannot_be_learnt_are_refused(words, message):
    head = make_head(max_length=5)
    with pytest.raises(InputError, match=message):
        head.loss(visual_tokens(2), [sample(2, 4, 3), sample(*words)])


def test_samples_need_no_name():
    with pytest.raises(InputError, match='a pair has no sentence'):
        make_head().loss(visual_tokens(1), [ChangeDataSample()])


@pytest.mark.parametrize('beams', [0, 12])
def test_there_are_no_more_beams_than_words(beams):
    with pytest.raises(InputError, match=rf'beams={beams}; take 1 to .*=11'):
        make_head(beams=beams)
