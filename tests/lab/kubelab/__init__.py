# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""A real Kubernetes cluster of User Mode Linux nodes, for tests."""
