"""``nerfseg`` with a segmenter that needs no weights, ``colour``; what follows the file's name are nerfseg's words."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    from nerfseg_ns.cli import run
    from nerfseg_ns.segmenters import registry

    registry.SEGMENTERS = {**registry.SEGMENTERS, "colour": "stand_ins:make_colour_segmenter"}
    sys.exit(run(sys.argv[1:]))
