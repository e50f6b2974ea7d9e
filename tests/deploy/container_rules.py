"""What the containers of an overlay are given, as the program in them sees it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.deploy.objects import Object, Objects, find, is_ours, pods
from tests.deploy.secrets import secret_keys
from tests.deploy.settings_check import complaints_of


def programs_take_their_settings(objects: Objects) -> list[str]:
    """Every container of Sluice starts: its command line, the names and the values of its settings are right."""
    complaints = []
    for owner, labels, spec in pods(objects):
        if not is_ours(labels):
            continue
        (container,) = spec["containers"]
        with tempfile.TemporaryDirectory() as directory:
            places = _mount(objects, spec, container, Path(directory))
            environment = _environment(objects, container)
            for mounted, place in places.items():
                environment = {name: value.replace(mounted, place) for name, value in environment.items()}
            complaints += [f"{owner}: {complaint}" for complaint in complaints_of(container["args"], environment)]
    return complaints


def _environment(objects: Objects, container: Object) -> dict[str, str]:
    environment: dict[str, str] = {}
    for source in container["envFrom"]:
        environment |= find(objects, f"ConfigMap/{source['configMapRef']['name']}")["data"]
    for variable in container.get("env", []):
        environment[variable["name"]] = variable.get("value") or _from_the_pod(variable["valueFrom"])
    return environment


def _from_the_pod(source: Object) -> str:
    return {"metadata.name": "sluice-writer-0"}[source["fieldRef"]["fieldPath"]]


def _mount(objects: Objects, spec: Object, container: Object, directory: Path) -> dict[str, str]:
    """Write the Secrets that are mounted into a directory; returns what stands where, by the path in the container."""
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    places = {}
    for mount in container["volumeMounts"]:
        sources = volumes[mount["name"]].get("projected", {}).get("sources", [])
        for item, name in [
            (item, source["secret"]["name"]) for source in sources for item in source["secret"]["items"]
        ]:
            place = directory / mount["name"] / item["path"]
            place.parent.mkdir(exist_ok=True)
            place.write_text(secret_keys(objects)[name][item["key"]])
            places[f"{mount['mountPath']}/{item['path']}"] = str(place)
    return places
