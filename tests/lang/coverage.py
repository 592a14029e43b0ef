#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""coverage.py DIRECTIVES DIR: for each row and flag of directives.def the goldens of DIR that have it: good, in an
X.ast beside no X.err; bad, under the caret of an error in an X.err. Status 1 where one has none."""
import pathlib
import re
import sys

ROW = re.compile(r'^DIRECTIVE\((\w+),\s*(\w+),\s*(\w+),\s*(\w+),\s*([^"]*),\s*"([^"]*)"')
SOURCE = re.compile(r'^ *(\d+) \| (.*)$')
HEAD = re.compile(r'^(\S+):(\d+):(\d+): (error|warning)')


def rows(path):
    for line in path.read_text().splitlines():
        found = ROW.match(line)
        if found:
            yield found[1], 'REFUSED' in found[5], [flag[:-1] for flag in found[6].split()]


def good(directory):
    """{(keyword, flag or ''): file}"""
    seen = {}
    for path in sorted(directory.glob('*.ast')):
        if path.with_suffix('.err').exists():
            continue
        keyword = None
        for line in path.read_text().splitlines():
            words = line.split()
            if not line.startswith(' ') and len(words) > 1:
                keyword = words[1]
                seen.setdefault((keyword, ''), path.name)
            elif len(words) > 2 and words[1] == 'flag':
                seen.setdefault((keyword, words[2]), path.name)
    return seen


def keyword_at(recipe, line):
    """The keyword of the instruction that LINE is of."""
    text = recipe.read_text(errors='replace').splitlines()
    while line > 1 and text[line - 2].rstrip(' \t').endswith('\\'):
        line -= 1
    words = text[line - 1].split()
    return words[0].upper() if words else ''


def bad(directory):
    seen = {}
    for path in sorted(directory.glob('*.err')):
        lines = path.read_text().splitlines()
        for i, text in enumerate(lines):
            head = HEAD.match(text)
            if not head or i + 1 >= len(lines) or not SOURCE.match(lines[i + 1]):
                continue
            recipe = directory / head[1]
            if not recipe.exists():
                continue
            keyword = keyword_at(recipe, int(head[2]))
            seen.setdefault((keyword, ''), path.name)
            source = recipe.read_text(errors='replace').splitlines()[int(head[2]) - 1]
            column = int(head[3]) - 1
            start = source.rfind(' ', 0, column + 1) + 1
            flag = re.match(r'--([\w-]+)', source[start:])
            if flag:
                seen.setdefault((keyword, flag[1]), path.name)
    return seen


def main():
    directory = pathlib.Path(sys.argv[2])
    accepted, refused = good(directory), bad(directory)
    missing = 0
    for keyword, is_refused, flags in rows(pathlib.Path(sys.argv[1])):
        for flag in [''] + flags:
            key = (keyword, flag)
            have = '(never valid)' if is_refused else accepted.get(key)
            name = keyword + (f' --{flag}' if flag else '')
            print(f'{name:24} {have or "MISSING":24} {refused.get(key, "MISSING")}')
            missing += not have or key not in refused
    return 1 if missing else 0


if __name__ == '__main__':
    sys.exit(main())
