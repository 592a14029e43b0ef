// SPDX-License-Identifier: Apache-2.0
// Where the front end splits otherwise than dockerfile-ast 0.7.1, each with who agrees with
// dockerfile-habits.md ("the page").
'use strict';
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

module.exports = [
	{
		// The page: the argument is a JSON array. theirs drops blanks inside strings.
		name: 'blanks inside the strings of a JSON array: ours agrees',
		kind: 'json',
		holds: (ours, theirs) => same(ours.map((s) => s.replace(/ /g, '')), theirs.map((s) => s.replace(/ /g, ''))),
	},
	{
		// The page: a continuation joins lines with nothing inserted, wherever it stands.
		name: 'a continuation directly behind the keyword: ours agrees',
		kind: 'count',
		holds: (ours, theirs, { source }) => /^\ufeff?[ \t]*[A-Za-z]+[\\`][ \t]*\r?$/m.test(source),
	},
	{
		// The page: the body is what stands before the terminator: here nothing.
		name: 'a heredoc without a line: ours agrees',
		kind: 'heredocs',
		holds: (ours, theirs) => same(ours, theirs.map(([n, b], i) => [n, b === '\n\n' && ours[i][1] === '' ? '' : b])),
	},
	{
		// The page: what stands in a body is content; a continuation is joined before bodies are read.
		name: 'the escape character at the end of a line of a heredoc: ours agrees',
		kind: 'heredocs',
		holds: (ours) => ours.some(([, body]) => /[\\`]\n/.test(body)),
	},
	{
		name: 'the same, where dockerfile-ast fails over it: ours agrees',
		kind: 'crash',
		is_rare: true,
		holds: (ours, theirs, { source }) => /<<[^<][^]*[\\`]\r?\n/.test(source),
	},
	{
		// The page: a continuation at the end of the file is accepted. theirs counts the empty line behind it.
		name: 'a continuation at the end of the file: the lines of ours are those with text',
		kind: 'lines',
		holds: (ours, theirs, { source }) => ours[1] + 1 === theirs[1] && /[\\`]\r?\n$/.test(source),
	},
	{
		// The page: ^\\[ \t]*$ is a continuation; at the end of the file nothing is left to continue.
		name: 'a line of the escape character alone at the end of the file: ours agrees',
		kind: 'count',
		holds: (ours, theirs) => theirs.length === ours.length + 1 && /^[\\`]$/.test(theirs[theirs.length - 1]),
	},
	{
		// The page: word split, quotes group. Its ENV row: quoting and "\\ ". imagefile.md has one rule for all words.
		name: 'quotes and escaped blanks in the words of COPY, ADD and their like: ours agrees',
		kind: 'words',
		holds: (ours, theirs) => /["'\\`]/.test(ours.join('')) && same(ours.join(' ').replace(/[\\`] /g, ' ').split(/[ \t]+/), theirs.join(' ').split(/[ \t]+/)),
	},
	{
		// The page: ARG takes several names a line. theirs reads NAME VALUE, as ENV once had it.
		name: 'several names behind ARG, the first without a value: ours agrees',
		kind: 'words',
		holds: (ours, theirs, { mine }) => mine.keyword === 'ARG' && same(ours.join(' ').split(/[ \t]+/), theirs.join(' ').split(/[ \t]+/)),
	},
	{
		// The page: the escape character makes a quote literal outside of quotes.
		name: 'an escaped quote: ours agrees',
		kind: 'words',
		holds: (ours) => ours.some((w) => /[\\`]["']/.test(w)),
	},
];
