"""Short names of views that tell them apart."""

import os
from collections.abc import Sequence
from pathlib import Path


def view_names(files: Sequence[Path]) -> list[str]:
    """File stems; where they repeat, as many folders in front as it takes, with slashes; else the suffix as well.

    Args:
        files: the image of each view, no file twice.
    """
    paths = [Path(os.path.abspath(file)) for file in files]
    for named in ([path.with_suffix("") for path in paths], paths):
        for depth in range(1, max((len(path.parts) for path in named), default=1)):
            names = ["/".join(path.parts[1:][-depth:]) for path in named]
            if len(set(names)) == len(names):
                return names
    raise ValueError("a file is in the list twice")
