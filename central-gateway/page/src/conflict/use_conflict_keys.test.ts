import {describe, expect, it, vi} from 'vitest';
import {keyMap, type ConflictCommands} from './use_conflict_keys';

function commands(): ConflictCommands {
  const names = [
    'move',
    'take',
    'takeAll',
    'takeOneSided',
    'type',
    'undo',
    'fold',
    'sign',
    'next',
    'previous',
    'back',
    'help',
  ] as const;
  return Object.fromEntries(names.map((name) => [name, vi.fn()])) as unknown as ConflictCommands;
}

describe('the keys of the conflict page', () => {
  it('take the ancestor by 1 and the heads from 2 on, alone or as a whole', () => {
    const given = commands();
    const map = keyMap(given, 3, true);
    map['1']!();
    map['3']!();
    map['Shift+2']!();
    expect(given.take).toHaveBeenNthCalledWith(1, 0);
    expect(given.take).toHaveBeenNthCalledWith(2, 2);
    expect(given.takeAll).toHaveBeenCalledWith(1);
    expect(map['4']).toBeUndefined();
  });

  it('move by letters and by arrows', () => {
    const given = commands();
    const map = keyMap(given, 3, true);
    map.j!();
    map.ArrowUp!();
    expect(given.move).toHaveBeenNthCalledWith(1, 1);
    expect(given.move).toHaveBeenNthCalledWith(2, -1);
  });

  it('decide nothing for who may only read', () => {
    const map = keyMap(commands(), 3, false);
    expect(Object.keys(map).sort()).toEqual([
      '?',
      'ArrowDown',
      'ArrowUp',
      'f',
      'j',
      'k',
      'n',
      'p',
      'u',
    ]);
  });
});
