"""Attacks that start outside of a container, or need a browser or a server that lies: each is a named test."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Proven:
    """An attack, and the test that makes it, with its control."""

    name: str
    test: str  # path::function


_TRAFFIC = "tests/isolation/test_gate_traffic.py"
_RULES = "tests/isolation/test_gate_rules.py"
_LIFE = "tests/isolation/test_gate_lifecycle.py"
_HUB = "tests/e2e/test_adversary_hub_pages.py"

ELSEWHERE: tuple[Proven, ...] = (
    Proven(
        "a server that was taken over sends a file under another kind",
        f"{_TRAFFIC}::test_an_answer_of_another_kind_is_withheld",
    ),
    Proven(
        "it sends bytes over a kernel's websocket", f"{_TRAFFIC}::test_kernel_frames_are_json_text_both_ways"
    ),
    Proven("it sends a frame without end", f"{_TRAFFIC}::test_a_frame_that_is_too_large_ends_the_websocket"),
    Proven("it sends an answer without end", f"{_TRAFFIC}::test_an_answer_that_is_too_large_is_cut"),
    Proven(
        "it sets a cookie for the hub, or leads elsewhere",
        f"{_TRAFFIC}::test_cookies_and_places_elsewhere_are_dropped_and_on_the_log",
    ),
    Proven(
        "it lies about a file's kind in the contents API",
        "tests/isolation/test_gate_contents.py::test_a_lie_does_not",
    ),
    Proven("a file is downloaded by any address of the server", f"{_RULES}::test_nothing_else_comes_in"),
    Proven("a file is uploaded as bytes", "tests/isolation/test_gate_contents.py::test_an_upload_is_refused"),
    Proven(
        "a carrier puts a link in place of its socket",
        f"{_TRAFFIC}::test_a_link_in_the_carriers_folder_leads_nowhere",
    ),
    Proven(
        "somebody of the host looks into the gate's folder",
        f"{_LIFE}::test_only_its_owner_can_look_into_the_gates_folder",
    ),
    Proven(
        "a made-up name is given to the gate's control",
        f"{_LIFE}::test_a_name_that_names_no_notebook_makes_no_folder",
    ),
    Proven("a closed door is still used", f"{_LIFE}::test_closing_cuts_what_is_under_way_and_leaves_nothing"),
    Proven("a notebook floods the log", f"{_TRAFFIC}::test_the_log_cannot_be_flooded"),
    Proven(
        "a person opens another's notebook",
        "tests/e2e/test_notebook_life.py::test_another_person_cannot_come_in",
    ),
    Proven(
        "a browser asks for a page of somebody else's notebook",
        "tests/e2e/test_browser_real_hub.py::test_a_page_of_somebody_elses_notebook_is_not_found",
    ),
    Proven("a notebook's page reads a page of the hub", f"{_HUB}::test_a_script_reads_no_page_of_the_hub"),
    Proven(
        "a notebook's page gets a code for signing in", f"{_HUB}::test_a_script_gets_no_code_for_signing_in"
    ),
    Proven("a notebook's page makes a token", f"{_HUB}::test_a_script_makes_no_token_with_what_it_can_read"),
    Proven(
        "the form token's cookie is read by a script",
        f"{_HUB}::test_the_cookie_with_the_form_token_is_shown_to_no_script",
    ),
    Proven(
        "a grant that was taken back goes on",
        "tests/e2e/test_notebook_life.py::test_a_grant_that_is_taken_back_ends_its_notebook",
    ),
)
