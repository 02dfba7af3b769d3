# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _configuration
from ansible_collections.kubeaddons.metallb.plugins.module_utils._apply import Change, stamp

Object = dict[str, t.Any]
LAST_APPLIED = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}


def thing(kind: str, name: str, annotations: dict[str, str] | None = None, **spec: t.Any) -> Object:
    found: Object = {
        "apiVersion": _configuration.KINDS[kind],
        "kind": kind,
        "metadata": {"name": name, "namespace": "metallb-system"},
        "spec": spec,
    }
    if annotations:
        found["metadata"]["annotations"] = annotations
    return found


def pool(name: str, *addresses: str, annotations: dict[str, str] | None = None, **spec: t.Any) -> Object:
    return thing("IPAddressPool", name, annotations, addresses=list(addresses), **spec)


def layer2(name: str, annotations: dict[str, str] | None = None) -> Object:
    return thing("L2Advertisement", name, annotations, ipAddressPools=[name])


def peer(name: str, address: str = "192.0.2.1", **spec: t.Any) -> Object:
    return thing("BGPPeer", name, peerAddress=address, peerASN=64513, **{"myASN": 64512, **spec})


def service(name: str, *addresses: str, of_class: str = "") -> Object:
    found: Object = {
        "metadata": {"namespace": "web", "name": name},
        "spec": {"type": "LoadBalancer"},
        "status": {"loadBalancer": {"ingress": [{"ip": one} for one in addresses]}},
    }
    if of_class:
        found["spec"]["loadBalancerClass"] = of_class
    return found


def plan(
    desired: t.Sequence[Object],
    live: t.Sequence[Object],
    services: t.Sequence[Object] = (),
    **options: t.Any,
) -> _configuration.Plan:
    given: dict[str, t.Any] = {
        "origins": {"a": "metallb_config.address_pools.a.ip_range"},
        "adopt": False,
        "reassign": False,
        "loadbalancer_class": None,
        "frr": False,
    }
    return _configuration.plan(desired, live, services, **{**given, **options})


def steps(found: _configuration.Plan) -> list[str]:
    """Return "+kind/name" or "-kind/name" for each change."""
    return [
        "{0}{1}/{2}".format("-" if one.desired is None else "+", one.kind, one.name.rpartition("/")[2])
        for one in found.changes
    ]


def test_nothing_is_due_where_all_is_as_it_should_be() -> None:
    desired = [pool("a", "192.0.2.0/28"), layer2("a")]
    assert plan(desired, [stamp(one) for one in desired]) == _configuration.Plan([], [], [])


def test_what_left_the_settings_goes_advertisements_before_pools() -> None:
    kept, gone = [pool("a", "192.0.2.0/28"), layer2("a")], [pool("b", "192.0.2.16/28"), layer2("b")]
    found = plan(kept, [stamp(one) for one in [*gone, *kept]])
    assert steps(found) == ["-L2Advertisement/b", "-IPAddressPool/b"]
    assert (found.errors, found.warnings) == ([], [])


def test_kinds_in_their_order_whatever_the_order_of_the_input() -> None:
    objects = [
        thing("BGPAdvertisement", "x"),
        layer2("x"),
        peer("x"),
        pool("x", "192.0.2.0/28"),
        thing("Secret", "metallb-peer-x"),
        thing("Community", "x"),
        thing("BFDProfile", "x"),
    ]
    assert [one.kind for one in plan(objects, []).changes] == list(_configuration.KINDS)
    ours = [stamp(one) for one in objects]
    for one in ours:
        one["type"] = _configuration.PEER_SECRET
    assert [one.kind for one in plan([], ours).changes] == list(reversed(_configuration.KINDS))


# Whose ----------------------------------------------------------------------------------------------------------------


def test_objects_of_other_making_stay_and_are_named() -> None:
    found = plan([pool("a", "192.0.2.0/28")], [pool("b", "192.0.2.16/28"), layer2("b")])
    assert steps(found) == ["+IPAddressPool/a"]
    assert found.errors == []
    assert found.warnings == [
        "IPAddressPool/metallb-system/b, L2Advertisement/metallb-system/b are made by other means than this collection "
        "and left alone; set metallb_adopt: true to have them removed with all that the variables do not name."
    ]


def test_an_object_of_other_making_under_a_name_of_ours_is_refused_until_told() -> None:
    desired, live = [pool("a", "192.0.2.0/28")], [pool("a", "192.0.2.0/28", serviceAllocation={"priority": 1})]
    assert plan(desired, live).errors == [
        "IPAddressPool/metallb-system/a was made by other means than this collection; set metallb_adopt: true to take it "
        "over, or choose another name."
    ]
    told = plan(desired, live, adopt=True)
    assert (steps(told), told.errors) == (["+IPAddressPool/a"], [])
    assert told.changes[0].adopted
    assert told.warnings == ["IPAddressPool/metallb-system/a was made by other means and is taken over."]


def test_adoption_removes_what_the_settings_do_not_name() -> None:
    found = plan([pool("a", "192.0.2.0/28")], [pool("b", "192.0.2.16/28")], adopt=True)
    assert steps(found) == ["+IPAddressPool/a", "-IPAddressPool/b"]


def test_what_kubespray_made_is_taken_over_without_being_told() -> None:
    live = [pool("a", "192.0.2.0/28", annotations=LAST_APPLIED, autoAssign=True), layer2("a", LAST_APPLIED)]
    found = plan([pool("a", "192.0.2.0/28", autoAssign=True), layer2("a")], live)
    assert steps(found) == ["+IPAddressPool/a", "+L2Advertisement/a"]
    assert found.errors == []
    assert found.warnings[0] == "IPAddressPool/metallb-system/a was made by Kubespray's role and is taken over."
    assert all(one.adopted for one in found.changes)


def test_kubesprays_other_pools_stay() -> None:
    found = plan([], [pool("old", "192.0.2.0/28", annotations=LAST_APPLIED)])
    assert found.changes == []
    assert "IPAddressPool/metallb-system/old is made by other means" in found.warnings[0]


def test_kubesprays_advertisements_of_a_peer_give_way_to_ours() -> None:
    """They announce to every peer what is meant for one."""
    leak = thing("BGPAdvertisement", "tor-external", LAST_APPLIED, ipAddressPools=["a"])
    other = thing("BGPAdvertisement", "rack-external", LAST_APPLIED, ipAddressPools=["a"])
    found = plan([peer("tor")], [leak, other])
    assert steps(found) == ["+BGPPeer/tor", "-BGPAdvertisement/tor-external"]
    assert "rack-external" in found.warnings[0]


def test_secrets_that_are_not_of_a_peer_of_ours_are_nobodys_business() -> None:
    memberlist = thing("Secret", "memberlist")
    certificate = stamp(thing("Secret", "metallb-webhook-cert"))
    certificate["type"] = "Opaque"
    foreign = dict(thing("Secret", "own"), type=_configuration.PEER_SECRET)
    assert plan([], [memberlist, certificate, foreign], adopt=True) == _configuration.Plan([], [], [])
    gone = dict(stamp(thing("Secret", "metallb-peer-x")), type=_configuration.PEER_SECRET)
    assert steps(plan([], [gone])) == ["-Secret/metallb-peer-x"]


# Addresses in use -----------------------------------------------------------------------------------------------------

USED = [service("shop", "192.0.2.5"), service("mail", "192.0.2.6"), service("other", "192.0.2.7", of_class="x")]


def test_addresses_in_use_do_not_leave_their_pool_until_told() -> None:
    live = [stamp(pool("a", "192.0.2.0/28"))]
    smaller = [pool("a", "192.0.2.0-192.0.2.5")]
    assert plan(smaller, live, USED).errors == [
        "metallb_config.address_pools.a.ip_range: 192.0.2.6 of web/mail would leave the pool while in use; keep these "
        "addresses there, or set metallb_reassign_addresses: true to give the Services other ones."
    ]
    told = plan(smaller, live, USED, reassign=True)
    assert told.errors == []
    assert told.warnings == [
        "metallb_config.address_pools.a.ip_range: 192.0.2.6 of web/mail would leave the pool while in use; the Services "
        "get other addresses."
    ]


def test_a_pool_that_goes_takes_its_addresses_along() -> None:
    found = plan([], [stamp(pool("a", "192.0.2.0/28"))], USED)
    assert found.errors[0].startswith(
        "IPAddressPool/metallb-system/a: 192.0.2.5 of web/shop, 192.0.2.6 of web/mail would leave the pool while in use"
    )


def test_renaming_a_pool_takes_its_addresses_away_for_a_moment() -> None:
    found = plan([pool("b", "192.0.2.0/28")], [stamp(pool("a", "192.0.2.0/28"))], USED)
    assert len(found.errors) == 1


def test_growing_a_pool_harms_nobody() -> None:
    assert plan([pool("a", "192.0.2.0/27")], [stamp(pool("a", "192.0.2.0/28"))], USED).errors == []


def test_addresses_that_metallb_comes_to_call_buggy_are_lost_too() -> None:
    live, used = [stamp(pool("a", "192.0.2.0/24"))], [service("shop", "192.0.2.255"), service("mail", "192.0.2.6")]
    assert (
        "192.0.2.255 of web/shop would" in plan([pool("a", "192.0.2.0/24", avoidBuggyIPs=True)], live, used).errors[0]
    )


def test_a_long_list_of_services_is_cut() -> None:
    used = [service("s{0}".format(number), "192.0.2.{0}".format(number)) for number in range(1, 14)]
    assert "10 of web/s10, and 3 more would leave" in plan([], [stamp(pool("a", "192.0.2.0/28"))], used).errors[0]


def test_addresses_outside_of_all_pools() -> None:
    assert _configuration.outside(USED, [pool("a", "192.0.2.0-192.0.2.5")], None) == ["192.0.2.6 of web/mail"]
    assert _configuration.outside(USED, [pool("a", "192.0.2.240/24")], None) == []  # MetalLB reads the whole network
    assert _configuration.outside(USED, [], "x") == ["192.0.2.7 of web/other"]


def test_live_ranges_are_what_metallb_reads() -> None:
    live = [pool("a", "192.0.2.240/28", "nonsense"), pool("b", "2001:db8::1-2001:db8::5"), layer2("a")]
    found = [(str(one.first), str(one.last)) for one in _configuration.live_ranges(live)]
    assert found == [("192.0.2.240", "192.0.2.255"), ("2001:db8::1", "2001:db8::5")]


# Order ----------------------------------------------------------------------------------------------------------------


def accepted(found: _configuration.Plan, live: t.Sequence[Object]) -> bool:
    """Play the webhook: return whether no change makes two pools overlap or two peers clash."""
    state = {one["metadata"]["name"]: one for one in live}
    for change in found.changes:
        name = change.name.rpartition("/")[2]
        if change.desired is None:
            del state[name]
            continue
        clash = _configuration._pools_clash if change.kind == "IPAddressPool" else _peers
        if any(other != name and clash(change.desired, state[other]) for other in state):
            return False
        state[name] = change.desired
    return True


def _peers(one: Object, other: Object) -> bool:
    return _configuration._peers_clash(one, other, True)


A, B, C = "192.0.2.0/28", "192.0.2.16/28", "192.0.2.32/28"
POOLS: list[tuple[dict[str, list[str]], dict[str, list[str]]]] = [
    # live, desired
    ({"a": [A]}, {"b": [A]}),
    ({"a": [A]}, {"a": [B], "b": [A]}),
    ({"a": [A, B]}, {"a": [A], "b": [B]}),
    ({"a": [A], "b": [B]}, {"a": [B], "b": [A]}),
    ({"a": [A], "b": [B], "c": [C]}, {"a": [B], "b": [C], "c": [A]}),
    ({"a": [A], "b": [B]}, {"b": [A, B]}),
    ({"a": [A], "b": [B]}, {"c": [A, B]}),
    ({"c": [A, B]}, {"a": [A], "b": [B]}),
]


@pytest.mark.parametrize(("live", "desired"), POOLS)
def test_pools_change_hands_in_an_order_that_the_webhook_accepts(
    live: dict[str, list[str]], desired: dict[str, list[str]]
) -> None:
    for names in itertools.permutations(desired):
        present = [stamp(pool(name, *live[name])) for name in live]
        found = plan([pool(name, *desired[name]) for name in names], present)
        assert accepted(found, present), steps(found)
        # Check mode cannot ask the server for what it would only accept later.
        taken = [one for one in found.changes if one.desired and one.waits]
        assert taken


def test_a_pool_that_waits_for_nobody_is_asked_about_in_check_mode() -> None:
    found = plan([pool("a", A), pool("b", B)], [stamp(pool("a", C))])
    assert [one.waits for one in found.changes] == [False, False]


def test_peers_of_frr_change_their_mind_one_after_the_other() -> None:
    live = [stamp(peer("one", "192.0.2.1")), stamp(peer("two", "192.0.2.2"))]
    desired = [peer("one", "192.0.2.1", myASN=64600), peer("two", "192.0.2.2", myASN=64600)]
    found = plan(desired, live, frr=True)
    assert accepted(found, live), steps(found)
    assert steps(plan(desired, live)) == ["+BGPPeer/one", "+BGPPeer/two"]


def test_a_peer_under_a_new_name() -> None:
    live = [stamp(peer("one"))]
    assert steps(plan([peer("two")], live)) == ["-BGPPeer/one", "+BGPPeer/two"]
    assert steps(plan([peer("two", vrf="red")], live)) == ["+BGPPeer/two", "-BGPPeer/one"]


def test_a_field_that_cannot_be_changed_means_a_new_object() -> None:
    found = plan([peer("one", enableGracefulRestart=True)], [stamp(peer("one"))])
    assert steps(found) == ["-BGPPeer/one", "+BGPPeer/one"]
    assert isinstance(found.changes[1], Change)
    assert found.changes[1].live is None
