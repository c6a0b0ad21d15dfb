"""Agent-level scores from elsewhere, to be compared like a method: callables and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aumann.benchmark.known import GAMES, Problem

__all__ = ["COLUMNS", "ScoreTable", "Scorer", "checked_scores", "read_scores"]

COLUMNS = ("method", "game", "seed", "step", "agent", "score")


class Scorer(Protocol):
    """Gives scores to the agents of a problem: an array of shape (N,) or (T, N), or None."""

    def __call__(self, problem: Problem, /) -> Any:
        """Score; (N,) counts for every step, None leaves the game out."""


class ScoreTable:
    """Scores of one method from a table, by game and seed.

    Parameters
    ----------
    scores : dict of (str, int) to ndarray of float64, shape (T, N)
        For every game that the method scored, all seeds.

    Examples
    --------
    >>> from aumann.benchmark.known import make_problem
    >>> table = ScoreTable({("additive", 0): np.array([[1.0, 2.0]])})
    >>> table(make_problem("additive", agents=2, seed=0))
    array([[1., 2.]])
    """

    def __init__(self, scores: Mapping[tuple[str, int], NDArray[np.float64]]) -> None:
        """Keep the scores."""
        self.scores = dict(scores)

    def __call__(self, problem: Problem, /) -> NDArray[np.float64] | None:
        """Return the scores of a problem, None for a game that was not scored."""
        return self.scores.get((problem.game, problem.seed))


def checked_scores(name: str, scores: Any, problem: Problem) -> NDArray[np.float64] | None:
    """Return what a scorer gave, of shape (T, N), or say what is wrong with it.

    Raises
    ------
    TypeError, ValueError
        If the scores are no numbers, of another shape, or not finite.

    Examples
    --------
    >>> from aumann.benchmark.known import make_problem
    >>> checked_scores("mine", [1, 2], make_problem("additive", agents=2, seed=0, steps=3)).shape
    (3, 2)
    """
    if scores is None:
        return None
    where = f"scorers: {name!r} on {problem.game}, seed {problem.seed}"
    try:
        array = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{where} gave {type(scores).__name__}, numbers are wanted") from error
    wanted = (problem.steps, problem.agents)
    if array.shape not in (wanted, wanted[1:]):
        raise ValueError(f"{where} gave shape {array.shape}, {wanted[1:]} or {wanted} is wanted")
    if not np.isfinite(array).all():
        first = tuple(int(place[0]) for place in np.nonzero(~np.isfinite(array)))
        raise ValueError(f"{where} gave {array[first]} at {first}, finite numbers are wanted")
    return np.broadcast_to(array, wanted)


def read_scores(
    path: Path, *, agents: int, steps: int, seeds: Sequence[int]
) -> dict[str, ScoreTable]:
    r"""Read scores from a Parquet or CSV file with columns method, game, seed, step, agent, score.

    Parameters
    ----------
    path : path
        The file. Further columns are ignored.
    agents, steps : int
        N and T; agents and steps are counted from 0.
    seeds : sequence of int
        The seeds that must be there for every game that a method scored.

    Returns
    -------
    dict of str to ScoreTable
        By method.

    Raises
    ------
    FileNotFoundError, ValueError, TypeError
        If the file is not there, has not these columns, has a row twice or lacks one, or holds
        anything but finite scores; the first such place is named.
    ImportError
        Without pyarrow.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "scores.csv"
    >>> _ = file.write_text("method,game,seed,step,agent,score\nm,additive,0,0,0,1.5\n")
    >>> list(read_scores(file, agents=1, steps=1, seeds=[0]))
    ['m']
    """
    columns = _columns(path)
    seed_place = {seed: place for place, seed in enumerate(seeds)}
    bounds = {"step": steps, "agent": agents}
    for row, game in enumerate(columns["game"].tolist()):
        if game not in GAMES:
            raise ValueError(_wrong(path, row, "game", game, f"one of {', '.join(GAMES)}"))
    for row, seed in enumerate(columns["seed"].tolist()):
        if seed not in seed_place:
            raise ValueError(_wrong(path, row, "seed", seed, f"one of {list(seeds)}"))
    for name, bound in bounds.items():
        bad = np.flatnonzero((columns[name] < 0) | (columns[name] >= bound))
        if bad.size:
            value = columns[name][bad[0]]
            raise ValueError(_wrong(path, bad[0], name, value, f"0 to {bound - 1}"))
    bad = np.flatnonzero(~np.isfinite(columns["score"]))
    if bad.size:
        value = columns["score"][bad[0]]
        raise ValueError(_wrong(path, bad[0], "score", value, "a finite number"))

    places = np.array([seed_place[seed] for seed in columns["seed"].tolist()], dtype=np.intp)
    tables = {}
    for method in dict.fromkeys(columns["method"].tolist()):
        scores: dict[tuple[str, int], NDArray[np.float64]] = {}
        for game in GAMES:
            own = np.flatnonzero((columns["method"] == method) & (columns["game"] == game))
            if not own.size:
                continue
            block = np.full((len(seeds), steps, agents), np.nan)
            index = (places[own], columns["step"][own], columns["agent"][own])
            block[index] = columns["score"][own]
            about = f"{path}: {method!r} on {game}"
            missing = np.argwhere(np.isnan(block))
            if missing.size:
                seed, step, agent = (int(place) for place in missing[0])
                raise ValueError(
                    f"{about} has no score for seed {seeds[seed]}, step {step}, agent {agent}; "
                    f"all of {len(seeds)} seeds, {steps} steps and {agents} agents are wanted"
                )
            if own.size > block.size:
                raise ValueError(
                    f"{about} has {own.size} rows, one for each of {block.size} is wanted"
                )
            scores |= {(game, seed): block[place] for seed, place in seed_place.items()}
        tables[method] = ScoreTable(scores)
    return tables


def _columns(path: Path) -> dict[str, NDArray[Any]]:
    try:
        import pyarrow
        from pyarrow import csv, parquet
    except ImportError as error:
        raise ImportError("score files need pyarrow: pip install 'aumann[cli]'") from error
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there; a table of scores is wanted")
    if path.suffix not in (".parquet", ".csv"):
        raise ValueError(f"{path} has the suffix {path.suffix!r}; .parquet or .csv is wanted")
    try:
        rows = csv.read_csv(path) if path.suffix == ".csv" else parquet.read_table(path)
    except pyarrow.ArrowInvalid as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    absent = [name for name in COLUMNS if name not in rows.column_names]
    if absent:
        raise ValueError(f"{path} has no column {absent[0]!r}; {', '.join(COLUMNS)} are wanted")
    if rows.num_rows == 0:
        raise ValueError(f"{path} has no rows; at least one is wanted")
    kinds = {"method": "str", "game": "str", "score": "float64"}
    columns = {}
    for name in COLUMNS:
        column = rows.column(name)
        if column.null_count:
            raise ValueError(f"{path}: column {name!r} has an empty cell; none is wanted")
        kind = kinds.get(name, "int64")
        array = column.to_numpy()
        if kind != "str" and array.dtype.kind not in ("iu" if kind == "int64" else "iuf"):
            wanted = "integers are" if kind == "int64" else "numbers are"
            raise TypeError(f"{path}: column {name!r} is of {column.type}, {wanted} wanted")
        columns[name] = array.astype(kind)
    return columns


def _wrong(path: Path, row: int, name: str, value: Any, wanted: str) -> str:
    shown = value if isinstance(value, str) else f"{value:g}"
    return f"{path}: row {row + 1} has {name} {shown}, {wanted} is wanted"
