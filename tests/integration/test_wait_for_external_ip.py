# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Services get their addresses by hand, as MetalLB's controller would give them."""

from __future__ import annotations

import pytest
from integration.helpers import PREFIX, Plain, pool, sequence, service


@pytest.fixture
def services(api, namespace, metallb_crds):
    """Three Services, a pool and a controller in the test's namespace; returns their path."""
    plain = Plain(api)
    plain.create(f"/apis/metallb.io/v1beta1/namespaces/{namespace}/ipaddresspools", pool("lan", "192.0.2.0/28"))
    labels = {"app": "metallb", "component": "controller"}
    pods = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "controller", "image": "controller"}]}}
    deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    plain.create(
        deployments,
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "controller", "labels": labels},
            "spec": {"selector": {"matchLabels": labels}, "template": pods},
        },
    )
    ready = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "readyReplicas": 1}
    plain.patch(f"{deployments}/controller/status", {"status": ready})
    path = f"/api/v1/namespaces/{namespace}/services"
    for name in ("a", "b", "c"):
        plain.create(path, service(name, 80, type="LoadBalancer"))
    return path


def assign(api, services, name, *addresses):
    ingress = [{"ip": address} for address in addresses]
    Plain(api).patch(f"{services}/{name}/status", {"status": {"loadBalancer": {"ingress": ingress}}})


def wanted(namespace, *names, **options):
    listed = [{"namespace": namespace, "name": name} for name in names]
    return {
        PREFIX + "wait_for_external_ip": {"metallb_namespace": namespace, "services": listed, "timeout": 0, **options}
    }


def test_what_there_is_in_the_order_of_the_question_and_why_the_rest_is_late(ansible, api, namespace, services):
    assign(api, services, "a", "192.0.2.1")
    assign(api, services, "c", "203.0.113.1")
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "b.1"},
        "involvedObject": {"kind": "Service", "name": "b", "namespace": namespace},
        "reason": "AllocationFailed",
        "message": f'Failed to allocate IP for "{namespace}/b": no available IPs',
        "type": "Warning",
        # Newer than all that the API holds, so it is the last word.
        "lastTimestamp": "2100-01-01T00:00:00Z",
    }
    Plain(api).create(f"/api/v1/namespaces/{namespace}/events", event)
    late, done, waited = sequence(
        ansible,
        wanted(namespace, "missing", "b", "a", "c"),
        wanted(namespace, "a"),
        wanted(namespace, "b", timeout=4),
    )
    assert late["failed"]
    assert late["done"] is False
    assert [(one["name"], one["done"], one["addresses"]) for one in late["results"]] == [
        ("missing", False, []),
        ("b", False, []),
        ("a", True, ["192.0.2.1"]),
        ("c", False, ["203.0.113.1"]),
    ]
    assert late["msg"] == (
        f"No EXTERNAL-IP as expected after 0 s. {namespace}/missing: the Service does not exist. {namespace}/b: "
        f'AllocationFailed: Failed to allocate IP for "{namespace}/b": no available IPs. {namespace}/c: has 203.0.113.1, '
        "which no IPAddressPool holds."
    )
    assert not done.get("failed")
    assert (done["done"], done["changed"]) == (True, False)
    assert done["results"] == [
        {
            "namespace": namespace,
            "name": "a",
            "done": True,
            "addresses": ["192.0.2.1"],
            "pool": "lan",
            "reason": "",
            "cause": "",
            "check_count": 1,
        }
    ]
    assert "after 4 s." in waited["msg"]
    assert waited["results"][0]["check_count"] >= 2
