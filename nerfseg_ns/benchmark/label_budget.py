"""Which labels a row may use: settings that every kind that learns classes has, whatever it learns them with."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nerfseg_ns.benchmark.row_kinds import RowPlace
from nerfseg_ns.core.input_error import InputError

if TYPE_CHECKING:
    from nerfseg_ns.data.semantic_dataset import SemanticDataset

LABELS = "labels"
"""Folder of a run that holds label images, as the dataparser's option ``label_data`` takes them."""

Pixels = TypeVar("Pixels", bound=np.ndarray)


@dataclass(frozen=True, kw_only=True)
class LabelBudget:
    """The labels of a row, and the size of the images it meets.

    Args:
        dataparser: name of an installed dataparser.
        labelled_views: how many training views keep their labels, spread evenly; None: all that have one.
        labels_of: name of an earlier row that wrote label images, which take the place of the scene's.
        downscale_factor: how many times to reduce images and labels; None: as the dataparser does.

    Raises:
        InputError: a number below 1.
    """

    dataparser: str = "carla-mvs-data"
    labelled_views: int | None = None
    labels_of: str | None = None
    downscale_factor: int | None = None

    def __post_init__(self) -> None:
        for name in ("labelled_views", "downscale_factor"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} {value}: expected 1 or more")

    def dataparser_options(self, place: RowPlace) -> dict[str, Any]:
        """Options of the dataparser, without those that are left to it."""
        options: dict[str, Any] = {"labelled_views": self.labelled_views, "downscale_factor": self.downscale_factor}
        if self.labels_of is not None:
            options["label_data"] = str(place.run_folder(self.labels_of) / LABELS)
        return {name: value for name, value in options.items() if value is not None}

    def require_labels(self, place: RowPlace) -> None:
        """Make sure that the row of ``labels_of`` has written labels.

        Raises:
            InputError: it has not.
        """
        if self.labels_of is not None and not (place.run_folder(self.labels_of) / LABELS / "classes.json").is_file():
            raise InputError(
                f"{place.run_folder(self.labels_of)}: row {self.labels_of!r} left no label images; measure it again: "
                f"--overwrite --only {self.labels_of!r}"
            )

    def dataset(self, place: RowPlace, split: str) -> "SemanticDataset":
        """The views of a split with their labels; the test split has all of its own.

        Args:
            place: whose ``data`` is a scene.
            split: ``train`` or ``test``.

        Raises:
            InputError: a dataparser that is not installed or lacks an option, or what is wrong with the scene.
        """
        import copy

        from nerfstudio.configs.dataparser_configs import all_dataparsers

        from nerfseg_ns.core.near_matches import did_you_mean
        from nerfseg_ns.data.semantic_dataset import SemanticDataset

        if self.dataparser not in all_dataparsers:
            known = did_you_mean(self.dataparser, all_dataparsers)
            raise InputError(f"dataparser {self.dataparser!r} is not installed; {known}")
        self.require_labels(place)
        config = copy.deepcopy(all_dataparsers[self.dataparser])
        assert place.data is not None
        config.data = place.data
        for name, value in self.dataparser_options(place).items():
            if not hasattr(config, name):
                raise InputError(f"dataparser {self.dataparser!r} has no option {name}; accepted: carla-mvs-data")
            setattr(config, name, Path(value) if name == "label_data" else value)
        return SemanticDataset(config.setup().get_dataparser_outputs(split))


def nearest(pixels: Pixels, size: tuple[int, ...]) -> Pixels:
    """An image [h, w] at another size, each pixel that of the nearest: as label images are reduced."""
    rows, columns = (((np.arange(new) + 0.5) * old / new).astype(int) for new, old in zip(size, pixels.shape))
    return pixels[rows[:, None], columns[None]]  # type: ignore[return-value]
