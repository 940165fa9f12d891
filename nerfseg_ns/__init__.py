"""nerfseg_ns: semantic segmentation of aerial scenes in 3D, as a Nerfstudio plugin."""

__version__ = "0.1.0"
