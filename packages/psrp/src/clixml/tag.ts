/** The elements of CLIXML, by number: the reader decides on numbers, not on text. */
export const Tag = {
  S: 1,
  C: 2,
  B: 3,
  DT: 4,
  TS: 5,
  By: 6,
  SB: 7,
  U16: 8,
  I16: 9,
  U32: 10,
  I32: 11,
  U64: 12,
  I64: 13,
  Sg: 14,
  Db: 15,
  D: 16,
  BA: 17,
  G: 18,
  URI: 19,
  Nil: 20,
  Version: 21,
  XD: 22,
  SBK: 23,
  SS: 24,
  PR: 25,
  Obj: 26,
  Ref: 27,
  TN: 28,
  TNRef: 29,
  T: 30,
  ToString: 31,
  Props: 32,
  MS: 33,
  LST: 34,
  IE: 35,
  STK: 36,
  QUE: 37,
  DCT: 38,
  En: 39,
  Objs: 40,
  AV: 41,
  AI: 42,
  PI: 43,
  PC: 44,
  SR: 45,
  SD: 46,
} as const;
export type Tag = (typeof Tag)[keyof typeof Tag];

/** The name of each element, at the index of its number. */
export const tagNames: readonly string[] = ['', ...Object.keys(Tag)];

const byHash = new Map<number, Tag>();

/** The number of the characters from `start` to `end`, cheap to make and different for every element. */
export function hashTag(text: string, start: number, end: number): number {
  let hash = end - start;
  for (let at = start; at < end; at += 1) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0;
  return hash;
}

for (const [name, tag] of Object.entries(Tag)) {
  const hash = hashTag(name, 0, name.length);
  if (byHash.has(hash)) throw new Error(`two elements have the hash ${hash}`);
  byHash.set(hash, tag);
}

/** The element whose name stands from `start` to `end`; `undefined` when CLIXML has none such. */
export function findTag(text: string, start: number, end: number): Tag | undefined {
  const tag = byHash.get(hashTag(text, start, end));
  if (tag === undefined) return undefined;
  const name = tagNames[tag];
  return name !== undefined && name.length === end - start && text.startsWith(name, start) ? tag : undefined;
}
