"""The datamanager of single-stage training: rays of any pixel and rays of labelled pixels in one batch."""

from dataclasses import dataclass, field
from typing import Any

import torch
from nerfstudio.cameras.rays import RayBundle

from nerfseg_ns.data.semantic_datamanager import SemanticDataManager, SemanticDataManagerConfig


@dataclass
class JointDataManagerConfig(SemanticDataManagerConfig):
    """Configuration of :class:`JointDataManager`."""

    _target: type = field(default_factory=lambda: JointDataManager)


class JointDataManager(SemanticDataManager):
    """Batches of ``train_num_rays_per_batch`` pixels of all views and ``stage2_num_rays_per_batch`` labelled ones.

    With few labelled views hardly one pixel in ten would have a label otherwise.
    """

    config: JointDataManagerConfig

    def next_train(self, step: int) -> tuple[RayBundle, dict[str, Any]]:
        """Rays and their pixels; those without a label have class 255."""
        self.train_count += 1
        pixels, labelled = self.next_pixels(), self.next_labelled_pixels()
        batch = {key: torch.cat([pixels[key], labelled[key]]) for key in ("image", "semantics", "indices")}
        return self.train_ray_generator(batch["indices"]), batch

    def get_train_rays_per_batch(self) -> int:
        """Rays per batch of both kinds together."""
        return self.config.train_num_rays_per_batch + self.config.stage2_num_rays_per_batch
