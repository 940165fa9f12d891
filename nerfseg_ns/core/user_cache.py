"""Where files are kept that can be had again: weights, embeddings."""

import os
from pathlib import Path


def user_cache() -> Path:
    """The folder for files that can be fetched or computed again; it need not exist yet.

    ``$NERFSEG_CACHE`` when set, else ``nerfseg`` in ``$XDG_CACHE_HOME`` or in ``~/.cache``.
    """
    chosen = os.environ.get("NERFSEG_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    shared = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not shared.is_absolute():  # unset; or relative, which the XDG specification says to ignore
        shared = Path.home() / ".cache"
    return shared / "nerfseg"
