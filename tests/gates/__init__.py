# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Checks that no linter makes: each gate reads a tree and returns its problems as sentences, none when all is well."""
