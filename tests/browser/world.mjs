// What world.py made, and its programs' commands.
import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';

export const world = JSON.parse(readFileSync(process.env.EDCSYNC_WORLD, 'utf8'));

// A command of the gateway or of an edge, as JSON.
export function command(who, ...args) {
  return JSON.parse(execFileSync(world.programs[who][0],
    [...world.programs[who].slice(1), '--json', ...args], {encoding: 'utf8'}));
}
