"""Numbers and names of a study as a report spells them."""

from __future__ import annotations

from collections.abc import Sequence

from aumann.figures.selection import told as indicator

__all__ = [
    "ROUNDING",
    "SPACE",
    "counted",
    "indicator",
    "listed",
    "number",
    "percent",
    "percent_span",
    "points",
    "points_span",
    "quoted",
    "residual",
    "residual_span",
]

# A rescaling residual below this is rounding.
ROUNDING = 1e-9

UNDEFINED = "undefined"
MINUS = "\N{MINUS SIGN}"
SPACE = "\N{NO-BREAK SPACE}"


def number(value: float | None, digits: int = 4) -> str:
    """Return a number with so many significant digits, large ones whole.

    Examples
    --------
    >>> number(0.0123456), number(12345.6), number(None)
    ('0.01235', '12,346', 'undefined')
    """
    if value is None:
        return UNDEFINED
    text = f"{value:,.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"
    return text.replace("-", MINUS)


def percent(share: float | None) -> str:
    r"""Return a share in percent.

    Examples
    --------
    >>> percent(0.31872), ascii(percent(-0.1)), percent(None)
    ('31.9\xa0%', "'\\u221210.0\\xa0%'", 'undefined')
    """
    return UNDEFINED if share is None else f"{_rounded(share)}{SPACE}%"


def points(flip: float | None) -> str:
    """Return a difference of shares in percentage points, always with its sign.

    Examples
    --------
    >>> points(0.2631), points(-0.0001)
    ('+26.3', '0.0')
    """
    return UNDEFINED if flip is None else _signed(flip)


def percent_span(shares: Sequence[float]) -> str:
    r"""Return the range of one or more shares.

    Examples
    --------
    >>> percent_span([0.1, 0.2]), percent_span([0.1])
    ('10.0 to 20.0\xa0%', '10.0\xa0%')
    """
    low, high = _rounded(min(shares)), _rounded(max(shares))
    return (low if low == high else f"{low} to {high}") + f"{SPACE}%"


def points_span(flips: Sequence[float]) -> str:
    """Return the range of one or more differences of shares.

    Examples
    --------
    >>> points_span([0.1, 0.0])
    '0.0 to +10.0'
    """
    low, high = _signed(min(flips)), _signed(max(flips))
    return low if low == high else f"{low} to {high}"


def residual(rho: float | None) -> str:
    """Return a rescaling residual; what is rounding is 0.

    Examples
    --------
    >>> residual(2e-16), residual(0.0378), residual(None)
    ('0', '0.038', 'undefined')
    """
    if rho is None:
        return UNDEFINED
    return "0" if rho < ROUNDING else f"{rho:.2g}"


def residual_span(rho: Sequence[float]) -> str:
    """Return the range of one or more rescaling residuals.

    Examples
    --------
    >>> residual_span([0.0378, 0.913])
    '0.038 to 0.91'
    """
    low, high = residual(min(rho)), residual(max(rho))
    return low if low == high else f"{low} to {high}"


def listed(phrases: Sequence[str]) -> str:
    """Return phrases as a list in a sentence.

    Examples
    --------
    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    *others, last = phrases
    return f"{', '.join(others)} and {last}" if others else last


def quoted(name: str) -> str:
    r"""Return the name of a protocol as it stands in a sentence.

    Examples
    --------
    >>> ascii(quoted("random"))
    "'\\u2018random\\u2019'"
    """
    return f"\N{LEFT SINGLE QUOTATION MARK}{name}\N{RIGHT SINGLE QUOTATION MARK}"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> counted(1, "topic"), counted(1200, "panel")
    ('1 topic', '1,200 panels')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _rounded(share: float) -> str:
    text = f"{100 * share:,.1f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text.replace("-", MINUS)


def _signed(flip: float) -> str:
    text = _rounded(flip)
    return text if text.startswith(MINUS) or text == "0.0" else f"+{text}"
