"""Conversion of results to tables of other libraries, none of which is imported before use."""

from __future__ import annotations

import html
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aumann._arrays import for_arrow
from aumann._printable import LONGEST_NAME, printable

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import xarray as xr

__all__ = ["Table", "Tabular", "html_table", "labelled_array", "text_table"]

_SHOWN_ROWS = 20


class Tabular:
    """What can be put in a table: a `Table` or a result.

    Examples
    --------
    >>> import aumann
    >>> result = aumann.attribute([[1.0], [3.0]], aumann.Mean())
    >>> isinstance(result, Tabular)
    True
    """

    __slots__ = ()

    def to_table(self) -> Table:
        """Return the rows as named columns."""
        raise TypeError(f"{type(self).__name__} has no columns")

    def to_pandas(self) -> pd.DataFrame:
        """Return `to_table` as a pandas.DataFrame.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ImportError
            If pandas is not installed.

        Examples
        --------
        >>> import numpy as np
        >>> Table({"step": np.arange(2)}).to_pandas().shape
        (2, 1)
        """
        frame: pd.DataFrame = _library("pandas").DataFrame(dict(self.to_table().columns))
        return frame

    def to_polars(self) -> pl.DataFrame:
        """Return `to_table` as a polars.DataFrame.

        Returns
        -------
        polars.DataFrame

        Raises
        ------
        ImportError
            If polars is not installed.

        Examples
        --------
        >>> import numpy as np
        >>> Table({"step": np.arange(2)}).to_polars().shape
        (2, 1)
        """
        frame: pl.DataFrame = _library("polars").DataFrame(dict(self.to_table().columns))
        return frame

    def to_arrow(self) -> Any:
        """Return `to_table` as a pyarrow.Table.

        Returns
        -------
        pyarrow.Table

        Raises
        ------
        ImportError
            If pyarrow is not installed.

        Examples
        --------
        >>> import numpy as np
        >>> Table({"step": np.arange(2)}).to_arrow().shape
        (2, 1)
        """
        columns = {name: for_arrow(each) for name, each in self.to_table().columns.items()}
        return _library("pyarrow").table(columns)


@dataclass(frozen=True, eq=False, repr=False)
class Table(Tabular):
    """Named columns of equal length: what results give where one array is not enough.

    Parameters
    ----------
    columns : mapping of str to ndarray
        One-dimensional arrays.

    Examples
    --------
    >>> import aumann
    >>> steps = aumann.attribute([[[1.0], [3.0]], [[2.0], [4.0]]], aumann.Mean()).by_step()
    >>> steps["value"]
    array([2., 3.])
    >>> list(steps.columns)
    ['step', 'value', 'baseline_value', 'total', 'residual', 'sum']
    """

    columns: Mapping[str, NDArray[Any]]

    def to_table(self) -> Table:
        """Return this table."""
        return self

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.columns.values())))

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return a column."""
        return self.columns[name]

    def __repr__(self) -> str:
        """Return the table as text, its middle left out where it is long."""
        return text_table(list(self.columns), self._cells())

    def _repr_html_(self) -> str:
        return html_table(list(self.columns), self._cells())

    def _cells(self) -> list[list[str]]:
        rows = range(len(self))
        half = _SHOWN_ROWS // 2
        # One row more fits in the place of the dots.
        long = len(self) > _SHOWN_ROWS + 1
        shown = [*rows[:half], *rows[-half:]] if long else list(rows)
        cells = [[_cell(column[row]) for column in self.columns.values()] for row in shown]
        if long:
            cells.insert(half, ["..."] * len(self.columns))
        return cells


def labelled_array(
    values: NDArray[Any], coords: Mapping[str, Any], name: str, attrs: Mapping[str, str]
) -> xr.DataArray:
    """Return values as an xarray.DataArray with one dim per coordinate, in their order.

    Parameters
    ----------
    values : ndarray
        One axis per coordinate.
    coords : mapping of str to array-like
        Labels along each axis.
    name : str
        Name of the array.
    attrs : mapping of str to str
        What else is to be known of it.

    Returns
    -------
    xarray.DataArray

    Raises
    ------
    ImportError
        If xarray is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> labelled_array(np.zeros(2), {"agent": np.arange(2)}, "value", {}).dims
    ('agent',)
    """
    array: xr.DataArray = _library("xarray").DataArray(
        values, coords=dict(coords), dims=list(coords), name=name, attrs=dict(attrs)
    )
    return array


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return cells in aligned columns, the first to the left and the others to the right.

    Parameters
    ----------
    header : sequence of str
        Names of the columns.
    rows : sequence of sequence of str
        The cells.

    Returns
    -------
    str

    Examples
    --------
    >>> print(text_table(["group", "share"], [["top", "0.25"], ["tail", "0.75"]]))
    group  share
    top     0.25
    tail    0.75
    """
    lines = [[printable(cell, most=LONGEST_NAME) for cell in line] for line in (header, *rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if k else cell.ljust(width)
            for k, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return cells as an HTML table, escaped.

    Parameters
    ----------
    header : sequence of str
        Names of the columns; none to leave the head out.
    rows : sequence of sequence of str
        The cells.

    Returns
    -------
    str

    Examples
    --------
    >>> html_table(["group"], [["a<b"]])
    '<table><thead><tr><th>group</th></tr></thead><tbody><tr><td>a&lt;b</td></tr></tbody></table>'
    """

    def row(cells: Sequence[str], tag: str) -> str:
        texts = (html.escape(printable(cell, most=LONGEST_NAME)) for cell in cells)
        return "<tr>" + "".join(f"<{tag}>{text}</{tag}>" for text in texts) + "</tr>"

    head = f"<thead>{row(header, 'th')}</thead>" if header else ""
    return f"<table>{head}<tbody>{''.join(row(cells, 'td') for cells in rows)}</tbody></table>"


def _cell(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    return str(value)


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"this conversion needs {name}: pip install {name}") from error
