"""Files that may hold anything, read by every command that reads one.

A program of its own, so that a crash, a hang or memory without bound is seen from outside.
"""

import faulthandler
import gzip
import io
import json
import resource
import sys
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from damages import damaged
from typer.testing import CliRunner

import aumann
from aumann.cli import app

LONGEST = 120.0  # seconds
MOST_MEMORY = 1_500 << 20
LOG = "".join(
    f'{k % 7},{k * 3 % 11},{1341100972 + 3600 * k},{"RT" if k % 2 else "RE"},"a, ""b"" {k}"\n'
    for k in range(60)
)
TABLE = "agent,step,posts,mood,country\n" + "".join(
    f"{k % 5},{k // 5},{k},{k / 7},dé\n" for k in range(30)
)
STUDY = """population = "week.parquet"
output = "out"
protocols = ["visibility", "random"]
value_functions = ["mean"]
sizes = [10]
seeds = 1
merge_steps = [2]
[tiers]
fractions = [0.1, 0.3]
"""
# What readers stumble over: absurd lengths, numbers at the edges of types, marks and brackets.
TOKENS = (
    *("1000000000000000000", "-1", "1e400", "nan", "9" * 400, "18446744073709551616", "0x7fffffff"),
    *('"', "'", '"""', "\n", "\r", "\r\n", "\0", ",", ";", "=", "\ufeff", "\ud7ff", "\u202e", "\\"),
    *("[" * 500, "{" * 500, "a." * 500, "[[x]]", "{}", "[]", "null", "true", "inf", "''", '""'),
    *("2012-07-01T00:00:00Z", "9999-12-31", "seeds = 10_000_000_000", "x" * 5_000, "#", "\t", " "),
)


def edited(content: bytes, draw: np.random.Generator) -> bytes:
    """Return a text with tokens put in, parts taken out, or bytes damaged."""
    for _ in range(int(draw.integers(1, 4))):
        if not content:
            return content
        start, stop = np.sort(draw.integers(len(content) + 1, size=2)).tolist()
        token = TOKENS[draw.integers(len(TOKENS))].encode("utf-8", "surrogatepass")
        kind = int(draw.integers(5))
        if kind == 0:
            content = content[:start] + token + content[start:]
        elif kind == 1:
            stop = min(stop, start + 12)
            content = content[:start] + token + content[stop:]
        elif kind == 2:
            content = content[:start] + content[min(stop, start + 40) :]
        elif kind == 3:
            content = content[:stop] + content[start:stop] + content[stop:]
        else:
            content = damaged(content, draw)[0]
    return content


def packed(content: bytes, how: str) -> bytes:
    if how == "gz":
        return gzip.compress(content, mtime=0)
    return pa.compress(content, codec="zstd", asbytes=True) if how == "zst" else content


def unsealed(folder: Path) -> bytes:
    """Return a population file without digests, whose damages nobody sees before it is parsed."""
    with pq.ParquetFile(folder / "week.parquet") as file:
        key = b"aumann.population"
        header = {key: file.metadata.metadata[key]}
        written = io.BytesIO()
        with pq.ParquetWriter(written, file.schema_arrow.with_metadata(header)) as writer:
            for group in range(file.num_row_groups):
                writer.write_table(file.read_row_group(group).replace_schema_metadata(header))
    return written.getvalue()


def headed(folder: Path, draw: np.random.Generator) -> bytes:
    """Return a population file without digests, whose header claims something else."""
    with pq.ParquetFile(folder / "week.parquet") as file:
        header = json.loads(file.metadata.metadata[b"aumann.population"])
        key = sorted(header)[draw.integers(len(header))]
        odd = (10**18, -1, 0, 1.5, "x", None, True, [], {}, [1], [[]], [{"name": 1}], ["a", "a"])
        header[key] = odd[draw.integers(len(odd))]
        metadata = {b"aumann.population": json.dumps(header).encode()}
        written = io.BytesIO()
        with pq.ParquetWriter(written, file.schema_arrow.with_metadata(metadata)) as writer:
            for group in range(file.num_row_groups):
                writer.write_table(file.read_row_group(group).replace_schema_metadata(metadata))
    return written.getvalue()


def parquet_table() -> bytes:
    written = io.BytesIO()
    pq.write_table(pa.table({"agent": [1, 2], "step": ["a", "b"], "posts": [3, 4]}), written)
    return written.getvalue()


def cases(folder: Path, draw: np.random.Generator):
    """Give names of files, contents, and the words of the command that reads them, for ever."""
    build = ("population", "build", "--activity", "RT", "--resonance", "RE", "--columns")
    build = (*build, "actor,target,time,kind,text", "-o", "out.parquet")
    table = ("population", "from-table", "--step", "step", "-o", "out.parquet")
    lines = "".join(
        json.dumps({"actor": k, "target": k + 1, "time": 1341100972 + k, "kind": "RT"}) + "\n"
        for k in range(20)
    ).encode()
    plain = unsealed(folder)
    while True:
        for ending in ("", ".gz", ".zst"):
            text = packed(edited(LOG.encode(), draw), ending[1:])
            yield f"log.csv{ending}", text, build
            yield f"log.csv{ending}", edited(packed(LOG.encode(), ending[1:]), draw), build
            rows = packed(edited(TABLE.encode(), draw), ending[1:])
            yield f"table.csv{ending}", rows, (*table, "--labels", "country")
        yield "log.jsonl", edited(lines, draw), (*build[:6], *build[8:])
        yield "table.parquet", edited(parquet_table(), draw), table
        yield "population.parquet", damaged(plain, draw)[0], ("population", "describe")
        yield "population.parquet", damaged(plain, draw)[0], ("population", "describe")
        yield "population.parquet", headed(folder, draw), ("population", "describe")
        for _ in range(3):
            yield "study.toml", edited(STUDY.encode(), draw), ("study",)


def peak_memory() -> int:
    """Return the highest resident memory of this process, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # where the mark of getrusage is inherited from the parent process
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    """Read COUNT files, drawn by a seed, in a folder; end with 1 at the first fault."""
    folder, seed, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    aumann.synthesize(agents=60, steps=2, seed=1).write_parquet(folder / "week.parquet")
    draw, codes = np.random.default_rng(seed), {0: 0, 2: 0}
    for number, (name, content, words) in zip(range(count), cases(folder, draw), strict=False):
        file = folder / name
        file.write_bytes(content)
        faulthandler.dump_traceback_later(LONGEST, exit=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            arguments = [*words, str(file)]
            if "-o" in words:
                arguments[arguments.index("out.parquet")] = str(folder / "out.parquet")
            answer = CliRunner().invoke(app, arguments)
        faulthandler.cancel_dump_traceback_later()
        right = answer.exit_code == 0 or (
            answer.exit_code == 2
            and isinstance(answer.exception, SystemExit)
            and answer.stderr.splitlines()[-1].startswith("aumann: error: ")
            and "panicked" not in answer.stderr
        )
        if not right:
            file.rename(folder / f"fault-{name}")
            sys.exit(f"case {number}, {' '.join(words)} {name}: {answer!r}\n{answer.stderr}")
        codes[answer.exit_code] += 1
        memory = peak_memory()
        if memory > MOST_MEMORY:
            sys.exit(f"case {number}, {' '.join(words)} {name}: {memory:,} bytes of memory")
    print(json.dumps(codes))


if __name__ == "__main__":
    main()
