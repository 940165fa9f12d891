"""Patterns on surfaces, filtered to the size of a pixel on the surface so that they do not alias."""

import numpy as np
from jaxtyping import Float, Int

Points = Float[np.ndarray, "points 2"]
Values = Float[np.ndarray, " points"]

_SIZE = 256


class NoiseTexture:
    """A tile of noise with its mip pyramid: mean 0, standard deviation 1, less where the footprint is large.

    Args:
        seed: of the noise.
        slope: power law of the amplitude spectrum: 0 white, 1 clouds.
        tile: side of the tile [m].
    """

    def __init__(self, seed: int, slope: float, tile: float) -> None:
        rng = np.random.default_rng(seed)
        frequency = np.hypot(np.fft.fftfreq(_SIZE)[:, None], np.fft.rfftfreq(_SIZE)[None, :]) * _SIZE
        spectrum = np.fft.rfft2(rng.normal(size=(_SIZE, _SIZE))) / np.maximum(frequency, 2.0) ** slope
        spectrum[0, 0] = 0.0
        level = np.fft.irfft2(spectrum, s=(_SIZE, _SIZE))
        level = np.clip(level / level.std(), -2.5, 2.5).astype(np.float32)
        self._texels_per_metre = _SIZE / tile
        levels = [level]
        while levels[-1].shape[0] > 1:
            a = levels[-1]
            levels.append((a[0::2, 0::2] + a[1::2, 0::2] + a[0::2, 1::2] + a[1::2, 1::2]) / 4)
        self._starts = np.cumsum([0] + [a.size for a in levels[:-1]]).astype(np.int32)
        self._texels = np.concatenate([a.ravel() for a in levels])
        self._top = len(levels) - 1

    def sample(self, at: Points, footprint: Values) -> Values:
        """Noise at pattern coordinates [m], averaged over a footprint [m]."""
        level = np.clip(np.log2(np.maximum(footprint * self._texels_per_metre, 1e-6)), 0.0, self._top - 1e-3)
        low = level.astype(np.int32)
        blend = (level - low).astype(np.float32)
        fine = self._bilinear(at, low)
        return fine + blend * (self._bilinear(at, low + 1) - fine)

    def _bilinear(self, at: Points, level: Int[np.ndarray, " points"]) -> Values:
        size = _SIZE >> level
        scale = (self._texels_per_metre / (1 << level)).astype(np.float32)
        x, y = at[:, 0] * scale - 0.5, at[:, 1] * scale - 0.5
        x0, y0 = np.floor(x), np.floor(y)
        fx, fy = (x - x0).astype(np.float32), (y - y0).astype(np.float32)
        mask = size - 1
        i0, j0 = x0.astype(np.int32) & mask, y0.astype(np.int32) & mask
        i1, j1 = (i0 + 1) & mask, (j0 + 1) & mask
        start = self._starts[level]
        low, high = start + i0 * size, start + i1 * size
        texels = self._texels
        a = texels[low + j0] + fy * (texels[low + j1] - texels[low + j0])
        b = texels[high + j0] + fy * (texels[high + j1] - texels[high + j0])
        return a + fx * (b - a)


def stripe(x: Values, low: Values | float, high: Values | float, footprint: Values) -> Values:
    """Share of the footprint that lies in stripes from ``low`` to ``high`` of every unit period.

    Args:
        x: position in periods.
        low, high: 0..1.
        footprint: width of the filter in periods.
    """
    w = np.maximum(footprint, 1e-4)

    def integral(t: Values) -> Values:
        whole = np.floor(t)
        return whole * (high - low) + np.clip(t - whole, low, high) - low

    return (integral(x + w / 2) - integral(x - w / 2)) / w


def cell_noise(i: np.ndarray, j: np.ndarray, seed: np.ndarray | int) -> Values:
    """A number 0..1 for each integer cell, by mixing its bits (multiply and shift hash)."""
    h = i.astype(np.int64).astype(np.uint32) * np.uint32(0x9E3779B1)
    h = h ^ (j.astype(np.int64).astype(np.uint32) * np.uint32(0x85EBCA77))
    h = h ^ (np.asarray(seed).astype(np.uint32) * np.uint32(0xC2B2AE3D))
    h = (h ^ (h >> np.uint32(15))) * np.uint32(0x2C1B3C6D)
    h = (h ^ (h >> np.uint32(12))) * np.uint32(0x297A2D39)
    return ((h ^ (h >> np.uint32(15))) >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24)


def fade(period: float, footprint: Values) -> Values:
    """1 where a pattern of this period [m] can be resolved, 0 where its period is below two footprints."""
    return np.clip(period / np.maximum(footprint, 1e-6) - 2.0, 0.0, 1.0) if period > 0 else np.zeros_like(footprint)
