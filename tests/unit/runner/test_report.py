# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors

from __future__ import annotations

import pytest

from runner.report import Count, Report, junit_count, step_count

JUNIT = '<testsuites><testsuite tests="{}" failures="{}" errors="{}" skipped="{}"/></testsuites>'


@pytest.fixture
def junit(tmp_path):
    def write(*numbers):
        path = tmp_path / "junit.xml"
        path.write_text(JUNIT.format(*numbers), encoding="utf-8")
        return path

    return write


def test_outcomes_are_read(junit):
    assert junit_count(junit(10, 1, 2, 3)) == Count(passed=4, failed=3, skipped=3)


@pytest.mark.parametrize("text", [None, "", "<testsuites>"])
def test_missing_or_broken_report_counts_nothing(tmp_path, text):
    path = tmp_path / "junit.xml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert junit_count(path) == Count()


@pytest.mark.parametrize(
    ("status", "numbers", "expected"),
    [
        (0, (3, 0, 0, 0), Count(passed=3)),
        (1, (3, 1, 0, 0), Count(passed=2, failed=1)),
        (1, (3, 0, 0, 0), Count(passed=3, failed=1)),  # the run failed although no test did
        (5, (0, 0, 0, 0), Count(failed=1)),
        (0, (0, 0, 0, 0), Count(failed=1)),  # nothing was tested
        (0, (2, 0, 0, 2), Count(failed=1, skipped=2)),  # everything was skipped
    ],
)
def test_pytest_step_counts_its_tests(junit, status, numbers, expected):
    assert step_count(status, junit(*numbers)) == expected


def test_other_step_counts_once():
    assert step_count(0, None) == Count(passed=1)
    assert step_count(7, None) == Count(failed=1)


def test_run_without_tests_is_no_success():
    report = Report()
    assert report.status() == 1
    assert report.closing() == "failed: no test was run\n0 passed, 0 failed"


def test_closing_line_sums_up():
    report = Report()
    report.add("unit", Count(passed=4, skipped=1))
    assert report.status() == 0
    report.add("lint", Count(failed=1))
    assert report.status() == 1
    assert report.closing() == "failed: lint\n4 passed, 1 failed, 1 skipped"
