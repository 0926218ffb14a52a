"""What docs/serving.md tells people to type works."""

import json
import re
import shutil
import subprocess
import textwrap

import httpx
import pytest

from benchmarks.servers import HOST, serving
from tests.conftest import ROOT
from tests.serve.tiny_exports import write_version

PAGE = (ROOT / "docs" / "serving.md").read_text("utf-8").split("## With TensorFlow Serving")[0]
HERE = "http://127.0.0.1:8501"
NAME = "quickstart"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / NAME
    write_version(folder, 1)
    with serving(folder, name=NAME) as server:
        yield f"http://{HOST}:{server.port}"


def commands() -> list[str]:
    """Returns each command with curl, on one line or several."""
    blocks = re.findall(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    found = [re.split(r"^(?=curl )", block, flags=re.MULTILINE) for block in blocks]
    return [command for parts in found for command in parts if command.startswith("curl ")]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_commands_with_curl_are_answered(address):
    assert len(commands()) >= 5
    for command in commands():
        assert HERE in command
        here = command.replace("curl ", "curl --silent --show-error --fail-with-body ", 1)
        asked = here.replace(HERE, address)
        done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        assert json.loads(done.stdout).keys() & {"predictions", "outputs"}, command


def test_the_client_in_python_runs_as_it_is_written(address, capsys):
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    # The tasks of a tiny model are others, and so is its port.
    code = code.replace(HERE, address).replace("predicted_causes", "predicted_topics")
    namespace: dict = {}
    exec(compile(code, "docs/serving.md", "exec"), namespace)
    shown = capsys.readouterr().out
    assert len(json.loads(shown.replace("'", '"'))) == 2
    with pytest.raises(ValueError, match="nobody"):
        namespace["Client"]("nobody").classify(["good"])


def test_the_addresses_of_the_table_are_there(address):
    table = PAGE.split("| address | what it answers |")[1].split("\n\n")[0]
    cells = [line.split(" | ")[0] for line in table.splitlines() if "`" in line]
    asked = [path for cell in cells for path in re.findall(r"`(/[^`…]*)`", cell)]
    assert len(asked) >= 9
    for path in asked:
        path = path.replace("NAME", NAME).replace("versions/N", "versions/1")
        answer = httpx.get(f"{address}{path}")
        # A path that takes texts says that GET is not its method.
        assert answer.status_code == (405 if ":" in path else 200), path


def test_every_number_of_the_table_is_in_the_metrics(address):
    metrics = httpx.get(f"{address}/metrics").text
    named = re.findall(r"`(mtc_keras_\w+)", PAGE)
    assert len(named) >= 10
    for name in named:
        assert f"\n# TYPE {name.removesuffix('_total')}" in metrics.replace("_total ", " "), name


def test_the_batching_of_tensorflow_serving_is_that_of_the_file():
    page = (ROOT / "docs" / "serving.md").read_text("utf-8")
    written = (ROOT / "configs" / "serving" / "batching.config").read_text("utf-8")
    assert f"```\n{written}```" in page


def test_the_alert_of_the_page_is_one_of_the_file():
    alerts = (ROOT / "configs" / "serving" / "alerts.yml").read_text("utf-8")
    [shown] = re.findall(r"```\n(- alert: .*?)```", PAGE, re.DOTALL)
    assert textwrap.indent(shown, " " * 6) in alerts
