"""Studies that reports are made of in the tests, and the tables of a page as its text has them."""

from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa

import aumann
from aumann.study.study import paper_protocols

PROTOCOLS = {
    name: paper_protocols().get(name, aumann.VisibilityWeighted())
    for name in ("visibility", "topic top", "visibility weighted", "random")
}


def small_study(folder: Path) -> aumann.StudyResults:
    """Two topics, three value functions, four protocols, two sizes, three seeds."""
    population = aumann.synthesize(agents=3_000, steps=3, topics=2, seed=4)
    study = aumann.Study(
        population,
        value_functions=[aumann.Mean(), aumann.Heat(), aumann.Variance()],
        protocols=PROTOCOLS,
        sizes=[100, 1_000],
        seeds=[0, 1, 2],
    )
    return study.run(folder)


def altered(results: aumann.StudyResults, change, **manifest) -> aumann.StudyResults:
    """The same study with `change` made to every row of every table; a row of None is left out."""
    tables = {}
    for name, table in results.tables.items():
        rows = [change(name, dict(row)) for row in table.to_pylist()]
        kept = [row for row in rows if row is not None]
        if kept:
            # The types stay, so that a column of nulls is one of numbers.
            tables[name] = pa.Table.from_pylist(kept, schema=table.schema)
    return aumann.StudyResults(results.folder, tables, {**results.manifest, **manifest})


def renamed(results: aumann.StudyResults, names: dict[str, str]) -> aumann.StudyResults:
    """The same study with topics, protocols and tiers by other names."""

    def change(_, row):
        return {k: names.get(v, v) if isinstance(v, str) else v for k, v in row.items()}

    manifest = dict(results.manifest)
    manifest["topics"] = [names.get(topic, topic) for topic in manifest["topics"]]
    for key in ("protocols", "tiers"):
        manifest[key] = {names.get(k, k): v for k, v in manifest[key].items()}
    manifest["stepwise"] = [names.get(name, name) for name in manifest["stepwise"]]
    return altered(results, change, **manifest)


class Page(HTMLParser):
    """Tables of a page by key, each a list of rows of (text, data-value), and its visible text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[tuple[str, str | None]]]] = {}
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._key = self._cell = None
        self._silent = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if tag == "section" and (attributes.get("id") or "").startswith("table-"):
            self._key = attributes["id"][len("table-") :]
            self.tables[self._key] = []
        elif tag == "tr":
            self.tables[self._key].append([])
        elif tag == "td":
            self._cell = ["", attributes.get("data-value")]
        elif tag in ("script", "style"):
            self._silent = True

    def handle_endtag(self, tag):
        if tag == "td":
            self.tables[self._key][-1].append(tuple(self._cell))
            self._cell = None
        elif tag in ("script", "style"):
            self._silent = False

    def handle_data(self, data):
        if self._cell is not None:
            self._cell[0] += data
        elif not self._silent:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def rows(self, key: str) -> list[list[tuple[str, str | None]]]:
        return [row for row in self.tables[key] if row]
