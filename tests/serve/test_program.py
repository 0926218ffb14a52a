"""The program: its options, its one line, and how it ends."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from mtc_keras import cli
from mtc_keras.errors import ConfigError, DataError, Stopped
from mtc_keras.serve import program, server
from mtc_keras.serve.http.app import create_app
from mtc_keras.serve.limits import Limits
from tests.serve.asking import PREDICT, V1
from tests.serve.fakes import FakeEngine

EXPORT = Path(__file__).parents[1] / "written_by_0_1" / "export_onnx"
HEAVY = {"keras", "jax", "tensorflow", "keras_hub", "pandas", "sklearn", "pyarrow", "scipy"}


def run(capsys, *options):
    code = program.main(["--model", str(EXPORT), *options])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


# === Options ===


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--port", "65536"], "--port must lie between 0 and 65535, received 65536"),
        (["--port", "-1"], "--port must lie between"),
        (["--host", "no.such.host.invalid"], "is no address of this machine"),
        (["--host", "192.0.2.1", "--port", "0"], "192.0.2.1:0 is no address of this machine"),
        (["--host", ""], "--host is empty"),
        (["--name", "a/b"], "cannot stand in a URL"),
        (["--name", ""], "cannot stand in a URL"),
        (["--name", "größe"], "cannot stand in a URL"),
        (["--workers", "0"], "--workers must be above 0, received 0"),
        (["--timeout", "inf"], "--timeout must be at most 86,400 s, received inf"),
        (["--timeout", "nan"], "--timeout must be above 0, received nan"),
        (["--max-texts", "5000"], "is more than --max-queue-rows"),
        (["--token-file", "/no/such/file"], "cannot be read: No such file"),
        (["--cors", "*"], "--cors '*' is no origin"),
        (["--cors", "example.org"], "is no origin"),
        (["--cors", "https://example.org/"], "is no origin"),
    ],
)
def test_a_bad_option_is_one_message(capsys, options, says):
    code, printed = run(capsys, *options)
    assert code == 2
    assert says in printed
    assert len(printed.splitlines()) == 1


def test_a_port_in_use_is_told_before_the_model_is_loaded(capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code = program.main(["--model", "/no/such/model", "--port", str(port)])
    assert code == 2
    said = capsys.readouterr().err
    assert said == f"error: 127.0.0.1:{port} is in use; choose another port by --port\n"


def test_a_missing_package_is_told_with_the_command(capsys, monkeypatch):
    monkeypatch.setattr(program, "find_spec", lambda name: None if name == "orjson" else name)
    code, printed = run(capsys)
    assert code == 2
    assert printed == "error: serving needs orjson: pip install 'mtc-keras[serve]'\n"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("nowhere", "does not exist; `mtc-keras train` makes a run, `mtc-keras export` an export"),
        ("a.txt", "is a file; a run and an export are folders"),
        ("empty", "holds no finished run and no export; `mtc-keras train` makes a run, "),
        ("exports", "holds no finished run and no export; name one of those in it: 'exports/x'"),
    ],
)
def test_a_model_that_is_none_is_told_once(capsys, caplog, tmp_path, monkeypatch, path, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "x").symlink_to(EXPORT)
    code = program.main(["--model", path, "--port", "0"])
    said = capsys.readouterr()
    assert code == 2
    assert said.err.startswith(f"error: {path!r} {says}")
    assert len(said.err.splitlines()) == 1
    assert not [line for line in caplog.messages if "refused" in line]
    assert "serving" not in said.out


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("exports/quickstart", "quickstart"),
        ("exports/quickstart/", "quickstart"),
        ("exports/quickstart/12", "quickstart"),
        ("runs/2", "runs"),
        ("runs/a.b-c_d", "a.b-c_d"),
    ],
)
def test_a_model_is_called_like_its_folder(path, name):
    assert program.served_name(path) == name


def test_a_folder_whose_name_cannot_be_one_needs_another():
    with pytest.raises(ConfigError, match="choose another by --name"):
        program.served_name("exports/a model")
    assert program.served_name(Path("..")) == Path("..").resolve().name


def test_help_tells_every_limit_and_imports_nothing_heavy():
    code = "import sys, mtc_keras.serve.program as p; p.main(['--help'])"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert asked.returncode == 0
    for option in ("max-batch-tokens", "max-queue-rows", "max-body-bytes", "max-texts",
                   "max-characters", "timeout", "workers", "threads"):  # fmt: skip
        assert f"--{option} " in asked.stdout
    code = f"{code.split(';')[0]}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not set(loaded.stdout.split()) & {*HEAVY, "starlette", "uvicorn"}
    assert "serve" in cli.programs()


def test_a_server_imports_nothing_that_computes_a_model():
    code = "import sys, mtc_keras.serve.server; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not set(loaded.stdout.split()) & {*HEAVY, "onnxruntime", "tokenizers"}


# === A server, from its first to its last request ===


@contextlib.contextmanager
def serving(*options):
    """Gives a server's process and its address, and ends the process."""
    command = [sys.executable, "-m", "mtc_keras.serve", "--model", str(EXPORT), "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        [*command, *options],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, process.stdout.readline()
    finally:
        process.kill()
        process.communicate()


def test_a_server_says_when_it_is_ready_answers_and_ends_in_order(tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("a-token-of-many-letters\n")
    with serving("--token-file", str(tokens), "--name", "moods") as (process, line):
        found = re.fullmatch(
            r"serving moods, version 1 \(onnx\), at (http://127\.0\.0\.1:\d+)/\n", line
        )
        assert found, line
        address = found[1]
        assert httpx.get(f"{address}/v2/health/ready").json() == {"ready": True}
        assert "<!DOCTYPE html>" in httpx.get(f"{address}/").text
        path, body = f"{address}/v1/models/moods:classify", {"texts": ["good clerk"]}
        assert httpx.post(path, json=body).status_code == 401
        headers = {"authorization": "Bearer a-token-of-many-letters"}
        answer = httpx.post(path, json=body, headers=headers)
        assert answer.json()["predictions"][0]["predicted_mood"]
        assert "server" not in answer.headers
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert rest == ""
    assert "Traceback" not in errors
    assert "clerk" not in errors


@pytest.mark.parametrize(
    ("options", "status"), [([], 421), (["--allowed-host", "a.example"], 200)], ids=["", "allowed"]
)
def test_a_server_of_this_machine_answers_to_its_names(options, status):
    with serving(*options) as (_, line):
        [address] = re.findall(r"http://\S+:\d+", line)
        assert httpx.get(f"{address}/healthz").status_code == 200
        answer = httpx.get(f"{address}/healthz", headers={"host": "a.example"})
        assert answer.status_code == status


# === How it starts and ends, with an engine that is none ===


class SlowEngine(FakeEngine):
    """Starts when it is told, and drains."""

    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.is_ready = False
        self.may_start = threading.Event()
        self.told: list[str] = []
        self.error: Exception | None = None

    async def start(self) -> None:
        self.told.append("start")
        while not self.may_start.is_set():
            await asyncio.sleep(0.01)
        if self.error is not None:
            raise self.error
        self.is_ready = True

    async def watch(self) -> None:
        self.told.append("watch")
        await asyncio.Event().wait()

    async def drain(self) -> None:
        self.told.append("drain")
        self.is_ready = False


class Running:
    """A server in this thread, asked from another, which ends it unless the engine does."""

    def __init__(self, engine, asking=None) -> None:
        self.engine, self.ready, self.found = engine, threading.Event(), []
        self._is_told = False
        app = create_app(engine, page=False)
        with server.listening(server.Address("127.0.0.1", 0)) as listener:
            self.address = server.url_of(listener)[:-1]
            thread = threading.Thread(target=self._ask, args=[asking])
            if asking is not None:
                thread.start()
            try:
                with asyncio.Runner() as runner:
                    runner.run(server.run_server(engine, app, listener, ready=self.ready.set))
            finally:
                if asking is not None:
                    thread.join(20)

    def _ask(self, asking) -> None:
        try:
            asking(self)
        finally:
            self.engine.may_start.set()
            self.end()

    def end(self) -> None:
        # A second signal would end the tests.
        if not self._is_told:
            self._is_told = True
            os.kill(os.getpid(), signal.SIGTERM)

    def get(self, path):
        return httpx.get(self.address + path).status_code


def test_health_is_answered_while_the_model_is_loaded():
    engine = SlowEngine()

    def asking(running):
        running.found += [running.get("/v2/health/live"), running.get("/v2/health/ready")]
        body = {"instances": ["a"]}
        running.found.append(httpx.post(running.address + PREDICT, json=body).status_code)
        assert not running.ready.is_set()
        engine.may_start.set()
        assert running.ready.wait(5)
        running.found += [running.get("/v2/health/ready"), running.get(V1)]

    running = Running(engine, asking)
    assert running.found == [200, 503, 503, 200, 200]
    assert engine.told == ["start", "watch", "drain"]


def test_what_has_been_asked_is_answered_before_the_end():
    engine = SlowEngine()
    engine.may_start.set()

    def asking(running):
        assert running.ready.wait(5)
        engine.seconds = 0.5

        def ask():
            found = httpx.post(running.address + PREDICT, json={"instances": ["a"]})
            running.found.append(found.status_code)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + 10
        while len(engine.asked) < 8 and time.monotonic() < until:
            time.sleep(0.01)
        running.end()
        for thread in threads:
            thread.join(10)

    assert Running(engine, asking).found == [200] * 8


def test_a_signal_before_the_model_is_loaded_ends_the_server():
    engine = SlowEngine()

    def asking(running):
        running.get("/v2/health/live")  # it listens, and so hears signals
        running.end()

    with pytest.raises(Stopped, match="before the model was loaded") as stopped:
        Running(engine, asking)
    assert stopped.value.exit_code == 143
    assert engine.told == ["start", "drain"]


def test_an_engine_that_cannot_start_ends_the_server_with_its_error():
    engine = SlowEngine()
    engine.error = DataError("the export is damaged")
    engine.may_start.set()
    with pytest.raises(DataError, match="is damaged"):
        Running(engine)
    assert engine.told == ["start", "drain"]


def test_a_server_that_cannot_look_for_versions_ends_with_the_error():
    engine = SlowEngine()
    engine.may_start.set()

    async def watch():
        raise DataError("the folder is gone")

    engine.watch = watch
    with pytest.raises(DataError, match="is gone"):
        Running(engine)
    assert engine.told == ["start", "drain"]


def test_limits_of_the_program_are_those_of_the_server():
    described = [*program.LIMITS, *program.COMPUTING]
    assert sorted(described) == sorted(Limits.__dataclass_fields__)
