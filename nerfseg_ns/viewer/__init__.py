"""Selecting objects by clicks in nerfstudio's viewer."""
