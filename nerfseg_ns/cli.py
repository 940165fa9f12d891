"""The ``nerfseg`` command: a table of subcommands, each imported only when it is called.

``nerfseg --help`` therefore answers at once, and a subcommand whose libraries are missing breaks only itself.
"""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

from nerfseg_ns import __version__
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean

COMMANDS: Mapping[str, tuple[str, str]] = {
    "scene": ("nerfseg_ns.scene.command:main", "make a demonstration scene: a procedural city with exact labels"),
    "labels": ("nerfseg_ns.labels.command:main", "import labels drawn in CVAT, labelme and the like into a scene"),
    "evaluate": ("nerfseg_ns.evaluation.command:main", "score a trained run: mIoU, accuracy, PSNR, SSIM, pictures"),
    "viewer": ("nerfseg_ns.viewer.command:main", "look at a trained run and select objects in 3D by clicks"),
    "segment": ("nerfseg_ns.selection.command:main", "select objects in 3D by clicks and boxes in a few views"),
    "import-ply": (
        "nerfseg_ns.splats.import_command:main",
        "make a run of a PLY file of Gaussians and its cameras, without training",
    ),
    "export": ("nerfseg_ns.exports.command:main", "write what a run or a selection holds for other programs"),
    "sam": ("nerfseg_ns.segmenters.command:main", "install and list the weights of the 2D segmenters"),
    "benchmark": ("nerfseg_ns.benchmark.command:main", "measure the rows of a YAML file, or write tables from results"),
}
"""name -> (``module:function`` taking the remaining arguments, one line of help)."""


def help_text(commands: Mapping[str, tuple[str, str]] = COMMANDS) -> str:
    """What ``nerfseg --help`` prints."""
    width = max(len(name) for name in commands)
    lines = [f"  {name:<{width}}  {summary}" for name, (_, summary) in commands.items()]
    return "\n".join(
        [
            "usage: nerfseg COMMAND [OPTIONS]",
            "",
            "Semantic segmentation of aerial scenes in 3D. Training, viewing and rendering are nerfstudio's own",
            "commands: ns-train nerfseg, ns-viewer, ns-render, ns-export.",
            "",
            "commands:",
            *lines,
            "",
            "  nerfseg COMMAND --help  the options of a command",
            "  nerfseg --version       the version of the package",
        ]
    )


def run(arguments: Sequence[str], commands: Mapping[str, tuple[str, str]] = COMMANDS) -> int:
    """Run one subcommand.

    Args:
        arguments: the words after ``nerfseg``.
        commands: the table of subcommands.

    Returns:
        Exit code: 0 done, 1 a mistake in the input, 2 a mistake in the command line, 130 stopped with Ctrl+C.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        print(help_text(commands), file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    name, rest = arguments[0], list(arguments[1:])
    if name == "--version":
        print(f"nerfseg_ns {__version__}")
        return 0
    if name not in commands:
        print(f"error: nerfseg has no command {name!r}; {did_you_mean(name, commands)}", file=sys.stderr)
        return 2
    module_name, function_name = commands[name][0].split(":")
    try:
        getattr(import_module(module_name), function_name)(rest)
    except InputError as error:
        print(error.code, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"nerfseg {name}: stopped; files written so far are whole", file=sys.stderr)
        return 130
    return 0


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
