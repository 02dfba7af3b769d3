# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The catalogue: why an EXTERNAL-IP does not work, each cause with an id, a sentence and a remedy.

docs/causes.md is written from it.
"""

from __future__ import annotations

import typing as t


class Cause(t.NamedTuple):
    """One entry of the catalogue."""

    id: str
    sentence: str  # what is wrong, in general
    remedy: str


# Where it is looked for first comes first: MetalLB itself, then addresses, announcements, the nodes.
GROUPS: dict[str, list[Cause]] = {
    "MetalLB itself": [
        Cause(
            "image-not-pulled",
            "An image of MetalLB cannot be pulled on a node, so its pod does not start there.",
            "Make the image available to the node, by the registry that the message names or by another one "
            "(quay_image_repo, metallb_speaker_image_repo); the pod then starts by itself.",
        ),
        Cause(
            "controller-down",
            "MetalLB's controller is not running, so no Service gets an address.",
            "Do what the pod's reason asks for; if the Deployment is missing or scaled to 0, run cluster.yml.",
        ),
        Cause(
            "speaker-down",
            "A speaker is not running, so its node announces nothing.",
            "Do what the pod's reason asks for; if the DaemonSet is missing, run cluster.yml.",
        ),
        Cause(
            "webhook-not-serving",
            "MetalLB's webhook does not answer, so no pool, advertisement or peer can be changed.",
            "Run cluster.yml, which waits until it serves. If it stays so, restart the controller: kubectl --namespace "
            "metallb-system rollout restart deployment/controller; then look whether the API server reaches pods.",
        ),
        Cause(
            "configuration-stale",
            "MetalLB's controller or a speaker has not taken up the configuration, and goes on with the last valid one.",
            "Correct what the message names, in metallb_config with a run of cluster.yml, or by hand if it was made so.",
        ),
        Cause(
            "legacy-configmap",
            "The configuration is in a ConfigMap, which MetalLB reads no longer since 0.13.",
            "Set the same in metallb_config, run cluster.yml, and delete the ConfigMap.",
        ),
    ],
    "Addresses": [
        Cause(
            "no-pool",
            "There is no IPAddressPool, so MetalLB assigns no address, and says nothing about it.",
            "Set metallb_config.address_pools, or metallb_ip_range, and run cluster.yml.",
        ),
        Cause(
            "pool-exhausted",
            "Every address of the pools that the Service may use is taken.",
            "Add a range to the pool, or delete Services that need no address any more.",
        ),
        Cause(
            "pool-not-automatic",
            "No pool gives addresses by itself (auto_assign: false), and the Service names neither a pool nor an address.",
            "Annotate the Service with metallb.io/address-pool, or set auto_assign: true for a pool.",
        ),
        Cause(
            "pool-not-for-service",
            "The pools that give addresses by themselves, or the one that the Service names, do not admit it.",
            "Make service_allocation of the pool match the Service's namespace or labels, or name another pool.",
        ),
        Cause(
            "pool-unknown",
            "The Service asks for a pool that does not exist.",
            "Correct the annotation metallb.io/address-pool, or add the pool to metallb_config.address_pools.",
        ),
        Cause(
            "address-outside-pools",
            "The Service asks for an address that no pool holds, for two that no pool holds together, or for one that is not "
            "of the pool that it names.",
            "Ask for addresses of one pool, or add ranges with these addresses to it.",
        ),
        Cause(
            "address-in-use",
            "The Service asks for an address that another Service has, and the two may not share it.",
            "Ask for another address, or give both the same metallb.io/allow-shared-ip and different ports.",
        ),
        Cause(
            "address-invalid",
            "What the Service asks for is no valid address, or is asked for in two ways.",
            "Write one address for each family into metallb.io/loadBalancerIPs, and leave spec.loadBalancerIP empty.",
        ),
        Cause(
            "family-mismatch",
            "The Service needs addresses of families that its pool, or its own request, does not have.",
            "Add a range of that family to the pool, or change the Service's ipFamilyPolicy and ipFamilies.",
        ),
        Cause(
            "foreign-class",
            "The Service has another loadBalancerClass than MetalLB serves, so MetalLB leaves it alone.",
            "Create the Service anew without spec.loadBalancerClass, or set metallb_loadbalancer_class to it.",
        ),
        Cause(
            "pool-gone",
            "The Service holds an address that no pool holds any more, or two that no pool holds together, and nobody "
            "announces it.",
            "Put the address back into a pool, or let the Service get another one: run cluster.yml with "
            "metallb_reassign_addresses: true.",
        ),
        Cause(
            "other-load-balancer",
            "The Service holds an address that no pool holds and that something else than MetalLB gave it: another load "
            "balancer of this cluster, or one that ran here before.",
            "Leave Services to one load balancer: switch the other one off, or give each a loadBalancerClass of its own "
            "(metallb_loadbalancer_class). Of one that runs no more, create the Service anew.",
        ),
        Cause(
            "pool-overlap",
            "A pool holds addresses that something else uses: a node, a default gateway, or the network of pods or Services.",
            "Take them out of the pool before a Service gets one: in metallb_config with a run of cluster.yml, or by hand if "
            "the pool was made so.",
        ),
        Cause(
            "controller-silent",
            "MetalLB's controller is running and has given neither an address nor a reason, and the pools show none.",
            "Look into its log: kubectl --namespace metallb-system logs deployment/controller.",
        ),
    ],
    "Announcement": [
        Cause(
            "no-endpoint",
            "The Service has no ready endpoint, so MetalLB does not announce it.",
            "Look at the pods that its selector matches: kubectl get pods --selector ...",
        ),
        Cause(
            "no-advertisement",
            "No L2Advertisement and no BGPAdvertisement takes the Service and its pool, so nobody announces it.",
            "Name the pool in metallb_config.layer2 or metallb_config.layer3, and look at the advertisement's selectors.",
        ),
        Cause(
            "nodes-excluded",
            "The nodes that could announce carry the label node.kubernetes.io/exclude-from-external-load-balancers.",
            "Remove it: kubectl label node NAME node.kubernetes.io/exclude-from-external-load-balancers-, or let the speakers "
            "ignore it.",
        ),
        Cause(
            "no-node-selected",
            "The node selectors of the advertisements match none of the nodes.",
            "Change node_selectors in metallb_config.layer2 or layer3, or label the nodes.",
        ),
        Cause(
            "local-without-endpoint",
            "The Service has externalTrafficPolicy Local, and no node that may announce it has an endpoint of it.",
            "Let a pod run on a node that may announce, or use externalTrafficPolicy Cluster.",
        ),
        Cause(
            "split-brain",
            "More than one node announces the Service by layer2: the speakers do not see each other.",
            "Let the nodes reach each other on the memberlist port, 7946 TCP and UDP, and give all speakers the same Secret "
            "memberlist.",
        ),
        Cause(
            "status-outdated",
            "The node that MetalLB elects announces the Service, and its ServiceL2Status still names another one: MetalLB "
            "before 0.16 could not change it (Value is immutable).",
            "Update MetalLB to 0.16 or later, or delete the ServiceL2Status that the evidence names; a speaker then makes it "
            "anew. Traffic does not depend on it.",
        ),
        Cause(
            "duplicate-address",
            "Another machine on the segment answers for the address.",
            "Find the machine by its hardware address and take the address from it, or take it out of the pool.",
        ),
        Cause(
            "announcer-silent",
            "The node that should answer ARP or NDP for the address does not.",
            "Look whether the interfaces of the L2Advertisement exist on that node, and into its speaker's log.",
        ),
        Cause(
            "interface-missing",
            "The L2Advertisement is for interfaces that the announcing node does not have.",
            "Correct interfaces in metallb_config.layer2, or keep that node out by node_selectors.",
        ),
        Cause(
            "pool-off-link",
            "No node has an interface in the network of the Service's address, so on no segment anybody asks for it.",
            "Use addresses of the nodes' own network, announce the pool by BGP (metallb_config.layer3), or let a router send "
            "its range to the nodes' segment.",
        ),
        Cause(
            "path-outdated",
            "Requests come in at a node that does not announce the Service: a neighbour cache or a route is outdated.",
            "Clear it where the requests come from, or on the router before the nodes: ip neighbour flush to ADDRESS. If it "
            "comes back, let that machine take up gratuitous ARP.",
        ),
        Cause(
            "return-path",
            "The announcing node drops what comes in, since its answer would leave by another interface (rp_filter, asymmetric "
            "route).",
            "Give that node a route by which answers leave where requests come in, or set net.ipv4.conf.INTERFACE.rp_filter "
            "to 2.",
        ),
        Cause(
            "client-address-lost",
            "The Service has externalTrafficPolicy Local, and its backends see another address than the client's.",
            "Find out what else translates addresses on that node: a rule of the network plugin or of a firewall.",
        ),
        Cause(
            "bgp-session-down",
            "A BGP session is not established.",
            "Compare addresses, ASNs, port and password with the router's, and look whether it is in reach.",
        ),
        Cause(
            "bgp-not-announced",
            "A node does not announce by BGP what it should.",
            "Look into the log of that node's speaker.",
        ),
        Cause(
            "routes-not-received",
            "A BGP router lacks a route that nodes announce to it, or has one that they do not.",
            "Look at what the router does with what it hears from that node: prefix lists, route maps, the largest number of "
            "prefixes.",
        ),
    ],
    "Nodes": [
        Cause(
            "node-not-ready",
            "A node is not ready: while it is down, it neither announces nor serves. By layer2 another node takes over "
            "within seconds, and is found by neighbours that take up its gratuitous ARP.",
            "Bring the node back: kubectl describe node NAME, then its kubelet's log. If requests still go there, clear the "
            "neighbour cache where they come from, and let that machine take up gratuitous ARP.",
        ),
        Cause(
            "strict-arp-off",
            "kube-proxy is in ipvs mode without strict ARP, so every node answers ARP for every EXTERNAL-IP.",
            "Run cluster.yml, and set kube_proxy_strict_arp: true, so that Kubespray leaves it on.",
        ),
        Cause(
            "strict-arp-not-applied",
            "Strict ARP is configured, and a node's kernel does not have it.",
            "Run cluster.yml, which restarts kube-proxy there; look whether something else sets net.ipv4.conf.all.arp_ignore.",
        ),
        Cause(
            "mode-not-applied",
            "kube-proxy's ConfigMap has another mode than the one that kube-proxy runs in on a node, because it was changed "
            "and kube-proxy was not started again.",
            "Put the mode back, or restart kube-proxy: kubectl --namespace kube-system rollout restart daemonset/kube-proxy. "
            "Then look for what the mode before has left.",
        ),
        Cause(
            "kube-proxy-down",
            "kube-proxy is not running on a node, so its tables get old.",
            "Do what the pod's reason asks for.",
        ),
        Cause(
            "kube-proxy-stuck",
            "kube-proxy is running on a node, and the node's tables are not what the API asks for.",
            "Look into its log, then restart it: delete its pod on that node. In nftables mode it does not repair chains that "
            "it finds; delete its tables before: nft delete table ip kube-proxy, and ip6.",
        ),
        Cause(
            "backend-silent",
            "Requests are led to a backend that is ready in the API, and it does not answer.",
            "Look at that pod and at the NetworkPolicies that hold for it, and whether the nodes reach each other's pods.",
        ),
        Cause(
            "cluster-dns",
            "Pods reach the Service by its ClusterIP, and not by its name.",
            "Look at the cluster's DNS: kubectl --namespace kube-system get pods,endpointslices --selector k8s-app=kube-dns.",
        ),
        Cause(
            "closed-to-pods",
            "Pods do not reach the Service by its EXTERNAL-IP, and all others do. kube-proxy serves that address on every "
            "node, so something between the pods and its tables is in the way.",
            "Look at what filters pods on the nodes that the evidence names: NetworkPolicies and a firewall's rules. Pods may "
            "use the Service's name instead.",
        ),
        Cause(
            "weight-zero",
            "A ready endpoint has weight 0 in a node's IPVS table, so it gets no connections there.",
            "Restart kube-proxy on that node, and find out who else changes the table (ipvsadm, keepalived).",
        ),
        Cause(
            "stray-entry",
            "A node serves an address and port that no Service asks for.",
            "Remove it (ipvsadm, nft or iptables), and find out who makes such entries.",
        ),
        Cause(
            "address-left-bound",
            "A node still holds an address on kube-ipvs0 that no Service has any more, so it keeps its packets to itself.",
            "Restart kube-proxy on that node, or remove it: ip address del ADDRESS dev kube-ipvs0.",
        ),
        Cause(
            "sets-wrong",
            "A set of kube-proxy (ipset) holds too much or too little, so clients are let in or refused, or addresses "
            "translated, wrongly.",
            "Restart kube-proxy on that node, and find out who else changes its sets.",
        ),
        Cause(
            "left-overs",
            "A node still has what another mode of kube-proxy made, and that catches packets first.",
            "Drain the node and restart it. Or run kube-proxy --cleanup in the kube-proxy pod there, twice and whatever errors "
            "it reports (the first run fails where the modes' chains refer to each other), and delete that pod.",
        ),
        Cause(
            "kernel-feature-missing",
            "A node's kernel or iptables lacks something that kube-proxy needs (ip_set, REJECT, conntrack), so its sets or its "
            "filter rules are not there at all.",
            "Look into kube-proxy's log for what was refused, and give the kernel what it lacks: ip_set, ipt_REJECT, "
            "xt_conntrack.",
        ),
        Cause(
            "rules-broken",
            "A rule that leads packets to those of the Services is missing on a node.",
            "Restart kube-proxy on that node, and find out who else changes its rules (a firewall's restart, for example).",
        ),
    ],
    "Unknown": [
        Cause(
            "unexplained",
            "The proof fails, and no cause of this catalogue explains it.",
            "Read the rows of the proof, and please report what it was.",
        ),
    ],
}

CAUSES = {cause.id: cause for causes in GROUPS.values() for cause in causes}

# As galaxy.yml's "documentation" says.
DOCS = "https://github.com/kubeaddons/metallb/tree/main/docs"


def page(cause: str) -> str:
    """Return where a cause is explained, "" for the whole catalogue."""
    return "{0}/causes.md{1}".format(DOCS, "#" + cause if cause else "")
