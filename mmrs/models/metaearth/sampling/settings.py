"""How images are sampled: what all ways of generating have in common."""

from dataclasses import dataclass

from mmrs.errors import InputError

from .merge import MERGE_RULES
from .noise import NOISE_RULES
from .windows import SCALE


@dataclass(frozen=True)
class SamplingSettings:
    """Settings of sampling, checked when they are made.

    Attributes:
        tile: Side P of a window in output pixels, as in training.
        num_inference_steps: Steps of the solver. The paper takes 50 of DDIM.
        eta: 0: deterministic DDIM (the paper). 1: as DDPM. Needs a rule whose
            noise belongs to a place at every step: 'world' or 'independent'.
        seed: Of all noise.
        overlap: Share of a window's side that its neighbour covers too. The
            paper takes 1/2, which costs four network pixels an output pixel;
            1/4 costs 1.78 (ours).
        merge: One of :data:`~.merge.MERGE_RULES`. The paper's is 'crop',
            which leaves faint seams where neighbours differ; 'feather' is
            ours.
        noise: One of :data:`~.noise.NOISE_RULES`. 'world' is ours;
            'shared_periodic' is the likely meaning of the paper.
        tile_batch: Windows handed to the networks at once. It changes no
            pixel on a CPU.
        origin: (row, column) of the image's first pixel in the world that
            the noise is anchored in, in pixels of the condition.
        consistency: How much of the difference between the condition and the
            estimated image, as coarse as the condition, is mended at each
            step (back-projection); 0 to 1 (ours).

    Raises:
        InputError: A setting is out of its range, or two do not fit.
    """

    tile: int = 256
    num_inference_steps: int = 50
    eta: float = 0.0
    seed: int = 0
    overlap: float = 0.5
    merge: str = 'feather'
    noise: str = 'world'
    tile_batch: int = 8
    origin: tuple[int, int] = (0, 0)
    consistency: float = 0.0

    def __post_init__(self) -> None:
        _check_choice('merge', self.merge, MERGE_RULES)
        _check_choice('noise', self.noise, NOISE_RULES)
        _check_range('eta', self.eta)
        _check_range('consistency', self.consistency)
        for name in ('num_inference_steps', 'tile_batch'):
            if getattr(self, name) < 1:
                raise InputError(f'{name} is {getattr(self, name)}; take >= 1')
        if self.tile < SCALE or self.tile % SCALE:
            raise InputError(
                f'tile is {self.tile}; take a multiple of {SCALE}, best the '
                'side that the model was trained with'
            )
        self._check_overlap()
        if self.eta > 0 and self.noise.startswith('shared'):
            raise InputError(
                f"eta is {self.eta:g}, but noise='{self.noise}' is one block "
                "for all places: take noise='world' or 'independent', or "
                'eta=0'
            )

    @property
    def stride(self) -> int:
        """From a window to the next, in output pixels."""
        return round(self.tile * (1 - self.overlap))

    def _check_overlap(self) -> None:
        stride = self.tile * (1 - self.overlap)
        margin = (self.tile - stride) / 2
        if stride <= 0 or stride % SCALE or margin < 0 or margin % SCALE:
            step = 2 * SCALE / self.tile
            raise InputError(
                f'overlap is {self.overlap:g}; take a multiple of {step:g} '
                f'from 0 to below 1 for windows of {self.tile} px, such as '
                '0.5 or 0.25'
            )


def _check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(f'{name} is {value!r}; take {", ".join(known)}')


def _check_range(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise InputError(f'{name} is {value:g}; take a value from 0 to 1')
