// What world.py made, and its programs' commands.
import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';

export const world = JSON.parse(readFileSync(process.env.EDCSYNC_WORLD, 'utf8'));

// A command of the gateway or of an edge; its words.
export const run = (who, ...args) =>
  execFileSync(world.programs[who][0], [...world.programs[who].slice(1), ...args], {encoding: 'utf8'});

// The same, as JSON.
export const command = (who, ...args) => JSON.parse(run(who, '--json', ...args));
