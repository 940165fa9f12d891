"""The surface of an object as points that were seen."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nerfseg_ns.selection.scene import Scene
from nerfseg_ns.selection.selected_object import SelectedObject
from nerfseg_ns.selection.selector import Listener


@dataclass(frozen=True, eq=False)
class ObjectPoints:
    """Points on an object.

    Args:
        positions: scene frame.
        colours: RGB in 0..1, the mean over the views that show the point.
        membership: 0..1, see :meth:`~nerfseg_ns.selection.selected_object.SelectedObject.membership`.
    """

    positions: Float[Tensor, "points 3"]
    colours: Float[Tensor, "points 3"]
    membership: Float[Tensor, " points"]

    def __len__(self) -> int:
        return len(self.positions)


def object_points(scene: Scene, selected: SelectedObject, listener: Listener | None = None) -> ObjectPoints:
    """What the pixels of an object's masks show: the weightiest sample of each, averaged over voxels.

    Args:
        scene: the views.
        selected: the object.
        listener: asked and told once a view.

    Raises:
        SelectionCancelled: see :class:`~nerfseg_ns.selection.selector.Listener`.
    """
    listener = listener or Listener()
    positions, colours = [], []
    for view in range(len(scene.names)):
        listener.step("points", view, len(scene.names))
        samples = scene.samples(view)
        samples = samples.where(selected.holds(samples))
        pixel_count = samples.size[0] * samples.size[1]
        zeros = samples.weights.new_zeros(pixel_count)
        inside = zeros.index_add(0, samples.pixels, samples.weights) > 0.5  # the object's mask
        heaviest = zeros.scatter_reduce(0, samples.pixels, samples.weights, "amax")
        kept = inside[samples.pixels] & (samples.weights == heaviest[samples.pixels])
        if kept.any():
            positions.append(samples.positions[kept])
            colours.append(camera_image(scene, view).to(positions[-1])[samples.pixels[kept]])
    listener.step("points", len(scene.names), len(scene.names))
    if not positions:
        none = selected.votes.inside.new_zeros(0, 3)
        return ObjectPoints(none, none, none[:, 0])
    return _thinned(torch.cat(positions), torch.cat(colours), selected)


def camera_image(scene: Scene, view: int) -> Float[Tensor, "pixels 3"]:
    """The image of a view at the camera's size, RGB in 0..1."""
    image = torch.from_numpy(scene.image(view)).permute(2, 0, 1).float() / 255.0
    factor = image.shape[1] // scene.camera(view).size[0]
    return torch.nn.functional.avg_pool2d(image, factor).flatten(1).T


def _thinned(positions: Tensor, colours: Tensor, selected: SelectedObject) -> ObjectPoints:
    voxels = (positions / selected.sites.cell).round().long()
    _, number, count = voxels.unique(dim=0, return_inverse=True, return_counts=True)
    sums = positions.new_zeros(len(count), 6).index_add_(0, number, torch.cat([positions, colours], dim=1))
    means = sums / count[:, None]
    return ObjectPoints(means[:, :3], means[:, 3:], selected.membership(means[:, :3]))
