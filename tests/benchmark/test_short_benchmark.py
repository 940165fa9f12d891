"""The benchmark in short, as the documentation has it: from nothing to tables and a plot."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nerfseg_ns.benchmark.command import main

CONFIG = Path(__file__).parents[2] / "configs" / "short.yaml"


@pytest.mark.slow
def test_short_benchmark(tmp_path, capsys):
    out = ["--output-dir", str(tmp_path / "out")]
    main([str(CONFIG), *out])
    said = capsys.readouterr().out
    assert "city / geometry: measuring (1 of 4)" in said and "(4 of 4, " in said and "left)" in said

    rows = [json.loads(path.read_text()) for path in (tmp_path / "out" / "short").glob("*.json")]
    cells = {row["cell"]["method"]: row for row in rows if row["cell"]}
    assert sorted(cells) == ["2D U-Net", "ours", "true-depth transfer"] and len(rows) == 4
    for row in cells.values():
        result = row["result"]
        assert 0.0 < result["miou"] < 1.0 and result["image_size"] == [64, 64]
        # the same labels and the same test pixels for all
        assert (result["train_views"], result["labelled_views"], result["test_views"]) == (8, 3, 4)
        assert result["labelled_pixels"] == 4 * 64 * 64
        assert row["hardware"]["cores"] and row["versions"]["torch"] and row["seconds"] > 0
        assert str(tmp_path) not in json.dumps(row)
    pixels = [[entry["pixels"] for entry in row["result"]["per_class"]] for row in cells.values()]
    assert pixels[0] == pixels[1] == pixels[2]
    assert cells["true-depth transfer"]["result"]["overall_accuracy"] > 0.6

    assert np.asarray(Image.open(tmp_path / "out" / "short.png")).std() > 5
    document = tmp_path / "page.md"
    document.write_text("<!-- benchmark:short:margins -->\n<!-- /benchmark:short:margins -->\n")
    main(["--update", str(document), *out])
    assert "| ours, 3 views, against 2D U-Net, 3 views | " in document.read_text()
    main(["--check", str(document), *out])
    main([str(CONFIG), *out])  # everything is kept
    assert capsys.readouterr().out.count("kept (--overwrite") == 4
