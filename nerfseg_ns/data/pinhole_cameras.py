"""Nerfstudio's cameras as :class:`~nerfseg_ns.core.pinhole.Pinhole`."""

import torch
from nerfstudio.cameras.cameras import Cameras

from nerfseg_ns.core.lens import Lens, trusted_reach
from nerfseg_ns.core.pinhole import Pinhole


def pinhole_of(camera: Cameras, device: torch.device | str = "cpu") -> Pinhole:
    """A perspective camera, one in a batch, with its distortion.

    Args:
        camera: in nerfstudio's scene frame.
        device: where its pose goes.
    """
    return Pinhole(
        camera.camera_to_worlds[0].to(device).float(),
        float(camera.fx),
        float(camera.fy),
        float(camera.cx),
        float(camera.cy),
        size=(int(camera.height[0, 0]), int(camera.width[0, 0])),
        lens=_lens(camera),
    )


def _lens(camera: Cameras) -> Lens | None:
    """The distortion of a single camera, trusted to half as far again as the image's farthest corner at most."""
    if camera.distortion_params is None or not bool(camera.distortion_params.any()):
        return None
    k1, k2, k3, k4, p1, p2 = camera.distortion_params.reshape(-1).tolist()
    x = max(float(camera.cx), float(camera.width) - float(camera.cx)) / float(camera.fx)
    y = max(float(camera.cy), float(camera.height) - float(camera.cy)) / float(camera.fy)
    radial = k1, k2, k3, k4
    return Lens(radial, (p1, p2), reach=trusted_reach(radial, 1.5 * (x * x + y * y) ** 0.5))
