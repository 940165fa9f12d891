"""Which pixels stage 2 samples: labelled ones only, uniformly or balanced over the classes."""

from collections.abc import Sequence

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.input_error import InputError

MAX_INDEXED_PIXELS = 1 << 23
"""At most this many labelled pixels are indexed (12 bytes each), so that memory does not grow with the data set."""


class RowsByClass:
    """Which rows of a table that is sorted by class are drawn, with replacement.

    Args:
        sizes: rows of each class, at least one each.
    """

    def __init__(self, sizes: Int64[Tensor, " classes"]) -> None:
        self.ends = sizes.cumsum(0)
        self.starts = self.ends - sizes

    def draw(self, count: int) -> Int64[Tensor, " count"]:
        """Every row equally likely."""
        return torch.randint(int(self.ends[-1]), (count,))

    def draw_balanced(self, count: int) -> Int64[Tensor, " count"]:
        """Every class equally likely, then every row of it."""
        chosen = torch.randint(len(self.ends), (count,))
        sizes = self.ends[chosen] - self.starts[chosen]
        return self.starts[chosen] + (torch.rand(count, dtype=torch.float64) * sizes).long()


class LabelledPixels:
    """An index of labelled pixels that can be drawn from with replacement, so that few labels are no failure.

    Args:
        labels: uint8 label image [height, width, 1] of each view; 255 is ignored. Views may differ in size.
        max_pixels: beyond this many labelled pixels an even random subset of each view and class is kept.

    Raises:
        InputError: no pixel is labelled.
    """

    def __init__(self, labels: Sequence[UInt8[Tensor, "h w 1"]], max_pixels: int = MAX_INDEXED_PIXELS) -> None:
        counts = torch.stack([torch.bincount(image.reshape(-1).int(), minlength=256) for image in labels])
        total = int(counts[:, :IGNORE].sum())
        if total == 0:
            raise InputError(
                f"none of the {len(labels)} training views has a labelled pixel, so stage 2 has nothing to learn from; "
                "give labels (--labelled-views N needs label images beside the views) or train stage 1 alone with "
                "--pipeline.stage2-steps 0"
            )
        keep = min(1.0, max_pixels / total)
        by_class: dict[int, list[Tensor]] = {}
        for view, image in enumerate(labels):
            flat = image.reshape(-1)
            for class_id in counts[view, :IGNORE].nonzero().reshape(-1).tolist():
                rows = (flat == class_id).nonzero().reshape(-1)
                if keep < 1.0:
                    rows = rows[torch.randperm(len(rows))[: max(1, int(len(rows) * keep))]]
                y, x = rows // image.shape[1], rows % image.shape[1]
                pixels = torch.stack([torch.full_like(y, view), y, x], dim=-1).to(torch.int32)
                by_class.setdefault(class_id, []).append(pixels)
        self.classes = sorted(by_class)
        self.pixels = torch.cat([torch.cat(by_class[class_id]) for class_id in self.classes])
        self._rows = RowsByClass(torch.tensor([sum(len(p) for p in by_class[k]) for k in self.classes]))

    def __len__(self) -> int:
        return len(self.pixels)

    def draw(self, count: int) -> Int64[Tensor, "count 3"]:
        """``count`` rows (view, y, x), every labelled pixel equally likely."""
        return self.pixels[self._rows.draw(count)].long()

    def draw_balanced(self, count: int) -> Int64[Tensor, "count 3"]:
        """``count`` rows (view, y, x), every class that has labels equally likely, then every pixel of it."""
        return self.pixels[self._rows.draw_balanced(count)].long()
