"""Classes of unlabelled pixels from labelled ones.

A label is carried over to pixels whose surface point is near a labelled one of a similar colour. What no labelled view
saw is judged by a classifier of looks (:mod:`nerfseg_ns.core.look_classifier`, of the features of
:mod:`nerfseg_ns.core.pixel_features`), which knows nothing of places. It learns from the labelled pixels, and from
pixels of other views that show the same surfaces, at another angle and from another distance; and again, if asked, from
what it is sure of among unlabelled pixels.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from nerfseg_ns.core.look_classifier import LookClassifier

NEIGHBOURS = 5
"""Labelled pixels that vote on an unlabelled one."""
REACH = 2.0
"""Distance, in spacings of the pixels' surface points, at which a carried label counts 1/e."""
COLOUR_WEIGHT = 6.0
"""Spacings that the distance between black and full red is worth."""
LOOK_WEIGHT = 0.3
"""What the classifier's judgement counts beside a label carried over no distance at all."""
MOST_EXAMPLES = 60_000
"""Labelled pixels that the classifier learns from, and unlabelled ones; more take longer and teach nothing new."""
MOST_ASKED = 240_000
"""Pixels of other views among which labelled surfaces are looked for."""
SURE = 0.85
"""What a carried label counts at least, 0..1, for the classifier to learn from its pixel besides."""
SURE_OF_LOOK = 0.7
"""Probability above which what the classifier says of an unlabelled pixel teaches it again."""
MOST_KNOWN = 400_000
"""Labelled pixels that can be carried over."""


@dataclass(frozen=True)
class PropagatedPixels:
    """Classes of pixels and how sure they are.

    Args:
        classes: class ids.
        confidence: probability of the class, 0..1.
    """

    classes: Int[np.ndarray, " pixels"]
    confidence: Float[np.ndarray, " pixels"]


@dataclass(frozen=True)
class SeenPixels:
    """Pixels of views without labels.

    Args:
        points: surface points.
        colours: RGB, 0..1.
        features: what they look like.
    """

    points: Float[np.ndarray, "pixels 3"]
    colours: Float[np.ndarray, "pixels 3"]
    features: Float[np.ndarray, "pixels features"]


class LabelPropagation:
    """Learned from labelled pixels, applied to any others.

    Args:
        points: surface points of the labelled pixels, in one unit and frame with those asked for later.
        colours: their RGB, 0..1.
        features: what they look like.
        classes: their class ids.
        spacing: distance between the surface points of neighbouring pixels, in the unit of the points.
        seed: of the choice of examples, and of the classifier.
        others: pixels of views without labels; those that show a labelled surface are examples of looks as well.
        frequencies_count: see :class:`~nerfseg_ns.core.look_classifier.LookClassifier`.
        unlabelled: looks of pixels without a label. The classifier learns a second time, from what it is sure of among
            them too (:data:`SURE_OF_LOOK`): where few things are labelled, the others of their kind look a little
            different. None: it learns once.

    Raises:
        ValueError: there is no labelled pixel, or the spacing is not positive.
    """

    def __init__(
        self,
        points: Float[np.ndarray, "known 3"],
        colours: Float[np.ndarray, "known 3"],
        features: Float[np.ndarray, "known features"],
        classes: Int[np.ndarray, " known"],
        spacing: float,
        seed: int = 0,
        others: SeenPixels | None = None,
        frequencies_count: bool = True,
        unlabelled: Float[np.ndarray, "pixels features"] | None = None,
    ) -> None:
        if len(classes) == 0 or not spacing > 0.0:
            raise ValueError(f"{len(classes)} labelled pixels with a spacing of {spacing}: both must be positive")
        generator = np.random.default_rng(seed)
        self._spacing = spacing
        self._ids, known = np.unique(classes, return_inverse=True)
        kept = _some(known, MOST_KNOWN, generator)
        self._known = known[kept]
        self._tree = cKDTree(self._sites(points[kept], colours[kept]))
        self._classifier: LookClassifier | None = None
        if len(self._ids) > 1:
            chosen = _some(known, MOST_EXAMPLES, generator)
            examples, meant = features[chosen], known[chosen]
            if others is not None and len(others.points):
                again, their = self._seen_again(others, meant, generator)
                examples, meant = np.concatenate([examples, again]), np.concatenate([meant, their])
            leaf_limit = max(1, len(known) // 10)
            self._classifier = LookClassifier(examples, meant, leaf_limit, seed, frequencies_count)
            if unlabelled is not None and len(unlabelled):
                asked = unlabelled[
                    generator.choice(len(unlabelled), min(MOST_EXAMPLES, len(unlabelled)), replace=False)
                ]
                said = self._classifier.probabilities(asked, len(self._ids))
                sure = said.max(axis=1) > SURE_OF_LOOK
                examples = np.concatenate([examples, asked[sure]])
                meant = np.concatenate([meant, said.argmax(axis=1)[sure]])
                self._classifier = LookClassifier(examples, meant, leaf_limit, seed, frequencies_count)

    def _sites(
        self, points: Float[np.ndarray, "pixels 3"], colours: Float[np.ndarray, "pixels 3"]
    ) -> Float[np.ndarray, "pixels 6"]:
        """Places whose distance is that of the points, and of the colours, in spacings."""
        return np.concatenate([points / self._spacing, COLOUR_WEIGHT * colours], axis=-1)

    def __call__(
        self,
        points: Float[np.ndarray, "pixels 3"],
        colours: Float[np.ndarray, "pixels 3"],
        features: Float[np.ndarray, "pixels features"],
        beside_outlines: Bool[np.ndarray, " pixels"] | None = None,
    ) -> PropagatedPixels:
        """The most likely class of each pixel.

        Args:
            points: surface points.
            colours: RGB, 0..1.
            features: what the pixels look like.
            beside_outlines: pixels of views whose labelled things are labelled up to their outlines. A label nearby
                then says that they do not belong to that thing, and is not carried over. None: there are none.
        """
        scores = np.zeros((len(points), len(self._ids)))
        open_to_labels = np.ones(len(points), bool) if beside_outlines is None else ~beside_outlines
        if open_to_labels.any():
            scores[open_to_labels] = self._carried(points[open_to_labels], colours[open_to_labels])
        if self._classifier is not None:
            scores += LOOK_WEIGHT * self._classifier.probabilities(features, len(self._ids))
        else:
            scores += LOOK_WEIGHT
        best = scores.argmax(axis=-1)
        return PropagatedPixels(self._ids[best], scores.max(axis=-1) / scores.sum(axis=-1))

    def _carried(
        self, points: Float[np.ndarray, "pixels 3"], colours: Float[np.ndarray, "pixels 3"]
    ) -> Float[np.ndarray, "pixels classes"]:
        """What the nearest labels count for each class; 1 together where they are at no distance."""
        neighbours = min(NEIGHBOURS, len(self._known))
        distance, index = self._tree.query(
            self._sites(points, colours), k=[*range(1, neighbours + 1)], eps=0.1, workers=-1
        )
        votes = self._known[index]
        shares = np.stack([(votes == known).mean(axis=1) for known in range(len(self._ids))], axis=-1)
        return np.asarray(np.exp(-((distance.mean(axis=1) / REACH) ** 2))[:, None] * shares)

    def _seen_again(
        self, others: SeenPixels, examples: Int[np.ndarray, " examples"], generator: np.random.Generator
    ) -> tuple[Float[np.ndarray, "again features"], Int[np.ndarray, " again"]]:
        """Looks of pixels that show a labelled surface, and its class: of each at most as many as it has examples.

        Classes with large even surfaces, on which labels are carried surely, would drown the others without that limit.
        """
        asked = generator.choice(len(others.points), min(MOST_ASKED, len(others.points)), replace=False)
        carried = self._carried(others.points[asked], others.colours[asked])
        sure, best = carried.max(axis=1) > SURE, carried.argmax(axis=1)
        limits = np.bincount(examples, minlength=len(self._ids))
        rows = np.concatenate(
            [np.flatnonzero(sure & (best == known))[: limits[known]] for known in range(len(self._ids))]
        )
        return others.features[asked[rows]], best[rows]


def _some(
    known: Int[np.ndarray, " known"], most: int, generator: np.random.Generator
) -> Int[np.ndarray, " kept"] | slice:
    """At most so many rows, chosen evenly, and one of each class that would be left out."""
    if len(known) <= most:
        return slice(None)
    kept = generator.choice(len(known), most, replace=False)
    classes, first = np.unique(known, return_index=True)
    return np.concatenate([kept, first[~np.isin(classes, known[kept])]])
