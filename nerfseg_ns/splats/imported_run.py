"""A PLY file with its cameras as a run of nerfstudio, which every command takes like a trained one."""

import copy
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from nerfstudio.data.dataparsers.nerfstudio_dataparser import NerfstudioDataParserConfig
from PIL import Image

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.progress_bar import progress_bar
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.core.whole_file import replacing, write_whole_text
from nerfseg_ns.splats.gaussian_frames import to_scene
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.model_gaussians import set_gaussians
from nerfseg_ns.splats.ply_cameras import PlyCamera
from nerfseg_ns.splats.rasteriser import Rasteriser

CONFIG, TRANSFORMS, IMAGES = "config.yml", "transforms.json", "images"


def render_missing_images(
    folder: Path, gaussians: Gaussians, cameras: Sequence[PlyCamera], rasteriser: Rasteriser
) -> list[PlyCamera]:
    """Write a rendered image for every camera that has none, so that a segmenter sees something.

    Args:
        folder: of the run.
        gaussians: in the frame of the cameras, on the rasteriser's device.
        cameras: at the size of the run.
        rasteriser: renders.

    Returns:
        The cameras, all with an image.
    """
    result = list(cameras)
    missing = [i for i, camera in enumerate(cameras) if camera.image is None]
    with progress_bar() as progress:
        for i in progress.track(missing, description="rendering the views"):
            view = cameras[i].pinhole().on(gaussians.means.device)
            with torch.no_grad():
                rgb, _ = rasteriser.render(gaussians, gaussians.colours(view.centre), view)
            path = folder / IMAGES / f"{cameras[i].name}.png"
            with replacing(path) as temporary:
                Image.fromarray((rgb.clamp(0, 1) * 255).round().byte().cpu().numpy()).save(temporary, format="PNG")
            result[i] = replace(cameras[i], image=path)
    return result


def write_run(folder: Path, gaussians: Gaussians, cameras: Sequence[PlyCamera]) -> Path:
    """Write a run of nerfseg-splat whose first stage is done.

    Args:
        folder: new or empty but for the images.
        gaussians: in the frame of the cameras.
        cameras: at the size of the run, each with an image.

    Returns:
        Its config.yml.

    Raises:
        InputError: the folder cannot be written.
    """
    from nerfseg_ns.methods import nerfseg_splat

    folder = folder.resolve()
    write_whole_text(folder / TRANSFORMS, json.dumps(_transforms(cameras), indent=1) + "\n")
    config = copy.deepcopy(nerfseg_splat.config)
    pipeline = config.pipeline
    config.output_dir, config.experiment_name, config.timestamp = folder, ".", "."
    config.data = pipeline.datamanager.data = folder
    pipeline.datamanager.dataparser = NerfstudioDataParserConfig(
        data=folder, orientation_method="none", center_method="poses", downscale_factor=1, eval_mode="all"
    )
    pipeline.stage1_steps, pipeline.stage2_steps = 1, 0
    if gaussians.degree == 0:  # Splatfacto keeps colours of degree 0 in another form
        none = gaussians.harmonics.new_zeros(len(gaussians), 3, 3)
        gaussians = replace(gaussians, harmonics=torch.cat([gaussians.harmonics, none], dim=1))
    pipeline.model.sh_degree, pipeline.model.num_random, pipeline.model.random_init = gaussians.degree, 8, True
    pipeline.model.background_color = "black"  # as 3DGS trains, and as missing images are rendered
    built: Any = pipeline.setup(device="cpu", test_mode="test")
    outputs = built.datamanager.train_dataset._dataparser_outputs
    frame = SceneFrame(outputs.dataparser_transform.float().cpu(), float(outputs.dataparser_scale))
    set_gaussians(built.model, to_scene(gaussians, frame))
    outputs.save_dataparser_transform(folder / "dataparser_transforms.json")
    checkpoint = folder / config.relative_model_dir / "step-000000000.ckpt"
    state = {"step": 0, "pipeline": built.state_dict(), "optimizers": {}, "schedulers": {}, "scalers": {}}
    with replacing(checkpoint) as temporary:
        torch.save(state, temporary)
    write_whole_text(folder / CONFIG, yaml.dump(config))
    return folder / CONFIG


def require_empty(folder: Path) -> None:
    """Refuse a folder that holds something.

    Raises:
        InputError: it does, or it is a file.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"--output-dir {folder}: not an empty folder; give a new one")


def _transforms(cameras: Sequence[PlyCamera]) -> dict[str, Any]:
    frames = []
    for camera in cameras:
        assert camera.image is not None
        frames.append(
            {
                "file_path": str(camera.image.resolve()),
                **{"fl_x": camera.fx, "fl_y": camera.fy, "cx": camera.cx, "cy": camera.cy},
                **{"w": camera.size[1], "h": camera.size[0]},
                "transform_matrix": np.asarray(camera.c2w).tolist(),
            }
        )
    return {"frames": frames}
