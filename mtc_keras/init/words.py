"""What the names of columns tell, and orders that everybody knows."""

import re
import unicodedata
from collections.abc import Iterable, Sequence


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


UNNAMED = "column_"  # how reading calls a column that no name is known of
TEXT = _words(
    "text texts sentence sentences comment comments comment_text review review_text body content "
    "message tweet utterance question description post document headline title summary verbatim "
    "feedback query prompt reviewtext "
    "texte phrase commentaire avis message_text texto comentario frase satz kommentar testo"
)
TITLE = _words("title headline subject titre sujet titel titulo")
PAIRS = (
    ("premise", "hypothesis"),
    ("question", "answer"),
    ("query", "document"),
    ("query", "passage"),
    ("question", "passage"),
)
ID = _words("id uid uuid guid index idx key rowid row_id nr")
WEIGHT = _words("weight weights sample_weight row_weight instance_weight")
ANNOTATOR = _words(
    "annotator annotators ann annot annotation rater raters rating_by coder judge worker labeler "
    "labeller reviewer vote votes voter expert crowd"
)
QUESTION = _words("q question questions item items frage pregunta")
BY_WHOM = _words("completed_by annotated_by labeled_by labelled_by rated_by coded_by")
GROUP = (ANNOTATOR - {"vote", "votes"}) | _words(
    "worker_id user user_id author author_id document document_id doc doc_id thread thread_id "
    "conversation conversation_id dialogue dialog dialogue_id session session_id speaker "
    "customer customer_id patient patient_id article article_id post_id reviewer_id reviewer_name"
)
LABEL = _words(
    "label labels class classes target targets category categories y intent sentiment topic topics "
    "emotion emotions tag tags genre genres gold gold_label annotation etiquette classe"
)
SCALE = _words(
    "stars star rating ratings score grade level severity priority urgency rank note overall "
    "difficulty intensity satisfaction"
)
ASIDE = _words(  # who, when, where, how much: seldom what a text says
    "lang language locale date time datetime timestamp created created_at created_utc year month "
    "day url link href source user username user_name author name timezone user_timezone location "
    "country city platform file filename path version subreddit retweet_count likes upvotes "
    "downvotes ups downs length num_words word_count confidence lead_time "
    "sku asin isbn product_id item_id"
)
ASIDE_PARTS = _words(
    "confidence count timestamp url date time created id uid hash timezone location coord version"
)
ORDERS: tuple[tuple[str, ...], ...] = (
    ("none", "very low", "low", "medium", "moderate", "high", "very high", "critical"),
    ("none", "minor", "moderate", "major", "critical", "blocker"),
    ("none", "mild", "moderate", "severe", "very severe"),
    ("trivial", "minor", "normal", "major", "critical", "blocker"),
    ("low", "normal", "high", "urgent", "critical"),
    ("very poor", "poor", "fair", "average", "good", "very good", "excellent"),
    ("terrible", "bad", "poor", "okay", "ok", "average", "good", "great", "excellent"),
    ("very bad", "bad", "neutral", "good", "very good"),
    ("very negative", "negative", "neutral", "positive", "very positive"),
    ("strongly disagree", "disagree", "neutral", "agree", "strongly agree"),
    ("very dissatisfied", "dissatisfied", "neutral", "satisfied", "very satisfied"),
    ("very unsatisfied", "unsatisfied", "neutral", "satisfied", "very satisfied"),
    ("very unlikely", "unlikely", "neutral", "likely", "very likely"),
    ("tres insatisfait", "insatisfait", "neutre", "satisfait", "tres satisfait"),
    ("tres mauvais", "mauvais", "moyen", "bon", "tres bon", "excellent"),
    ("pas du tout d accord", "pas d accord", "neutre", "d accord", "tout a fait d accord"),
    ("sehr unzufrieden", "unzufrieden", "neutral", "zufrieden", "sehr zufrieden"),
    ("sehr schlecht", "schlecht", "mittel", "gut", "sehr gut"),
    ("muy insatisfecho", "insatisfecho", "neutral", "satisfecho", "muy satisfecho"),
    ("never", "rarely", "seldom", "sometimes", "often", "usually", "always"),
    ("very easy", "easy", "medium", "hard", "very hard"),
    ("beginner", "intermediate", "advanced", "expert"),
    ("small", "medium", "large"),
    ("tres faible", "faible", "moyen", "moyenne", "eleve", "elevee", "tres eleve", "critique"),
    ("basse", "normale", "haute", "urgente", "critique"),
    ("niedrig", "mittel", "hoch", "sehr hoch", "kritisch"),
    ("bajo", "medio", "alto", "critico"),
)
_STARS = re.compile(r"(?P<number>\d{1,2})[ -]*(?:stars?|etoiles?|sterne?|estrellas?|\*)")


def plain(name: str) -> str:
    """Returns a name in small letters without accents, its words joined by `_`."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())  # camelCase
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", letters.lower()).strip("_")


def parts(name: str) -> set[str]:
    """Returns the words of a name."""
    return set(plain(name).split("_"))


def is_aside(name: str) -> bool:
    """Whether a name tells who, when, where or how much, and not what a text says."""
    return plain(name) in ASIDE or plain(name).split("_")[-1] in ASIDE_PARTS


def is_annotator(name: str) -> bool:
    """Whether a name is that of who gave the labels, as `rater` and `annotator_id` are."""
    last = re.split(r"[.\]]", name)[-1]  # of a path
    found = parts(last)
    if plain(last) in BY_WHOM:
        return True
    named = found & (ANNOTATOR - {"reviewer", "vote", "votes", "annotation"})  # no raters
    return bool(named) and found - ANNOTATOR <= {"id", "name", "code"}


def stem_of(name: str) -> str:
    """Returns what columns such as `tag_1`, `tag_2` have in common, `""` if there is no number.

    Of annotators it is also what their names have in common, as in `rater_ann`, `rater_bob`.
    """
    rest = re.split(r"\d{1,3}", plain(name))
    if len(rest) == 2:
        return "_".join(part for half in rest for part in half.split("_") if part)
    first = plain(name).partition("_")[0]
    return first if first in ANNOTATOR and first != plain(name) else ""


def known_order(names: Iterable[str]) -> list[str] | None:
    """Returns names from lowest to highest, if everybody would order them so.

    Args:
        names: three or more different names.
    """
    spelled = {_spelled(name): name for name in names}
    if spelled.keys() == {"negative", "neutral", "positive"}:
        return None  # classes of a mood more often than its degrees
    stars = {
        match["number"]: name for text, name in spelled.items() if (match := _STARS.fullmatch(text))
    }
    if len(stars) == len(spelled) > 2:
        return [stars[number] for number in sorted(stars, key=int)]
    for order in ORDERS:
        if len(spelled) > 2 and spelled.keys() <= set(order):
            return sorted(spelled.values(), key=lambda name: order.index(_spelled(name)))
    return None


def _spelled(name: str) -> str:
    return plain(name).replace("_", " ")


def task_name(column: str, taken: Sequence[str]) -> str:
    """Returns a name that a task may have, made from that of its column, none of those taken."""
    name = plain(column) or "label"
    name = f"label_{name}" if not name[0].isalpha() or name in ("id", "row") else name
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found
