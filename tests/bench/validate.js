// SPDX-License-Identifier: Apache-2.0
// node validate.js FILE: processor time in seconds that dockerfile-utils takes for FILE once it is loaded, best of three.
const fs = require('fs');
const { validate } = require('dockerfile-utils');
const text = fs.readFileSync(process.argv[2], 'utf8');
let best = Infinity;
for (let i = 0; i < 3; i++) {
	const start = process.cpuUsage();
	validate(text);
	const used = process.cpuUsage(start);
	best = Math.min(best, (used.user + used.system) / 1e6);
}
console.log(best);
