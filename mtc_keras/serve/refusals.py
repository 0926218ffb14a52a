"""Why a request is not answered with predictions; none of the messages quotes a text.

Exception
└── Refused
    ├── Busy         too many texts wait; ask again later
    ├── TimedOut     it could not be answered in time
    ├── WorkerDied   the process that computed it is gone
    ├── NoVersion    the model has no such version, or none is ready
    ├── Draining     the server is about to end
    └── Failed       the model cannot compute one of its texts

A mistake in what is asked, such as a label that the task does not have, is a `UserError`.
"""


class Refused(Exception):
    """A request that is not answered with predictions."""


class Busy(Refused):
    """Too many texts wait.

    Args:
        message: str.
        retry_after: int. Seconds after which there should be room.
    """

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TimedOut(Refused):
    """The request could not be answered in time."""


class WorkerDied(Refused):
    """The process that computed the request is gone."""


class NoVersion(Refused):
    """The model has no such version, or none is ready."""


class Draining(Refused):
    """The server is about to end."""


class Failed(Refused):
    """The model cannot compute one of the request's texts."""
