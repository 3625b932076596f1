"""The plain way to write captions, which the fast search is compared with.

One image at a time; in every step the decoder reads the whole buffer of words
again. The releases of RSCaMa and MCI do it so. The benchmark of captions and
the tests use it.
"""

import torch
from torch import Tensor

from mmrs.structures.vocabulary import END, NULL, START


@torch.no_grad()
def search_by_redecoding(
    decoder, tokens: Tensor, beams: int, max_length: int
) -> tuple[list[int], float]:
    """Write the caption of one image.

    Args:
        decoder: A caption decoder, in evaluation mode.
        tokens: Visual tokens (1, N, D).
        beams: Sentences that are tried at once.
        max_length: The most words, with ``<END>``.

    Returns:
        The words without ``<START>`` and ``<END>``, and the sum of their log
        probabilities.
    """
    count = beams
    buffer = torch.full((beams, max_length + 1), NULL, device=tokens.device)
    buffer[:, 0] = START
    scores = tokens.new_zeros(beams, 1)
    finished = []
    for position in range(max_length):
        seen = tokens.expand(len(buffer), -1, -1)
        logits = decoder(buffer[:, :max_length], seen)[:, position]
        totals = logits.float().log_softmax(1) + scores
        pool = totals[0] if position == 0 else totals.flatten()
        best, places = pool.topk(count)
        parents = torch.div(places, logits.shape[1], rounding_mode='floor')
        words = places % logits.shape[1]
        buffer = buffer[parents].clone()
        buffer[:, position + 1] = words
        for row in (words == END).nonzero().flatten().tolist():
            sentence = buffer[row, 1 : position + 1].tolist()
            finished.append((best[row].item(), sentence))
        going = words != END
        count = int(going.sum())
        if not count:
            break
        buffer, scores = buffer[going], best[going].unsqueeze(1)
    if not finished:
        top = scores.argmax()
        finished = [(scores[top].item(), buffer[top, 1:].tolist())]
    score, sentence = max(finished, key=lambda pair: pair[0])
    return sentence, score
