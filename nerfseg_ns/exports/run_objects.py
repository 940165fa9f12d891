"""The objects that an export labels besides the classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.core.view_samples import ViewSamples
from nerfseg_ns.selection.object_export import check_frame
from nerfseg_ns.selection.object_file import read_object
from nerfseg_ns.selection.selected_object import SelectedObject


@dataclass(frozen=True, eq=False)
class RunObjects:
    """Objects with the ids 1, 2, ... in their order; 0 is no object.

    Where two overlap, the one wins that has more of the votes or of the ray.
    """

    objects: tuple[SelectedObject, ...]

    @classmethod
    def read(cls, paths: Sequence[Path], frame: SceneFrame, device: torch.device | str = "cpu") -> "RunObjects":
        """Read the files of nerfseg segment.

        Args:
            paths: NAME.npz.
            frame: of the run that is exported.
            device: where the votes go.

        Raises:
            InputError: a file that is not one, of another run, or two of one name.
        """
        objects = []
        for path in paths:
            stored = read_object(path, device)
            check_frame(path, stored, frame)
            objects.append(stored.object)
        names = [selected.prompt.name for selected in objects]
        if len(set(names)) < len(names):
            raise InputError(f"--objects: two files hold objects of one name ({', '.join(names)})")
        return cls(tuple(objects))

    def __len__(self) -> int:
        return len(self.objects)

    @property
    def names(self) -> tuple[str, ...]:
        """Their names; an object's id is its place here, counted from 1."""
        return tuple(selected.prompt.name for selected in self.objects)

    @property
    def class_names(self) -> tuple[str | None, ...]:
        """What each is, where its prompts say so."""
        return tuple(selected.prompt.class_name for selected in self.objects)

    def at(self, positions: Float[Tensor, "points 3"]) -> Int[Tensor, " points"]:
        """The id at points of the scene frame."""
        best = positions.new_zeros(len(positions))
        ids = torch.zeros(len(positions), dtype=torch.int32, device=positions.device)
        for number, selected in enumerate(self.objects, start=1):
            membership = selected.membership(positions)
            better = (membership > selected.threshold) & (membership > best)
            ids[better], best = number, torch.where(better, membership, best)
        return ids

    def seen(self, samples: ViewSamples) -> Int[Tensor, "h w"]:
        """The id in every pixel of a view."""
        best = torch.full_like(samples.distance, 0.5)
        ids = torch.zeros(samples.size, dtype=torch.int32, device=best.device)
        for number, selected in enumerate(self.objects, start=1):
            share = selected.share(samples)
            better = share > best
            ids[better], best = number, torch.where(better, share, best)
        return ids
