"""``nerfseg viewer`` with a segmenter that needs no weights; what follows the file's name are the command's words."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    from nerfseg_ns.cli import run
    from nerfseg_ns.segmenters import registry

    registry.SEGMENTERS = {**registry.SEGMENTERS, "colour": "stand_ins:make_colour_segmenter"}
    sys.exit(run(["viewer", *sys.argv[1:]]))
