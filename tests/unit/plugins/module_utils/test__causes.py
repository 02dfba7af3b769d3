# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import re

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _causes


def test_every_cause_has_one_id_one_sentence_and_a_remedy() -> None:
    listed = [cause for causes in _causes.GROUPS.values() for cause in causes]
    assert len(_causes.CAUSES) == len(listed) > 30
    for cause in listed:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cause.id)
        assert re.fullmatch(r"([A-Z]|kube-proxy).*[^.]\.", cause.sentence)
        assert cause.remedy


def test_remedies_name_variables_that_exist() -> None:
    page = (pathlib.Path(__file__).parents[4] / "docs" / "variables.md").read_text(encoding="utf-8")
    known = set(re.findall(r"^### `(\w+)`", page, re.MULTILINE)) | {"metallb_config"}
    named = {word for cause in _causes.CAUSES.values() for word in re.findall(r"\bmetallb_\w+", cause.remedy)}
    assert len(named) > 4
    assert named <= known
