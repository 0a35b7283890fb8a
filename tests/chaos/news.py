"""What the kernel tells of the names in a directory, as it happens (inotify)."""

import ctypes
import os
import struct

# Of <sys/inotify.h>.
MODIFIED, MOVED_AWAY, MOVED_HERE, CREATED, DELETED, LOST = 0x2, 0x40, 0x80, 0x100, 0x200, 0x4000
_HEAD = struct.Struct("iIII")


def watch(directory):
    """A stream with bytes for `events_in` whenever a name has come, gone or been written to."""
    libc = ctypes.CDLL(None, use_errno=True)
    number = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    mask = MODIFIED | MOVED_AWAY | MOVED_HERE | CREATED | DELETED
    if number < 0 or libc.inotify_add_watch(number, os.fsencode(directory), mask) < 0:
        raise OSError(ctypes.get_errno(), f"watching {directory}")
    return os.fdopen(number, "rb", buffering=0)


def events_in(data):
    """(mask, name) of each, oldest first. `LOST`: there were more than the kernel keeps."""
    at = 0
    while at < len(data):
        _, mask, _, length = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        yield mask, os.fsdecode(data[at : at + length].rstrip(b"\0"))
        at += length
