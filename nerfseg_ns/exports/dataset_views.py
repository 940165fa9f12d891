"""The views of an exported data set, and what is written down about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from jaxtyping import Bool
from PIL import Image

from nerfseg_ns.core.class_table import IGNORE, ClassTable
from nerfseg_ns.evaluation.trained_run import LoadedRun
from nerfseg_ns.exports.export_view import ExportView, captured_views, new_views
from nerfseg_ns.exports.label_writer import LabelWriter
from nerfseg_ns.exports.view_sampling import sample_views

if TYPE_CHECKING:
    from nerfseg_ns.exports.dataset import DatasetOptions

CAPTURED = "captured"


@dataclass(frozen=True, eq=False)
class DatasetView:
    """A view of the data set.

    Args:
        view: what is rendered.
        split: of the data set.
        source: how it came about, for views.json.
    """

    view: ExportView
    split: Literal["train", "val"]
    source: dict[str, Any]


def drawn_views(run: LoadedRun, options: "DatasetOptions", held: Bool[np.ndarray, " cameras"]) -> list[DatasetView]:
    """New views between the training cameras, clear of the test cameras' poses.

    Args:
        run: loaded with its training views.
        options: how many, and how.
        held: the cameras for validation.

    Raises:
        InputError: see :func:`~nerfseg_ns.exports.view_sampling.sample_views`, or cameras that are not perspective.
    """
    training = captured_views(run, options.downscale)
    poses = np.stack([view.camera.camera_to_worlds[0].double().numpy() for view in training])
    sampled = sample_views(
        poses,
        options.views,
        held,
        _test_poses(run),
        options.seed,
        options.position_jitter,
        options.angle_jitter,
    )
    found = []
    for number, drawn in enumerate(sampled):
        camera = training[drawn.base].camera[0:1]
        camera.camera_to_worlds = torch.from_numpy(drawn.pose).float()[None]
        (view,) = new_views(run, camera, [f"new_{number:05d}"])
        between = [training[drawn.base].name, training[drawn.other].name]
        split: Literal["train", "val"] = "val" if held[drawn.base] else "train"
        found.append(DatasetView(view, split, {"between": between, "share": round(drawn.share, 4)}))
    return found


def training_views(run: LoadedRun, options: "DatasetOptions", held: Bool[np.ndarray, " cameras"]) -> list[DatasetView]:
    """The training views themselves, as ``captured/NAME``."""
    views = captured_views(run, options.downscale, prefix=f"{CAPTURED}/")
    return [
        DatasetView(view, "val" if held[number] else "train", {"image": str(view.image)})
        for number, view in enumerate(views)
    ]


def description(
    views: Sequence[DatasetView], writer: LabelWriter, run: LoadedRun, most_ignored: float
) -> dict[str, Any]:
    """views.json: split, camera and labels of every view, and the pixels of every class.

    The split is None where more than a share of the pixels has no label.
    """
    table = writer.class_table
    counts = np.zeros(256, dtype=np.int64)
    records = []
    for entry in views:
        labels = writer.labels(entry.view)
        assert labels.classes is not None
        with Image.open(labels.classes) as image:
            here = np.bincount(np.asarray(image).reshape(-1), minlength=256)
        ignored = float(here[IGNORE] / here.sum())
        counts += here
        camera = entry.view.camera
        records.append(
            {
                "name": entry.view.name,
                "split": entry.split if ignored <= most_ignored else None,
                **entry.source,
                "width": entry.view.size[1],
                "height": entry.view.size[0],
                "fx": float(camera.fx),
                "fy": float(camera.fy),
                "cx": float(camera.cx),
                "cy": float(camera.cy),
                "camera_to_world": camera.camera_to_worlds[0].tolist(),
                "ignored": round(ignored, 4),
            }
        )
    return {
        "version": 1,
        "frame": {"transform": run.frame.transform.tolist(), "scale": run.frame.scale},
        "pixels": {entry.name: int(counts[entry.id]) for entry in table.classes} | {"ignored": int(counts[IGNORE])},
        "views": records,
    }


def card(
    document: dict[str, Any], settings: dict[str, Any], run: LoadedRun, table: ClassTable, objects: Sequence[str]
) -> str:
    """README.txt: what the data set is, and what it is not."""
    splits = [record["split"] for record in document["views"]]
    captured = sum("image" in record for record in document["views"])
    total = max(1, sum(document["pixels"].values()))
    lines = [
        "Images with predicted labels, rendered by nerfseg_ns (nerfseg export dataset).",
        "",
        "THE LABELS ARE PREDICTIONS of a model, not made by people. Train on them; do not score on them.",
        "",
        f"views: {len(splits)} ({splits.count('train')} in train.txt, {splits.count('val')} in val.txt, "
        f"{splits.count(None)} in neither: more than {settings['most_ignored']:.0%} of their pixels are {IGNORE})",
        f"of these rendered: {len(splits) - captured}; captured images with predicted labels: {captured}",
        f"run: {run.config.method_name}, {run.checkpoint.name}, step {run.step}",
        f"{IGNORE} (ignore) are labels with a probability below {settings['minimum_confidence']:g} and, in new views,",
        f"surfaces that fewer than {settings['minimum_views']} training views show: "
        f"{document['pixels']['ignored'] / total:.1%} of the pixels",
        "",
        "New views lie between a training camera and one of its nearest: position on the line, direction on the",
        f"shortest arc, then jitter (standard deviations: {settings['position_jitter']:g} of the distance, "
        f"{settings['angle_jitter']:g} degrees); seed {settings['seed']}.",
        f"val.txt: views around the last {settings['val_share']:.0%} of the training cameras. It is of the same scene:",
        "a good score there says little about other places.",
        "The scene's test views took no part: no image, no label; no new view repeats the pose of one.",
        "",
        "images/NAME.png   RGB",
        "masks/NAME.png    class ids, 8 bit with a palette",
    ]
    if objects:
        lines.append("objects/NAME.png  object ids (objects.json), 0: none")
    lines += ["views.json        camera, split and origin of every view", "", "id  class, share of the pixels"]
    lines += [f"{entry.id:>3} {entry.name}, {document['pixels'][entry.name] / total:.2%}" for entry in table.classes]
    return "\n".join(lines) + "\n"


def _test_poses(run: LoadedRun) -> np.ndarray:
    """The poses of the run's test views: to keep away from, for nothing else."""
    cameras = run.pipeline.datamanager.eval_dataset.cameras
    return cameras.camera_to_worlds.double().cpu().numpy()
