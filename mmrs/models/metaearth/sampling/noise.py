"""Noise of windows: four rules, each a pure function of the place.

The paper gives every window 'the same noise' so that neighbours agree where
they overlap. Read to the letter ('shared_block'), a place has other noise in
each window. Two rules make it true: 'shared_periodic', a block that repeats
itself with the stride of the windows (the likely meaning, inferred), and
'world', one endless field that windows are cut from (ours).

All values come from the counter-based generator Philox, whose key and counter
say what they are for: nothing is drawn in an order, no place depends on
another, and coordinates may be negative.
"""

import numpy as np

NOISE_RULES = ('world', 'shared_periodic', 'shared_block', 'independent')

_BLOCK = 64  # side of what is drawn at once of the endless field
_WORD = 2**64


class NoiseField:
    """Standard normal noise for the windows of a stage.

    Args:
        rule: One of :data:`NOISE_RULES`.
        seed: Any whole number, taken modulo 2**64.
        level: The stage; each has noise of its own.
        tile: Side of a window.
        stride: From a window to the next.
    """

    def __init__(
        self, rule: str, seed: int, level: int, tile: int, stride: int
    ) -> None:
        self.rule = rule
        self.seed = seed
        self.level = level
        self.tile = tile
        self.stride = stride

    def window(self, top: int, left: int, step: int = 0) -> np.ndarray:
        """Noise of a window.

        Args:
            top: First row, in output pixels of the world.
            left: First column.
            step: 0: the initial noise. Others: what a stochastic sampler
                adds at its step.

        Returns:
            (3, tile, tile), float32.
        """
        side = self.tile
        if self.rule == 'world':
            return self._world(top, left, step)
        if self.rule == 'shared_block':
            return self._draw(step, 0, 0, side)
        if self.rule == 'independent':
            return self._draw(step, top, left, side)
        block = self._draw(step, 0, 0, self.stride)
        rows = (np.arange(side) + top) % self.stride
        cols = (np.arange(side) + left) % self.stride
        return block[:, rows[:, None], cols]

    def _world(self, top: int, left: int, step: int) -> np.ndarray:
        rows = range(top // _BLOCK, (top + self.tile - 1) // _BLOCK + 1)
        cols = range(left // _BLOCK, (left + self.tile - 1) // _BLOCK + 1)
        strips = [
            np.concatenate(
                [self._draw(step, row, col, _BLOCK) for col in cols], axis=2
            )
            for row in rows
        ]
        field = np.concatenate(strips, axis=1)
        top, left = top % _BLOCK, left % _BLOCK
        return field[:, top : top + self.tile, left : left + self.tile]

    def _draw(self, step: int, row: int, col: int, side: int) -> np.ndarray:
        """Draw (3, side, side) for a place, which is part of the counter."""
        purpose = NOISE_RULES.index(self.rule)
        salt = (purpose << 60) + (self.level << 32) + step
        key = np.array([self.seed % _WORD, salt], np.uint64)
        counter = np.array([0, 0, row % _WORD, col % _WORD], np.uint64)
        philox = np.random.Philox(key=key, counter=counter)
        shape = (3, side, side)
        return np.random.Generator(philox).standard_normal(shape, np.float32)
