"""The pure core: tensors in, tensors out, no nerfstudio import."""
