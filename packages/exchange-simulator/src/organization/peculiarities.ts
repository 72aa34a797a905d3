/*
 * Values that break careless readers. Each stands once near the beginning of the organisation (so that a
 * small one has it) and then now and then by chance.
 */

/** Display names. `\uD83D` without its partner is a lone surrogate. */
export const peculiarDisplayNames: readonly string[] = [
  '=HYPERLINK("http://example.test","click")',
  'Comma, "Quoted" & <Sons>',
  'Line one\r\nLine two',
  'Tab\there and _x0041_ literal _X005F_',
  '👩‍💻 Émoji Équipe 🏳️‍🌈',
  'مرحبا بالعالم',
  'é as two code points: e\u0301',
  'Broken \uD83D surrogate',
  ' leading and trailing ',
  '@SUM(A1:A9)',
  '-2+3',
  '+49 30 1234',
  "'single' \u2028 separator",
  'NUL\u0000 and DEL\u007F and NEL\u0085',
  'Semi;colon|pipe\\backslash',
  '',
  '#N/A',
  '\uFEFFbyte-order mark inside\uFFFF',
];

/** Addresses of other types than SMTP; `NAME` and `ALIAS` are replaced. */
export const peculiarAddresses: readonly (readonly string[])[] = [
  ['X400:C=US;A= ;P=First Organizati;O=Exchange;S=NAME;G=A B;'],
  ['X500:/o=First Organization/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=ALIAS'],
  ['SIP:ALIAS@example.test'],
  [
    'EUM:4711;phone-context=Main Dial Plan.example.test',
    'eum:ALIAS@example.test;phone-context=Main Dial Plan.example.test',
  ],
  ['X500:/o=Old Org/ou=Site smtp:decoy@example.test/cn=ALIAS'],
  ['MS:ORG/SITE/ALIAS', 'CCMAIL:NAME at SITE'],
  ['x400:C=DE;A=VIACOM;P=Grüße & Söhne;S=NAME;', 'X500:/O=100%25 Percent%20Org/cn=ALIAS'],
  ['smtp:"quoted local"@example.test', 'smtp:üñí.ALIAS@bücher.example.test'],
];

/** Custom attribute values; `undefined` is null. */
export const peculiarNotes: readonly string[] = ['', '0', 'TRUE', '01234', '1e5', 'a;b,c', 'β-Team', '  '];
