"""A perspective camera: pixels to rays and points to pixels."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from nerfseg_ns.core.lens import Lens


@dataclass(frozen=True, eq=False)
class Pinhole:
    """A perspective camera with nerfstudio's axes: x right, y up, looking along -z.

    Args:
        c2w: camera to world, scene frame.
        fx: focal length, pixels.
        fy: the same for y.
        cx: principal point, pixels; pixel centres lie at +0.5.
        cy: the same for y.
        size: (h, w), pixels.
        lens: its distortion; None: straight lines are straight.
    """

    c2w: Float[Tensor, "3 4"]
    fx: float
    fy: float
    cx: float
    cy: float
    size: tuple[int, int]
    lens: Lens | None = None

    @property
    def centre(self) -> Float[Tensor, "3"]:
        """Where the camera stands, scene frame."""
        return self.c2w[:, 3]

    def on(self, device: torch.device | str) -> "Pinhole":
        """The same camera with its pose on another device."""
        return replace(self, c2w=self.c2w.to(device))

    def directions(self) -> Float[Tensor, "h w 3"]:
        """Unit viewing direction of every pixel's centre, scene frame."""
        height, width = self.size
        y, x = torch.meshgrid(
            torch.arange(height, device=self.c2w.device) + 0.5,
            torch.arange(width, device=self.c2w.device) + 0.5,
            indexing="ij",
        )
        plane = torch.stack([(x - self.cx) / self.fx, (y - self.cy) / self.fy], dim=-1)
        if self.lens is not None:
            plane = self.lens.undistort(plane)
        rays = torch.stack([plane[..., 0], -plane[..., 1], -torch.ones_like(x)], dim=-1)
        return torch.nn.functional.normalize(rays, dim=-1) @ self.c2w[:, :3].T

    def points(self, distance: Float[Tensor, "h w"]) -> Float[Tensor, "h w 3"]:
        """The point that each pixel shows; not finite where the distance is not.

        Args:
            distance: from the camera along each pixel's ray, scene units.
        """
        return self.centre + self.directions() * distance[..., None]

    def project(
        self, points: Float[Tensor, "*batch 3"]
    ) -> tuple[Float[Tensor, "*batch 2"], Float[Tensor, "*batch"], Float[Tensor, "*batch"]]:
        """Where points appear.

        Returns:
            (x, y) in pixels, meaningless behind the camera; depth along the viewing axis, positive in front; distance.
        """
        local = (points - self.centre) @ self.c2w[:, :3]
        depth = -local[..., 2]
        plane = torch.stack([local[..., 0] / depth, -local[..., 1] / depth], dim=-1)
        if self.lens is not None:
            plane = self.lens.distort(plane)
        pixels = plane * plane.new_tensor([self.fx, self.fy]) + plane.new_tensor([self.cx, self.cy])
        return pixels, depth, local.norm(dim=-1)
