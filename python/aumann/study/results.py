"""The tables of a study, and what they come to."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from aumann.figures import PlottedStudy
from aumann.study.paper_table import PaperTable
from aumann.study.paper_tables import paper_tables
from aumann.study.store import FINISHED, MANIFEST, PARTS, TABLES, read_manifest, read_tables

__all__ = ["StudyResults"]


@dataclass(frozen=True, eq=False, repr=False)
class StudyResults(PlottedStudy):
    """The tables of a study: what `Study.run` returns, or read again from its folder.

    Parameters
    ----------
    folder : Path
        Where they are.
    tables : dict of str to pyarrow.Table
        One row per cell of the grid; docs/study.md lists tables and columns. Undefined figures are
        null. A table that would have no rows is not there.
    manifest : dict
        What the study is: parameters, checksum of the population, versions that measured it.

    Examples
    --------
    >>> import aumann, tempfile
    >>> population = aumann.synthesize(agents=2_000, steps=2, seed=1)
    >>> results = aumann.Study(population, seeds=[0]).run(tempfile.mkdtemp())
    >>> again = aumann.StudyResults.read(results.folder)
    >>> again.tables["cells"] == results.tables["cells"]
    True
    """

    folder: Path
    tables: dict[str, Any]
    manifest: dict[str, Any]

    @classmethod
    def read(cls, folder: str | PathLike[str]) -> StudyResults:
        """Read the tables of a finished study.

        Parameters
        ----------
        folder : path
            The output of `Study.run`.

        Returns
        -------
        StudyResults

        Raises
        ------
        ValueError
            If there is no finished study in the folder, or a file of it was damaged.
        ImportError
            If pyarrow is not installed.
        """
        import pyarrow.parquet  # noqa: F401

        folder = Path(folder)
        path = folder / MANIFEST
        if not path.is_file():
            raise ValueError(f"folder: {folder} holds no study, the output of one is wanted")
        manifest = read_manifest(path)
        tables = {}
        if manifest is not None and manifest.get(FINISHED):
            tables = read_tables(folder, manifest.pop(TABLES, None))
        if manifest is None or "cells" not in tables:
            raise ValueError(f"folder: the study in {folder} is not finished; run it again")
        return cls(folder, tables, manifest)

    @property
    def files(self) -> list[Path]:
        """What is in the folder: manifest, tables and parts."""
        names = (MANIFEST, "*.parquet", f"{PARTS}/*")
        return [path for name in names for path in sorted(self.folder.glob(name))]

    def __repr__(self) -> str:
        """Return what there is."""
        rows = "\n".join(
            f"  {name}: {table.num_rows:,} rows" for name, table in self.tables.items()
        )
        return f"StudyResults in {self.folder}\n{rows}"

    def summary(self) -> Any:
        """Return means and standard deviations over seeds, as a pyarrow.Table.

        One row per topic, value function, protocol, size and tier: the population's share, the
        panels' mean share and its deviation, the flip (panel less population), how many panels had
        no shares, the mean rescaling residual.
        """
        import duckdb

        whole, cells, shares = (self.tables[name] for name in ("whole", "cells", "shares"))
        connection = duckdb.connect()
        for name, table in (("whole", whole), ("cells", cells), ("shares", shares)):
            connection.register(name, table)
        return connection.sql(
            """
            select s.topic, s.value_function, s.protocol, s.size, s.tier,
                any_value(w.share) as whole_share, avg(s.share) as panel_share,
                stddev_samp(s.share) as deviation, avg(s.flip) as flip,
                avg(s.agents) as agents, count(*) - count(s.share) as undefined,
                avg(c.residual) as residual
            from shares s
            join whole w on s.topic is not distinct from w.topic
                and s.value_function = w.value_function and s.tier = w.tier
            join cells c on s.topic is not distinct from c.topic
                and s.value_function = c.value_function and s.protocol = c.protocol
                and s.size = c.size and s.seed = c.seed
            group by s.topic, s.value_function, s.protocol, s.size, s.tier
            order by s.topic, s.value_function, s.protocol, s.size, s.tier
            """
        ).to_arrow_table()

    def paper_tables(self) -> dict[str, PaperTable]:
        """Return every table of the paper's study by its name there, from this study's figures.

        Returns
        -------
        dict of str to PaperTable
            Each prints itself and has `title`, `notes`, `to_pandas`, `to_polars` and `to_arrow`.
            One that the study does not hold says in `missing` what to ask for. docs/paper-tables.md
            lists them.

        Examples
        --------
        >>> import aumann, tempfile
        >>> population = aumann.synthesize(agents=1_000, steps=2, seed=1)
        >>> results = aumann.Study(population, seeds=[0]).run(tempfile.mkdtemp())
        >>> tables = results.paper_tables()
        >>> tables["Table 16"].to_table()["size"].tolist()
        ['100', 'FULL']
        """
        return paper_tables(self.tables, self.manifest)

    def peaks(self) -> Any:
        """Return the step with the largest value per topic and value function, by tier.

        A pyarrow.Table with columns topic, value_function, step, value, tier and share; of steps
        that tie the first. An indicator that is undefined or the same number at each of several
        steps has no peak, and no rows.
        """
        import duckdb

        connection = duckdb.connect()
        connection.register("steps", self.tables["steps"])
        return connection.sql(
            """
            select topic, value_function, step, value, tier, share from steps
            window indicator as (partition by topic, value_function)
            qualify value = max(value) over indicator
                and number = min(number) over (partition by topic, value_function, value)
                and (min(value) over indicator < max(value) over indicator
                    or min(number) over indicator = max(number) over indicator)
            order by topic, value_function, share desc nulls last, tier
            """
        ).to_arrow_table()
