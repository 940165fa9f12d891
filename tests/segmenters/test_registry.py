import subprocess
import sys
from importlib import import_module

import pytest

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.segmenters.registry import SEGMENTERS, make_segmenter
from nerfseg_ns.segmenters.weights import WEIGHTS


def test_an_unknown_name_is_told_what_it_may_have_meant():
    with pytest.raises(InputError, match="no segmenter 'mobilesam'; did you mean mobile-sam"):
        make_segmenter("mobilesam")


@pytest.mark.parametrize("name", SEGMENTERS)
def test_every_factory_exists(name):
    module, function = SEGMENTERS[name].split(":")
    assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize("name", WEIGHTS)
def test_missing_weights_name_the_command_that_installs_them(name, cache):
    pytest.importorskip("onnxruntime" if name == "mobile-sam" else "segment_anything")
    with pytest.raises(InputError, match=f"not installed in {cache}.*nerfseg sam install {name}$"):
        make_segmenter(name, device="cpu")


def test_published_weights_are_complete_and_belong_to_segmenters():
    assert set(WEIGHTS) <= set(SEGMENTERS)
    for weights in WEIGHTS.values():
        for file in weights.files:
            assert len(file.sha256) == 64 and int(file.sha256, 16) and file.size > 1_000_000
            assert weights.package or file.origin.startswith("https://")


@pytest.mark.parametrize("package, name", [("onnxruntime", "mobile-sam"), ("segment_anything", "sam-vit-b")])
def test_a_missing_package_is_named_with_the_way_to_install_it(package, name, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf"{package}.*pip install 'nerfseg-ns\[sam\]'"):
        make_segmenter(name)


def test_mobile_sam_in_torch_needs_its_package_and_a_checkpoint(monkeypatch):
    monkeypatch.setitem(sys.modules, "mobile_sam", None)
    with pytest.raises(InputError, match="mobile_sam.*MobileSAM"):
        make_segmenter("mobile-sam-torch")


def test_the_registry_imports_no_runtime():
    program = (
        "import sys, nerfseg_ns.segmenters.registry, nerfseg_ns.segmenters.sam_onnx\n"
        "print(sorted({'torch', 'onnxruntime', 'segment_anything', 'nerfstudio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
