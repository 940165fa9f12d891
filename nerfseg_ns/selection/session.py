"""Selecting all objects of a prompts file into a folder."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.segmenters.segmenter import Segmenter
from nerfseg_ns.selection.object_file import StoredObject
from nerfseg_ns.selection.prompts import ObjectPrompt
from nerfseg_ns.selection.scene import Scene
from nerfseg_ns.selection.selected_object import SelectedObject
from nerfseg_ns.selection.selector import Listener, Selector
from nerfseg_ns.selection.session_folder import SessionFolder
from nerfseg_ns.selection.sky import select_with_sky


@dataclass
class SessionResult:
    """What became of the objects.

    Args:
        reports: of every finished object, in the order of the prompts once all are done.
        failures: the reason for every object that could not be selected.
    """

    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def run_session(
    scene: Scene,
    frame: SceneFrame,
    segmenter: Segmenter,
    selector: Selector,
    prompts: Sequence[ObjectPrompt],
    folder: SessionFolder,
    settings: dict[str, Any],
    listener: Listener,
    finished: Mapping[str, StoredObject],
    result: SessionResult,
) -> None:
    """Select objects and write each as soon as it is finished; one that cannot be selected does not stop the others.

    What the folder has of an object stays until its replacement is written.

    Args:
        scene: the views.
        frame: its scene frame.
        segmenter: of the masks in the views.
        selector: the engine.
        prompts: checked ones.
        folder: where the results go.
        settings: what decides about the result besides the prompt.
        listener: told of the progress.
        finished: objects that the folder has and that are to be kept, by name.
        result: filled as the work goes on, so that an interrupted session can say how far it came.

    Raises:
        InputError: the folder cannot be written.
    """
    result.reports.update({name: stored.object.report for name, stored in finished.items()})
    open_prompts = [prompt for prompt in prompts if prompt.name not in finished]
    for selected in _selected(scene, segmenter, selector, open_prompts, listener, result.failures):
        complete = folder.write(scene, selected, frame, listener, settings)
        result.reports[selected.prompt.name] = complete.report


def _selected(
    scene: Scene,
    segmenter: Segmenter,
    selector: Selector,
    prompts: Sequence[ObjectPrompt],
    listener: Listener,
    failures: dict[str, str],
) -> Iterator[SelectedObject]:
    done = set()
    try:
        if prompts:
            for selected in select_with_sky(selector, scene, segmenter, prompts, listener):
                done.add(selected.prompt.name)
                yield selected
        return
    except InputError as error:
        if len(prompts) == 1:
            failures[prompts[0].name] = str(error)
            return
    for prompt in prompts:  # one of them has stopped the common pass: each on its own
        if prompt.name not in done:
            yield from _selected(scene, segmenter, selector, [prompt], listener, failures)
