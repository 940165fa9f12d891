"""What all browsers of a viewer share: the trained scene, the 2D segmenter and the engine."""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.selection.prompts import ObjectPrompt
from nerfseg_ns.viewer.canvas import Canvas
from nerfseg_ns.viewer.captured_view import ViewPixel, best_view, box_in_view, clicked_point, sky_view

if TYPE_CHECKING:
    from nerfstudio.pipelines.base_pipeline import Pipeline

    from nerfseg_ns.core.pinhole import Pinhole
    from nerfseg_ns.segmenters.segmenter import Segmenter
    from nerfseg_ns.selection.run_scene import RunScene
    from nerfseg_ns.selection.scene import Scene
    from nerfseg_ns.selection.selected_object import SelectedObject
    from nerfseg_ns.selection.selector import Listener, Selector
    from nerfseg_ns.viewer.class_learner import ClassLearner

DEFAULT_SEGMENTER = "mobile-sam"
DEFAULT_METHOD = "vote"


@dataclass(frozen=True, eq=False)
class Preview:
    """A prompt's mask in its first view.

    Args:
        view: the view's name.
        image: what the segmenter saw of it, RGB.
        mask: at the size of the view's camera.
    """

    view: str
    image: UInt8[np.ndarray, "h w 3"]
    mask: Bool[np.ndarray, "mask_h mask_w"]


class Workbench:
    """Makes everything at the first click, so that a viewer costs nothing until then.

    Its methods may be called from several threads. They raise InputError for what a user can mend.

    Args:
        pipeline: the trained run, or one in training.
        folder: where exported objects go.
        lock: nerfstudio's train lock, which keeps training and rendering off the model; None: there is none.
        segmenter: name of the 2D segmenter.
        method: name of the engine.
        finished: the weights do not change any more.
        make_way: see :class:`~nerfseg_ns.viewer.shared_renderer.SharedRenderer`.
        learner: of classes from objects; None: they are not learned here.
    """

    def __init__(
        self,
        pipeline: "Pipeline",
        folder: Path,
        lock: "threading.Lock | None" = None,
        segmenter: str = DEFAULT_SEGMENTER,
        method: str = DEFAULT_METHOD,
        finished: bool = True,
        make_way: Callable[[], None] = lambda: None,
        learner: "ClassLearner | None" = None,
    ) -> None:
        self.learner = learner
        self.pipeline = pipeline
        self.folder = folder
        self.segmenter = segmenter
        self.method = method
        self.finished = finished
        self.make_way = make_way
        self._lock = lock if lock is not None else threading.Lock()
        self._making = threading.RLock()
        self._scene: RunScene | None = None
        self._scene_age = 0
        self._selector: Selector | None = None
        # A preview must not wait for a selection, and a segmenter has one current image.
        self._segmenters: dict[str, Segmenter] = {}
        self._using = {"preview": threading.Lock(), "selection": threading.Lock()}

    def scene(self) -> "RunScene":
        """The views of the run; what was rendered is let go of when training has gone on since."""
        with self._making:
            age = _age(self.pipeline.model)
            if self._scene is None:
                from nerfseg_ns.selection.run_scene import RunScene
                from nerfseg_ns.viewer.shared_renderer import SharedRenderer

                self._scene = RunScene.from_pipeline(self.pipeline, keep_on_disk=self.finished)  # type: ignore[arg-type]
                self._scene.renderer = SharedRenderer(self._scene.renderer, self._lock, self.make_way)
            elif age != self._scene_age:
                self._scene.forget()
            self._scene_age = age
            return self._scene

    def surface(self, origins: Float[Tensor, "rays 3"], directions: Float[Tensor, "rays 3"]) -> Float[Tensor, " rays"]:
        """See :func:`nerfseg_ns.viewer.surface_rays.surface_distance`."""
        from nerfseg_ns.viewer.surface_rays import surface_distance

        return surface_distance(self.scene().renderer, origins, directions)

    def place_click(
        self,
        origin: Float[Tensor, "3"],
        direction: Float[Tensor, "3"],
        preferred: Sequence[str] = (),
        sky: bool = False,
    ) -> tuple[str, float, float]:
        """The captured view and the pixel in it that a click's ray means.

        Args:
            origin: scene frame.
            direction: unit length.
            preferred: names of views to stay with where they show the point.
            sky: a click may mean the sky.
        """
        scene = self.scene()
        if sky and not self.surface(origin[None], direction[None]).isfinite().any():
            cameras = [_on_cpu(scene.camera(view)) for view in range(len(scene.names))]
            pixel = sky_view(direction, cameras, self.surface)
            return scene.names[pixel.view], pixel.x, pixel.y
        point = clicked_point(origin, direction, self.surface)
        pixel = self._best_view(scene, point, origin, preferred)
        return scene.names[pixel.view], pixel.x, pixel.y

    def place_box(
        self, canvas: Canvas, low: tuple[float, float], high: tuple[float, float], preferred: Sequence[str] = ()
    ) -> tuple[str, tuple[float, float, float, float]]:
        """The captured view and the box in it that a rectangle on the canvas means.

        Args:
            canvas: the camera it was drawn with.
            low: its upper left corner, in 0..1 of the canvas.
            high: its lower right corner.
            preferred: as in :meth:`place_click`.
        """
        scene = self.scene()
        places = torch.tensor([[low[0], low[1]], [high[0], low[1]], [low[0], high[1]], [high[0], high[1]]])
        middle = canvas.directions(places.mean(dim=0, keepdim=True))[0]
        centre = clicked_point(canvas.eye, middle, self.surface)
        pixel = self._best_view(scene, centre, canvas.eye, preferred)
        box = box_in_view(canvas.facing(places, centre), centre, _on_cpu(scene.camera(pixel.view)))
        return scene.names[pixel.view], box

    def _best_view(self, scene: "Scene", point: Tensor, eye: Tensor, preferred: Sequence[str]) -> ViewPixel:
        cameras = [_on_cpu(scene.camera(view)) for view in range(len(scene.names))]
        names = list(scene.names)
        return best_view(point, eye, cameras, self.surface, [names.index(name) for name in preferred if name in names])

    def preview(self, prompt: ObjectPrompt) -> Preview:
        """The mask of a prompt in its first view; nothing is done in 3D."""
        from nerfseg_ns.selection.sky import sky_mask

        scene = self.scene()
        first = sky_mask(scene, prompt)
        if first is None:
            with self._using["preview"]:
                first = self._engine().first_mask(scene, self._segmenter("preview"), prompt)
        return Preview(scene.names[first.view], scene.image(first.view), first.masks[first.chosen])

    def select(self, prompts: Sequence[ObjectPrompt], listener: "Listener") -> Iterator["SelectedObject"]:
        """Objects in 3D, each handed out as soon as it is finished; another browser's selection is waited for."""
        from nerfseg_ns.selection.sky import select_with_sky

        while not self._using["selection"].acquire(timeout=0.2):
            listener.step("waiting for another selection", 0, 0)
        try:
            yield from select_with_sky(self._engine(), self.scene(), self._segmenter("selection"), prompts, listener)
        finally:
            self._using["selection"].release()

    def export(self, selected: "SelectedObject", listener: "Listener") -> Path:
        """Write an object's file, masks, points, mesh and box into a new folder of the run.

        Returns:
            The folder.
        """
        from nerfseg_ns.selection.object_export import export_object
        from nerfseg_ns.selection.object_file import write_object
        from nerfseg_ns.selection.object_masks import write_masks

        scene, name = self.scene(), selected.prompt.name
        with self._using["selection"]:
            folder = _new_folder(self.folder, name)
            write_object(folder / f"{name}.npz", selected, scene.frame)
            write_masks(scene, selected, folder / "masks", listener)
            export_object(scene, selected, folder, listener=listener)
        return folder

    def _engine(self) -> "Selector":
        with self._making:
            if self._selector is None:
                from nerfseg_ns.selection.selector import make_selector

                self._selector = make_selector(self.method)
            return self._selector

    def _segmenter(self, use: str) -> "Segmenter":
        with self._making:
            if use not in self._segmenters:
                from nerfseg_ns.segmenters.registry import make_segmenter

                self._segmenters[use] = make_segmenter(self.segmenter)
            return self._segmenters[use]


def _on_cpu(camera: "Pinhole") -> "Pinhole":
    return replace(camera, c2w=camera.c2w.cpu())


def _age(model: Any) -> int:
    """A number that changes whenever training changes the geometry: torch counts in-place changes of a tensor."""
    if hasattr(model, "gauss_params"):
        return int(model.step)
    return sum(parameter._version for parameter in model.field.parameters()) if hasattr(model, "field") else 0


def _new_folder(parent: Path, name: str) -> Path:
    for number in itertools.count(1):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue
        except OSError as error:
            raise InputError(f"{folder}: cannot be made ({error.strerror})") from None
    raise AssertionError("itertools.count has no end")
