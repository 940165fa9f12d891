"""Benchmarks: rows of a YAML file, each measured in its own process, into JSON, tables and a plot."""
