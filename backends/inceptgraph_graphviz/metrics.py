"""Widths of the bundled font, so that a text of an SVG keeps its length in every viewer.

A viewer without Roboto, Helvetica or Arial takes whatever it has, which may be a sixth wider and
run out of its box. An SVG can say how long a text is to be; the viewer then moves the letters
together.
"""

from __future__ import annotations

from typing import Final

__all__ = ["text_width"]

_CHARACTERS: Final = "".join(map(chr, range(32, 127))) + "\u00a0·×"

_REGULAR: Final = """
248 258 320 616 562 732 622 175 342 348 431 567 197 276 264 413 562 562 562 562 562 562
562 562 562 562 242 211 508 549 523 473 898 652 623 651 656 568 553 681 713 272 552 627
539 873 713 688 631 688 616 594 597 648 637 887 627 601 599 265 411 265 418 451 309 544
562 523 564 530 348 562 551 243 239 507 243 877 552 570 562 568 339 516 327 551 484 751
496 473 496 338 244 338 680 248 261 534
"""

_BOLD: Final = """
249 272 321 596 574 738 656 162 351 353 454 546 245 388 291 374 574 574 574 574 574 574
574 574 574 574 282 262 509 572 517 498 895 673 638 655 650 562 548 681 707 292 559 635
542 876 707 690 646 690 638 615 619 658 654 875 636 619 606 278 422 278 438 447 331 536
563 522 564 541 358 571 560 265 260 534 265 866 560 565 563 565 365 515 338 560 506 735
509 502 509 331 253 331 649 249 301 531
"""


def _table(widths: str) -> dict[str, int]:
    return dict(zip(_CHARACTERS, map(int, widths.split()), strict=True))


_WIDTHS: Final = {False: _table(_REGULAR), True: _table(_BOLD)}
"""Thousandths of the font's size, by letter: Roboto Regular, and Bold."""


def text_width(text: str, size: float, *, bold: bool = False) -> float | None:
    """Length of a text in the unit of ``size``; None if it holds letters that are not known.

    >>> round(text_width("3×3 conv", 10), 1)
    40.4
    """
    widths = _WIDTHS[bold]
    if any(letter not in widths for letter in text):
        return None
    return sum(widths[letter] for letter in text) * size / 1000
