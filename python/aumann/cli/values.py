"""Values of options that hold more than one word or number."""

from typing import Literal, TypeAlias

from aumann._baseline import Step

__all__ = ["Baseline", "baseline", "integers", "names", "numbers", "tier_names"]

Baseline: TypeAlias = float | list[float] | Literal["mean", "previous"] | Step

STEP = "step:"


def names(option: str, text: str) -> list[str]:
    """Split a list of names at its commas; none may be empty."""
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise ValueError(f"{option} is {text!r}; names separated by commas are wanted")
    return parts


def numbers(option: str, text: str) -> list[float]:
    """Split a list of numbers at its commas."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"{option} is {text!r}; numbers separated by commas are wanted") from None


def integers(option: str, text: str) -> list[int]:
    """Split a list of integers at its commas."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"{option} is {text!r}; integers separated by commas are wanted") from None


def baseline(text: str) -> Baseline:
    """Read a baseline: a word, a step, one number for all features, or one per feature."""
    if text == "mean":
        return "mean"
    if text == "previous":
        return "previous"
    if text.startswith(STEP):
        return Step(text.removeprefix(STEP))
    try:
        values = numbers("--baseline", text)
    except ValueError:
        raise ValueError(
            f"--baseline is {text!r}; a number, one number per feature separated by commas, "
            "mean, previous or step:LABEL is wanted"
        ) from None
    return values[0] if len(values) == 1 else values


def tier_names(tiers: int) -> tuple[str, ...]:
    """Name tiers: top, middle and tail for three, numbers from the top for any other count."""
    if tiers == 3:
        return ("top", "middle", "tail")
    return tuple(f"tier {position + 1}" for position in range(tiers))
