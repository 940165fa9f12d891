"""Writes the label images of one row of kind ``clicks``."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from nerfseg_ns.benchmark.clicks import Clicks
from nerfseg_ns.benchmark.label_budget import LABELS, nearest
from nerfseg_ns.benchmark.row_kinds import RowPlace
from nerfseg_ns.benchmark.selection_objects import instance_image
from nerfseg_ns.benchmark.simulated_clicks import simulated_clicks
from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.label_image import LabelFormat, read_label_image
from nerfseg_ns.data.label_folder import LabelFolder
from nerfseg_ns.selection.command import SegmentOptions, segment
from nerfseg_ns.selection.prompts import ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.prompts_file import write_prompts


def label_by_clicks(settings: Clicks, place: RowPlace) -> dict[str, Any]:
    """Write ``prompts.json``, the objects and the label images.

    The labels of the training views say which class a click has, and how many of the pixels got the right one; nothing
    else of them goes on.

    Returns:
        ``clicks``, ``found`` (objects), ``classes`` that were clicked, ``classes_in_scene``, ``pixels`` (labelled),
        ``share`` of the pixels of all training views, ``right`` (share of the labelled pixels whose class is true).

    Raises:
        InputError: the row of ``run_of`` has no finished run, the scene no instance masks or labels, the segmenter no
            weights, or no object was found.
    """
    from nerfseg_ns.evaluation.trained_run import load_run
    from nerfseg_ns.selection.run_scene import RunScene

    config = place.finished_run(settings.run_of)
    run = load_run(config, "train")
    table, scene = run.class_table, RunScene.from_run(run)
    if table is None:
        raise InputError(f"{place.data}: the scene has no class table, so clicks have no classes")
    dataset: Any = run.dataset
    labels = [dataset.get_semantics(view)[..., 0].numpy() for view in range(len(dataset))]
    instances = [nearest(instance_image(Path(file)), ids.shape) for file, ids in zip(dataset.image_filenames, labels)]
    chosen = simulated_clicks(instances, labels, settings.clicks, settings.minimum_pixels)
    if not chosen:
        raise InputError(f"{place.data}: no object with a class shows {settings.minimum_pixels} pixels")
    prompts = [
        ObjectPrompt(
            f"{table.names[click.class_id]}-{click.object_id}",
            (ViewPrompt(scene.names[click.view], ((*click.place, 1),)),),
            class_name=table.names[click.class_id],
        )
        for click in chosen
    ]
    folder = place.run_folder(place.name)
    if folder.exists():
        shutil.rmtree(folder)
    write_prompts(folder / "prompts.json", prompts)
    options = SegmentOptions(
        load_config=config,
        prompts=folder / "prompts.json",
        output_dir=folder / "objects",
        method=settings.engine,
        segmenter=settings.segmenter,
        labels_out=folder / LABELS,
    )
    try:
        segment(options)
    except InputError as problem:  # objects that were not found; the others are written
        if not LabelFolder(folder / LABELS).table_file.is_file():
            raise
        print(problem.code, flush=True)
    written = LabelFolder(folder / LABELS)
    pixels = right = 0
    classes: set[int] = set()
    for file, truth in zip(written.labels([Path(name) for name in dataset.image_filenames]), labels):
        if file is not None:
            made = nearest(read_label_image(file, LabelFormat("index"), written.table()), truth.shape)
            known = (made != IGNORE) & (truth != IGNORE)
            pixels += int((made != IGNORE).sum())
            right += int((made == truth)[known].sum())
            classes.update(np.unique(made).tolist())
    if not pixels:
        raise InputError(f"{folder}: no click was made into a label")
    return {
        "clicks": len(chosen),
        "found": len(list((folder / "objects").glob("*.npz"))),
        "classes": len(classes - {IGNORE}),
        "classes_in_scene": len({int(c) for ids in labels for c in np.unique(ids)} - {IGNORE}),
        "pixels": pixels,
        "share": pixels / sum(ids.size for ids in labels),
        "right": right / pixels,
    }
