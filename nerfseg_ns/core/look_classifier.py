"""What a pixel is, judged by what it looks like."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

BOOSTING_ROUNDS = 60
RANDOM_TREES = 50
SMALLEST_LEAVES = (20, 5)
"""Examples that a leaf of boosted and of random trees has at least, where there are enough."""


class LookClassifier:
    """Two kinds of trees (scikit-learn) that learn the classes of examples and are asked together.

    Boosted trees follow how often a class occurs; extremely randomised trees count every class the same here, and are
    asked alone where that says nothing.

    Args:
        features: of the examples.
        classes: of them, numbered from 0; two different ones at least.
        leaf_limit: leaves need no more examples than this, or a class of a few clicks could not be told apart.
        seed: of the random trees.
        frequencies_count: whether classes are as frequent among the examples as among what is asked later. Those of
            painted views are, those of clicked objects are not.
    """

    def __init__(
        self,
        features: Float[np.ndarray, "examples features"],
        classes: Int[np.ndarray, " examples"],
        leaf_limit: int,
        seed: int = 0,
        frequencies_count: bool = True,
    ) -> None:
        # imported here: it takes a second, and only stage 2 needs it
        from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier

        boosted_leaf, random_leaf = (min(leaf, leaf_limit) for leaf in SMALLEST_LEAVES)
        boosted = HistGradientBoostingClassifier(
            max_iter=BOOSTING_ROUNDS,
            learning_rate=0.15,
            l2_regularization=1.0,
            min_samples_leaf=boosted_leaf,
            early_stopping=False,
            random_state=seed,
        )
        randomised = ExtraTreesClassifier(
            RANDOM_TREES,
            max_features=0.5,
            min_samples_leaf=random_leaf,
            class_weight="balanced",
            n_jobs=-1,
            random_state=seed,
        )
        chosen = (boosted, randomised) if frequencies_count else (randomised,)
        self._trees: list[Any] = [trees.fit(features, classes) for trees in chosen]
        randomised.n_jobs = 1  # threads would add the trees' answers up in any order, and the last digits would differ

    def probabilities(
        self, features: Float[np.ndarray, "pixels features"], classes: int
    ) -> Float[np.ndarray, "pixels classes"]:
        """How likely each class is for each pixel; 0 for classes without an example."""
        found = np.zeros((len(features), classes))
        found[:, self._trees[0].classes_] = sum(trees.predict_proba(features) for trees in self._trees) / len(
            self._trees
        )
        return found
