"""Selecting objects in 3D by prompts in a few views."""
