"""Exports: comparisons and records in the forms that other programs read. Each file here is one of them."""
