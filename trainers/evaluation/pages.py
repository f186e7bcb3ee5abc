"""The frame of every report page: one HTML file without external resources, light or dark as the browser asks."""

import html
from collections.abc import Iterable, Sequence

#: Colours that readers with every common kind of colour blindness can tell apart (after Okabe and Ito), adapted to
#: each background in brightness.
_STYLE = """
:root {
  color-scheme: light dark; --paper: #ffffff; --ink: #1b1f24; --soft: #5b636d; --grid: #d8dce1;
  --note: #fff6ea; --note-edge: #b35900; --alarm: #fdecea; --alarm-edge: #b3261e;
  --series-1: #b35900; --series-2: #0b62a4; --series-3: #00795a; --series-4: #a83f78;
  --series-5: #806000; --series-6: #2a8bbd; --series-7: #6b7280;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --ink: #e4e7ea; --soft: #9aa3ad; --grid: #3a4148;
    --note: #2b2115; --note-edge: #f0a04b; --alarm: #321a19; --alarm-edge: #f2867e;
    --series-1: #f0a04b; --series-2: #62b0e8; --series-3: #3ec79d; --series-4: #e58bbd;
    --series-5: #e3c650; --series-6: #9fd3f0; --series-7: #a6adb5;
  }
}
body {
  font: 15px/1.5 system-ui, sans-serif; max-width: 84rem; margin: 2rem auto; padding: 0 1rem;
  color: var(--ink); background: var(--paper);
}
p, footer { max-width: 62rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .4rem; }
.verdict { border-left: .3rem solid var(--note-edge); background: var(--note); padding: .7rem 1rem; font-size: 1.1rem; }
.warning { border-left: .3rem solid var(--alarm-edge); background: var(--alarm); padding: .5rem 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .88rem; }
th, td { text-align: right; padding: .25rem .5rem; border-bottom: 1px solid var(--grid); }
td { white-space: nowrap; } .facts td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
th:first-child, td:first-child { text-align: left; }
.chosen td { font-weight: 600; }
figure { margin: 0; } svg { width: 100%; height: auto; display: block; }
figcaption { color: var(--soft); font-size: .85rem; padding: 0 .5rem .5rem; }
.pictures figure { max-width: 44rem; }
.pictures { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 34rem), 1fr)); }
footer { color: var(--soft); margin-top: 2rem; font-size: .85rem; }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page.

    Args:
        title: The title in the head, as text.
        parts: The parts of the body, as HTML.
    """
    named = html.escape(title)
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{named}</title>'
    return (
        f'<!doctype html><html lang="en"><head>{head}<style>{_STYLE}</style></head><body>'
        + "\n".join(part for part in parts if part)
        + "</body></html>\n"
    )


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, kind: str = "", marked: str = ""
) -> str:
    """A table with its heading; a table that is wider than the page scrolls by itself.

    Args:
        title: The heading above the table.
        columns: The heads of the columns.
        rows: The cells of each row, as text.
        kind: The CSS class of the table.
        marked: A row whose first cell has this text is highlighted.
    """
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in columns)
    body = "".join(_row(row, is_marked=bool(marked) and row[0] == marked) for row in rows)
    named = f' class="{kind}"' if kind else ""
    return (
        f'<h2>{html.escape(title)}</h2><div class="wide" tabindex="0" role="region" aria-label="{html.escape(title)}">'
        f"<table{named}><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _row(cells: Sequence[str], *, is_marked: bool) -> str:
    start = '<tr class="chosen">' if is_marked else "<tr>"
    return start + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"


def figure(picture: str, caption: str = "") -> str:
    """A picture with its caption; an empty text if there is no picture."""
    if not picture:
        return ""
    said = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{picture}{said}</figure>"
