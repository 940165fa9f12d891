"""Promptable 2D segmenters (SAM and its kin) behind one interface; start at ``registry.make_segmenter``."""
