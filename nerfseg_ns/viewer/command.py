"""``nerfseg viewer``: nerfstudio's viewer with the selection panel, on any run with a density field."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean


@dataclass
class ViewerOptions:
    """Options of ``nerfseg viewer``."""

    load_config: Path
    """The config.yml that ns-train wrote. It can run code of its writer's choice: load only files that you trust."""
    host: str = "127.0.0.1"
    """Address to listen on. Anyone who reaches it can use the viewer; 0.0.0.0 opens it to the network."""
    port: int = 7007
    """Port to listen on."""
    view: str | None = None
    """Name of the training view where browsers start: the stem of its image. By default they start as in ns-viewer."""
    segmenter: str = "mobile-sam"
    """The 2D segmenter, see `nerfseg sam list`."""
    method: Literal["vote", "sa3d"] = "vote"
    """The engine that makes 3D objects of prompts."""
    learn_steps: int | None = None
    """Steps that "Learn from clicks" trains. By default as many as stage 2 of the run, or of its method."""


def main(arguments: list[str]) -> None:
    """Run the command until it is stopped.

    Raises:
        InputError: a mistake in the options or in the run.
    """
    options = tyro.cli(
        ViewerOptions,
        args=arguments,
        prog="nerfseg viewer",
        description="Look at a trained run in the browser and select objects in 3D by clicks.",
    )
    view(options)


def view(options: ViewerOptions) -> None:
    """Start the viewer; returns only by an exception.

    Raises:
        InputError: a port or address that cannot be used, or what
            :func:`nerfseg_ns.evaluation.trained_run.load_run` raises.
    """
    _check_address(options.host, options.port)
    if options.learn_steps is not None and options.learn_steps < 1:
        raise InputError(f"--learn-steps {options.learn_steps}: expected a whole number from 1 on")

    # After the checks that need no trained model: importing nerfstudio takes seconds.
    from nerfstudio.scripts.viewer.run_viewer import _start_viewer

    from nerfseg_ns.evaluation.trained_run import load_run
    from nerfseg_ns.viewer.selection_control import SelectionControl

    run = load_run(options.load_config, "test", normals=True)
    start = None if options.view is None else _view_number(run.pipeline.datamanager.train_dataset, options.view)
    config = run.config
    config.vis = "viewer"
    config.viewer.websocket_host = options.host
    config.viewer.websocket_port = options.port
    run.pipeline.selection = SelectionControl(
        run.pipeline, options.segmenter, options.method, True, start, options.load_config, options.learn_steps
    )
    _start_viewer(config, run.pipeline, run.step)


def _view_number(dataset: Any, name: str) -> int:
    from nerfseg_ns.selection.view_names import view_names

    names = view_names(dataset.image_filenames)
    if name not in names:
        raise InputError(f"--view {name}: no such training view; {did_you_mean(name, names)}")
    return names.index(name)


def _check_address(host: str, port: int) -> None:
    import socket

    if not 1 <= port <= 65535:
        raise InputError(f"--port {port}: expected 1 to 65535")
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
    except ValueError:
        family = socket.AF_INET  # a name
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise InputError(
            f"--host {host} --port {port}: cannot listen there ({error.strerror}); try another --port"
        ) from None
