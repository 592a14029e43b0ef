#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mutations.py IMAGEBUILD COUNT SEED RECIPE...: one mistake in a good recipe is one message. Each mutation changes one
thing; the compiler must say nothing, or one error, and never die. What takes a line, a brace or a FROM away can
have more than one message with reason; they are at most MANY of 100."""
import pathlib
import random
import re
import subprocess
import sys

MANY = 7
WORD = re.compile(r'[A-Za-z_][\w-]{2,}')


def change_letter(rng, text):
    words = list(WORD.finditer(text))
    word = rng.choice(words)
    at = rng.randrange(word.start(), word.end())
    return text[:at] + rng.choice('abcdefghijklmnopqrstuvwxyz') + text[at + 1:]


def drop_letter(rng, text):
    word = rng.choice(list(WORD.finditer(text)))
    at = rng.randrange(word.start(), word.end())
    return text[:at] + text[at + 1:]


def drop_sign(rng, text):
    at = rng.choice([i for i, c in enumerate(text) if c in '"\'{}[]$=<'] or [0])
    return text[:at] + text[at + 1:]


def double_sign(rng, text):
    at = rng.choice([i for i, c in enumerate(text) if c in '"\'{}[]='] or [0])
    return text[:at] + text[at] + text[at:]


def drop_line(rng, text):
    lines = text.splitlines(True)
    del lines[rng.randrange(len(lines))]
    return ''.join(lines)


def double_line(rng, text):
    lines = text.splitlines(True)
    at = rng.randrange(len(lines))
    return ''.join(lines[:at] + [lines[at]] + lines[at:])


MUTATIONS = [change_letter, change_letter, drop_letter, drop_sign, double_sign, drop_line, double_line]


def compile_recipe(program, directory, text):
    run = subprocess.run([program, 'emit', 'ir', '--context', directory, '-f', '-'], input=text, capture_output=True, text=True, check=False,
                         cwd=directory)
    ids = re.findall(r'^\S.*?: error: .*\[(IB\d+)\]$', run.stderr, re.M)
    return run, ids


def main():
    program, count, seed, *recipes = sys.argv[1:]
    rng = random.Random(int(seed))
    texts = [(pathlib.Path(r).parent, pathlib.Path(r).read_text()) for r in recipes]
    texts = [(d, t) for d, t in texts if compile_recipe(program, d, t)[0].returncode == 0]
    print(f'# {len(texts)} good recipes')
    many, broken, clean = [], [], 0
    for _ in range(int(count)):
        directory, text = rng.choice(texts)
        mutation = rng.choice(MUTATIONS)
        changed = mutation(rng, text)
        run, ids = compile_recipe(program, directory, changed)
        if run.returncode not in (0, 1) or (run.returncode == 1 and not ids):
            broken.append((mutation.__name__, run.returncode, run.stderr[-400:]))
        elif len(ids) > 1:
            many.append((mutation.__name__, ids, run.stderr))
        else:
            clean += not ids
    for name, status, said in broken:
        print(f'{name}: status {status}: {said}')
    share = 100 * len(many) / int(count)
    print(f'# {count} mutations: {clean} valid, {int(count) - clean - len(many)} one error, {len(many)} more ({share:.1f} %)')
    if share > MANY:
        for name, ids, said in many:
            print(f'== {name} {" ".join(ids)}\n{said}')
    return 1 if broken or share > MANY else 0


if __name__ == '__main__':
    sys.exit(main())
