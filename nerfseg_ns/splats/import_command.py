"""``nerfseg import-ply``: Gaussians of any program, ready to be clicked, without training."""

import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro

from nerfseg_ns.core.input_error import InputError


@dataclass
class ImportOptions:
    """Options of ``nerfseg import-ply``."""

    ply: Path
    """A PLY file of Gaussians, as 3DGS, ns-export and others write it."""
    cameras: Path
    """The cameras, in the frame of the file: transforms.json of nerfstudio, or cameras.json of 3DGS."""
    output_dir: Path
    """A new folder: the run, whose config.yml the other commands take."""
    images: Path | None = None
    """Folder of the captured images, found by name. Views without an image are rendered."""
    dataparser_transforms: Path | None = None
    """dataparser_transforms.json of the run that ns-export made the PLY file of; such a file is in that run's frame."""
    longest_side: int = 512
    """Views have at most so many pixels along their longer side."""
    drop_broken: bool = False
    """Leave out Gaussians with numbers that are not finite, or without a size."""


def main(arguments: list[str]) -> None:
    """Run the command.

    Raises:
        InputError: a mistake in the options or the files.
    """
    options = tyro.cli(
        ImportOptions,
        args=arguments,
        prog="nerfseg import-ply",
        description="Make a run of a PLY file of Gaussians and its cameras, without training: segment, viewer and "
        "export then take it by --load-config.",
    )
    print(import_ply(options))


def import_ply(options: ImportOptions) -> Path:
    """Write the run.

    Returns:
        Its config.yml.

    Raises:
        InputError: see :func:`main`.
    """
    from nerfseg_ns.splats.gaussian_ply import read_gaussians
    from nerfseg_ns.splats.imported_run import render_missing_images, require_empty, write_run
    from nerfseg_ns.splats.ply_cameras import check_cameras_fit, read_ply_cameras
    from nerfseg_ns.splats.rasteriser import make_rasteriser

    if options.longest_side < 1:
        raise InputError(f"--longest-side {options.longest_side}: expected a number of pixels")
    require_empty(options.output_dir)
    cameras = read_ply_cameras(options.cameras, options.images, options.dataparser_transforms)
    cameras = [camera.reduced(options.longest_side) for camera in cameras]
    gaussians = read_gaussians(options.ply, options.drop_broken)
    empty = check_cameras_fit(gaussians, cameras, options.ply, options.cameras)
    if empty:
        print(
            f"{len(empty)} of {len(cameras)} views show none of the Gaussians: {', '.join(empty[:6])}"
            f"{' ...' if len(empty) > 6 else ''}",
            file=sys.stderr,
        )
    missing = sum(camera.image is None for camera in cameras)
    if missing:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        rasteriser = make_rasteriser(device, len(gaussians))
        print(f"{missing} of {len(cameras)} views have no image and are rendered", file=sys.stderr)
        cameras = render_missing_images(options.output_dir, gaussians.to(device), cameras, rasteriser)
    config = write_run(options.output_dir, gaussians, cameras)
    side = statistics.median(max(camera.size) for camera in cameras)
    print(f"{len(gaussians):,} Gaussians, {len(cameras)} views of {side:g} pixels", file=sys.stderr)
    return config
