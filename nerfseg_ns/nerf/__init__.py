"""Nerfstudio model adapters: field, model, pipeline, schedulers."""
