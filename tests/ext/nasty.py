#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""nasty.py DIR [--1k] [--small-ids]: fills the empty DIR with what file systems and tars get wrong. Needs root.
--1k leaves out what blocks of 1 KiB cannot hold.
The same every time: names, bytes, times and holes come from the numbers below."""
import os
import socket
import stat
import struct
import sys

NS = 1_600_000_000_123_456_789


def acl(*entries):
    """A POSIX ACL as the kernel's xattr has it: (tag, permissions, id)."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries)


# ids above what a user namespace usually maps
BIG = (65535, 65536, 70000, 99999, 4294967294) if "--small-ids" not in sys.argv else (60000, 60001, 60002, 60003, 60004)
NOBODY = 0xFFFFFFFF
ACCESS = acl((1, 6, NOBODY), (2, 4, 1234), (2, 7, BIG[2]), (4, 4, NOBODY), (8, 5, 4321), (16, 7, NOBODY), (32, 0, NOBODY))
DEFAULT = acl((1, 7, NOBODY), (2, 5, BIG[3]), (4, 5, NOBODY), (16, 5, NOBODY), (32, 1, NOBODY))
MINIMAL = acl((1, 6, NOBODY), (4, 4, NOBODY), (32, 4, NOBODY))
# VFS_CAP_REVISION_2, effective, cap_net_raw
CAP = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)


def pattern(n, seed):
    line = b"%d nasty %d\n" % (seed, seed * 7919)
    return (line * (n // len(line) + 1))[:n]


def write(path, data=b"", mode=0o644, holes=None):
    with open(path, "wb") as f:
        if holes is None:
            f.write(data)
        else:
            for at, piece in holes:
                f.seek(at)
                f.write(piece)
    os.chmod(path, mode)


def names(top):
    d = os.path.join(top, b"names")
    os.mkdir(d)
    odd = [b" ", b"  two  spaces ", b"new\nline", b"tab\t", b"\xff\xfe invalid", b"\xc3\xa9 utf-8", b"-rf", b"*?[a]",
           b"back\\slash", b"'quote\"", b"$HOME", b"#", b"\x01\x02\x7f", b"a" * 255, b"\xe2\x82\xac" * 85, b"...", b"~", b"A", b"a",
           b"%s%n", b"trailing.", b"\x80", b"=", b"x=y", b"./".replace(b"/", b"_")]
    for i, n in enumerate(odd):
        write(os.path.join(d, n), b"name %d\n" % i)
        os.mkdir(os.path.join(top, b"dir " + n[:200]))
        write(os.path.join(top, b"dir " + n[:200], n), b"")


def owners_and_modes(top):
    d = os.path.join(top, b"modes")
    os.mkdir(d)
    for i, mode in enumerate([0, 0o4755, 0o2755, 0o6711, 0o1644, 0o7777, 0o400, 0o200, 0o001, 0o666]):
        p = os.path.join(d, b"f%04o" % mode)
        write(p, b"%o" % mode)
        os.chown(p, i * 1000, ((0,) + BIG)[i % 6])
        os.chmod(p, mode)
        os.mkdir(os.path.join(d, b"d%04o" % mode))
        os.chmod(os.path.join(d, b"d%04o" % mode), mode)
    p = os.path.join(d, b"big-ids")
    write(p)
    os.chown(p, BIG[4], BIG[4])


def links(top):
    d = os.path.join(top, b"links")
    os.makedirs(os.path.join(d, b"x", b"y"))
    write(os.path.join(d, b"one"), pattern(5000, 1))
    for n in [b"two", b"x/three", b"x/y/0", b"0"]:
        os.link(os.path.join(d, b"one"), os.path.join(d, n))
    for i, n in enumerate([1, 10, 58, 59, 60, 61, 100, 500, 1000]):
        os.symlink(b"t" * n if n < 255 else (b"t" * 200 + b"/") * (n // 201), os.path.join(d, b"s%d" % i))
    os.symlink(b"/absolute/\xff\n ", os.path.join(d, b"abs"))
    os.symlink(b"../../../..", os.path.join(d, b"up"))
    os.lchown(os.path.join(d, b"up"), 7, 8)
    os.link(os.path.join(d, b"up"), os.path.join(d, b"up too"), follow_symlinks=False)


def long_links(top):
    os.symlink((b"l" * 99 + b"/") * 18, os.path.join(top, b"links", b"long"))


def special(top):
    d = os.path.join(top, b"special")
    os.mkdir(d)
    for n, kind, dev in [(b"null", stat.S_IFCHR, (1, 3)), (b"max", stat.S_IFCHR, (4095, 1048575)), (b"c255", stat.S_IFCHR, (255, 255)),
                         (b"c256", stat.S_IFCHR, (256, 1)), (b"sda", stat.S_IFBLK, (8, 0)), (b"b300", stat.S_IFBLK, (259, 300))]:
        os.mknod(os.path.join(d, n), kind | 0o660, os.makedev(*dev))
    os.link(os.path.join(d, b"null"), os.path.join(d, b"null too"))
    os.mkfifo(os.path.join(d, b"fifo"), 0o600)
    s = socket.socket(socket.AF_UNIX)
    s.bind(os.path.join(d, b"socket"))
    s.close()


def stand_ins(top):
    d = os.path.join(top, b"stand-ins")
    os.mkdir(d)
    write(os.path.join(d, b"console"), mode=0o620)
    os.setxattr(os.path.join(d, b"console"), b"user.imagebuild.dev", b"c 5 1")
    write(os.path.join(d, b"vda"), mode=0o660)
    os.setxattr(os.path.join(d, b"vda"), b"user.imagebuild.dev", b"b 254 0")


def xattrs(top, large):
    d = os.path.join(top, b"xattrs")
    os.mkdir(d)
    p = os.path.join(d, b"file")
    write(p, b"x")
    os.setxattr(p, b"user.small", b"1")
    os.setxattr(p, b"user.empty", b"")
    os.setxattr(p, b"user.zero\xff", b"a\0b\0")
    os.setxattr(p, b"trusted.t", b"t" * 50)
    os.setxattr(p, b"security.s", b"s" * 30)
    p = os.path.join(d, b"large")
    write(p, b"x")
    os.setxattr(p, b"user.large", pattern(large, 3))
    p = os.path.join(d, b"many")
    write(p, b"x")
    for i in range(20):
        os.setxattr(p, b"user.n%d" % (i * 37 % 20), b"v" * i)
    p = os.path.join(d, b"cap")
    write(p, b"\x7fELF", 0o755)
    os.setxattr(p, b"security.capability", CAP)
    p = os.path.join(d, b"acl")
    write(p, b"acl")
    os.setxattr(p, b"system.posix_acl_access", ACCESS)
    p = os.path.join(d, b"minimal")
    write(p, b"acl")
    os.setxattr(p, b"system.posix_acl_access", MINIMAL)
    p = os.path.join(d, b"dir")
    os.mkdir(p)
    os.setxattr(p, b"system.posix_acl_default", DEFAULT)
    os.setxattr(p, b"system.posix_acl_access", ACCESS)
    os.setxattr(p, b"user.on-dir", b"yes")
    os.symlink(b"file", os.path.join(d, b"symlink"))
    os.setxattr(os.path.join(d, b"symlink"), b"trusted.on-link", b"yes", follow_symlinks=False)
    os.mkfifo(os.path.join(d, b"fifo"))
    os.setxattr(os.path.join(d, b"fifo"), b"trusted.on-fifo", b"yes")


def contents(top):
    d = os.path.join(top, b"contents")
    os.mkdir(d)
    for n in [0, 1, 59, 60, 1023, 1024, 1025, 4095, 4096, 4097, 12 * 1024, 12 * 1024 + 1, 48 * 1024 + 1, 300_000, 1 << 20, 5_000_001]:
        write(os.path.join(d, b"n%d" % n), pattern(n, n))
    write(os.path.join(d, b"zeros"), bytes(100_000))
    write(os.path.join(d, b"sparse-100M"), holes=[(0, b"first"), (50 << 20, pattern(9000, 5)), ((100 << 20) - 1, b"z")])
    write(os.path.join(d, b"sparse-5G"), holes=[(4096 * 7, pattern(4096 * 3, 6)), ((2 << 30) + 8192, b"middle"), ((5 << 30) - 4096, pattern(4096, 7))])
    write(os.path.join(d, b"hole-at-end"), b"data")
    os.truncate(os.path.join(d, b"hole-at-end"), 3 << 20)
    write(os.path.join(d, b"all-hole"))
    os.truncate(os.path.join(d, b"all-hole"), 123_456_789)
    write(os.path.join(d, b"comb"), holes=[(i * 32768, b"tooth %d" % i) for i in range(1500)])


def directories(top):
    os.mkdir(os.path.join(top, b"many"))
    for i in range(2500):
        write(os.path.join(top, b"many", b"file number %d of many" % i), b"%d" % i if i % 3 else b"")
    p = os.path.join(top, b"deep")
    for i in range(60):
        p = os.path.join(p, b"d%d" % i)
    os.makedirs(p)
    write(os.path.join(p, b"bottom"), b"bottom")
    os.mkdir(os.path.join(top, b"dirs"))
    for i in range(150):
        os.mkdir(os.path.join(top, b"dirs", b"%d" % i))
    os.mkdir(os.path.join(top, b"empty"))


TIMES = [0, -1, -86400 * 365 * 40, 999_999_999, 2**31 - 1, 2**31, 2**32 - 1, 2**32 + 5, 2_208_988_800 + 10**8, 7_000_000_000]


def times(top):
    d = os.path.join(top, b"times")
    os.mkdir(d)
    for i, s in enumerate(TIMES):
        p = os.path.join(d, b"%d" % s)
        write(p, b"%d" % s)
        os.utime(p, ns=(0, s * 10**9 + i * 111_111_111))
    p = os.path.join(d, b"link")
    os.symlink(b"x", p)
    os.utime(p, ns=(0, 2**31 * 10**9 + 1), follow_symlinks=False)


def touch_all(top):
    """Times of everything but what times() set, children before their directory."""
    n = 0
    for path, dirs, files in os.walk(top, topdown=False):
        dirs.sort()
        files.sort()
        for name in files + dirs:
            p = os.path.join(path, name)
            if os.path.basename(path) == b"times":
                continue
            n += 1
            if not os.path.isdir(p) or os.path.islink(p):
                os.utime(p, ns=(0, NS + n * 1_000_003), follow_symlinks=False)
        for name in dirs:
            os.utime(os.path.join(path, name), ns=(0, NS + len(name) * 7), follow_symlinks=False)


def main():
    top = os.fsencode(sys.argv[1])
    has_1k_blocks = "--1k" in sys.argv
    os.umask(0o022)
    names(top)
    owners_and_modes(top)
    links(top)
    if not has_1k_blocks:
        long_links(top)
    special(top)
    stand_ins(top)
    xattrs(top, 700 if has_1k_blocks else 3000)
    contents(top)
    directories(top)
    times(top)
    touch_all(top)
    os.chown(top, 12, 34)
    os.chmod(top, 0o2751)
    os.setxattr(top, b"user.root", b"root")
    os.setxattr(top, b"system.posix_acl_access", ACCESS)
    os.utime(top, ns=(0, NS + 42))


main()
