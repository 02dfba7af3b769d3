# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _settings

ROOT = pathlib.Path(__file__).parents[4]
RANGE = "192.0.2.240-192.0.2.249"
Variables = dict[str, t.Any]


def normalise(**variables: t.Any) -> _settings.Outcome:
    """Return what variables mean beside those that every installation has."""
    return _settings.normalise({"metallb_enabled": True, "metallb_ip_range": [RANGE], **variables})


def settings(**variables: t.Any) -> _settings.Settings:
    outcome = normalise(**variables)
    assert outcome.errors == []
    return outcome.settings


def test_nothing_said() -> None:
    outcome = _settings.normalise({})
    assert (outcome.errors, outcome.warnings) == ([], [])
    empty = _settings.Component(image_repo=None, node_selector=None, tolerations=None)
    assert outcome.settings == _settings.Settings(
        enabled=False,
        speaker_enabled=True,
        namespace="metallb-system",
        version="0.16.1",
        image_tag=None,
        log_level=None,
        loadbalancer_class=None,
        metrics_port=None,
        limits={},
        controller=empty,
        speaker=empty,
        pools=[],
        layer2=[],
        strict_arp=None,
        reserved=[],
        adopt=False,
        reassign_addresses=False,
        mirrors={"quay.io": "quay.io", "gcr.io": "gcr.io"},
        backend="native",
    )


# Values ---------------------------------------------------------------------------------------------------------------

MIRRORS = {"quay.io": "192.0.2.1/q", "gcr.io": "192.0.2.1/g"}
TAINT = {"key": "edge", "operator": "Exists"}
VALUES: list[tuple[Variables, str, t.Any]] = [
    # variables, attribute of the settings, its value
    ({"metallb_enabled": "yes"}, "enabled", True),
    ({"metallb_enabled": False, "kubeaddons_metallb_enabled": True}, "enabled", True),
    ({"metallb_enabled": True, "kubeaddons_metallb_enabled": "no"}, "enabled", False),
    ({"metallb_enabled": True, "kubeaddons_metallb_enabled": ""}, "enabled", True),
    ({"kubeaddons_metallb_enabled": True}, "enabled", True),
    ({"quay_image_repo": "192.0.2.1/q", "gcr_image_repo": "192.0.2.1/g"}, "mirrors", MIRRORS),
    ({"metallb_enabled": "False"}, "enabled", False),
    ({"metallb_enabled": None}, "enabled", False),
    ({"metallb_speaker_enabled": False}, "speaker_enabled", False),
    ({"metallb_speaker_enabled": ""}, "speaker_enabled", True),
    ({"metallb_namespace": "lb"}, "namespace", "lb"),
    ({"metallb_namespace": ""}, "namespace", "metallb-system"),
    ({"metallb_version": "v0.15.3"}, "version", "0.15.3"),
    ({"metallb_version": "0.13.9"}, "version", "0.13.9"),
    ({"metallb_version": "1.0.0"}, "version", "1.0.0"),
    ({"metallb_image_tag": "v0.16.1-own"}, "image_tag", "v0.16.1-own"),
    ({"metallb_log_level": "debug"}, "log_level", "debug"),
    ({"metallb_log_level": ""}, "log_level", None),
    ({"metallb_loadbalancer_class": "l2"}, "loadbalancer_class", "l2"),
    ({"metallb_port": "7472"}, "metrics_port", 7472),
    ({"metallb_port": 7472}, "metrics_port", 7472),
    ({"metallb_limits_cpu": 1, "metallb_limits_mem": "100Mi"}, "limits", {"cpu": "1", "memory": "100Mi"}),
    ({"metallb_limits_cpu": "", "metallb_limits_mem": "100Mi"}, "limits", {"memory": "100Mi"}),
    ({"kube_proxy_strict_arp": True}, "strict_arp", True),
    ({"kube_proxy_strict_arp": "no"}, "strict_arp", False),
]


@pytest.mark.parametrize(("variables", "attribute", "value"), VALUES)
def test_values(variables: Variables, attribute: str, value: t.Any) -> None:
    outcome = normalise(**variables)
    assert (outcome.errors, outcome.warnings) == ([], [])
    assert getattr(outcome.settings, attribute) == value


COMPONENTS: list[tuple[Variables, _settings.Component]] = [
    ({"metallb_speaker_image_repo": "192.0.2.1/s"}, _settings.Component("192.0.2.1/s", None, None)),
    (
        {"quay_image_repo": "192.0.2.1", "metallb_speaker_image_repo": "192.0.2.1/s"},
        _settings.Component("192.0.2.1/s", None, None),
    ),
    (
        {
            "metallb_speaker_nodeselector": {"a": 1, "edge": True, "b": "old"},
            "metallb_speaker_tolerations": [TAINT],
            "metallb_config": {"speaker": {"nodeselector": {"b": "new"}, "tolerations": [{"key": "x"}]}},
        },
        # YAML's truth is Kubernetes' "true"; the newer form wins.
        _settings.Component(None, {"a": "1", "edge": "true", "b": "new"}, [TAINT, {"key": "x"}]),
    ),
]


@pytest.mark.parametrize(("variables", "speaker"), COMPONENTS)
def test_components(variables: Variables, speaker: _settings.Component) -> None:
    assert settings(**variables).speaker == speaker


def test_the_controller_has_its_own() -> None:
    found = settings(
        metallb_controller_image_repo="192.0.2.1/c",
        metallb_controller_nodeselector={"a": "1"},
        metallb_config={"controller": {"tolerations": [TAINT]}},
    )
    assert found.controller == _settings.Component("192.0.2.1/c", {"a": "1"}, [TAINT])
    assert found.speaker == _settings.Component(None, None, None)


def test_reserved_addresses_say_what_they_are() -> None:
    found = settings(
        kube_pods_subnet="10.233.64.0/18",
        kube_service_addresses="10.233.0.0/18",
        kube_vip_address="192.0.2.5",
        loadbalancer_apiserver={"address": "192.0.2.6", "port": 6443},
    )
    assert [(one.text, what) for one, what in found.reserved] == [
        ("10.233.64.0/18", "the pod network (kube_pods_subnet)"),
        ("10.233.0.0/18", "the Service network (kube_service_addresses)"),
        ("192.0.2.5", "the address of kube-vip (kube_vip_address)"),
        ("192.0.2.6", "the address of the API server (loadbalancer_apiserver.address)"),
    ]


@pytest.mark.parametrize("api", ["", None, "text", {}, {"address": "lb.example.org"}])
def test_what_is_no_address_reserves_nothing(api: t.Any) -> None:
    assert settings(loadbalancer_apiserver=api, kube_pods_subnet="nonsense").reserved == []


# Pools ----------------------------------------------------------------------------------------------------------------


def pools_of(found: _settings.Settings) -> list[tuple[str, list[str], bool, bool, str]]:
    return [
        (pool.name, [one.text for one in pool.ranges], pool.auto_assign, pool.avoid_buggy_ips, pool.origin)
        for pool in found.pools
    ]


@pytest.mark.parametrize("value", [RANGE, [RANGE]])
def test_a_single_range(value: t.Any) -> None:
    found = settings(metallb_ip_range=value)
    assert pools_of(found) == [("loadbalanced", [RANGE], True, False, "metallb_ip_range")]
    assert [one.name for one in found.layer2] == ["loadbalanced"]


def test_the_flat_form() -> None:
    found = settings(
        metallb_pool_name="main",
        metallb_protocol="layer2",
        metallb_auto_assign=False,
        metallb_avoid_buggy_ips="true",
        metallb_additional_address_pools={
            "second": {"ip_range": ["198.51.100.0/28", "198.51.100.32/32"], "protocol": "layer2", "auto_assign": False}
        },
    )
    assert pools_of(found) == [
        ("main", [RANGE], False, True, "metallb_ip_range"),
        (
            "second",
            ["198.51.100.0/28", "198.51.100.32/32"],
            False,
            False,
            "metallb_additional_address_pools.second.ip_range",
        ),
    ]
    assert [one.name for one in found.layer2] == ["main", "second"]


def test_the_newer_form() -> None:
    outcome = _settings.normalise(
        {
            "metallb_enabled": True,
            "metallb_config": {
                "address_pools": {
                    "a": {"ip_range": [RANGE]},
                    "b": {"ip_range": ["198.51.100.0/28"], "auto_assign": False},
                },
                "layer2": ["a", "b", "a"],
            },
        }
    )
    assert (outcome.errors, outcome.warnings) == ([], [])
    origin = "metallb_config.address_pools.{0}.ip_range"
    assert pools_of(outcome.settings) == [
        ("a", [RANGE], True, False, origin.format("a")),
        ("b", ["198.51.100.0/28"], False, False, origin.format("b")),
    ]
    assert [one.name for one in outcome.settings.layer2] == ["a", "b"]


# Errors ---------------------------------------------------------------------------------------------------------------

POOLS = "metallb_config.address_pools"
MORE = "metallb_additional_address_pools"
ERRORS: list[tuple[Variables, str, str, str, str]] = [
    # variables, variable, value, reason, remedy
    ({"metallb_enabled": "maybe"}, "metallb_enabled", '"maybe"', "is not a truth value", "write true or false"),
    ({"metallb_speaker_enabled": 2}, "metallb_speaker_enabled", "2", "is not a truth value", "write true or false"),
    ({"kube_proxy_strict_arp": "on it"}, "kube_proxy_strict_arp", '"on it"', "is not a truth", "write true or false"),
    ({"metallb_namespace": "MetalLB"}, "metallb_namespace", '"MetalLB"', "cannot name", "use lower-case letters"),
    ({"metallb_namespace": 7}, "metallb_namespace", "7", "is not text", "write it in quotes"),
    ({"metallb_version": 0.16}, "metallb_version", "0.16", "is not text", "write it in quotes"),
    ({"metallb_version": "latest"}, "metallb_version", '"latest"', "is not a release", 'write it as "0.16.1"'),
    ({"metallb_version": "0.16.1\n"}, "metallb_version", '"0.16.1', "is not a release", 'write it as "0.16.1"'),
    ({"metallb_version": "0.16.0"}, "metallb_version", '"0.16.0"', "its probes and its Helm chart", 'use "0.16.1"'),
    ({"metallb_version": "v0.16.0"}, "metallb_version", '"v0.16.0"', "is refused", 'use "0.16.1"'),
    ({"metallb_version": "0.13.7"}, "metallb_version", '"0.13.7"', "is older than 0.13.9", 'use "0.16.1"'),
    ({"metallb_version": "0.9.5"}, "metallb_version", '"0.9.5"', "is older than 0.13.9", 'use "0.16.1"'),
    ({"metallb_image_tag": 1}, "metallb_image_tag", "1", "is not text", "write it in quotes"),
    ({"metallb_log_level": "debgu"}, "metallb_log_level", '"debgu"', "is not known", 'did you mean "debug"?'),
    ({"metallb_log_level": "loud"}, "metallb_log_level", '"loud"', "is not known", "choose one of all, debug"),
    ({"metallb_loadbalancer_class": []}, "", "", "", ""),
    ({"metallb_loadbalancer_class": ["x"]}, "metallb_loadbalancer_class", "['x']", "is not text", "in quotes"),
    ({"metallb_port": "http"}, "metallb_port", '"http"', "is not a port", "a number from 1 to 65535"),
    ({"metallb_port": 0}, "metallb_port", "0", "is not a port", "a number from 1 to 65535"),
    ({"metallb_port": 65536}, "metallb_port", "65536", "is not a port", "a number from 1 to 65535"),
    ({"metallb_port": True}, "metallb_port", "True", "is not a port", "a number from 1 to 65535"),
    ({"metallb_speaker_image_repo": 1}, "metallb_speaker_image_repo", "1", "is not text", "in quotes"),
    ({"metallb_controller_image_repo": 1}, "metallb_controller_image_repo", "1", "is not text", "in quotes"),
    ({"quay_image_repo": {}}, "", "", "", ""),
    ({"quay_image_repo": {"a": 1}}, "quay_image_repo", "{'a': 1}", "is not text", "in quotes"),
    ({"metallb_speaker_nodeselector": "edge"}, "metallb_speaker_nodeselector", '"edge"', "is not a map", "key: value"),
    (
        {"metallb_controller_nodeselector": ["a"]},
        "metallb_controller_nodeselector",
        "['a']",
        "is not a map",
        "key: val",
    ),
    ({"metallb_speaker_tolerations": TAINT}, "metallb_speaker_tolerations", "{'key'", "is not a list", '"- value"'),
    ({"metallb_controller_tolerations": "x"}, "metallb_controller_tolerations", '"x"', "is not a list", '"- value"'),
    ({"metallb_config": []}, "", "", "", ""),
    ({"metallb_config": ["a"]}, "metallb_config", "['a']", "is not a mapping", "key: value"),
    ({"metallb_config": {"speaker": 1}}, "metallb_config.speaker", "1", "is not a mapping", "key: value"),
    ({"metallb_config": {"speaker": {"tolerations": 1}}}, "metallb_config.speaker.tolerations", "1", "is not a", "- v"),
    (
        {"metallb_config": {"controller": {"nodeselector": 1}}},
        "metallb_config.controller.nodeselector",
        "1",
        "is not a mapping",
        "key: value",
    ),
    # pools
    ({"metallb_ip_range": 5}, "metallb_ip_range", "5", "is not a list", '"- value"'),
    ({"metallb_ip_range": {"a": RANGE}}, "metallb_ip_range", "{'a': '", "is not a list", '"- value"'),
    ({"metallb_ip_range": [5]}, "metallb_ip_range[0]", "5", "is not text", "in quotes"),
    (
        {"metallb_ip_range": [RANGE, "192.168.100.240/24"]},
        "metallb_ip_range[1]",
        '"192.168.100.240/24"',
        "hand out the whole network",
        'write "192.168.100.240/32"',
    ),
    ({"metallb_ip_range": "192.0.2.1"}, "metallb_ip_range", '"192.0.2.1"', "is neither", 'write "192.0.2.1/32"'),
    ({"metallb_pool_name": "Main_Pool"}, "metallb_pool_name", '"Main_Pool"', "cannot name", "use lower-case letters"),
    ({"metallb_pool_name": "p" * 254}, "metallb_pool_name", '"ppp', "cannot name", "use lower-case letters"),
    ({"metallb_auto_assign": "maybe"}, "metallb_auto_assign", '"maybe"', "is not a truth value", "true or false"),
    ({"metallb_avoid_buggy_ips": 3}, "metallb_avoid_buggy_ips", "3", "is not a truth value", "true or false"),
    ({"metallb_protocol": "bgp"}, "metallb_protocol", '"bgp"', "cannot be configured by this version", '"layer2"'),
    ({"metallb_protocol": "l2"}, "metallb_protocol", '"l2"', "is not a protocol", 'use "layer2"'),
    ({MORE: ["a"]}, MORE, "['a']", "is not a mapping", "key: value"),
    ({MORE: {"a": ["198.51.100.0/28"]}}, MORE + ".a", "['198.51.100.0/28']", "is not a mapping", "key: value"),
    ({MORE: {"a": {}}}, MORE + ".a.ip_range", "None", "holds no addresses", "add a range such as"),
    ({MORE: {"a": {"ip_range": ["x"]}}}, MORE + ".a.ip_range[0]", '"x"', "is neither", "write"),
    (
        {MORE: {"a": {"ip_range": "198.51.100.0/28", "protocol": "bgp"}}},
        MORE + ".a.protocol",
        '"bgp"',
        "cannot",
        "layer2",
    ),
    (
        {MORE: {"a": {"ip_range": "198.51.100.0/28", "auto_assign": 7}}},
        MORE + ".a.auto_assign",
        "7",
        "truth",
        "true or",
    ),
    ({MORE: {"A": {"ip_range": "198.51.100.0/28"}}}, MORE + ".A", '"A"', "cannot name", "use lower-case letters"),
    # Two pools of one name would be one object, and the first one's addresses would be lost.
    (
        {MORE: {"loadbalanced": {"ip_range": "198.51.100.0/28"}}},
        MORE + ".loadbalanced",
        '"loadbalanced"',
        "is also the name of the pool of metallb_ip_range",
        "give each pool a name of its own",
    ),
    (
        {"metallb_config": {"address_pools": ["a"]}, "metallb_ip_range": None},
        POOLS,
        "['a']",
        "is not a map",
        "key: value",
    ),
    (
        {"metallb_config": {"address_pools": {"a": {"ip_range": []}}, "layer2": ["a"]}, "metallb_ip_range": None},
        POOLS + ".a.ip_range",
        "[]",
        "holds no addresses",
        "add a range such as",
    ),
    (
        {
            "metallb_config": {"address_pools": {"a": {"ip_range": [RANGE], "avoid_buggy_ips": "so"}}, "layer2": ["a"]},
            "metallb_ip_range": None,
        },
        POOLS + ".a.avoid_buggy_ips",
        '"so"',
        "is not a truth value",
        "true or false",
    ),
    (
        {
            "metallb_config": {"address_pools": {"a": {"ip_range": [RANGE]}}, "layer2": ["a", "b"]},
            "metallb_ip_range": None,
        },
        "metallb_config.layer2[1]",
        '"b"',
        "is not a pool of metallb_config.address_pools",
        "add the pool or remove",
    ),
    (
        {"metallb_config": {"layer2": ["a"]}},
        "metallb_config.layer2",
        "['a']",
        "metallb_config.address_pools has none",
        "add them there",
    ),
    (
        {"metallb_ip_range": None, "metallb_protocol": "ospf"},
        "metallb_protocol",
        '"ospf"',
        "is not a protocol of MetalLB's",
        'use "layer2"',
    ),
    (
        {"metallb_config": {"address_pools": {"a": {"ip_range": [RANGE]}}, "layer2": "a"}, "metallb_ip_range": None},
        "metallb_config.layer2",
        '"a"',
        "is not a list",
        '"- value"',
    ),
    # what this version cannot do
    (
        {"metallb_config": {"layer3": {"x": 1}}},
        "metallb_config.layer3",
        "{'x': 1}",
        "asks for BGP",
        "metallb_config.layer2",
    ),
    (
        {"metallb_peers": [{"peer_asn": 64512}]},
        "metallb_peers",
        "[{'peer_asn'",
        "asks for BGP",
        'metallb_protocol: "layer2"',
    ),
    ({"metallb": "x"}, "metallb", '"x"', "Kubespray before 2.14", "metallb_ip_range"),
]


@pytest.mark.parametrize(("variables", "name", "value", "reason", "remedy"), ERRORS)
def test_one_sentence_for_each_error(variables: Variables, name: str, value: str, reason: str, remedy: str) -> None:
    """Each names variable, value, reason and remedy; the rows without a name are no errors at all."""
    errors = normalise(**variables).errors
    if not name:
        assert errors == []
        return
    assert len(errors) == 1, errors
    start = "{0}: {1}".format(name, value)
    assert errors[0].startswith(start)
    rest = errors[0][len(start) :]
    assert reason in rest
    assert remedy in rest
    assert errors[0].endswith((".", "?"))
    assert not errors[0].endswith("?.")
    assert "\n" not in errors[0]


def test_long_values_are_cut() -> None:
    error = normalise(metallb_loadbalancer_class=["x" * 500]).errors[0]
    assert "..." in error
    assert len(error) < 150


def test_all_errors_at_once() -> None:
    errors = normalise(metallb_port="x", metallb_version="x", metallb_ip_range="x").errors
    assert sorted(error.partition(":")[0] for error in errors) == [
        "metallb_ip_range",
        "metallb_port",
        "metallb_version",
    ]


# Warnings -------------------------------------------------------------------------------------------------------------

NEW = {"metallb_config": {"address_pools": {"a": {"ip_range": [RANGE]}}, "layer2": ["a"]}, "metallb_ip_range": None}
WARNINGS: list[tuple[Variables, list[str]]] = [
    ({"metallb_ip_range": []}, ["metallb_ip_range: no addresses are given, so every Service"]),
    ({"metallb_ip_range": [], "metallb_enabled": False}, []),
    (
        {"metallb_ip_rnage": 1},
        ["metallb_ip_rnage is not a variable of this collection and has no effect; did you mean metallb_ip_range?"],
    ),
    # the way that Kubespray itself once wrote it
    (
        {"matallb_auto_assign": True},
        ["matallb_auto_assign is read as metallb_auto_assign; rename it."],
    ),
    (
        {"metallb_xyzzy_plugh_frobnicate": 1},
        ["metallb_xyzzy_plugh_frobnicate is not a variable of this collection and has no effect."],
    ),
    (
        {"kube_vip_services_enabled": True},
        ["kube_vip_services_enabled: kube-vip hands out and announces addresses of Services as well; switch one"],
    ),
    ({"kube_vip_services_enabled": False, "cilium_l2announcements": "no"}, []),
    ({"cilium_l2announcements": True}, ["cilium_l2announcements: Cilium answers ARP"]),
    ({"calico_advertise_service_loadbalancer_ips": ["192.0.2.0/24"]}, ["calico_advertise_service_loadbalancer_ips: "]),
    ({"calico_advertise_service_loadbalancer_ips": ["192.0.2.0/24"], "metallb_speaker_enabled": False}, []),
    ({"kube_vip_services_enabled": True, "metallb_enabled": False}, []),
    ({"metallb_memberlist_port": "7946"}, ["metallb_memberlist_port has no effect: Kubespray only"]),
    ({"metallb_speaker_digest_checksum": "x"}, ["metallb_speaker_digest_checksum has no effect: it belongs"]),
    # Known to Kubespray and empty: nothing is said, nothing is to be warned of.
    ({"metallb_memberlist_port": "", "metallb_peers": []}, []),
    (
        {"metallb_config": {"speker": {}}},
        ["metallb_config.speker is not known and has no effect; did you mean speaker?"],
    ),
    (
        {"metallb_config": {"speaker": {"nodeSelector": {}}}},
        ["metallb_config.speaker.nodeSelector is not known and has no effect; did you mean nodeselector?"],
    ),
    (
        {MORE: {"a": {"ip_range": "198.51.100.0/28", "range": 1}}},
        [MORE + ".a.range is not known and has no effect; did you mean ip_range?"],
    ),
    (NEW, []),
    ({**NEW, "metallb_ip_range": [RANGE]}, ["metallb_ip_range has no effect beside metallb_config.address_pools"]),
    ({**NEW, MORE: {"b": {}}}, [MORE + " has no effect beside metallb_config.address_pools"]),
    (
        {"metallb_config": {"address_pools": {"a": {"ip_range": [RANGE]}}}, "metallb_ip_range": None},
        [
            'metallb_config.address_pools.a.ip_range is announced by nothing, so nobody can reach its addresses; add "a" to'
        ],
    ),
]


@pytest.mark.parametrize(("variables", "starts"), WARNINGS)
def test_warnings(variables: Variables, starts: list[str]) -> None:
    outcome = normalise(**variables)
    assert outcome.errors == []
    assert len(outcome.warnings) == len(starts), outcome.warnings
    for warning, start in zip(outcome.warnings, starts, strict=True):
        assert warning.startswith(start)
        assert warning.endswith((".", "?"))


# The roles ------------------------------------------------------------------------------------------------------------


def test_known_variables_are_those_of_the_roles() -> None:
    documented = {
        name
        for file in ROOT.glob("roles/*/meta/argument_specs.yml")
        for entry in yaml.safe_load(file.read_text(encoding="utf-8"))["argument_specs"].values()
        for name in entry.get("options") or {}
        if name.startswith(("metallb_", "kubeaddons_"))
    }
    assert documented == _settings.KNOWN_VARIABLES


def test_the_defaults_of_the_roles_mean_nothing_said() -> None:
    defaults: Variables = {}
    for file in ROOT.glob("roles/*/defaults/main.yml"):
        defaults.update(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    variables = {name: value for name, value in defaults.items() if name.startswith("metallb_")}
    assert len(variables) > 20
    assert _settings.normalise(variables) == _settings.normalise({})


def test_the_role_reads_every_variable_that_is_judged() -> None:
    """Names are written twice, here and in the role's lookups: nothing may be missing there."""
    role = yaml.safe_load((ROOT / "roles" / "preflight" / "vars" / "main.yml").read_text(encoding="utf-8"))
    patterns = re.findall(r"'(\^[^']+)'", role["__preflight_names"] + role["__preflight_others"])
    assert patterns
    for name in (*_settings.KNOWN_VARIABLES, *_settings.OTHER_VARIABLES, "metallb", "matallb_auto_assign"):
        assert any(re.match(pattern, name) for pattern in patterns), name
