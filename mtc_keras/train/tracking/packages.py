"""Whether the packages of the trackers are installed, found out before any work is done."""

import importlib.util
from urllib.parse import urlsplit

from mtc_keras.config import TrackingConfig
from mtc_keras.errors import ConfigError

# Of MLflow's stores that are databases, without which its small client reads none.
_OF_DATABASES = ("sqlalchemy", "alembic")
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")


def check_packages(tracking: TrackingConfig) -> None:
    """Checks that there is a package for each tracker that the config names.

    Raises:
        ConfigError: with all that is missing, and how to install it.
    """
    problems = [
        f"tracking.{name}: needs the package {name}, which is not installed: "
        f"pip install 'mtc-keras[{name}]'"
        for name in tracking.named
        if not _is_installed(name)
    ]
    if tracking.mlflow is not None and not problems:
        scheme = urlsplit(tracking.mlflow).scheme.partition("+")[0]
        if scheme in _DATABASES and not all(map(_is_installed, _OF_DATABASES)):
            problems.append(
                f"tracking.mlflow: a store of {scheme} needs all of MLflow: pip install mlflow, or "
                "name a server, or a folder such as 'file:mlruns'"
            )
    if problems:
        raise ConfigError("a tracker cannot be used", problems)


def _is_installed(package: str) -> bool:
    """Whether a package can be imported; a folder of its name, as W&B makes one, is none."""
    found = importlib.util.find_spec(package)
    return found is not None and found.origin is not None
