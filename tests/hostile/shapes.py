#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""shapes.py list; shapes.py NAME MEGABYTES: a recipe of that size, of one shape that could make a compiler slow."""
import sys


def repeat(line, size):
    return line * (size // len(line) + 1)


def numbered(line, size):
    out, n, i = [], 0, 0
    while n < size:
        out.append(line.replace('#', str(i)))
        n += len(out[-1])
        i += 1
    return ''.join(out)


STAGE = 'FROM scratch\n'

# name: what stands before, the line that is repeated ('#': its number), what stands behind
SHAPES = {
    'run': (STAGE, 'RUN echo hello world\n', ''),
    'named-run': (STAGE, 'RUN --name=step# echo\n', ''),
    'continued-run': (STAGE + 'RUN true', ' \\\n && echo hello', '\n'),
    'comments': ('', '# a comment\n', STAGE),
    'comments-in-run': (STAGE + 'RUN a \\\n', '# a comment\n', ' b\n'),
    'comment-above': ('', '# a comment\n', 'ARG X=1\n' + STAGE),
    'empty-lines': (STAGE, '\n', ''),
    'empty-continuations': (STAGE + 'RUN a \\\n', '\n', ' b\n'),
    'heredoc': (STAGE + 'RUN <<EOF\n', 'hello world\n', 'EOF\n'),
    'heredocs': (STAGE, 'RUN <<EOF\nx\nEOF\n', ''),
    'expanded-heredoc': (STAGE + 'ARG A=b\nCOPY <<EOF /x\n', 'hello $A world\n', 'EOF\n'),
    'open-heredocs': (STAGE, 'RUN <<E#\nx\n', ''),
    'words': (STAGE + 'COPY ', 'file.txt \\\n', ' /d/\n'),
    'packages': (STAGE + 'PACKAGE ', 'p# \\\n', ' z\n'),
    'package-lines': (STAGE, 'PACKAGE p#\n', ''),
    'label-lines': (STAGE, 'LABEL k#=v\n', ''),
    'labels': (STAGE + 'LABEL ', 'k#=v \\\n', ' z=1\n'),
    'variables': (STAGE, 'ENV K#=v\n', ''),
    'one-variable': (STAGE, 'ENV K=v#\n', ''),
    'variables-and-run': (STAGE, 'ENV K=v#\nRUN x\n', ''),
    'global-args': ('', 'ARG K#=v\n', STAGE),
    'undefined': (STAGE, 'WORKDIR /$U#\n', ''),
    'unknown-instructions': (STAGE, 'FOO# a b\n', ''),
    'unknown-elements': (STAGE, 'ELEMENT nope#\n', ''),
    'unknown-flags': (STAGE, 'RUN --nope# x\n', ''),
    'mounts': (STAGE + 'RUN ', '--mount=type=cache,target=/c# \\\n', ' x\n'),
    'stages': ('', 'FROM scratch AS s#\nRUN x\n', ''),
    'chain': ('FROM scratch AS s\n', 'FROM s\nENV A#=1\n', ''),
    'json': (STAGE + 'RUN ["a"', ', \\\n"b"', ']\n'),
    'partitions': (STAGE + 'LAYOUT gpt {\n', 'partition p# size=1MiB { ext4 label=l }\n', '}\n'),
    'unknown-nodes': (STAGE + 'LAYOUT gpt {\n', 'nope# x\n', '}\n'),
    'open-braces': (STAGE + 'LAYOUT gpt {\n', 'partition {\n', ''),
    'closing-braces': (STAGE, '}\n', ''),
    'keys': (STAGE + 'LAYOUT gpt ', 'k#=v \\\n', ' {\n}\n'),
    'layouts': (STAGE, 'LAYOUT gpt name=d# {\n partition root size=100% { ext4 mount=/ }\n}\n', ''),
    'outputs': (STAGE, 'OUTPUT --name=n# raw\n', ''),
    'sources': (STAGE, 'SOURCE s# git /opt/x https://x/y\n', ''),
    'quotes': (STAGE, 'COPY "a b" \'c d\' /x/\n', ''),
    'open-quotes': (STAGE, 'COPY "a b /x/\n', ''),
    'nested-expansions': (STAGE, 'ENV A=' + '${B:-' * 60 + 'x' + '}' * 60 + '\n', ''),
    'patterns': ('ARG A=' + 'a' * 60000 + '\n' + STAGE, 'ENV B=${A//a*a*a*a*b/c}\n', ''),
    'searches': ('ARG A=' + 'a' * 60000 + '\n' + STAGE, 'ENV B=${A%%*}${A/a*a*a*b/c}\n', ''),
    'growth': (STAGE + 'ENV A=xxxxxxxxxx\n', 'ENV A=$A$A\n', ''),
    'conditions': (STAGE, 'RUN --when=A=b x\n', ''),
    'volumes': (STAGE, 'VOLUME /v#\n', ''),
    'control-bytes': (STAGE, '\x01\x02\x7f\n', ''),
    'bad-utf8': (STAGE, 'RUN \xff\xfe\n', ''),
}


def main():
    if sys.argv[1] == 'list':
        print('\n'.join(SHAPES))
        return
    before, line, behind = SHAPES[sys.argv[1]]
    size = int(float(sys.argv[2]) * 1000000)
    text = before + (numbered if '#' in line and line[0] != '#' else repeat)(line, size) + behind
    sys.stdout.buffer.write(text.encode('latin-1'))


if __name__ == '__main__':
    main()
