# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The command line."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from kubelab import artefacts, cluster, host, lifecycle, net, node, paths, router, services, state
from kubelab.errors import LabError
from kubelab.plan import NODES_ASN, PROXY_MODES, WEB_PORT, Plan, check, choose_subnet
from kubelab.state import Lab

#: Commands whose words are not ours to read
PASSTHROUGH = ("run", "ssh", "kubectl", "curl", "arping", "router")

#: option of 'run': where the command runs
PLACES = {f"--{role}": role for role in net.ROLES if role != net.CLIENT2} | {"--segment2": net.CLIENT2}

#: what 'router' does; anything else is a router's name
ROUTER_ACTIONS = ("vtysh", "config", "reset")

EXAMPLES = """\
examples:
  lab up                                   three nodes, kube-proxy in IPVS mode
  lab --name lab1 up --nodes 1 --proxy-mode nftables
  lab kubectl get nodes
  lab ssh node1 ipvsadm -Ln
  lab curl 192.168.100.100:31313           from the outside host
  lab arping -c 3 192.168.100.240
  lab run -- ansible-playbook -i inventory.ini cluster.yml -b
  lab run --client -- curl 10.100.0.10     from behind the BGP router
  lab router vtysh -c "show bgp summary"
  lab image remove quay.io/metallb/speaker:v0.16.1
  lab power-cut node2; lab power-on node2; lab cut node3; lab heal node3
"""


def parser() -> argparse.ArgumentParser:
    """All commands and options."""
    top = argparse.ArgumentParser(
        prog="lab", description="A real Kubernetes cluster of User Mode Linux nodes, for tests.", epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    top.add_argument(
        "--name", default=os.environ.get("LAB_NAME", "lab0"), help="which lab (default: $LAB_NAME or lab0)"
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("--name", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return sub

    up = add("up", "build what is missing and bring a lab up; does nothing when it is up")
    up.add_argument("--nodes", type=int, default=3, metavar="N", help="1 to 5 (default 3)")
    up.add_argument("--control-planes", type=int, default=1, metavar="N", help="1 or 3 (default 1)")
    up.add_argument("--kubernetes", default="", metavar="VERSION", help="minor version (default: pins.toml's)")
    up.add_argument("--proxy-mode", default="ipvs", metavar="MODE", help=f"{', '.join(PROXY_MODES)} (default ipvs)")
    up.add_argument(
        "--subnet",
        default="",
        metavar="CIDR",
        help="nodes' IPv4 network (default: 192.168.100.0/24, or one no other lab has)",
    )
    up.add_argument(
        "--second-segment", action="store_true", help="a second network (eth1 on nodes) with a client of its own"
    )
    up.add_argument(
        "--routers", action="store_true", help="two BGP routers (the second behind the first) and a client behind them"
    )
    up.add_argument("--dual-stack", action="store_true", help="IPv4 and IPv6 for nodes, pods and Services")
    up.add_argument("--memory", type=int, default=3072, metavar="MIB", help="memory of each node (default 3072)")
    add("down", "end every process of a lab and remove its state")
    add("status", "what runs, and the nodes as the cluster sees them")
    add("list", "all labs")
    add("run", f"run [{'|'.join(PLACES)}] -- COMMAND...: run a command as the outside host, or in another place")
    add("ssh", "ssh NODE [COMMAND...]: root's shell on a node")
    add("kubectl", "kubectl ...: as admin, from the outside host")
    add("curl", "curl ...: from the outside host")
    add("arping", "arping ...: from the outside host, on the nodes' segment")
    add("router", "router [NAME] vtysh ...|config [FILE]|reset: look at a BGP router, show or load its configuration")
    for name, text in (
        ("power-cut", "take a node's power (SIGKILL); its disk stays"),
        ("power-on", "boot a node again from its disk, wait for ssh"),
        ("cut", "pull a node's network cable"),
        ("heal", "plug a node's network cable in again"),
    ):
        sub = add(name, text)
        sub.add_argument("node")
        if name in ("cut", "heal"):
            sub.add_argument("--segment2", action="store_true", help="the cable of the second segment")

    image = add("image", "the registry's content")
    actions = image.add_subparsers(dest="action", required=True, metavar="ACTION")
    adding = actions.add_parser("add", help="build an image when needed and put it into the registry")
    adding.add_argument("image")
    removing = actions.add_parser("remove", help="take an image out of the registry and out of the nodes' own stores")
    removing.add_argument("image")
    removing.add_argument("--node", default="", help="only out of this node's store; the registry keeps it")
    actions.add_parser("list", help="what the registry holds")

    names = ", ".join([*artefacts.RECIPES, *artefacts.GROUPS])
    build = add("build", "build parts without starting anything; prints their paths")
    build.add_argument("what", nargs="*", metavar="WHAT", help=f"any of: {names} (default: all)")
    path = add("path", "path of a built part, e.g. kube-apiserver, etcd, kubectl")
    path.add_argument("what", metavar="WHAT")
    for sub in (build, path):
        sub.add_argument("--kubernetes", default="", metavar="VERSION", help="minor version, e.g. 1.34")
        sub.add_argument("--metallb", default="", metavar="VERSION", help="e.g. 0.16.1")
    add("prune", "remove cache entries which the present pins do not use")
    return top


def split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our own words, and the words of a command that we only pass on."""
    index = 0
    while index < len(argv) and argv[index].startswith("-"):
        index += 2 if argv[index] == "--name" else 1
    if index >= len(argv) or argv[index] not in PASSTHROUGH:
        return list(argv), []
    rest = list(argv[index + 1 :])
    if rest in (["-h"], ["--help"]) and argv[index] in ("run", "ssh", "router"):
        return list(argv), []
    return list(argv[: index + 1]), rest


def main(argv: Sequence[str]) -> int:
    """Run one command; its exit status."""
    if argv and argv[0] == "_hold":
        net.hold(Path(argv[1]), argv[2], argv[3])
    if argv and argv[0] == "_balance":
        services.balance(argv[1], list(argv[2:]))
        return 0
    own, words = split(argv)
    arguments = parser().parse_args(own)
    arguments.words = words
    try:
        COMMANDS[arguments.command](arguments)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; run the same command again to go on where it stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 141
    return 0


def become(command: Sequence[str]) -> NoReturn:
    """Replace the tool by a command: signals and exit status are the command's own."""
    sys.stdout.flush()
    os.execvp(command[0], list(command))


def lab_of(arguments: argparse.Namespace) -> Lab:
    """The running lab that a command is about."""
    host.require_root()
    return state.require(arguments.name)


def do_up(arguments: argparse.Namespace) -> None:
    """lab up"""
    old = state.load(arguments.name)
    subnet = arguments.subnet or (old.plan.subnet if old else choose_subnet(net.subnets_in_use(arguments.name)))
    plan = Plan(
        name=arguments.name, nodes=arguments.nodes, control_planes=arguments.control_planes,
        kubernetes=arguments.kubernetes, proxy_mode=arguments.proxy_mode, subnet=subnet,
        second_segment=arguments.second_segment, dual_stack=arguments.dual_stack, memory=arguments.memory,
        routers=arguments.routers,
    )  # fmt: skip
    lifecycle.up(check(plan))


def do_down(arguments: argparse.Namespace) -> None:
    """lab down"""
    host.require_root()
    if not lifecycle.down(arguments.name):
        print(f"there is no lab {arguments.name}", file=sys.stderr)


def do_status(arguments: argparse.Namespace) -> None:
    """lab status"""
    lab = lab_of(arguments)
    plan, cables = lab.plan, net.links(lab)
    print(
        f"lab {plan.name}: {'ready' if lab.ready else 'not finished'}, {plan.nodes} node(s), "
        f"{plan.control_planes} control plane(s),",
        end=" ",
    )
    print(f"kube-proxy {plan.proxy_mode}, outside host {plan.gateway()} on {plan.subnet}, state in {lab.directory}")
    for machine in plan.machines():
        power = "on" if node.process(lab, machine) else "off"
        print(f"{machine.name} {machine.ip4} power {power}, cable {'in' if cables[machine.name] else 'out'}")
    for each in plan.bgp_routers():
        print(f"{each.name} {each.ip4} AS {each.asn}, nodes AS {NODES_ASN}")
    for name, process in lab.processes.items():
        if not name.startswith("node"):
            print(f"{name} {'runs' if process.alive() else 'is gone'} (pid {process.pid})")
    print(cluster.kubectl(lab, "get", "nodes", "-o", "wide", "--request-timeout=10s", check=False), end="")


def do_list(_arguments: argparse.Namespace) -> None:
    """lab list"""
    for lab in state.every():
        running = any(process.alive() for process in lab.processes.values())
        condition = "ready" if lab.ready else "not finished"
        print(f"{lab.plan.name} {lab.plan.subnet} {condition if running else 'dead'}")


def environment(lab: Lab) -> dict[str, str]:
    """Variables for Ansible, kubectl and tests, which every command of the outside host gets."""
    options = [word for word in node.ssh_options(lab) if word not in ("-F", "none")]
    options = [word for word in options if word not in ("-i", lab.artefacts["key"])]
    control = paths.root() / "labs" / lab.plan.name / "cp"
    return {
        "LAB_NAME": lab.plan.name,
        "LAB": str(paths.HERE / "lab"),
        "LAB_STATE": str(lab.directory),
        "LAB_SUBNET": lab.plan.subnet,
        "LAB_OUTSIDE": lab.plan.gateway(),
        "LAB_KUBECTL": str(Path(lab.artefacts["kube"]) / "kubectl"),
        "LAB_MANIFESTS": f"http://{lab.plan.gateway()}:{WEB_PORT}",
        "LAB_MANIFESTS_DIR": str(services.manifests_dir()),
        "LAB_REGISTRY": services.registry_address(lab),
        "KUBECONFIG": str(cluster.kubeconfig(lab)),
        "ANSIBLE_PRIVATE_KEY_FILE": lab.artefacts["key"],
        "ANSIBLE_REMOTE_USER": "root",
        "ANSIBLE_HOST_KEY_CHECKING": "False",
        "ANSIBLE_SSH_ARGS": shlex.join([*options, "-o", "ControlMaster=auto", "-o", "ControlPersist=60s"]),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(control),
        **routers_environment(lab.plan),
    }


def routers_environment(plan: Plan) -> dict[str, str]:
    """Variables that tell a test the BGP routers; none in a lab without."""
    words: dict[str, str] = {}
    for each in plan.bgp_routers():
        upper = f"LAB_{each.name.upper()}"
        words |= {upper: each.ip4, f"{upper}_V6": each.ip6, f"{upper}_SEGMENT2": each.segment4}
        words[f"{upper}_ASN"] = str(each.asn)
    if words:
        words["LAB_CLIENT"], words["LAB_CLIENT_V6"] = plan.client()
        words["LAB_NODES_ASN"] = str(NODES_ASN)
    return {name: value for name, value in words.items() if value}


def do_run(arguments: argparse.Namespace) -> None:
    """lab run"""
    lab, words = lab_of(arguments), arguments.words
    role = state.HOLDER
    if words and words[0] in PLACES:
        role, words = PLACES[words[0]], words[1:]
    words = words[1:] if words[:1] == ["--"] else words
    if not words:
        raise LabError("'lab run' was given no command.", "Example: lab run -- curl 192.168.100.100:31313")
    os.environ.update(environment(lab))
    become([*net.enter(lab, role, cwd=os.getcwd()), *words])


def do_ssh(arguments: argparse.Namespace) -> None:
    """lab ssh"""
    lab, words = lab_of(arguments), arguments.words
    if not words:
        raise LabError("'lab ssh' was given no node.", "Example: lab ssh node1 ipvsadm -Ln")
    rest = words[2:] if words[1:2] == ["--"] else words[1:]
    become(node.ssh_command(lab, lab.plan.node(words[0]), rest, cwd=os.getcwd()))


def do_kubectl(arguments: argparse.Namespace) -> None:
    """lab kubectl"""
    become(cluster.kubectl_command(lab_of(arguments), arguments.words, cwd=os.getcwd()))


def do_curl(arguments: argparse.Namespace) -> None:
    """lab curl"""
    become([*net.enter(lab_of(arguments), cwd=os.getcwd()), "curl", *arguments.words])


def do_arping(arguments: argparse.Namespace) -> None:
    """lab arping"""
    interface = [] if "-I" in arguments.words else ["-I", net.BRIDGE]
    become([*net.enter(lab_of(arguments)), "arping", *interface, *arguments.words])


def do_router(arguments: argparse.Namespace) -> None:
    """lab router"""
    lab, words = lab_of(arguments), arguments.words
    name = words[0] if words and words[0] not in ROUTER_ACTIONS else "router1"
    words = words[1:] if words and words[0] == name else words
    each = router.named(lab, name)
    if words[:1] == ["vtysh"]:
        become([*router.inside(lab, each), *words])
    if words == ["config"]:
        print(router.loaded(lab, each), end="")
    elif (words[:1] == ["config"] and len(words) == 2) or words == ["reset"]:
        text = None if words == ["reset"] else read(words[1])
        with state.exclusive(arguments.name):
            lifecycle.router_restart(state.require(arguments.name), name, text)
    else:
        raise LabError(
            f"'lab router' cannot do '{shlex.join(words)}'.", "Give it one of: vtysh ..., config, config FILE, reset."
        )


def read(name: str) -> str:
    """A file's text; - is the standard input."""
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"{name} cannot be read: {error}.") from error


def do_power_cut(arguments: argparse.Namespace) -> None:
    """lab power-cut"""
    lab = lab_of(arguments)
    with state.exclusive(arguments.name):
        node.power_cut(lab, lab.plan.node(arguments.node))


def do_power_on(arguments: argparse.Namespace) -> None:
    """lab power-on"""
    lab = lab_of(arguments)
    with state.exclusive(arguments.name):
        lifecycle.power_on(lab, lab.plan.node(arguments.node))


def do_cut(arguments: argparse.Namespace) -> None:
    """lab cut"""
    lab = lab_of(arguments)
    net.cut(lab, lab.plan.node(arguments.node), arguments.segment2)


def do_heal(arguments: argparse.Namespace) -> None:
    """lab heal"""
    lab = lab_of(arguments)
    net.heal(lab, lab.plan.node(arguments.node), arguments.segment2)


def do_image(arguments: argparse.Namespace) -> None:
    """lab image"""
    lab = lab_of(arguments)
    if arguments.action == "add":
        print(f"{lifecycle.image_add(lab, arguments.image)}: in the registry")
    elif arguments.action == "remove":
        print(lifecycle.image_remove(lab, arguments.image, arguments.node))
    else:
        print("\n".join(services.listing(lab)))


def do_build(arguments: argparse.Namespace) -> None:
    """lab build"""
    host.ready_to_build()
    for what in arguments.what or [*artefacts.RECIPES, *artefacts.GROUPS]:
        for result in artefacts.build(what, arguments.kubernetes, arguments.metallb):
            print(result, flush=True)


def do_path(arguments: argparse.Namespace) -> None:
    """lab path"""
    print(artefacts.path(arguments.what, arguments.kubernetes, arguments.metallb))


def do_prune(_arguments: argparse.Namespace) -> None:
    """lab prune"""
    for removed in lifecycle.prune():
        print(f"removed {removed}")


COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    name[3:].replace("_", "-"): function for name, function in list(globals().items()) if name.startswith("do_")
}
