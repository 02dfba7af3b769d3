# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Fixtures of the integration tests: a real API server, a client, Ansible, and a namespace per test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from integration.ansible_runs import Ansible
from integration.apiserver import Server, built, serving
from kubernetes import client, config, dynamic

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One API server for all tests of a worker."""
    with serving(tmp_path_factory.mktemp("api-server")) as server:
        yield server


@pytest.fixture(scope="session")
def kubeconfig(api_server: Server) -> Path:
    """An administrator's kubeconfig."""
    return api_server.kubeconfig


@pytest.fixture(scope="session")
def api(kubeconfig: Path) -> client.ApiClient:
    """The plain Kubernetes client, for preparing and for judging without this collection."""
    return config.new_client_from_config(str(kubeconfig))


@pytest.fixture
def dynamic_api(api: client.ApiClient) -> dynamic.DynamicClient:
    """A client for any kind; its knowledge of kinds is as old as the test."""
    return dynamic.DynamicClient(api)


@pytest.fixture(scope="session")
def metallb_crds(api: client.ApiClient) -> list[str]:
    """MetalLB's custom resource definitions; returns their names."""
    return create_metallb_crds(api)


def create_metallb_crds(api: client.ApiClient) -> list[str]:
    """Create MetalLB's custom resource definitions from the official manifest; returns their names."""
    manifest = next(built("manifests").glob("**/metallb-native.yaml"))
    documents = yaml.safe_load_all(manifest.read_text(encoding="utf-8"))
    definitions = [document for document in documents if (document or {}).get("kind") == "CustomResourceDefinition"]
    extensions = client.ApiextensionsV1Api(api)
    for definition in definitions:
        # Its conversion is a webhook of the controller, which does not run here.
        definition["spec"].pop("conversion", None)
        extensions.create_custom_resource_definition(definition)
    names = [definition["metadata"]["name"] for definition in definitions]
    while not all(established(extensions.read_custom_resource_definition(name)) for name in names):
        pass
    return names


def established(definition: Any) -> bool:
    """Whether the API serves a custom resource."""
    conditions = definition.status.conditions or []
    return any(condition.type == "Established" and condition.status == "True" for condition in conditions)


@pytest.fixture
def namespace(api: client.ApiClient) -> str:
    """A namespace of the test's own. Nothing deletes it: there is no controller that could, and the server goes."""
    name = f"test-{next(_NUMBERS)}"
    client.CoreV1Api(api).create_namespace({"metadata": {"name": name}})
    return name


@pytest.fixture
def ansible(tmp_path: Path, kubeconfig: Path) -> Ansible:
    """Runs modules and playbooks against the API server."""
    return Ansible(tmp_path, kubeconfig)
