"""Serves a run or an export over HTTP, with a page to try it.

    mtc-keras serve --model runs/quickstart
    mtc-keras serve --model exports/quickstart_onnx --name quickstart
    mtc-keras serve --model exports/x --host 0.0.0.0 --token-file tokens.txt

/ is a page to try the model, /docs lists all addresses with examples for curl.
A new version of an export is loaded beside the old one and takes its place. TLS
is the work of a proxy in front of the server. SIGTERM, or Ctrl-C, answers what
has been asked and ends the server.
"""

import argparse
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path

import shtab

from mtc_keras.errors import ConfigError
from mtc_keras.export.folder import is_version
from mtc_keras.programs import options
from mtc_keras.programs.program import Program
from mtc_keras.serve.http.auth import read_tokens
from mtc_keras.serve.limits import Limits

PACKAGES = ("orjson", "prometheus_client", "starlette", "uvicorn")
PORT = 8501  # that of TensorFlow Serving's REST
# Of each field of `Limits`: what stands for its value in the help, and what it is.
LIMITS = {
    "max_body_bytes": ("N", "most bytes of a request; above, it is refused (413)"),
    "max_texts": ("N", "most texts, or text pairs, of a request; above, it is refused (413)"),
    "max_characters": ("N", "most characters of a text; above, it is refused (422)"),
    "max_queue_rows": ("N", "most texts that wait; above, clients are asked to retry (429)"),
    "timeout": ("SECONDS", "time for a request; after it, the answer is 504"),
}
COMPUTING = {
    "workers": ("N", "processes, each with the model in memory"),
    "threads": ("N", "threads of a worker (default: the cores, divided among the workers)"),
    "max_batch_tokens": (
        "N",
        "most tokens, padding included, that a worker computes in one batch, of whatever requests; "
        "a longer text is computed alone",
    ),
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
        help="the address to listen on (default: %(default)s, which only this machine reaches; "
        "0.0.0.0: any address of this machine)",
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
        help="a file of bearer tokens, one per line; a request needs one of them (default: no "
        "token is needed)",
    )
    options.complete(tokens, shtab.FILE)
    parser.add_argument(
        "--cors",
        metavar="ORIGIN",
        action="append",
        default=[],
        help="let scripts of this site ask from a browser, such as https://example.org (may be "
        "repeated; default: none)",
    )
    parser.add_argument(
        "--allowed-host",
        metavar="NAME",
        action="append",
        default=[],
        help="answer requests that ask for this host, such as a proxy's name (may be repeated; "
        "default: any, but only this machine's where no other reaches it and no token is needed)",
    )
    parser.add_argument("--no-page", action="store_true", help="leave out the page at /")
    defaults = {field.name: field.default for field in fields(Limits)}
    for title, described in (("limits of requests", LIMITS), ("computing", COMPUTING)):
        group = parser.add_argument_group(title)
        for name, (metavar, help) in described.items():
            default = defaults[name]
            group.add_argument(
                f"--{name.replace('_', '-')}",
                metavar=metavar,
                type=float if name == "timeout" else int,
                default=default,
                help=help if default is None else f"{help} (default: %(default)s)",
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
        hosts=args.allowed_host,
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
    return checked_name(folder.parent.name if is_version(folder) else folder.name)


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
