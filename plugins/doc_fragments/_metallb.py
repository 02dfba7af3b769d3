# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!


from __future__ import annotations


class ModuleDocFragment:
    # Where MetalLB lives and what the user wants of it: shared by the modules that work from the inventory's variables.
    DOCUMENTATION = r"""
options:
  settings:
    description:
      - The inventory's variables, by name, with templates resolved.
      - Every variable whose name starts with V(metallb_), and those of Kubespray's that have to agree with them
        (V(kube_proxy_strict_arp), V(kube_pods_subnet), V(kube_service_addresses), V(kube_vip_address),
        V(loadbalancer_apiserver), V(quay_image_repo), V(gcr_image_repo)).
    type: dict
    required: true
"""

    PASSWORDS = r"""
options:
  passwords:
    description:
      - The passwords that P(kubeaddons.metallb.without_passwords#filter) took out of O(settings), as
        P(kubeaddons.metallb.passwords#filter) returns them.
    type: dict
    default: {}
"""

    MANIFEST = r"""
options:
  manifest:
    description:
      - Path of the manifest on the host that the module runs on, for sites without internet access.
      - Which one it is depends on what speaks BGP, C(metallb-native.yaml), C(metallb-frr.yaml) or C(metallb-frr-k8s.yaml).
        C({file}) stands for that name and C({version}) for the release's number without V(v).
      - Without it the manifest of the wanted release is downloaded from O(manifest_url) and kept in the user's cache
        directory.
    type: path
  manifest_url:
    description:
      - Where to download the manifest from; the default is MetalLB's own repository at the tag of the release.
      - C({version}) and C({file}) stand for the same as in O(manifest).
    type: str
  manifest_sha256:
    description:
      - SHA-256 of the manifest in hexadecimal. Known for the releases that the collection supports; needed for any other
        file.
    type: str
"""

    NAMESPACE = r"""
options:
  metallb_namespace:
    description:
      - The namespace that MetalLB is installed in.
    type: str
    default: metallb-system
"""
