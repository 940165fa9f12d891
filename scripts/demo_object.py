"""The object that scripts/demo.sh selects by one click, and how well it fits.

python scripts/demo_object.py click SCENE PROMPTS.json        chooses a building and writes the click on it
python scripts/demo_object.py score RUN/config.yml FOLDER     scores what nerfseg segment made of it: FOLDER/score.json

The click stands for a user's. It is on the building that a training view shows largest, whole and with no other one
touching it (of houses in a row, a click may mean one or all), in that view, on the pixel farthest from the edge of its
true mask.
"""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from nerfseg_ns.core.mask_prompts import bounding_box, inner_points
from nerfseg_ns.core.whole_file import write_whole_text
from nerfseg_ns.selection.prompts import ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.prompts_file import write_prompts

CLASS = "Building"
MINIMUM_PIXELS = 100
"""A test view counts when so many pixels of the object show, as in `nerfseg benchmark`."""


def choose_click(scene: Path, prompts: Path) -> None:
    """Write prompts.json with one click; the object is named after its id, such as ``building 245``."""
    objects = json.loads((scene / "classes.json").read_text())["objects"]
    wanted = [entry["id"] for entry in objects if entry["class"] == CLASS]
    best, found = (False, 0), None
    for path in sorted((scene / "train" / "instances").glob("*.png")):
        ids = np.array(Image.open(path))
        for number in np.intersect1d(ids, wanted):
            mask = ids == number
            x0, y0, x1, y1 = bounding_box(mask)
            beside = ndimage.binary_dilation(mask, iterations=2) & ~mask
            whole = min(x0, y0) > 0 and max(x1, y1) < len(ids)
            rank = (whole and not np.isin(ids[beside], wanted).any(), int(mask.sum()))
            if rank > best:
                best, found = rank, (int(number), path.stem, mask)
    if found is None:
        sys.exit(f"{scene}: no training view shows a {CLASS.lower()}")
    number, view, mask = found
    x, y = inner_points(mask, 1, 0.0)[0].tolist()
    write_prompts(prompts, [ObjectPrompt(f"{CLASS.lower()} {number}", (ViewPrompt(view, ((x, y, 1),)),))])
    print(f"{CLASS.lower()} {number}: a click at ({x:g}, {y:g}) of view {view}")


def score(config: Path, folder: Path) -> None:
    """Write the mean IoU of the object's masks in the test views with the generator's own, and the report's figures."""
    from nerfseg_ns.evaluation.trained_run import load_run
    from nerfseg_ns.selection.object_file import read_object
    from nerfseg_ns.selection.run_scene import RunScene

    report = json.loads((folder / "report.json").read_text())
    ((name, entry),) = report["objects"].items()
    number = int(name.rpartition(" ")[2])
    run = load_run(config, "test")
    scene = RunScene.from_run(run)
    selected = read_object(folder / f"{name}.npz", scene.model.device).object
    ious = []
    for view, image in enumerate(run.dataset.image_filenames):
        truth = np.array(Image.open(image.parents[1] / "instances" / image.name)) == number
        if truth.sum() >= MINIMUM_PIXELS:
            mask = selected.mask(scene.samples(view)).cpu().numpy()
            ious.append(float((mask & truth).sum() / (mask | truth).sum()))
    document = {
        "name": name,
        "views_used": len(entry["views_used"]),
        "agreement": entry["agreement"],
        "seconds": sum(entry["seconds"].values()),
        "test_views": len(ious),
        "iou": float(np.mean(ious)) if ious else None,
    }
    write_whole_text(folder / "score.json", json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    actions = {"click": choose_click, "score": score}
    if len(sys.argv) != 4 or sys.argv[1] not in actions:
        sys.exit(__doc__)
    actions[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
