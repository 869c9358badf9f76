"""One image file, decoded to RGB bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from harness.datasets.content import Images
from harness.datasets.listing import shown
from harness.errors import InputError

# A larger one is a mistake or an attack: 50 megapixels decode to 150 MB.
HIGHEST_PIXELS = 50_000_000

# Only decoders that work in this process on pixels alone: Pillow's EPS reader, say, starts Ghostscript.
_COMMON_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
# TGA comes last: it has no mark of its own and would claim other files.
_RARE_FORMATS = ("MPO", "DIB", "JPEG2000", "AVIF", "ICO", "PCX", "TGA")
# Read in one go below this size: half the time of letting Pillow seek in the file.
_READ_WHOLE_BYTES = 1 << 20
# A quarter of the range: 12 bits in 16 end at 15.
_DIM_BELOW = 64

TURNED = "turned upright, as the mark (EXIF) of the camera says"
DIM = "of 16 bits, the values in less than a quarter of the range (12 bits in 16?), so nearly black: scale them first"
SEVERAL = "of a file with several pictures (an animation, pages), of which the first counts"
# Phones append previews to their photos, as MPO; those are no pictures that anyone would miss.
_FORMATS_OF_SEVERAL = ("GIF", "PNG", "WEBP", "TIFF", "AVIF")
_ORIENTATION = 0x0112


class Decoded(NamedTuple):
    """An image, uint8 [height, width, 3], and what to tell of its file: TURNED, DIM, SEVERAL."""

    pixels: Images
    marks: tuple[str, ...]


class UnreadableImageError(InputError):
    """A file in a class folder that is not an image, or is damaged."""


class WrongSizeError(InputError):
    """An image of another size than the others, known from its header; the text names the file and its size."""


def decode(path: str, *, resize: int | None = None, size: tuple[int, int] | None = None) -> Decoded:
    """Decode an image file to RGB.

    Grey, palette and 16-bit images are converted; what is transparent is laid on white. 16-bit values are scaled
    to 0..255. Of an animation or a file of several pages the first picture counts. A photo is turned upright where
    its camera marked it so (EXIF), as every viewer shows it.

    Args:
        path: The file.
        resize: Edge in pixels to resize to (bilinear, the aspect ratio is not kept, as in Keras).
        size: Width and height that it must have; checked before it is decoded.

    Raises:
        UnreadableImageError: It is no image that Pillow reads, or it is damaged.
        WrongSizeError: It does not have `size`.
        InputError: It has more than 50 megapixels; checked before it is decoded.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(_content(path), formats=_formats()) as image:
            if image.width * image.height > HIGHEST_PIXELS:
                raise _too_large(path, f"{image.width}x{image.height}")
            if size is not None and sorted(image.size) != sorted(size):
                raise WrongSizeError(f"{shown(path)} is {image.width}x{image.height}")
            marks = [SEVERAL] if image.format in _FORMATS_OF_SEVERAL and getattr(image, "n_frames", 1) > 1 else []
            wide = image.mode.startswith("I") or ";16" in str(image.tile)
            upright: Any = image
            if _is_turned(image):
                upright = ImageOps.exif_transpose(image)
                marks.append(TURNED)
            if size is not None and upright.size != size:
                raise WrongSizeError(f"{shown(path)} is {upright.width}x{upright.height}")
            rgb = _to_rgb(upright, path)
            if resize is not None and rgb.size != (resize, resize):
                rgb = rgb.resize((resize, resize), Image.Resampling.BILINEAR)
            # tobytes and not np.asarray, which costs a third more on small images.
            pixels = np.frombuffer(rgb.tobytes(), np.uint8).reshape(rgb.height, rgb.width, 3)
            if wide and _highest(upright) < _DIM_BELOW:
                marks.append(DIM)
            return Decoded(pixels, tuple(marks))
    except (InputError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(path, "very large") from error
    except Exception as error:
        # Pillow's decoders raise many kinds on a damaged file: OSError, SyntaxError, ValueError, struct.error, ...
        reason = "not an image that Pillow knows" if isinstance(error, UnidentifiedImageError) else error
        raise UnreadableImageError(f"cannot read image {shown(path)}: {reason}") from error


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Keep Pillow's warnings from the user: on size, where ours says more, and on harmless metadata.

    Python's warning filters belong to the process, so this goes around all threads that decode, not into each.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        from PIL import Image

        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def pillow_version() -> str:
    """Return Pillow's version, which with a new libjpeg may change decoded pixels."""
    import PIL

    return PIL.__version__


@cache
def _formats() -> tuple[str, ...]:
    from PIL import Image

    Image.init()
    return tuple(name for name in (*_COMMON_FORMATS, *_RARE_FORMATS) if name in Image.OPEN)


def _highest(image: Any) -> float:
    """Return the highest value of an image of 16 bits, alpha aside, on the scale of 8."""
    extrema = image.getextrema()
    if len(image.getbands()) == 1:
        return float(extrema[1] / 257)
    return float(max(high for band, (_, high) in zip(image.getbands(), extrema, strict=True) if band != "A"))


def _is_turned(image: Any) -> bool:
    try:
        return image.getexif().get(_ORIENTATION) in range(2, 9)
    except Exception:  # a broken mark, which Pillow meets with as many kinds of errors as broken pixels
        return False


def _content(path: str) -> str | io.BytesIO:
    # Plain strings and no buffer: on small images pathlib and buffers cost as much as the decoder.
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        content = file.read(_READ_WHOLE_BYTES)
    return io.BytesIO(content) if len(content) < _READ_WHOLE_BYTES else path


def _to_rgb(image: Any, path: str) -> Any:
    """Return the picture in mode RGB."""
    from PIL import Image

    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):
        return _from_wide_grey(image, path)
    if image.mode == "F":
        raise UnreadableImageError(
            f"cannot read image {shown(path)}: its pixels are floating-point numbers of unknown range; "
            "allowed are whole numbers of 8 or 16 bits (scale them, 0..1 times 255)"
        )
    if image.has_transparency_data:
        picture = image.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB")
    return image.convert("RGB")


def _from_wide_grey(image: Any, path: str) -> Any:
    """Scale grey values 0..65535 to 0..255, rounded; modes I;16, I;16B and I."""
    from PIL import Image

    wide = np.asarray(image).astype(np.int64)
    if wide.min() < 0 or wide.max() > 65535:
        raise UnreadableImageError(
            f"cannot read image {shown(path)}: its grey values run {wide.min()}..{wide.max()}; allowed is 0..65535"
        )
    return Image.fromarray(((wide + 128) // 257).astype(np.uint8)).convert("RGB")


def _too_large(path: str, size: str) -> InputError:
    return InputError(
        f"image {shown(path)} is {size}; allowed is at most {HIGHEST_PIXELS // 10**6} megapixels: shrink it"
    )
