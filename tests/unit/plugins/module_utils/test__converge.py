# Copyright (c) 2026, The kubeaddons.metallb authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.kubeaddons.metallb.plugins.module_utils import _apply, _converge
from ansible_collections.kubeaddons.metallb.plugins.module_utils._kubernetes import ApiError
from ansible_collections.kubeaddons.metallb.plugins.module_utils._resources import path
from ansible_collections.kubeaddons.metallb.tests.unit.plugins.fakes import Clock, Server

Object = dict[str, t.Any]


def pool(name: str, addresses: str = "192.0.2.0/28") -> Object:
    return {
        "apiVersion": "metallb.io/v1beta1",
        "kind": "IPAddressPool",
        "metadata": {"name": name, "namespace": "metallb-system"},
        "spec": {"addresses": [addresses]},
    }


ONE, TWO = pool("one"), pool("two")
NOT_SERVING = (
    'Internal error occurred: failed calling webhook "ipaddresspoolvalidationwebhook.metallb.io": failed to call '
    "webhook: no endpoints available for service"
)
DENIAL = 'admission webhook "ipaddresspoolvalidationwebhook.metallb.io" denied the request: CIDR overlaps'


def run(
    server: Server,
    desired: list[Object],
    check_mode: bool = False,
    absent: t.Sequence[Object] = (),
    timeout: float = 0,
    clock: Clock | None = None,
) -> _converge.Converged:
    changes = _converge.plan(server.api, desired, absent)
    return _converge.converge(server.api, changes, check_mode, (clock or Clock()).waiter(timeout))


def test_check_then_do_then_nothing_is_due() -> None:
    server = Server(TWO)
    names = ["IPAddressPool/metallb-system/one"]
    assert run(server, [ONE], check_mode=True).names == names
    assert path(ONE) not in server.objects
    assert run(server, [ONE]).names == names
    assert server.objects[path(ONE)]["spec"] == ONE["spec"]
    writes = len(server.writes)
    assert run(server, [ONE], check_mode=True).names == run(server, [ONE]).names == []
    assert len(server.writes) == writes


def test_what_must_not_be_there_is_removed() -> None:
    server = Server(ONE, TWO)
    assert run(server, [], check_mode=True, absent=[ONE]).names == ["IPAddressPool/metallb-system/one"]
    assert path(ONE) in server.objects
    done = run(server, [], absent=[ONE])
    assert done.names == ["IPAddressPool/metallb-system/one"]
    assert (done.diffs[0]["before"]["spec"], done.diffs[0]["after"]) == (ONE["spec"], {})
    assert list(server.objects) == [path(TWO)]
    assert run(server, [], absent=[ONE]).names == []


def test_an_apply_that_changes_nothing_is_no_change() -> None:
    """The live object was written by other means: only the server can tell that both mean the same."""
    live = _apply.stamp(ONE)
    live["spec"]["addresses"] = ["192.0.2.0/28"]
    server = Server(live)

    def normalised(server: Server, _path: str) -> None:
        server.objects[path(ONE)]["spec"]["addresses"] = ["192.0.2.0/28"]

    server.after_get = normalised
    changes = [_apply.Change(_apply.stamp(ONE), live)]
    assert _converge.converge(server.api, changes, False, Clock().waiter(0)) == _converge.Converged([], [])


def test_a_webhook_that_is_not_serving_is_waited_for() -> None:
    server, clock = Server(), Clock()
    server.fail("patch", path(ONE), 500, NOT_SERVING, times=3)
    assert run(server, [ONE, TWO], timeout=60, clock=clock).names == [
        "IPAddressPool/metallb-system/one",
        "IPAddressPool/metallb-system/two",
    ]
    assert len(clock.pauses) == 3
    assert [one.rpartition("/")[2] for one in server.writes] == ["one", "one", "one", "one", "two"]


def test_a_webhook_that_never_serves_ends_with_the_servers_words() -> None:
    server, clock = Server(), Clock()
    server.fail("patch", path(ONE), 500, NOT_SERVING, times=99)
    with pytest.raises(ApiError) as caught:
        run(server, [ONE, TWO], timeout=5, clock=clock)
    assert caught.value.text == "IPAddressPool/metallb-system/one: " + NOT_SERVING
    assert sum(clock.pauses) == 5
    assert path(TWO) not in server.objects


def test_a_denial_is_not_tried_again() -> None:
    server, clock = Server(), Clock()
    server.fail("patch", path(ONE), 403, DENIAL)
    with pytest.raises(
        ApiError, match="IPAddressPool/metallb-system/one: admission webhook .* CIDR overlaps"
    ) as caught:
        run(server, [ONE], timeout=60, clock=clock)
    assert caught.value.status == 403
    assert clock.pauses == []


@pytest.mark.parametrize(("status", "text"), [(404, "namespaces not found"), (500, NOT_SERVING)])
def test_check_mode_predicts_what_the_server_cannot_say_yet(status: int, text: str) -> None:
    server = Server()
    server.fail("patch", path(ONE), status, text)
    done = run(server, [ONE], check_mode=True)
    assert done.names == ["IPAddressPool/metallb-system/one"]
    assert done.diffs[0]["after"]["spec"] == ONE["spec"]
    assert server.objects == {}


def test_check_mode_shows_a_denial() -> None:
    server = Server()
    server.fail("patch", path(ONE), 403, DENIAL)
    with pytest.raises(ApiError, match="CIDR overlaps"):
        run(server, [ONE], check_mode=True)


def test_outside_check_mode_a_missing_namespace_is_an_error() -> None:
    server = Server()
    server.fail("patch", path(ONE), 404, 'namespaces "metallb-system" not found')
    with pytest.raises(ApiError, match="namespaces"):
        run(server, [ONE])


def kubectls(obj: Object, **spec: t.Any) -> Object:
    """Return an object as kubectl apply made it, with one field that ours does not have."""
    entry = {
        "manager": "kubectl-client-side-apply",
        "operation": "Update",
        "fieldsV1": {"f:spec": {"f:addresses": {}, "f:old": {}}},
    }
    return {
        **obj,
        "metadata": {**obj["metadata"], "managedFields": [entry], "resourceVersion": "7"},
        "spec": {**obj["spec"], "old": 1, **spec},
    }


def adopted(live: Object) -> list[_apply.Change]:
    return [_apply.Change(_apply.stamp(ONE), live, adopted=True)]


def test_fields_of_others_change_hands_before_the_apply() -> None:
    live = kubectls(ONE)
    server = Server(live)
    _converge.converge(server.api, adopted(live), False, Clock().waiter(0))
    assert server.writes == ["patch " + path(ONE)] * 2
    meta = server.bodies[0]["metadata"]
    assert meta["resourceVersion"] == "7"
    assert [(one["manager"], one["operation"]) for one in meta["managedFields"]] == [(_apply.MANAGER, "Apply")]


def test_somebody_who_writes_in_between_is_no_problem() -> None:
    live = kubectls(ONE)
    server = Server(live)
    server.objects[path(ONE)]["metadata"]["resourceVersion"] = "8"
    server.fail("patch", path(ONE), 409, "the object has been modified")
    _converge.converge(server.api, adopted(live), False, Clock().waiter(0))
    assert [body["metadata"].get("resourceVersion") for body in server.bodies] == ["7", "8", None]


def test_check_mode_shows_what_goes_with_the_fields() -> None:
    live = kubectls(ONE)
    server = Server(live)
    done = _converge.converge(server.api, adopted(live), True, Clock().waiter(0))
    assert done.diffs[0]["before"]["spec"] == {"addresses": ["192.0.2.0/28"], "old": 1}
    assert "old" not in done.diffs[0]["after"]["spec"]
    assert server.writes == ["patch {0} (dry run)".format(path(ONE)), "put {0} (dry run)".format(path(ONE))]
    assert server.objects[path(ONE)] == live


@pytest.mark.parametrize("status", [409, 422])
def test_check_mode_where_a_dry_run_cannot_tell(status: int) -> None:
    live = kubectls(ONE, addresses=["192.0.2.64/28"])
    server = Server(live)
    server.fail("patch", path(ONE), status, "Required value")
    done = _converge.converge(server.api, adopted(live), True, Clock().waiter(0))
    assert done.diffs[0]["after"]["spec"]["addresses"] == ["192.0.2.0/28"]
    server.fail("patch", path(ONE), 403, DENIAL)
    with pytest.raises(ApiError, match="CIDR overlaps"):
        _converge.converge(server.api, adopted(live), True, Clock().waiter(0))
