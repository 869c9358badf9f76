"""The other random changes that make sense at 32x32, one by one, and a mixed policy."""

from harness import BASELINE, Suite

SUITE = Suite(
    "augmentation_kinds",
    [
        # Turned by up to 15 degrees: a 6 does not become a 9.
        BASELINE.replace(augmentation="rotation"),
        # Nearer or further by up to 15 %.
        BASELINE.replace(augmentation="zoom"),
        # Other contrast: light of the scene.
        BASELINE.replace(augmentation="contrast"),
        # Other brightness: exposure of the camera.
        BASELINE.replace(augmentation="brightness"),
        # A box made grey in every other picture: part of the object hidden.
        BASELINE.replace(augmentation="erasing"),
        # One of each nature at once: mirrored, moved, contrast, erased.
        BASELINE.replace(augmentation="mixed"),
    ],
    slow=True,
)
