"""What a hostile plugin tries on files: the core's, another plugin's, the machine's, its own wheel."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from .calls import Facts, checked, libc, read, system_call


def read_journal(facts: Facts) -> str:
    return read(f"{facts['home']}/journal.db")


def read_permit_key(facts: Facts) -> str:
    return read(f"{facts['home']}/keys/permit.key")


def read_configuration(facts: Facts) -> str:
    return read(f"{facts['home']}/readytrader.toml")


def list_home(facts: Facts) -> str:
    return ", ".join(os.listdir(facts["home"]))


def read_secret_of_sibling(facts: Facts) -> str:
    return read(f"{facts['home']}/secrets/sibling/token")


def read_own_secret_again(facts: Facts) -> str:
    """What it was given, it was given; what an operator changes later is not its to see."""
    return read(f"{facts['home']}/secrets/hostile/token")


def read_state_of_sibling(facts: Facts) -> str:
    return ", ".join(os.listdir(f"{facts['home']}/plugin-state/sibling"))


def write_state_of_sibling(facts: Facts) -> str:
    Path(f"{facts['home']}/plugin-state/sibling/planted").write_text("gone")
    return "written"


def read_passwd(_: Facts) -> str:
    return read("/etc/passwd")


def list_root(_: Facts) -> str:
    return ", ".join(os.listdir("/"))


def read_own_mounts(_: Facts) -> str:
    return read("/proc/self/mountinfo")


def link_out_of_state_folder(facts: Facts) -> str:
    Path("way-out").symlink_to(f"{facts['home']}/journal.db")
    return read("way-out")


def link_journal_into_state_folder(facts: Facts) -> str:
    os.link(f"{facts['home']}/journal.db", "journal")
    return read("journal")


def climb_out_of_state_folder(_: Facts) -> str:
    return read("../../journal.db")


def climb_out_by_its_descriptor(_: Facts) -> str:
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    return f"opened {os.open('../sibling', os.O_RDONLY, dir_fd=here)}"


def move_loot_out(facts: Facts) -> str:
    Path("loot").touch()
    os.rename("loot", f"{facts['outside']}/loot")
    return "moved"


def move_journal_in(facts: Facts) -> str:
    os.rename(f"{facts['home']}/spare.db", "journal")
    return "moved"


def remove_journal(facts: Facts) -> str:
    os.unlink(f"{facts['home']}/spare.db")
    return "removed"


def cut_journal(facts: Facts) -> str:
    os.truncate(f"{facts['home']}/journal.db", 0)
    return "cut"


def open_home_to_everybody(facts: Facts) -> str:
    os.chmod(facts["home"], 0o777)
    return "open"


def set_times_of_journal(facts: Facts) -> str:
    os.utime(f"{facts['home']}/journal.db", (0, 0))
    return "set"


def label_journal(facts: Facts) -> str:
    os.setxattr(f"{facts['home']}/journal.db", "user.hostile", b"1")
    return "labelled"


def watch_home(facts: Facts) -> str:
    watcher = checked(libc.inotify_init1(0))
    return f"watching: {os.fstat(watcher).st_ino} {facts['home']}"


def handle_of_journal(facts: Facts) -> str:
    import ctypes

    handle = ctypes.create_string_buffer(136)
    handle[0] = 128
    where = ctypes.c_int()
    journal = f"{facts['home']}/journal.db".encode()
    system_call("name_to_handle_at", -100, journal, handle, ctypes.byref(where), 0)
    return "a handle that opens past every path"


def make_a_pipe_file(_: Facts) -> str:
    os.mkfifo("pipe")
    return "made"


def make_a_device(_: Facts) -> str:
    os.mknod("memory", 0o600 | 0o020000, os.makedev(1, 1))
    return "made"


def halt_trading(facts: Facts) -> str:
    Path(f"{facts['home']}/halt").write_text("gone")
    return "written"


def write_into_shared_folder(facts: Facts) -> str:
    Path(f"{facts['outside']}/here").write_text("here")
    return "written"


def replace_own_wheel(facts: Facts) -> str:
    with open(facts["wheel"], "r+b") as file:
        file.write(b"other code")
    return "replaced"


def add_to_own_plugin_folder(facts: Facts) -> str:
    Path(facts["wheel"]).with_name("more.pth").write_text("import os\n")
    return "added"


def write_into_the_appliance(_: Facts) -> str:
    with open(os.__file__, "ab"):
        return "the standard library is open to writing"


def change_root(facts: Facts) -> str:
    os.chroot(facts["outside"])
    return "in another root"


def raise_own_importance(_: Facts) -> str:
    Path("/proc/self/oom_score_adj").write_text("500")
    return "written"


def fill_the_disk(_: Facts) -> str:
    """A file has an end; it is reached long before the disk's."""
    block = b"\0" * (1 << 20)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGXFSZ})
    try:
        with open("large", "wb", buffering=0) as file:
            for _attempt in range(512):
                file.write(block)
    finally:
        os.unlink("large")
    return "512 MiB written"
