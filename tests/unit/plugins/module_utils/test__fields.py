# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _fields
from ansible_collections.kubeaddons.metallb.plugins.module_utils._backend import BACKENDS, by_frr
from ansible_collections.kubeaddons.metallb.plugins.module_utils._fields import Field, read_fields, whole
from ansible_collections.kubeaddons.metallb.plugins.module_utils._reader import Reader
from ansible_collections.kubeaddons.metallb.plugins.module_utils._secrets import HIDDEN, NOT_TEXT, Password

GOOD: list[tuple[_fields.Read, t.Any, t.Any]] = [
    (_fields.asn, 64512, 64512),
    (_fields.asn, "64512", 64512),
    (_fields.asn, " 64512 ", 64512),
    (_fields.asn, 1, 1),
    (_fields.asn, 4294967295, 4294967295),
    (whole(0, 10), 0, 0),
    (whole(0, 10), "0", 0),
    (_fields.duration, "90s", "90s"),
    (_fields.duration, "1m30s", "1m30s"),
    (_fields.duration, "1.5h", "1.5h"),
    (_fields.duration, 90, "90s"),  # what YAML makes of 1:30, too
    (_fields.duration, "90", "90s"),
    (_fields.duration, "0", "0s"),
    (_fields.hold_time, 0, "0s"),
    (_fields.hold_time, "3s", "3s"),
    (_fields.hold_time, "18h", "18h"),
    (_fields.keepalive_time, "1s", "1s"),
    (_fields.connect_time, 1, "1s"),
    (_fields.connect_time, "65535s", "65535s"),
    (_fields.connect_time, "2000ms", "2000ms"),
    (_fields.address, "192.0.2.1", "192.0.2.1"),
    (_fields.address, "2001:DB8:0::1", "2001:db8::1"),
    (_fields.address, "fe80::1", "fe80::1"),
    (_fields.ipv4, "192.0.2.1", "192.0.2.1"),
    (_fields.flag, True, True),
    (_fields.flag, "yes", True),
    (_fields.flag, False, None),
    (_fields.truth, "no", False),
    (_fields.text, "eth0", "eth0"),
    (_fields.texts, ["a", "b"], ["a", "b"]),
    (_fields.texts, [], None),
    (_fields.one_of("internal", "external"), "external", "external"),
    (_fields.secret, "tor", {"name": "tor"}),
    (_fields.secret, {"name": "tor"}, {"name": "tor"}),
    (_fields.password, Password("s3cret"), "s3cret"),
    (_fields.password, Password("a b ü"), "a b ü"),
    (_fields.listed(_fields.community), ["64512:50", "vpn"], ["64512:50", "vpn"]),
]


@pytest.mark.parametrize(("reader", "given", "found"), GOOD)
def test_values(reader: _fields.Read, given: t.Any, found: t.Any) -> None:
    read = Reader({})
    assert reader(read, "x", given) == found
    assert read.errors == []


BAD: list[tuple[_fields.Read, t.Any, str]] = [
    (_fields.asn, 0, "x: 0 is not an AS number; write a whole number from 1 to 4294967295."),
    (_fields.asn, 4294967296, "x: 4294967296 is not an AS number; write a whole number from 1 to 4294967295."),
    (_fields.asn, -1, "x: -1 is not an AS number; write a whole number from 1 to 4294967295."),
    (_fields.asn, True, "x: True is not a whole number; write one, without quotes."),
    (_fields.asn, "1e5", 'x: "1e5" is not a whole number; write one, without quotes.'),
    (_fields.asn, "9" * 40, 'x: "' + "9" * 40 + '" is not a whole number; write one, without quotes.'),
    (_fields.asn, "٣", 'x: "٣" is not a whole number; write one, without quotes.'),
    (_fields.asn, "08", 'x: "08" has a leading zero, which YAML may read as an octal number; write 8.'),
    (_fields.asn, "1.10", 'x: "1.10" is in asdot notation, which MetalLB does not read; write 65546.'),
    (_fields.asn, "AS64512", 'x: "AS64512" is not a number; write 64512.'),
    (
        _fields.asn,
        1.1,
        "x: 1.1 is a decimal number, as which YAML reads an AS number with a dot; write it as one whole number, that is "
        "the part before the dot times 65536 plus the part after it.",
    ),
    (_fields.asn, [64512], "x: [64512] is not a whole number; write one, without quotes."),
    (whole(1, 9), 10, "x: 10 is not possible; write a whole number from 1 to 9."),
    (whole(1, 9), 1.0, "x: 1.0 is not a whole number; write one, without quotes."),
    (
        _fields.duration,
        "1 minute",
        'x: "1 minute" is not a span of time; write it as "90s" or "1m30s", or as a number of',
    ),
    (_fields.duration, "-5s", 'x: "-5s" is not a span of time'),
    (_fields.duration, 1.5, "x: 1.5 is not a span of time"),
    (_fields.duration, True, "x: True is not a span of time"),
    (_fields.duration, "1.2.3s", 'x: "1.2.3s" is not a span of time'),
    (_fields.hold_time, "2s", 'x: "2s" is not possible in BGP; write 0 for never, or 3 to 65535 seconds.'),
    (_fields.hold_time, "500ms", 'x: "500ms" is not possible in BGP; write 0 for never, or 3 to 65535 seconds.'),
    (_fields.hold_time, "19h", 'x: "19h" is not possible in BGP; write 0 for never, or 3 to 65535 seconds.'),
    (_fields.keepalive_time, "19h", 'x: "19h" is not possible in BGP; write 65535 seconds or less.'),
    (_fields.connect_time, 0, "x: 0 is not possible; write whole seconds from 1 to 65535."),
    (_fields.connect_time, "1500ms", 'x: "1500ms" is not possible; write whole seconds from 1 to 65535.'),
    (_fields.address, 10.1, 'x: 10.1 is not text; write the address in quotes, such as "192.0.2.1".'),
    (_fields.address, 684030, "x: 684030 is not text; write the address in quotes"),
    (_fields.address, "192.0.2.1/24", 'x: "192.0.2.1/24" is not an address; write it as "192.0.2.1" or'),
    (_fields.address, "router.example.org", 'x: "router.example.org" is not an address'),
    (_fields.address, "fe80::1%eth0", 'x: "fe80::1%eth0" names an interface'),
    (_fields.address, "::ffff:192.0.2.1", 'x: "::ffff:192.0.2.1" is an IPv4 address in the form of IPv6'),
    (_fields.address, "0.0.0.0", 'x: "0.0.0.0" is the address of nobody in particular'),
    (_fields.address, "224.0.0.5", 'x: "224.0.0.5" is the address of nobody in particular'),
    (_fields.ipv4, "2001:db8::1", 'x: "2001:db8::1" is not in the form of an IPv4 address'),
    (_fields.flag, "maybe", 'x: "maybe" is not a truth value'),
    (_fields.text, 5, "x: 5 is not text; write it in quotes."),
    (_fields.text, " ", 'x: " " is not text; write it in quotes.'),
    (_fields.texts, "a", 'x: "a" is not a list'),
    (_fields.texts, ["a", "a"], 'x[1]: "a" stands there twice, which MetalLB refuses; remove one.'),
    (_fields.texts, ["a", {}], "x[1]: {} is not text; write it in quotes."),
    (_fields.one_of("internal", "external"), "externl", 'x: "externl" is not known; did you mean "external"?'),
    (_fields.secret, "Tor", 'x: "Tor" cannot name a Kubernetes object'),
    (_fields.secret, {"namespace": "x"}, "x.name: None is not text; write it in quotes."),
    (_fields.password, NOT_TEXT, "x: (hidden) is not text; write it in quotes."),
    (_fields.password, HIDDEN, "x: (hidden) did not arrive; hand what the filter passwords returns"),
    (_fields.password, Password("s3" * 41), "x: (hidden) is longer than the 80 bytes that TCP MD5 takes"),
    (_fields.password, Password("s3cret\n"), "x: (hidden) holds blanks at its ends or signs that cannot be printed"),
    (_fields.listed(_fields.community), [3870770], "x[0]: 3870770 is not text; write it in quotes, because YAML reads"),
    (_fields.elsewhere("ip_range"), ["x"], "x: ['x'] has a key of its own; write it as ip_range."),
]


@pytest.mark.parametrize(("reader", "given", "error"), BAD)
def test_what_is_refused(reader: _fields.Read, given: t.Any, error: str) -> None:
    read = Reader({})
    reader(read, "x", given)
    assert len(read.errors) == 1
    assert read.errors[0].startswith(error)


@pytest.mark.parametrize(
    ("given", "large"), [("64512:50", False), ("0:0", False), ("65535:65535", False), ("large:4294967295:0:1", True)]
)
def test_communities(given: str, large: bool) -> None:
    assert _fields.parse_community(given) is large


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("64512", 'write it as "64512:50" or "large:64512:1:50"'),
        ("1:2:3", "is not a community"),
        ("larg:1:2:3", "is not a community"),
        ("large:1:2", "is not a community"),
        ("large:1:2:3:4", "is not a community"),
        ("65536:1", "because of '65536'; write numbers from 0 to 65535"),
        ("1:-1", "because of '-1'"),
        ("1:", "because of ''"),
        ("1:²", "because of '²'"),
        ("large:1:2:4294967296", "write numbers from 0 to 4294967295"),
        (3870770, "YAML reads 64512:50 without them as the number 3870770"),
    ],
)
def test_what_is_no_community(given: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace("(", "\\(")):
        _fields.parse_community(given)


TABLE = {"asn": Field("myASN", _fields.asn), "vrf": Field("vrf", _fields.text, by_frr())}


def test_fields_by_key_and_by_name() -> None:
    read = Reader({})
    entry = {"asn": 1, "vrf": "", "spec": {"vrf": "red", "newest": [1], "myASM": 2}}
    found = read_fields(read, "p", entry, TABLE, {"asn": "defaults.asn"})
    assert found.spec == {"myASN": 1, "vrf": "red", "newest": [1], "myASM": 2}
    assert found.origins == {
        "myASN": "defaults.asn",
        "vrf": "p.spec.vrf",
        "newest": "p.spec.newest",
        "myASM": "p.spec.myASM",
    }
    assert [(need.origin, need.value) for need in read.needs] == [("p.spec.vrf", "red")]
    assert read.warnings == [
        "p.spec.newest is not known here and is handed on as it is.",
        "p.spec.myASM is not known here and is handed on as it is; did you mean myASN?",
    ]
    assert read.errors == []


def test_by_name_wins_and_is_judged_alike() -> None:
    read = Reader({})
    assert read_fields(read, "p", {"asn": 1, "spec": {"myASN": 2}}, TABLE).spec == {"myASN": 2}
    read_fields(read, "p", {"spec": {"myASN": "x"}}, TABLE)
    assert read.errors == ['p.spec.myASN: "x" is not a whole number; write one, without quotes.']
    assert TABLE["asn"].since is BACKENDS
