"""The picture of scores by how much text a language has."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from orthoadapters.report.collect.table import table_title
from orthoadapters.report.pictures.picture import CaptionedFigure, Picture
from orthoadapters.report.pictures.style import in_style, label_with_gaps, line_style, note, panels, plain, sentence
from orthoadapters.report.pictures.text_sizes import WIKIPEDIA_WORDS
from orthoadapters.report.statistics.analysis import Analysis


def draw(analysis: Analysis) -> CaptionedFigure:
    """Draws the scores of a table's target languages against the size of their Wikipedias."""
    table = analysis.table
    scores = {row.label: {c: v for c in table.targets if (v := row.scores[c].value) is not None} for row in table.rows}
    return scores_by_text(scores, WIKIPEDIA_WORDS, table.metric, "Wikipedia of October 2020"), (
        f"{table_title(table)}: {table.metric} x 100 on test of each target language against how much text it has (running "
        "words of its Wikipedia, logarithmic). Languages differ in more than that: their test sets, and how far they are "
        f"from {table.source.upper()}."
    )


@in_style
def scores_by_text(
    scores: Mapping[str, Mapping[str, float]], words: Mapping[str, int], metric: str, source: str
) -> Figure | None:
    """Draws scores against how much text a language has, on a logarithmic axis; a line per variant.

    scores: variant -> language -> score. words: language -> running words (`text_sizes.WIKIPEDIA_WORDS`); source: where
    they were counted. A language that is not in `words` is left out and named.
    """
    all_codes = {code for row in scores.values() for code, value in row.items() if np.isfinite(value)}
    languages = sorted(all_codes & words.keys(), key=lambda code: words[code])
    if not languages:
        return None
    figure, (axes,) = panels(1, 1, 4.2)
    gaps = []
    for number, (variant, row) in enumerate(scores.items()):
        codes = [code for code in languages if np.isfinite(row.get(code, np.nan))]
        if codes:
            style = line_style(number)._asdict()
            axes.plot(
                [words[code] for code in codes], [100 * row[code] for code in codes], **style, label=plain(variant)
            )
        if len(codes) < len(languages):
            missing = [code for code in languages if code not in codes]
            gaps.append(label_with_gaps(variant, missing, len(languages)))
    axes.set_xscale("log")
    axes.set_xlabel(f"running words, {source}")
    axes.set_ylabel(plain(f"{metric} x 100"))
    axes.grid(axis="y")
    _name_languages(axes, {code: words[code] for code in languages})
    figure.legend(loc="outside upper center", ncols=4)
    omission = sentence("Left out, as how much text they have is not known", sorted(all_codes - words.keys()))
    note(figure, [*sentence("Missing", gaps), *omission])
    return figure


def _name_languages(axes: Axes, words: Mapping[str, int]) -> None:
    """Draws a vertical line with its code for each language, in two rows: Hindi and Estonian have nearly as much text."""
    for number, (code, count) in enumerate(words.items()):
        axes.axvline(count, color="#d9d9d9", linewidth=0.6, zorder=0)
        height = 1.01 + 0.045 * (number % 2)
        axes.text(count, height, plain(code), transform=axes.get_xaxis_transform(), ha="center", fontsize=8)


PICTURE = Picture(
    "text", "scores by the size of a language's text, as that is known of none of its target languages", draw
)
