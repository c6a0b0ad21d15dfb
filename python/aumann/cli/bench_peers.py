"""`aumann bench peers`: other libraries on the same population."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from aumann._files import replacing
from aumann.benchmark.peers import PEERS, Peer, Row, compare
from aumann.cli import values
from aumann.cli.files import check_writable, write_table
from aumann.cli.terminal import PLAIN, output, working

__all__ = ["peers"]

OTHERS = ",".join(peer.name for peer in PEERS if peer.requirements)
GIB = 2**30
HEADINGS = ("agents", "value", "peer", "method", "time", "memory", "error", "largest", "residual")


def peers(
    names: Annotated[
        str,
        typer.Option(
            "--peers", metavar="NAME,...", help="Who is compared; aumann always comes along."
        ),
    ] = OTHERS,
    agents: Annotated[
        str, typer.Option(metavar="N1,N2,...", help="Sizes of the populations.")
    ] = "10,100,1000",
    value_functions: Annotated[
        str, typer.Option(metavar="NAME,...", help="Of mean, heat, variance, gini.")
    ] = "mean,heat,variance,gini",
    time_limit: Annotated[
        float, typer.Option(metavar="SECONDS", help="For one cell, its imports not counted.")
    ] = 60.0,
    memory_limit: Annotated[
        float, typer.Option(metavar="GIB", help="By which one cell may grow (Linux).")
    ] = 4.0,
    total_time: Annotated[
        float, typer.Option(metavar="SECONDS", help="For all cells; what is left is not run.")
    ] = 1200.0,
    environments: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the peers are installed, by default aumann/peers in the user's cache.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Of the populations and the samplers.")
    ] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document and nothing else.")
    ] = False,
    file: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write all rows (.parquet, .csv or .md)."
        ),
    ] = None,
) -> None:
    """Compare with captum, shap, shapiq and pyDVL on the same population, every agent a player.

    Each peer is installed on first use, in an environment of its own (captum's takes 6 GB, the
    others up to half a GB), and each cell runs in a fresh process. Shown are the median time of
    a call, the memory it took, its error against the exact value of the same kind (the norm of
    the difference, and the largest difference, both relative), and by how much the values of an
    efficient method miss the total. What does not finish is shown as such.

    [bold]Examples[/bold]

      aumann bench peers --peers captum,shapiq

      aumann bench peers --agents 1000,10000 --value-functions gini -o peers.md
    """
    if file is not None:
        check_writable(file, ".parquet", ".csv", ".md")
    chosen = _chosen(values.names("--peers", names))
    with working("starting") as show:
        rows = compare(
            chosen,
            values.names("--value-functions", value_functions),
            _sizes(agents),
            environments=environments,
            time_limit=time_limit,
            memory_limit=int(memory_limit * GIB),
            total_time=total_time,
            seed=seed,
            progress=show,
        )
    if file is not None:
        _write(rows, file)
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=2, allow_nan=False))
        return
    console = output()
    for name in dict.fromkeys(row.value_function for row in rows):
        part = [row for row in rows if row.value_function == name]
        table = Table(title=name, title_justify="left", **PLAIN)
        for heading in HEADINGS:
            left = heading in ("value", "peer", "method")
            table.add_column(heading, justify="left" if left else "right")
        for position, row in enumerate(part):
            cells = _cells(row)
            following = part[position + 1] if position + 1 < len(part) else None
            table.add_row(*cells, end_section=following is None or following.agents != row.agents)
        console.print(table)
        console.print()
    for note in _notes(rows):
        console.print(note)
    if file is not None:
        console.print(f"written to {file}")


def _chosen(names: list[str]) -> list[Peer]:
    known = {peer.name: peer for peer in PEERS}
    for name in names:
        if name.lower() not in known:
            raise ValueError(f"--peers holds {name!r}; of {', '.join(known)} is wanted")
    wanted = {"aumann", *(name.lower() for name in names)}
    return [peer for peer in PEERS if peer.name in wanted]


def _sizes(text: str) -> list[int]:
    sizes = values.numbers("--agents", text)
    if not all(size.is_integer() and size >= 2 for size in sizes):
        raise ValueError(f"--agents is {text!r}; whole numbers, 2 or more, are wanted")
    return [int(size) for size in sizes]


def _cells(row: Row) -> tuple[str, ...]:
    who = (f"{row.agents:,}", row.value, row.peer, row.method)
    if row.seconds is None:
        return (*who, row.status, "", "", "", "")
    memory = "" if row.peak_bytes is None else _bytes(row.peak_bytes)
    residual = "" if row.residual is None else f"{row.residual:+.1e}"
    if row.relative_error is None or row.largest_error is None:
        return (*who, _seconds(row.seconds), memory, "the truth", "", residual)
    errors = (f"{row.relative_error:.1e}", f"{row.largest_error:.1e}")
    return (*who, _seconds(row.seconds), memory, *errors, residual)


def _notes(rows: Sequence[Row]) -> list[str]:
    """Return what the tables need to be read right: versions, budgets, what went wrong."""
    notes = []
    for peer in dict.fromkeys(row.peer for row in rows):
        part = [row for row in rows if row.peer == peer]
        version = next((row.version for row in part if row.version), "")
        methods = []
        for row in {row.method: row for row in part}.values():
            given = "; ".join(text for text in (row.budget, row.setting) if text)
            if given:
                methods.append(f"  {row.method}: {given}")
        notes += [f"{peer} {version}".strip(), *methods]
    why = dict.fromkeys(
        f"{row.status}: {row.peer} {row.method}: {row.detail}"
        for row in rows
        if row.status in ("failed", "crashed", "not installed")
    )
    doubt = max((row.truth_error or 0.0 for row in rows), default=0.0)
    expanded = [f"the truth is an expansion in places, off by {doubt:.0e}"] if doubt else []
    return [*notes, *expanded, *why]


def _write(rows: Sequence[Row], file: Path) -> None:
    if file.suffix != ".md":
        names = [entry.name for entry in fields(Row)]
        write_table({name: [getattr(row, name) for row in rows] for name in names}, file)
        return
    headings = ("value function", *HEADINGS)
    lines = [
        f"| {' | '.join(headings)} |",
        f"|{'---|' * len(headings)}",
        *(f"| {' | '.join((row.value_function, *_cells(row)))} |" for row in rows),
        "",
        *(f"- {note.strip()}" for note in _notes(rows)),
    ]
    with replacing(file) as temporary:
        temporary.write_text("\n".join(lines) + "\n")


def _seconds(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{1e6 * seconds:.0f} us"
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _bytes(size: int) -> str:
    return f"{size / 2**20:.1f} MiB" if size < GIB else f"{size / GIB:.1f} GiB"
