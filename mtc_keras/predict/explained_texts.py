"""A text on a terminal, its words coloured by what they contribute."""

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from mtc_keras.console.listing import one_line
from mtc_keras.errors import legible, plural
from mtc_keras.model.explanation import Explanation, Word
from mtc_keras.model.path_integrals import TOLERANCE

# Of black letters: what speaks for it is on blue, what speaks against it on red, which people who
# tell colours apart in other ways tell apart, too.
FOR, AGAINST = (90, 150, 255), (255, 110, 90)
FAINT = 0.05  # of the greatest attribution: what is smaller has no colour


class ExplainedText:
    """A text with coloured words; where there are no colours, with numbers behind them.

    Args:
        explanation: the `Explanation`.
    """

    def __init__(self, explanation: Explanation) -> None:
        self.explanation = explanation

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found = self.explanation
        has_colours = not console.no_color and console.color_system is not None
        yield Text(self._heading(), style="bold", no_wrap=False, overflow="fold")
        yield self._words(has_colours)
        top = [f"{one_line(word.text)} {word.attribution:+.2f}" for word in found.top()]
        if top:
            yield Text(f"most: {', '.join(top)}", no_wrap=False, overflow="fold")
        if unread := sum(word.attribution is None for word in found.words):
            yield Text(f"{plural(unread, 'word')} not read, as the text is too long")
        difference = abs(found.logit - found.baseline_logit)
        if abs(found.completeness_gap) > max(TOLERANCE * difference, 0.01):
            yield Text(f"these numbers miss {found.completeness_gap:+.2f} of the difference")
        yield Text()

    def _heading(self) -> str:
        found = self.explanation
        name = one_line(found.task if found.label is None else f"{found.task}: {found.label}")
        what = "value" if found.label is None else "logit"
        return f"{name} ({what} {found.logit:.2f}, without the words {found.baseline_logit:.2f})"

    def _words(self, has_colours: bool) -> Text:
        text = Text(no_wrap=False, overflow="fold")
        most = max((abs(word.attribution or 0.0) for word in self.explanation.words), default=0.0)
        for piece, word in self.explanation.parts():
            share = (word.attribution or 0.0) / most if word is not None and most else 0.0
            is_faint = abs(share) < FAINT
            shown = legible(piece)
            if has_colours:
                text.append(shown, "dim" if _is_unread(word) else "" if is_faint else _style(share))
            else:
                number = "" if word is None or is_faint else f"({word.attribution:+.2f})"
                text.append(shown + number)
        return text


def _is_unread(word: Word | None) -> bool:
    return word is not None and word.attribution is None


def _style(share: float) -> str:
    """Returns black letters on a colour, the paler the closer the share of -1 … 1 is to 0."""
    colour = FOR if share > 0 else AGAINST
    red, green, blue = (round(255 - abs(share) * (255 - value)) for value in colour)
    return f"black on rgb({red},{green},{blue})"
