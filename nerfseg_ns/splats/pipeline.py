"""The pipeline's configuration for Gaussians; the pipeline is that of nerfseg."""

from dataclasses import dataclass, field

from nerfseg_ns.data.semantic_image_datamanager import SemanticImageDatamanagerConfig
from nerfseg_ns.nerf.pipeline import NerfSegPipelineConfig
from nerfseg_ns.splats.model import NerfSegSplatModelConfig


@dataclass
class SplatPipelineConfig(NerfSegPipelineConfig):
    """Configuration of the two-stage pipeline with Gaussians."""

    datamanager: SemanticImageDatamanagerConfig = field(  # type: ignore[assignment]
        default_factory=SemanticImageDatamanagerConfig
    )
    model: NerfSegSplatModelConfig = field(default_factory=NerfSegSplatModelConfig)  # type: ignore[assignment]
