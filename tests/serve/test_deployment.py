"""What is in configs/serving fits the server, and is what Docker and Kubernetes read."""

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml
from packaging.requirements import Requirement

from mtc_keras.serve.limits import Limits
from tests.conftest import ROOT
from tests.serve.tiny_exports import EXPORT

SERVING = ROOT / "configs" / "serving"
OLDEST = "1.30"  # that knows `preStop: sleep`
# Of a predictor of KServe: what is not the pod's; and what a runtime may say.
PREDICTOR = {"minReplicas", "maxReplicas", "timeout", "model"}
RUNTIME = {"supportedModelFormats", "protocolVersions", "containers"}
MODEL = {"modelFormat", "protocolVersion", "storageUri"}  # beside what a container has
# A server of an export where only some distributions are installed.
SERVER = """
import importlib.metadata, re, sys
from pathlib import Path

installed, of = set(sys.argv[2:]), importlib.metadata.packages_distributions()

class OnlyThese:
    def find_spec(self, name, path=None, target=None):
        found = {re.sub(r"[-_.]+", "-", one).lower() for one in of.get(name.split(".")[0], ())}
        if found and not found & installed:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, OnlyThese())
import mtc_keras.serve.program, mtc_keras.serve.server, mtc_keras.serve.workers.worker
from mtc_keras.serve.page.rendering import page_html
from mtc_keras.predict.predictors import open_predictor

page_html("a model")
predictor = open_predictor(Path(sys.argv[1]))
predictor.load()
predictor.predict((["good"],))
"""


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((SERVING / name).read_text("utf-8")))


def requirements() -> list[str]:
    lines = (SERVING / "requirements.txt").read_text("utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


def containers() -> Iterator[tuple[dict[str, Any], float]]:
    """Yields each container of a manifest, and the seconds that it has to end."""
    deployment = documents("kubernetes.yaml")[0]["spec"]["template"]["spec"]
    runtime, service = (document["spec"] for document in documents("kserve.yaml"))
    for pod, seconds in ((deployment, deployment), (runtime, service["predictor"])):
        for container in pod["containers"]:
            yield container, seconds["terminationGracePeriodSeconds"]


def test_kubernetes_takes_the_manifests():
    for document in documents("kubernetes.yaml"):
        for version in (OLDEST, kubernetes_validate.latest_version()):
            kubernetes_validate.validate(document, version, strict=True)


def test_kserve_takes_the_manifests():
    runtime, service = documents("kserve.yaml")
    assert set(runtime["spec"]) <= RUNTIME
    predictor = dict(service["spec"]["predictor"])
    model = predictor.pop("model")
    runtime_container = runtime["spec"]["containers"][0]
    of_model = {key: value for key, value in model.items() if key not in MODEL}
    of_pod = {key: value for key, value in predictor.items() if key not in PREDICTOR}
    pod = {**of_pod, "containers": [{**runtime_container, **of_model}]}
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": pod}
    kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    formats = [found["name"] for found in runtime["spec"]["supportedModelFormats"]]
    assert model["modelFormat"]["name"] in formats
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]


def test_kserve_makes_pods_of_kubernetes():
    # Knative, its other way, takes neither of these.
    runtime, service = documents("kserve.yaml")
    assert "lifecycle" in runtime["spec"]["containers"][0]
    assert "terminationGracePeriodSeconds" in service["spec"]["predictor"]
    mode = service["metadata"]["annotations"]["serving.kserve.io/deploymentMode"]
    assert mode == "RawDeployment"


def test_an_image_may_hold_a_run_or_an_export():
    ignored = (SERVING / "Dockerfile.dockerignore").read_text("utf-8").split()
    assert ".git" in ignored
    assert not {"runs", "exports"} & set(ignored)


def test_a_pod_ends_after_its_last_request():
    found = list(containers())
    assert len(found) == 2
    for container, seconds in found:
        wait = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert wait + Limits().timeout < seconds


def test_probes_ask_what_the_server_answers():
    for container, _ in containers():
        probes = {key: value for key, value in container.items() if key.endswith("Probe")}
        paths = {key: value["httpGet"]["path"] for key, value in probes.items()}
        assert paths["readinessProbe"] == "/v2/health/ready"
        assert paths["livenessProbe"] == "/v2/health/live"


def test_compose_gives_the_server_time_to_end():
    [compose] = documents("compose.yaml")
    grace = compose["services"]["server"]["stop_grace_period"]
    assert float(grace.removesuffix("s")) > Limits().timeout
    for path in compose["services"]["prometheus"]["volumes"]:
        assert (SERVING / path.split(":")[0]).is_file()


def test_an_image_has_what_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = {*project["dependencies"], *extras["serve"], *extras["onnx"]}
    assert set(extras["serve"]) <= set(requirements()) <= asked


def test_an_image_has_all_that_a_server_of_an_export_needs():
    installed = {name(found) for line in requirements() for found in needed(Requirement(line))}
    # An editable install has a finder of setuptools in each process.
    command = [sys.executable, "-c", SERVER, str(EXPORT), "mtc-keras", "setuptools", *installed]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    refused = [part for part in command if part != "onnxruntime"]
    done = subprocess.run(refused, capture_output=True, text=True, cwd=ROOT)
    assert "onnxruntime" in done.stderr and done.returncode != 0


def needed(requirement: Requirement) -> Iterator[str]:
    """Yields a distribution and those that it needs, and they."""
    yield requirement.name
    for line in importlib.metadata.requires(requirement.name) or ():
        found = Requirement(line)
        if found.marker is None or found.marker.evaluate({"extra": ""}):
            yield from needed(found)


def name(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint is not installed")
def test_hadolint_finds_nothing_in_the_dockerfile():
    done = subprocess.run(["hadolint", str(SERVING / "Dockerfile")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_image_runs_the_server_as_nobody_in_particular():
    lines = (SERVING / "Dockerfile").read_text("utf-8").splitlines()
    last = {line.split()[0]: line for line in lines if line and not line.startswith(("#", " "))}
    assert int(last["USER"].split()[1].split(":")[0]) > 0
    assert last["ENTRYPOINT"].startswith('ENTRYPOINT ["python", "-m", "mtc_keras.serve"')
    deployment = documents("kubernetes.yaml")[0]["spec"]["template"]["spec"]
    assert str(deployment["securityContext"]["runAsUser"]) in last["USER"]


def test_alerts_ask_for_numbers_that_there_are():
    from mtc_keras.serve.http.metrics import Metrics

    known = {
        sample if metric.type != "histogram" else f"{metric.name}_bucket"
        for metric in Metrics().registry.collect()
        for sample in (metric.name, f"{metric.name}_total")
    }
    [alerts] = documents("alerts.yml")
    asked = re.findall(
        r"\bmtc_keras_\w+", str([rule["expr"] for rule in alerts["groups"][0]["rules"]])
    )
    assert len(asked) >= 6
    assert set(asked) <= known
