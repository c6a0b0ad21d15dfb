"""Rows of the tables of a study, as the tests look at them."""

import numpy as np


def figures(results, name, figure, **where):
    """Return a figure of the rows that are asked for, in their order."""
    columns = {key: results.tables[name][key].to_pylist() for key in (*where, figure)}
    mine = [
        all(columns[key][row] == value for key, value in where.items())
        for row in range(results.tables[name].num_rows)
    ]
    found = [value for value, wanted in zip(columns[figure], mine, strict=True) if wanted]
    return np.array([np.nan if value is None else value for value in found], float)


def records(table):
    """Return the rows of a paper table as dicts."""
    columns = table.to_table().columns
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
