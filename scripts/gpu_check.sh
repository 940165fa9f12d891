#!/usr/bin/env bash
# Everything that only a CUDA GPU can show, in one run: the tests marked gpu, nerfseg at full size in mixed precision
# (PSNR, mIoU, time, peak memory), rays per second against nerfacto, nerfseg-splat against nerfseg (classes, views a
# second, 30 objects by one click), and two GPUs where there are two.
# Usage: bash scripts/gpu_check.sh [SCENE]        SCENE: a Carla-MVS scene; by default a city of 512x512 views is made
# Writes benchmarks/gpu-NAME.json (NAME: the GPU's), gpu-speed.json and splats_city_a.json there; works in
# outputs/gpu-check/. The rows with clicks need MobileSAM's weights: nerfseg sam install mobile-sam
# NO_SETUP=1 uses the python on the path as it is: it needs nerfstudio, and no network.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

STAGE1_STEPS=${STAGE1_STEPS:-30000}
STAGE2_STEPS=${STAGE2_STEPS:-5000}
SPLAT_STAGE2_STEPS=${SPLAT_STAGE2_STEPS:-2000}
LABELLED=${LABELLED:-5}
export STAGE1_STEPS STAGE2_STEPS SPLAT_STAGE2_STEPS LABELLED

fail() { printf 'error: %s\n' "$*" >&2; exit 1; }
say() { printf '\n== %s\n' "$*"; }

case "${1:-}" in
  -h | --help) sed -n '2,8s/^# //p' "${BASH_SOURCE[0]}"; exit 0 ;;
  -*) fail "unknown option '$1'; accepted: the folder of a scene" ;;
esac
scene="${1:-}"
if [ -n "$scene" ] && [ ! -d "$scene/train" ]; then
  fail "$scene: not a scene; expected train/ and test/ in it, as docs/data-formats.md has them"
fi

if [ -n "${NO_SETUP:-}" ]; then
  export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
  # what the entry points say, for a package that is not installed
  export NERFSTUDIO_METHOD_CONFIGS="nerfseg=nerfseg_ns.methods:nerfseg,nerfseg-splat=nerfseg_ns.methods:nerfseg_splat"
  export NERFSTUDIO_DATAPARSER_CONFIGS="carla-mvs-data=nerfseg_ns.data.carla_mvs_dataparser:carla_mvs_data"
else
  bash scripts/setup.sh --dev
  export PATH="$PWD/.venv/bin:$PATH"
fi
export MPLBACKEND=Agg

python - <<'PYTHON' || exit 1
import sys, torch
if not torch.cuda.is_available():
    sys.exit(f"no CUDA GPU that torch {torch.__version__} can use: nothing to check here. The tests of everything else: "
             "bash scripts/test.sh")
PYTHON

work=outputs/gpu-check
rm -rf "$work"
mkdir -p "$work/parts"
# part NAME COMMAND...: runs it, notes how it ended and how long it took, and goes on
part() {
  local name=$1 status=0
  shift
  say "$name"
  SECONDS=0
  "$@" </dev/null || status=$?
  printf '{"exit": %d, "seconds": %d}\n' "$status" "$SECONDS" >"$work/parts/$name.json"
  [ "$status" = 0 ] || echo "$name failed with status $status" >&2
}
train() { python -m nerfstudio.scripts.train "$@"; }
nerfseg() { python -m nerfseg_ns.cli "$@"; }

if [ -z "$scene" ]; then
  scene=$work/scene
  say "making a city of 80 views of 512x512"
  nerfseg scene "$scene" --views 80 --size 512 --seed 7
fi

part tests python -m pytest -m gpu --junitxml="$work/tests.xml"
run=$work/outputs/check/nerfseg/run
part train train nerfseg --data "$scene" --output-dir "$work/outputs" --experiment-name check --timestamp run \
  --vis tensorboard --mixed-precision True \
  --pipeline.stage1-steps "$STAGE1_STEPS" --pipeline.stage2-steps "$STAGE2_STEPS" \
  carla-mvs-data --labelled-views "$LABELLED"
part evaluate nerfseg evaluate --load-config "$run/config.yml" --output-path "$work/report.json"
part speed nerfseg benchmark configs/gpu-speed.yaml --data "$scene" --overwrite
# nerfseg and nerfseg-splat once more, each row in a process of its own: classes, seconds of both stages, 30 clicks
benchmark=$work/splats_city_a.yaml
python - "$benchmark" <<'PYTHON'
import os, pathlib, sys, yaml

plan = yaml.safe_load(pathlib.Path("configs/splats_city_a.yaml").read_text())
plan["defaults"]["overrides"]["pipeline.datamanager.dataparser.labelled_views"] = int(os.environ["LABELLED"])
for row in plan["rows"]:
    if "method" in row:
        steps = {"pipeline.stage2_steps": int(os.environ["SPLAT_STAGE2_STEPS" if "splat" in row["method"] else "STAGE2_STEPS"])}
        if "geometry_of" not in row:
            steps["pipeline.stage1_steps"] = int(os.environ["STAGE1_STEPS"])
        row["overrides"] = {**steps, **row.get("overrides", {})}
pathlib.Path(sys.argv[1]).write_text(yaml.safe_dump(plan, sort_keys=False))
PYTHON
part splat-table nerfseg benchmark "$benchmark" --data "$scene" --overwrite
rows=benchmarks/splats_city_a-runs
part render-speed python scripts/render_speed.py "$work/render-speed.json" \
  "$rows/nerfseg/train/nerfseg/run/config.yml" "$rows/nerfseg-splat/train/nerfseg-splat/run/config.yml"
part splat-figures python scripts/splat_figures.py benchmarks/splats_city_a.json "$work/render-speed.json" "$work/splats.json"
if [ "$(python -c 'import torch; print(torch.cuda.device_count())')" -ge 2 ]; then
  part two-gpus train nerfseg --data "$scene" --output-dir "$work/outputs" --experiment-name two --timestamp run \
    --vis tensorboard --machine.num-devices 2 --pipeline.stage1-steps 200 --pipeline.stage2-steps 100 \
    carla-mvs-data --labelled-views "$LABELLED"
fi

say "result"
python - "$work" "$scene" "$run" <<'PYTHON'
import json, pathlib, re, sys, xml.etree.ElementTree as xml

import torch
from nerfseg_ns.benchmark.machine import hardware, versions
from nerfseg_ns.core.whole_file import write_whole_text

work, scene, run = (pathlib.Path(argument) for argument in sys.argv[1:])


def read(path):
    return json.loads(path.read_text()) if path.is_file() else None


def training():
    """What the run itself logged: peak memory, and whether it was finite."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run), size_guidance={"scalars": 0})
    events.Reload()
    series = {tag: [event.value for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    loss = torch.tensor(series.get("Train Loss", []))
    memory = series.get("GPU Memory (MB)", [])
    return {
        "settings": {name: config_line(name) for name in ("stage1_steps", "stage2_steps", "mixed_precision", "implementation")},
        "losses_logged": len(loss),
        "losses_finite": bool(torch.isfinite(loss).all()) if len(loss) else None,
        "peak_memory_gib": max(memory) / 1024 if memory else None,
    }


def config_line(name):
    found = re.search(rf"^\s*{name}: (.*)$", (run / "config.yml").read_text(), re.MULTILINE)
    return found[1] if found else None


parts = {path.stem: read(path) for path in sorted((work / "parts").glob("*.json"))}
tests = None
if (work / "tests.xml").is_file():
    suites = list(xml.parse(work / "tests.xml").getroot().iter("testsuite"))
    tests = {key: sum(int(suite.get(key, 0)) for suite in suites) for key in ("tests", "failures", "errors", "skipped")}
report = read(work / "report.json")
render_speed = read(work / "render-speed.json")
try:
    import tinycudann  # noqa: F401
    tcnn = True
except ImportError:
    tcnn = False
gpu = torch.cuda.get_device_properties(0)
document = {
    "gpu": {"name": gpu.name, "memory_gib": round(gpu.total_memory / 2**30, 1), "count": torch.cuda.device_count()},
    "tiny_cuda_nn": tcnn,
    "scene": scene.resolve().name,
    "parts": parts,
    "tests": tests,
    "training": training() if (run / "config.yml").is_file() else None,
    "report": report and {key: value for key, value in report.items() if key != "per_view"},
    "render_speed": render_speed,
    "splats": read(work / "splats.json"),
    "hardware": hardware(),
    "versions": versions(),
}
name = re.sub(r"[^a-z0-9]+", "-", gpu.name.lower().removeprefix("nvidia")).strip("-")
path = pathlib.Path("benchmarks") / f"gpu-{name}.json"
write_whole_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")
failed = [part for part, outcome in parts.items() if outcome["exit"] != 0]
print(f"tiny-cuda-nn: {'yes' if tcnn else 'no, the torch path was measured'}")
if report is not None:
    print("PSNR {psnr:.2f} dB, SSIM {ssim:.3f}".format(**report), end="")
    print("" if report["miou"] is None else ", mIoU {miou:.3f}, overall accuracy {overall_accuracy:.3f}".format(**report))
for entry in render_speed or []:
    print("{method}: {views_per_second} views/s of {size}".format(**entry))
print(f"figures: {path}, benchmarks/gpu-speed.json and benchmarks/splats_city_a.json")
sys.exit(f"failed: {', '.join(failed)}" if failed else 0)
PYTHON
