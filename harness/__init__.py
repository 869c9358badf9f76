"""Test and benchmark Keras CNN variants against a baseline."""
