// The conflict page by keyboard.
import {useKeys, type KeyMap} from '../common/keys';
import type {KeyLine} from '../common/pieces';
import type {Dictionary} from '../text/dictionary';

export interface ConflictCommands {
  move: (by: number) => void;
  take: (column: number) => void;
  takeAll: (column: number) => void;
  takeOneSided: () => void;
  type: () => void;
  undo: () => void;
  fold: () => void;
  sign: () => void;
  next: () => void;
  previous: () => void;
  back: () => void;
  help: () => void;
}

export function keyMap(
  commands: ConflictCommands,
  columnCount: number,
  mayDecide: boolean,
): KeyMap {
  const map: KeyMap = {
    f: commands.fold,
    n: commands.next,
    p: commands.previous,
    u: commands.back,
    '?': commands.help,
    j: () => commands.move(1),
    k: () => commands.move(-1),
    ArrowDown: () => commands.move(1),
    ArrowUp: () => commands.move(-1),
  };
  if (!mayDecide) return map;
  map.e = commands.type;
  map.m = commands.takeOneSided;
  map.s = commands.sign;
  map.Backspace = commands.undo;
  for (let number = 1; number <= Math.min(9, columnCount); ++number) {
    map[String(number)] = () => commands.take(number - 1);
    map[`Shift+${number}`] = () => commands.takeAll(number - 1);
  }
  return map;
}

export const useConflictKeys = (
  commands: ConflictCommands,
  columnCount: number,
  mayDecide: boolean,
): void => useKeys(keyMap(commands, columnCount, mayDecide));

export function keyLines(text: Dictionary, mayDecide: boolean): KeyLine[] {
  const {keys} = text.conflict;
  const reading: KeyLine[] = [
    {keys: ['j', '↓', 'k', '↑'], words: keys.move},
    {keys: ['f'], words: keys.fold},
    {keys: ['n'], words: keys.next},
    {keys: ['p'], words: keys.previous},
    {keys: ['u'], words: keys.back},
    {keys: ['?'], words: keys.help},
  ];
  if (!mayDecide) return reading;
  return [
    {keys: ['1'], words: keys.ancestor},
    {keys: ['2', '3', '…'], words: keys.heads},
    {keys: ['⇧1', '⇧2', '…'], words: keys.takeAll},
    {keys: ['e'], words: keys.type},
    {keys: ['m'], words: keys.oneSided},
    {keys: ['⌫'], words: keys.undo},
    {keys: ['s'], words: keys.sign},
    ...reading,
  ];
}
