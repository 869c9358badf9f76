"""Running: the plan, the workers that train and time, keras-tuner's part, and the order of the main job."""
