/*
 * Whether a name speaks of a secret, and whether what stands beside it is one: names such as PasswordPolicy and values
 * such as ${PASSWORD} are not, and a scanner that cries at them is soon switched off.
 */

/** Words that, at the end of a name, say that the value is a secret. */
const strongWords = [
  'password',
  'passwd',
  'passphrase',
  'passcode',
  'pwd',
  'kennwort',
  'passwort',
  'motdepasse',
  'contraseña',
  'contrasena',
  'secret',
  'clientsecret',
  'secretkey',
  'apikey',
  'accesskey',
  'privatekey',
  'sharedkey',
  'accountkey',
  'subscriptionkey',
  'signingkey',
  'encryptionkey',
  'masterkey',
  'storagekey',
  'authkey',
  'sharedaccesskey',
  'pass',
  'userpass',
  'dbpass',
  'pw',
]; // prettier-ignore
/** Words that mean a secret only where the value looks like one. */
const weakWords = ['token', 'credential', 'credentials', 'bearer', 'auth', 'authorization'];

/** `DB_PASSWORD2` is a password too. */
const counter = /[\d_.-]*$/;

export type NameMeaning = 'secret' | 'perhaps' | 'other';

/** What a name says of its value: its last word decides. */
export function meaningOfName(name: string): NameMeaning {
  const bare = name.replace(counter, '');
  const joined = bare.toLowerCase().replace(/[^\p{L}\d]/gu, '');
  const last =
    bare
      .split(/[^\p{L}\d]+|(?<=[\p{Ll}\d])(?=\p{Lu})/u)
      .at(-1)
      ?.toLowerCase() ?? '';
  // A short word counts as a word of its own alone: "bypass" and "compass" end with "pass" as well.
  if (strongWords.some((word) => (word.length <= 4 ? last === word : joined.endsWith(word)))) return 'secret';
  return weakWords.some((word) => last === word || (word === 'token' && joined.endsWith('token')))
    ? 'perhaps'
    : 'other';
}

/** Values that refer to a secret kept elsewhere, or stand for one to be filled in. */
const references = [
  /^\$\{.*\}$/s,
  /^\$\(.*\)$/s,
  /^\{\{.*\}\}$/s,
  /^<[^<>]*>$/,
  /^\[[^[\]]*\]$/,
  /^%[\w().]+%$/,
  /^#\{.*\}#?$/,
  /^__\w+__$/,
  /^\$[A-Za-z_][\w:.]*$/,
  /^@Microsoft\.KeyVault\(/i,
  /^(?:vault|op|keyvault|azurekeyvault|awssm|gcpsm|ssm|secretsmanager|ref|env|file|keyring|keychain|credman):/i,
  /^arn:aws:/i,
  /^(?:process\.env|os\.environ|env|ENV|System\.getenv|Environment)\b/,
  /^!(?:vault|secret|env|ref|sub|getatt)\b/i,
]; // prettier-ignore
/** Values that were encrypted. */
const encrypted = [
  /^eyJ[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){4}$/,
  /^kxA[A-Za-z0-9+/=\s]{60,}$/,
  /^ENC[[(].*[\])]$/s,
  /^\{cipher\}/i,
  /^\{(?:SSHA|SHA|SHA256|SHA512|CRYPT|PBKDF2)[^}]*\}/i,
  /^\$(?:2[abxy]|5|6|y|argon2\w*|pbkdf2[\w-]*)\$/,
  /^\$ANSIBLE_VAULT/,
  /^01000000d08c9ddf0115d1118c7a00c04fc297eb/i,
  /^AQAAANCMnd8B/,
  /^-----BEGIN (?:CERTIFICATE|PUBLIC KEY|ENCRYPTED)/,
];
const fillers =
  /^(?:(.)\1{2,}|\.{2,}|(?:your|my|the|some|enter|insert|replace|put|use|set|add|type|see)[-_ ].*|change[-_ ]?me[-_ ]here|to[-_ ]?do|tbd|n\/?a|none|null|nil|undefined|empty|true|false|yes|no|required|optional|redacted|hidden|masked|secret:?\s*not shown|\[secret\]|placeholder|example|xxx.*|dummy|string|text|varchar.*|securestring|password|passwort|passphrase|number|integer|boolean|object|default|required)$/i;

const longestWord = 4096;

/**
 * Whether a value is a credential, given how much its name says.
 * @param plainWords a value that is the name of a type or of the field itself may be a password (files of settings)
 */
export function isCredential(value: string, meaning: NameMeaning, plainWords: boolean): boolean {
  const text = value.trim();
  if (text.length < 2 || meaning === 'other') return false;
  // In a program it is prose: "The password is wrong".
  if (!plainWords && /\s\S+\s/.test(text)) return false;
  if ([...references, ...encrypted].some((pattern) => pattern.test(text))) return false;
  // So long is no word and no path, but may be a key file in base64.
  if (text.length > longestWord) return meaning === 'secret' || looksRandom(text);
  if (fillers.test(text)) return plainWords && /^(?:pass(?:word|wort|phrase)|secret|changeme)$/i.test(text);
  // A path of a file that holds the secret is none.
  if (
    /^(?:[A-Za-z]:[\\/]|\.{0,2}\/|~\/)[^\s"']*[\\/][^\s"']*$/.test(text) &&
    /\.\w{1,6}$|\/(?:run|var|etc)\//.test(text)
  )
    return false;
  return meaning === 'secret' || looksRandom(text);
}

/** Long, without blanks, of mixed letters and digits: what tokens look like, and words do not. */
export function looksRandom(text: string): boolean {
  const bare = text.replace(/^(?:Bearer|Basic|token)\s+/i, '');
  if (bare.length < 16 || !/^[A-Za-z0-9+/=_.~-]+$/.test(bare)) return false;
  const kinds = [/[a-z]/, /[A-Z]/, /\d/].filter((kind) => kind.test(bare)).length;
  return kinds >= 2 && new Set(bare).size >= 8 && !/^[A-Za-z]+(?:[._/-][A-Za-z]+)*$/.test(bare);
}
