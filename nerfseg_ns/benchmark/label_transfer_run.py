"""Measures one row of kind ``label-transfer``."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from nerfseg_ns.benchmark.label_budget import nearest
from nerfseg_ns.benchmark.label_transfer import LabelTransfer
from nerfseg_ns.benchmark.labelled_points import SKY_DISTANCE, LabelledPoints, SurfaceView
from nerfseg_ns.benchmark.row_kinds import RowPlace
from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.confusion import ConfusionMatrix
from nerfseg_ns.core.image_reduction import picked_offset
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.core.progress_bar import progress_bar
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.data.pinhole_cameras import pinhole_of
from nerfseg_ns.data.semantic_dataset import SemanticDataset
from nerfseg_ns.evaluation.report import semantic_figures
from nerfseg_ns.scene.scene_writer import read_true_depth


def measure_label_transfer(settings: LabelTransfer, place: RowPlace) -> dict[str, Any]:
    """Carry the labels of the training views over to the test views.

    Returns:
        What :func:`~nerfseg_ns.evaluation.report.semantic_figures` says, ``test_views``, ``labelled_pixels``,
        ``train_views``, ``labelled_views``, ``image_size`` and ``points`` (labelled).

    Raises:
        InputError: a scene without labels or without true depth, or a row of ``geometry_of`` without a finished run.
    """
    train, test = settings.dataset(place, "train"), settings.dataset(place, "test")
    semantics = train.semantic_views
    if semantics is None or not len(semantics.class_table) or not train.labelled_view_indices:
        raise InputError(f"{place.data}: no training view has a label, so there is nothing to carry over")
    table = semantics.class_table
    seen = _views_by_run if settings.geometry_of is not None else _views_by_true_depth
    labelled = list(seen(settings, place, train, "train"))
    points = LabelledPoints(labelled, len(table), settings.neighbours, settings.colour_weight)
    confusion = ConfusionMatrix(len(table))
    with progress_bar() as progress:
        task = progress.add_task("carrying labels over", total=len(test.labelled_view_indices))
        for view in seen(settings, place, test, "test"):
            confusion.update(torch.from_numpy(points.classes_of(view)), torch.from_numpy(view.labels))
            progress.advance(task)
    return {
        **semantic_figures(confusion, table),
        "test_views": len(test),
        "labelled_pixels": int(confusion.counts.sum()),
        "train_views": len(train),
        "labelled_views": len(train.labelled_view_indices),
        "image_size": [int(test.cameras.width[0]), int(test.cameras.height[0])],
        "points": len(points),
    }


def _views_by_true_depth(
    settings: LabelTransfer, place: RowPlace, dataset: SemanticDataset, split: str
) -> Iterator[SurfaceView]:
    """The labelled views of a split by the scene's true depth, with captured colours.

    Reduced labels are those of single pixels of the label image; depth is taken at the very same pixels.
    """
    assert place.data is not None
    outputs = dataset._dataparser_outputs
    frame = SceneFrame(outputs.dataparser_transform.float(), float(outputs.dataparser_scale))
    for index in dataset.labelled_view_indices:
        path = Path(dataset.image_filenames[index])
        depth = read_true_depth(path.parents[1], path.stem)
        reduced = pinhole_of(dataset.cameras[index : index + 1])
        whole = _enlarged(reduced, (depth.shape[0], depth.shape[1]))
        distance = torch.from_numpy(depth) * frame.scale
        points, met = _points(whole, distance), distance.isfinite().numpy()
        yield _surface(dataset, index, nearest(points, reduced.size), nearest(met, reduced.size), None)


def _enlarged(camera: Pinhole, size: tuple[int, int]) -> Pinhole:
    down, across = size[0] / camera.size[0], size[1] / camera.size[1]
    return replace(
        camera,
        fx=camera.fx * across,
        fy=camera.fy * down,
        cx=(camera.cx + picked_offset(size[1], camera.size[1])) * across,
        cy=(camera.cy + picked_offset(size[0], camera.size[0])) * down,
        size=size,
    )


def _points(camera: Pinhole, distance: Float[Tensor, "h w"]) -> Float[np.ndarray, "h w 3"]:
    """The points that the pixels of a view show; those of the sky lie on a sphere around the scene."""
    met = distance.isfinite()[..., None]
    return torch.where(met, camera.points(distance), SKY_DISTANCE * camera.directions()).numpy()


def _views_by_run(
    settings: LabelTransfer, place: RowPlace, dataset: SemanticDataset, split: str
) -> Iterator[SurfaceView]:
    """The labelled views of a split by the geometry of a run, with the colours that it renders."""
    from nerfseg_ns.evaluation.trained_run import load_run
    from nerfseg_ns.selection.run_scene import RunScene

    assert settings.geometry_of is not None
    run = load_run(place.finished_run(settings.geometry_of), "train" if split == "train" else "test")
    scene, model = RunScene.from_run(run), run.pipeline.model
    for index in dataset.labelled_view_indices:
        camera = scene.camera(index)
        if camera.size != (int(dataset.cameras.height[index]), int(dataset.cameras.width[index])):
            raise InputError(
                f"row {settings.geometry_of!r} was trained on images of another size; set downscale_factor"
            )
        distance = scene.samples(index).distance.cpu()
        with torch.no_grad():
            rendered = model.get_outputs_for_camera(scene.nerfstudio_camera(index).to(model.device))["rgb"]
        points, met = _points(camera.on("cpu"), distance), distance.isfinite().numpy()
        yield _surface(dataset, index, points, met, rendered.cpu().numpy())


def _surface(
    dataset: SemanticDataset,
    index: int,
    points: Float[np.ndarray, "h w 3"],
    met: Bool[np.ndarray, "h w"],
    colours: Float[np.ndarray, "h w 3"] | None,
) -> SurfaceView:
    data = dataset.get_data(index)
    labels = data["semantics"][..., 0]
    if "mask" in data:
        labels = labels.masked_fill(~data["mask"][..., 0], IGNORE)
    captured = data["image"][..., :3].numpy()
    shown = captured if colours is None else colours
    return SurfaceView(points.reshape(-1, 3), met.reshape(-1), shown.reshape(-1, 3), labels.reshape(-1).numpy())
