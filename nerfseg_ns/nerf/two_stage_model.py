"""What the pipeline needs of a model that learns in two stages."""

from typing import ClassVar

from jaxtyping import Float
from nerfstudio.models.base_model import Model, ModelConfig
from torch import Tensor

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.confusion import ConfusionMatrix


class TwoStageModel(Model):
    """Stage 1 learns geometry and colour; stage 2 freezes them and learns classes.

    The pipeline sets the stage before every training step and after loading a checkpoint.
    """

    geometry_prefixes: ClassVar[tuple[str, ...]]
    """Of the names of the weights that stage 1 learns."""
    geometry_methods: ClassVar[str]
    """Whose runs have such a geometry, for messages."""
    geometry_grows: ClassVar[bool] = False
    """Whether the first size of those weights is a number that stage 1 finds, as that of Gaussians."""
    joint: ClassVar[bool] = False
    """Whether stage 1 learns the classes too, so that there is no second stage."""
    class_table: ClassTable | None
    """None: the data has no classes."""
    confusion: ConfusionMatrix | None
    """Set by the pipeline while it goes over a whole data set."""

    def set_stage(self, stage: int) -> None:
        """Stage 1: geometry and colour are learned. Stage 2: they are frozen and semantics is learned."""
        raise NotImplementedError

    def set_training_cameras(self, c2w: Float[Tensor, "cameras 3 4"]) -> None:
        """Poses of the training views in the scene frame, from the pipeline; for models that have a use for them."""

    def takes_geometry_of(self, config: ModelConfig) -> bool:
        """Whether stage 2 can go on from the geometry of a run with this configuration."""
        raise NotImplementedError
