#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""manifest.py DIR [--no-holes] [--no-times] [--userns]: one line an entry with everything that an image must keep.
Stand-ins count as device nodes and sockets are left out. --userns: without the xattrs that only root may set."""
import hashlib
import os
import stat
import sys

OWN = "user.imagebuild."


def segments(fd, size):
    """[start, end) of the data, in blocks of 4096."""
    found = []
    at = 0
    while at < size:
        try:
            data = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:
            break
        at = os.lseek(fd, data, os.SEEK_HOLE)
        start, end = data // 4096 * 4096, min(-(-at // 4096) * 4096, size)
        if found and found[-1][1] >= start:
            found[-1][1] = max(end, found[-1][1])
        else:
            found.append([start, end])
    return found


def content(path, size, has_holes):
    """A digest of the data and the places of the holes; holes are not read."""
    digest = hashlib.sha256()
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        data = segments(fd, size)
        for start, end in data:
            at = start
            while at < end:
                piece = os.pread(fd, min(end - at, 1 << 20), at)
                if piece.strip(b"\0") or has_holes:
                    digest.update(b"%d " % at + piece)
                at += len(piece)
    finally:
        os.close(fd)
    return digest.hexdigest()[:24], data if has_holes else None


def line(path, shown, groups, options):
    st = os.lstat(path)
    attrs = {n: os.getxattr(path, n, follow_symlinks=False) for n in os.listxattr(path, follow_symlinks=False)}
    mode, rdev, size = st.st_mode, st.st_rdev, st.st_size
    stand_in = attrs.get(OWN + "dev")
    if stand_in:
        kind, major, minor = stand_in.decode().split()
        mode = stat.S_IMODE(mode) | (stat.S_IFCHR if kind == "c" else stat.S_IFBLK)
        rdev, size = os.makedev(int(major), int(minor)), 0
    if stat.S_ISSOCK(mode):
        return None
    out = [shown, oct(mode), st.st_uid, st.st_gid]
    if "--no-times" not in options:
        out.append(st.st_mtime_ns)
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        out.append((os.major(rdev), os.minor(rdev)))
    if stat.S_ISLNK(mode):
        out.append(os.readlink(path))
    if stat.S_ISREG(mode):
        out += [size, content(path, size, "--no-holes" not in options)]
    if not stat.S_ISDIR(mode) and st.st_nlink > 1:
        out.append(("same as", groups.setdefault((st.st_dev, st.st_ino), shown), st.st_nlink))
    dropped = (OWN, "trusted.", "security.s") if "--userns" in options else (OWN,)
    out.append(sorted((n, v.hex()) for n, v in attrs.items() if not n.startswith(dropped)))
    return repr(out)


def walk(top):
    stack = [b""]
    while stack:
        relative = stack.pop()
        yield relative
        path = os.path.join(top, relative)
        if os.path.isdir(path) and not os.path.islink(path):
            stack += [os.path.join(relative, n) for n in sorted(os.listdir(path), reverse=True)]


def main():
    top = os.fsencode(sys.argv[1])
    groups = {}
    for relative in walk(top):
        if relative == b"lost+found":
            continue
        text = line(os.path.join(top, relative) if relative else top, relative, groups, sys.argv[2:])
        if text:
            print(text)


main()
