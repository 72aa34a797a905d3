/*
 * The values of CLIXML ([MS-PSRP] 2.2.5, PowerShell's serializer). A value is a union with a `kind`,
 * and the kind is the tag on the wire, so that a reader of the specification finds it again.
 */

/** `<Nil/>`: `$null`. */
export interface PsNil {
  readonly kind: 'Nil';
}

/**
 * Values that are text on the wire and stay text here, escapes (`_xHHHH_`) already decoded where the
 * tag has them: `S` string, `C` one UTF-16 code unit (held as text), `URI`, `Version`, `G` GUID (lower-case),
 * `XD` XML document, `SBK` script block, `TS` XML duration, `DT` XML date-time as it stood on the wire,
 * `D` decimal as it stood on the wire.
 */
export interface PsText {
  readonly kind: 'S' | 'C' | 'URI' | 'Version' | 'G' | 'XD' | 'SBK' | 'TS' | 'DT' | 'D';
  readonly value: string;
}

/** `B`: a Boolean. */
export interface PsBoolean {
  readonly kind: 'B';
  readonly value: boolean;
}

/** Integers of up to 32 bits: `By` byte, `SB` signed byte, `U16`, `I16`, `U32`, `I32`. */
export interface PsInteger {
  readonly kind: 'By' | 'SB' | 'U16' | 'I16' | 'U32' | 'I32';
  readonly value: number;
}

/** Integers of 64 bits. */
export interface PsLong {
  readonly kind: 'U64' | 'I64';
  readonly value: bigint;
}

/**
 * `Sg` single, `Db` double: `NaN` and the infinities included. A single is read as the double of the same digits,
 * 0.1 for `<Sg>0.1</Sg>`, and written with the fewest digits that name it.
 */
export interface PsFloat {
  readonly kind: 'Sg' | 'Db';
  readonly value: number;
}

/** `BA`: a byte array. */
export interface PsBytes {
  readonly kind: 'BA';
  readonly value: Uint8Array;
}

/**
 * `SS`: a SecureString, as the text on the wire (base64 of ciphertext, or what the version in force makes
 * of it). It has no `value`, prints nothing and is not serialized by `JSON.stringify`; only the session
 * key opens it.
 */
export interface PsSecureString {
  readonly kind: 'SS';
  /** The wire text, behind a function so that no logger or serializer meets it by accident. */
  readonly protectedText: () => string;
}

/** `PR`: a progress record ([MS-PSRP] 2.2.5.1.25). Percent and seconds are -1 where unknown. */
export interface PsProgress {
  readonly kind: 'PR';
  readonly activity: string;
  readonly activityId: number;
  readonly currentOperation: string | undefined;
  readonly parentActivityId: number;
  readonly percentComplete: number;
  /** `Processing` or `Completed`, as the text on the wire. */
  readonly recordType: string;
  readonly secondsRemaining: number;
  readonly statusDescription: string;
}

/** Containers: `LST` list, `IE` enumerable, `STK` stack (last in, first out on the wire), `QUE` queue. */
export interface PsList {
  readonly kind: 'LST' | 'IE' | 'STK' | 'QUE';
  readonly items: readonly PsValue[];
}

/** `DCT`: a dictionary, in wire order. */
export interface PsDictionary {
  readonly kind: 'DCT';
  readonly entries: readonly PsDictionaryEntry[];
}

/** One `<En>` of a dictionary. Keys may be any value, not only text. */
export interface PsDictionaryEntry {
  readonly key: PsValue;
  readonly value: PsValue;
  /** The key's text on the wire, only where it is a number or Boolean in another form than the usual one (`1.50`). */
  readonly keyText?: string;
}

/** A named value in `<Props>` (adapted) or `<MS>` (extended). */
export interface PsProperty {
  readonly name: string;
  readonly value: PsValue;
}

/**
 * `Obj`: an object. It has type names (most derived first), a text (`<ToString>`), adapted properties
 * (`<Props>`), extended ones (`<MS>`), and may wrap a primitive, a container or another object (`base`).
 * Objects can be shared and cyclic: a `<Ref>` is resolved to the very object it names, so walk with care.
 * The fields are mutable only while the reader builds the object.
 */
export interface PsObject {
  readonly kind: 'Obj';
  /** `RefId` as it stood on the wire; `undefined` on an object made here. */
  refId?: number | undefined;
  /** `undefined` where the object has no `<TN>` and no `<TNRef>`. */
  typeNames: readonly string[] | undefined;
  /** The text of `<ToString>`; `undefined` where there is none. */
  display: string | undefined;
  base: PsValue | undefined;
  adapted: readonly PsProperty[];
  extended: readonly PsMember[];
}

/** A member of `<MS>`: a property, or a nested member set (`<MS N="…">`), kept but seldom of use. */
export type PsMember = PsProperty | PsMemberSet;

/** A member set inside `<MS>`. */
export interface PsMemberSet {
  readonly name: string;
  readonly members: readonly PsMember[];
}

/** Any value of CLIXML. */
export type PsValue =
  | PsNil
  | PsText
  | PsBoolean
  | PsInteger
  | PsLong
  | PsFloat
  | PsBytes
  | PsSecureString
  | PsProgress
  | PsList
  | PsDictionary
  | PsObject;
