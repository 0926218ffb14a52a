"""Serves a run or an export over HTTP: every task in one answer, and a page to try it.

    mtc-keras serve --model exports/quickstart
    mtc-keras serve --model runs/quickstart --port 8080 --workers 2
    mtc-keras serve --model exports/quickstart --host 0.0.0.0 --token-file tokens.txt

A new version of an export is loaded beside the old one and takes its place. A
proxy in front of the server ends TLS. SIGTERM, or Ctrl-C, answers what has been
asked and ends the server.
"""

import argparse
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path

import shtab

from mtc_keras.errors import ConfigError
from mtc_keras.programs import options
from mtc_keras.programs.program import Program
from mtc_keras.serve.auth import read_tokens
from mtc_keras.serve.limits import Limits

PACKAGES = ("orjson", "prometheus_client", "starlette", "uvicorn")
PORT = 8501  # that of TensorFlow Serving's REST
# Of each limit: what stands for its value in the help, and what it is.
LIMITS = {
    "max_batch_tokens": ("N", "padded tokens that a worker is given at once"),
    "max_queue_rows": ("N", "texts that wait; beyond, requests are told to come later (429)"),
    "max_body_bytes": ("N", "bytes of a request"),
    "max_texts": ("N", "texts of a request"),
    "max_characters": ("N", "characters of a text"),
    "timeout": ("SECONDS", "time in which a request is answered, or refused (504)"),
    "workers": ("N", "processes that each hold the model"),
    "threads": ("N", "threads of a worker (default: the cores, shared by the workers)"),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    model = parser.add_argument(
        "--model",
        metavar="DIR",
        required=True,
        help="a run directory, an export's version, or the folder of an export's versions",
    )
    options.complete(model, shtab.DIRECTORY)
    parser.add_argument(
        "--name",
        metavar="NAME",
        help="what clients call the model (default: the name of its folder)",
    )
    parser.add_argument(
        "--host",
        metavar="ADDRESS",
        default="127.0.0.1",
        help="the address that is listened to (default: %(default)s, this machine alone)",
    )
    parser.add_argument(
        "--port",
        metavar="N",
        type=int,
        default=PORT,
        help="the port (default: %(default)s; 0: any that is free)",
    )
    tokens = parser.add_argument(
        "--token-file",
        metavar="FILE",
        help="bearer tokens, one per line, of which a request must have one (default: none)",
    )
    options.complete(tokens, shtab.FILE)
    parser.add_argument(
        "--cors",
        metavar="ORIGIN",
        action="append",
        default=[],
        help="let pages of this origin ask from a browser, such as https://example.org "
        "(may be repeated; default: none)",
    )
    parser.add_argument("--no-page", action="store_true", help="no page to try the model at /")
    limits = parser.add_argument_group("limits")
    for field in fields(Limits):
        metavar, help = LIMITS[field.name]
        limits.add_argument(
            f"--{field.name.replace('_', '-')}",
            metavar=metavar,
            type=float if field.name == "timeout" else int,
            default=field.default,
            help=help if field.default is None else f"{help} (default: %(default)s)",
        )


def run(args: argparse.Namespace) -> int:
    absent = [name.replace("_", "-") for name in PACKAGES if find_spec(name) is None]
    if absent:
        raise ConfigError(f"serving needs {', '.join(absent)}: pip install 'mtc-keras[serve]'")
    limits = Limits(**{field.name: getattr(args, field.name) for field in fields(Limits)})
    tokens = [] if args.token_file is None else read_tokens(args.token_file)
    check_origins(args.cors)
    name = served_name(args.model) if args.name is None else checked_name(args.name)

    from mtc_keras.serve.server import Address, serve

    return serve(
        Path(args.model),
        name,
        limits,
        Address(args.host, args.port),
        tokens=tokens,
        cors=args.cors,
        page=not args.no_page,
    )


def served_name(path: str | Path) -> str:
    """Returns what clients call the model of a path, by the folder that is not a version's.

    Raises:
        ConfigError: if that is no name for a path of a URL.
    """
    folder = Path(path).absolute()
    if folder.name == "..":
        folder = folder.resolve()
    is_version = folder.name.isascii() and folder.name.isdigit()
    return checked_name(folder.parent.name if is_version else folder.name)


def checked_name(name: str) -> str:
    """Returns the name of a model that can stand in a URL.

    Raises:
        ConfigError: if it cannot.
    """
    if not name or not name.isprintable() or not name.isascii() or set(name) & set(" /:?#%\\"):
        raise ConfigError(
            f"the model's name {name!r} cannot stand in a URL; choose another by --name, of "
            "letters, digits, '-', '_' and '.'"
        )
    return name


def check_origins(origins: list[str]) -> None:
    """Checks origins that a browser would send.

    Raises:
        ConfigError: if one is none.
    """
    for origin in origins:
        scheme, _, host = origin.partition("://")
        if scheme not in ("http", "https") or not host or "/" in host or "*" in host:
            raise ConfigError(
                f"--cors {origin!r} is no origin; one has a scheme, a host and perhaps a port, "
                "such as https://example.org"
            )


PROGRAM = Program("serve", "serve a run or an export over HTTP", __doc__, add_options, run)
main = PROGRAM.main
