"""Classes carried over between pixels by the nearest labelled points, in position and colour."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.input_error import InputError

SKY_DISTANCE = 5.0
"""Radius of the sphere around the scene, scene units, on which the points of rays lie that meet nothing."""


@dataclass(frozen=True, eq=False)
class SurfaceView:
    """What the pixels of a view show, row by row.

    Args:
        points: in the scene frame; of a ray that meets nothing, a point in its direction (:data:`SKY_DISTANCE`).
        met: whether the ray meets anything.
        colours: 0..1.
        labels: class ids, 255 without one.
    """

    points: Float[np.ndarray, "pixels 3"]
    met: Bool[np.ndarray, " pixels"]
    colours: Float[np.ndarray, "pixels 3"]
    labels: UInt8[np.ndarray, " pixels"]


class LabelledPoints:
    """Labelled points to be asked for the classes of others.

    Rays that meet something are compared with those that do, and the others, which show the sky, with the others by
    their direction: no point of the sky lies near a place on the ground. Where the one kind has no label, the other is
    asked.

    The trees are scipy's, which Nerfstudio installs: exact, in main memory, a second for a view.

    Args:
        views: pixels without a label are left out.
        classes: how many.
        neighbours: how many points vote; of equal votes the lower id wins.
        colour_weight: scene units that a colour difference of 1 counts for.

    Raises:
        InputError: no pixel is labelled.
    """

    def __init__(self, views: list[SurfaceView], classes: int, neighbours: int, colour_weight: float) -> None:
        from scipy.spatial import cKDTree

        self._classes, self._neighbours, self._weight = classes, neighbours, colour_weight
        self._known = {}
        for met in (True, False):
            rows = [(view.met == met) & (view.labels != IGNORE) for view in views]
            labels = np.concatenate([view.labels[of] for view, of in zip(views, rows, strict=True)])
            if len(labels):
                features = np.concatenate([self._features(view, of) for view, of in zip(views, rows, strict=True)])
                self._known[met] = cKDTree(features), labels
        if not self._known:
            raise InputError("no training view has a labelled pixel, so there is nothing to carry over")

    def __len__(self) -> int:
        return sum(len(labels) for _, labels in self._known.values())

    def classes_of(self, view: SurfaceView) -> Int[np.ndarray, " pixels"]:
        """The class of every pixel of a view."""
        found = np.empty(len(view.met), dtype=np.int64)
        for met in (True, False):
            rows = view.met == met
            tree, labels = self._known[met if met in self._known else not met]
            asked = list(range(1, min(self._neighbours, len(labels)) + 1))
            _, nearest = tree.query(self._features(view, rows), k=asked, workers=-1)
            votes = np.zeros((len(nearest), self._classes), dtype=np.int32)
            np.add.at(votes, (np.arange(len(nearest))[:, None], labels[nearest]), 1)
            found[rows] = votes.argmax(axis=1)
        return found

    def _features(self, view: SurfaceView, rows: Bool[np.ndarray, " pixels"]) -> Float[np.ndarray, "rows features"]:
        if self._weight == 0:
            return view.points[rows]
        return np.concatenate([view.points[rows], self._weight * view.colours[rows]], axis=1)
