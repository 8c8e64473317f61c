"""Says how something goes on: on a terminal in one line that changes, else in a new line now and then."""

import time
from collections.abc import Callable
from typing import Any

LINE_SECONDS, IN_PLACE_SECONDS = 5.0, 0.2


class Ticker:
    """What is told too soon after the last is left out."""

    def __init__(self, say: Callable[..., Any]) -> None:
        """`say`: prints a line; the `write` of a command's stream is asked whether that is a terminal."""
        self._say = say
        stream = getattr(say, "__self__", None)
        self._in_place = bool(stream is not None and hasattr(stream, "style_func") and stream.isatty())
        self._told_at = time.monotonic()
        self._length = 0
        self._has_told = False

    def tell(self, words: str) -> None:
        now = time.monotonic()
        if now - self._told_at < (IN_PLACE_SECONDS if self._in_place else LINE_SECONDS):
            return
        self._told_at = now
        self._write(words)

    def end(self, words: str) -> None:
        """The last words, which are left out where nothing was told before."""
        if self._has_told:
            self._write(words, last=True)

    def _write(self, words: str, *, last: bool = False) -> None:
        self._has_told = True
        if not self._in_place:
            self._say(words)
            return
        # What the line before had more is written over.
        self._say(f"\r{words.ljust(self._length)}", style_func=str, ending="\n" if last else "")
        self._length = len(words)
