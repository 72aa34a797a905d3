/*
 * Pseudo-random numbers by position: what stands at (seed, index, slot) is computed, never stored, so that
 * mailbox 499,999 costs what mailbox 0 costs. The mixer is MurmurHash3's finalizer, a bijection of 32 bits:
 * two objects of a realm never share their root.
 */

const golden = 0x9e3779b9;

function mix(value: number): number {
  let h = value | 0;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h;
}

/** The state from which all slots of one object follow. `realm` keeps mailboxes apart from databases and so on. */
export function rootOf(seed: number, realm: number, index: number): number {
  return mix(mix(mix(seed + 1) + Math.imul(realm, golden)) + Math.imul(index, golden));
}

/** 32 pseudo-random bits for a slot of an object. */
export function bits(root: number, slot: number): number {
  // The root enters twice: else one object's slot 20 could equal another's slot 24, with all slots that follow.
  return mix(mix(root + Math.imul(slot + 1, golden)) ^ Math.imul(root, 0x9e3779b1)) >>> 0;
}

const hex: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function word(value: number): string {
  return `${hex[value >>> 24]}${hex[(value >>> 16) & 255]}${hex[(value >>> 8) & 255]}${hex[value & 255]}`;
}

/** A GUID of version 4 shape in lower case, for four slots beginning at `slot`. */
export function guidAt(root: number, slot: number): string {
  const b = (bits(root, slot + 1) & 0xffff0fff) | 0x00004000;
  const c = (bits(root, slot + 2) & 0x3fffffff) | 0x80000000;
  const second = word(b);
  const third = word(c);
  return `${word(bits(root, slot))}-${second.slice(0, 4)}-${second.slice(4)}-${third.slice(0, 4)}-${third.slice(4)}${word(bits(root, slot + 3))}`;
}

/** One of a list. */
export function pick<T>(list: readonly T[], value: number): T {
  return list[value % list.length] as T;
}
