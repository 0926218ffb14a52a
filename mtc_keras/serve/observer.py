"""What the engine tells of its work, for whoever measures it; never a text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtc_keras.serve.versions import Version


class Observer:
    """Hears of the engine's work, and does nothing; a subclass keeps what it wants of it."""

    def queued(self, rows: int) -> None:
        """Hears how many rows wait now."""

    def waited(self, seconds: float) -> None:
        """Hears how long a request waited until its first row went to a worker."""

    def batch(self, rows: int, tokens: int, seconds: float) -> None:
        """Hears of a batch that was computed.

        Args:
            rows: int. Its rows.
            tokens: int. Its tokens, all rows being as long as the longest.
            seconds: float. From its way to the worker to the answer.
        """

    def restarted(self) -> None:
        """Hears that a worker died, or hung, and another takes its place."""

    def versions(self, versions: "Sequence[Version]") -> None:
        """Hears of the versions when the state of one has changed."""
