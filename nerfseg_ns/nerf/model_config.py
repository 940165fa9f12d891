"""Configuration of the two-stage radiance field."""

from dataclasses import dataclass, field
from typing import Literal

from nerfstudio.models.base_model import ModelConfig


def _model() -> type:
    from nerfseg_ns.nerf.model import NerfSegModel  # which imports this module

    return NerfSegModel


@dataclass
class NerfSegModelConfig(ModelConfig):
    """Configuration of the two-stage semantic NeRF."""

    _target: type = field(default_factory=lambda: _model())
    near_plane: float = 0.05
    """Where rays start, scene units (the farthest camera is at distance 1 from the scene's centre)."""
    far_plane: float = 1000.0
    """Where rays end, scene units."""
    implementation: Literal["tcnn", "torch"] = "tcnn"
    """Backend of the hash grids and MLPs; tcnn falls back to torch where tiny-cuda-nn is missing."""
    num_levels: int = 16
    """Levels of the field's hash grid."""
    base_res: int = 16
    """Resolution of its coarsest level."""
    max_res: int = 2048
    """Resolution of its finest level."""
    log2_hashmap_size: int = 19
    """Size of each level's table."""
    features_per_level: int = 2
    """Features per level."""
    hidden_dim: int = 64
    """Width of the Location-MLP."""
    geo_feat_dim: int = 15
    """Channels of the geometry feature that the colour MLP reads."""
    num_layers_color: int = 3
    """Layers of the View-MLP."""
    hidden_dim_color: int = 64
    """Width of the View-MLP."""
    average_init_density: float = 1.0
    """Density at the start of training, per scene unit."""
    num_proposal_samples_per_ray: tuple[int, ...] = (256, 96)
    """Samples per ray of each proposal network."""
    num_nerf_samples_per_ray: int = 48
    """Samples per ray of the field."""
    proposal_net_args_list: list[dict] = field(
        default_factory=lambda: [
            {"hidden_dim": 16, "log2_hashmap_size": 17, "num_levels": 5, "max_res": 128},
            {"hidden_dim": 16, "log2_hashmap_size": 17, "num_levels": 5, "max_res": 256},
        ]
    )
    """Arguments of each proposal network (nerfstudio's HashMLPDensityField)."""
    proposal_update_every: int = 5
    """After the warm-up the proposal networks learn every this many steps."""
    proposal_warmup: int = 5000
    """Steps over which that interval grows from 1."""
    proposal_anneal_steps: int = 1000
    """Steps over which proposal weights are annealed from uniform (mip-NeRF 360, Eq. 18)."""
    interlevel_loss_mult: float = 1.0
    """Weight of the proposal loss (mip-NeRF 360, Eq. 13)."""
    distortion_loss_mult: float = 0.002
    """Weight of the distortion loss (mip-NeRF 360, Eq. 15)."""
    air_loss_mult: float = 0.01
    """Weight of the loss on density between neighbouring cameras; 0: none (it is not in the papers)."""
    seg_mlp_widths: tuple[int, ...] = (128, 128)
    """Widths of the Seg-MLP."""
    ray_feature_dim: int = 128
    """Channels of the ray feature (paper: 128)."""
    ray_convolution_kernel: int = 5
    """Samples the ray-convolution sees at once (paper: 5 at the fine level)."""
    colour_widths: tuple[int, ...] = (16, 64)
    """Widths of the colour-radiance network (paper: 16, 64)."""
    use_ray_convolution: bool = True
    """R: convolve along each ray's samples."""
    use_colour_network: bool = True
    """C: let the ray's colour take part."""
    colour_source: Literal["rendered", "captured"] = "rendered"
    """Colour that C reads in training. At a novel view it always reads the rendered colour, so training on
    'captured' (the original code) leaves a gap between training and rendering."""
    use_surface_grid: bool = False
    """Give stage 2 a hash grid of its own, read where a ray meets a surface (not in the paper)."""
    surface_grid_levels: int = 8
    """Levels of that grid; the coarsest is that of the field."""
    surface_grid_max_res: int = 1024
    """Resolution of its finest level."""
    surface_grid_log2_size: int = 17
    """Size of each of its tables."""
    c2s_loss_mult: float = 1.0
    """Weight of the loss on the colour-only head (paper: 1)."""
    compile: bool = False
    """Compile the networks with torch.compile where a compiler is there (worth it on a CPU)."""
    lpips: bool = False
    """Also report LPIPS in ns-eval. Downloads AlexNet weights on first use."""
