"""Names that people give to topics, groups and steps to see what a program makes of them."""

NAMES = (
    "<script>window.hit = 1</script>",
    "\"'><img src=x onerror=window.hit=1>",
    "</script><script>window.hit=1</script>",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J",
    "abc\u202edef\u2066",
    "line\none\r\ntwo\ttab \x00 nul",
    "$\\frac{1}{2}$ and $broken",
    '=HYPERLINK("http://x",1)',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\\textbf{x} & 50 % _ # ^ ~ {",
    "{{ 7 * 7 }} {% raw %} %s {0}",
    "[bold red]markup[/] :smile:",
    "--",
)
# What a terminal or a page would act upon.
ACTIVE = "\x1b\x9b\x07\x00\r\u202e\u2066"
