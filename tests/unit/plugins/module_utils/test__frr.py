# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fixtures are what FRR 10.3 of Debian said, two routers of it to which three nodes announce three prefixes."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _frr

Object = dict[str, t.Any]
FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures/frr"
PREFIXES = ["192.168.100.240/32", "10.100.1.0/28", "10.100.0.0/32", "2001:db8:100::5/128"]
NODES = ["192.168.100.100", "192.168.100.101", "192.168.100.102"]
NODES6 = ["fd00:192:168:100::64", "fd00:192:168:100::65", "fd00:192:168:100::66"]


def recorded(name: str) -> str:
    return (FIXTURES / "10.3-{0}.txt".format(name)).read_text(encoding="utf-8")


def said(basics: str, routes: str) -> _frr.Ask:
    return lambda commands: basics if _frr.NEIGHBOURS in commands else routes


def echoed(*answers: tuple[str, str]) -> str:
    return "".join("r# {0}\n{1}\n".format(command, text) for command, text in answers)


def basics(neighbours: Object | str, interfaces: str = "", version: str = "FRRouting 7.5.1 (r).") -> str:
    text = neighbours if isinstance(neighbours, str) else json.dumps(neighbours)
    return echoed((_frr.VERSION, version), (_frr.INTERFACES, interfaces), (_frr.NEIGHBOURS, text))


def hops(result: Object) -> list[str]:
    return [path["next_hops"][0] for path in result["paths"]]


def test_the_words_of_the_command() -> None:
    commands = [*["-E", "-c"], "show version", "-c", "show x"]
    assert _frr.command_line(["vtysh"], ["show version", "show x"]) == ["vtysh", *commands]
    assert _frr.command_line(["docker exec frr vtysh"], []) == ["docker", "exec", "frr", "vtysh", "-E"]


@pytest.mark.parametrize("words", [[], [" "], ['docker "exec']])
def test_no_command(words: list[str]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        _frr.command_line(words, [])


def test_a_router_with_all_sessions() -> None:
    found = _frr.look(said(recorded("router1-basics"), recorded("router1-routes")), PREFIXES)
    assert (found["version"], found["addresses"]) == ("10.3", ["192.168.100.2", "fd00:192:168:100::2"])
    assert [(one["remote"], one["local"], one["prefixes"]) for one in found["sessions"]] == [
        *((node, "192.168.100.2", 2) for node in NODES),
        *((node, "fd00:192:168:100::2", 0 if node == NODES6[2] else 1) for node in NODES6),
    ]
    assert found["sessions"][0] == {
        "vrf": "default",
        "remote": "192.168.100.100",
        "interface": "",
        "remote_as": 64512,
        "state": "Established",
        "shut_down": False,
        "local": "192.168.100.2",
        "prefixes": 2,
    }
    assert [one["prefix"] for one in found["results"]] == PREFIXES
    assert [hops(one) for one in found["results"]] == [NODES, NODES, [], NODES6[:2]]
    assert found["results"][0]["paths"][1] == {
        "vrf": "default",
        "peer": "192.168.100.101",
        "next_hops": ["192.168.100.101"],
        "valid": True,
        "used": True,
        "communities": ["64512:100", "64512:200", "no-export", "large:64512:1:50"],
        "local_preference": None,
    }
    assert found["results"][3]["paths"][0]["next_hops"] == [NODES6[0], "fe80::6c2c:e3ff:feea:46bf"]


def test_a_router_that_refuses_one_prefix_and_shuts_one_session_down() -> None:
    found = _frr.look(said(recorded("router1-filtered-basics"), recorded("router1-filtered-routes")), PREFIXES)
    assert [(one["state"], one["shut_down"], one["prefixes"]) for one in found["sessions"][:3]] == [
        ("Established", False, 2),
        ("Established", False, 1),
        ("Idle", True, 0),
    ]
    assert [hops(one) for one in found["results"][:2]] == [NODES[:1], NODES[:2]]


def test_a_router_inside_the_as() -> None:
    found = _frr.look(said(basics({}), recorded("router2-routes")), PREFIXES)
    assert [path["local_preference"] for path in found["results"][1]["paths"]] == [250, 250, 250]
    assert [path["communities"] for path in found["results"][1]["paths"]] == [[], [], []]


def test_a_path_that_the_router_cannot_use() -> None:
    found = _frr.look(said(basics({}), recorded("router2-invalid")), PREFIXES[1:2])
    told = [(path["next_hops"], path["valid"], path["used"]) for path in found["results"][0]["paths"]]
    assert told == [
        (["192.168.100.100"], True, True),
        (["192.168.100.101"], True, True),
        (["10.9.9.9"], False, False),
    ]


def test_results_are_in_the_order_of_the_prefixes() -> None:
    wanted = [PREFIXES[1], PREFIXES[0], PREFIXES[1]]

    def ask(commands: t.Sequence[str]) -> str:
        if _frr.NEIGHBOURS in commands:
            return basics({})
        # Twice the same is asked once.
        assert [command.split()[-2] for command in commands] == [PREFIXES[1], PREFIXES[0]]
        return echoed((commands[0], '{"paths": [{"valid": true}]}'), (commands[1], "{}"))

    found = _frr.look(ask, wanted)
    assert [(one["prefix"], len(one["paths"])) for one in found["results"]] == list(zip(wanted, [1, 0, 1], strict=True))


def test_every_vrf_with_a_session_is_asked() -> None:
    asked: list[str] = []

    def ask(commands: t.Sequence[str]) -> str:
        if _frr.NEIGHBOURS in commands:
            return basics({"blue": {"vrfId": 7, "10.0.0.1": {"bgpState": "Active", "hostLocal": "Unknown"}}})
        asked.extend(commands)
        return echoed(*((command, '{"paths": [{"valid": true}]}') for command in commands))

    found = _frr.look(ask, ["2001:db8::1/128"])
    assert asked == [
        "show bgp ipv6 unicast 2001:db8::1/128 json",
        "show bgp vrf blue ipv6 unicast 2001:db8::1/128 json",
    ]
    assert [path["vrf"] for path in found["results"][0]["paths"]] == ["default", "blue"]
    assert (found["sessions"][0]["vrf"], found["sessions"][0]["local"], found["addresses"]) == ("blue", "", [])


def test_many_prefixes_are_asked_in_lots() -> None:
    lots: list[int] = []

    def ask(commands: t.Sequence[str]) -> str:
        if _frr.NEIGHBOURS in commands:
            return basics({})
        lots.append(len(commands))
        return echoed(*((command, "{}") for command in commands))

    wanted = ["10.0.{0}.0/24".format(number) for number in range(_frr.BATCH + 1)]
    assert len(_frr.look(ask, wanted)["results"]) == _frr.BATCH + 1
    assert lots == [_frr.BATCH, 1]


def test_an_unnumbered_neighbour() -> None:
    one = {"bgpState": "Established", "hostForeign": "fe80::1", "hostLocal": "fe80::2%eth0", "remoteAs": 64512}
    found = _frr.look(said(basics({"default": {"eth0": one}}), ""), [])
    assert (found["sessions"][0]["interface"], found["sessions"][0]["remote"]) == ("eth0", "fe80::1")
    assert found["addresses"] == []  # everybody may have a link-local one


@pytest.mark.parametrize(
    "answer", ["", "% Network not in table", "{}", '{"warning": "Default BGP instance not found"}']
)
def test_words_for_an_unknown_prefix(answer: str) -> None:
    """The second is FRR 7's."""
    text = echoed(("show bgp ipv4 unicast 10.0.0.1/32 json", answer))
    assert _frr.look(said(basics({}), text), ["10.0.0.1/32"])["results"][0]["paths"] == []


@pytest.mark.parametrize(
    ("best", "multipath", "used"),
    [({"overall": True}, None, True), ({"overall": False}, None, False), (True, None, True), (None, True, True)],
)
def test_what_is_used(best: t.Any, multipath: t.Any, used: bool) -> None:
    path = {"bestpath": best, "multipath": multipath, "nexthops": [{"ip": "10.0.0.1"}]}
    text = echoed(("show bgp ipv4 unicast 10.0.0.1/32 json", json.dumps({"paths": [path]})))
    assert _frr.look(said(basics({}), text), ["10.0.0.1/32"])["results"][0]["paths"][0]["used"] is used


def test_the_addresses_are_those_of_interfaces() -> None:
    text = "Interface lo is up\n  inet 127.0.0.1/8\n  inet 10.0.0.1/32\n  inet6 ::1/128\n  inet6 fe80::1/64\n"
    text += "  inet6 2001:DB8:0::1/64\n  inet 300.1.1.1/8\n"
    assert _frr.look(said(basics({}, text), ""), [])["addresses"] == ["10.0.0.1", "2001:db8::1"]


PROBLEMS: list[tuple[str, str, str]] = [
    # what vtysh says at first, what it says of the routes, a part of the problem
    ("", "", "it says nothing"),
    ("bash: vtysh: not found\n", "", "bash: vtysh: not found"),
    (basics("bgpd is not running"), "", 'is no JSON, it ends in "bgpd is not running"'),
    (basics(""), "", "is no JSON, it is empty"),
    (basics("[]"), "", "is no object"),
    (basics('{"default": {"10.0.0.1": {"bgpState": "Active", "remoteAs": "x"}}}'), "", "has an unknown form"),
    (basics('{"default": {"10.0.0.1": {"bgpState": "Active", "addressFamilyInfo": [1]}}}'), "", "has an unknown form"),
    (recorded("router1-basics")[:9000], "", "show bgp vrf all neighbors json"),
    (basics({}), "r# show bgp ipv4 unicast 10.0.0.1/32 json\n% Unknown command", 'ends in "% Unknown command"'),
    (basics({}), echoed(("show bgp ipv4 unicast 10.0.0.1/32 json", '{"paths": [1]}')), "has an unknown form"),
    (basics({}), "", "it says nothing"),
]


@pytest.mark.parametrize(("first", "routes", "part"), PROBLEMS)
def test_what_is_not_understood(first: str, routes: str, part: str) -> None:
    with pytest.raises(_frr.NotUnderstood) as caught:
        _frr.look(said(first, routes), ["10.0.0.1/32"])
    assert part in str(caught.value)


@pytest.mark.parametrize("part", range(0, 100, 7))
def test_an_answer_that_ends_early_is_no_half_truth(part: int) -> None:
    first, routes = recorded("router1-basics"), recorded("router1-routes")
    for cut in (said(first[: len(first) * part // 100], routes), said(first, routes[: len(routes) * part // 100])):
        with pytest.raises(_frr.NotUnderstood):
            _frr.look(cut, PREFIXES)


def test_many_words_are_shortened() -> None:
    assert len(_frr.last_line("x" * 1000)) < 200
