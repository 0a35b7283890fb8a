"""Who is kept out: other users, and what they, or anybody, may have put in the place of our files. See SECURITY.md."""

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pytest

import stand_in
from harness import PROGRAMS, ROOT
from processes import wait_until
from strangers import ORDINARY, STRANGER, Listener, give_away, hand_over, look, needs_second_user, talk

HELLO = 'hello 0 {"protocol":1,"version":"0.1.0","role":"cli","frontend":"00000000-0000-4000-8000-000000000000",'
HELLO += '"directory":"/","umask":0,"limits":[],"environment":["SECRET=of-the-stranger"]}\n'


@pytest.fixture
def open_home(home):
    """One that others may pass through, and its supervisor's directories too: what refuses them is not a mode."""
    home.write_config({"notes": {}})
    home.root.chmod(0o711)
    return home


def refuse(home, *words):
    """A dispatch is refused, with a sentence that has these words in it, and no supervisor stays."""
    answer = home.cli("dispatch", "notes", stand_in.say("x"), "--json")
    said = answer.out + answer.err
    assert answer.code == 1 and all(str(word) in said for word in words), answer
    wait_until(lambda: not home.supervisors())
    return said


def works(home):
    assert home.dispatch("notes", stand_in.say("x")).get("result") == "x"


def state_directory(home):
    (found,) = home.state.glob("agent-dispatch/*/")
    return found


# --- the socket ---


@needs_second_user
def test_another_user_cannot_reach_the_socket(open_home):
    works(open_home)
    assert talk(open_home.status()["socket"], HELLO) == "kept out"


@needs_second_user
def test_another_user_who_reaches_the_socket_is_told_nothing(open_home):
    works(open_home)
    before = open_home.status()
    path = Path(before["socket"])
    for place in (open_home.runtime, path.parent):
        place.chmod(0o711)
    path.chmod(0o666)
    assert talk(path, HELLO) == 0, "not even a refusal: the peer's uid is what counts"
    wait_until(lambda: "a process of another user was turned away" in open_home.logs())
    works(open_home)
    assert open_home.status()["pid"] == before["pid"] and "of-the-stranger" not in open_home.logs()


@needs_second_user
@pytest.mark.parametrize("entry_of", ["stranger", "this user"])
def test_nothing_is_said_to_a_socket_of_another_user(open_home, entry_of):
    """The file that names the socket is either theirs, or ours and led astray."""
    works(open_home)
    assert open_home.cli("stop").code == 0
    place = open_home.root / "theirs"
    place.mkdir()
    give_away(place)
    entry = open_home.jobs / ".supervisor"
    entry.unlink(missing_ok=True)
    with Listener(place / "socket") as theirs:
        entry.write_text(json.dumps({"socket": str(place / "socket"), "state": str(place), "protocol": 1}))
        if entry_of == "stranger":
            give_away(entry)
            refuse(open_home, entry, f"belongs to another user (uid {STRANGER})", f"mv {entry} {entry}.old")
        else:
            refuse(open_home, place / "socket", "held by another user", "nothing was sent")
            assert theirs.heard() == 0
    assert not theirs.rest and list(place.iterdir()) == [place / "socket"]
    os.rename(entry, f"{entry}.old")
    works(open_home)


@needs_second_user
def test_environments_are_not_taken_from_another_users_socket(open_home):
    works(open_home)
    assert open_home.cli("stop", "--keep-runs").code == 0
    place = open_home.root / "theirs"
    place.mkdir()
    give_away(place)
    handover = state_directory(open_home) / "handover"
    with Listener(place / "socket", HELLO.partition("hello 0 ")[2]):
        os.rename(place / "socket", handover)
        works(open_home)
    assert f"{handover} was another user's; nothing was taken from it" in open_home.logs()
    assert not handover.exists()


@needs_second_user
def test_an_ordinary_user_is_served_and_even_root_is_turned_away(home):
    """Root's own directories on the way, and root's programs, are trusted; a frontend of root's is another user's."""
    home.write_config({"notes": {}})
    ordinary = hand_over(home)
    try:
        reachable = subprocess.run([PROGRAMS / "agent-dispatch", "--version"], stdout=subprocess.DEVNULL, **ordinary).returncode == 0
    except PermissionError:
        reachable = False
    if not reachable:
        pytest.skip(f"an ordinary user cannot reach {PROGRAMS}")
    process = home.start("dispatch", "notes", stand_in.hang(), **ordinary)
    (agent,) = wait_until(home.agents_running, 20)
    assert os.stat(f"/proc/{agent}/environ").st_uid == ORDINARY
    for pid in (*home.supervisors(), *home.keepers()):
        assert os.stat(f"/proc/{pid}/environ").st_uid == 0, "not dumpable: no other process of this user looks into its memory"
    refused = home.cli("dispatch", "notes", stand_in.say("x"))
    assert refused.code == 1 and "belongs to another user (uid 23456)" in refused.err, refused
    (path,) = (home.runtime / "agent-dispatch").glob("*.sock")
    with socket.socket(socket.AF_UNIX) as root:
        root.connect(str(path))
        root.settimeout(20)
        try:
            root.sendall(HELLO.encode())
            assert root.recv(100) == b""
        except (BrokenPipeError, ConnectionResetError):
            pass
    process.send_signal(signal.SIGINT)
    home.finish(process)
    assert home.cli("stop", "--now", **ordinary).code == 0
    assert home.cli("dispatch", "notes", stand_in.say("x"), umask=0o777, **ordinary).code == 0
    assert home.cli("add", "more", str(home.agent_directory("notes")), umask=0o777, **ordinary).code == 0
    assert home.cli("stop", "--now", **ordinary).code == 0


# --- directories ---

PLACES = {"AGENT_DISPATCH_JOBS_DIR": "jobs", "XDG_STATE_HOME": "state", "XDG_RUNTIME_DIR": "runtime"}


def at(home, variable, place):
    """Puts one of the places of `home` somewhere."""
    home.environment[variable] = str(place)
    setattr(home, PLACES[variable], place)


@needs_second_user
@pytest.mark.parametrize("variable", PLACES)
def test_a_place_that_another_user_can_exchange_is_refused(open_home, variable):
    home = open_home
    shared = home.root / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    mine = home.root / "mine"
    mine.mkdir(mode=0o700)

    theirs = shared / "theirs"
    theirs.mkdir()
    give_away(theirs)
    link = shared / "link"
    link.symlink_to(mine)
    give_away(link)
    everybodys = home.root / "everybodys"
    everybodys.mkdir()
    everybodys.chmod(0o777)
    (everybodys / "ours").mkdir(mode=0o700)
    before = {place: look(place) for place in (theirs, mine, everybodys)}
    for place, culprit, words in (
        (theirs, theirs, f"uid {STRANGER}"),
        (theirs / "below", theirs, f"uid {STRANGER}"),
        (link, link, f"uid {STRANGER}"),
        (link / "below", link, f"uid {STRANGER}"),
        (everybodys / "ours", everybodys, f"chmod go-w {everybodys}"),
    ):
        at(home, variable, place)
        refuse(home, culprit, words, variable)
    at(home, variable, shared / "new")
    if variable == "XDG_RUNTIME_DIR":
        (shared / "new").mkdir(mode=0o700)
    works(home)  # in a directory like /tmp one may have a place of one's own
    assert {place: look(place) for place in before} == before


@needs_second_user
@pytest.mark.parametrize("variable", PLACES)
def test_a_place_that_another_user_may_write_to_is_refused_with_the_command_that_mends_it(open_home, variable):
    home = open_home
    works(home)
    opened = {"AGENT_DISPATCH_JOBS_DIR": home.jobs, "XDG_STATE_HOME": state_directory(home)}.get(
        variable, home.runtime / "agent-dispatch"
    )
    assert home.cli("stop").code == 0
    for mode in (0o777, 0o770, 0o1777):
        opened.chmod(mode)
        refuse(home, f"chmod 700 '{opened}'")
    opened.chmod(0o700)
    works(home)


def test_ones_own_links_to_another_disk_go_on_working(home):
    disk = home.root / "disk"
    for name in ("config", "jobs", "state", "run"):
        (disk / name).mkdir(parents=True, mode=0o700)
    shutil.rmtree(home.config_dir)
    home.config_dir.symlink_to(disk / "config")
    (disk / "config" / "jobs").symlink_to("../jobs")
    (home.state / "agent-dispatch").symlink_to(disk / "state")
    (home.runtime / "agent-dispatch").symlink_to(disk / "run")
    home.write_config({"notes": {}})
    dotfile = home.root / "dotfile"
    os.rename(home.config, dotfile)
    home.config.symlink_to(dotfile)
    works(home)
    home.ended_job(home.job("notes", stand_in.say("x")))
    assert home.cli("update", "notes", "--description", "changed").code == 0
    assert home.config.is_symlink() and "changed" in dotfile.read_text()
    assert list((disk / "jobs").glob("*.json")) and list((disk / "run").iterdir()) and list((disk / "state").iterdir())


@pytest.mark.parametrize("mask", [0o000, 0o777], ids=oct)
def test_whatever_the_umask_what_is_made_is_private(home, mask):
    home.config = home.root / "new" / "config" / "agents.yaml"
    home.environment["AGENT_DISPATCH_CONFIG"] = str(home.config)
    home.environment["XDG_STATE_HOME"] = str(home.root / "new" / "state")
    home.state = home.root / "new" / "state"
    assert home.cli("add", "notes", str(home.agent_directory("notes")), umask=mask).code == 0
    home.jobs = home.config.parent / "jobs"
    record = home.root / "record.json"
    job = home.cli("dispatch", "--async", "notes", stand_in.steps({"record": str(record)}, {"text": "x"}), "--json", umask=mask)
    assert job.code == 0 and home.ended_job(job.json()["job_id"])["status"] == "done", job
    assert json.loads(record.read_text())["umask"] == mask, "the agent has its caller's"
    held = home.start("dispatch", "notes", stand_in.hang(), umask=mask)
    wait_until(home.agents_running)
    for place in (home.root / "new").rglob("*"):
        mode = stat.S_IMODE(place.lstat().st_mode)
        assert mode == (0o700 if place.is_dir() else 0o600), f"{place} has {mode:o}"
    held.terminate()
    home.finish(held)


# --- what is in the place of a file ---


def plant_link(place, home):
    place.symlink_to(home.root / "precious" / "file")


def plant_dangling_link(place, home):
    place.symlink_to(home.root / "precious" / "made")


def plant_directory_link(place, home):
    place.symlink_to(home.root / "precious")


def plant_hard_link(place, home):
    os.link(home.root / "precious" / "file", place)


def plant_fifo(place, home):
    os.mkfifo(place)


def plant_directory(place, home):
    place.mkdir()
    (place / "content").write_text("theirs")


def plant_socket(place, home):
    with socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(str(home.root / "s"))
    os.rename(home.root / "s", place)


def plant_file(place, home):
    place.write_text('{"socket": "/nowhere", "state": "/nowhere"}')
    if os.geteuid() == 0:
        give_away(place)


PLANTS = [
    plant_link,
    plant_dangling_link,
    plant_directory_link,
    plant_hard_link,
    plant_fifo,
    plant_directory,
    plant_socket,
    plant_file,
]


@pytest.fixture
def planted(home):
    """A home in which a supervisor has been, with something precious in it."""
    precious = home.root / "precious"
    precious.mkdir(mode=0o700)
    (precious / "file").write_text("precious")
    home.write_config({"notes": {}})
    works(home)
    assert home.cli("stop").code == 0
    wait_until(lambda: not home.supervisors())
    return home


def clear(place):
    shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink(missing_ok=True)


def single_files(home):
    state, name = state_directory(home), state_directory(home).name
    run = home.runtime / "agent-dispatch" / f"{name}.sock"
    return {
        "lock": home.jobs / ".supervisor",
        "state lock": state / "lock",
        "log": state / "supervisor.log",
        "socket": run,
        "new socket": run.with_suffix(".sock.new"),
        "handover": state / "handover",
        "handed over": state / "handed-over",
        "runs": state / "runs",
        "requests": state / "requests",
        "frontends": state / "frontends",
        "spares": state / "spares",
        "trash": state / "trash",
    }


@pytest.mark.parametrize("what", ["lock", "state lock", "log", "socket", "new socket", "handover", "handed over", "runs", "requests", "frontends", "spares", "trash"])
def test_what_is_planted_in_the_place_of_ours_is_refused_or_replaced_and_nothing_is_touched_through_it(planted, what):
    home = planted
    place = single_files(home)[what]
    precious = home.root / "precious"
    clear(place)
    before = look(precious)
    for plant in PLANTS:
        plant(place, home)
        answer = home.cli("dispatch", "notes", stand_in.say("x"), "--json", seconds=20)
        if answer.code != 0:
            assert f"{place} " in answer.out + answer.err and f"mv {place} {place}.old" in answer.out + answer.err, (plant, answer)
        home.cli("stop")
        wait_until(lambda: not home.supervisors())
        clear(place)
        assert look(precious) == before, plant
    works(home)


def is_left_alone(entry, place):
    """Whether what has been planted there is not of the kind that is kept there: by its name, its kind and its owner."""
    of_ours = entry.lstat().st_uid in (0, os.geteuid())
    if place.name == "runs":
        return not (of_ours and stat.S_ISDIR(entry.lstat().st_mode) and re.fullmatch(r"[0-9a-z][0-9a-z.-]*", entry.name))
    if place.name == "frontends":
        return not (of_ours and stat.S_ISREG(entry.lstat().st_mode) and re.fullmatch(r"[0-9a-f-]{36}", entry.name))
    return place.name == "requests" or (place.name not in ("spares", "trash") and entry.suffix == ".json")


def test_what_is_planted_among_ours_is_left_alone(planted):
    """Run directories, requests, locks of frontends, records; what is in the trash or among the spares is removed, and nothing through it."""
    home = planted
    state, precious = state_directory(home), home.root / "precious"
    before = look(precious)
    names = ["00000000-0000-4000-8000-00000000000{}", "00000000-0000-4000-8000-00000000000{}.7", "00000000-0000-4000-8000-00000000000{}.7.0"]
    names += ["0000000000000000000000000000000{}.json", ".job-0000000000000000000000000000000{}.00000000-0000-4000-8000-000000000000.tmp", "two\nlines {}"]
    left = []
    for number, plant in enumerate(PLANTS):
        for pattern in names:
            for place in (home.jobs, state / "runs", state / "requests", state / "frontends", state / "spares", state / "trash"):
                entry = place / pattern.format(number)
                plant(entry, home)
                left += [entry] if is_left_alone(entry, place) else []

    def there():
        return {entry: (s.st_ino, s.st_mode, s.st_uid, s.st_size, s.st_mtime_ns) for entry in left for s in [entry.lstat()]}

    found = there()
    works(home)
    home.ended_job(home.job("notes", stand_in.say("x")))
    assert home.cli("gc", "--all").code == 0
    assert home.cli("jobs").code == 0
    works(home)
    assert there() == found
    log = home.logs()
    assert not [line for line in log.splitlines() if line and not line[:4].isdigit()], "a name begins no line of the log"
    for place in (home.jobs, state / "runs", state / "requests", state / "frontends"):
        for entry in list(place.iterdir()):
            if any(entry.name == pattern.format(number) for pattern in names for number in range(len(PLANTS))):
                clear(entry)
    assert list((state / "trash").iterdir()) == []
    assert all(re.fullmatch(r"\d+\.\d+", spare.name) for spare in (state / "spares").iterdir())
    assert look(precious) == before


@needs_second_user
@pytest.mark.parametrize("plant", [plant_link, plant_dangling_link, plant_fifo], ids=lambda plant: plant.__name__)
def test_locks_that_are_shared_with_other_programs_are_not_taken_through_a_link(planted, plant):
    home, precious = planted, planted.root / "precious"
    before = look(precious)
    for lock, words in ((Path(f"{home.config}.lock"), ["update", "notes", "--description", "x"]), (home.jobs / ".jobs.lock", ["dispatch", "--async", "notes", stand_in.say("x")])):
        clear(lock)
        plant(lock, home)
        answer = home.cli(*words)
        assert answer.code == 1 and f"mv {lock} {lock}.old" in answer.out + answer.err, answer
        clear(lock)
        assert home.cli(*words).code == 0
    assert look(precious) == before


def test_what_security_md_names_is_there():
    text = (ROOT / "SECURITY.md").read_text()
    sources = "\n".join(path.read_text() for path in (ROOT / "tests" / "e2e").glob("test_*.py"))
    named = re.findall(r"`(test_\w+)(…?)`", text)
    assert len(named) > 20
    assert [name for name, more in named if not re.search(f"^def {name}" + (r"\w*\(" if more else r"\("), sources, re.M)] == []
    assert [path for path in re.findall(r"`((?:tests|actors|config)/[\w/.]+\.\w+)`", text) if not (ROOT / path).is_file()] == []
    mine = re.findall(r"^def (test_\w+)", Path(__file__).read_text(), re.M)
    assert [name for name in mine if name not in text and name != "test_what_security_md_names_is_there" and not any(more and name.startswith(begin) for begin, more in named)] == []
