"""Adaptive quadrature: nested rules on the whole path, or on pieces of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from aumann.path_integral.evidence import Evidence
from aumann.path_integral.integrand import Integrand
from aumann.path_integral.kinks import parting
from aumann.path_integral.pieces import Piece
from aumann.path_integral.rounding import Judge, host
from aumann.path_integral.rules import LEVELS, Level, nested_rule
from aumann.path_integral.samples import Samples, Seen
from aumann.path_integral.singular_ends import LONGEST_LEVEL, singular_order
from aumann.path_integral.spread import Spread
from aumann.path_integral.sweep import cells_of, merged, sweep
from aumann.path_integral.verdict import Verdict, is_hopeless

__all__ = ["Adaptive"]

Tensor: TypeAlias = Any
Floats: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

# The fewest nodes that say where F may be doubted, and from which the whole path may be given up.
FEWEST, PATIENCE = 7, 11
# Each piece may have this part of the error that is allowed for its share of the path, so that all
# together stay below the whole.
SHARE = 0.5
# Nothing narrower is parted: places on it would be the same to rounding.
NARROWEST = 1e-11


class Adaptive:
    """The integral of an integrand over its path, every step judged on its own.

    Parameters
    ----------
    integrand : Integrand
        Of m steps.
    judge : Judge
        Tells which have converged.
    fewest : int
        Nodes that must agree before they are believed.
    most : int
        Gradients that no step may need more of.
    show : callable
        Takes the number of nodes so far.

    Notes
    -----
    A piece of the path gets more nodes as long as its contributions, as polynomials through the
    nodes, fall fast enough to be within the tolerance at the longest level. If they do not, and
    they grow towards an end of the path, nodes are laid denser there; else the piece is parted, at
    a kink or in the middle. All pieces of one generation are integrated before their parts, so that
    the whole path is covered whenever the evaluations end. What is left of a step whose kinks are
    too many to be parted one by one is integrated by equal cells.
    """

    def __init__(
        self,
        integrand: Integrand,
        judge: Judge,
        fewest: int,
        most: int,
        show: Callable[[int], None],
    ) -> None:
        """Start with nothing evaluated."""
        self.integrand, self.judge, self.show = integrand, judge, show
        self.fewest, self.most = fewest, most
        self.steps = integrand.steps
        self.evaluations = np.zeros(self.steps, dtype=np.intp)
        self.evidence = Evidence(self.steps)
        self._bounds: tuple[Floats, Floats] | None = None
        self._active = np.arange(self.steps), integrand

    def run(self) -> tuple[Tensor, Floats, Mask, Mask]:
        """Return values (m, n), errors, whether they converged, and whether nodes ran out."""
        at_x, at_start = self.judge.ends
        everybody = np.arange(self.steps)
        generation = [Piece(0.0, 1.0, everybody, at_start, at_x)]
        shape = (2, self.steps, self.integrand.agents)
        # Values and errors, of pieces that will stay and of those that will be halved.
        device = self.integrand.device
        self._settled, self._unsettled = (
            torch.zeros(shape, dtype=torch.float64, device=device) for _ in range(2)
        )
        # What pieces miss that no coefficient accounts for: it may be a single agent's. Of pieces
        # in doubt, by how much F is not what the nodes make of it.
        self._hidden, self._stuck, self._missed, self._doubtful = np.zeros((4, self.steps))
        capped = np.zeros(self.steps, dtype=np.bool_)
        while True:
            self._spread = Spread(self.steps, self.integrand.agents, device)
            halves = self._generation(generation)
            first = self._bounds is None
            self._bounds = self.judge.bounds(self._settled[0] + self._unsettled[0])
            open_steps = self._open()
            if first:
                rounded = np.flatnonzero(open_steps & (self.evaluations < self.most))
                if len(rounded):
                    self.judge.allow_cancellation(rounded)
                    self.evaluations[rounded] += 1
                    open_steps = self._open()
            wanted = np.zeros(self.steps, dtype=np.intp)
            for piece in halves:
                wanted[piece.steps] += 1
            going = open_steps & (wanted > 0)
            capped |= going & (self.evaluations + FEWEST * wanted > self.most)
            for step in np.flatnonzero(going).tolist():
                left = int(self.most - self.evaluations[step])
                if capped[step] or self._spread.dear(step, self._allowed(step), left):
                    self._sweep(step, halves)
                    going[step] = False
                    capped[step] = self._open()[step]
            if not going.any():
                values, errors = self._settled + self._unsettled
                missed = self._missed + self._stuck
                error = self.judge.estimate(values, self._error(errors), missed)
                return values, error, ~self._open(), capped
            generation = [piece.of(going[piece.steps]) for piece in halves]
            generation = [piece for piece in generation if len(piece.steps)]
            self._unsettled[:, torch.from_numpy(going).to(device)] = 0
            for sums in (self._missed, self._doubtful):
                sums[going] = 0

    def _open(self) -> Mask:
        """Tell which steps are not within the tolerance, or have not enough nodes to say so."""
        values, errors = self._settled + self._unsettled
        missed = self._missed + self._stuck
        good = self.judge.converged(values, self._error(errors), missed)
        return np.asarray((self.evaluations < self.fewest) | ~good)

    def _error(self, errors: Tensor) -> Floats:
        """Return the largest error of each step, of errors (m, n)."""
        return host(errors.amax(dim=1)) + self._hidden + self._doubtful

    def _allowed(self, step: int) -> float:
        """Return what is left of the error of a step for pieces that are not settled."""
        assert self._bounds is not None
        settled = float(self._settled[1, step].max()) + self._hidden[step]
        return float(self._bounds[0][step] - settled)

    def _sweep(self, step: int, pieces: list[Piece]) -> None:
        """Integrate what is not settled of a step by equal cells, as many as it takes."""

        def show(count: int) -> None:
            self.evaluations[step] += count
            self.show(int(self.evaluations.max()))

        here = np.array([step])
        runs = merged([piece.of(piece.steps == step) for piece in pieces if step in piece.steps])
        noise = float(self.judge.rounding[step])
        forecast, first = self._spread.forecast(step), True
        while True:
            left = int(self.most - self.evaluations[step])
            cells = cells_of(runs, forecast, self._allowed(step), left)
            if cells < 1 or not (first or cells > forecast.nodes):
                return
            swept = sweep(self._of(here), runs, cells, noise, show)
            forecast, first = forecast.after(cells, swept.error), False
            before = self._error(self._settled[1] + self._unsettled[1])[step]
            before += max(self._missed[step] - self._doubtful[step], 0)
            settled = self._settled[1, step]
            after = float((settled + swept.errors).max()) + self._hidden[step] + swept.missed
            if after < before:
                self._unsettled[0, step], self._unsettled[1, step] = swept.values, swept.errors
                self._missed[step] = self._doubtful[step] = swept.missed
            self._bounds = self.judge.bounds(self._settled[0] + self._unsettled[0])
            if not self._open()[step]:
                return

    def _generation(self, pieces: list[Piece]) -> list[Piece]:
        """Integrate pieces, and return the halves of those that are not within the tolerance."""
        # How many pieces of each step have still to be integrated.
        self._ahead = np.zeros(self.steps, dtype=np.intp)
        for piece in pieces:
            self._ahead[piece.steps] += 1
        halves: list[Piece] = []
        queue = list(pieces)
        while queue:
            piece = queue.pop(0)
            again, parts = self._piece(piece)
            self._ahead[piece.steps] -= 1
            for each in again:
                self._ahead[each.steps] += 1
            queue += again
            halves += parts
        return halves

    def _piece(self, piece: Piece) -> tuple[list[Piece], list[Piece]]:
        """Integrate a piece; return the same with nodes denser at an end, and its halves."""
        rule, samples = nested_rule(), Samples(len(piece.steps))
        whole = piece.order == 1 and piece.width == 1
        longest = LEVELS[-1] if whole else LONGEST_LEVEL
        # What it may take, so that there are nodes left for the others.
        left = (self.most - self.evaluations[piece.steps]) // self._ahead[piece.steps]
        again: list[Piece] = []
        halves: list[Piece] = []
        done = 0
        for level, following in zip(rule.levels, (*LEVELS[1:], np.inf), strict=True):
            if level.count > max(left.max(initial=0), LEVELS[0]):
                break
            self._evaluate(piece, samples, rule.nodes[done : level.count])
            done = level.count
            last = (following > longest) | (following > left)
            if done < self.fewest and not last.any():
                continue
            verdict = self._verdict(piece, samples, level, longest)
            leaving = verdict.accepted | verdict.hopeless | last
            anew = self._denser(piece, samples, level, verdict, leaving)
            again += anew
            moved = np.isin(piece.steps, [step for each in anew for step in each.steps])
            self._store(piece, samples, level, verdict, leaving & ~moved)
            for_halves = leaving & ~moved & ~verdict.accepted
            if for_halves.any() and not self._is_stuck(piece):
                halves += self._parts(piece, samples, verdict.surprises, for_halves)
            staying = ~(leaving | moved)
            if not staying.any():
                break
            if not staying.all():
                samples.keep(staying)
                piece, left = piece.of(staying), left[staying]
        return again, halves

    def _evaluate(self, piece: Piece, samples: Samples, nodes: Floats) -> None:
        """Add nodes to the samples of a piece, and what they say of F to the evidence."""
        integrand = self._of(piece.steps)
        places, speeds = piece.places(nodes), piece.speeds(nodes)
        for start in range(0, len(nodes), integrand.batch):
            some = slice(start, start + integrand.batch)
            values, contributions = integrand.at(places[some].tolist())
            samples.add(values, contributions, speeds[some])
            self.evidence.add(places[some], piece.steps, values)
            self.evaluations[piece.steps] += len(values)
            self.show(int(self.evaluations.max()))

    def _verdict(self, piece: Piece, samples: Samples, level: Level, longest: int) -> Verdict:
        """Say which steps are within the tolerance on a piece, and which will not get there."""
        total, last, before = samples.seen_in_total(level)
        residual = np.abs(total - (piece.after - piece.before))
        noise = self.judge.rounding[piece.steps]
        seen: Seen | None = None
        if self._bounds is None:
            # Of the whole path, whose values say what is allowed.
            seen = samples.seen(level, residual, noise)
            error, allowed = self.judge.bounds(seen.values)
        else:
            error, allowed = (SHARE * piece.width * bound[piece.steps] for bound in self._bounds)
        accepted = residual <= allowed + noise
        never = ~accepted & is_hopeless(last, before, level, longest, allowed + noise)
        # Coefficients that do not account for what is missed have not seen all there is.
        never |= ~accepted & (residual > last)
        accepted &= level.count >= self.fewest
        if accepted.any():
            seen = seen or samples.seen(level, residual, noise)
            # What no coefficient accounts for may be a single agent's.
            hidden = np.where(residual > last + noise, residual, 0.0)
            accepted &= host(seen.errors.amax(dim=1)) + hidden <= error
            never |= ~accepted & is_hopeless(seen.last, seen.before, level, longest, error)
        never &= level.count >= (PATIENCE if self._bounds is None else FEWEST)
        surprises = np.full(len(accepted), np.nan)
        if accepted.any() and level.count >= FEWEST:
            apart, surprises = self._surprises(piece, samples, accepted, allowed + noise)
            residual = np.maximum(residual, apart)
            accepted &= np.isnan(surprises)
        return Verdict(accepted, never | ~np.isnan(surprises), residual, surprises, seen)

    def _surprises(
        self, piece: Piece, samples: Samples, steps: Mask, allowed: Floats
    ) -> tuple[Floats, Floats]:
        """Return by how much, for some steps, F is not what the nodes make of it, and where.

        Places are NaN where it is.
        """
        found, places_found = np.zeros(len(steps)), np.full(len(steps), np.nan)
        some = piece.of(steps)
        places = self.evidence.missing(some)
        if len(places):
            self.evidence.add(places, some.steps, self._of(some.steps).values(places.tolist()))
        apart, where = self.evidence.surprise(
            some, samples.values[:, steps], samples.slopes[:, steps]
        )
        found[steps] = apart
        places_found[steps] = np.where(apart <= allowed[steps], np.nan, where)
        return found, places_found

    def _parts(self, piece: Piece, samples: Samples, surprises: Floats, steps: Mask) -> list[Piece]:
        """Return the parts of a piece for some steps: at a surprise, at a kink, or its halves."""
        nodes = nested_rule().nodes[: len(samples.values)]
        at = np.full(len(steps), 0.5)
        for k in np.flatnonzero(steps):
            ends = float(piece.before[k]), float(piece.after[k])
            at[k] = (
                parting(nodes, samples.values[:, k], samples.slopes[:, k], ends)
                if np.isnan(surprises[k])
                else float(piece.nodes(surprises[k]))
            )
        parts: list[Piece] = []
        for node in np.unique(at[steps]).tolist():
            same = steps & (at == node)
            some = piece.of(same)
            known = np.flatnonzero(nodes == node)
            if len(known):
                middle = samples.values[known[0], same]
            else:
                places = piece.places(np.array([node]))
                middle = self._of(some.steps).values(places.tolist())[0]
                self.evidence.add(places, some.steps, middle[None])
            parts += some.parts(node, middle)
        return parts

    def _is_stuck(self, piece: Piece) -> bool:
        """Tell whether parts of a piece would have nodes that are the same to rounding."""
        closest = float(nested_rule().nodes[:LONGEST_LEVEL].min())
        dense, even = 0.5 * piece.width * closest**piece.order, 0.5 * piece.width * closest
        at_start, at_stop = self.integrand.nearest
        return (
            piece.width < NARROWEST
            or (piece.start == 0 and (even if piece.at_stop else dense) < at_start)
            or (piece.stop == 1 and (dense if piece.at_stop else even) < at_stop)
        )

    def _denser(
        self,
        piece: Piece,
        samples: Samples,
        level: Level,
        verdict: Verdict,
        leaving: Mask,
    ) -> list[Piece]:
        """Return the piece with nodes denser at an end, for steps that had better go on so."""
        if level.count < FEWEST:
            return []
        found: list[Piece] = []
        left = self.most - self.evaluations[piece.steps]
        enough = left >= FEWEST * self._ahead[piece.steps]
        for hopeless in (True, False):
            steps = ~verdict.accepted & enough
            steps &= leaving if hopeless else ~leaving
            if not steps.any():
                continue
            orders, at_stop = singular_order(
                piece, samples, level.count, self.integrand.nearest, hopeless
            )
            for order in np.unique(orders[steps & (orders > 1)]).tolist():
                same = steps & (orders == order)
                found.append(replace(piece.of(same), order=order, at_stop=at_stop))
        return found

    def _store(
        self, piece: Piece, samples: Samples, level: Level, verdict: Verdict, which: Mask
    ) -> None:
        """Add the integrals over a piece to what is settled, or to what is not."""
        if not which.any():
            return
        seen, accepted = verdict.seen, verdict.accepted
        if seen is None:
            residual = np.abs(level.weights @ samples.slopes - (piece.after - piece.before))
            seen = samples.seen(level, residual, self.judge.rounding[piece.steps])
        if (which & ~accepted).any():
            self._spread.add(piece, samples, which & ~accepted)
        if self._is_stuck(piece):
            # It stays as it is, and in doubt.
            self._stuck[piece.steps[which]] += verdict.missed[which]
            accepted = np.ones_like(accepted)
        unsettled = which & ~accepted
        _, last, _ = samples.seen_in_total(level)
        hidden = which & (verdict.missed > last + self.judge.rounding[piece.steps])
        for kept, mask in ((self._hidden, accepted), (self._doubtful, ~accepted)):
            some = hidden & mask
            kept[piece.steps[some]] += verdict.missed[some]
        self._missed[piece.steps[unsettled]] += verdict.missed[unsettled]
        for sums, mask in ((self._settled, accepted), (self._unsettled, ~accepted)):
            here = np.flatnonzero(mask & which)
            if len(here):
                rows = torch.from_numpy(piece.steps[here]).to(sums.device)
                local = torch.from_numpy(here).to(sums.device)
                sums[0].index_add_(0, rows, seen.values[local])
                sums[1].index_add_(0, rows, seen.errors[local])

    def _of(self, steps: NDArray[np.intp]) -> Integrand:
        """Return the integrand of some of the steps."""
        if len(steps) == self.steps:
            return self.integrand
        kept, integrand = self._active
        if not np.array_equal(kept, steps):
            integrand = self.integrand.of_steps(steps)
            self._active = steps, integrand
        return integrand
