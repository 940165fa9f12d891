"""Row kind ``training-speed``: rays per second and PSNR against seconds of any nerfstudio method."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nerfseg_ns.benchmark.row_kinds import MeasuredRow, RowKind, RowPlace, TableText
from nerfseg_ns.core.input_error import InputError


@dataclass(frozen=True)
class TrainingSpeed:
    """What a row of this kind measures.

    Args:
        method: name of an installed nerfstudio method.
        seconds: training time; a method that has no more steps ends earlier.
        dataparser: name of an installed dataparser; None: the method's own.
        measure_at: training times at which PSNR is measured, besides the end; seconds, rising.
        test_views: how many test views, evenly spread, PSNR is measured over.
        warmup_steps: first steps that do not count for rays per second (compilation, caches).
        datamanager: ``vanilla`` swaps the method's datamanager for nerfstudio's VanillaDataManager, with the same rays
            per batch and this package's dataset. Nerfacto's own starts processes that load the configuration again.
        device: where to train; ``auto``: the GPU when there is one.
        overrides: fields of the method's configuration by dotted keys, set last.

    Raises:
        InputError: times that are not positive and rising, or counts below one.
    """

    method: str
    seconds: float
    dataparser: str | None = None
    measure_at: tuple[float, ...] = ()
    test_views: int = 4
    warmup_steps: int = 20
    datamanager: Literal["vanilla"] | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    overrides: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        times = [0.0, *self.measure_at, self.seconds]
        if any(later <= earlier for earlier, later in zip(times, times[1:], strict=False)):
            raise InputError(
                f"seconds {self.seconds} and measure_at {list(self.measure_at)}: expected 0 < measure_at ... < seconds"
            )
        if self.test_views < 1 or self.warmup_steps < 1:
            raise InputError(f"test_views {self.test_views}, warmup_steps {self.warmup_steps}: both must be at least 1")


def _check(settings: TrainingSpeed, data: Path | None) -> None:
    from nerfseg_ns.benchmark.training_clock import training_config

    training_config(settings, data or Path(), Path())


def _measure(settings: TrainingSpeed, place: RowPlace) -> dict[str, Any]:
    from nerfseg_ns.benchmark.training_clock import measure_training  # imports torch and nerfstudio

    assert place.data is not None
    return measure_training(settings, place.data)


def _table(rows: Sequence[MeasuredRow], baseline: MeasuredRow | None) -> TableText:
    times = sorted({time for row in rows for time in row.settings["measure_at"]})
    against = [] if baseline is None else [f"against {baseline.name}"]
    header = ["", "rays/s", *against, "ms/step", *[f"PSNR after {time:g} s" for time in times]]
    header += ["PSNR at the end", "peak memory"]
    cells = [header]
    for row in rows:
        result = row.result
        ratio = [] if baseline is None else [f"{result['rays_per_second'] / baseline.result['rays_per_second']:.2f}x"]
        curve = {point["at"]: f"{point['psnr']:.2f}" for point in result["psnr_curve"]}
        gpu, main = row.memory["cuda_gib"], row.memory["resident_gib"]
        memory = f"{gpu:.1f} GiB on the GPU" if result["device"].startswith("cuda") else f"{main:.1f} GiB"
        psnrs = [curve.get(time, "–") for time in times]
        milliseconds = f"{1000 * result['seconds_per_step']:.0f}"
        end = f"{result['psnr']:.2f} after {result['train_seconds']:.0f} s"
        cells.append([row.name, f"{result['rays_per_second']:,.0f}", *ratio, milliseconds, *psnrs, end, memory])
    return TableText(cells, _note(rows))


def _note(rows: Sequence[MeasuredRow]) -> str:
    def each(say: Any) -> str:
        said = {row.name: say(row) for row in rows}
        if len(set(said.values())) == 1:
            return next(iter(said.values()))
        return ", ".join(f"{text} ({name})" for name, text in said.items())

    views = each(
        lambda row: (
            f"{row.result['test_views']} test views of {row.result['image_size'][0]}x"
            f"{row.result['image_size'][1]} of {row.data}"
        )
    )
    warmup = each(lambda row: f"{row.settings['warmup_steps']} steps")
    return (
        f"PSNR in dB over {views}, measured with the clock stopped; its seconds are training time with everything, "
        f"compilation too. rays/s and ms/step are the median step after a warm-up of {warmup}."
    )


def _plot(rows: Sequence[MeasuredRow], title: str) -> Any:
    from nerfseg_ns.benchmark.speed_plot import speed_plot

    return speed_plot({row.name: [(p["seconds"], p["psnr"]) for p in row.result["psnr_curve"]] for row in rows}, title)


training_speed = RowKind(settings=TrainingSpeed, check=_check, measure=_measure, table=_table, plot=_plot)
