"""``nerfseg benchmark``: measure the rows of a YAML file, or make tables from the results."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from nerfseg_ns.benchmark.generated_tables import check_tables, update_tables
from nerfseg_ns.benchmark.plan import read_plan
from nerfseg_ns.benchmark.results import markdown, read_results
from nerfseg_ns.benchmark.runner import run_plan
from nerfseg_ns.core.input_error import InputError


@dataclass
class BenchmarkOptions:
    """Options of ``nerfseg benchmark``."""

    config: tyro.conf.Positional[Path | None] = None
    """The YAML file with the rows to measure, such as configs/speed.yaml."""
    data: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="[NAME=]FOLDER")] = ()
    """A scene folder that takes the place of the one in the YAML file; NAME=FOLDER for one of several scenes."""
    output_dir: Path = Path("benchmarks")
    """Folder of the results: NAME.json and its plots."""
    only: tuple[str, ...] | None = None
    """Measure only these rows, and unmeasured ones that they build on; * and ? stand for any letters."""
    overwrite: bool = False
    """Measure rows again that have a result."""
    table: Path | None = None
    """Print the Markdown table of a results file and measure nothing."""
    update: Path | None = None
    """Make the tables in a document anew, between <!-- benchmark:NAME --> and <!-- /benchmark:NAME -->."""
    check: Path | None = None
    """Fail when a table in a document is not the one of the results."""


def main(arguments: list[str]) -> None:
    """Run the command.

    Raises:
        InputError: a mistake in the options, the YAML file, the results or the document; a row that failed.
    """
    options = tyro.cli(
        BenchmarkOptions,
        args=arguments,
        prog="nerfseg benchmark",
        description="Measure the rows of a YAML file, each in its own process, into OUTPUT-DIR/NAME.json; rows that "
        "have a result are kept. Or make tables from the results (--table, --update, --check).",
    )
    actions = [options.config, options.table, options.update, options.check]
    if sum(action is not None for action in actions) != 1:
        raise InputError(
            "give one of: a YAML file such as configs/speed.yaml, --table FILE, --update FILE, --check FILE"
        )
    if options.table is not None:
        print(markdown(read_results(options.table)), end="")
    elif options.update is not None:
        changed = update_tables(options.update, options.output_dir)
        print(f"{options.update}: {'tables made anew' if changed else 'tables were current'}")
    elif options.check is not None:
        check_tables(options.check, options.output_dir)
        print(f"{options.check}: tables are current")
    elif options.config is not None:
        if options.only is not None and not any(options.only):
            raise InputError("--only: expected names of rows, or patterns such as '* / 5 views / *'")
        folder, scenes = _scene_folders(options.data)
        plan = read_plan(options.config, folder, scenes, options.output_dir / "scenes")
        results = run_plan(plan, options.output_dir, options.only or (), options.overwrite)
        print(f"\n{markdown(results)}\n{options.output_dir / plan.name}.json")


def _scene_folders(words: tuple[str, ...]) -> tuple[Path | None, dict[str, Path]]:
    """The one folder that has no name, and the folders by name."""
    scenes = dict(word.split("=", 1) for word in words if "=" in word)
    plain = [word for word in words if "=" not in word]
    if len(plain) > 1 or (plain and scenes) or "" in plain or "" in scenes.values():
        raise InputError(f"--data {' '.join(words)}: expected one folder, or NAME=FOLDER for each scene")
    return Path(plain[0]) if plain else None, {name: Path(folder) for name, folder in scenes.items()}
