"""Training: a trial in, a record out. Knows nothing of pytest, keras-tuner or tables."""
