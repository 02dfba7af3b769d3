# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, The kubeaddons.metallb authors
"""The report in a real browser: what a person does with it, how it looks, and how long a large one takes to open."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from browser.chromium import chromium
from browser.made_up import CLUSTER_IP_SERVICE, FINDINGS, LONG, made_up
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


def heading(browser: webdriver.Chrome) -> Any:
    """The heading of the evidence."""
    return browser.find_element(By.ID, "evidence")


def on_screen(browser: webdriver.Chrome, element: Any) -> bool:
    """Whether an element is within what is seen of the page."""
    inside: bool = browser.execute_script(
        "const box = arguments[0].getBoundingClientRect(); return box.top >= 0 && box.bottom <= innerHeight;", element
    )
    return inside


def evidence_lines(browser: webdriver.Chrome) -> list[list[str]]:
    """The cells of the evidence's first table."""
    table = browser.find_element(By.CSS_SELECTOR, "#shown-evidence table")
    return [
        [one.text for one in line.find_elements(By.TAG_NAME, "td")]
        for line in table.find_elements(By.CSS_SELECTOR, "tbody tr")
    ]


def steps(browser: webdriver.Chrome) -> dict[str, tuple[str, str]]:
    """The path: by title, verdict and text of each step."""
    return {
        step.text.split("\n")[0]: (step.get_attribute("class"), step.text.partition("\n")[2])
        for step in browser.find_elements(By.CSS_SELECTOR, ".path li")
    }


def test_evidence_behind_a_cell(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """By a click: what was expected and found at that node, faults first, and the path."""
    assert opened(browser, tmp_path, made_up(8, 3)) == ""
    assert browser.find_element(By.TAG_NAME, "h1").text == "Traffic does not arrive as it should"
    assert [cell(browser, 0, column).text for column in range(4)] == ["FAULT", "ok", "unknown", "FAULT"]
    cell(browser, 0, 3).click()
    assert heading(browser).text == "Evidence: team-0/web-0 at node3"
    lines = evidence_lines(browser)
    assert [lines[0][column] for column in (0, 1, 3, 4)] == ["FAULT", "IPVS weight", "weight 1", "weight 0"]
    assert {line[0] for line in lines[1:]} == {"ok"}
    assert "strict ARP" not in {line[1] for line in lines}
    assert "strict ARP" in browser.find_element(By.ID, "shown-evidence").text


def test_the_path_follows_the_chosen_node(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """Who announces, whose tables, and how it went there."""
    opened(browser, tmp_path, made_up(8, 3))
    cell(browser, 0, 3).click()
    at_three = steps(browser)
    assert list(at_three) == ["client", "EXTERNAL-IP", "announcer", "kube-proxy", "backends"]
    assert (at_three["announcer"][0], at_three["kube-proxy"]) == ("ok", ("fault", "tables of node3"))
    assert at_three["announcer"][1] == "node1 by ARP or NDP\nnode3 does not announce it; in by node1"
    assert "1 request led to 1 of them: 10.233.64.4:8080" in at_three["backends"][1]
    cell(browser, 0, 1).click()
    assert steps(browser)["kube-proxy"] == ("ok", "tables of node1")
    chip = browser.find_element(By.CSS_SELECTOR, ".path .node")
    assert (chip.text, chip.get_attribute("aria-current")) == ("node1", "true")
    cell(browser, 1, 0).click()
    assert steps(browser)["kube-proxy"] == ("unknown", "tables of every node")


def test_all_has_what_makes_its_verdict(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """What is said of whole nodes counts for every Service, so it is shown with it."""
    opened(browser, tmp_path, made_up(3, 3))
    assert cell(browser, 2, 0).text == "unknown"
    cell(browser, 2, 0).click()
    assert heading(browser).text == "Evidence: team-2/web-2, everything"
    assert evidence_lines(browser)[0][:3] == ["unknown", "data plane", "node2"]


def test_evidence_comes_into_view_and_there_is_a_way_back(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """By mouse and by keys; with a matrix that is higher than the screen."""
    opened(browser, tmp_path, made_up(60, 3))
    cell(browser, 1, 1).click()
    assert browser.switch_to.active_element == heading(browser)
    assert on_screen(browser, heading(browser))
    browser.find_element(By.ID, "back").click()
    assert browser.switch_to.active_element == cell(browser, 1, 1)
    assert on_screen(browser, cell(browser, 1, 1))
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert browser.switch_to.active_element == heading(browser)
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert browser.switch_to.active_element == cell(browser, 1, 1)


def test_what_is_of_no_service_in_the_matrix_is_found_there(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """Faults of Services of type ClusterIP, and of nodes."""
    opened(browser, tmp_path, made_up(2, 3))
    heads = [one.text for one in browser.find_elements(By.CSS_SELECTOR, "#matrix tbody th")]
    assert heads == ["team-0/web-0", "team-1/web-1", CLUSTER_IP_SERVICE, "nodes"]
    assert [cell(browser, 2, column).text for column in range(4)] == ["moving", "-", "-", "moving"]
    assert [cell(browser, 3, column).text for column in range(4)] == ["unknown", "ok", "unknown", "note"]
    cell(browser, 2, 3).click()
    assert heading(browser).text == f"Evidence: {CLUSTER_IP_SERVICE} at node3"
    assert [line[:2] for line in evidence_lines(browser)] == [["moving", "IPVS missing"]]
    cell(browser, 3, 0).click()
    assert heading(browser).text == "Evidence: nodes, everything"
    assert {"strict ARP", "data plane", "IPVS"} <= {line[1] for line in evidence_lines(browser)}


def test_causes_are_named_with_a_way_to_the_docs(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """Cause, evidence, remedy."""
    opened(browser, tmp_path, made_up(2, 3, FINDINGS))
    cause = browser.find_element(By.CSS_SELECTOR, ".cause")
    assert cause.find_element(By.TAG_NAME, "h3").text == "weight-zero (node3)"
    assert all(word in cause.text for word in (FINDINGS[0]["sentence"], FINDINGS[0]["remedy"], "expected 1, found 0"))
    link = cause.find_element(By.TAG_NAME, "a").get_attribute("href")
    assert link is not None
    assert link.endswith("/docs/causes.md#weight-zero")


def test_find_and_filter(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """By name or address, and only what is not in order or not proven."""
    opened(browser, tmp_path, made_up(40, 1))

    def shown() -> list[str]:
        return [head.text for head in browser.find_elements(By.CSS_SELECTOR, "#matrix tbody th") if head.is_displayed()]

    find = browser.find_element(By.ID, "find")
    assert len(shown()) == 41
    find.send_keys("WEB-33")
    assert shown() == ["team-16/web-33"]
    assert browser.find_element(By.ID, "shown").text == "1 of 40 Services"
    find.clear()
    find.send_keys("10.0.7.1")
    assert shown() == ["team-7/web-7"]
    find.clear()
    find.send_keys(Keys.SPACE)
    browser.find_element(By.ID, "bad").click()
    assert shown() == ["team-3/web-3", "team-4/web-4", "team-5/web-5"]


def test_find_a_node(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """Its column alone, and what is not ok there; the keys pass over the others."""
    opened(browser, tmp_path, made_up(6, 3))
    find = browser.find_element(By.ID, "find")
    find.send_keys("node3")
    heads = browser.find_elements(By.CSS_SELECTOR, "#matrix thead th")
    assert [head.text.split("\n")[0] for head in heads if head.is_displayed()] == ["Service", "all", "node3"]
    assert browser.find_element(By.ID, "shown").text == "6 of 6 Services, 1 of 3 nodes"
    browser.execute_script("arguments[0].focus()", cell(browser, 0, 0))
    browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert browser.switch_to.active_element == cell(browser, 0, 3)
    browser.find_element(By.ID, "bad").click()
    assert browser.find_element(By.ID, "shown").text == "2 of 6 Services, 1 of 3 nodes"
    find.clear()
    find.send_keys(Keys.SPACE)
    assert all(head.is_displayed() for head in heads)


def test_keys_are_enough(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """From cell to cell by arrows, evidence by Enter; lines that are filtered out are passed over."""
    opened(browser, tmp_path, made_up(6, 1))

    def press(key: str) -> None:
        browser.switch_to.active_element.send_keys(key)

    browser.execute_script("arguments[0].focus()", cell(browser, 0, 0))
    press(Keys.ARROW_RIGHT)
    press(Keys.ARROW_DOWN)
    press(Keys.ENTER)
    assert heading(browser).text == "Evidence: team-1/web-1 at node1"
    # The chosen line is filtered out; Tab leads to one that is there.
    browser.find_element(By.ID, "bad").click()
    assert not cell(browser, 1, 1).is_displayed()
    press(Keys.TAB)
    assert browser.switch_to.active_element == cell(browser, 3, 0)
    press(Keys.ARROW_LEFT)
    assert browser.switch_to.active_element == cell(browser, 3, 0)
    press(Keys.ARROW_DOWN)
    assert browser.switch_to.active_element == cell(browser, 4, 0)
    assert len(browser.find_elements(By.CSS_SELECTOR, "#matrix td[tabindex='0']")) == 1


def test_a_hostile_name_stays_a_name(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """In the matrix and in the evidence; the policy of the page would stop it too."""
    data = made_up(1, 1, FINDINGS)
    data["causes"][0].update(subject=HOSTILE, evidence=[HOSTILE], sentence=HOSTILE, remedy=HOSTILE)
    data["services"][0]["service"] = HOSTILE
    for check in data["checks"]:
        check["subject"] = HOSTILE if check["subject"] != "nodes" else "nodes"
        check["found"] = HOSTILE
    assert opened(browser, tmp_path, data) == ""
    cell(browser, 0, 0).click()
    assert heading(browser).text == f"Evidence: {HOSTILE}, everything"
    assert HOSTILE in browser.find_element(By.ID, "shown-evidence").text
    assert browser.find_elements(By.TAG_NAME, "img") == []
    assert browser.title != "taken"


@contextmanager
def shown_on(browser: webdriver.Chrome, scheme: str, width: int, media: str = "") -> Iterator[None]:
    """Another colour scheme, screen or medium as long as the context lasts."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    try:
        yield
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def text_can_be_read(browser: webdriver.Chrome, width: int) -> None:
    """Contrast of at least 4.5 (WCAG AA), and nothing wider than the screen."""
    assert browser.execute_script(CONTRAST) == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 1200), ("light", 375), ("dark", 375)])
def test_text_can_be_read(browser: webdriver.Chrome, tmp_path: Path, scheme: str, width: int) -> None:
    """In both schemes, also on a phone."""
    with shown_on(browser, scheme, width):
        opened(browser, tmp_path, made_up(8, 3, FINDINGS))
        verdicts = {one.get_attribute("class") for one in browser.find_elements(By.CSS_SELECTOR, "#matrix td")}
        assert {"ok", "fault", "unknown", "lag", "note"} <= verdicts
        cell(browser, 0, 3).click()
        text_can_be_read(browser, width)
        # On a phone a check is a block of lines, each with its head; the row of heads is for those who listen.
        head = browser.find_element(By.CSS_SELECTOR, ".checks thead").rect
        assert (head["width"] > 1) is (width > 500)


def test_a_long_name_leaves_room_for_the_verdicts(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """On a phone, where the names stay while the rest is scrolled."""
    with shown_on(browser, "light", 375):
        opened(browser, tmp_path, made_up(3, 3, long=True))
        head = browser.find_elements(By.CSS_SELECTOR, "#matrix tbody th")[2]
        assert head.text.replace("\n", "") == LONG
        assert head.rect["width"] < 375 * 0.45
        right = head.rect["x"] + head.rect["width"]
        assert cell(browser, 2, 1).rect["x"] >= right
        assert cell(browser, 2, 1).rect["x"] + cell(browser, 2, 1).rect["width"] <= 375


def test_on_paper_nothing_is_cut_off(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """Light whatever the screen is; in the place of fifty columns, which cells are not ok."""
    with shown_on(browser, "dark", 700, "print"):
        opened(browser, tmp_path, made_up(9, 50, FINDINGS))
        assert not browser.find_element(By.ID, "matrix").is_displayed()
        text_can_be_read(browser, 700)
        body = browser.find_element(By.TAG_NAME, "body")
        assert body.value_of_css_property("background-color") == "rgba(255, 255, 255, 1)"
        paper = browser.find_element(By.CSS_SELECTOR, ".paper").text
        assert "team-0/web-0 FAULT FAULT at node3; unknown at node2" in paper
        assert f"{CLUSTER_IP_SERVICE} moving moving at node3" in paper
        # All of it, although the screen has it in a box to scroll.
        box = browser.find_element(By.CSS_SELECTOR, "[aria-labelledby=open].scroll")
        assert browser.execute_script("return arguments[0].scrollHeight - arguments[0].clientHeight", box) <= 0
        assert not browser.find_element(By.ID, "find").is_displayed()


#: every element with text of its own, and every placeholder, whose contrast to what is behind it is below 4.5
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
  .concat([...document.querySelectorAll("[placeholder]")].filter(one => one.offsetParent).map(one => {
    const own = getComputedStyle(one, "::placeholder");
    const pair = [light(own.color), light(behind(one))].sort((a, b) => b - a);
    return [own.opacity === "1" ? (pair[0] + 0.05) / (pair[1] + 0.05) : 0, "placeholder", one.placeholder];
  }))
  .filter(found => found[0] < 4.5);
"""


def test_a_thousand_services_on_fifty_nodes(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """The page opens, and the evidence is there on the first click; tests/bench has the seconds."""
    assert opened(browser, tmp_path, made_up(1000, 50)) == ""
    assert browser.find_element(By.ID, "shown").text == "1000 of 1000 Services"
    started = time.monotonic()
    cell(browser, 999, 0).click()
    assert heading(browser).text == "Evidence: team-13/web-999, everything"
    print(f"first evidence after {time.monotonic() - started:.1f} s")
