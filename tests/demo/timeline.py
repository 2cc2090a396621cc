"""What a visitor sees: lines with the time on them; on a terminal, a live footer below them."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.spinner import Spinner
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

INDENT = 12
"""Columns before a line's text: its time and its mark."""

Footer = Callable[[int], RenderableType]
"""Draws the footer for a terminal of so many columns."""


class Timeline:
    """A context manager: the footer is there while it is entered. Lines may come from any thread.

    Attributes:
        started: when, by the monotonic clock; the times on the lines count from here.
    """

    def __init__(self, console: Console, *, live: bool) -> None:
        """Prepare.

        Args:
            console: where to.
            live: whether that is a terminal on which a footer can be drawn.
        """
        self.started = time.monotonic()
        self._console = console
        self._is_live = live
        self._footer: Footer = lambda _: Text("")
        self._live = Live(console=console, get_renderable=self._draw_footer, refresh_per_second=10, transient=True)

    def __enter__(self) -> Self:
        if self._is_live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end_footer()

    @property
    def width(self) -> int:
        """Of the terminal, in columns; 80 where there is none."""
        return self._console.width

    def put_footer(self, footer: Footer) -> None:
        """Draw this below the lines from now on."""
        self._footer = footer

    def put_busy_footer(self, text: str) -> None:
        """Draw this, and that something is done, from now on."""
        spinner = Spinner("line", Text(text, "dim"))
        self._footer = lambda _: spinner

    def end_footer(self) -> None:
        """Draw no footer any more."""
        self._live.stop()

    def heading(self, title: str, about: str = "") -> None:
        """Begin a part."""
        self.blank()
        self.plain(title, "bold")
        self.plain(about)

    def say(self, text: str) -> None:
        """Tell what happens."""
        self._line("", text)

    def event(self, text: str) -> None:
        """Tell what was seen."""
        self._line("·", text, "dim")

    def ok(self, text: str) -> None:
        """Tell what was verified."""
        self._line("ok", text, "green")

    def failed(self, text: str) -> None:
        """Tell what is not as it should be."""
        self._line("!!", text, "bold red")

    def command(self, text: str) -> None:
        """Show a command that is run."""
        self._line("$", text, "bold")

    def output(self, text: str) -> None:
        """Show what a command printed; on a terminal that is too narrow its lines are cut."""
        self._block(Text(text.rstrip(), no_wrap=True, overflow="ellipsis"), text)

    def yaml(self, text: str) -> None:
        """Show a manifest."""
        self._block(Syntax(text.rstrip(), "yaml", theme="ansi_dark", background_color="default"), text)

    def plain(self, text: str, style: str = "") -> None:
        """Print text without a time; nothing if it is empty."""
        if text:
            self._console.print(Text(text, style), soft_wrap=not self._is_live)

    def verbatim(self, text: str) -> None:
        """Print text that is there to be copied: only the terminal itself breaks its lines."""
        self._console.print(text, soft_wrap=True)

    def draw(self, drawing: RenderableType) -> None:
        """Print something that has its own shape."""
        self._console.print(drawing)

    def blank(self) -> None:
        """Print an empty line."""
        self._console.print()

    def _line(self, mark: str, text: str, style: str = "") -> None:
        elapsed = f"{time.monotonic() - self.started:6.1f}"
        if not self._is_live:
            self._console.print(f"{elapsed}  {mark:<2}  {text}", soft_wrap=True)
            return
        row = Table.grid(padding=(0, 2, 0, 0))
        row.add_column(width=6)
        row.add_column(width=2)
        row.add_row(Text(elapsed, "dim"), Text(mark, style), Text(text, style if style == "dim" else ""))
        self._console.print(row)

    def _block(self, drawing: RenderableType, text: str) -> None:
        if self._is_live:
            self._console.print(Padding(drawing, (0, 0, 0, INDENT)))
            return
        for line in text.rstrip().splitlines():
            self._console.print(" " * INDENT + line, soft_wrap=True)

    def _draw_footer(self) -> RenderableType:
        return self._footer(self.width)
