"""Rendering the labels of views into index PNGs, one view at a time."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from nerfseg_ns.core.class_table import IGNORE, ClassTable, SemanticClass
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.progress_bar import progress_bar
from nerfseg_ns.core.whole_file import replacing
from nerfseg_ns.exports.agreeing_views import agreed
from nerfseg_ns.exports.export_view import ExportView
from nerfseg_ns.exports.label_forms import Form, ViewLabels, object_table, write_coco, write_cvat
from nerfseg_ns.exports.observed_ground import ObservedGround
from nerfseg_ns.exports.run_objects import RunObjects
from nerfseg_ns.exports.view_renderer import ViewRenderer
from nerfseg_ns.labels.index_png import write_index_png

IMAGES, OBJECTS = "images", "objects"
CVAT_FILE, COCO_FILE = "cvat.zip", "coco.json"
ONLY_OBJECTS = ClassTable((SemanticClass(0, "object", (230, 60, 60)),))
"""The classes of a run without classes."""


@dataclass(frozen=True, eq=False)
class LabelWriter:
    """Writes labels of views into a folder.

    Args:
        folder: the folder.
        renderer: of the run.
        objects: to label besides the classes.
        minimum_confidence: pixels whose class is less probable get 255.
        class_folder: for index PNGs of classes.
        ground: depth maps of the training views; None: new views are taken as they are.
        minimum_views: of new views, pixels get 255 whose surface fewer training views show as well.
    """

    folder: Path
    renderer: ViewRenderer
    objects: RunObjects
    minimum_confidence: float
    class_folder: str
    ground: ObservedGround | None = None
    minimum_views: int = 0

    @property
    def class_table(self) -> ClassTable:
        """The classes of CVAT and COCO."""
        return self.renderer.class_table or ONLY_OBJECTS

    def image(self, view: ExportView) -> Path:
        """Where a view's image goes: the captured one, or else the rendered one."""
        return self.folder / IMAGES / f"{view.name}.png"

    def labels(self, view: ExportView) -> ViewLabels:
        """The files of a view, whether they are there or not."""
        has_classes = self.renderer.class_table is not None
        suffix = ".png" if view.image is None else view.image.suffix
        return ViewLabels(
            view.name,
            f"{view.name}{suffix}",
            self.folder / self.class_folder / f"{view.name}.png" if has_classes else None,
            self.folder / OBJECTS / f"{view.name}.png" if len(self.objects) else None,
        )

    def finished(self, view: ExportView, with_image: bool) -> bool:
        """Whether all files of a view are there."""
        labels = self.labels(view)
        files = [labels.classes, labels.objects, self.image(view) if with_image else None]
        return all(file is None or file.is_file() for file in files)

    def write(self, view: ExportView, with_image: bool) -> None:
        """Render a view and write its files; the image is the captured one where there is one.

        Raises:
            InputError: the folder cannot be written.
        """
        labels = self.labels(view)
        if with_image or labels.classes is not None:
            rendered = self.renderer.render(view.camera.to(self.renderer.device))
            if with_image:
                own = (rendered.rgb * 255.0).round().to(torch.uint8).cpu().numpy()
                with replacing(self.image(view)) as temporary:
                    Image.fromarray(own if view.picture is None else view.picture()).save(temporary)
            if labels.classes is not None and self.renderer.class_table is not None:
                ids = rendered.class_ids(self.minimum_confidence)
                if self.ground is not None and view.image is None:
                    camera = view.camera.to(ids.device)
                    ids[~agreed(self.ground, camera, rendered.depth, self.minimum_views)] = IGNORE
                write_index_png(labels.classes, ids.cpu().numpy(), self.renderer.class_table)
        if labels.objects is not None:
            seen = self.objects.seen(view.samples()).cpu().numpy().astype(np.uint8)
            write_index_png(labels.objects, seen, object_table(self.objects.names))

    def write_all(self, views: Sequence[ExportView], with_image: Sequence[bool], resume: bool, again: str) -> int:
        """Write the views that are not finished.

        Args:
            views: all of them.
            with_image: whether the image of each is written.
            resume: keep the views that are finished.
            again: what does the rest after Ctrl+C, for the message.

        Returns:
            How many were kept.

        Raises:
            InputError: the folder cannot be written.
        """
        kept = 0
        try:
            with progress_bar() as progress:
                task = progress.add_task("rendering the views", total=len(views))
                for view, image in zip(views, with_image):
                    if resume and self.finished(view, image):
                        kept += 1
                    else:
                        self.write(view, image)
                    progress.advance(task)
        except KeyboardInterrupt:
            done = sum(self.finished(view, image) for view, image in zip(views, with_image))
            print(f"{done} of {len(views)} views are finished in {self.folder}; {again} does the rest", file=sys.stderr)
            raise
        return kept

    def write_forms(self, labels: Sequence[ViewLabels], forms: Sequence[Form]) -> list[Path]:
        """Write what is made of the index PNGs, all of which have to be there.

        Returns:
            The files.

        Raises:
            InputError: a file that cannot be read, or the folder cannot be written.
        """
        written = []
        if "cvat" in forms:
            written.append(self.folder / CVAT_FILE)
            write_cvat(written[-1], labels, self.class_table)
        if "coco" in forms:
            written.append(self.folder / COCO_FILE)
            write_coco(written[-1], labels, self.class_table, self.objects.names)
        return written


def check_options(minimum_confidence: float, downscale: float, forms: Sequence[Form]) -> None:
    """Check what the exports of labels have in common.

    Raises:
        InputError: a value out of range, or no format.
    """
    if not 0.0 <= minimum_confidence <= 1.0:
        raise InputError(f"--minimum-confidence {minimum_confidence:g}: expected 0 to 1")
    if not downscale > 0.0:
        raise InputError(f"--downscale {downscale:g}: expected a factor above 0; 2 halves width and height")
    if not forms:
        raise InputError("--format: expected png, cvat or coco, or several of them")
