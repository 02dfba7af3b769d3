# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Pools and advertisements, with no webhook, with one that cannot be called, and with a denial."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from integration.helpers import PREFIX, Counting, Plain, direct, four_runs, sequence

from ansible_collections.kubeaddons.metallb.plugins.module_utils._kubernetes import ApiError
from ansible_collections.kubeaddons.metallb.plugins.modules import metallb_config

HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
NAMES = ["IPAddressPool/{0}/loadbalanced", "L2Advertisement/{0}/loadbalanced"]


def settings(namespace, *ranges, **variables):
    return {
        "metallb_enabled": True,
        "metallb_namespace": namespace,
        "metallb_ip_range": list(ranges or ["192.0.2.240-192.0.2.249"]),
        **variables,
    }


def apply(api, wanted, timeout=0, check_mode=False):
    """Run the module without Ansible around it."""
    module = SimpleNamespace(params={"settings": wanted, "passwords": {}, "timeout": timeout}, check_mode=check_mode)
    return metallb_config.apply(direct(api), module)


def pools(plain, namespace):
    return f"/apis/metallb.io/v1beta1/namespaces/{namespace}/ipaddresspools"


@pytest.fixture
def plain(api):
    return Plain(api)


@pytest.fixture
def unreachable(plain, namespace, metallb_crds):
    """A webhook for the pools of this test's namespace that nobody serves; returns its path."""
    hook = {
        "name": "ipaddresspoolvalidationwebhook.metallb.io",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "timeoutSeconds": 1,
        "clientConfig": {"url": "https://127.0.0.1:1/validate"},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": [
            {
                "apiGroups": ["metallb.io"],
                "apiVersions": ["v1beta1"],
                "operations": ["CREATE", "UPDATE"],
                "resources": ["ipaddresspools"],
            }
        ],
    }
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration"}
    plain.create(HOOKS, {**kind, "metadata": {"name": namespace}, "webhooks": [hook]})
    probe = {
        "apiVersion": "metallb.io/v1beta1",
        "kind": "IPAddressPool",
        "metadata": {"generateName": "x-"},
        "spec": {"addresses": ["192.0.2.1/32"]},
    }
    while plain.refused(pools(plain, namespace) + "?dryRun=All", probe) is None:
        time.sleep(0.05)  # the API server takes it up a moment later
    yield f"{HOOKS}/{namespace}"
    plain.delete(f"{HOOKS}/{namespace}")


def test_check_do_check_do(ansible, plain, namespace, metallb_crds):
    checked, done, *_same = four_runs(ansible, "metallb_config", settings=settings(namespace), timeout=0)
    assert checked["objects"] == done["objects"] == [name.format(namespace) for name in NAMES]
    assert [entry["before"] for entry in checked["diff"]] == [{}, {}]
    found = plain.get(pools(plain, namespace) + "/loadbalanced")
    assert found["spec"] == {"addresses": ["192.0.2.240-192.0.2.249"], "autoAssign": True, "avoidBuggyIPs": False}


def test_a_changed_range_is_a_diff_and_check_mode_leaves_it(api, plain, namespace, metallb_crds):
    assert apply(api, settings(namespace))["changed"]
    wanted = settings(namespace, "192.0.2.0/28", "192.0.2.240-192.0.2.249")
    path = pools(plain, namespace)
    before = plain.versions(path)
    checked = apply(api, wanted, check_mode=True)
    assert plain.versions(path) == before
    done = apply(api, wanted)
    for result in (checked, done):
        assert result["objects"] == [NAMES[0].format(namespace)]
        assert result["diff"][0]["before"]["spec"]["addresses"] == ["192.0.2.240-192.0.2.249"]
        assert result["diff"][0]["after"]["spec"]["addresses"] == ["192.0.2.0/28", "192.0.2.240-192.0.2.249"]
    assert plain.versions(path) != before
    assert apply(api, wanted)["changed"] is False


def test_what_others_added_to_a_pool_stays(api, plain, namespace, metallb_crds):
    apply(api, settings(namespace))
    path = pools(plain, namespace) + "/loadbalanced"
    plain.patch(path, {"spec": {"serviceAllocation": {"priority": 50}}, "metadata": {"labels": {"zone": "lan"}}})
    assert apply(api, settings(namespace))["changed"] is False
    assert plain.get(path)["spec"]["serviceAllocation"] == {"priority": 50}


def test_a_missing_namespace_is_predicted_and_then_an_error(api, metallb_crds):
    assert apply(api, settings("not-there"), check_mode=True)["objects"] == [name.format("not-there") for name in NAMES]
    with pytest.raises(ApiError, match='IPAddressPool/not-there/loadbalanced: namespaces "not-there" not found'):
        apply(api, settings("not-there"))


def test_a_webhook_that_nobody_serves_is_waited_for_until_the_timeout(ansible, plain, namespace, unreachable):
    checked, failed, without_pools = sequence(
        ansible,
        {PREFIX + "metallb_config": {"settings": settings(namespace), "timeout": 0}, "check_mode": True},
        {PREFIX + "metallb_config": {"settings": settings(namespace), "timeout": 2}},
        {PREFIX + "metallb_config": {"settings": {**settings(namespace), "metallb_ip_range": "192.0.2.9"}}},
    )
    assert checked["objects"] == [name.format(namespace) for name in NAMES]
    assert failed["failed"]
    assert failed["objects"] == []
    start = f"Kubernetes API: IPAddressPool/{namespace}/loadbalanced: Internal error occurred: failed calling webhook "
    assert failed["msg"].startswith(start + '"ipaddresspoolvalidationwebhook.metallb.io"')
    assert "connection refused" in failed["msg"]
    assert without_pools["msg"].startswith('metallb_ip_range: "192.0.2.9" is neither a range nor a network')
    assert plain.versions(pools(plain, namespace)) == {}


def test_a_webhook_that_goes_on_to_serve(api, plain, namespace, unreachable):
    tries = []

    class Counting:
        """The API, and somebody who repairs the webhook after its second call."""

        def __init__(self, edge):
            self.edge = edge

        def __getattr__(self, name):
            return getattr(self.edge, name)

        def apply(self, path, body, manager, dry_run=False):
            tries.append(path)
            if len(tries) == 3:
                plain.patch(unreachable, {"webhooks": []})
                time.sleep(0.5)
            return self.edge.apply(path, body, manager, dry_run)

    module = SimpleNamespace(params={"settings": settings(namespace), "passwords": {}, "timeout": 60}, check_mode=False)
    done = metallb_config.apply(Counting(direct(api)), module)
    assert done["objects"] == [name.format(namespace) for name in NAMES]
    assert len(tries) >= 4
    assert len(plain.versions(pools(plain, namespace))) == 1


def test_a_denial_is_not_tried_again(api, plain, namespace, metallb_crds):
    """A quota is a denial that needs no controller."""
    began = time.monotonic()
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"count/ipaddresspools.metallb.io": "0"}},
    }
    plain.create(f"/api/v1/namespaces/{namespace}/resourcequotas", quota)
    status = {"status": {"hard": quota["spec"]["hard"], "used": {"count/ipaddresspools.metallb.io": "0"}}}
    plain.patch(f"/api/v1/namespaces/{namespace}/resourcequotas/none/status", status)
    with pytest.raises(ApiError, match="exceeded quota: none") as caught:
        apply(api, settings(namespace), timeout=60)
    assert caught.value.status == 403
    assert time.monotonic() - began < 30


def test_every_field_is_one_that_the_server_knows(ansible, plain, namespace, metallb_crds):
    """Allocation, interfaces and selectors arrive as MetalLB's definitions want them; a change of one is applied."""
    selector = {"matchExpressions": [{"key": "rack", "operator": "In", "values": ["a1"]}]}
    pool = {
        "ip_range": ["192.0.2.240-192.0.2.249"],
        "service_allocation": {"priority": 10, "namespaces": ["web"], "service_selectors": [{"app": "shop"}]},
    }
    lan = {"name": "lan", "address_pools": ["a"], "interfaces": ["eth0"], "node_selectors": [{"edge": True}, selector]}
    wanted = {
        "metallb_enabled": True,
        "metallb_namespace": namespace,
        "metallb_config": {"address_pools": {"a": pool}, "layer2": [lan]},
    }
    four_runs(ansible, "metallb_config", settings=wanted)
    advertisements = f"/apis/metallb.io/v1beta1/namespaces/{namespace}/l2advertisements"
    assert plain.get(pools(plain, namespace) + "/a")["spec"] == {
        "addresses": ["192.0.2.240-192.0.2.249"],
        "autoAssign": True,
        "avoidBuggyIPs": False,
        "serviceAllocation": {
            "priority": 10,
            "namespaces": ["web"],
            "serviceSelectors": [{"matchLabels": {"app": "shop"}}],
        },
    }
    assert plain.get(advertisements + "/lan")["spec"] == {
        "ipAddressPools": ["a"],
        "interfaces": ["eth0"],
        "nodeSelectors": [{"matchLabels": {"edge": "true"}}, selector],
    }
    del lan["interfaces"], pool["service_allocation"]
    four_runs(ansible, "metallb_config", settings=wanted)
    assert "interfaces" not in plain.get(advertisements + "/lan")["spec"]
    assert "serviceAllocation" not in plain.get(pools(plain, namespace) + "/a")["spec"]


def test_field_that_metallb_does_not_have_is_refused_and_named(ansible, plain, namespace, metallb_crds):
    """What goes below spec is not dropped in silence."""
    pool = {"ip_range": ["192.0.2.240-192.0.2.249"], "spec": {"autoAsign": False}}
    wanted = {
        "metallb_enabled": True,
        "metallb_namespace": namespace,
        "metallb_config": {"address_pools": {"a": pool}, "layer2": ["a"]},
    }
    result = ansible.module(PREFIX + "metallb_config", settings=wanted, timeout=0)
    assert result["failed"]
    assert "autoAsign" in result["msg"]
    assert plain.get(pools(plain, namespace) + "/a") is None


def layer2(plain, namespace):
    return f"/apis/metallb.io/v1beta1/namespaces/{namespace}/l2advertisements"


def two_pools(namespace, **ranges):
    """Settings with a pool for each keyword, all of them announced."""
    return {
        "metallb_enabled": True,
        "metallb_namespace": namespace,
        "metallb_config": {
            "address_pools": {name: {"ip_range": text} for name, text in ranges.items()},
            "layer2": list(ranges),
        },
    }


def test_what_left_the_settings_is_removed(ansible, api, plain, namespace, metallb_crds):
    apply(api, two_pools(namespace, a="192.0.2.0/28", b="192.0.2.16/28"))
    results = four_runs(ansible, "metallb_config", settings=two_pools(namespace, a="192.0.2.0/28"))
    for result in results[:2]:
        assert result["objects"] == [f"L2Advertisement/{namespace}/b", f"IPAddressPool/{namespace}/b"]
        assert [entry["after"] for entry in result["diff"]] == [{}, {}]
    assert len(plain.versions(pools(plain, namespace), layer2(plain, namespace))) == 2


def test_pools_exchange_their_ranges(api, plain, namespace, metallb_crds):
    apply(api, two_pools(namespace, a="192.0.2.0/28", b="192.0.2.16/28"))
    wanted = two_pools(namespace, a="192.0.2.16/28", b="192.0.2.0/28")
    assert apply(api, wanted, check_mode=True)["changed"]
    assert apply(api, wanted)["changed"]
    assert not apply(api, wanted)["changed"]
    assert plain.get(pools(plain, namespace) + "/a")["spec"]["addresses"] == ["192.0.2.16/28"]


def foreign(plain, namespace, name, **spec):
    """A pool that somebody made by hand."""
    body = {
        "apiVersion": "metallb.io/v1beta1",
        "kind": "IPAddressPool",
        "metadata": {"name": name},
        "spec": {"addresses": ["198.51.100.0/28"], **spec},
    }
    plain.create(pools(plain, namespace), body)


def test_what_others_made_is_taken_over_only_when_told(api, plain, namespace, metallb_crds):
    foreign(plain, namespace, "loadbalanced", serviceAllocation={"priority": 7})
    foreign(plain, namespace, "other")
    refused = apply(api, settings(namespace))
    assert refused["failed"]
    assert "set metallb_adopt: true" in refused["msg"]
    wanted = settings(namespace, metallb_adopt=True)
    checked = apply(api, wanted, check_mode=True)
    done = apply(api, wanted)
    assert checked["objects"] == done["objects"]
    assert checked["diff"] == done["diff"]
    assert plain.get(pools(plain, namespace) + "/loadbalanced")["spec"] == {
        "addresses": ["192.0.2.240-192.0.2.249"], "autoAssign": True, "avoidBuggyIPs": False,
    }  # fmt: skip
    assert plain.get(pools(plain, namespace) + "/other") is None
    assert not apply(api, wanted)["changed"]


@pytest.fixture
def in_use(plain, namespace):
    """A Service with an address; returns its path."""
    services = f"/api/v1/namespaces/{namespace}/services"
    body = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}], "loadBalancerClass": f"test.example/{namespace}"},
    }  # fmt: skip
    plain.create(services, body)
    path = f"{services}/shop"
    give(plain, path, "192.0.2.245")
    yield path
    plain.delete(path)


def give(plain, path, address):
    plain.patch(path + "/status", {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}})


def test_an_address_in_use_stays_until_told(ansible, api, plain, namespace, metallb_crds, in_use):
    own = {"metallb_loadbalancer_class": f"test.example/{namespace}"}
    apply(api, settings(namespace, **own))
    smaller = settings(namespace, "192.0.2.240-192.0.2.244", **own)
    refused = ansible.module(PREFIX + "metallb_config", settings=smaller, timeout=0)
    assert refused["failed"]
    assert refused["msg"] == (
        f"metallb_ip_range: 192.0.2.245 of {namespace}/shop would leave the pool while in use; keep these addresses there, "
        "or set metallb_reassign_addresses: true to give the Services other ones."
    )
    assert plain.get(pools(plain, namespace) + "/loadbalanced")["spec"]["addresses"] == ["192.0.2.240-192.0.2.249"]
    told = {**smaller, "metallb_reassign_addresses": True}
    assert apply(api, told, check_mode=True)["changed"]
    lost = apply(api, told)
    assert lost["failed"]
    assert f"MetalLB has not taken them over: 192.0.2.245 of {namespace}/shop" in lost["msg"]
    give(plain, in_use, "192.0.2.241")
    assert apply(api, told) == {"changed": False, "objects": [], "diff": []}


def test_requests_do_not_grow_with_the_objects(api, plain, namespace, metallb_crds):
    """A run without changes asks for each kind once, whatever there is."""
    many = {f"p{number}": f"10.9.{number}.0/24" for number in range(40)}
    apply(api, two_pools(namespace, **many))
    counting = Counting(direct(api))
    module = SimpleNamespace(
        params={"settings": two_pools(namespace, **many), "passwords": {}, "timeout": 0}, check_mode=False
    )
    assert not metallb_config.apply(counting, module)["changed"]
    sent = counting.sent
    assert {method for method, _path in sent} == {"get"}
    assert len(sent) == len(set(sent)) == 8
