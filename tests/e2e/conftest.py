"""Fixtures: a home per test, the real claude CLI, and the stand-in for its API."""

import os
import signal
import tempfile

import pytest

import processes
from claude_offline import MessagesApi, claude_environment, claude_program
from harness import PROGRAMS, Home, close_all

TEST_DEADLINE = 180


def pytest_addoption(parser):
    parser.addoption("--with-claude", action="store_true", help="also the real claude CLI, offline, and the official MCP clients")
    parser.addoption("--write-transcripts", action="store_true", help="record anew what test_transcripts.py compares with")


def pytest_configure(config):
    processes.become_subreaper()
    if not (PROGRAMS / "agent-dispatch").exists():
        raise pytest.UsageError(f"{PROGRAMS} has no agent-dispatch: build first, or set AGENT_DISPATCH_BUILD")


@pytest.hookimpl(tryfirst=True)  # before xdist reads its marks
def pytest_collection_modifyitems(config, items):
    # What one test installs and the others use is installed by one process.
    for item in items:
        for name in ("claude", "sdk"):
            if item.get_closest_marker(name):
                item.add_marker(pytest.mark.xdist_group(name))
    if config.getoption("--with-claude"):
        return
    for item in items:
        for name in ("claude", "sdk"):
            if item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason="needs --with-claude"))


@pytest.fixture(autouse=True)
def deadline():
    """No test hangs: what has no deadline of its own has this one."""
    seconds = int(TEST_DEADLINE * processes.PATIENCE)

    def expired(number, frame):
        raise TimeoutError(f"the test took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, expired)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def make_home():
    """Makes homes; each is closed, and checked for left-overs, at the end."""
    own = set(processes.descendants())
    homes = []

    def make(**options):
        # Short: the path of a socket has room for about a hundred bytes.
        home = Home(tempfile.mkdtemp(prefix="ad-"), **options)
        homes.append(home)
        return home

    yield make
    try:
        close_all(homes, own)
    finally:
        for home in homes:
            home.remove()


@pytest.fixture
def home(make_home):
    """A home whose `claude` is the compiled stand-in of tests/support."""
    return make_home()


@pytest.fixture(scope="session")
def messages_api():
    with tempfile.TemporaryDirectory(prefix="ad-api-") as place:
        with MessagesApi(os.path.join(place, "requests.jsonl")) as api:
            yield api


@pytest.fixture
def api(messages_api):
    """The stand-in for the Messages API, with a request log that begins with this test."""
    messages_api.forget()
    return messages_api


@pytest.fixture
def claude(api, make_home):
    """A home whose `claude` is the real CLI, offline."""
    home = make_home(claude=claude_program())
    home.environment |= claude_environment(home, api)
    return home
