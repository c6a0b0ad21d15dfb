"""Run the Python tests on the built wheel, and a smoke test on the source distribution.

Each goes into an empty environment in a temporary folder, away from the checkout. Lengthy tests say
nothing of how the package was installed and are left to `make test`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UV = [str(Path(sys.executable).with_name("uv"))]
SMOKE = "import aumann; print(aumann.attribute([[1.0], [3.0]], aumann.Variance()))"

# Whether the sources are complete is asked here, not how fast what is built of them runs.
UNOPTIMISED = {
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
}


def environment(folder: Path, *packages: str) -> Path:
    """Make an environment with some packages and return its Python."""
    subprocess.run([*UV, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    command = [*UV, "pip", "install", "--quiet", "--python", python, *packages]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, **UNOPTIMISED})
    return python


def only(pattern: str) -> Path:
    """Return the one file in dist/ that fits."""
    found = sorted((ROOT / "dist").glob(pattern))
    if len(found) != 1:
        sys.exit(f"one dist/{pattern} is wanted, {len(found)} found; run make wheel")
    return found[0]


def main() -> None:
    """Test wheel and source distribution."""
    data = os.environ.get("AUMANN_DATA", str(ROOT.parent / "shared" / "data"))
    with tempfile.TemporaryDirectory() as name:
        away = Path(name)
        python = environment(away / "wheel", f"{only('*.whl')}[cli]", "--group", "test")
        for part in ("tests/python", "scripts", "docs"):
            shutil.copytree(ROOT / part, away / part)
        tests = [python, "-m", "pytest", "--quiet", "-n", "auto", "--import-mode=importlib"]
        tests += ["-m", "not lengthy"]
        config = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", away]
        ran = subprocess.run(
            [*tests, *config, away / "tests" / "python"],
            cwd=away,
            env={"OMP_NUM_THREADS": "1", **os.environ, "AUMANN_DATA": data},
            check=False,
        )
        if ran.returncode:
            sys.exit(ran.returncode)
        python = environment(away / "sdist", str(only("*.tar.gz")))
        subprocess.run([python, "-c", SMOKE], cwd=away, check=True)


if __name__ == "__main__":
    main()
