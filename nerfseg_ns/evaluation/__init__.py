"""Evaluation of a trained run over all its test pixels."""
