"""What was measured against what was promised: a table for people, JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

RESULTS = Path("build") / "bench.json"


@dataclass(frozen=True)
class Figure:
    """One figure. `target` is the bar of the issue, `hoped` where we want to be; `is_at_most` says that less
    is better. A figure without a target is printed for information."""

    section: str
    what: str
    value: float
    unit: str = ""
    target: float | None = None
    hoped: float | None = None
    is_at_most: bool = False

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        return self.value <= self.target if self.is_at_most else self.value >= self.target


@dataclass
class Report:
    """All figures of one run, and the notes that a reader needs to believe them."""

    machine: dict[str, object]
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, figure: Figure) -> None:
        """Keep a figure and print it at once: the run is long."""
        self.figures.append(figure)
        print(f"  -> {figure.what}: {_number(figure.value)} {figure.unit}", flush=True)

    def note(self, text: str) -> None:
        """Keep a remark and print it at once."""
        self.notes.append(text)
        print(f"  !! {text}", flush=True)

    def save(self, path: Path = RESULTS) -> None:
        """Write the figures as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        figures = [asdict(figure) | {"is_met": figure.is_met} for figure in self.figures]
        content = {"machine": self.machine, "figures": figures, "notes": self.notes}
        path.write_text(json.dumps(content, indent=1) + "\n")

    def print(self) -> None:
        """The final table."""
        table = Table(title=f"goip on {self.machine.get('processor')}, {self.machine.get('pinning')}")
        for name in ("section", "figure", "measured", "target", "want", ""):
            table.add_column(name, justify="left" if name in ("section", "figure") else "right")
        for figure in self.figures:
            table.add_row(*_row(figure))
        console = Console(width=None if Console().is_terminal else 140)
        console.print(table)
        for note in self.notes:
            console.print(f"[yellow]note:[/] {note}")

    @property
    def n_missed(self) -> int:
        """How many targets were missed."""
        return sum(figure.is_met is False for figure in self.figures)


def median_ratio(pairs: Sequence[tuple[float, float]]) -> float:
    """The median of the ratios of runs that were measured next to each other."""
    ratios = [ours / theirs for ours, theirs in pairs if theirs]
    return median(ratios) if ratios else 0.0


def _row(figure: Figure) -> tuple[str, ...]:
    sign = "≤ " if figure.is_at_most else "≥ "
    verdict = {None: "", True: "[green]met[/]", False: "[red]missed[/]"}[figure.is_met]
    return (
        figure.section,
        figure.what,
        f"{_number(figure.value)} {figure.unit}".strip(),
        "" if figure.target is None else sign + _number(figure.target),
        "" if figure.hoped is None else sign + _number(figure.hoped),
        verdict,
    )


def _number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}"
