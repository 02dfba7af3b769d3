# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import json
import types
import typing as t

import pytest
from ansible.module_utils import basic

Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def run_module(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a module's main() in this process as Ansible would.

    Returns what it printed, with ``failed`` and ``warnings`` in any case.
    """

    def run(module: types.ModuleType, check_mode: bool = False, **args: t.Any) -> dict[str, t.Any]:
        args["_ansible_check_mode"] = check_mode
        # Kept out of the machine's log.
        args["_ansible_no_log"] = True
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": args}).encode())
        # ansible-core 2.19 and later ask for the profile that the arguments are written in.
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        out = io.StringIO()
        warnings: list[str] = []
        with monkeypatch.context() as patched:
            # ansible-core 2.19 and later hand warnings to the controller in another way than 2.18.
            patched.setattr(basic.AnsibleModule, "warn", lambda _module, text, **_details: warnings.append(text))
            patched.setattr("sys.stdout", out)
            with pytest.raises(SystemExit):
                module.main()
        result: dict[str, t.Any] = json.loads(out.getvalue())
        return {"failed": False, **result, "warnings": warnings}

    return run
