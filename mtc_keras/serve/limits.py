"""What one server takes: from a request, at once, and of its machine."""

from dataclasses import dataclass, fields

from mtc_keras.errors import ConfigError

# What waits is kept in memory, whatever its rows are: characters of all texts that wait.
MOST_WAITING_CHARACTERS = 2**26

LONGEST_TIMEOUT = 86_400  # seconds


@dataclass(frozen=True)
class Limits:
    """The limits of a server.

    Args:
        max_batch_tokens: int. Padded tokens that a worker is given at once: those of the longest
            text, times the texts. One text that is longer is computed by itself.
        max_queue_rows: int. Texts that wait; a request with more is refused until there is room.
        max_body_bytes: int. Bytes of a request.
        max_texts: int. Texts of a request.
        max_characters: int. Characters of a text.
        timeout: float. Seconds in which a request is answered, or refused.
        workers: int. Processes that each hold the model.
        threads: optional int. Threads of a worker; default: the cores, shared by the workers.

    Raises:
        ConfigError: if one is not above 0, or a request could never be taken.
    """

    max_batch_tokens: int = 16_384
    max_queue_rows: int = 4_096
    max_body_bytes: int = 4 * 2**20
    max_texts: int = 1_024
    max_characters: int = 100_000
    timeout: float = 30.0
    workers: int = 1
    threads: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not value > 0:
                raise ConfigError(f"{_option(field.name)} must be above 0, received {value}")
        if self.timeout > LONGEST_TIMEOUT:
            raise ConfigError(
                f"--timeout must be at most {LONGEST_TIMEOUT:,} s, received {self.timeout:g}"
            )
        if self.max_texts > self.max_queue_rows:
            raise ConfigError(
                f"--max-texts {self.max_texts} is more than --max-queue-rows "
                f"{self.max_queue_rows}: such a request could never wait for its turn"
            )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
