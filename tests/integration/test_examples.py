# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""Every example of the documentation and of the sample inventory is taken by a real API server, and then left alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from integration.helpers import direct

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _secrets
from ansible_collections.kubeaddons.metallb.plugins.modules import metallb_config
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.test_examples import completed, examples, samples


def apply(api, variables, namespace, check_mode=False):
    """Run the module without Ansible around it."""
    settings, passwords = _secrets.split({**variables, "metallb_namespace": namespace})
    params = {"settings": settings, "passwords": passwords, "timeout": 0}
    return metallb_config.apply(direct(api), SimpleNamespace(params=params, check_mode=check_mode))


@pytest.mark.parametrize("variables", [*examples(), *samples()])
def test_example_is_applied(api, namespace, metallb_crds, variables):
    """Check, apply, apply: the same objects, then none."""
    wanted = completed(variables)
    checked = apply(api, wanted, namespace, check_mode=True)
    done = apply(api, wanted, namespace)
    assert not done.get("failed"), done
    assert checked["objects"] == done["objects"] != []
    assert apply(api, wanted, namespace)["changed"] is False
