import json

import pytest
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger

from mmrs.errors import InputError
from mmrs.evaluation import ChangeCaptionMetric, score_captions
from mmrs.evaluation.functional.caption_scores import (
    has_java,
    tokenize_as_coco,
)
from mmrs.evaluation.functional.meteor import meteor
from mmrs.evaluation.metrics import change_caption_metric as module
from mmrs.structures import (
    NO_CHANGE_SENTENCES,
    ChangeDataSample,
    Vocabulary,
)

# Three pairs, with the scores that pycocoevalcap 1.2 and METEOR 1.5 give.
REFERENCES = [
    [
        'a road is built in the forest',
        'a new road appears across the woods',
    ],
    ['the scene is the same as before', 'there is no difference'],
    [
        'two houses appear near the road',
        'some houses are built along the road',
    ],
]
HYPOTHESES = [
    'a road is built across the forest',
    'the scene is the same as before',
    'many houses are built along the road',
]
VOCABULARY = Vocabulary.build(
    [*HYPOTHESES, *(s for refs in REFERENCES for s in refs)], min_count=1
)
META = dict(
    vocabulary=VOCABULARY.words, no_change_sentences=NO_CHANGE_SENTENCES
)
WORDS = dict(
    zip(
        'BLEU-1 BLEU-2 BLEU-3 BLEU-4 ROUGE-L CIDEr-D'.split(),
        [95.2381, 92.0087, 85.3074, 80.2079, 90.4762, 430.4069],
    )
)


def as_numbers(sentence):
    return ' '.join(map(str, VOCABULARY.encode(sentence)[1:-1]))


def samples_of(hypotheses=HYPOTHESES, references=REFERENCES):
    return [
        ChangeDataSample(
            metainfo=dict(
                sample_id=f'pair_{i}',
                captions=captions,
                has_change=captions[:1] != REFERENCES[1][:1],
            ),
            pred_ids=VOCABULARY.encode(sentence)[1:-1],
        )
        for i, (sentence, captions) in enumerate(zip(hypotheses, references))
    ]


def evaluate(samples, meta=META, **settings):
    evaluator = Evaluator(ChangeCaptionMetric(**settings))
    evaluator.dataset_meta = meta
    evaluator.process(samples)
    return evaluator.evaluate(len(samples))


def test_ids_of_the_toy_pairs():
    figures = evaluate(samples_of())
    for name, value in WORDS.items():
        assert figures[f'caption/{name}'] == pytest.approx(value, abs=5e-5)
    assert figures['caption/METEOR'] == pytest.approx(52.9479, abs=5e-5)
    parts = [80.2079, 52.9479, 90.4762, 430.4069]
    assert figures['caption/S_m'] == pytest.approx(sum(parts) / 4, abs=1e-4)
    assert figures['caption/change_acc'] == 100
    assert figures['caption/nochange_acc'] == 100


def test_scores_of_each_toy_pair():
    numbers = [as_numbers(s) for s in HYPOTHESES]
    references = [[as_numbers(s) for s in refs] for refs in REFERENCES]
    _, scores = meteor(numbers, references)
    assert scores == pytest.approx([0.444304, 1, 0.497746], abs=5e-7)


@pytest.mark.skipif(not has_java(), reason='needs Java')
def test_words_take_the_meteor_of_java():
    scores = score_captions(HYPOTHESES, REFERENCES, 'words')
    assert scores['METEOR'] == pytest.approx(54.8638, abs=5e-5)
    assert scores['CIDEr-D'] == pytest.approx(430.4069, abs=5e-5)


@pytest.mark.skipif(not has_java(), reason='needs Java')
def test_coco_splits_like_coco():
    sentences = ['A road; is built, in the forest.', 'No change?']
    assert tokenize_as_coco(sentences) == [
        'a road is built in the forest',
        'no change',
    ]


def test_without_java_only_exact_scores_are_told(monkeypatch):
    monkeypatch.setattr(module, 'has_java', lambda: False)
    monkeypatch.setattr(
        'mmrs.evaluation.functional.caption_scores.has_java', lambda: False
    )
    figures = evaluate(samples_of(), protocol='words')
    assert 'caption/METEOR' not in figures and 'caption/S_m' not in figures
    assert figures['caption/BLEU-4'] == pytest.approx(80.2079, abs=5e-5)
    with pytest.raises(InputError, match='protocol=.coco. runs .* in Java'):
        ChangeCaptionMetric('coco')


def test_absence_of_java_is_told_once(monkeypatch, tmp_path):
    monkeypatch.setattr(module, 'has_java', lambda: False)
    monkeypatch.setattr(
        'mmrs.evaluation.functional.caption_scores.has_java', lambda: False
    )
    log = tmp_path / 'run.log'
    MMLogger.get_instance(str(tmp_path), log_file=str(log))
    evaluator = Evaluator(ChangeCaptionMetric('words'))
    evaluator.dataset_meta = META
    for _ in range(2):
        evaluator.process(samples_of())
        evaluator.evaluate(3)
    assert log.read_text().count('WARNING') == 1
    assert "METEOR and S_m of protocol='words' are left out" in log.read_text()


def test_scorers_that_are_not_installed(monkeypatch):
    monkeypatch.setattr(
        'mmrs.evaluation.functional.caption_scores.find_spec',
        lambda name: None,
    )
    with pytest.raises(InputError, match=r'pip install "mmrs\[change\]"'):
        ChangeCaptionMetric()


def test_the_report_names_protocol_and_vocabulary(tmp_path):
    log = tmp_path / 'run.log'
    MMLogger.get_instance(str(tmp_path), log_file=str(log))
    evaluate(samples_of())
    text = log.read_text()
    assert f'3 pairs, protocol ids, {len(VOCABULARY)} words' in text
    rows = [
        [cell.strip() for cell in line.split('|')[1:-1]]
        for line in text.splitlines()
        if line.startswith('|') and '--' not in line
    ]
    assert [row[0] for row in rows] == [
        '',
        'all pairs',
        'changed pairs',
        'constant: the scene is the same as before',
        'true_flag: a road is built in the forest',
        'best_constant: some houses are built along the road',
    ]
    assert rows[0][1:5] == ['BLEU-1', 'BLEU-2', 'BLEU-3', 'BLEU-4']
    assert rows[1][1:5] == ['95.24', '92.01', '85.31', '80.21']


def test_unknown_protocol():
    with pytest.raises(InputError, match='none of ids, words, coco'):
        ChangeCaptionMetric('spice')


def test_changed_pairs_are_scored_alone():
    figures = evaluate(samples_of())
    numbers = [as_numbers(HYPOTHESES[i]) for i in (0, 2)]
    references = [[as_numbers(s) for s in REFERENCES[i]] for i in (0, 2)]
    alone = score_captions(numbers, references)
    for name, value in alone.items():
        assert figures[f'caption/change_{name}'] == pytest.approx(value)


def test_accuracies_count_who_says_that_something_changed():
    hypotheses = ['there is no difference', HYPOTHESES[0], HYPOTHESES[2]]
    figures = evaluate(samples_of(hypotheses))
    assert figures['caption/change_acc'] == 50
    assert figures['caption/nochange_acc'] == 0


def test_systems_that_do_not_look():
    figures = evaluate(samples_of())

    def cider(sentences):
        references = [[as_numbers(s) for s in refs] for refs in REFERENCES]
        numbers = [as_numbers(s) for s in sentences]
        return score_captions(numbers, references)['CIDEr-D']

    same = 'the scene is the same as before'
    assert figures['caption/constant_CIDEr-D'] == cider([same] * 3)
    # No reference has the sentence of LEVIR-CC: the most frequent one does.
    flagged = [REFERENCES[0][0], same, REFERENCES[0][0]]
    assert figures['caption/true_flag_CIDEr-D'] == cider(flagged)
    assert 'caption/true_flag_S_m' in figures
    every = [s for refs in REFERENCES for s in refs]
    best = max(cider([s] * 3) for s in every)
    assert figures['caption/best_constant_CIDEr-D'] == best


def test_trivial_systems_are_scored_once(monkeypatch):
    metric = ChangeCaptionMetric()
    calls = []
    scored = metric._score_trivial_systems
    monkeypatch.setattr(
        metric,
        '_score_trivial_systems',
        lambda pairs: calls.append(1) or scored(pairs),
    )
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = META
    for _ in range(2):
        evaluator.process(samples_of())
        evaluator.evaluate(3)
    assert len(calls) == 1


def test_unknown_words_count_as_equal_for_ids():
    vocabulary = Vocabulary.build(HYPOTHESES, min_count=1)
    samples = samples_of(references=[['a zigzag road'], *REFERENCES[1:]])
    samples[0].pred_ids = vocabulary.encode('a curved road')[1:-1]
    for sample, sentence in zip(samples[1:], HYPOTHESES[1:]):
        sample.pred_ids = vocabulary.encode(sentence)[1:-1]
    meta = META | dict(vocabulary=vocabulary.words)
    figures = evaluate(samples, meta)
    # 16 of 17 words: all but the fourth of the first sentence is unknown to
    # both, or equal.
    assert figures['caption/BLEU-1'] == pytest.approx(100 * 16 / 17)


def test_sentences_are_written(tmp_path):
    path = tmp_path / 'out' / 'captions.json'
    evaluate(samples_of(), out_file=str(path))
    assert json.loads(path.read_text())['pair_1'] == HYPOTHESES[1]


def test_what_is_missing_is_named():
    with pytest.raises(InputError, match='metainfo has no vocabulary'):
        evaluate(samples_of(), meta={})
    with pytest.raises(InputError, match='pair_0 has no reference'):
        evaluate(samples_of(references=[[], *REFERENCES[1:]])[:1])
