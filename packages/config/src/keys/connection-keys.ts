import type { KeyTable } from './key-form.ts';

const text = (allowed: string) => ({ kind: 'text', allowed }) as const;
const texts = (allowed: string) => ({ kind: 'texts', allowed }) as const;
const path = (allowed: string) => ({ kind: 'path', allowed }) as const;
const flag = { kind: 'flag' } as const;
const wholeNumber = (usual: number, least: number, most: number, unit: string) =>
  ({ kind: 'wholeNumber', usual, least, most, unit }) as const;
const lines = wholeNumber(100, 0, 2 ** 31 - 1, 'lines; 0 turns the threshold off');
const percent = { kind: 'percentage', usual: 5 } as const;

const hour = 60 * 60;
const day = 24 * hour;
const week = 7 * 24 * 60;
/** The concurrency that Exchange's default throttling policy grants one account. */
const mostShells = 18;

export const serverExample = 'http://<FQDN of the Exchange server>/PowerShell/ (https works too)';
export const loginForms = 'user@REALM, DOMAIN\\user (then Realm is needed), or a user principal name';
const script = 'the path of a PowerShell script';

/** The keys of one connection. */
export const connectionKeys = {
  Server: {
    form: texts(`an address, ${serverExample}`),
    required: true,
    meaning:
      '`http://<FQDN>/PowerShell/` or `https://…`. Several name servers of one organisation, tried in order. With Kerberos an IP address is refused (a ticket is for a name); a name without a dot gets a warning',
  },
  ConnectAddress: {
    form: text('a host name or an IP address, without scheme, port or path'),
    without: 'the host of `Server`',
    meaning: 'the address to dial where it is not the name',
  },
  CaFile: {
    form: path('the path of a PEM file of certificates (-----BEGIN CERTIFICATE-----)'),
    without: "the system's",
    meaning: 'PEM file of a private CA. Certificates are always verified',
  },
  PowerShellScriptPath: {
    form: path(script),
    without: 'the native engine',
    meaning:
      'an export script, in a connection without `Options`: it runs instead of the native engine ([scripts.md](scripts.md)). In one with `Options` it is the fulfilment script',
  },
  ExportScriptPath: {
    form: path(script),
    meaning: 'the export script outright, also beside `Options`. It must be there, and end with `.ps1`',
  },
  FulfillScriptPath: {
    form: path(script),
    without: '`PowerShellScriptPath` where there are `Options`',
    meaning: 'the script that carries out orders ([fulfill.md](fulfill.md))',
  },
  AuthType: {
    form: { kind: 'choice', values: ['Kerberos', 'Basic'], usual: 'Kerberos' },
    meaning: 'Basic needs `Login`, `Password` and `https`',
  },
  Login: {
    form: text(loginForms),
    meaning: '`user@REALM`; `DOMAIN\\user` (then `Realm` is needed); or a UPN whose suffix is no realm',
  },
  Password: {
    form: { kind: 'secret' },
    meaning:
      '`--password-stdin` wins over it; where it is missing, the environment variable `EXCHANGE_PASSWORD`, then a prompt on a terminal',
  },
  Options: {
    form: { kind: 'pairs' },
    meaning:
      'handed to the fulfilment script, whole and as they stand; a value whose name speaks of a password, secret, token, key or credential is never shown',
  },
  Keytab: {
    form: path('the path of a keytab file'),
    meaning: 'keys of the account instead of a password',
  },
  Principal: {
    form: text('a Kerberos principal, user@REALM'),
    without: "that of `Login`, else the keytab's first",
    meaning: "which of the keytab's principals; without `Keytab` it has no effect",
  },
  Realm: {
    form: text('the name of a Kerberos realm, like CONTOSO.COM'),
    meaning: 'the Kerberos realm of a `Login` that does not name it: `DOMAIN\\user`, `user`',
  },
  DomainController: { form: text('the name of a domain controller'), meaning: 'the domain controller to read from' },
  GlobalCatalog: { form: text('the name of a global catalog server'), meaning: 'the global catalog to read from' },
  OverlapMinutes: {
    form: wholeNumber(60, 0, week, 'minutes'),
    meaning: 'how far an increment reaches back before the last cookie',
  },
  Shells: {
    form: wholeNumber(1, 1, mostShells, 'sessions at a time'),
    meaning: 'sessions that an export reads with at a time ([finishing.md](finishing.md))',
  },
  ShellSpacingSeconds: {
    form: wholeNumber(20, 0, day, 'seconds'),
    meaning: 'time between the openings of two sessions',
  },
  OperationTimeoutSeconds: {
    form: wholeNumber(60, 1, hour, 'seconds'),
    meaning: 'how long the server may keep a request open before it answers that there is nothing yet',
  },
  ValueSeparator: {
    form: {
      kind: 'text',
      allowed:
        'one to eight characters that no address could hold there: no letter, digit, quote, %, ":", "-" or line break',
      usual: ' ',
    },
    meaning:
      'between the addresses of `EmailAddresses`: one to eight characters, no letter, digit, quote, `%`, `:`, `-` or line break',
  },
  Bom: { form: flag, meaning: 'a UTF-8 byte-order mark at the start of the CSV files' },
  AdditionalColumns: {
    form: texts('the name of a mailbox property, letters, digits and "_"'),
    meaning: 'further mailbox properties, as columns at the end',
  },
  IncludeArbitration: { form: flag, meaning: 'arbitration mailboxes, which `Get-Mailbox` hides unless asked' },
  IncludePublicFolder: { form: flag, meaning: 'public-folder mailboxes, hidden unless asked' },
  IncludeAuditLog: { form: flag, meaning: 'audit-log mailboxes, hidden unless asked' },
  IncludeMonitoring: { form: flag, meaning: 'monitoring mailboxes, hidden unless asked' },
  OrganizationalUnits: {
    form: texts('the name of an organizational unit, contoso.com/Sales'),
    without: 'all',
    meaning: 'scope of the export; one text alone is a list of one',
  },
  Databases: { form: texts('the name of a mailbox database'), without: 'all', meaning: 'scope of the export' },
  RecipientTypeDetails: {
    form: texts('the name of a mailbox type, like UserMailbox or SharedMailbox'),
    without: 'all',
    meaning: 'scope of the export',
  },
  Filter: {
    form: text('a filter as Get-Mailbox -Filter takes it'),
    meaning: 'a recipient filter, as `Get-Mailbox -Filter` takes it; it may stand in braces',
  },
  MaximumInsertedLines: { form: lines, meaning: 'lines of one file beyond which a run stops and waits for a person' },
  MaximumUpdatedLines: { form: lines, meaning: 'the same for changed lines' },
  MaximumDeletedLines: { form: lines, meaning: 'the same for deleted lines' },
  MaxPercentageInsertedLines: {
    form: percent,
    meaning: "the same in percent of the last snapshot's rows; 0 turns it off",
  },
  MaxPercentageUpdatedLines: { form: percent, meaning: 'the same for changed lines' },
  MaxPercentageDeletedLines: { form: percent, meaning: 'the same for deleted lines' },
  ProtectedMailboxes: {
    form: texts('the name of a mailbox'),
    without: 'none',
    meaning: 'mailboxes that no order may change',
  },
  ProtectedDatabases: {
    form: texts('the name of a database'),
    without: 'none',
    meaning: 'databases that no order may change',
  },
  AllowRemoveMailbox: {
    form: flag,
    meaning: 'an order that deletes a mailbox removes its account too, in place of disabling the mailbox',
  },
  WaitForMove: { form: flag, meaning: 'an order that moves a mailbox ends when the move has, not when it is queued' },
  RequireAcknowledge: {
    form: flag,
    meaning: 'the next increment starts at the last cookie that `acknowledge` named',
  },
  EncryptOutput: {
    form: flag,
    meaning: 'files are written encrypted to `EncryptionCertificate` ([encryption-at-rest.md](encryption-at-rest.md))',
  },
  AllowUnencryptedBasic: { form: flag, meaning: 'Basic over `http`, which shows the password to the network' },
} as const satisfies KeyTable;

/** The keys of `Options` that are known; others are the user's own. */
export const optionKeys = ['AuthType', 'Server', 'Login', 'Password'] as const;
