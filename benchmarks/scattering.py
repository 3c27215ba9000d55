"""Second-order wavelet scattering (Bruna and Mallat 2013) with numpy: measured as an encoder, and not chosen."""

from __future__ import annotations

import functools

import numpy as np
import scipy.fft
from numpy.typing import NDArray

PADDING = 8
ORIENTATIONS = 8


def scattering(gray: NDArray[np.floating], scales: int, order: int) -> NDArray[np.float32]:
    """Coefficients of gray pictures (number, side, side): (number, paths, side / 2^scales, side / 2^scales).

    Morlet wavelets of 8 orientations and `scales` octaves, moduli, a Gaussian of width 2^scales; order 1 or 2.
    Pictures are reflected at their edges.
    """
    padded = np.pad(gray.astype(np.float32), ((0, 0), (PADDING, PADDING), (PADDING, PADDING)), mode="reflect")
    wavelets, gaussian = _filters(padded.shape[-1], scales)
    spectrum = scipy.fft.fft2(padded)
    found = [_smoothed(spectrum, gaussian, scales, 0)]
    for first in range(scales):
        for wavelet in wavelets[first]:
            envelope = scipy.fft.fft2(np.abs(scipy.fft.ifft2(_shrunk(spectrum * wavelet, first))))
            found.append(_smoothed(envelope, gaussian, scales, first))
            for second in range(first + 1, scales if order == 2 else 0):
                for other in wavelets[second]:
                    cropped = _lowest(other, envelope.shape[-1])
                    again = np.abs(scipy.fft.ifft2(_shrunk(envelope * cropped, second - first)))
                    found.append(_smoothed(scipy.fft.fft2(again), gaussian, scales, second))
    return np.stack(found, axis=1).astype(np.float32)


def _smoothed(spectrum: NDArray, gaussian: NDArray, scales: int, level: int) -> NDArray:
    low = _shrunk(spectrum * _lowest(gaussian, spectrum.shape[-1]), scales - level)
    border = PADDING >> scales
    return scipy.fft.ifft2(low).real[..., border : low.shape[-2] - border, border : low.shape[-1] - border]


def _shrunk(spectrum: NDArray, octaves: int) -> NDArray:
    """Every 2^octaves-th pixel, by folding the spectrum."""
    factor, side = 1 << octaves, spectrum.shape[-1] >> octaves
    return spectrum.reshape(*spectrum.shape[:-2], factor, side, factor, side).mean(axis=(-4, -2))


def _lowest(spectrum: NDArray, side: int) -> NDArray:
    kept = np.r_[0 : side // 2, spectrum.shape[0] - side // 2 : spectrum.shape[0]]
    return spectrum[np.ix_(kept, kept)]


@functools.cache
def _filters(side: int, scales: int) -> tuple[list[list[NDArray]], NDArray]:
    angles = np.pi * np.arange(ORIENTATIONS) / ORIENTATIONS
    wavelets = [[_morlet(side, 0.8 * 2**j, angle, 3 * np.pi / 4 / 2**j) for angle in angles] for j in range(scales)]
    return wavelets, _gabor(side, 0.8 * 2 ** (scales - 1), 0.0, 0.0, 1.0)


def _morlet(side: int, width: float, angle: float, frequency: float) -> NDArray:
    wave, window = _gabor(side, width, angle, frequency, 0.5), _gabor(side, width, angle, 0.0, 0.5)
    return wave - window * (wave[0, 0] / window[0, 0])  # no mean


def _gabor(side: int, width: float, angle: float, frequency: float, slant: float) -> NDArray:
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    curve = turn @ np.diag([1, slant**2]) @ turn.T / (2 * width**2)
    total = np.zeros((side, side), dtype=complex)
    for down in range(-2, 3):
        for right in range(-2, 3):
            x, y = np.mgrid[down * side : (down + 1) * side, right * side : (right + 1) * side]
            decay = curve[0, 0] * x * x + 2 * curve[0, 1] * x * y + curve[1, 1] * y * y
            total += np.exp(-decay + 1j * frequency * (x * np.cos(angle) + y * np.sin(angle)))
    return np.fft.fft2(total / (2 * np.pi * width**2 / slant)).real.astype(np.float32)
