"""Pictures: read to their pixels, and written again from them.

Nothing of the file itself leaves: no text, time, profile or private chunk, no frame but the first, nothing behind its
end, nothing under a transparent layer. The lowest bits of each pixel, which no eye sees, are dropped.
"""

from __future__ import annotations

import io
import struct

from PIL import Image, UnidentifiedImageError

from sandbox.disclosure.file_type import wrong_type
from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sources import HANDBOOK_PLOTS
from sandbox.domain.findings import Finding, Verdict

MAX_SIDE = 4000  # pixels
MAX_PIXELS = 8_000_000
_LEVELS = 32  # of each colour that leave
_FIX = "Save the plot as a plain PNG, with savefig('plot.png')."

NO_TABLE = Rule(
    "plot_without_table",
    Verdict.FAIL,
    "Submit the table that it was drawn from as well, and name it as table in outputs.yaml.",
    HANDBOOK_PLOTS,
    says="A picture without the table that it was drawn from: what it shows cannot be checked.",
)


def read_picture(name: str, data: bytes) -> tuple[Image.Image | None, list[Finding]]:
    """The picture's pixels, in red, green and blue on white.

    Args:
        data: bytes that passed ``check_file_type``.
    """
    wrong = _size(data)
    if wrong:
        return None, [wrong_type(name, wrong, "Draw it smaller.")]
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as opened:
            if getattr(opened, "n_frames", 1) > 1:
                return None, [wrong_type(name, "The picture moves: it has several frames.", _FIX)]
            opened.load()
            layered = opened.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as broken:
        kind = type(broken).__name__
        return None, [wrong_type(name, f"The content is no PNG that can be read ({kind}).", _FIX)]
    white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, layered).convert("RGB"), []


def write_picture(picture: Image.Image) -> bytes:
    """A PNG of the pixels alone."""
    table = [round(round(v * (_LEVELS - 1) / 255) * 255 / (_LEVELS - 1)) for v in range(256)]
    pixels = Image.frombytes("RGB", picture.size, picture.point(table * 3).tobytes())
    out = io.BytesIO()
    pixels.save(out, format="PNG", optimize=False)
    return out.getvalue()


def _size(data: bytes) -> str:
    """Read from the first chunk, before anything is unpacked."""
    if len(data) < 33 or data[12:16] != b"IHDR":
        return "The content is no PNG that can be read."
    width, height = struct.unpack(">II", data[16:24])
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE) or width * height > MAX_PIXELS:
        return f"The picture has {width} × {height} pixels; at most {MAX_PIXELS:,} may leave."
    return ""
