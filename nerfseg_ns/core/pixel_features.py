"""What a pixel looks like and what its surface is like, without where it is: what carries over to unseen places."""

import numpy as np
from jaxtyping import Float
from scipy import ndimage

BLURS = (1.0, 2.0, 4.0, 8.0)
"""Pixels; the colours around a pixel, from its neighbours to a whole roof."""
CONTRASTS = (1.5, 3.0, 6.0)
"""Pixels; how much the brightness varies around a pixel."""


def image_features(image: Float[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w 18"]:
    """Colour of each pixel, colours around it, and how much the brightness varies there.

    Args:
        image: RGB, 0..1.
    """
    brightness = image.mean(axis=-1)
    layers = [image, *(ndimage.gaussian_filter(image, (blur, blur, 0)) for blur in BLURS)]
    layers += [_deviation(brightness, blur)[..., None] for blur in CONTRASTS]
    return np.concatenate(layers, axis=-1).astype(np.float32)


def surface_features(
    points: Float[np.ndarray, "h w 3"],
    height: Float[np.ndarray, "h w"],
    opacity: Float[np.ndarray, "h w"],
    distance: Float[np.ndarray, "h w"],
    step: int = 1,
) -> Float[np.ndarray, "h w 11"]:
    """Height above the ground and how it varies, normal, opacity and distance.

    Args:
        points: where the ray of each pixel meets a surface, in a frame whose third axis points up.
        height: of the points above the ground.
        opacity: accumulated along the ray, 0..1; the sky has little.
        distance: from the camera.
        step: pixels of this view that span as much as one of the coarsest view; surroundings are so much wider.
    """
    near = np.pad(points, ((step, step), (step, step), (0, 0)), mode="edge")
    right = near[step:-step, 2 * step :] - near[step:-step, : -2 * step]
    down = near[2 * step :, step:-step] - near[: -2 * step, step:-step]
    normal = np.cross(down, right)  # towards the camera: image rows run down, columns to the right
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True).clip(1e-12)
    blur = 1.5 * step
    layers = [height[..., None], opacity[..., None], normal, ndimage.gaussian_filter(normal, (blur, blur, 0))]
    layers += [ndimage.gaussian_filter(height, blur), _deviation(height, 2.0 * step), distance]
    layers = [layer if layer.ndim == 3 else layer[..., None] for layer in layers]
    return np.concatenate(layers, axis=-1).astype(np.float32)


def _deviation(values: Float[np.ndarray, "h w"], blur: float) -> Float[np.ndarray, "h w"]:
    """Standard deviation under a Gaussian window."""
    mean = ndimage.gaussian_filter(values, blur)
    return np.sqrt((ndimage.gaussian_filter(values**2, blur) - mean**2).clip(0.0))
