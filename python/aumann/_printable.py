"""Names from data as text that does nothing but be read."""

from __future__ import annotations

import re

__all__ = ["LONGEST_NAME", "printable", "spreadsheet_safe"]

# Characters of a name in a printed table.
LONGEST_NAME = 80

# Control characters, line and paragraph separators, what turns the direction of writing, and halves
# of surrogate pairs, which no file can hold.
_ACTIVE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
# What a spreadsheet takes for a formula; numbers with a sign are none.
_FORMULA = re.compile(r"[=@\t\r\n]|[+-](?!(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$)")


def printable(text: str, keep: str = "", most: int | None = None) -> str:
    r"""Return a text with escapes in place of what a terminal or a page would act upon.

    Parameters
    ----------
    text : str
        Any text, as a name from a file.
    keep : str
        Characters to leave as they are.
    most : int, optional
        Characters of a longer text to show, from its beginning and its end.

    Examples
    --------
    >>> printable("caf\u00e9 \x1b[31m\n")
    'café \\x1b[31m\\n'
    >>> printable("a" * 1000, most=8)
    'aaaaa...aaa'
    """
    if most is not None and len(text) > most:
        end = most * 3 // 8
        text = f"{text[: most - end]}...{text[-end:]}"

    def escaped(match: re.Match[str]) -> str:
        found = match[0]
        return found if found in keep else repr(found)[1:-1]

    return _ACTIVE.sub(escaped, text)


def spreadsheet_safe(text: str) -> str:
    """Return a text that a spreadsheet shows and does not run: a formula gets an apostrophe.

    Examples
    --------
    >>> [spreadsheet_safe(each) for each in ("=1+2", "-1.5e3", "-cmd", "top")]
    ["'=1+2", '-1.5e3', "'-cmd", 'top']
    """
    return f"'{text}" if _FORMULA.match(text) else text
