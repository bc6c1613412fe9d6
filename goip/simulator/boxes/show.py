"""A fleet of boxes in words: one line while it runs, a table at its end."""

from __future__ import annotations

from goip.simulator.boxes.messages import Outcome
from goip.simulator.boxes.tally import BoxTally, Count


def describe_progress(tally: BoxTally) -> str:
    """The counts in one line; what went wrong is told only once something did."""
    parts = [
        f"[green]{tally.heartbeats.n_acknowledged:,}[/] of {tally.heartbeats.n_sent:,} beats",
        f"[cyan]{tally.messages.n_acknowledged:,}[/] of {tally.messages.n_sent:,} SMS",
        f"{tally.events.n_acknowledged:,} of {tally.events.n_sent:,} events",
    ]
    if tally.n_repeated:
        parts.append(f"[yellow]{tally.n_repeated:,} repeated[/]")
    if tally.n_lost:
        parts.append(f"{tally.n_lost:,} lost on purpose")
    if tally.n_reboots:
        parts.append(f"{tally.n_reboots:,} restarts")
    if tally.n_refused:
        parts.append(f"[red]{tally.n_refused:,} refused[/] ({tally.last_error[:60]})")
    return " · ".join(parts)


def rows_of(tally: BoxTally) -> list[tuple[str, str]]:
    """The table: what it is about, and the counts."""
    per_second = tally.n_acknowledged / tally.seconds if tally.seconds else 0.0
    undecided = ", ".join(
        f"{outcome.value} {tally.outcomes[outcome]:,}"
        for outcome in (Outcome.GIVEN_UP, Outcome.FORGOTTEN, Outcome.REFUSED, Outcome.OPEN)
    )
    rows = [
        ("time", f"{tally.seconds:.1f} s, {per_second:,.1f} acknowledged a second"),
        (
            "boxes",
            f"{tally.n_boxes:,} of {tally.n_lines:,} lines in all, restarted {tally.n_reboots:,} times",
        ),
        ("heartbeats", _describe(tally.heartbeats)),
        ("SMS", _describe(tally.messages)),
        ("events", _describe(tally.events)),
        ("repeated", f"{tally.n_repeated:,}"),
        (
            "on purpose",
            f"lost {tally.n_lost:,} ways, doubled {tally.n_doubled:,}, held up {tally.n_delayed:,}",
        ),
        ("unacknowledged", f"SMS {tally.n_unacknowledged:,}: {undecided}"),
        (
            "refused",
            f"{tally.n_refused:,}" + (f", last error: {tally.last_error}" if tally.last_error else ""),
        ),
        (
            "latency",
            f"p50 {tally.latencies.percentile_ms(50):.2f} ms, p99 {tally.latencies.percentile_ms(99):.2f} ms",
        ),
    ]
    if tally.n_texts_out or tally.n_ussd:
        asked = f", asked again while on air {tally.n_asked_again:,}" if tally.n_asked_again else ""
        rows.append(("orders", f"SMS sent {tally.n_texts_out:,}, USSD {tally.n_ussd:,}{asked}"))
    return rows


def _describe(count: Count) -> str:
    return f"sent {count.n_sent:,}, acknowledged {count.n_acknowledged:,}"
