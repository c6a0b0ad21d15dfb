"""The result of reweighting a panel, and what it says about the panel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aumann.export import Table, Tabular
from aumann.value_functions import ValueFunction

__all__ = ["Reweighted", "listed"]

# The standard normal distribution has 95 % of its mass within so many standard deviations.
NORMAL_95 = 1.959963984540054

SHOWN_GROUPS = 3

# Below this a difference of shares is rounding.
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Reweighted(Tabular):
    """Shares of groups in the population, estimated from a panel: the result of `reweight`.

    Parameters
    ----------
    value_function : ValueFunction
        The indicator.
    names : tuple of str, length G
        The groups.
    shares : ndarray of float64, shape (G,)
        Estimated shares of the population; they sum to 1. NaN where undefined.
    standard_error : ndarray of float64, shape (G,)
        NaN where the panel does not show it; see `cautions`.
    panel_shares : ndarray of float64, shape (G,)
        The panel's own shares, every member counted once. NaN where undefined.
    members : ndarray of int, shape (G,)
        Members of the panel in each group.
    contributors : ndarray of int, shape (G,)
        Those of them whose attribution is not 0.
    design : str
        What the standard errors are for: fixed size, Bernoulli or post-stratified.
    effective_size : float
        Members that a panel of equal weights would need to say as much: (sum d)^2 / sum d^2.
    weight_span : float
        The largest weight divided by the smallest.
    cautions : tuple of str
        Why figures are missing or too sure of themselves; also given as warnings.

    Examples
    --------
    >>> import aumann
    >>> x = [[float(s)] for s in range(60)]
    >>> groups = ["low"] * 30 + ["high"] * 30
    >>> aumann.reweight(x, aumann.Mean(), groups, totals={"low": 900, "high": 100})
    Reweighted Mean() of 60 members, post-stratified: effective size 36.6, weights span 9
    group  members  contributors  panel_share     share  standard_error       low      high
    high        30            30     0.754237  0.254286       0.0214457  0.212253  0.296318
    low         30            29     0.245763  0.745714       0.0214457  0.703682  0.787747
    """

    value_function: ValueFunction
    names: tuple[str, ...]
    shares: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    panel_shares: NDArray[np.float64]
    members: NDArray[np.intp]
    contributors: NDArray[np.intp]
    design: str
    effective_size: float
    weight_span: float
    cautions: tuple[str, ...] = ()

    @property
    def intervals(self) -> NDArray[np.float64]:
        """Nominal 95 % intervals of the shares, lower and upper ends, shape (G, 2)."""
        reach = NORMAL_95 * self.standard_error
        return np.stack([self.shares - reach, self.shares + reach], axis=1)

    def to_table(self) -> Table:
        """Return one row per group.

        Returns
        -------
        Table
            Columns group, members, contributors, panel_share, share, standard_error, low, high.

        Examples
        --------
        >>> import aumann
        >>> x = [[float(s)] for s in range(60)]
        >>> result = aumann.reweight(x, aumann.Mean(), ["a", "b"] * 30, inclusion=[0.5] * 60)
        >>> result.to_table()["share"].round(3)
        array([0.492, 0.508])
        """
        low, high = self.intervals.T
        return Table(
            {
                "group": np.array(self.names),
                "members": self.members,
                "contributors": self.contributors,
                "panel_share": self.panel_shares,
                "share": self.shares,
                "standard_error": self.standard_error,
                "low": low,
                "high": high,
            }
        )

    def verdict(self) -> str:
        r"""Say in words whether the panel can be trusted for this indicator, and what would help.

        Returns
        -------
        str
            One sentence per line: whether the panel's own shares stand beside the reweighted ones,
            how far these are known, and on what it all rests. What is wanting comes first.

        Notes
        -----
        The panel's own share of a group is refused where it is outside the nominal 95 % interval
        of the reweighted one. Twice the members give errors smaller by the square root of 2.

        Examples
        --------
        >>> import aumann
        >>> x = [[float(s)] for s in range(60)]
        >>> groups = ["low"] * 30 + ["high"] * 30
        >>> result = aumann.reweight(x, aumann.Mean(), groups, totals={"low": 900, "high": 100})
        >>> print(result.verdict().replace(": ", ":\n").replace("; ", ";\n"))
        Do not trust the panel's own shares of Mean():
        'high' is 75.4 % by its own weights and 25.4 +- 4.2 % reweighted;
        'low' is 24.6 % by its own weights and 74.6 +- 4.2 % reweighted.
        The reweighted shares are known to +- 4.2 points or better (nominal 95 %);
        half of that takes about 4 times as many members.
        This rests on the members of each group being like a uniform draw of it;
        if they are not, only inclusion probabilities repair it.
        """
        if np.isnan(self.shares).all():
            return f"No verdict on {self.value_function!r}: {self.cautions[0]}."
        told = [self._own_shares(), self._reweighted_shares()]
        if self.cautions:
            # Nothing stands beside shares that cannot be relied on.
            told.reverse()
        return "\n".join([*told, self._premise()])

    def __repr__(self) -> str:
        """Return the groups as a text table under a line on the panel."""
        return f"{self._title()}\n{self.to_table()!r}"

    def _repr_html_(self) -> str:
        return f"<p>{self._title()}</p>{self.to_table()._repr_html_()}"

    def _title(self) -> str:
        return (
            f"Reweighted {self.value_function!r} of {int(self.members.sum()):,} members, "
            f"{self.design}: effective size {self.effective_size:.3g}, "
            f"weights span {self.weight_span:.3g}"
        )

    def _own_shares(self) -> str:
        apart = np.abs(self.panel_shares - self.shares)
        reach = NORMAL_95 * self.standard_error
        if np.isnan(apart).all():
            return f"The panel's own shares of {self.value_function!r} are undefined."
        # Without a standard error nothing can be said against a share, nor for it.
        refused = np.flatnonzero(apart > np.maximum(reach, ROUNDING))
        if refused.size:
            worst_first = refused[np.argsort(-apart[refused], kind="stable")]
            told = listed(
                [
                    f"{self.names[g]!r} is {_percent(self.panel_shares[g])} % by its own weights "
                    f"and {_percent(self.shares[g])} +- {_percent(reach[g])} % reweighted"
                    for g in worst_first
                ],
                "; ",
            )
            return f"Do not trust the panel's own shares of {self.value_function!r}: {told}."
        worst = int(np.nanargmax(apart))
        return (
            f"The panel's own shares of {self.value_function!r} agree with the reweighted ones "
            f"within the errors of these: they are {_percent(apart[worst])} points apart at most, "
            f"at {self.names[worst]!r}."
        )

    def _reweighted_shares(self) -> str:
        reach = NORMAL_95 * self.standard_error
        known = reach[~np.isnan(reach)]
        if self.cautions:
            return (
                f"The reweighted shares cannot be relied on yet: {'; '.join(self.cautions)}. A "
                "larger panel, or one that draws the agents that are rare in it more often, would "
                "make them so."
            )
        if not known.max() > ROUNDING:
            return "The reweighted shares have no sampling error: every agent was drawn."
        return (
            f"The reweighted shares are known to +- {_percent(known.max())} points or better "
            "(nominal 95 %); half of that takes about 4 times as many members."
        )

    def _premise(self) -> str:
        if self.design == "post-stratified":
            return (
                "This rests on the members of each group being like a uniform draw of it; if they "
                "are not, only inclusion probabilities repair it."
            )
        return (
            "This rests on the inclusion probabilities being right, and above 0 for every agent "
            "of the population."
        )


def listed(phrases: list[str], separator: str = ", ") -> str:
    """Return the first few phrases in a row, and how many groups more there are.

    Examples
    --------
    >>> listed(["'a' by 1", "'b' by 0", "'c' by 3", "'d' by 2", "'e' by 2"])
    "'a' by 1, 'b' by 0, 'c' by 3 and 2 groups more"
    """
    more = len(phrases) - SHOWN_GROUPS
    text = separator.join(phrases[:SHOWN_GROUPS])
    return text if more <= 0 else f"{text} and {more:,} group{'s' if more > 1 else ''} more"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
