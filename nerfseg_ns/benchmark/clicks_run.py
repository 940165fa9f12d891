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
from nerfseg_ns.benchmark.simulated_person import SimulatedPerson
from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.label_image import LabelFormat, read_label_image
from nerfseg_ns.data.label_folder import LabelFolder
from nerfseg_ns.segmenters.registry import make_segmenter
from nerfseg_ns.selection.click_labels import ClickLabels
from nerfseg_ns.selection.console_listener import console_listener
from nerfseg_ns.selection.prompts_file import write_prompts
from nerfseg_ns.selection.selector import make_selector


def label_by_clicks(settings: Clicks, place: RowPlace) -> dict[str, Any]:
    """Write ``prompts.json`` and the label images that ``nerfseg segment --labels-out`` makes of it.

    The labels of the training views are what the simulated person sees: they say where to click, which class a click
    has, which outlines are right, and in the end how many of the pixels got the right class; nothing else of them goes
    on.

    Returns:
        ``clicks`` spent, ``actions`` (how many ``clicks``, ``boxes`` and ``granularities``), ``found`` (objects kept),
        ``given_up`` (name of each other object that was clicked -> reason), ``classes`` that have labels,
        ``classes_in_scene``, ``pixels`` (labelled), ``share`` of the pixels of all training views, ``right`` (share of
        the labelled pixels whose class is true).

    Raises:
        InputError: the row of ``run_of`` has no finished run, the scene no instance masks or labels, the segmenter no
            weights, or no object was found.
    """
    from nerfseg_ns.evaluation.trained_run import load_run
    from nerfseg_ns.selection.run_scene import RunScene

    run = load_run(place.finished_run(settings.run_of), "train")
    table, scene = run.class_table, RunScene.from_run(run)
    if table is None:
        raise InputError(f"{place.data}: the scene has no class table, so clicks have no classes")
    dataset: Any = run.dataset
    labels = [dataset.get_semantics(view)[..., 0].numpy() for view in range(len(dataset))]
    instances = [nearest(instance_image(Path(file)), ids.shape) for file, ids in zip(dataset.image_filenames, labels)]
    places = simulated_clicks(instances, labels, settings.minimum_pixels)
    if not places:
        raise InputError(f"{place.data}: no object with a class shows {settings.minimum_pixels} pixels")
    segmenter, selector = make_segmenter(settings.segmenter), make_selector(settings.engine)
    with console_listener() as listener:
        scene.prepare(listener)
    person = SimulatedPerson(scene, segmenter, selector, instances, labels, table.names)
    clicked = person.label(places, settings.clicks)
    if not clicked.objects:
        raise InputError(f"{place.data}: none of {len(clicked.given_up)} objects could be had: {clicked.given_up}")
    folder = place.run_folder(place.name)
    if folder.exists():
        shutil.rmtree(folder)
    write_prompts(folder / "prompts.json", [each.prompt for each in clicked.objects])
    with console_listener() as listener:
        ClickLabels.of(clicked.objects, table).write(scene, LabelFolder(folder / LABELS), listener)
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
        "clicks": clicked.spent,
        "actions": dict(clicked.actions),
        "found": len(clicked.objects),
        "given_up": clicked.given_up,
        "classes": len(classes - {IGNORE}),
        "classes_in_scene": len({int(c) for ids in labels for c in np.unique(ids)} - {IGNORE}),
        "pixels": pixels,
        "share": pixels / sum(ids.size for ids in labels),
        "right": right / pixels,
    }
