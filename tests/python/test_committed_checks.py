"""The checks on committed files, on made-up content."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "check_committed.py"


@pytest.fixture(scope="module")
def checks() -> ModuleType:
    if not SCRIPT.is_file():
        pytest.skip("the script belongs to the repository and is not beside these tests")
    spec = importlib.util.spec_from_file_location("check_committed", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("README.md", b"# Title\n\nText with a / and https://host.example/home/x/y.\n"),
        ("empty.py", b""),
        ("a.py", "name = 'Gin\u00ef'\n".encode()),
        ("a.py", b"x = 1\n" * 400),
        ("data.csv", b"1,2\n" * 1000),
        ("notes.md", b"=" * 8 + b"\n"),
        ("relative.md", b"see ../shared/work/x and a/root/b\n"),
        ("Cargo.lock", b'source = "registry+https://github.com/rust-lang/crates.io-index"\n'),
        ("todo.md", b"a list named to" + b"do!\n"),
    ],
)
def test_good_files_pass(checks: ModuleType, path: str, content: bytes) -> None:
    assert checks.file_problems(path, content) == []


@pytest.mark.parametrize(
    ("path", "content", "word"),
    [
        ("a.txt", b"x\0y\n", "binary"),
        ("a.txt", b"\xff\xfe\n", "binary"),
        ("a.parquet", b"PAR1\n", "binary"),
        ("a.txt", b"x\n" * 250_001, "500,002 bytes"),
        ("a.md", b"text \n", "a.md:1: trailing whitespace"),
        ("a.md", b"text\n\t\n", "a.md:2: trailing whitespace"),
        ("a.md", b"text\r\n", "carriage return"),
        ("a.md", b"<" * 7 + b" ours\n", "merge marker"),
        ("a.md", b"=" * 7 + b"\n", "merge marker"),
        ("a.md", b">" * 7 + b" theirs\n", "merge marker"),
        ("a.md", b"text", "newline"),
        ("a.md", b"text\n\n", "empty line at the end"),
        ("a.py", b"x = 1\n" * 401, "401 lines"),
        ("a.pyi", b"x: int\n" * 401, "401 lines"),
        ("a.rs", b"mod x;\n" * 401, "401 lines"),
        ("a.md", b"open /" + b"work/main\n", "one machine"),
        ("a.py", b"p = '/" + b"root/data'\n", "one machine"),
        ("a.toml", b'p = "/home/' + b'someone/x"\n', "one machine"),
        ("a.rs", b"fn f() { to" + b"do!() }\n", "stub"),
        ("a.rs", b"fn f() { unimplemented" + b"!() }\n", "stub"),
        ("a.py", b"raise NotImplemented" + b"Error\n", "stub"),
        ("uv.lock", b'url = "https://files.example.org/x.whl"\n', "package host"),
        ("Cargo.lock", b'source = "registry+https://mirror.example.org/index"\n', "package host"),
    ],
)
def test_each_problem_is_found_once(
    checks: ModuleType, path: str, content: bytes, word: str
) -> None:
    problems = checks.file_problems(path, content)
    assert len(problems) == 1
    assert problems[0].startswith(path)
    assert word in problems[0]


def test_only_committed_files_count_and_exit_code_tells(checks: ModuleType, tmp_path: Path) -> None:
    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(SCRIPT)], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "good.md").write_text("fine\n")
    (tmp_path / "bad.md").write_text("bad \n")
    subprocess.run(["git", "add", "good.md"], cwd=tmp_path, check=True)
    passed = run()
    assert (passed.returncode, passed.stdout, passed.stderr) == (0, "", "")
    subprocess.run(["git", "add", "bad.md"], cwd=tmp_path, check=True)
    failed = run()
    assert (failed.returncode, failed.stderr) == (1, "")
    assert failed.stdout == "bad.md:1: trailing whitespace\n"
    (tmp_path / "bad.md").unlink()
    assert run().returncode == 0
    assert checks.committed_files(tmp_path) == ["good.md"]


def test_the_checks_pass_their_own_checks(checks: ModuleType) -> None:
    for path in (SCRIPT, Path(__file__)):
        assert checks.file_problems(path.name, path.read_bytes()) == []
