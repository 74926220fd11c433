"""Images as `keras.ops.image` changes them; `(…, rows, columns, channels)` unless channels first.

Colours after the formulas of `colorsys`; affine maps and blurs after `keras/src/backend/numpy`.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.kernels import images, windows

Array = NDArray[Any]


def _last(function: Callable[[Array], Array], x: Array, data_format: str | None) -> Array:
    """Return a function of a batch of images with their channels last."""
    first = data_format == "channels_first"
    moved = np.moveaxis(x, -3, -1) if first else x
    found = function(moved.reshape(-1, *moved.shape[-3:]))
    found = found.reshape(*moved.shape[:-3], *found.shape[1:])
    return np.moveaxis(found, -1, -3) if first else found


def grayscale(images: Array, data_format: str | None = None) -> Array:
    """Return the brightness of colours."""
    weights = np.array([0.2989, 0.5870, 0.1140], images.dtype)
    return _last(lambda x: (x @ weights)[..., None], images, data_format)


def rgb_to_hsv(images: Array, data_format: str | None = None) -> Array:
    """Return hue, saturation and value of red, green and blue."""

    def run(x: Array) -> Array:
        red, green, blue = np.moveaxis(x, -1, 0)
        value, spread = x.max(-1), x.max(-1) - x.min(-1)
        safe = np.where(spread > 0, spread, 1)
        hue = np.where(red == value, (green - blue) / safe,
                       np.where(green == value, (blue - red) / safe + 2,
                                (red - green) / safe + 4))  # fmt: skip
        hue = np.where(spread > 0, (hue / 6) % 1, 0)
        depth = np.where(value > 0, spread / np.where(value > 0, value, 1), 0)
        return np.stack([hue, depth, value], -1)

    return _last(run, images, data_format)


def hsv_to_rgb(images: Array, data_format: str | None = None) -> Array:
    """Return red, green and blue of hue, saturation and value."""

    def run(x: Array) -> Array:
        hue, depth, value = np.moveaxis(x, -1, 0)
        around = hue * 6
        parts = (np.abs(around - 3) - 1, 2 - np.abs(around - 2), 2 - np.abs(around - 4))
        colours = np.clip(np.stack(parts, -1), 0, 1)
        return (1 - depth[..., None] * (1 - colours)) * value[..., None]  # type: ignore[no-any-return]

    return _last(run, images, data_format)


def resize(
    images: Array, size: Any, interpolation: str = "bilinear", antialias: bool = False,
    crop_to_aspect_ratio: bool = False, pad_to_aspect_ratio: bool = False,
    fill_value: float = 0.0, data_format: str | None = None,
) -> Array:  # fmt: skip
    """Return images of another size."""
    rows, columns = size if isinstance(size, list | tuple) else (size, size)

    def run(x: Array) -> Array:
        high, wide = x.shape[1:3]
        other = int(float(high * columns) / rows), int(float(wide * rows) / columns)
        if crop_to_aspect_ratio:
            kept = max(min(high, other[1]), 1), max(min(wide, other[0]), 1)
            top, left = (high - kept[0]) // 2, (wide - kept[1]) // 2
            x = x[:, top : top + kept[0], left : left + kept[1]]
        elif pad_to_aspect_ratio:
            whole = max(high, other[1]), max(wide, other[0])
            top, left = (whole[0] - high) // 2, (whole[1] - wide) // 2
            ends = [(0, 0), (top, whole[0] - high - top), (left, whole[1] - wide - left), (0, 0)]
            x = np.pad(x, ends, constant_values=fill_value)
        return resized(x, (rows, columns), interpolation, antialias)

    return _last(run, images, data_format)


resized = images.resized


def _ends(size: int, target: Any, before: Any, after: Any, sign: int) -> tuple[int, int]:
    """Return how much to add or take at both ends, whichever two are known."""
    if target is None:
        return int(before or 0), int(after or 0)
    total = sign * (target - size)
    if before is None and after is None:
        return total // 2, total - total // 2
    first = total - after if before is None else before
    return int(first), int(total - first)


def pad(
    images: Array, top_padding: Any = None, left_padding: Any = None, bottom_padding: Any = None,
    right_padding: Any = None, target_height: Any = None, target_width: Any = None,
    data_format: str | None = None,
) -> Array:  # fmt: skip
    """Return images with zeros around them."""

    def run(x: Array) -> Array:
        rows = _ends(x.shape[1], target_height, top_padding, bottom_padding, 1)
        columns = _ends(x.shape[2], target_width, left_padding, right_padding, 1)
        return np.pad(x, [(0, 0), rows, columns, (0, 0)])

    return _last(run, images, data_format)


def crop(
    images: Array, top_cropping: Any = None, left_cropping: Any = None, bottom_cropping: Any = None,
    right_cropping: Any = None, target_height: Any = None, target_width: Any = None,
    data_format: str | None = None,
) -> Array:  # fmt: skip
    """Return images without their borders."""

    def run(x: Array) -> Array:
        top, bottom = _ends(x.shape[1], target_height, top_cropping, bottom_cropping, -1)
        left, right = _ends(x.shape[2], target_width, left_cropping, right_cropping, -1)
        return x[:, top : x.shape[1] - bottom, left : x.shape[2] - right]

    return _last(run, images, data_format)


def patches(
    images: Array, size: Any, strides: Any = None, dilation_rate: Any = 1, padding: str = "valid",
    data_format: str | None = None,
) -> Array:  # fmt: skip
    """Return windows of images, the pixels of each one after another as channels."""
    window, wide = (tuple(each) if isinstance(each, list | tuple) else (each, each)
                    for each in (size, dilation_rate))  # fmt: skip
    strides = window if strides is None else strides
    step = tuple(strides) if isinstance(strides, list | tuple) else (strides, strides)

    def run(x: Array) -> Array:
        view = windows.windows(x, window, step, wide, padding)
        moved = np.moveaxis(view, 3, -1)
        return moved.reshape(*moved.shape[:3], -1)

    return _last(run, images, data_format)


def _inside(place: Array, size: int, mode: str) -> Array:
    """Return places brought inside an axis as a border mode has it."""
    if mode == "nearest":
        return np.clip(place, 0, size - 1)
    if mode == "wrap":
        return place % size
    if mode == "mirror":
        around = place % max(2 * (size - 1), 1)
        return np.minimum(around, 2 * (size - 1) - around)  # type: ignore[no-any-return]
    if mode == "reflect":
        around = place % (2 * size)
        return np.minimum(around, 2 * size - 1 - around)  # type: ignore[no-any-return]
    return place


def map_coordinates(
    inputs: Array, coordinates: Any, order: int = 1, fill_mode: str = "constant",
    fill_value: float = 0,
) -> Array:  # fmt: skip
    """Return a tensor's values at places between its numbers, the nearest (0) or linear (1)."""
    places = np.asarray(coordinates, np.float64)
    near = np.round(places) if order == 0 else np.floor(places)
    total = np.zeros(places.shape[1:], np.float64)
    for corner in product((0,) if order == 0 else (0, 1), repeat=inputs.ndim):
        share, index, valid = np.ones(places.shape[1:]), [], np.ones(places.shape[1:], bool)
        for axis, one in enumerate(corner):
            at, part = near[axis] + one, places[axis] - near[axis]
            share = share * ((part if one else 1 - part) if order else 1)
            inside = _inside(at, inputs.shape[axis], fill_mode).astype(int)
            valid &= (inside >= 0) & (inside < inputs.shape[axis])
            index.append(np.clip(inside, 0, inputs.shape[axis] - 1))
        total += share * np.where(valid, inputs[tuple(index)], fill_value)
    return total.astype(inputs.dtype)


def affine(
    images: Array, transform: Any, interpolation: str = "bilinear", fill_mode: str = "constant",
    fill_value: float = 0, data_format: str | None = None,
) -> Array:  # fmt: skip
    """Return images whose pixel (x, y) is that at (a x + b y + c, d x + e y + f) of the given."""

    def run(x: Array) -> Array:
        rows, columns = np.meshgrid(*map(np.arange, x.shape[1:3]), indexing="ij")
        maps = np.broadcast_to(np.reshape(transform, (-1, 8)), (len(x), 8))
        order = 0 if interpolation == "nearest" else 1
        found = []
        for image, (a, b, c, d, e, f, g, h) in zip(x, maps, strict=True):
            scale = g * columns + h * rows + 1
            places = np.stack([(d * columns + e * rows + f) / scale,
                               (a * columns + b * rows + c) / scale])  # fmt: skip
            found.append(np.stack([
                map_coordinates(image[..., channel], places, order, fill_mode, fill_value)
                for channel in range(image.shape[-1])], -1))  # fmt: skip
        return np.stack(found)

    return _last(run, images, data_format)


def blur(
    images: Array, kernel_size: Any = (3, 3), sigma: Any = (1.0, 1.0),
    data_format: str | None = None,
) -> Array:  # fmt: skip
    """Return images smoothed by a normal distribution, zeros around them."""

    def run(x: Array) -> Array:
        weights = [np.exp(-(np.arange(-(size - 1) / 2, size / 2) ** 2) / (2 * width**2))
                   for size, width in zip(kernel_size, sigma, strict=True)]  # fmt: skip
        kernel = np.outer(weights[0] / weights[0].sum(), weights[1] / weights[1].sum())
        deep = np.repeat(kernel[..., None, None], x.shape[-1], axis=2).astype(x.dtype)
        return windows.depthwise(x, deep, (1, 1), (1, 1), "same")

    return _last(run, images, data_format)


def sobel(images: Array, data_format: str | None = None) -> Array:
    """Return the slopes of images down and across, one after another on a last axis."""
    down = np.outer([-1, 0, 1], [1, 2, 1]).astype(images.dtype)

    def run(x: Array) -> Array:
        around = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="reflect")
        kernels = [np.repeat(each[..., None, None], x.shape[-1], axis=2) for each in (down, down.T)]
        found = [windows.depthwise(around, each, (1, 1), (1, 1), "valid") for each in kernels]
        return np.concatenate(found, -1)

    slopes = _last(run, images, data_format)
    axis = -3 if data_format == "channels_first" else -1
    return np.stack(np.split(slopes, 2, axis), -1)
