"""A game that failed, and for which coalition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from aumann.attribution import Attribution

__all__ = ["GameError"]


class GameError(ValueError):
    """A game that failed, or gave something that is no finite number, for a coalition.

    Attributes
    ----------
    coalition : ndarray of bool, shape (n,)
        Its members; of several evaluated together the first that may be meant.
    step : int or None
        The step it failed at, where there are several.
    result : Attribution or None
        Of the samples drawn before, if there are any: ``attribute(..., resume=result)`` goes on
        from there once the game is mended. Steps that were not begun hold NaN.

    Notes
    -----
    What the game itself raised is `__cause__`, and its message is part of this one, as it was.
    """

    def __init__(self, message: str, coalition: NDArray[np.bool_]) -> None:
        """Keep the coalition beside the message."""
        members = np.flatnonzero(coalition)
        shown = ", ".join(map(str, members[:10])) + (", ..." if members.size > 10 else "")
        shown = f": {shown}" if shown else ""
        super().__init__(f"{message} (coalition of {members.size} of {coalition.size}{shown})")
        self._message = message
        self.coalition = coalition
        self.step: int | None = None
        self.result: Attribution | None = None

    @classmethod
    def raised(cls, argument: str, error: Exception, coalition: NDArray[np.bool_]) -> GameError:
        """Return the error of a game that raised another one.

        What it returned may be refused in words that name the argument already.
        """
        said = str(error)
        named = said.startswith((f"{argument}: ", f"{argument} "))
        return cls(said if named else f"{argument}: {type(error).__name__}: {said}", coalition)

    def __str__(self) -> str:
        """Return the message with coalition and step."""
        message = super().__str__()
        return message if self.step is None else f"{message} at step {self.step}"

    def __reduce__(self) -> tuple[type[GameError], tuple[Any, ...], dict[str, Any]]:
        """Return what another process makes the same error from."""
        return (
            type(self),
            (self._message, self.coalition),
            {"step": self.step, "result": self.result},
        )
