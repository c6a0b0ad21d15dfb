"""Know your indicator: whether a value function fits the theory, before it is attributed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from aumann import _probes
from aumann._differentiable import Differentiable
from aumann._numbers import check_integer

__all__ = ["ValueFunctionCheck", "check_value_function"]

# Gradients of agents with equal features that differ by more, relative to the largest, do so for
# other reasons than rounding.
TIED = 1e-3


@dataclass(frozen=True, repr=False)
class ValueFunctionCheck:
    """What `check_value_function` has found; printed, one line per question and advice.

    Attributes
    ----------
    value_function : str
        Name of the value function.
    agents, dtype
        Number of agents n, and the name of the dtype of the evaluation.
    features : tuple of str
        Names of the d features; their numbers where x has none.
    value : float
        F(x).
    scale : float
        The larger of |F(x)| and the root mean square change of F as a third of the agents take
        the row of another. Changes of F are judged against it.
    repeatable : bool
        Whether F at x was the same to the bit, twice in a row and once more after all else.
    repeat_difference : float
        The largest difference between those evaluations.
    permutation_invariant : bool
        Whether F does not depend on the order of the agents, up to rounding.
    permutation_change : float
        The largest change of F over random orders of the agents, relative to `scale`.
    smooth : bool
        Whether F looks twice differentiable around x, at steps of up to a tenth of the features'
        spread, and no feature acts without a gradient. A kink that no step has crossed is not
        seen; a surrogate far sharper than a step counts as one.
    value_disagreement : float
        Between differences of F and its gradient, relative, in the worst direction at its best
        step. 1 or so where part of F is cut off from the gradient.
    gradient_disagreement : float
        Between differences of gradients and second derivatives, in the same way; large at kinks.
    crossed : float
        The shortest step, in units of the features' spread, that crossed a jump or a kink which
        the next step, a tenth of it, did not; 0 if there was none.
    ties : float
        Share of agents who have the value of a feature in common with another agent, for the
        feature with the most. Value functions of ranks have kinks there.
    tie_disagreement : float
        Largest difference between the gradients of agents who are tied in all features that have
        any, relative to the largest gradient. Above rounding where autograd picks one of those who
        are tied, as in quantile, sort, topk and max, or where F tells equal agents apart.
    feature_gradient : tuple of float, length d
        Root mean square over agents of dF/dx_k.
    feature_change : tuple of float, length d
        Root mean square change of F over draws of column k from its own values, with replacement.
    unused_features : tuple of int
        Features without effect at x: no gradient and no change.
    unseen_features : tuple of int
        Features that change F but have no gradient, as behind a rounding: Aumann-Shapley gives
        them nothing.
    linear : bool
        Whether F is a sum of terms of single agents, as far as both figures below can tell
        (Lemma 1: all cross-agent second derivatives vanish).
    strength : float
        Root mean square of the cross-agent second derivatives over that of the gradient, in 1 /
        units of x: sqrt(sum of squares / (n (n - 1) d^2)) / sqrt(|g|^2 / (n d)). inf where the
        gradient vanishes and they do not; NaN where they are not finite at x.
    strength_error : float
        Standard error of `strength` over directions; NaN for one direction.
    interaction : float
        Root mean square of mixed differences, as two disjoint thirds of the agents take rows of
        others, over that of single differences: 0 for a sum over agents. Sees what second
        derivatives are blind to. NaN where no such change has an effect.
    by_autograd : bool
        Whether second derivatives are exact; if not, torch has none for an operation of F, and
        differences of gradients took their place.
    seed, directions, permutations : int
        As given.

    Examples
    --------
    >>> import aumann
    >>> x = [[5.0], [3.0], [1.0], [2.0]]
    >>> check = aumann.check_value_function(lambda x: x.exp().mean(), x)
    >>> print(str(check).splitlines()[0])
    Check of a function at 4 agents, 1 feature, in float64
    >>> check.linear, check.strength
    (True, 0.0)
    """

    value_function: str
    agents: int
    features: tuple[str, ...]
    dtype: str
    value: float
    scale: float
    repeatable: bool
    repeat_difference: float
    permutation_invariant: bool
    permutation_change: float
    smooth: bool
    value_disagreement: float
    gradient_disagreement: float
    crossed: float
    ties: float
    tie_disagreement: float
    feature_gradient: tuple[float, ...]
    feature_change: tuple[float, ...]
    unused_features: tuple[int, ...]
    unseen_features: tuple[int, ...]
    linear: bool
    strength: float
    strength_error: float
    interaction: float
    by_autograd: bool
    seed: int
    directions: int
    permutations: int

    def __repr__(self) -> str:
        """Return one line per question, each with its verdict and figures, and the advice."""
        title = (
            f"Check of {self.value_function} at {_counted(self.agents, 'agent')}, "
            f"{_counted(len(self.features), 'feature')}, in {self.dtype}"
        )
        lines = [
            ("repeatable", _yes(self.repeatable), self._repetition()),
            ("permutation invariant", _yes(self.permutation_invariant), self._permutation()),
            ("smooth", _yes(self.smooth), self._smoothness()),
            ("uses every feature", _yes(not self.unused_features), self._dependence()),
            ("linear", _yes(self.linear), self._linearity()),
        ]
        told = [f"  {question:<22} {verdict:<4} {why}" for question, verdict, why in lines]
        return "\n".join([title, *told, *(f"  advice: {each}" for each in self._advice())])

    def _repetition(self) -> str:
        if self.repeatable:
            return "three evaluations at x agree to the bit"
        return f"evaluations at x differ by up to {self.repeat_difference:.2g}"

    def _permutation(self) -> str:
        orders = _counted(self.permutations, "random order")
        change = _small(self.permutation_change)
        return f"{orders} change F by at most {change}, relative to {self.scale:.4g}"

    def _smoothness(self) -> str:
        text = (
            f"small steps disagree with the gradient by {_small(self.value_disagreement)}, "
            f"with second derivatives by {_small(self.gradient_disagreement)}"
        )
        if self.crossed:
            text += f"; steps of {self.crossed:g} times the spread cross a jump or kink"
        if self.ties:
            text += f"; ties ({self.ties:.0%} of agents): ranks would have kinks at x"
        if self._picks():
            text += f"; gradients of tied agents differ by {self.tie_disagreement:.2g}"
        return text

    def _picks(self) -> bool:
        """Whether the gradient is that of one of several agents whom F treats alike."""
        return self.permutation_invariant and self.tie_disagreement > TIED

    def _dependence(self) -> str:
        parts = [
            f"{self._listed(which)} {verdict}"
            for which, verdict in (
                (self.unused_features, "without effect at x"),
                (self.unseen_features, "by jumps only, which the gradient does not see"),
            )
            if which
        ]
        weakest = min(self.feature_gradient)
        return "; ".join(parts) or f"gradients have a root mean square of {weakest:.2g} or more"

    def _linearity(self) -> str:
        mixed = (
            "no exchange of rows changes F"
            if math.isnan(self.interaction)
            else f"mixed differences are {self.interaction:.2g} of single ones"
        )
        how = "" if self.by_autograd else ", by differences of gradients"
        return (
            f"cross-agent second derivatives are {self.strength:.2g} +- {self.strength_error:.1g} "
            f"of the gradient{how}; {mixed}"
        )

    def _listed(self, which: tuple[int, ...]) -> str:
        names = ", ".join(self.features[k] for k in which)
        return f"feature{'s' * (len(which) > 1)} {names}"

    def _advice(self) -> Iterator[str]:
        if not self.repeatable:
            yield (
                "F is random or changes as it is called: fix that first (a network: .eval()), "
                "the other figures include it"
            )
        if not self.permutation_invariant:
            yield "F depends on the order of the agents: equal agents may get unequal values"
        if self.unseen_features:
            yield "Aumann-Shapley gives nothing to what acts by jumps: use a smooth surrogate"
        if not self.smooth:
            yield (
                "the gradient does not account for F everywhere: watch the residual of the path "
                "integral, or use a smooth surrogate"
            )
        if self._picks():
            yield (
                "autograd picks one of several tied agents: attribute shares among those with "
                "equal features, other code may not"
            )
        if not self.linear:
            yield (
                "in general no single factor maps a panel's shares onto the population's: "
                "attribute the whole population"
            )
        elif self.permutation_invariant:
            yield "a panel's shares are the population's, up to one factor"
        else:
            yield "the value of an agent depends on that agent alone"


def check_value_function(
    f: Any, x: Any, *, seed: int = 0, directions: int = 16, permutations: int = 4
) -> ValueFunctionCheck:
    """Say whether a value function fits the theory at x: five questions, with figures.

    Repeatable? Permutation invariant? Smooth? Does every feature matter? Linear, so that a panel
    can stand for the population?

    Parameters
    ----------
    f : callable, torch.nn.Module or ValueFunction
        Takes a tensor of shape (N, d) and returns a tensor with one number.
    x : tensor, array-like, table or Population, shape (N, d)
        Features of one step, as in `attribute`; a tensor on any device. Evaluation is in float64,
        except for a module, which keeps the dtype of its parameters, and for float32 tensors.
        Tolerances follow that dtype.
    seed : int
        Of the random directions, orders, draws and sets; from 0 to 2**64 - 1.
    directions : int
        How many directions second derivatives are taken along, and how many mixed differences;
        a quarter as many, and two or more, for smoothness. At least 1.
    permutations : int
        How many orders of the agents, and draws of each feature. At least 1.

    Returns
    -------
    ValueFunctionCheck
        All figures and verdicts; print it.

    Raises
    ------
    ImportError
        If torch is missing.
    TypeError, ValueError
        If f returns no tensor, more than one number, or a value that is not finite; if no gradient
        reaches x, or one that is not finite; if x cannot be read, holds integers in a tensor or
        numbers that are not finite, or has several steps; if a number is out of range.

    Notes
    -----
    Verdicts hold around x: they find faults, and cannot prove that there are none elsewhere. A
    feature that is the same for all agents is judged by its gradient alone.

    Cost: about 6 `directions` + (d + 1) `permutations` evaluations, 3 `directions` gradients and
    1.25 `directions` products with second derivatives.
    Memory: that of one graph of second derivatives.

    Source: Assumptions 1 and 2 and Lemma 1 of "Attributing Emergence in Million-Agent Systems",
    arXiv 2605.11404; the estimate of `strength` was derived for aumann.

    Examples
    --------
    >>> import aumann
    >>> x = [[5.0, 0.2], [3.0, 1.0], [1.0, 2.0], [2.0, 0.5]]
    >>> check = aumann.check_value_function(lambda x: x.mean(0).prod(), x)
    >>> check.permutation_invariant, check.smooth, check.linear
    (True, True, False)
    >>> aumann.check_value_function(lambda x: x[:, 0].square().mean(), x).unused_features
    (1,)
    """
    check_integer("seed", seed, 0, 2**64 - 1)
    check_integer("directions", directions, 1, 2**31 - 1)
    check_integer("permutations", permutations, 1, 2**31 - 1)
    function = Differentiable(f, x)
    keys = [np.array([seed, question], dtype=np.uint64) for question in range(5)]
    draws = [np.random.Generator(np.random.Philox(key=key)) for key in keys]

    value = function.value(function.x, "at x")
    difference = _probes.repeated(function, value)
    mixed = _probes.interaction(function, value, directions, draws[0])
    scale = max(abs(value), mixed.single)
    moved = _probes.permuted(function, value, permutations, draws[1])
    dependence = _probes.features(function, value, scale, permutations, draws[2])
    smoothness = _probes.smoothness(function, max(2, directions // 4), draws[3])
    strength, strength_error, vanishing = _probes.strength(function, directions, draws[4])
    difference = max(difference, _probes.repeated(function, value))

    tolerance = _probes.tolerance(function)
    agents, width = function.x.shape
    return ValueFunctionCheck(
        value_function=function.name,
        agents=agents,
        features=function.names or tuple(map(str, range(width))),
        dtype=str(function.x.dtype).removeprefix("torch."),
        value=value,
        scale=scale,
        repeatable=difference == 0,
        repeat_difference=difference,
        permutation_invariant=moved <= tolerance * scale,
        permutation_change=moved / scale if scale else moved,
        smooth=smoothness.smooth and not dependence.unseen,
        value_disagreement=smoothness.value_disagreement,
        gradient_disagreement=smoothness.gradient_disagreement,
        crossed=smoothness.crossed,
        ties=_probes.tied(function),
        tie_disagreement=_probes.unequal_ties(function),
        feature_gradient=dependence.gradient,
        feature_change=dependence.change,
        unused_features=dependence.unused,
        unseen_features=dependence.unseen,
        linear=vanishing and mixed.negligible,
        strength=strength,
        strength_error=strength_error,
        interaction=mixed.ratio,
        by_autograd=function.by_autograd,
        seed=int(seed),
        directions=int(directions),
        permutations=int(permutations),
    )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _small(figure: float) -> str:
    return f"{figure:.1e}" if figure else "0"


def _yes(verdict: bool) -> str:
    return "yes" if verdict else "no"
