# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The report in a real browser: what a person does with it, how it looks, and how long a large one takes to open."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser.chromium import chromium
from browser.made_up import made_up
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from ansible_collections.kubeaddons.metallb.plugins.plugin_utils import _report

HOSTILE = "default/</script><img src=x onerror=document.title='taken'>"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Chromium without a screen."""
    with chromium(tmp_path_factory.mktemp("profile")) as found:
        yield found


def opened(browser: webdriver.Chrome, directory: Path, data: dict[str, Any]) -> str:
    """Open the report of a document; return the browser's complaints."""
    browser.get(Path(_report.write(str(directory), data)[0]).as_uri())
    return "\n".join(entry["message"] for entry in browser.get_log("browser"))


def cell(browser: webdriver.Chrome, line: int, column: int) -> Any:
    """A cell of the matrix, counted from 0; column 0 is "all"."""
    return browser.find_elements(By.CSS_SELECTOR, "#matrix tbody tr")[line].find_elements(By.TAG_NAME, "td")[column]


def test_evidence_behind_a_cell(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """By a click: what was expected and found at that node, faults first, and the path."""
    assert opened(browser, tmp_path, made_up(6, 3)) == ""
    assert browser.find_element(By.TAG_NAME, "h1").text == "Traffic does not arrive as it should"
    assert [cell(browser, 0, column).text for column in range(4)] == ["FAULT", "ok", "unknown", "FAULT"]
    cell(browser, 0, 3).click()
    evidence = browser.find_element(By.ID, "shown-evidence")
    assert evidence.text.startswith("team-0/web-0 at node3")
    lines = evidence.find_elements(By.CSS_SELECTOR, "tbody tr")
    assert [lines[0].find_elements(By.TAG_NAME, "td")[column].text for column in (0, 1, 3, 4)] == [
        "FAULT",
        "IPVS weight",
        "weight 1",
        "weight 0",
    ]
    assert {line.find_elements(By.TAG_NAME, "td")[0].text for line in lines[1:]} == {"ok"}
    told = {step.text.split("\n")[0]: step.text for step in evidence.find_elements(By.TAG_NAME, "li")}
    assert told["announcer"].endswith("node1 by ARP or NDP; in by node1")
    assert "9 requests led to 3 of them: 10.233.64.4:8080" in told["backends"]
    steps = {
        step.text.split("\n")[0]: step.get_attribute("class") for step in evidence.find_elements(By.TAG_NAME, "li")
    }
    assert list(steps) == ["client", "EXTERNAL-IP", "announcer", "kube-proxy", "backends"]
    assert (steps["announcer"], steps["kube-proxy"]) == ("ok", "fault")


def test_find_and_filter(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """By name or address, and only what is not in order."""
    opened(browser, tmp_path, made_up(40, 1))

    def shown() -> list[str]:
        return [head.text for head in browser.find_elements(By.CSS_SELECTOR, "#matrix tbody th") if head.is_displayed()]

    find = browser.find_element(By.ID, "find")
    assert len(shown()) == 40
    find.send_keys("WEB-33")
    assert shown() == ["team-16/web-33"]
    assert browser.find_element(By.ID, "shown").text == "1 of 40 Services"
    find.clear()
    find.send_keys("10.0.7.1")
    assert shown() == ["team-7/web-7"]
    find.clear()
    find.send_keys(Keys.SPACE)
    browser.find_element(By.ID, "bad").click()
    assert shown() == ["team-3/web-3"]


def test_keys_are_enough(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """From cell to cell by arrows, evidence by Enter; lines that are filtered out are passed over."""
    opened(browser, tmp_path, made_up(6, 3))
    browser.execute_script("arguments[0].focus()", cell(browser, 0, 0))

    def press(key: str) -> None:
        browser.switch_to.active_element.send_keys(key)

    press(Keys.ARROW_RIGHT)
    press(Keys.ARROW_DOWN)
    press(Keys.ENTER)
    assert browser.find_element(By.ID, "shown-evidence").text.startswith("team-1/web-1 at node1")
    browser.find_element(By.ID, "bad").click()
    browser.execute_script("arguments[0].focus()", cell(browser, 0, 0))
    press(Keys.ARROW_LEFT)
    assert browser.switch_to.active_element == cell(browser, 0, 0)
    assert len(browser.find_elements(By.CSS_SELECTOR, "#matrix td[tabindex='0']")) == 1


def test_a_hostile_name_stays_a_name(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """In the matrix and in the evidence; the policy of the page would stop it too."""
    data = made_up(1, 1)
    data["services"][0]["service"] = HOSTILE
    for check in data["checks"]:
        check["subject"] = HOSTILE if check["subject"] != "nodes" else "nodes"
        check["found"] = HOSTILE
    assert opened(browser, tmp_path, data) == ""
    cell(browser, 0, 0).click()
    assert HOSTILE in browser.find_element(By.ID, "shown-evidence").text
    assert browser.find_elements(By.TAG_NAME, "img") == []
    assert browser.title != "taken"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 1200), ("light", 390), ("dark", 390)])
def test_text_can_be_read(browser: webdriver.Chrome, tmp_path: Path, scheme: str, width: int) -> None:
    """In both schemes, also on a phone: contrast of at least 4.5 (WCAG AA), and nothing wider than the screen."""
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    try:
        opened(browser, tmp_path, made_up(6, 3))
        cell(browser, 0, 3).click()
        poor = browser.execute_script(CONTRAST)
        assert poor == []
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        # On a phone a check is a block of lines, each with its head; the row of heads is for those who listen.
        head = browser.find_element(By.CSS_SELECTOR, ".checks thead").rect
        assert (head["width"] > 1) is (width > 500)
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


#: every element with text of its own whose contrast to what is behind it is below 4.5
CONTRAST = """
function channel(value) { value /= 255; return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4; }
function light(colour) {
  const [red, green, blue] = colour.match(/[0-9.]+/g).map(Number);
  return 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
}
function behind(element) {
  for (; element; element = element.parentElement) {
    const colour = getComputedStyle(element).backgroundColor;
    if (!/, 0\\)$/.test(colour)) return colour;
  }
  return "rgb(255, 255, 255)";
}
return [...document.body.querySelectorAll("*")]
  .filter(one => one.offsetParent && [...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim()))
  .map(one => {
    const pair = [light(getComputedStyle(one).color), light(behind(one))].sort((a, b) => b - a);
    return [(pair[0] + 0.05) / (pair[1] + 0.05), one.tagName, one.textContent];
  })
  .filter(found => found[0] < 4.5);
"""


def test_a_thousand_services_on_fifty_nodes(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """The page opens, and the evidence is there on the first click; tests/bench has the seconds."""
    assert opened(browser, tmp_path, made_up(1000, 50)) == ""
    assert browser.find_element(By.ID, "shown").text == "1000 of 1000 Services"
    started = time.monotonic()
    cell(browser, 999, 0).click()
    assert browser.find_element(By.ID, "shown-evidence").text.startswith("team-13/web-999, everything")
    print(f"first evidence after {time.monotonic() - started:.1f} s")
