# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""What tests/run is made of. Python 3.11, standard library only: it runs before anything is installed."""
