"""The font of the diagrams, so that a picture does not depend on the machine that draws it.

Graphviz asks fontconfig for fonts. A machine without any draws empty boxes, and any two machines
draw different widths. The package ``font-roboto`` brings one family; a configuration written for
the time of one rendering puts it first, and the machine's own fonts behind it for the letters that
it lacks.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from inceptgraph_graphviz.escaping import html

__all__ = ["bundled_font", "configured_fonts"]

_CONFIGURATION = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{bundled}</dir>
  <dir>/usr/share/fonts</dir>
  <dir>/usr/local/share/fonts</dir>
  <dir prefix="xdg">fonts</dir>
  <dir>~/.fonts</dir>
  <dir>WINDOWSFONTDIR</dir>
  <cachedir>/var/cache/fontconfig</cachedir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""


def bundled_font() -> Path | None:
    """The folder of the font that came with the package; None if it was not installed."""
    spec = find_spec("font_roboto")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "files"
    return folder if folder.is_dir() else None


@contextmanager
def configured_fonts() -> Iterator[None]:
    """Within it, ``FONTCONFIG_FILE`` names a configuration with the bundled font.

    A configuration that the user set stays.
    """
    folder = bundled_font()
    if folder is None or "FONTCONFIG_FILE" in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="inceptgraph-") as scratch:
        path = Path(scratch, "fonts.conf")
        path.write_text(_CONFIGURATION.format(bundled=html(str(folder))), encoding="utf-8")
        os.environ["FONTCONFIG_FILE"] = str(path)
        try:
            yield
        finally:
            del os.environ["FONTCONFIG_FILE"]
