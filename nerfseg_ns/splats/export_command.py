"""``nerfseg export gaussians``: PLY files of a scene of Gaussians, of its objects, and of what remains."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
import tyro
from torch import Tensor

from nerfseg_ns.core.input_error import InputError

SCENE, WITHOUT = "scene-gaussians.ply", "without-objects-gaussians.ply"


@dataclass
class GaussianExportOptions:
    """Options of ``nerfseg export gaussians``."""

    load_config: Path
    """The config.yml of a run of nerfseg-splat, splatfacto or import-ply. It can run code: load only what you trust."""
    output_dir: Path
    """Where the files go."""
    objects: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="NAME.npz ...")] = ()
    """Files that nerfseg segment wrote: objects get the ids 1, 2, ... in this order."""
    frame: Literal["input", "scene"] = "input"
    """Coordinates: those of the data's poses (of an imported PLY file: its own), or nerfstudio's scene frame."""
    splits: int = 2
    """How often a Gaussian across an object's border may be cut in two; 0 leaves the Gaussians as they are."""
    overwrite: bool = False
    """Replace existing files."""


def main(arguments: list[str]) -> None:
    """Run the command.

    Raises:
        InputError: a mistake in the options, the files or the run.
    """
    options = tyro.cli(
        GaussianExportOptions,
        args=arguments,
        prog="nerfseg export gaussians",
        description=f"Export Gaussians as PLY: {SCENE} with object_id (0: none) and, once classes are learned, "
        f"class_id (255: none) of each; NAME-gaussians.ply of each object; {WITHOUT} with the rest.",
    )
    for path in export_gaussians(options):
        print(path)


def export_gaussians(options: GaussianExportOptions) -> list[Path]:
    """Write the files.

    Raises:
        InputError: see :func:`main`.
    """
    from nerfseg_ns.core.whole_file import refuse_existing
    from nerfseg_ns.evaluation.trained_run import load_run
    from nerfseg_ns.exports.run_objects import RunObjects
    from nerfseg_ns.selection.console_listener import console_listener
    from nerfseg_ns.selection.run_scene import RunScene
    from nerfseg_ns.selection.selector import Listener
    from nerfseg_ns.splats.gaussian_frames import to_input
    from nerfseg_ns.splats.gaussian_ply import write_gaussians
    from nerfseg_ns.splats.gaussian_renderer import GaussianRenderer
    from nerfseg_ns.splats.object_gaussians import object_gaussians

    if options.splits < 0:
        raise InputError(f"--splits {options.splits}: expected 0 or more")
    run = load_run(options.load_config, "train")
    if not hasattr(run.pipeline.model, "gauss_params"):
        raise InputError(
            f"{options.load_config}: a run of method {run.config.method_name}, which has no Gaussians; expected "
            "nerfseg-splat, splatfacto or a run of nerfseg import-ply"
        )
    scene = RunScene.from_run(run)
    renderer = scene.renderer
    assert isinstance(renderer, GaussianRenderer)
    objects = RunObjects.read(options.objects, run.frame, scene.model.device)
    files = [options.output_dir / SCENE]
    files += [options.output_dir / f"{name}-gaussians.ply" for name in objects.names]
    files += [options.output_dir / WITHOUT] if len(objects) else []
    if not options.overwrite:
        refuse_existing(files)

    def views(listener: Listener) -> Iterator[tuple[Any, Tensor]]:
        for view in range(len(scene.names)):
            listener.step("counting votes", view, len(scene.names))
            samples = scene.samples(view)
            yield scene.camera(view), torch.stack([one.mask(samples) for one in objects.objects], dim=-1)
        listener.step("counting votes", len(scene.names), len(scene.names))

    gaussians, ids = renderer.gaussians, torch.zeros(len(renderer.gaussians), dtype=torch.long)
    if len(objects):
        thresholds = torch.tensor([one.threshold for one in objects.objects])
        with console_listener() as listener:
            scene.prepare(listener)
            found = object_gaussians(
                renderer.rasteriser, gaussians, lambda: views(listener), len(objects), options.splits, thresholds
            )
        gaussians, ids = found.gaussians, found.ids.cpu()
        for number, name in enumerate(objects.names, start=1):
            if not (ids == number).any():
                raise InputError(f"object {name!r}: no Gaussian has most of its votes for it; select it again")
    classes = _classes(scene, renderer, gaussians)
    written = to_input(gaussians, run.frame) if options.frame == "input" else gaussians
    written = written.to("cpu")
    comments = tuple(f"object_id {number} is {name}" for number, name in enumerate(objects.names, start=1))
    properties = {"object_id": ids.numpy().astype(np.int32), **classes}
    kept = [torch.ones_like(ids, dtype=torch.bool), *(ids == n for n in range(1, len(objects) + 1)), ids == 0]
    for path, which in zip(files, kept):
        chosen = {name: values[which.numpy()] for name, values in properties.items()}
        write_gaussians(path, written.where(which), chosen, comments)
    return files


def _classes(scene: Any, renderer: Any, gaussians: Any) -> dict[str, np.ndarray]:
    """The class of each Gaussian, by the votes of the classes that the views show; empty without classes."""
    from nerfseg_ns.core.class_table import IGNORE
    from nerfseg_ns.selection.console_listener import console_listener
    from nerfseg_ns.selection.field_renderer import evaluating
    from nerfseg_ns.selection.selector import Listener
    from nerfseg_ns.splats.gaussian_votes import gradient_votes, memberships

    model = scene.model
    table = getattr(model, "class_table", None)
    if table is None or getattr(model, "stage", 1) != 2:
        return {}

    def views(listener: Listener) -> Iterator[tuple[Any, Tensor]]:
        for view in range(len(scene.names)):
            listener.step("counting classes", view, len(scene.names))
            with evaluating(model):
                shown = model.get_outputs_for_camera(scene.nerfstudio_camera(view).to(model.device))["semantics"]
            found = shown.argmax(dim=-1).clamp(max=len(table) - 1)
            yield scene.camera(view), torch.nn.functional.one_hot(found, len(table)).float()

    with console_listener() as listener:
        votes = gradient_votes(renderer.rasteriser, gaussians, views(listener), len(table))
        listener.step("counting classes", len(scene.names), len(scene.names))
    share = memberships(votes, gaussians)
    best, place = share.max(dim=-1)
    return {"class_id": torch.where(best > 0, place, IGNORE).cpu().numpy().astype(np.int32)}
