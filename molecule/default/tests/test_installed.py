# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""What holds after cluster.yml: on each node, and from outside. Judged by other tools than the collection's own modules."""

from __future__ import annotations

import re

import testinfra

VIP = "192.168.100.240"


def test_strict_arp_in_the_kernel(host: testinfra.host.Host) -> None:
    """Only MetalLB may answer ARP for the addresses of Services."""
    assert host.sysctl("net.ipv4.conf.all.arp_ignore") == 1
    assert host.sysctl("net.ipv4.conf.all.arp_announce") == 2


def test_three_pods_behind_the_address(host: testinfra.host.Host) -> None:
    """By ipvsadm, with weight 1."""
    table = host.check_output("ipvsadm -Ln")
    block = re.search(rf"^TCP  {re.escape(VIP)}:80 rr\n((?:  -> .*\n?)+)", table, re.M)
    assert block, table
    rows = [line.split() for line in block.group(1).splitlines()]
    assert [(row[2], row[3]) for row in rows] == [("Masq", "1")] * 3, table


def test_speaker_runs(host: testinfra.host.Host) -> None:
    """One speaker process on every node."""
    assert len(host.process.filter(comm="speaker")) == 1


def test_answer_from_outside() -> None:
    """HTTP by the EXTERNAL-IP."""
    outside = testinfra.get_host("local://")
    answers = {outside.check_output("curl --silent --max-time 5 %s", VIP).strip() for _ in range(9)}
    assert len(answers) == 3, answers
    assert all(answer.startswith("Hello World!") for answer in answers)


def test_one_machine_answers_arp() -> None:
    """By arping from outside."""
    outside = testinfra.get_host("local://")
    device = outside.check_output("ip route get 192.168.100.100").split()[2]
    output = outside.run("arping -b -c 3 -w 4 -I %s %s", device, VIP).stdout
    assert len(set(re.findall(r"\[([0-9A-Fa-f:]{17})\]", output))) == 1, output
