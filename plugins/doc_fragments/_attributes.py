# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

from __future__ import annotations


class ModuleDocFragment:
    # What every module says of itself; a module adds its own support values.
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
  diff_mode:
    description: Returns details on what has changed, or possibly needs changing, in C(--diff) mode.
  idempotent:
    description: When run twice in a row outside check mode with the same arguments, the second run reports no change.
  platform:
    description: Target OS families that can be operated against.
"""

    # Modules that only read.
    READ_ONLY = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This module does not modify state.
  diff_mode:
    support: N/A
    details:
      - This module does not modify state.
  idempotent:
    support: full
    details:
      - This module does not modify state.
"""

    # Modules that run on a node with nothing but Python's standard library.
    NODE = r"""
options: {}
requirements:
  - Python 3.8 or later on the node; nothing besides the standard library
attributes:
  platform:
    support: full
    platforms: posix
    details:
      - Linux only. Reads C(/proc) and uses Linux sockets.
"""

    # Modules that talk to the Kubernetes API, on the Ansible controller.
    API = r"""
options: {}
requirements:
  - python >= 3.9
  - kubernetes >= 24.2.0
  - kubernetes.core >= 5.4.0
attributes:
  platform:
    support: full
    platforms: posix
"""
