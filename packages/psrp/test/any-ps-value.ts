/*
 * Values for property tests: every kind, odd text, shared and cyclic objects; nothing that the real
 * deserializer would not read.
 */
import { psNull, type PsMember, type PsObject, type PsProperty, type PsValue } from '@exchange-connector/psrp';
import fc from 'fast-check';

/** A single as it is read: several doubles name the same one, and the wire has the one of the fewest digits. */
function fewestDigits(single: number): number {
  if (single === 0 || !Number.isFinite(single)) return single;
  const texts = Array.from({ length: 9 }, (_, index) => single.toPrecision(index + 1));
  return Number(texts.find((text) => Math.fround(Number(text)) === single));
}

/** Any UTF-16 code units, with a liking for those that need care. */
export function anyText(maxLength = 12): fc.Arbitrary<string> {
  const piece = fc.oneof(
    { weight: 4, arbitrary: fc.string({ maxLength: 4 }) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        '_x',
        '_x0041_',
        '_X005F_',
        '_x0001F600_',
        '_',
        '<',
        '&',
        ']]>',
        '"',
        "'",
        '\r\n',
        '\t',
        ' ',
        '😀',
        '\ud83d',
        '\ude00',
        '\uffff',
        'é',
        '李',
        '&amp;',
        '</S>',
        '<Obj',
        '\u0085',
        '>',
      ),
    },
  );
  return fc.array(piece, { maxLength }).map((pieces) => pieces.join(''));
}

/** Names: never empty, none like another whatever the case. */
function members(value: fc.Arbitrary<PsValue>, prefix: string): fc.Arbitrary<PsProperty[]> {
  const named = fc.array(fc.tuple(anyText(3), value), { maxLength: 4 });
  return named.map((pairs) => pairs.map(([text, one], index) => ({ name: `${prefix}${index}${text}`, value: one })));
}

const leaf: fc.Arbitrary<PsValue> = fc.oneof(
  fc.constant(psNull),
  anyText().map((value): PsValue => ({ kind: 'S', value })),
  fc.boolean().map((value): PsValue => ({ kind: 'B', value })),
  fc.integer().map((value): PsValue => ({ kind: 'I32', value })),
  fc.nat(255).map((value): PsValue => ({ kind: 'By', value })),
  fc.integer({ min: -128, max: 127 }).map((value): PsValue => ({ kind: 'SB', value })),
  fc.nat(65_535).map((value): PsValue => ({ kind: 'U16', value })),
  fc.integer({ min: -32_768, max: 32_767 }).map((value): PsValue => ({ kind: 'I16', value })),
  fc.integer({ min: 0, max: 4_294_967_295 }).map((value): PsValue => ({ kind: 'U32', value })),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value): PsValue => ({ kind: 'I64', value })),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value): PsValue => ({ kind: 'U64', value })),
  fc.double().map((value): PsValue => ({ kind: 'Db', value })),
  fc.float().map((value): PsValue => ({ kind: 'Sg', value: fewestDigits(value) })),
  fc.uuid().map((value): PsValue => ({ kind: 'G', value })),
  fc.integer({ min: 0, max: 0xffff }).map((unit): PsValue => ({ kind: 'C', value: String.fromCharCode(unit) })),
  fc.uint8Array({ maxLength: 10 }).map((value): PsValue => ({ kind: 'BA', value })),
  fc
    .constantFrom('2024-02-29T23:59:59.1234567Z', '2023-03-02T09:14:05+01:00', '0001-01-01T00:00:00')
    .map((value): PsValue => ({ kind: 'DT', value })),
  fc.constantFrom('P9DT8H7M6.005S', 'PT0S', '-P1D').map((value): PsValue => ({ kind: 'TS', value })),
  fc.constantFrom('1.50', '-79228162514264337593543950335', '0').map((value): PsValue => ({ kind: 'D', value })),
  fc.constantFrom('1.2', '1.2.3.4').map((value): PsValue => ({ kind: 'Version', value })),
  fc.constantFrom('https://example.com/a_x0041_?q=ü&r=1', '../x y').map((value): PsValue => ({ kind: 'URI', value })),
  fc.constantFrom('<a b="1&amp;2">_x0041_</a>', '<a>\n</a>').map((value): PsValue => ({ kind: 'XD', value })),
  anyText().map((value): PsValue => ({ kind: 'SBK', value })),
  fc
    .record({ activity: anyText(3).map((text) => `a${text}`), statusDescription: anyText(3).map((text) => `s${text}`) })
    .map(
      (record): PsValue => ({
        kind: 'PR',
        ...record,
        activityId: 3,
        currentOperation: 'operation',
        parentActivityId: -1,
        percentComplete: 40,
        recordType: 'Processing',
        secondsRemaining: 7,
      }),
    ),
);

function container(value: fc.Arbitrary<PsValue>): fc.Arbitrary<PsValue> {
  const list = fc.tuple(
    fc.constantFrom('LST' as const, 'IE' as const, 'STK' as const, 'QUE' as const),
    fc.array(value, { maxLength: 4 }),
  );
  const entries = fc.array(fc.tuple(anyText(3), value), { maxLength: 4 });
  return fc.oneof(
    list.map(([kind, items]): PsValue => ({ kind, items })),
    entries.map(
      (pairs): PsValue => ({
        kind: 'DCT',
        entries: pairs.map(([text, one], index) => ({ key: { kind: 'S', value: `${index}${text}` }, value: one })),
      }),
    ),
  );
}

/** A base that an object can wrap: anything but `$null`. */
function object(value: fc.Arbitrary<PsValue>): fc.Arbitrary<PsObject> {
  const typeNames = fc.option(
    fc.array(
      anyText(2).map((text) => `My.Type${text}`),
      { minLength: 1, maxLength: 3 },
    ),
    { nil: undefined },
  );
  const base = fc.option(
    fc.oneof(
      leaf.filter(({ kind }) => kind !== 'Nil' && kind !== 'PR'),
      container(value),
    ),
    { nil: undefined },
  );
  return fc
    .record({
      typeNames,
      base,
      display: fc.option(anyText(4), { nil: undefined }),
      adapted: members(value, 'a'),
      extended: members(value, 'e'),
    })
    .map((fields): PsObject => ({ kind: 'Obj', ...fields }));
}

/** Now and then a member that is the object itself or stands in it already. */
function tie(made: PsObject, choice: number): PsObject {
  const first = made.extended[0];
  const again: PsMember | undefined =
    choice === 1
      ? { name: 'self', value: made }
      : choice === 2 && first !== undefined
        ? { ...first, name: 'shared' }
        : undefined;
  if (again !== undefined) made.extended = [...made.extended, again];
  return made;
}

/** Any value, up to some levels deep. */
export function anyPsValue(): fc.Arbitrary<PsValue> {
  return fc.letrec<{ value: PsValue }>((recurse) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      container(recurse('value')),
      fc.tuple(object(recurse('value')), fc.nat(9)).map(([made, choice]): PsValue => tie(made, choice)),
    ),
  })).value;
}

/** An object with properties, as the pipeline of a server gives them. */
export function anyPsObject(): fc.Arbitrary<PsObject> {
  return object(anyPsValue());
}
