"""Nerfstudio data adapters: dataparsers, dataset and datamanager for views of which some are labelled."""
